// A scripted chat model: a server that speaks POST /v1/chat/completions, as docent asks it.

import { createServer } from "node:http";

/** `script.text` is what it says, word by word every `script.gap` ms; a follow-up's standalone question is `script.standalone`. */
export async function startModel() {
  const script = { text: "", gap: 0, standalone: "", asked: 0 };
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const piece of request) body += piece;
    const { stream } = JSON.parse(body);
    if (!stream) {
      response.writeHead(200, { "content-type": "application/json" });
      const message = { role: "assistant", content: script.standalone };
      response.end(JSON.stringify({ id: "1", object: "chat.completion", created: 1, model: "scripted", choices: [{ index: 0, message, finish_reason: "stop" }], usage: USAGE }));
      return;
    }
    script.asked += 1;
    const { text, gap } = script;
    response.writeHead(200, { "content-type": "text/event-stream" });
    const send = (choices, usage) => response.write(`data: ${JSON.stringify({ id: "1", object: "chat.completion.chunk", created: 1, model: "scripted", choices, usage })}\n\n`);
    for (const word of text.match(/\S+\s*|\s+/g) ?? []) {
      if (response.destroyed) return;
      send([{ index: 0, delta: { content: word }, finish_reason: null }]);
      if (gap > 0) await new Promise((resolve) => setTimeout(resolve, gap));
    }
    send([{ index: 0, delta: {}, finish_reason: "stop" }]);
    send([], USAGE);
    response.end("data: [DONE]\n\n");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const end = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${server.address().port}/v1`, script, end };
}

const USAGE = { prompt_tokens: 10, completion_tokens: 10, total_tokens: 20 };
