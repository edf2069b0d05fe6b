/** The names of emotions, and the tone (a color of colors.css) of each. */

const TONES = new Set(["anger", "surprise", "happiness", "sadness", "neutral"]);
const N_OTHER_TONES = 6;

/** The name of an answer without an emotion: its highest probability is below the minimum confidence. */
export const UNDECIDED = "undecided";

/**
 * Returns the tone of a label. An unknown label gets one of the spare tones, by its position.
 *
 * @param {?string} label null for an undecided answer.
 * @param {string[]} labels all labels, in the order of the answer.
 * @returns {string} the value of `data-tone`.
 */
export function toneOf(label, labels) {
  if (label === null || label === UNDECIDED) return UNDECIDED;
  if (TONES.has(label)) return label;
  const others = labels.filter((other) => !TONES.has(other));
  return `other-${Math.max(0, others.indexOf(label)) % N_OTHER_TONES}`;
}

/** Capitalizes a label. */
export function capitalized(label) {
  return label.charAt(0).toUpperCase() + label.slice(1);
}

/** Names an emotion, or the lack of one, at the start of a text. */
export function nameOf(emotion) {
  return capitalized(emotion ?? UNDECIDED);
}

/** Describes an answer: its emotion and the probability of the emotion. */
export function described({ emotion, probabilities }, separator = " ") {
  return emotion === null ? UNDECIDED : `${emotion}${separator}${percent(probabilities[emotion])}`;
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
