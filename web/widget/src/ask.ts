// One question to the service, across lost connections.

import { createParser, type EventSourceMessage } from "eventsource-parser";

import { Problem, type Service } from "./service.js";
import type { AnswerEvent, Question } from "./types.js";

// docent sends a comment every 15 s and keeps an answer going for 15 s after its reader was lost.
const SILENCE_MS = 40_000;
const WAITS_MS = [300, 700, 1500, 3000, 4000, 5000];
// So long a network that is known to be away is waited for.
const OFFLINE_MS = 60_000;

/**
 * Asks and yields what comes, ending with `done`. A lost connection yields `lost` and is taken up again with
 * the same `message_id`: events that were seen do not come twice, and the question is not asked twice.
 * Throws a `Problem`, or the signal's AbortError.
 */
export async function* ask(service: Service, question: Question, signal: AbortSignal): AsyncGenerator<AnswerEvent> {
  const { words } = service;
  let lastId = "";
  for (let losses = 0; ; ) {
    try {
      const headers = { Accept: "text/event-stream", ...(lastId && { "Last-Event-ID": lastId }) };
      const response = await service.post("v1/chat", question, { headers, signal });
      if (!response.headers.get("Content-Type")?.startsWith("text/event-stream") || !response.body) {
        throw new Problem(words.say("signIn"), "not_docent", response.status);
      }
      for await (const { event, data, id } of events(response.body)) {
        const parsed: unknown = JSON.parse(data);
        if (event === "error") {
          const { message, code } = parsed as { message?: string; code?: string };
          throw new Problem(message || words.say("failed"), code ?? "unknown");
        }
        lastId = id ?? lastId;
        yield { event, data: parsed } as AnswerEvent;
        if (event === "done") return;
      }
    } catch (error) {
      if (signal.aborted || error instanceof Problem || error instanceof SyntaxError) throw error;
    }
    const wait = WAITS_MS[losses];
    if (wait === undefined) throw new Problem(words.say("network"), "network");
    yield { event: "lost", data: null };
    await pause(navigator.onLine ? wait : OFFLINE_MS, signal);
    losses += 1;
  }
}

/** The events of a body. Throws when it breaks off, or says nothing (not even a comment) for too long. */
async function* events(body: ReadableStream<Uint8Array>): AsyncGenerator<EventSourceMessage> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const arrived: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (event) => arrived.push(event) });
  try {
    for (;;) {
      const { value, done } = await within(reader.read(), SILENCE_MS);
      if (done) return;
      parser.feed(decoder.decode(value, { stream: true }));
      yield* arrived.splice(0);
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout>;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing was received for ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Waits, at the longest until the network is back. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const ended = new AbortController();
    const end = (then: () => void) => {
      clearTimeout(timer);
      ended.abort();
      then();
    };
    const timer = setTimeout(() => end(resolve), ms);
    addEventListener("online", () => end(resolve), { signal: ended.signal });
    signal.addEventListener("abort", () => end(() => reject(signal.reason)), { signal: ended.signal });
    if (signal.aborted) end(() => reject(signal.reason));
  });
}
