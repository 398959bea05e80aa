// The widget across a bad network, sessions that run out, and refusals.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ask, axe, open, send, show } from "./support/browser.mjs";
import { scene } from "./support/scene.mjs";

const QUESTION = "What counts as a weekly active rider?";
const GOOD = "A weekly active rider is a rider with at least one finished trip in the week [1].";
const LONG = `${GOOD} ${Array.from({ length: 30 }, (_, at) => `This is sentence ${at} of many.`).join(" ")}`;

const host = (path, use, expected) =>
  open(scene.browser, `${scene.hosts.origin}${path}`, {}, async (page, context) => {
    await show(page);
    await use(page, context);
  }, expected);
const says = (text, gap = 0) => Object.assign(scene.docent.model.script, { text, gap });

/** Every sentence once, in its order. */
function whole(text) {
  const numbers = [...text.matchAll(/sentence (\d+) of/g)].map(([, number]) => Number(number));
  assert.deepEqual(numbers, Array.from({ length: 30 }, (_, at) => at));
}

test("an answer goes on after its connection broke, without a word lost or doubled", async () => {
  says(LONG, 15);
  const { asked } = scene.docent.model.script;
  await host("/plain", async (page) => {
    const turn = await send(page, QUESTION);
    for (const number of [2, 8, 15]) {
      await turn.locator(".answer", { hasText: `sentence ${number}` }).waitFor();
      scene.sessions.state.cut();
      await turn.locator(".status", { hasText: "Connection lost" }).waitFor();
    }
    await turn.and(page.locator("[data-outcome]")).waitFor();
    whole(await turn.locator(".answer").innerText());
    assert.equal(scene.docent.model.script.asked, asked + 1, "it was asked once");
  }, /ERR_INCOMPLETE_CHUNKED|ERR_EMPTY_RESPONSE|ERR_CONNECTION/);
});

test("offline in the middle of an answer, and back", async () => {
  says(LONG, 15);
  const { asked } = scene.docent.model.script;
  await host("/plain", async (page, context) => {
    const turn = await send(page, QUESTION);
    await turn.locator(".answer", { hasText: "sentence 3" }).waitFor();
    await context.setOffline(true);
    scene.sessions.state.cut();
    await turn.locator(".status", { hasText: "Connection lost" }).waitFor();
    await page.waitForTimeout(1500);
    await context.setOffline(false);
    await turn.and(page.locator("[data-outcome]")).waitFor();
    whole(await turn.locator(".answer").innerText());
    assert.equal(await page.locator("article.turn").count(), 1);
    assert.equal(scene.docent.model.script.asked, asked + 1);
  }, /ERR_/);
});

test("a session that has run out is renewed without anyone noticing, and asked once", async () => {
  says(GOOD);
  scene.sessions.state.lifetime = 1500;
  try {
    await host("/plain", async (page) => {
      await ask(page, QUESTION);
      const { sessions } = scene.sessions.state;
      await page.waitForTimeout(1600);
      const turn = await ask(page, "And the target?");
      assert.equal(await turn.getAttribute("data-outcome"), "answered");
      assert.equal(scene.sessions.state.sessions, sessions + 1);
      assert.equal(await page.locator("article.turn").count(), 2);
    }, /401/);
  } finally {
    scene.sessions.state.lifetime = 900_000;
  }
});

test("too many questions: a plain sentence as an alert, and trying again", async () => {
  says(GOOD);
  scene.sessions.state.refuse = [429, "rate_limited", "you have asked 30 questions within a minute; ask again in 7 seconds"];
  try {
    await host("/plain", async (page) => {
      const turn = await ask(page, QUESTION);
      assert.match(await turn.getByRole("alert").innerText(), /You have asked 30 questions within a minute; ask again in 7 seconds/i);
      // Not before the time that the service said.
      assert.ok(await turn.getByRole("button", { name: /Try again in [12] seconds?/ }).isDisabled());
      assert.deepEqual(await axe(page), []);
      scene.sessions.state.refuse = null;
      await turn.getByRole("button", { name: "Try again", exact: true }).click();
      await page.locator("[data-outcome=answered]").waitFor();
      assert.equal(await page.locator("article.turn").count(), 1);
    }, /429/);
  } finally {
    scene.sessions.state.refuse = null;
  }
});

test("a forbidden origin is told so in a sentence, and learns nothing", async () => {
  const answers = [];
  await open(scene.browser, `${scene.strangers.origin}/plain`, {}, async (page) => {
    page.on("response", (response) => answers.push(`${response.status()} ${response.url()}`));
    await show(page);
    const turn = await ask(page, QUESTION);
    assert.match(await turn.getByRole("alert").innerText(), /not allowed to ask \(widget\.allowed_origins\)/);
    assert.equal(await turn.locator("button.chip").count(), 0);
  }, /CORS|403|ERR_FAILED/);
  assert.ok(answers.every((answer) => !answer.startsWith("2")), String(answers));
});

test("the host's signed user goes with the session, and has a conversation of their own", async () => {
  says(GOOD);
  await open(scene.browser, `${scene.hosts.origin}/user`, {}, async (page) => {
    await show(page);
    await ask(page, QUESTION);
    assert.match(scene.sessions.state.users.at(-1), /^e30\./);
    await page.goto(`${scene.hosts.origin}/plain`);
    await show(page);
    assert.equal(await page.locator("article.turn").count(), 0, "another user does not see it");
    await page.goto(`${scene.hosts.origin}/user`);
    await show(page);
    assert.equal(await page.locator("article.turn").count(), 1);
  });
});
