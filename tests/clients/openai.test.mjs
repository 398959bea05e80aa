// The official clients of OpenAI's API and of the AI SDK against the real program over the demo documents.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { startDocent } from "../browser/support/docent.mjs";

const installed = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "docent", "clients");
const require = createRequire(join(installed, "/"));
const { default: OpenAI } = require("openai");
const here = dirname(fileURLToPath(import.meta.url));

const QUESTION = "What counts as a weekly active rider?";
const UNKNOWN = "What is the CEO's salary?";

let docent;
let key;

before(async () => {
  docent = await startDocent();
  [key] = docent.run("key", "create", "clients", "--group", "everyone").match(/docent_\S+/);
});
after(() => docent?.end());

const client = (options = {}) => new OpenAI({ baseURL: `${docent.quoting}v1`, apiKey: key, maxRetries: 0, ...options });
const asking = (content) => ({ model: "docent", messages: [{ role: "user", content }] });

/** That a completion cites what it says, by footnotes. */
function isCited({ choices: [{ message }] }, citations = message.citations) {
  assert.ok(citations.length > 0);
  for (const { number, title, quote } of citations) {
    assert.ok(message.content.includes(`[^${number}]`));
    assert.ok(message.content.includes(`\n[^${number}]: [`), message.content);
    assert.ok(title && quote);
  }
}

test("openai for Node lists the model, asks, and streams", async () => {
  const models = await client().models.list();
  assert.deepEqual(models.data.map(({ id }) => id), ["docent"]);
  assert.equal((await client().models.retrieve("docent")).id, "docent");

  const whole = await client().chat.completions.create(asking(QUESTION));
  isCited(whole);
  assert.equal(whole.docent.outcome, "answered");
  assert.equal(typeof whole.usage.total_tokens, "number");

  const stream = client().chat.completions.stream({ ...asking(QUESTION), stream_options: { include_usage: true } });
  let said = "";
  stream.on("content", (delta) => (said += delta));
  const streamed = await stream.finalChatCompletion();
  assert.equal(said, streamed.choices[0].message.content);
  assert.equal(said, whole.choices[0].message.content);
  isCited(streamed, streamed.citations);
  assert.equal((await stream.totalUsage()).total_tokens, whole.usage.total_tokens);

  const declined = await client().chat.completions.create(asking(UNKNOWN));
  assert.equal(declined.docent.outcome, "abstained");
  assert.equal(declined.choices[0].finish_reason, "stop");
});

test("openai for Node carries a conversation on, and raises what was refused", async () => {
  const { choices } = await client().chat.completions.create(asking("Who owns the revenue dashboard?"));
  const messages = [...asking("Who owns the revenue dashboard?").messages, choices[0].message, { role: "user", content: "How can I reach them?" }];
  const followUp = await client().chat.completions.create({ model: "docent", messages });
  assert.match(followUp.choices[0].message.content, /Finance Data|#finance-data/);

  const raised = (promise, type, code) =>
    assert.rejects(promise, (error) => {
      assert.ok(error instanceof type, String(error));
      assert.equal(error.code, code);
      return true;
    });
  await raised(client({ apiKey: "docent_0123456789abcdef" }).models.list(), OpenAI.AuthenticationError, "key_unknown");
  await raised(client().chat.completions.create({ ...asking(QUESTION), model: "gpt-5" }), OpenAI.NotFoundError, "model_not_found");
  const tools = [{ type: "function", function: { name: "now", parameters: {} } }];
  await raised(client().chat.completions.create({ ...asking(QUESTION), tools }), OpenAI.BadRequestError, "unsupported_parameter");
});

test("openai for Python does the same", async () => {
  const python = join(installed, "python", "bin", "python");
  const env = { ...process.env, OPENAI_BASE_URL: `${docent.quoting}v1`, OPENAI_API_KEY: key };
  const { stdout } = await promisify(execFile)(python, [join(here, "openai_client.py")], { env });
  assert.equal(stdout.trim(), "ok");
});

for (const version of ["ai", "ai-5"]) {
  test(`a chat of the AI SDK (${version}) shows text, sources and citations`, async () => {
    const { AbstractChat, DefaultChatTransport } = require(version);
    docent.model.script.text = "A weekly active rider is a rider with at least one finished trip in the week [1]. Everyone gets a free bike.";
    // `Chat` of the packages for React, Vue and Svelte is this one, with a state of theirs.
    class Chat extends AbstractChat {
      constructor(id, messages = []) {
        const state = { status: "ready", error: undefined, messages, snapshot: structuredClone };
        state.pushMessage = (message) => state.messages.push(message);
        state.popMessage = () => state.messages.pop();
        state.replaceMessage = (at, message) => (state.messages[at] = structuredClone(message));
        super({ id, transport: new DefaultChatTransport({ api: `${docent.writing}v1/ui-message` }), state });
      }
    }
    const chat = new Chat();
    await chat.sendMessage({ text: QUESTION });
    assert.equal(chat.error, undefined);
    assert.equal(chat.status, "ready");
    const { id, role, parts, metadata } = chat.messages[1];
    assert.equal(role, "assistant");
    assert.equal(id, metadata.interaction_id);
    assert.equal(metadata.outcome, "answered");
    const [text] = parts.filter(({ type }) => type === "text");
    assert.equal(text.state, "done");
    assert.match(text.text, /\[1\]/);
    const [{ data }] = parts.filter(({ type }) => type === "data-citations");
    const urls = parts.filter(({ type }) => type === "source-url").map(({ url }) => url);
    assert.deepEqual(urls, data.map(({ uri }) => uri));
    assert.ok(parts.some(({ type, data }) => type === "data-mark" && data.verified === false));

    await chat.sendMessage({ text: UNKNOWN });
    assert.equal(chat.messages[3].metadata.outcome, "abstained");
    assert.equal(chat.messages[3].metadata.conversation_id, metadata.conversation_id);
    await chat.regenerate();
    assert.equal(chat.messages.length, 4);
    assert.equal(chat.error, undefined);

    // A page that is opened anew goes on with the answer that is being written, and later with none.
    docent.model.script.gap = 100;
    const asked = chat.sendMessage({ text: QUESTION });
    while (chat.status !== "streaming") await new Promise((done) => setTimeout(done, 20));
    const anew = new Chat(chat.id, chat.messages.slice(0, 5));
    await anew.resumeStream();
    await asked;
    docent.model.script.gap = 0;
    assert.equal(anew.error, undefined);
    assert.deepEqual(anew.messages, chat.messages);
    await anew.resumeStream();
    assert.equal(anew.error, undefined);
    assert.equal(anew.messages.length, 6);
  });
}
