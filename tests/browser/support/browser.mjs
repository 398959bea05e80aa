// Headless Chromium, and what is done in it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";

const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
const require = createRequire(join(cache, "docent", "browser", "/"));
const { chromium } = require("playwright-core");
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

export function startBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
}

/** A page of its own; whatever goes wrong in it, beside what is `expected`, fails the test. */
export async function open(browser, url, options, use, expected = /$^/) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(String(error)));
  page.on("console", (message) => message.type() === "error" && wrong.push(message.text()));
  page.on("requestfailed", (request) => {
    if (!request.failure()?.errorText.includes("ERR_ABORTED")) wrong.push(`${request.url()} ${request.failure()?.errorText}`);
  });
  try {
    await page.goto(url);
    await use(page, context);
    assert.deepEqual(wrong.filter((each) => !expected.test(each)), []);
  } finally {
    await context.close();
  }
}

/** Types a question and sends it; the turn that it becomes. */
export async function send(page, question) {
  const turns = page.locator("article.turn");
  const before = await turns.count();
  await page.locator("#question").fill(question);
  await page.locator("#question").press("Enter");
  return turns.nth(before);
}

/** Asks, and waits for the end of the answer. */
export async function ask(page, question) {
  const turn = await send(page, question);
  await turn.and(page.locator("[data-outcome]")).waitFor();
  return turn;
}

/** Opens the widget's panel. */
export async function show(page) {
  await page.locator("button.launcher").click();
  await page.locator("#question").waitFor();
}

/** What axe finds on a page, in the colours that it has. */
export async function axe(page) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join("\n")}`);
}

/** The deepest element that has the focus. */
export function focused(page) {
  return page.evaluate(() => {
    let at = document.activeElement;
    while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
    return at?.id || at?.className || at?.tagName;
  });
}
