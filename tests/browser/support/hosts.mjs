// Pages of others with the widget in them: one with bad manners in each way, and what else they serve.

import { createServer } from "node:http";

const TEXT = "<main><h1>An internal page</h1><p>Some text that was here before.</p></main>";

/** The pages by path, for a widget whose script is at `docent`. */
function pages(docent) {
  const script = (attributes = "") => `<script src="${docent}widget.js" ${attributes}></script>`;
  return {
    "/plain": { body: `${TEXT}${script(`data-suggestions='["What counts as a weekly active rider?"]'`)}` },
    "/dark": { body: `${TEXT}${script(`data-theme="dark" data-open`)}`, head: "<style>body{background:#222;color:#eee}</style>" },
    // Everything unset, and everything important.
    "/unset": {
      head: "<style>*, *::before, *::after { all: unset !important; display: inline !important; color: red !important; float: left !important } docent-chat { width: 3px !important; display: none !important; font: 90px serif !important }</style>",
      body: `${TEXT}${script()}`,
    },
    // Huge fonts, wide letters, everything in capitals.
    "/huge": {
      head: "<style>html{font-size:60px;letter-spacing:.5em;text-transform:uppercase;line-height:4} body *{font-size:2em!important;word-spacing:1em}button,textarea,p{border:9px solid red;margin:50px}</style>",
      body: `${TEXT}${script()}`,
    },
    // Sideways, unseen, and without buttons.
    "/sideways": {
      head: "<style>html{writing-mode:vertical-rl;text-align:right;white-space:pre;cursor:wait}button,textarea,section,article{display:none!important;position:absolute!important;opacity:0!important}[hidden]{display:block!important}docent-chat,body *{visibility:hidden!important;transform:rotate(30deg)!important;filter:blur(9px)!important;pointer-events:none!important;contain:strict!important;zoom:3!important}</style>",
      body: `${TEXT}${script()}`,
    },
    // From right to left, with texts of its own.
    "/rtl": { html: 'lang="ar" dir="rtl"', body: `${TEXT}${script('data-words="/ar.json" data-position="end"')}` },
    "/ar.json": {
      type: "application/json",
      body: JSON.stringify({ language: "ar", chat: "اسأل docent", open: "اسأل عن بياناتنا", welcome: "اسأل عن منتجات البيانات", placeholder: "اكتب سؤالك", send: "إرسال", sources: "المصادر", newConversation: "محادثة جديدة" }),
    },
    // In its place, as a module, with colours of its own.
    "/inline": {
      head: "<style>docent-chat{--docent-accent:#8a1c7c;--docent-height:30em}</style>",
      body: `${TEXT}<docent-chat mode="inline" id="here"></docent-chat><script type="module" src="${docent}widget.mjs"></script>`,
    },
    // Nothing but docent may be loaded or asked, and nothing inline runs.
    "/strict": {
      csp: `default-src 'none'; script-src ${docent}; connect-src ${docent}; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types dompurify`,
      body: `${TEXT}${script('crossorigin="anonymous"')}`,
    },
    "/user": { body: `${TEXT}${script(`data-user-token="e30.${Buffer.from('{"sub":"ana"}').toString("base64url")}.x"`)}` },
  };
}

/** `sign` is what signs this host's user, at /signed: `?sub=ana&groups=finance&seconds=3`. */
export async function startHosts(docent, { integrity = "", sign } = {}) {
  const known = pages(docent);
  const server = createServer((request, response) => {
    const { pathname: url, searchParams, search } = new URL(request.url, "http://host");
    const user = () => sign({ sub: searchParams.get("sub"), groups: searchParams.getAll("groups"), seconds: Number(searchParams.get("seconds") ?? 600) });
    if (sign && url === "/token") return response.writeHead(200, { "content-type": "text/plain", "cache-control": "no-store" }).end(user());
    if (sign && url === "/signed") {
      // A fresh token whenever the widget wants one.
      const script = `document.querySelector("docent-chat").userToken = async () => (await fetch("/token${search}")).text()`;
      known[url] = { body: `${TEXT}<script src="${docent}widget.js"></script><script>addEventListener("DOMContentLoaded", () => { ${script} })</script>` };
    }
    const page = url === "/integrity" ? { body: `${TEXT}<script src="${docent}widget.js" integrity="${integrity}" crossorigin="anonymous"></script>` } : known[url];
    if (!page) return response.writeHead(url === "/favicon.ico" ? 204 : 404).end();
    const { html = 'lang="en"', head = "", body, csp, type = "text/html" } = page;
    response.writeHead(200, { "content-type": `${type}; charset=utf-8`, ...(csp && { "content-security-policy": csp }) });
    response.end(type === "text/html" ? `<!doctype html><html ${html}><head><title>Host</title><meta name="viewport" content="width=device-width">${head}</head><body>${body}</body></html>` : body);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const end = () => {
    server.closeAllConnections();
    server.close();
  };
  return { origin: `http://127.0.0.1:${server.address().port}`, end };
}
