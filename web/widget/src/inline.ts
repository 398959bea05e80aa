// What docent means by parts of a text, put into elements that are built already: [n] becomes a chip, docent's
// words behind an unverified sentence a mark, and a line break is kept where it ends a sentence.

import { element } from "./dom.js";
import type { Words } from "./words.js";

/** The element for a citation's number; null where there is no such passage. */
export type Chip = (number: number) => HTMLElement | null;

type Part = Node | string;

const MEANT = /\[(?<numbers>\d{1,3}(?:\s*,\s*\d{1,3})*)\]|(?<unverified>\((?:unverified|확인되지 않음)\))|(?<=[.!?:;\]。)] ?)(?<newline>\n)/g;
// Where text is shown as it is.
const LITERAL = new Set(["CODE", "PRE"]);

/** Finishes all text below `root`. */
export function finishInline(root: ParentNode, words: Words, chip: Chip): void {
  const parents = new Set<ParentNode>();
  const walker = document.createTreeWalker(root as Node, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT, (node) =>
    LITERAL.has(node.nodeName) ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT,
  );
  while (walker.nextNode()) {
    const { currentNode } = walker;
    if (currentNode instanceof Text && currentNode.parentNode) parents.add(currentNode.parentNode);
  }
  for (const parent of parents) {
    (parent as Node).normalize();
    const inLink = parent instanceof Element && parent.closest("a") !== null;
    const parts = [...parent.childNodes].flatMap((node): Part[] =>
      node instanceof Text ? meant(node.data, words, inLink ? () => null : chip) : [node],
    );
    parent.replaceChildren(...glued(parts));
  }
}

function meant(text: string, words: Words, chip: Chip): Part[] {
  const made: Part[] = [];
  let end = 0;
  for (const match of text.matchAll(MEANT)) {
    const { numbers, unverified } = match.groups ?? {};
    made.push(text.slice(end, match.index));
    end = match.index + match[0].length;
    if (numbers !== undefined) {
      const chips = numbers.split(",").map((number) => chip(Number(number)));
      if (chips.every((made) => made !== null)) made.push(...chips);
      else made.push(match[0]);
    } else if (unverified !== undefined) {
      made.push(element("mark", { class: "unverified", title: words.say("unverifiedHint") }, unverified.slice(1, -1)));
    } else {
      made.push(element("br"));
    }
  }
  made.push(text.slice(end));
  return made.filter((part) => part !== "");
}

/** Keeps citations on the line of the word before them (browsers break lines around any button). */
function glued(parts: Part[]): Part[] {
  const made: Part[] = [];
  for (const [at, part] of parts.entries()) {
    const before = made.at(-1);
    const group = before instanceof Element && before.className === "glued" ? before : null;
    if (isChip(part)) {
      if (group) {
        group.append(part);
        continue;
      }
      const word = typeof before === "string" ? (/\S{1,24}\s*$/.exec(before)?.[0] ?? "") : "";
      if (word !== "" && typeof before === "string") made[made.length - 1] = before.slice(0, -word.length);
      made.push(element("span", { class: "glued" }, word, part));
    } else if (group && typeof part === "string") {
      const mark = /^(?:\s*[.,;:!?)]+)?/.exec(part)?.[0] ?? "";
      if (mark !== "") group.append(mark.trim());
      const rest = part.slice(mark.length);
      // Only a space stands between two citations: they stay together.
      if (rest.trim() !== "" || !isChip(parts[at + 1])) made.push(rest);
    } else made.push(part);
  }
  return made.filter((part) => part !== "");
}

function isChip(part: Part | undefined): part is HTMLElement {
  return part instanceof HTMLElement && part.classList.contains("chip");
}
