// Building elements. Text is only ever set as text: there is no innerHTML on this page.

/** A new element: attributes (`class`, `type`, `data-…`; null leaves one out), then texts and elements. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** A link that opens beside the page, for http(s) addresses; for any other address its text alone. */
export function link(address, ...children) {
  return isWeb(address)
    ? element("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, ...children)
    : element("span", {}, ...children);
}

/** Whether an address is an absolute http or https one. */
export function isWeb(address) {
  try {
    return /^https?:$/.test(new URL(address).protocol);
  } catch {
    return false;
  }
}
