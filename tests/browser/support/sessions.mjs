// STAND-IN for docent's own POST /v1/widget/sessions and its CORS: a proxy that keeps that contract in front of the real
// service, which sees its requests as those of its own page. Where docent answers the route itself, tests can point the
// widget at docent instead.
//
// The contract: from an allowed origin 201 {token, expires_at}; the token is wanted as `Authorization: Bearer` by
// every other route; 401 `token_expired` when it has run out; 403 `origin_not_allowed` for other origins.

import { randomUUID } from "node:crypto";
import { createServer, request as forward } from "node:http";

/** `state.lifetime` is how long a token is good, in ms; `state.refuse` answers the next questions instead; `state.cut()` breaks all open answers. */
export async function startSessions(service, allowed) {
  const state = { lifetime: 900_000, sessions: 0, users: [], refuse: null, cut: () => {} };
  const tokens = new Map();
  const open = new Set();
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, service);
    const { origin } = request.headers;
    const isScript = /^\/widget\.m?js$/.test(pathname);
    if (!isScript && !allowed().includes(origin)) return problem(response, 403, "origin_not_allowed", "pages of this origin may not ask docent");
    if (!isScript) response.setHeader("access-control-allow-origin", origin);
    if (request.method === "OPTIONS") {
      response.writeHead(204, { "access-control-allow-methods": "POST, GET, DELETE", "access-control-allow-headers": "authorization, content-type, last-event-id" });
      return response.end();
    }
    if (pathname === "/v1/widget/sessions") {
      const token = randomUUID();
      const until = Date.now() + state.lifetime;
      tokens.set(token, until);
      state.sessions += 1;
      state.users.push(JSON.parse(await text(request)).user_token ?? null);
      response.writeHead(201, { "content-type": "application/json" });
      // What the browser believes may be longer than what holds: the clocks differ.
      return response.end(JSON.stringify({ token, expires_at: new Date(Date.now() + 900_000).toISOString() }));
    }
    if (!isScript && !(tokens.get(request.headers.authorization?.replace("Bearer ", "")) > Date.now())) {
      return problem(response, 401, "token_expired", "the session has run out; open another one");
    }
    if (state.refuse && pathname === "/v1/chat") {
      const [status, code, detail] = state.refuse;
      response.setHeader("retry-after", "2");
      response.setHeader("access-control-expose-headers", "retry-after");
      return problem(response, status, code, detail);
    }
    const { authorization, origin: own, referer, ...headers } = request.headers;
    const passed = forward(new URL(request.url, service), { method: request.method, headers: { ...headers, host: new URL(service).host } }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    open.add(response);
    response.on("close", () => {
      open.delete(response);
      passed.destroy();
    });
    passed.on("error", () => response.destroy());
    request.pipe(passed);
  });
  state.cut = () => open.forEach((response) => response.destroy());
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const end = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${server.address().port}/`, state, end };
}

function problem(response, status, code, detail) {
  response.writeHead(status, { "content-type": "application/problem+json" });
  response.end(JSON.stringify({ status, code, detail }));
}

async function text(request) {
  let body = "";
  for await (const piece of request) body += piece;
  return body || "{}";
}
