/** Creation of elements. Content from files and answers always becomes text, never markup. */

/** Returns the element with an id. */
export const byId = (id) => document.getElementById(id);

/**
 * Creates an element.
 *
 * @param {string} name the tag and the classes, such as `li` or `li.turn`.
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
