// Requests to the service, with a session where the page is not docent's own.

import type { Words } from "./words.js";

/** A question that got no answer: the message is for the reader, `code` and `status` as the service gave them. */
export class Problem extends Error {
  constructor(
    message: string,
    readonly code: string,
    readonly status = 0,
    /** Until when it makes no sense to try again, in milliseconds of the clock; 0: it does now. */
    readonly until = 0,
  ) {
    super(message);
  }
}

/** What the host signs its user with: the JWT, or what gets a fresh one. */
export type UserToken = string | (() => string | Promise<string>);

interface Session {
  token: string;
  expires_at: string;
}

// A session that runs out so soon is not begun with.
const MARGIN_MS = 20_000;

export class Service {
  /** Of whom the questions are; set by the host, null where the host does not say. */
  userToken: UserToken | null = null;
  #session: Promise<Session> | null = null;

  constructor(
    /** Where docent is, ending in `/`. */
    readonly base: string,
    readonly words: Words,
  ) {}

  /** A request to `path`; a session that has run out is renewed and the request sent again. Throws a `Problem` for what is no success. */
  async request(path: string, init: RequestInit): Promise<Response> {
    for (let attempt = 0; ; attempt += 1) {
      const headers = new Headers(init.headers);
      if (this.#needsSession) headers.set("Authorization", `Bearer ${await this.#token()}`);
      const response = await fetch(this.base + path, { cache: "no-store", ...init, headers });
      if (response.ok) return response;
      const problem = await this.#problem(response);
      if (problem.code !== "token_expired" || attempt > 0) throw problem;
      this.#session = null;
    }
  }

  /** Where somebody signs in, to come back to this page. */
  get signIn(): string {
    return `${this.base}login?to=${encodeURIComponent(location.pathname + location.search)}`;
  }

  /** A request with a JSON body. */
  post(path: string, body: unknown, init: RequestInit = {}): Promise<Response> {
    return this.request(path, {
      ...init,
      method: "POST",
      headers: { "Content-Type": "application/json", ...(init.headers as Record<string, string>) },
      body: JSON.stringify(body),
    });
  }

  get #needsSession(): boolean {
    return this.userToken !== null || new URL(this.base).origin !== location.origin;
  }

  async #token(): Promise<string> {
    const held = await this.#session;
    if (held && Date.parse(held.expires_at) - Date.now() > MARGIN_MS) return held.token;
    // Two requests at once wait for one session.
    const opening = this.#open();
    this.#session = opening;
    try {
      return (await opening).token;
    } catch (error) {
      if (this.#session === opening) this.#session = null;
      throw error;
    }
  }

  async #open(): Promise<Session> {
    const user_token = typeof this.userToken === "function" ? await this.userToken() : this.userToken;
    const response = await fetch(`${this.base}v1/widget/sessions`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(user_token === null ? {} : { user_token }),
      cache: "no-store",
    }).catch((error: unknown) => {
      // A browser does not tell a refused origin from a lost network.
      if (navigator.onLine) throw new Problem(this.words.say("notFromHere"), "network");
      throw error;
    });
    if (!response.ok) throw await this.#problem(response);
    return (await response.json()) as Session;
  }

  /** What a response that is no success stands for. */
  async #problem(response: Response): Promise<Problem> {
    const { status } = response;
    const seconds = Number(response.headers.get("Retry-After")) || 0;
    const until = seconds > 0 ? Date.now() + seconds * 1000 : 0;
    if (/^application\/(problem\+)?json/.test(response.headers.get("Content-Type") ?? "")) {
      const { title, detail, code } = (await response.json().catch(() => ({}))) as Record<string, string | undefined>;
      // What the service says is for programs; a person has a link.
      if (code === "login_required") return new Problem(this.words.say("signedOut"), code, status);
      return new Problem(detail || title || this.words.say("failed"), code ?? "unknown", status, until);
    }
    if (status === 429 || status === 503) return new Problem(this.words.say("tooBusy"), "busy", status, until);
    if (status >= 500) return new Problem(this.words.say("network"), "unreachable", status);
    return new Problem(this.words.say("signIn"), "not_docent", status);
  }
}
