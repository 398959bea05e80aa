// The source card: one citation over the conversation; a sheet from below where there is little room. What is
// behind it is inert meanwhile, and focus goes back to where it came from.

import { button, element, heading, icon, ICONS, isWeb, link } from "./dom.js";
import { show } from "./markdown.js";
import type { Citation } from "./types.js";
import type { View } from "./view.js";
import { languageOf } from "./words.js";

export class Card {
  readonly element = element("div", { class: "cover", hidden: "" });
  #from: HTMLElement | null = null;

  constructor(
    private readonly view: View,
    /** What cannot be reached while the card is open. */
    private readonly behind: () => HTMLElement[],
  ) {
    this.element.addEventListener("click", (click) => {
      if (click.target === this.element) this.close();
    });
    this.element.addEventListener("keydown", (key) => {
      if (key.key !== "Escape") return;
      key.stopPropagation();
      this.close();
    });
  }

  /** Opens the card of a citation (or of a passage, which has no quote). */
  open(citation: Citation): void {
    const { words, level } = this.view;
    const root = this.element.getRootNode() as ShadowRoot | Document;
    this.#from = root.activeElement instanceof HTMLElement ? root.activeElement : null;
    const close = button({ class: "quiet close", "aria-label": words.say("close") }, () => this.close(), icon(ICONS.close));
    this.element.replaceChildren(
      element(
        "section",
        { class: "sheet", role: "dialog", "aria-labelledby": "card-title", tabindex: "-1" },
        element(
          "div",
          { class: "card-head" },
          element("span", { class: "number", "aria-hidden": "true" }, String(citation.number)),
          heading(level, { id: "card-title", lang: languageOf(citation.title), dir: "auto" }, citation.title),
          close,
        ),
        citation.heading ? element("p", { class: "heading-path", dir: "auto" }, headingPath(citation.heading)) : null,
        citation.quote ? this.#quote(citation.quote) : null,
        citation.verified === false ? element("p", { class: "warn" }, words.say("unverified")) : null,
        this.#facts(citation),
        isWeb(citation.uri) ? element("p", { class: "open" }, link(citation.uri, {}, `${words.say("openDocument")} ↗`)) : null,
      ),
    );
    for (const part of this.behind()) part.inert = true;
    this.element.hidden = false;
    close.focus();
  }

  close(): void {
    if (this.element.hidden) return;
    this.element.hidden = true;
    this.element.replaceChildren();
    for (const part of this.behind()) part.inert = false;
    this.#from?.focus();
    this.#from = null;
  }

  #quote(text: string): HTMLElement {
    const made = element("blockquote", { class: "quoted", lang: languageOf(text), dir: "auto" });
    show(made, text, this.view.words);
    // A document may lead anywhere: its words are shown, its links are not.
    for (const link of made.querySelectorAll("a")) link.replaceWith(...link.childNodes);
    return made;
  }

  #facts({ updated_at, fresh_at, status, owner, path }: Citation): HTMLElement {
    const { words } = this.view;
    const when = words.age(updated_at);
    const fresh = words.age(fresh_at);
    const pairs: [string, string | Node | null | undefined, string | null][] = [
      [words.say("status"), status && words.status(status), status === "deprecated" ? "warn" : null],
      [words.say("dataAsOf"), fresh && `${fresh.date} (${fresh.age})`, null],
      [words.say("updated"), when && `${when.date} (${when.age})${when.old ? `, ${words.say("old")}` : ""}`, when?.old ? "warn" : null],
      [words.say("owner"), owner, null],
      [words.say("place"), path && element("code", { dir: "ltr" }, path), null],
    ];
    return element(
      "dl",
      {},
      ...pairs.filter(([, text]) => text).flatMap(([name, text, kind]) => [element("dt", {}, name), element("dd", { class: kind, dir: "auto" }, text)]),
    );
  }
}

/** `heading` arrives as a text joined with " > ". */
export function headingPath(heading: string): string {
  return heading.replaceAll(" > ", " › ");
}
