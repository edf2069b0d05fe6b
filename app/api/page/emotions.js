/** The names of emotions, and the tone (a colour of page.css) that each has. */

const TONES = new Set(["anger", "surprise", "happiness", "sadness", "neutral"]);
const N_OTHER_TONES = 6;

/**
 * The tone of a label: its own, or for a label that nobody foresaw one of some others, by its place.
 *
 * @param {string} label
 * @param {string[]} labels all of them, as the answer orders them.
 * @returns {string} for `data-tone`.
 */
export function toneOf(label, labels) {
  if (TONES.has(label)) return label;
  const others = labels.filter((other) => !TONES.has(other));
  return `other-${Math.max(0, others.indexOf(label)) % N_OTHER_TONES}`;
}

/** A label as the start of a sentence. */
export function capitalised(label) {
  return label.charAt(0).toUpperCase() + label.slice(1);
}

/** The label of the largest value. */
export function leading(values) {
  return Object.keys(values).reduce((best, label) => (values[label] > values[best] ? label : best));
}

/** A probability or share for people, such as 73 %. */
export function percent(value) {
  const rounded = Math.round(100 * value);
  return rounded === 0 && value > 0 ? "<1\u00a0%" : `${rounded}\u00a0%`;
}
