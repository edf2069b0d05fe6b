/** The names of emotions, and the tone (a color of page.css) of each. */

const TONES = new Set(["anger", "surprise", "happiness", "sadness", "neutral"]);
const N_OTHER_TONES = 6;

/**
 * Returns the tone of a label. An unknown label gets one of the spare tones, by its position.
 *
 * @param {string} label
 * @param {string[]} labels all labels, in the order of the answer.
 * @returns {string} the value of `data-tone`.
 */
export function toneOf(label, labels) {
  if (TONES.has(label)) return label;
  const others = labels.filter((other) => !TONES.has(other));
  return `other-${Math.max(0, others.indexOf(label)) % N_OTHER_TONES}`;
}

/** Capitalizes a label. */
export function capitalized(label) {
  return label.charAt(0).toUpperCase() + label.slice(1);
}

/** Returns the label of the largest value. */
export function leading(values) {
  return Object.keys(values).reduce((best, label) => (values[label] > values[best] ? label : best));
}

/** Formats a probability or share, such as 73 %. */
export function percent(value) {
  const rounded = Math.round(100 * value);
  return rounded === 0 && value > 0 ? "<1\u00a0%" : `${rounded}\u00a0%`;
}
