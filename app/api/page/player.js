/** Playback of one span at a time, on one channel or on all channels. */

let context = null;
let playing = null;

/**
 * Plays a span. Any other playback stops.
 *
 * @param {Sound} sound
 * @param {{start: number, end: number, channel: ?number}} span the span, in seconds; a null channel plays all channels.
 * @param {{onMove: function(number), onEnd: function()}} listeners receive the position in seconds, and the end.
 */
export async function play(sound, span, { onMove, onEnd }) {
  stop();
  const current = { source: null, onEnd };
  playing = current;
  context ??= new AudioContext();
  await context.resume();
  if (playing !== current) return;
  current.source = sourceOf(sound, span);
  current.source.onended = () => playing === current && stop();
  const began = context.currentTime;
  current.source.start();
  const follow = () => {
    if (playing !== current) return;
    onMove(Math.min(span.end, span.start + context.currentTime - began));
    requestAnimationFrame(follow);
  };
  follow();
}

/** Stops the playback, if there is any. */
export function stop() {
  const ended = playing;
  playing = null;
  ended?.source?.stop();
  ended?.onEnd();
}

function sourceOf(sound, { start, end, channel }) {
  const from = Math.max(0, Math.round(start * sound.samplingRate));
  const to = Math.max(from + 1, Math.min(sound.frames, Math.round(end * sound.samplingRate)));
  // The loudspeaker layout of more than two channels is unknown, so only the first two are played.
  const channels = channel === null ? [0, 1].slice(0, sound.channels) : [channel];
  const buffer = context.createBuffer(channels.length, to - from, sound.samplingRate);
  channels.forEach((index, position) => buffer.copyToChannel(sound.read(index, from, to), position));
  const source = context.createBufferSource();
  source.buffer = buffer;
  source.connect(context.destination);
  return source;
}
