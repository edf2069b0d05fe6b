/** The names of emotions, and the tone (a color of colors.css) of each. */

const TONES = ["anger", "surprise", "happiness", "sadness", "neutral"];
const SPARE_TONES = ["other-0", "other-1", "other-2", "other-3", "other-4", "other-5"];

/** The name of an answer without an emotion: its highest probability is below the minimum confidence. */
export const UNDECIDED = "undecided";

/**
 * Returns the tone of a label. Another label than the five gets a spare tone by its position, and a tone of the five that
 * no label has if there are more than six of them.
 *
 * @param {?string} label null for an undecided answer.
 * @param {string[]} labels all labels, in the order of the answer.
 * @returns {string} the value of `data-tone`.
 */
export function toneOf(label, labels) {
  if (label === null || label === UNDECIDED) return UNDECIDED;
  if (TONES.includes(label)) return label;
  const others = labels.filter((other) => !TONES.includes(other));
  const spare = [...SPARE_TONES, ...TONES.filter((tone) => !labels.includes(tone))];
  return spare[Math.max(0, others.indexOf(label)) % spare.length];
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
