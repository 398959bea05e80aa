// The chat page: the question box, the conversation and what survives a reload.

import { ask, Problem } from "./ask.js";
import { element } from "./dom.js";
import { Turn } from "./turn.js";
import { language, languageOf, words } from "./words.js";

const MEMORY = `docent ${location.pathname}`;
// A question that was under way is asked again after a reload only while the service may still hold it.
const RESUME_MS = 60_000;

const byId = (id) => document.getElementById(id);
const [bar, turns, welcome, suggestions] = ["bar", "turns", "welcome", "suggestions"].map(byId);
const [composer, question, send, stop, renew] = ["composer", "question", "send", "stop", "renew"].map(byId);
const announcer = byId("announcer");

/** `{conversation_id, turns: [{question, passages, text, done, stopped, problem, message_id}], pending}` */
let memory = recall();
let running = null;

translate();
suggest();
for (const turn of memory.turns) restore(turn);
update();
resume();

composer.addEventListener("submit", (event) => {
  event.preventDefault();
  submit(question.value);
});
question.addEventListener("keydown", (event) => {
  // While a Korean syllable is being composed, Enter belongs to the input method (229 in Safari).
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  submit(question.value);
});
question.addEventListener("input", fit);
stop.addEventListener("click", () => {
  running?.abort();
  question.focus();
});
renew.addEventListener("click", () => {
  running?.abort();
  memory = { conversation_id: null, turns: [], pending: null };
  remember();
  turns.replaceChildren();
  update();
  question.focus();
});

function submit(text) {
  if (running || text.trim() === "") return;
  question.value = "";
  fit();
  run(text.trim(), newId());
}

/** Asks a question and shows what comes; `id` makes a repeated request the same turn. */
async function run(text, id) {
  const conversation = memory;
  const controller = new AbortController();
  running = controller;
  conversation.pending = { question: text, message_id: id, at: Date.now() };
  remember();
  const seen = { question: text, passages: [] };
  const turn = place(text);
  scrollTo({ top: document.body.scrollHeight });
  update();
  try {
    const wanted = { question: text, message_id: id, conversation_id: conversation.conversation_id ?? undefined };
    for await (const { event, data } of ask(wanted, controller.signal)) {
      if (event === "turn") conversation.conversation_id = data.conversation_id;
      if (event === "sources") seen.passages = data.passages;
      if (event === "done") seen.done = data;
      follow(turn, () => turn.take(event, data));
    }
    announcer.lang = languageOf(turn.text);
    announcer.textContent = words.answerReady(turn.text.replaceAll(/\s*\[\d+\]/g, ""));
  } catch (error) {
    end(turn, seen, error, { signal: controller.signal, message_id: id });
    // The service may have finished an answer that never arrived: trying again asks for that one.
    if (error.code === "network") seen.message_id = id;
    // A conversation that the service no longer has is not asked for again.
    if (error.status === 404) conversation.conversation_id = null;
  } finally {
    conversation.pending = null;
    conversation.turns.push({ ...seen, text: turn.text });
    if (running === controller) running = null;
    if (conversation === memory) remember();
    update();
  }
}

function end(turn, seen, error, { signal, message_id }) {
  if (signal.aborted) {
    stopAnswering(message_id);
    seen.stopped = true;
    follow(turn, () => turn.stop());
    announcer.textContent = words.stopped;
    return;
  }
  seen.problem = error instanceof Problem ? error.message : words.failed;
  follow(turn, () => turn.fail(seen.problem));
  announcer.textContent = seen.problem;
}

/** Tells the service that nobody waits for this answer any more: it would go on for a reader that lost its network. */
function stopAnswering(message_id) {
  const body = JSON.stringify({ message_id });
  const headers = { "Content-Type": "application/json" };
  fetch("v1/chat/stop", { method: "POST", headers, body, keepalive: true }).catch(() => {});
}

/** Puts a new turn at the end of the page. Trying again takes the failed one away. */
function place(text) {
  const turn = new Turn(text, () => {
    if (running) return;
    const at = [...turns.children].indexOf(turn.element);
    const [before] = memory.turns.splice(at, 1);
    turn.element.remove();
    run(text, before?.message_id ?? newId());
    question.focus();
  });
  turns.append(turn.element);
  return turn;
}

/** Shows a turn of before the reload. */
function restore({ question: text, passages, text: answer, done, problem }) {
  const turn = place(text);
  turn.know(passages ?? []);
  turn.text = answer ?? "";
  if (done) return turn.finish(done);
  turn.draw();
  return problem ? turn.fail(problem) : turn.stop();
}

/** Takes up the question that a reload interrupted: the same `message_id` is the same turn. */
function resume() {
  const pending = memory.pending;
  memory.pending = null;
  if (!pending) return;
  if (Date.now() - pending.at < RESUME_MS) {
    run(pending.question, pending.message_id);
  } else {
    memory.turns.push({ question: pending.question, problem: words.interrupted });
    restore(memory.turns.at(-1));
    remember();
  }
}

/**
 * Changes a turn and keeps the page's end in sight if the reader was there, but only until the question has
 * reached the top: a long answer is read from its beginning, not chased.
 */
function follow(turn, change) {
  const page = document.documentElement;
  const atEnd = page.scrollHeight - page.scrollTop - page.clientHeight < 80;
  change();
  if (!atEnd) return;
  const top = turn.element.getBoundingClientRect().top + page.scrollTop - bar.offsetHeight;
  page.scrollTop = Math.min(page.scrollHeight, top);
}

function update() {
  const empty = turns.children.length === 0;
  welcome.hidden = !empty;
  renew.hidden = empty;
  send.hidden = running !== null;
  stop.hidden = running === null;
}

/** Makes the box as high as its text, up to what the style sheet allows. */
function fit() {
  question.style.height = "auto";
  question.style.height = `${question.scrollHeight}px`;
}

function translate() {
  document.documentElement.lang = language;
  for (const found of document.querySelectorAll("[data-word]")) found.textContent = words[found.dataset.word];
  for (const found of document.querySelectorAll("[data-word-label]")) found.setAttribute("aria-label", words[found.dataset.wordLabel]);
  question.placeholder = words.placeholder;
}

function suggest() {
  let texts = [];
  try {
    texts = JSON.parse(document.querySelector("meta[name=docent-suggestions]")?.content || "[]");
  } catch {
    // A page without suggestions is still a page.
  }
  for (const text of texts.filter((each) => typeof each === "string").slice(0, 6)) {
    const button = element("button", { type: "button", lang: languageOf(text) }, text);
    button.addEventListener("click", () => {
      submit(text);
      question.focus();
    });
    suggestions.append(element("li", {}, button));
  }
}

function recall() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(MEMORY));
    if (Array.isArray(kept?.turns)) return kept;
  } catch {
    // Storage that is closed to the page or was altered: an empty conversation.
  }
  return { conversation_id: null, turns: [], pending: null };
}

function remember() {
  try {
    sessionStorage.setItem(MEMORY, JSON.stringify(memory));
  } catch {
    // Full or closed: the conversation goes on, only a reload loses it.
  }
}

/** A version 4 UUID; `crypto.randomUUID` is missing on plain http. */
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
