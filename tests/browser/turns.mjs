// docent's own page over a model: what happens while an answer is written, and after it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ask, open, send } from "./support/browser.mjs";
import { scene } from "./support/scene.mjs";

const QUESTION = "What counts as a weekly active rider?";
const GOOD = "A weekly active rider is a rider with at least one finished trip in the week [1].";

const page = (use, expected) => open(scene.browser, scene.docent.writing, {}, use, expected);
const says = (text, gap = 0) => Object.assign(scene.docent.model.script, { text, gap });

test("words appear as they are written, and stop stops them for good", async () => {
  says(`${GOOD} ${"A week runs from Monday to Sunday. ".repeat(40)}`, 30);
  await page(async (page) => {
    const turn = await send(page, QUESTION);
    await turn.locator(".answer", { hasText: "finished trip" }).waitFor();
    assert.equal(await turn.getAttribute("data-outcome"), null, "it goes on");
    await page.getByRole("button", { name: "Stop" }).click();
    await turn.locator(".note", { hasText: "Stopped" }).waitFor();
    const text = await turn.locator(".answer").innerText();
    await page.waitForTimeout(300);
    assert.equal(await turn.locator(".answer").innerText(), text);
    await page.reload();
    assert.match(await page.locator("article.turn").innerText(), /Stopped/);
    says(GOOD);
    await page.getByRole("button", { name: "Try again" }).click();
    await page.locator("[data-outcome=answered]").waitFor();
    assert.equal(await page.locator("article.turn").count(), 1, "it takes the place of the stopped one");
  });
});

test("what no passage says is marked, with the reason below", async () => {
  says(`${GOOD}\n\nIn 2031 there will be 987654 of them [1].`);
  await page(async (page) => {
    const turn = await ask(page, QUESTION);
    assert.equal(await turn.locator("mark.unverified").innerText(), "unverified");
    assert.match(await turn.locator(".not-found").innerText(), /987654/);
    assert.equal(await turn.locator("button.chip").count(), 1);
  });
});

test("a follow-up is asked as one", async () => {
  Object.assign(scene.docent.model.script, { text: GOOD, gap: 0, standalone: "Who owns the weekly active riders metric?" });
  await page(async (page) => {
    await ask(page, QUESTION);
    says("The owner is Rider Analytics [1].");
    const turn = await ask(page, "Who owns it?");
    assert.match(await turn.locator(".understood").innerText(), /weekly active riders metric/);
  });
});

test("thumbs and a comment reach the ledger, and survive a reload", async () => {
  says(GOOD);
  await page(async (page) => {
    const sent = [];
    page.on("request", (request) => request.url().endsWith("/v1/feedback") && sent.push(request.postDataJSON()));
    const turn = await ask(page, QUESTION);
    await turn.getByRole("button", { name: "Bad answer" }).click();
    await turn.getByRole("textbox").fill("The target is missing");
    const [response] = await Promise.all([page.waitForResponse(/feedback/), turn.getByRole("button", { name: "Send the comment" }).click()]);
    assert.equal(response.status(), 204);
    assert.deepEqual(sent.map(({ rating, comment }) => [rating, comment]), [["down", undefined], ["down", "The target is missing"]]);
    await page.reload();
    await page.locator("article.turn [aria-pressed=true]").waitFor();
    assert.equal(await page.locator("[aria-pressed=true]").getAttribute("aria-label"), "Bad answer");
  });
});

test("an answer is copied with its sources", async () => {
  says(GOOD);
  await page(async (page) => {
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    const turn = await ask(page, QUESTION);
    await turn.getByRole("button", { name: "Copy the answer" }).click();
    await page.locator("#announcer", { hasText: "Copied" }).waitFor();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(copied, /finished trip in the week \[1\]\.\n\n\[1\] Weekly active riders: .*weekly-active-riders\.md/);
  });
});

test("an answer that a reload interrupts is taken up again, and asked once", async () => {
  says(`${GOOD} ${"A week runs from Monday to Sunday. ".repeat(12)}`, 25);
  await page(async (page) => {
    const { asked } = scene.docent.model.script;
    const turn = await send(page, QUESTION);
    await turn.locator(".answer", { hasText: "finished trip" }).waitFor();
    await page.reload();
    await page.locator("[data-outcome=answered]").waitFor();
    assert.equal(await page.locator("article.turn").count(), 1);
    assert.equal(scene.docent.model.script.asked, asked + 1);
  });
});
