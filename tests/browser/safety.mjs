// What a model writes is hostile: nothing of it is active, foreign or outside its place.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ask, open, show } from "./support/browser.mjs";
import { scene } from "./support/scene.mjs";

const QUESTION = "What counts as a weekly active rider?";
const GOOD = "A weekly active rider is a rider with at least one finished trip in the week [1].";

/** An answer as a hostile service would send it: docent itself takes most of this out before. */
const HOSTILE = [
  "<img src=x onerror=\"window.hurt=1\"> <script>window.hurt=1</script> <b onclick=1>bold</b>",
  "![a picture](https://evil.example/p.png) [go](javascript:window.hurt=1) [data](data:text/html,x) [fine](https://docs.example/a?b=1&c=2)",
  "[1]: https://evil.example/stolen",
  "<https://evil.example/auto> www.evil.example mail@evil.example",
  '[x](https://evil.example/" onmouseover="window.hurt=1)',
  "<svg/onload=window.hurt=1> <math><mtext><table><mglyph><style><img src=x onerror=window.hurt=1>",
  "| a <img src=x onerror=window.hurt=1> | `<b>` |\n|---|---|\n| [1](javascript:1) | [1] |",
  "- [ ] task\n- [x] <input autofocus onfocus=window.hurt=1>",
  "    <script>window.hurt=1</script>",
  "```html\n<script>window.hurt=1</script>\n```",
  "&lt;script&gt;window.hurt=1&lt;/script&gt; <!-- comment --> <docent-chat></docent-chat> <form action=https://evil.example><button>",
  "<style>*{display:none}</style><link rel=stylesheet href=https://evil.example/x.css>",
  `${"> ".repeat(60)}deep ${"*".repeat(400)}a${"_".repeat(400)}`,
  "It holds [1] [99] (unverified).",
].join("\n\n");

async function answered(page, answer) {
  await page.route("**/v1/chat", async (route) => {
    const { question } = route.request().postDataJSON();
    const citation = { number: 1, title: "<img src=x onerror=window.hurt=1>", uri: "javascript:window.hurt=1", path: "a.md", heading: "<b>h</b>", quote: answer, verified: true, updated_at: "2026-10-01T00:00:00Z", owner: "<i>o</i>", status: "<u>s</u>" };
    const done = { interaction_id: crypto.randomUUID(), conversation_id: crypto.randomUUID(), question, standalone_question: "<b>other</b>", answer, outcome: "answered", generator: "model", fallback_reason: null, citations: [citation], marks: [{ start: 0, end: 40, verified: false, reason: "<b>no</b>" }], contact: null };
    const events = [["turn", { ...done }], ["sources", { passages: [citation] }], ["delta", { text: answer.slice(0, 500) }], ["delta", { text: answer.slice(500) }], ["done", done]];
    const body = events.map(([event, data], id) => `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`).join("");
    await route.fulfill({ status: 200, headers: { "content-type": "text/event-stream", "access-control-allow-origin": "*" }, body });
  });
}

test("no trick in an answer or its sources becomes active", async () => {
  for (const [url, start] of [[() => scene.docent.quoting, null], [() => `${scene.hosts.origin}/plain`, show]]) {
    await open(scene.browser, url(), {}, async (page) => {
      const foreign = [];
      page.on("request", (request) => !new URL(request.url()).hostname.startsWith("127.") && foreign.push(request.url()));
      await answered(page, HOSTILE);
      await start?.(page);
      const turn = await ask(page, QUESTION);
      await turn.locator("button.chip").last().click();
      await page.locator(".quoted").waitFor();
      const found = await page.evaluate(() => {
        const { shadowRoot } = document.querySelector("docent-chat");
        const parts = [...shadowRoot.querySelectorAll(".turn, .turn *, .sheet, .sheet *")].filter((part) => !(part instanceof SVGElement));
        return {
          hurt: window.hurt,
          tags: [...new Set(parts.map(({ localName }) => localName))],
          handlers: parts.flatMap((part) => part.getAttributeNames()).filter((name) => /^on|^style$|^src/.test(name)),
          links: parts.filter(({ localName }) => localName === "a").map((link) => [link.getAttribute("href"), link.rel, link.target].join(" ")),
          quoteLinks: shadowRoot.querySelectorAll(".sheet a").length,
          chips: shadowRoot.querySelectorAll(".answer .chip").length,
          marks: shadowRoot.querySelectorAll(".answer mark").length,
          text: shadowRoot.querySelector(".answer").textContent,
        };
      });
      assert.equal(found.hurt, undefined);
      assert.deepEqual(found.handlers, []);
      assert.deepEqual(found.tags.filter((tag) => /script|img|style|svg|math|iframe|object|link|input|docent|video|base|meta/.test(tag)), []);
      for (const link of found.links) assert.match(link, /^https?:\/\/\S+ noopener noreferrer _blank$/);
      assert.ok(found.links.some((link) => link.startsWith("https://docs.example/a?b=1&c=2 ")));
      assert.equal(found.quoteLinks, 0);
      assert.equal(found.chips, 3);
      assert.equal(found.marks, 1);
      assert.match(found.text, /\[99\]/);
      assert.match(found.text, /<script>window\.hurt=1<\/script>/);
      assert.deepEqual(foreign, []);
    });
  }
});

test("Markdown of answers looks as it is meant", async () => {
  const text = "# Title\n\nFirst sentence. [1]\nSecond **bold** and `a|b` and *it* [1].\n\n1. one\n2. two\n   - inner [1]\n\n| a | b |\n|---|---|\n| `x\\|y` | 2 | [1]\n\nbefore\n| only | row | [1]\n\nlast line\nwraps on";
  await open(scene.browser, scene.docent.quoting, {}, async (page) => {
    await answered(page, text);
    const turn = await ask(page, QUESTION);
    const html = await turn.locator(".answer").evaluate((answer) => {
      for (const chip of answer.querySelectorAll(".chip")) chip.replaceWith("①");
      for (const glued of answer.querySelectorAll(".glued")) glued.replaceWith(...glued.childNodes);
      return answer.innerHTML.replaceAll(/ (tabindex|role|aria-label|class|scope)="[^"]*"/g, "");
    });
    assert.equal(
      html.replaceAll(/\n/g, "⏎").replaceAll(/>⏎+/g, ">").replaceAll(/⏎+</g, "<"),
      "<h3>Title</h3><p>First sentence. ①<br>Second <strong>bold</strong> and <code>a|b</code> and <em>it</em> ①.</p>" +
        "<ol><li>one</li><li>two<ul><li>inner ①</li></ul></li></ol>" +
        "<div><table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td><code>x|y</code></td><td>2 ①</td></tr></tbody></table></div>" +
        "<p>before</p><div><table><tbody><tr><td>only</td><td>row ①</td></tr></tbody></table></div><p>last line⏎wraps on</p>",
    );
  });
});

test("text that was shown stays the same elements while an answer grows", async () => {
  Object.assign(scene.docent.model.script, { text: `${GOOD}\n\n${"A week runs from Monday to Sunday. ".repeat(10)}`, gap: 20 });
  await open(scene.browser, scene.docent.writing, {}, async (page) => {
    await page.locator("#question").fill(QUESTION);
    await page.keyboard.press("Enter");
    await page.locator(".answer p").nth(1).waitFor();
    await page.locator(".answer p").first().evaluate((first) => (first.kept = true));
    await page.locator("[data-outcome]").waitFor();
    assert.equal(await page.locator(".answer p").first().evaluate((first) => first.kept), true);
  });
});
