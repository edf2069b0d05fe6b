/** Sends a stream with the package `ws`, and prints each message of the service. Arguments: address, start, file. */

import { readFileSync } from "node:fs";
import WebSocket from "ws";

const [address, start, file] = process.argv.slice(2);
const SIZE = 320; // bytes of a message

const socket = new WebSocket(address);
socket.on("open", () => socket.send(start));
socket.on("message", (data) => {
  console.log(data.toString());
  if (JSON.parse(data).type !== "ready") return;
  const audio = readFileSync(file);
  for (let place = 0; place < audio.length; place += SIZE) socket.send(audio.subarray(place, place + SIZE));
  socket.ping();
  socket.send(JSON.stringify({ type: "stop" }));
});
socket.on("close", (code) => process.exit(code === 1000 ? 0 : 1));
