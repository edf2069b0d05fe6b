// Send a WAV file (PCM of 16 bits) to the live endpoint at the speed of a call, and print the messages of the
// service: node live.mjs URL FILE [SPEED]. API_KEY may hold the key. The program needs Node 22 or newer.
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const [url, path, speed = "1"] = process.argv.slice(2);
const PIECE = 0.02; // seconds of audio in a message, as on a telephone line

const wav = readFileSync(path);
const channels = wav.readUInt16LE(22);
const samplingRate = wav.readUInt32LE(24);
const samples = wav.subarray(wav.indexOf("data") + 8);

const key = process.env.API_KEY;
const headers = key ? { Authorization: `Bearer ${key}` } : {};
const socket = new WebSocket(url.replace("http", "ws") + "/v1/audio/live", { headers });

socket.onmessage = ({ data }) => {
  console.log(data);
  if (JSON.parse(data).type === "error") process.exitCode = 1;
};
socket.onopen = async () => {
  socket.send(JSON.stringify({ type: "start", encoding: "linear16", sampling_rate: samplingRate, channels }));
  const size = Math.round(PIECE * samplingRate) * channels * 2;
  for (let start = 0; start < samples.length && socket.readyState === WebSocket.OPEN; start += size) {
    socket.send(samples.subarray(start, start + size));
    await sleep((1000 * PIECE) / Number(speed));
  }
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: "stop" }));
};
