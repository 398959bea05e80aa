// What is shown of one turn: the question, the answer as it grows, its sources and notes.

import { headingPath, openCard } from "./card.js";
import { element } from "./dom.js";
import { forget, show } from "./markdown.js";
import { age, languageOf, words } from "./words.js";

/** One turn on the page. `element` is placed by the caller; `again` is called by its "try again" button. */
export class Turn {
  constructor(question, again) {
    this.again = again;
    this.text = "";
    this.known = new Map();
    this.answer = element("div", { class: "answer" });
    this.notes = element("div", { class: "notes" });
    this.status = element("p", { class: "status" });
    this.understood = element("p", { class: "understood", hidden: "" });
    const asked = element("h2", { class: "asked", lang: languageOf(question) }, question);
    this.element = element("article", { class: "turn" }, asked, this.understood, this.answer, this.status, this.notes);
    this.wait(words.searching);
  }

  /** Says what is being done, with moving dots. Empty: nothing. */
  wait(text) {
    this.status.hidden = text === "";
    this.status.replaceChildren(text, element("span", { class: "dots", "aria-hidden": "true" }));
    this.element.setAttribute("aria-busy", String(text !== ""));
  }

  /** Takes an event of the stream. A second `turn` means that the answer is told from its beginning. */
  take(event, data) {
    if (event === "lost") this.wait(words.reconnecting);
    if (event === "turn") {
      this.text = "";
      this.rewrite(data);
    }
    if (event === "sources") {
      this.know(data.passages);
      this.wait(words.reading(data.passages.length));
    }
    if (event === "delta") {
      this.text += data.text;
      this.wait("");
      this.draw();
    }
    if (event === "citations") this.know(data.citations);
    if (event === "done") this.finish(data);
  }

  /** Shows the whole answer as the service gave it; it wins over the deltas. */
  finish(done) {
    this.wait("");
    this.rewrite(done);
    this.know(done.citations ?? []);
    this.text = done.answer || (done.outcome === "abstained" ? words.noAnswer : words.failed);
    this.element.dataset.outcome = done.outcome;
    this.draw();
    const answered = done.outcome === "answered";
    const quoted = done.generator === "extractive" && answered;
    this.notes.replaceChildren(
      ...[
        answered ? null : contact(done.contact),
        answered ? unverified(done) : null,
        answered ? this.sources(done.citations ?? []) : this.lookedAt(),
        quoted ? note(done.fallback_reason ? words.fallback(done.fallback_reason) : words.quoted) : null,
        done.outcome === "failed" ? this.retry() : null,
      ].filter(Boolean),
    );
  }

  /** Ends the turn without an answer; what was written of it stays. */
  fail(message) {
    this.wait("");
    this.element.dataset.outcome = "failed";
    this.notes.replaceChildren(element("p", { class: "problem" }, message), this.retry());
  }

  /** Ends the turn because the reader stopped it. */
  stop() {
    this.wait("");
    this.element.dataset.outcome = "stopped";
    const cited = [...this.known.values()].filter(({ number }) => this.text.includes(`[${number}]`));
    this.notes.replaceChildren(...[this.sources(cited), note(words.stopped)].filter(Boolean));
  }

  /** Takes in passages or citations. A number that was unknown may stand in the text already: it is drawn anew. */
  know(citations) {
    const news = citations.some(({ number }) => !this.known.has(number));
    for (const citation of citations) this.known.set(citation.number, { ...this.known.get(citation.number), ...citation });
    if (!news) return;
    forget(this.answer);
    this.draw();
  }

  draw() {
    this.answer.lang = languageOf(this.text);
    show(this.answer, this.text, (number) => this.chip(number));
  }

  rewrite({ question, standalone_question: standalone }) {
    if (!standalone || standalone.trim() === question.trim()) return;
    this.understood.hidden = false;
    this.understood.replaceChildren(`${words.understood} `, element("span", { lang: languageOf(standalone) }, standalone));
  }

  /** The button for [n] in the text, if there is a passage n. */
  chip(number) {
    const citation = this.known.get(number);
    if (!citation) return null;
    const made = element("button", { type: "button", class: "chip", "aria-label": words.source(number, citation.title) }, String(number));
    made.addEventListener("click", () => openCard(this.known.get(number)));
    return made;
  }

  sources(citations) {
    if (citations.length === 0) return null;
    return element("section", { class: "sources" }, element("h3", {}, words.sources), this.sourceList(citations));
  }

  lookedAt() {
    const passages = [...this.known.values()];
    if (passages.length === 0) return null;
    return element("details", { class: "sources" }, element("summary", {}, words.lookedAt(passages.length)), this.sourceList(passages));
  }

  sourceList(citations) {
    return element("ol", {}, ...citations.map((citation) => element("li", {}, this.sourceButton(citation))));
  }

  sourceButton({ number, title, heading, path, updated_at, status }) {
    const when = age(updated_at);
    const made = element(
      "button",
      { type: "button", class: "source" },
      element("span", { class: "number" }, String(number)),
      element(
        "span",
        { class: "what" },
        element("span", { class: "title", lang: languageOf(title) }, title),
        heading?.length ? element("span", { class: "where" }, headingPath(heading)) : element("span", { class: "where" }, path ?? ""),
      ),
      status === "deprecated" ? element("span", { class: "age warn" }, words.statuses.deprecated) : null,
      when ? element("span", { class: when.old ? "age warn" : "age" }, when.age) : null,
    );
    made.addEventListener("click", () => openCard(this.known.get(number)));
    return made;
  }

  retry() {
    const made = element("button", { type: "button", class: "again" }, words.again);
    made.addEventListener("click", () => this.again());
    return made;
  }
}

function note(text) {
  return element("p", { class: "note" }, text);
}

/** The sentences that no passage says, each with the reason; null when there are none. */
function unverified({ answer, marks = [] }) {
  // Places count characters, not UTF-16 units.
  const characters = [...answer];
  const items = marks
    .filter(({ verified }) => !verified)
    .map(({ start, end, reason }) => {
      const said = characters.slice(start, end).join("").replace(/^[\s>*+|-]+/, "");
      return element("li", {}, element("q", { lang: languageOf(said) }, said), reason ? ` ${reason}` : "");
    });
  if (items.length === 0) return null;
  return element("section", { class: "not-found" }, element("h3", {}, words.unverifiedTitle), element("ul", {}, ...items));
}

/** The person or team to ask, with Slack and mail; null when nobody is known. */
function contact(person) {
  if (!person || !(person.owner || person.slack || person.email)) return null;
  const isAddress = /^[^\s@<>?&]+@[^\s@<>?&]+$/.test(person.email ?? "");
  const mail = isAddress ? element("a", { href: `mailto:${person.email}` }, person.email) : person.email;
  const ways = [person.slack && element("span", { class: "slack" }, person.slack), mail].filter(Boolean);
  return element(
    "section",
    { class: "contact" },
    element("h3", {}, person.asset ? words.contactFor(person.asset) : words.contact),
    element("p", {}, element("strong", {}, person.owner ?? ""), ...ways.flatMap((way) => [" ", way])),
  );
}
