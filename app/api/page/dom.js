/** Elements, made so that what comes from a file or an answer is text and never markup. */

/** The element of the page with an id. */
export const byId = (id) => document.getElementById(id);

/**
 * Makes an element.
 *
 * @param {string} name such as `li` or `li.turn`.
 * @param {Object<string, string>} attributes
 * @param {...(Node|string)} children strings become text.
 * @returns {HTMLElement}
 */
export function make(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElement(tag);
  element.classList.add(...classes);
  Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
  element.append(...children);
  return element;
}
