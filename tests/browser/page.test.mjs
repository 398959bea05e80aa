// The chat page in a real browser, against the real program and the demo documents.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { createRequire } from "node:module";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
const { chromium } = createRequire(join(cache, "docent", "browser", "/"))("playwright-core");
const docent = join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "debug", "docent");

const data = mkdtempSync(join(tmpdir(), "docent-browser-"));
const common = ["--config", join(root, "demo", "docent.toml"), "--data", data];
let serving;
let browser;
let url;

before(async () => {
  const ingest = spawnSync(docent, [...common, "ingest"], { encoding: "utf8" });
  assert.equal(ingest.status, 0, ingest.stderr);
  const port = await freePort();
  url = `http://127.0.0.1:${port}/`;
  serving = spawn(docent, [...common, "serve"], {
    env: { ...process.env, DOCENT_SERVER__PORT: String(port) },
    stdio: ["ignore", "ignore", "inherit"],
  });
  for (let tries = 0; ; tries += 1) {
    const ready = await fetch(`${url}readyz`).catch(() => null);
    if (ready?.ok) break;
    assert.ok(tries < 100, "docent does not become ready");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
});

after(async () => {
  await browser?.close();
  if (serving) {
    const ended = new Promise((resolve) => serving.once("exit", resolve));
    serving.kill("SIGTERM");
    assert.equal(await ended, 0, "docent ends well");
  }
  rmSync(data, { recursive: true, force: true });
});

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** A page of its own; whatever goes wrong in it fails the test. */
async function open(options, use) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(String(error)));
  page.on("console", (message) => message.type() === "error" && wrong.push(message.text()));
  page.on("requestfailed", (request) => {
    if (!request.failure()?.errorText.includes("ERR_ABORTED")) wrong.push(request.url());
  });
  try {
    await page.goto(url);
    await use(page);
    assert.deepEqual(wrong, []);
  } finally {
    await context.close();
  }
}

async function ask(page, question) {
  await page.fill("#question", question);
  await page.keyboard.press("Enter");
  const turn = page.locator("article.turn").last();
  // What a screen reader is told when the answer is complete.
  await page.waitForFunction(() => document.querySelector("#announcer").textContent !== "");
  return turn;
}

test("an answer shows its sources, and a chip opens the quote", async () => {
  await open({ viewport: { width: 1280, height: 800 } }, async (page) => {
    const turn = await ask(page, "What counts as a weekly active rider?");
    assert.match(await turn.locator(".answer").innerText(), /at least one finished trip in the week/);
    await turn.locator("button.chip").first().click();
    const card = page.locator("#card");
    assert.ok(await card.isVisible());
    assert.match(await card.locator("blockquote").innerText(), /week/);
    assert.match(await card.innerText(), /metrics\/weekly-active-riders\.md/);
    await page.keyboard.press("Escape");
    assert.ok(!(await card.isVisible()));
  });
});

test("what the documents do not say is refused", async () => {
  await open({}, async (page) => {
    const turn = await ask(page, "What is the CEO's salary?");
    assert.match(await turn.innerText(), /found no answer/);
    assert.equal(await turn.locator("button.chip").count(), 0);
  });
});

test("a Korean question is answered from the Korean document, in a Korean page", async () => {
  await open({ locale: "ko-KR" }, async (page) => {
    const turn = await ask(page, "결품률의 정의와 목표는 무엇인가요?");
    assert.match(await turn.locator(".answer").innerText(), /결품률/);
    assert.equal(await page.locator("html").getAttribute("lang"), "ko");
  });
});

test("on a phone nothing is wider than the screen", async () => {
  await open({ viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true }, async (page) => {
    await ask(page, "What is the difference between trip_date and started_at in fct_trips?");
    const [scroll, width] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(scroll <= width, `${scroll} > ${width}`);
  });
});

test("the conversation survives a reload, and a suggestion can be clicked", async () => {
  await open({}, async (page) => {
    await page.locator("#suggestions button").first().click();
    await page.locator("article.turn section.sources").waitFor();
    await page.reload();
    assert.equal(await page.locator("article.turn").count(), 1);
    assert.ok((await page.locator("article.turn button.chip").count()) > 0);
  });
});
