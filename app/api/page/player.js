/** Plays one span at a time, of one channel or of all. */

let context = null;
let playing = null;

/**
 * Plays a span; what was playing stops.
 *
 * @param {Sound} sound
 * @param {{start: number, end: number, channel: ?number}} span in seconds; without a channel, all of them.
 * @param {{onMove: function(number), onEnd: function()}} told the place in seconds as it moves, and the end.
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

/** Ends what is playing, if something is. */
export function stop() {
  const ended = playing;
  playing = null;
  ended?.source?.stop();
  ended?.onEnd();
}

function sourceOf(sound, { start, end, channel }) {
  const from = Math.max(0, Math.round(start * sound.samplingRate));
  const to = Math.max(from + 1, Math.min(sound.frames, Math.round(end * sound.samplingRate)));
  // More than two channels are laid over each other by no speaker that is known: the first two are heard.
  const heard = channel === null ? [0, 1].slice(0, sound.channels) : [channel];
  const buffer = context.createBuffer(heard.length, to - from, sound.samplingRate);
  heard.forEach((index, place) => buffer.copyToChannel(sound.read(index, from, to), place));
  const source = context.createBufferSource();
  source.buffer = buffer;
  source.connect(context.destination);
  return source;
}
