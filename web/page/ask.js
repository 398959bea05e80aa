// One question to the service, across lost connections.

import { events } from "./sse.js";
import { words } from "./words.js";

// docent sends a comment every 15 s and keeps an answer going for 15 s after its reader was lost.
const SILENCE_MS = 40_000;
const WAITS_MS = [300, 700, 1500, 3000, 4000, 5000];

/** A question that got no answer: `message` for the reader, `code` and `status` as the service gave them. */
export class Problem extends Error {
  constructor(message, code, status = 0) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/**
 * Asks `{question, conversation_id, message_id}` and yields `{event, data}` with the data parsed, ending
 * with `done`. A lost connection yields `lost` and is taken up again with the same `message_id`.
 * Throws a `Problem`, or the signal's AbortError.
 */
export async function* ask(turn, signal) {
  let lastId = "";
  let losses = 0;
  for (;;) {
    try {
      const response = await fetch("v1/chat", {
        method: "POST",
        headers: {
          "Content-Type": "application/json",
          Accept: "text/event-stream",
          ...(lastId && { "Last-Event-ID": lastId }),
        },
        body: JSON.stringify(turn),
        cache: "no-store",
        signal,
      });
      await refuse(response);
      for await (const { event, data, id } of events(response.body, SILENCE_MS)) {
        const parsed = JSON.parse(data);
        if (event === "error") throw new Problem(parsed.message || words.failed, parsed.code);
        lastId = id || lastId;
        yield { event, data: parsed };
        if (event === "done") return;
      }
    } catch (error) {
      if (signal.aborted || error instanceof Problem || error instanceof SyntaxError) throw error;
    }
    if (losses === WAITS_MS.length) throw new Problem(words.network, "network");
    yield { event: "lost", data: {} };
    await pause(WAITS_MS[losses], signal);
    losses += 1;
  }
}

/** Throws the problem that a response stands for, unless it is a stream of events. */
async function refuse(response) {
  const kind = response.headers.get("Content-Type") ?? "";
  if (response.ok && kind.startsWith("text/event-stream")) return;
  if (/^application\/(problem\+)?json/.test(kind) && !response.ok) {
    const { title, detail, code } = await response.json().catch(() => ({}));
    throw new Problem(detail || title || words.failed, code, response.status);
  }
  if (response.status === 429 || response.status === 503) throw new Problem(words.tooBusy, "busy", response.status);
  if (response.status >= 500) throw new Problem(words.network, "unreachable", response.status);
  throw new Problem(words.signIn, "not_docent", response.status);
}

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
  });
}
