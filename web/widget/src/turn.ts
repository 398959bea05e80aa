// What is shown of one turn: the question, the answer as it grows, its sources and notes.

import { actions } from "./actions.js";
import { headingPath } from "./card.js";
import { contactCard } from "./contact.js";
import { button, element, heading } from "./dom.js";
import { forget, show } from "./markdown.js";
import type { SeenTurn } from "./memory.js";
import type { Problem } from "./service.js";
import type { Answer, AnswerEvent, Citation, Rating } from "./types.js";
import type { View } from "./view.js";
import { languageOf } from "./words.js";

/** One turn. `element` is placed by the caller; `again` is called by its "try again" button. */
export class Turn {
  text = "";
  readonly element: HTMLElement;
  /** Called when the reader has rated the answer. */
  rated: (rating: Rating) => void = () => {};
  readonly #known = new Map<number, Citation>();
  readonly #answer = element("div", { class: "answer", dir: "auto" });
  readonly #notes = element("div", { class: "notes" });
  readonly #status = element("p", { class: "status" });
  readonly #understood = element("p", { class: "understood", hidden: "" });

  constructor(
    private readonly view: View,
    readonly question: string,
    private readonly again: () => void,
  ) {
    const asked = heading(view.level, { class: "asked", lang: languageOf(question) }, element("span", { dir: "auto" }, question));
    this.element = element("article", { class: "turn" }, asked, this.#understood, this.#answer, this.#status, this.#notes);
    this.wait(view.words.say("searching"));
  }

  /** Says what is being done, with moving dots. Empty: nothing. */
  wait(text: string): void {
    this.#status.hidden = text === "";
    this.#status.replaceChildren(text, element("span", { class: "dots", "aria-hidden": "true" }));
    this.element.setAttribute("aria-busy", String(text !== ""));
  }

  /** Takes an event of the stream. A second `turn` means that the answer is told from its beginning. */
  take({ event, data }: AnswerEvent): void {
    const { words } = this.view;
    switch (event) {
      case "lost":
        return this.wait(words.say("reconnecting"));
      case "turn":
        this.text = "";
        return this.#rewrite(data.standalone_question);
      case "sources":
        this.know(data.passages);
        return this.wait(words.say("reading", { count: data.passages.length }));
      case "delta":
        this.text += data.text;
        this.wait("");
        this.element.setAttribute("aria-busy", "true");
        return this.draw();
      case "citations":
        return this.know(data.citations);
      case "done":
        return this.finish(data);
    }
  }

  /** Shows a turn of before a reload. */
  restore({ passages, text, done, problem, rating }: SeenTurn): void {
    this.know(passages);
    this.text = text;
    if (done) return this.finish(done, rating);
    this.draw();
    return problem ? this.fail(problem) : this.stop();
  }

  /** Shows the whole answer as the service gave it; it wins over the deltas. */
  finish(done: Answer, rating?: Rating): void {
    const { words } = this.view;
    this.wait("");
    this.#rewrite(done.standalone_question);
    this.know(done.citations);
    this.text = done.answer || words.say(done.outcome === "abstained" ? "noAnswer" : "failed");
    this.element.dataset["outcome"] = done.outcome;
    this.draw();
    const answered = done.outcome === "answered";
    const quoted = done.generator === "extractive" && answered;
    this.#note(
      answered ? null : contactCard(this.view, done, this.question, this.text),
      answered ? this.#unverified(done) : null,
      answered ? this.#sources(done.citations) : this.#lookedAt(),
      quoted ? note(done.fallback_reason ? words.say("fallback", { reason: done.fallback_reason }) : words.say("quoted")) : null,
      done.outcome === "failed" ? this.#retry() : actions(this.view, done, rating, (rating) => this.rated(rating)),
    );
  }

  /** Ends the turn without an answer; what was written of it stays. As an alert where it is news, with a way to sign in or a time to wait. */
  fail(message: string, news?: Problem): void {
    this.wait("");
    this.element.dataset["outcome"] = "failed";
    const said = element("p", { class: "problem", role: news ? "alert" : null }, message);
    if (news?.code !== "login_required") return this.#note(said, this.#retry(news?.until));
    const link = element("a", { class: "action", href: this.view.service.signIn }, this.view.words.say("signInHere"));
    this.#note(said, link, this.#retry());
  }

  /** Ends the turn because the reader stopped it. */
  stop(): void {
    this.wait("");
    this.element.dataset["outcome"] = "stopped";
    const cited = [...this.#known.values()].filter(({ number }) => this.text.includes(`[${number}]`));
    this.#note(this.#sources(cited), note(this.view.words.say("stopped")), this.#retry());
  }

  /** Takes in passages or citations. A number that was unknown may stand in the text already: it is drawn anew. */
  know(citations: Citation[]): void {
    const news = citations.some(({ number }) => !this.#known.has(number));
    for (const citation of citations) this.#known.set(citation.number, { ...this.#known.get(citation.number), ...citation });
    if (!news) return;
    forget(this.#answer);
    this.draw();
  }

  draw(): void {
    this.#answer.lang = languageOf(this.text);
    show(this.#answer, this.text, this.view.words, (number) => this.#chip(number));
  }

  #note(...notes: (HTMLElement | null)[]): void {
    this.#notes.replaceChildren(...notes.filter((each) => each !== null));
  }

  #rewrite(standalone: string): void {
    if (!standalone || standalone.trim() === this.question.trim()) return;
    this.#understood.hidden = false;
    this.#understood.replaceChildren(`${this.view.words.say("understood")} `, element("bdi", { lang: languageOf(standalone) }, standalone));
  }

  /** The button for [n] in the text, if there is a passage n. */
  #chip(number: number): HTMLElement | null {
    const citation = this.#known.get(number);
    if (!citation) return null;
    const label = this.view.words.say("source", { number, title: citation.title });
    return button({ class: "chip", "aria-label": label }, () => this.#open(number), String(number));
  }

  #open(number: number): void {
    const citation = this.#known.get(number);
    if (citation) this.view.openCard(citation);
  }

  #sources(citations: Citation[]): HTMLElement | null {
    if (citations.length === 0) return null;
    return element("section", { class: "sources" }, heading(this.view.level + 1, {}, this.view.words.say("sources")), this.#sourceList(citations));
  }

  #lookedAt(): HTMLElement | null {
    const passages = [...this.#known.values()];
    if (passages.length === 0) return null;
    return element("details", { class: "sources" }, element("summary", {}, this.view.words.say("lookedAt", { count: passages.length })), this.#sourceList(passages));
  }

  #sourceList(citations: Citation[]): HTMLElement {
    return element("ol", {}, ...citations.map((citation) => element("li", {}, this.#sourceButton(citation))));
  }

  #sourceButton({ number, title, heading, path, updated_at, status }: Citation): HTMLElement {
    const { words } = this.view;
    const when = words.age(updated_at);
    return button(
      { class: "source" },
      () => this.#open(number),
      element("span", { class: "number" }, String(number)),
      element(
        "span",
        { class: "what" },
        element("span", { class: "title", lang: languageOf(title), dir: "auto" }, title),
        element("span", { class: "where", dir: "auto" }, heading ? headingPath(heading) : path),
      ),
      element(
        "span",
        { class: "age" },
        status === "deprecated" ? element("span", { class: "warn" }, words.say("deprecated")) : null,
        when ? element("span", { class: when.old ? "warn" : null }, when.age) : null,
      ),
    );
  }

  /** The sentences that no passage says, each with the reason; null when there are none. */
  #unverified({ answer, marks = [] }: Answer): HTMLElement | null {
    // Places count characters, not UTF-16 units.
    const characters = [...answer];
    const items = marks
      .filter(({ verified }) => !verified)
      .map(({ start, end, reason }) => {
        const said = characters.slice(start, end).join("").replace(/^[\s>*+|-]+/, "");
        return element("li", {}, element("q", { lang: languageOf(said), dir: "auto" }, said), " ", element("bdi", {}, reason ?? ""));
      });
    if (items.length === 0) return null;
    return element("section", { class: "not-found" }, heading(this.view.level + 1, {}, this.view.words.say("unverifiedTitle")), element("ul", {}, ...items));
  }

  /** The button to try again, which counts down to a time (of the clock, in ms) before it does. */
  #retry(until = 0): HTMLElement {
    const { words } = this.view;
    const retry = button({ class: "action again" }, this.again, words.say("again"));
    const tick = () => {
      const seconds = Math.ceil((until - Date.now()) / 1000);
      retry.disabled = seconds > 0;
      retry.textContent = seconds > 0 ? words.say("againIn", { count: seconds }) : words.say("again");
      if (seconds > 0) setTimeout(tick, 250);
    };
    tick();
    return retry;
  }
}

function note(text: string): HTMLElement {
  return element("p", { class: "note" }, text);
}
