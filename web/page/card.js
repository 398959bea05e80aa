// The source card: one citation in a dialog; a sheet from below on a phone.

import { element, isWeb, link } from "./dom.js";
import { show } from "./markdown.js";
import { age, languageOf, words } from "./words.js";

/** Opens the card of a citation (or of a passage, which has no quote). Focus returns when it closes. */
export function openCard(citation) {
  const card = document.getElementById("card");
  const close = element("button", { type: "button", class: "quiet close", "aria-label": words.close }, "✕");
  close.addEventListener("click", () => card.close());
  card.onclick = (click) => {
    if (click.target === card) card.close();
  };
  card.replaceChildren(
    element(
      "div",
      { class: "sheet" },
      element(
        "div",
        { class: "card-head" },
        element("span", { class: "number", "aria-hidden": "true" }, String(citation.number)),
        element("h2", { id: "card-title", lang: languageOf(citation.title) }, citation.title),
        close,
      ),
      citation.heading ? element("p", { class: "heading-path" }, headingPath(citation.heading)) : null,
      citation.quote ? quote(citation.quote) : null,
      citation.verified === false ? element("p", { class: "warn" }, words.unverified) : null,
      facts(citation),
      isWeb(citation.uri) ? element("p", { class: "open" }, link(citation.uri, `${words.open} ↗`)) : null,
    ),
  );
  card.showModal();
}

/** `heading` arrives as a text joined with " > ", or as a list. */
export function headingPath(heading) {
  return Array.isArray(heading) ? heading.join(" › ") : heading.replaceAll(" > ", " › ");
}

function quote(text) {
  const made = element("blockquote", { class: "quoted", lang: languageOf(text) });
  show(made, text);
  // A document may lead anywhere: its words are shown, its links are not.
  for (const link of made.querySelectorAll("a")) link.replaceWith(...link.childNodes);
  return made;
}

function facts({ updated_at, fresh_at, status, owner, path }) {
  const when = age(updated_at);
  const data = age(fresh_at);
  const pairs = [
    [words.status, status && (words.statuses[status] ?? status), status === "deprecated" ? "warn" : null],
    [words.dataAsOf, data && `${data.date} (${data.age})`, null],
    [words.updated, when && `${when.date} (${when.age})${when.old ? `, ${words.old}` : ""}`, when?.old ? "warn" : null],
    [words.owner, owner, null],
    [words.place, path && element("code", {}, path), null],
  ];
  return element(
    "dl",
    {},
    ...pairs.filter(([, text]) => text).flatMap(([name, text, kind]) => [element("dt", {}, name), element("dd", { class: kind }, text)]),
  );
}
