// The conversation: the question box, the turns and what survives a reload.

import { ask } from "./ask.js";
import { Card } from "./card.js";
import { button, element, heading, icon, ICONS } from "./dom.js";
import { empty, newId, recall, remember, type Conversation, type SeenTurn } from "./memory.js";
import { Problem, type Service } from "./service.js";
import { Turn } from "./turn.js";
import type { View } from "./view.js";
import { languageOf, type Words } from "./words.js";

// A question that was under way is asked again after a reload only while the service may still hold it.
const RESUME_MS = 60_000;
const MOST_SUGGESTIONS = 6;

export interface ChatOptions {
  words: Words;
  service: Service;
  /** docent's own page: it has the landmarks and headings of a page. */
  page: boolean;
  title: string;
  suggestions: string[];
  /** What the conversation is kept under. */
  memory: string;
  /** Closes the chat, where it can be closed. */
  shut: (() => void) | null;
}

export class Chat implements View {
  readonly words: Words;
  readonly service: Service;
  readonly level: number;
  readonly element: HTMLElement;
  readonly #card: Card;
  readonly #options: ChatOptions;
  #memory: Conversation;
  #running: AbortController | null = null;

  readonly #bar = element("div", { class: "bar" });
  readonly #scroll = element("div", { class: "scroller" });
  readonly #welcome = element("section", { class: "welcome" });
  readonly #turns = element("div", { class: "turns" });
  readonly #form = element("form", { class: "composer column", autocomplete: "off" });
  readonly #question = element("textarea", { id: "question", rows: "1", maxlength: "4000", enterkeyhint: "send", dir: "auto" });
  readonly #send = element("button", { type: "submit", id: "send" }, icon(ICONS.send));
  readonly #stop = button({ id: "stop", hidden: "" }, () => this.#stopped(), icon(ICONS.stop, { filled: true }));
  readonly #renew: HTMLButtonElement;
  readonly #announcer = element("p", { class: "unseen", role: "status", "aria-live": "polite", id: "announcer" });

  constructor(options: ChatOptions) {
    const { words, page } = options;
    this.#options = options;
    this.words = words;
    this.service = options.service;
    this.level = page ? 2 : 3;
    this.#memory = recall(options.memory);
    this.#card = new Card(this, () => [this.#bar, this.#scroll, this.#form]);
    this.#renew = button({ class: "quiet renew", hidden: "" }, () => this.renew(), icon(ICONS.renew, { size: 18 }), element("span", {}, words.say("newConversation")));
    this.#build();
    this.element = element("div", { class: "chat", lang: words.language, dir: words.direction }, this.#bar, this.#scroll, this.#form, this.#card.element, this.#announcer);
    for (const turn of this.#memory.turns) this.#place(turn).restore(turn);
    this.#update();
  }

  /** Begins: takes up the question that a reload interrupted. The same `message_id` is the same turn. */
  begin(): void {
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
    const { pending } = this.#memory;
    this.#memory.pending = null;
    if (!pending) return;
    if (Date.now() - pending.at < RESUME_MS) {
      this.#memory.conversation_id = pending.conversation_id;
      void this.#run(pending.question, pending.message_id);
      return;
    }
    const seen: SeenTurn = { question: pending.question, passages: [], text: "", problem: this.words.say("interrupted") };
    this.#memory.turns.push(seen);
    this.#place(seen).restore(seen);
    this.#remember();
    this.#update();
  }

  /** Leaves the page: what is under way is taken up again when the chat comes back. */
  leave(): void {
    this.#running?.abort("left");
  }

  focus(): void {
    this.#question.focus();
  }

  /** Asks a question, unless another one is under way. */
  submit(text: string): void {
    if (this.#running || text.trim() === "") return;
    this.#question.value = "";
    this.#fit();
    void this.#run(text.trim(), newId());
  }

  /** Begins a new conversation. */
  renew(): void {
    this.#running?.abort();
    this.#memory = empty();
    this.#remember();
    this.#turns.replaceChildren();
    this.#update();
    this.focus();
  }

  openCard(citation: Parameters<View["openCard"]>[0]): void {
    this.#card.open(citation);
  }

  announce(text: string, language = this.words.language): void {
    this.#announcer.lang = language;
    // The same words twice are news as well.
    this.#announcer.replaceChildren(element("span", {}, text));
  }

  #stopped(): void {
    this.#running?.abort();
    this.focus();
  }

  /** Asks a question and shows what comes; `id` makes a repeated request the same turn. */
  async #run(text: string, id: string): Promise<void> {
    const conversation = this.#memory;
    const controller = new AbortController();
    this.#running = controller;
    const { conversation_id } = conversation;
    conversation.pending = { question: text, message_id: id, conversation_id, at: Date.now() };
    this.#remember();
    const seen: SeenTurn = { question: text, passages: [], text: "" };
    const turn = this.#place(seen);
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
    this.#announcer.replaceChildren();
    this.#update();
    try {
      const wanted = { question: text, message_id: id, ...(conversation_id && { conversation_id }) };
      for await (const event of ask(this.service, wanted, controller.signal)) {
        if (controller.signal.aborted) break;
        if (event.event === "turn") conversation.conversation_id = event.data.conversation_id;
        if (event.event === "sources") seen.passages = event.data.passages;
        if (event.event === "done") seen.done = event.data;
        this.#follow(turn, () => turn.take(event));
      }
      controller.signal.throwIfAborted();
      if (conversation === this.#memory) this.announce(this.words.say("answerReady", { text: turn.text.replaceAll(/\s*\[\d+\]/g, "") }), languageOf(turn.text));
    } catch (error) {
      // A page that is left takes the question up again when it comes back.
      if (controller.signal.reason === "left") return;
      this.#end(turn, seen, error, controller.signal, id);
      const problem = error instanceof Problem ? error : null;
      // The service may have finished an answer that never arrived: trying again asks for that one.
      if (problem?.code === "network") seen.message_id = id;
      // A conversation that the service no longer has is not asked for again.
      if (problem?.status === 404) conversation.conversation_id = null;
    }
    conversation.pending = null;
    seen.text = turn.text;
    conversation.turns.push(seen);
    if (this.#running === controller) this.#running = null;
    if (conversation === this.#memory) this.#remember();
    this.#update();
  }

  #end(turn: Turn, seen: SeenTurn, error: unknown, signal: AbortSignal, message_id: string): void {
    if (signal.aborted) {
      // Nobody waits for this answer any more: it would go on for a reader that lost its network.
      this.service.post("v1/chat/stop", { message_id }, { keepalive: true }).catch(() => {});
      seen.stopped = true;
      this.#follow(turn, () => turn.stop());
      this.announce(this.words.say("stopped"));
      return;
    }
    const problem = error instanceof Problem ? error : new Problem(this.words.say("failed"), "failed");
    seen.problem = problem.message;
    this.#follow(turn, () => turn.fail(problem.message, problem));
  }

  /** Puts a new turn at the end. Trying again takes the failed one away. */
  #place(seen: SeenTurn): Turn {
    const turn = new Turn(this, seen.question, () => {
      if (this.#running) return;
      const { turns } = this.#memory;
      const at = turns.indexOf(seen);
      if (at >= 0) turns.splice(at, 1);
      turn.element.remove();
      void this.#run(seen.question, seen.message_id ?? newId());
      this.focus();
    });
    turn.rated = (rating) => {
      seen.rating = rating;
      this.#remember();
    };
    this.#turns.append(turn.element);
    return turn;
  }

  /**
   * Changes a turn and keeps the end in sight if the reader was there, but only until the question has
   * reached the top: a long answer is read from its beginning, not chased.
   */
  #follow(turn: Turn, change: () => void): void {
    const scroll = this.#scroll;
    const atEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
    change();
    if (!atEnd) return;
    const top = turn.element.getBoundingClientRect().top - scroll.getBoundingClientRect().top + scroll.scrollTop;
    scroll.scrollTop = Math.min(scroll.scrollHeight, top);
  }

  #update(): void {
    const isEmpty = this.#turns.children.length === 0;
    this.#welcome.hidden = !isEmpty;
    this.#renew.hidden = isEmpty;
    const running = this.#running !== null;
    // A button that goes takes its focus along; the box keeps it.
    const root = this.#form.getRootNode() as ShadowRoot | Document;
    const held = root.activeElement === this.#send || root.activeElement === this.#stop;
    this.#send.hidden = running;
    this.#stop.hidden = !running;
    if (held) this.focus();
  }

  #remember(): void {
    remember(this.#options.memory, this.#memory);
  }

  /** Makes the box as high as its text, up to what the style sheet allows. */
  #fit(): void {
    this.#question.style.height = "auto";
    this.#question.style.height = `${this.#question.scrollHeight}px`;
  }

  #build(): void {
    const { words } = this;
    const { page, title, shut } = this.#options;
    this.#bar.append(
      element(
        "div",
        { class: "column" },
        heading(page ? 1 : 2, { class: "name" }, element("span", { class: "logo" }, icon(ICONS.docent)), title),
        // What the page has put into the element: its own links.
        element("slot"),
        this.#renew,
        shut ? button({ class: "quiet close", "aria-label": words.say("shut") }, shut, icon(ICONS.close)) : null,
      ),
    );
    this.#welcome.append(heading(page ? 2 : 3, {}, words.say("welcome")), element("p", {}, words.say("welcomeMore")), this.#suggestions());
    const column = element("div", { class: "column" }, this.#welcome, this.#turns);
    this.#scroll.append(column);
    // It scrolls, so the keyboard has to reach it.
    this.#scroll.tabIndex = 0;
    this.#scroll.setAttribute("role", page ? "main" : "region");
    this.#scroll.setAttribute("aria-label", words.say("conversation"));
    if (page) this.#bar.setAttribute("role", "banner");
    this.#question.setAttribute("aria-label", words.say("question"));
    this.#question.placeholder = words.say("placeholder");
    for (const [made, key] of [[this.#send, "send"], [this.#stop, "stop"]] as const) made.setAttribute("aria-label", words.say(key));
    this.#form.setAttribute("aria-label", words.say("question"));
    this.#form.append(element("div", { class: "box" }, this.#question, this.#send, this.#stop), element("p", { class: "hint" }, words.say("hint")));
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit(this.#question.value);
    });
    this.#question.addEventListener("input", () => this.#fit());
    this.#question.addEventListener("keydown", (event) => {
      // While a Korean syllable is being composed, Enter belongs to the input method (229 in Safari).
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      this.submit(this.#question.value);
    });
    // Keys that are typed here are no shortcuts of the host's page.
    this.#form.addEventListener("keypress", (event) => event.stopPropagation());
  }

  #suggestions(): HTMLElement {
    const offered = this.#options.suggestions.slice(0, MOST_SUGGESTIONS).map((text) => {
      const ask = () => {
        this.submit(text);
        this.focus();
      };
      return element("li", {}, button({ lang: languageOf(text), dir: "auto" }, ask, text));
    });
    return element("ul", { class: "suggestions" }, ...offered);
  }
}
