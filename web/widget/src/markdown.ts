// The Markdown of answers and quotes as elements. A model's output is hostile: HTML in it stays text (the
// lexer knows no HTML), pictures become their alternative text, link definitions are none, and what marked
// writes goes through DOMPurify before it meets the page.

import DOMPurify from "dompurify";
import { Marked, type Token, type Tokens } from "marked";

import { element, isWeb } from "./dom.js";
import { finishInline, type Chip } from "./inline.js";
import { cells, isRow, isSeparator, ROWS } from "./rows.js";
import type { Words } from "./words.js";

interface Rows extends Tokens.Generic {
  type: "rows";
  header: Token[][] | null;
  body: Token[][][];
}

const marked = new Marked({
  gfm: true,
  tokenizer: {
    html: () => undefined,
    tag: () => undefined,
    def: () => undefined,
    table: () => undefined,
  },
  renderer: {
    image: ({ text }) => escaped(text),
    link({ href, tokens }) {
      const text = this.parser.parseInline(tokens);
      return isWeb(href) ? `<a href="${escaped(href)}">${text}</a>` : text;
    },
    heading({ tokens }) {
      return `<h3>${this.parser.parseInline(tokens)}</h3>`;
    },
    checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
  },
  extensions: [
    {
      name: "rows",
      level: "block",
      start: (text: string) => ROWS.exec(text)?.index,
      tokenizer(text) {
        const lines = text.split("\n");
        const end = lines.findIndex((line) => !isRow(line) && !isSeparator(line));
        const taken = end < 0 ? lines : lines.slice(0, end);
        if (!isRow(taken[0] ?? "")) return undefined;
        const headed = isSeparator(taken[1] ?? "");
        const rows = taken
          .filter((line) => !isSeparator(line))
          .map((line) => cells(line).map((cell) => this.lexer.inline(cell)));
        return { type: "rows", raw: taken.join("\n"), header: headed ? (rows.shift() ?? null) : null, body: rows } satisfies Rows;
      },
      renderer(token) {
        const { header, body } = token as Rows;
        const row = (tag: string) => (texts: Token[][]) =>
          `<tr>${texts.map((text) => `<${tag}>${this.parser.parseInline(text)}</${tag}>`).join("")}</tr>`;
        return `<table>${header ? `<thead>${row("th")(header)}</thead>` : ""}<tbody>${body.map(row("td")).join("")}</tbody></table>`;
      },
    },
  ],
});

const ALLOWED_TAGS = "a blockquote br code del em h3 hr li ol p pre strong table tbody td th thead tr ul".split(" ");
const ALLOWED_ATTR = ["href", "start"];

/** A part of a text between blank lines, as it was last shown. */
const shown = new WeakMap<Element, string[]>();

/**
 * Shows a text in an element. Blocks that are as they were last time are left alone, so that a reader can
 * select text while the answer still grows. `chip(number)` gives the element for a citation, or null.
 */
export function show(into: Element, text: string, words: Words, chip: Chip = () => null): void {
  const before = shown.get(into) ?? [];
  const after = marked.lexer(text.replaceAll("\r\n", "\n")).filter(({ type }) => type !== "space");
  const same = after.findIndex(({ raw }, at) => raw !== before[at]);
  const keep = same < 0 ? after.length : same;
  while (into.childNodes.length > keep) into.lastChild?.remove();
  into.append(...after.slice(keep).map((block) => draw(block, words, chip)));
  shown.set(
    into,
    after.map(({ raw }) => raw),
  );
}

/** Forgets what an element shows, so that the next `show` draws all of it (when citations became known). */
export function forget(into: Element): void {
  shown.delete(into);
  into.replaceChildren();
}

/** A block as exactly one element. */
function draw(block: Token, words: Words, chip: Chip): Element {
  const clean = DOMPurify.sanitize(marked.parser([block]), { ALLOWED_TAGS, ALLOWED_ATTR, ALLOW_DATA_ATTR: false, RETURN_DOM_FRAGMENT: true });
  finishInline(clean, words, chip);
  for (const anchor of clean.querySelectorAll("a")) {
    anchor.target = "_blank";
    anchor.rel = "noopener noreferrer";
  }
  for (const code of clean.querySelectorAll("pre")) region(code, words.say("code"));
  for (const cell of clean.querySelectorAll("th")) cell.scope = "col";
  for (const table of clean.querySelectorAll("table")) {
    const scroll = element("div", { class: "scroll" });
    table.replaceWith(scroll);
    scroll.append(table);
    region(scroll, words.say("table"));
  }
  const only = clean.children.length === 1 && clean.textContent?.trim() === clean.firstElementChild?.textContent?.trim();
  return only && clean.firstElementChild ? clean.firstElementChild : element("div", {}, clean);
}

/** What may scroll sideways can be reached and scrolled by keyboard. */
function region(part: HTMLElement, name: string): void {
  part.tabIndex = 0;
  part.setAttribute("role", "group");
  part.setAttribute("aria-label", name);
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
