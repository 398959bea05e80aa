// Building elements. Text is only ever set as text; the one place where markup is read is markdown.ts.

export type Child = Node | string | null | undefined | false;
type Attributes = Record<string, string | null | undefined>;

/** A new element: attributes (null leaves one out), then texts and elements. */
export function element<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...present(children));
  return made;
}

/** A heading of a level: the page has other levels than the widget on a page of others. */
export function heading(level: number, attributes: Attributes, ...children: Child[]): HTMLElement {
  return element(`h${Math.min(level, 6)}` as "h2", attributes, ...children);
}

/** A button that does something. */
export function button(attributes: Attributes, act: () => void, ...children: Child[]): HTMLButtonElement {
  const made = element("button", { type: "button", ...attributes }, ...children);
  made.addEventListener("click", act);
  return made;
}

/** A link that opens beside the page, for http(s) addresses; for any other address its text alone. */
export function link(address: string, attributes: Attributes, ...children: Child[]): HTMLElement {
  return isWeb(address)
    ? element("a", { href: address, target: "_blank", rel: "noopener noreferrer", ...attributes }, ...children)
    : element("span", {}, ...children);
}

/** Whether an address is an absolute http or https one. */
export function isWeb(address: string | null | undefined): address is string {
  try {
    return /^https?:$/.test(new URL(address ?? "").protocol);
  } catch {
    return false;
  }
}

const SVG = "http://www.w3.org/2000/svg";

/** A drawing of lines on a grid of 20 by 20, for the eye only. */
export function icon(path: string, { size = 20, filled = false } = {}): SVGElement {
  const made = document.createElementNS(SVG, "svg");
  const line = document.createElementNS(SVG, "path");
  const set = (to: Element, pairs: Attributes) => Object.entries(pairs).forEach(([name, value]) => value && to.setAttribute(name, value));
  set(made, { viewBox: "0 0 20 20", width: `${size}`, height: `${size}`, "aria-hidden": "true" });
  set(line, filled ? { fill: "currentColor" } : { fill: "none", stroke: "currentColor", "stroke-width": "1.7", "stroke-linecap": "round", "stroke-linejoin": "round" });
  line.setAttribute("d", path);
  made.append(line);
  return made;
}

export const ICONS = {
  send: "M10 16V4M4.5 9.5 10 4l5.5 5.5",
  stop: "M5 7a2 2 0 0 1 2-2h6a2 2 0 0 1 2 2v6a2 2 0 0 1-2 2H7a2 2 0 0 1-2-2Z",
  close: "M5 5l10 10M15 5 5 15",
  chat: "M4 4h12a1.5 1.5 0 0 1 1.5 1.5v7A1.5 1.5 0 0 1 16 14H9l-4 3.5V14H4a1.5 1.5 0 0 1-1.5-1.5v-7A1.5 1.5 0 0 1 4 4Z",
  copy: "M7.5 7.5h8v9h-8zM4.5 12.5v-9h8",
  done: "M4.5 10.5 8.5 14.5 15.5 6",
  up: "M6.5 9v7.5H3.5V9Zm0 0 3-6c1.2 0 1.9.9 1.7 2L10.7 8H15a1.5 1.5 0 0 1 1.5 1.8l-1 5.4a1.6 1.6 0 0 1-1.6 1.3H6.5",
  down: "M13.5 11V3.5h3V11Zm0 0-3 6c-1.2 0-1.9-.9-1.7-2L9.3 12H5a1.5 1.5 0 0 1-1.5-1.8l1-5.4A1.6 1.6 0 0 1 6.1 3.5H13.5",
  renew: "M10 4.5v11M4.5 10h11",
  docent: "M6 14.5v-9h3.8a4.5 4.5 0 0 1 0 9Z",
  mail: "M3 5h14v10.5H3ZM3 5.5l7 5.5 7-5.5",
};

function present(children: Child[]): (Node | string)[] {
  return children.filter((child) => child !== null && child !== undefined && child !== false);
}
