// The part of Markdown that answers use, as elements: paragraphs, headings, lists, quotes, code, tables,
// bold, italic, http(s) links, [n] citations and docent's mark of what is unverified. Whatever else a text holds, HTML included, stays text.

import { element, isWeb, link } from "./dom.js";
import { words } from "./words.js";

const FENCE = /^\s*(```+|~~~+)\s*([\w+-]*)/;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const HEADING = /^\s{0,3}(#{1,6})\s+(.*?)\s*#*$/;
const RULE = /^\s{0,3}([-*_])(\s*\1){2,}\s*$/;
// A quoted table row may carry its citation behind it.
const ROW = /^\s*\|.*\|(\s*\[\d+\])*\s*$/;
const SEPARATOR = /^\s*\|?(\s*:?-+:?\s*\|)+\s*:?-*:?\s*$/;

// Quotes and lists within one another, deeper than anyone writes, stay text.
const DEEPEST = 8;

const shown = new WeakMap();

/**
 * Shows a text in an element. Blocks that are as they were last time are left alone, so that a reader can
 * select text while the answer still grows. `chip(number)` gives the element for a citation, or null.
 */
export function show(into, text, chip = () => null) {
  const before = shown.get(into) ?? [];
  const after = blocks(text.split(/\r?\n/));
  const same = after.findIndex((block, at) => block.lines.join("\n") !== before[at]?.lines.join("\n"));
  const keep = same < 0 ? after.length : same;
  while (into.childNodes.length > keep) into.lastChild.remove();
  into.append(...after.slice(keep).map((block) => draw(block, chip)));
  shown.set(into, after);
}

/** Forgets what an element shows, so that the next `show` draws all of it (when citations became known). */
export function forget(into) {
  shown.delete(into);
  into.replaceChildren();
}

/** Cuts lines into `{kind, lines}`. */
function blocks(lines) {
  const found = [];
  let at = 0;
  const take = (kind, belongs) => {
    const start = at;
    at += 1;
    while (at < lines.length && belongs(lines[at])) at += 1;
    found.push({ kind, lines: lines.slice(start, at) });
  };
  while (at < lines.length) {
    const line = lines[at];
    const fence = FENCE.exec(line);
    if (line.trim() === "") at += 1;
    else if (fence) {
      take("code", (next) => !next.trim().startsWith(fence[1]));
      if (at < lines.length) found.at(-1).lines.push(lines[at++]);
    } else if (ROW.test(line)) take("table", (next) => ROW.test(next) || SEPARATOR.test(next));
    else if (HEADING.test(line)) take("heading", () => false);
    else if (RULE.test(line)) take("rule", () => false);
    else if (/^\s{0,3}>/.test(line)) take("quote", (next) => /^\s{0,3}>/.test(next));
    else if (ITEM.test(line)) take("list", (next) => ITEM.test(next) || /^\s+\S/.test(next));
    else take("paragraph", (next) => next.trim() !== "" && !begins(next));
  }
  return found;
}

/** Whether a line ends a paragraph by beginning something else. */
function begins(line) {
  return [FENCE, ITEM, HEADING, ROW].some((start) => start.test(line)) || /^\s{0,3}>/.test(line);
}

function draw({ kind, lines }, chip, depth = 0) {
  switch (depth < DEEPEST ? kind : "paragraph") {
    case "code":
      return codeBlock(lines);
    case "table":
      return table(lines, chip);
    case "heading":
      return element("h3", {}, ...inline(HEADING.exec(lines[0])[2], chip));
    case "rule":
      return element("hr");
    case "quote":
      return element("blockquote", {}, ...within(lines.map((line) => line.replace(/^\s*>\s?/, "")), chip, depth));
    case "list":
      return list(lines, chip, depth);
    default:
      return element("p", {}, ...inline(unwrapped(lines), chip));
  }
}

/** The blocks inside a quote or a list item. */
function within(lines, chip, depth) {
  return blocks(lines).map((block) => draw(block, chip, depth + 1));
}

function codeBlock(lines) {
  const [, fence] = FENCE.exec(lines[0]);
  const closed = lines.length > 1 && lines.at(-1).trim().startsWith(fence);
  const text = lines.slice(1, closed ? -1 : undefined).join("\n");
  return element("pre", { tabindex: "0", role: "region", "aria-label": words.code }, element("code", {}, text));
}

/** Items by indentation; deeper lines become a list within the item above, or go on with its text. */
function list(lines, chip, depth) {
  const [, indent, mark] = ITEM.exec(lines[0]);
  const ordered = /\d/.test(mark);
  const made = element(ordered ? "ol" : "ul", ordered && parseInt(mark, 10) !== 1 ? { start: parseInt(mark, 10) } : {});
  let at = 0;
  while (at < lines.length) {
    const item = ITEM.exec(lines[at]);
    const inner = [];
    at += 1;
    while (at < lines.length && !(ITEM.test(lines[at]) && ITEM.exec(lines[at])[1].length <= indent.length)) {
      inner.push(lines[at++].replace(/^\s{1,4}/, ""));
    }
    const nested = inner.findIndex((line) => begins(line));
    const text = nested < 0 ? inner : inner.slice(0, nested);
    const below = nested < 0 ? [] : within(inner.slice(nested), chip, depth);
    made.append(element("li", {}, ...inline(unwrapped([item[3], ...text]), chip), ...below));
  }
  return made;
}

function table(lines, chip) {
  const headed = lines.length > 1 && SEPARATOR.test(lines[1]);
  const rows = lines.filter((line) => !SEPARATOR.test(line)).map(cells);
  const cell = (tag, text) => element(tag, tag === "th" ? { scope: "col" } : {}, ...inline(text, chip));
  const row = (tag) => (texts) => element("tr", {}, ...texts.map((text) => cell(tag, text)));
  const head = headed ? element("thead", {}, ...rows.splice(0, 1).map(row("th"))) : null;
  const body = element("tbody", {}, ...rows.map(row("td")));
  return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": words.table }, element("table", {}, head, body));
}

/** The cells of a row, cut at bars that are neither escaped nor in code; a citation behind it joins the last. */
function cells(line) {
  const [, row, citations] = /^\s*\|(.*)\|((?:\s*\[\d+\])*)\s*$/.exec(line);
  const found = (row.match(/(?:\\\||`[^`]*`|[^|])+|(?<=\||^)(?=\||$)/g) ?? []).map((cell) => cell.replaceAll("\\|", "|").trim());
  if (citations) found.push(`${found.pop() ?? ""} ${citations.trim()}`);
  return found;
}

/** Lines as one text: a line break is kept behind a finished sentence or a citation, else it is a space. */
function unwrapped(lines) {
  return lines.reduce((text, line) => `${text}${/([.!?:;\]。]|\s{2})$/.test(text) ? "\n" : " "}${line.trimStart()}`).trim();
}

const INLINE = new RegExp(
  [
    /(?<ticks>`+)(?<code>[^`]|[^`].*?[^`])\k<ticks>(?!`)/,
    /\*\*(?=\S)(?<bold>.+?)\*\*/,
    /\*(?=[^\s*])(?<italic>[^*\n]*[^\s*])\*/,
    /!?\[(?<label>[^\]\n]+)\]\((?<target>[^()\s]*(?:\([^()\s]*\)[^()\s]*)*)\)/,
    /\[(?<numbers>\d{1,3}(?:\s*,\s*\d{1,3})*)\]/,
    /(?<address>https?:\/\/(?:\([^\s()<>]*\)|[^\s<>"'`|\]()])*(?:\([^\s()<>]*\)|[^\s<>"'`|\]().,;:!?]))/,
    /(?<unverified>\((?:unverified|확인되지 않음)\))/,
    /\\(?<escaped>[\\`*_[\]{}()#+.!|<>-])/,
    /(?<newline>\n)/,
  ]
    .map((part) => part.source)
    .join("|"),
  "gs",
);

function inline(text, chip) {
  const made = [];
  let end = 0;
  for (const match of text.matchAll(INLINE)) {
    made.push(text.slice(end, match.index), ...drawInline(match, chip));
    end = match.index + match[0].length;
  }
  made.push(text.slice(end));
  return glued(made.filter((part) => part !== ""));
}

/** Keeps citations on the line of the word before them (browsers break lines around any button). */
function glued(parts) {
  const made = [];
  for (const [at, part] of parts.entries()) {
    const before = made.at(-1);
    const afterChip = before?.className === "glued";
    if (part.className === "chip") {
      const word = typeof before === "string" ? (/\S{1,24}\s*$/.exec(before)?.[0] ?? "") : "";
      if (word !== "") made[made.length - 1] = before.slice(0, -word.length);
      if (afterChip) before.append(part);
      else made.push(element("span", { class: "glued" }, word, part));
    } else if (afterChip && typeof part === "string") {
      const mark = /^(?:\s*[.,;:!?)]+)?/.exec(part)[0];
      if (mark !== "") before.append(mark.trim());
      const rest = part.slice(mark.length);
      // Only a space stands between two citations: they stay together.
      if (rest.trim() !== "" || parts[at + 1]?.className !== "chip") made.push(rest);
    } else made.push(part);
  }
  return made.filter((part) => part !== "");
}

function drawInline(match, chip) {
  const { code, bold, italic, label, target, numbers, address, unverified, escaped, newline } = match.groups;
  if (code !== undefined) return [element("code", {}, code)];
  if (bold !== undefined) return [element("strong", {}, ...inline(bold, chip))];
  if (italic !== undefined) return [element("em", {}, ...inline(italic, chip))];
  if (label !== undefined) return isWeb(target) ? [link(target, ...inline(label, () => null))] : inline(label, () => null);
  if (numbers !== undefined) {
    const chips = numbers.split(",").map((number) => chip(Number(number)));
    return chips.every(Boolean) ? chips : [match[0]];
  }
  if (address !== undefined) return [link(address, address)];
  // docent's own words behind a sentence that no passage says.
  if (unverified !== undefined) return [element("mark", { class: "unverified", title: words.unverifiedHint }, unverified.slice(1, -1))];
  if (newline !== undefined) return [element("br")];
  return [escaped];
}
