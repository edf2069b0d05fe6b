/** Probabilities as bars, each with its label and its value. */

import { capitalized, leading, percent, toneOf } from "./emotions.js";
import { make } from "./dom.js";

/**
 * Fills a list with a bar for each label, in the order of the answer.
 *
 * @param {HTMLElement} list
 * @param {Object<string, number>} probabilities
 */
export function showBars(list, probabilities) {
  const labels = Object.keys(probabilities);
  const first = leading(probabilities);
  list.replaceChildren(...labels.map((label) => bar(label, probabilities[label], toneOf(label, labels), label === first)));
}

function bar(label, probability, tone, first) {
  const fill = make("span.bar-fill");
  fill.style.setProperty("--share", probability);
  return make(
    first ? "li.bar.first" : "li.bar",
    { "data-tone": tone },
    make("span.bar-name", {}, capitalized(label)),
    " ",
    make("span.bar-track", { "aria-hidden": "true" }, fill),
    make("span.bar-value.number", {}, percent(probability)),
  );
}
