// <docent-chat>: the chat in a shadow DOM, as a button with a panel, in its place on a page, or as the page.

import { Chat } from "./chat.js";
import { button, icon, ICONS } from "./dom.js";
import { nameOf } from "./memory.js";
import { Service, type UserToken } from "./service.js";
import css from "./style.css";
import { Words } from "./words.js";

/** Where docent is when the element does not say (`base`): where its script came from. */
let defaultBase = new URL("./", document.baseURI).href;
export function setDefaultBase(script: string): void {
  defaultBase = new URL("./", script).href;
}

// One sheet for all; constructed, so that a strict Content-Security-Policy has nothing to forbid.
let sheet: CSSStyleSheet | null = null;
function styles(): CSSStyleSheet {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
  }
  return sheet;
}

/**
 * Attributes, read when the element is placed: `mode` ("button", "inline", "page"), `base` (docent's address),
 * `lang`, `words` (address of a JSON file of texts), `heading`, `suggestions` (a JSON list), `theme` ("light",
 * "dark"), `position` ("start"), `open`, `user-token`, `user` (whose conversation it is, where
 * there is no token to tell). Links inside the element stand in its top bar. Properties: `userToken`. Methods: `show`, `hide`, `ask`.
 */
export class DocentChat extends HTMLElement {
  #chat: Chat | null = null;
  #launcher: HTMLButtonElement | null = null;
  #userToken: UserToken | null = null;
  #placed = 0;

  /** The JWT that the host has signed its user with, or a function that gets a fresh one. */
  get userToken(): UserToken | null {
    return this.#userToken ?? this.getAttribute("user-token");
  }

  set userToken(token: UserToken | null) {
    this.#userToken = token;
    if (this.#chat) void this.#start();
  }

  connectedCallback(): void {
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [styles()];
    void this.#start();
  }

  disconnectedCallback(): void {
    this.#placed += 1;
    this.#chat?.leave();
  }

  /** Opens the panel and puts the focus into the question box. */
  show(): void {
    this.setAttribute("open", "");
    this.#opened();
    this.#chat?.focus();
  }

  /** Closes the panel; focus goes back to the button. */
  hide(): void {
    this.removeAttribute("open");
    this.#opened();
    this.#launcher?.focus();
  }

  /** Asks a question as if it had been typed. */
  ask(question: string): void {
    this.show();
    this.#chat?.submit(question);
  }

  get #mode(): "button" | "inline" | "page" {
    const mode = this.getAttribute("mode");
    return mode === "inline" || mode === "page" ? mode : "button";
  }

  async #start(): Promise<void> {
    this.#placed += 1;
    const placed = this.#placed;
    this.#chat?.leave();
    const words = await this.#words();
    const userToken = this.userToken;
    const token = typeof userToken === "function" ? await Promise.resolve(userToken()).catch(() => "") : userToken;
    // Taken away, or placed anew, meanwhile.
    if (placed !== this.#placed) return;
    const mode = this.#mode;
    const service = new Service(this.#base, words);
    service.userToken = userToken;
    const shut = mode === "button" ? () => this.hide() : null;
    const page = mode === "page";
    if (page) document.documentElement.lang = words.language;
    const title = this.getAttribute("heading") ?? (page ? "docent" : words.say("chat"));
    const chat = new Chat({ words, service, page, title, suggestions: this.#suggestions, memory: nameOf(service.base, token ?? this.getAttribute("user")), shut });
    this.#chat = chat;
    this.#place(chat, mode, words);
    this.#opened();
    chat.begin();
    this.dispatchEvent(new CustomEvent("docent-ready", { bubbles: true }));
  }

  #place(chat: Chat, mode: string, words: Words): void {
    const root = this.shadowRoot;
    root?.replaceChildren(chat.element);
    this.#launcher = null;
    if (mode !== "button") return;
    chat.element.id = "panel";
    chat.element.setAttribute("role", "dialog");
    chat.element.setAttribute("aria-label", this.getAttribute("heading") ?? words.say("chat"));
    chat.element.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.isComposing) this.hide();
    });
    const label = words.say("open");
    this.#launcher = button({ class: "launcher", "aria-label": label, title: label, "aria-controls": "panel" }, () => (this.hasAttribute("open") ? this.hide() : this.show()), icon(ICONS.chat, { size: 26 }));
    root?.prepend(this.#launcher);
  }

  #opened(): void {
    if (!this.#chat || !this.#launcher) return;
    const open = this.hasAttribute("open");
    this.#chat.element.hidden = !open;
    this.#launcher.setAttribute("aria-expanded", String(open));
  }

  get #base(): string {
    const given = this.getAttribute("base");
    return given === null ? defaultBase : new URL(given.endsWith("/") ? given : `${given}/`, document.baseURI).href;
  }

  get #suggestions(): string[] {
    try {
      const texts: unknown = JSON.parse(this.getAttribute("suggestions") ?? "[]");
      return Array.isArray(texts) ? texts.filter((text) => typeof text === "string") : [];
    } catch {
      // A chat without suggestions is still a chat.
      return [];
    }
  }

  async #words(): Promise<Words> {
    const built = Words.of(this.getAttribute("lang") ?? navigator.language);
    const file = this.getAttribute("words");
    if (!file) return built;
    try {
      const response = await fetch(new URL(file, document.baseURI));
      return response.ok ? Words.from(await response.json()) : built;
    } catch {
      // Without its texts it speaks English.
      return built;
    }
  }
}

/** Makes the element known, once, however many scripts bring it. */
export function define(): void {
  if (!customElements.get("docent-chat")) customElements.define("docent-chat", DocentChat);
}
