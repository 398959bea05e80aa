// Who asks, in a browser, against the real service: people of an identity provider at docent's own pages, and
// sessions of the widget on a host's page, with the user that the host has signed.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ask, axe, open, show } from "./support/browser.mjs";
import { scene } from "./support/scene.mjs";

const OPEN = "What counts as a weekly active rider?";
const GOOD = "A weekly active rider is a rider with at least one finished trip in the week [1].";
// Of the group finance alone.
const CLOSED = "What commission does Hanbit Pay take?";
const FEES = "Hanbit Pay takes a commission of 1.65% and a fixed fee of 40 won per charge [1].";
/** What only the closed document says. */
const SECRET = /1\.65|provider-fees|Payment provider fees/;
const UNKNOWN = "What is the CEO's salary?";

const says = (text) => Object.assign(scene.docent.model.script, { text, gap: 0, standalone: OPEN });
const outcome = (turn) => turn.getAttribute("data-outcome");
const known = () => scene.docent.known;
const page = (use, expected, options = {}) => open(scene.browser, known().url, options, use, expected);
const host = (path, use, expected) => open(scene.browser, `${known().hosts.origin}${path}`, {}, use, expected);

/** The sessions that a page begins from now on: their answers. */
function sessions(page) {
  const begun = [];
  page.on("response", async (response) => {
    if (!response.url().endsWith("/v1/widget/sessions") || response.request().method() !== "POST") return;
    begun.push({ status: response.status(), ...(await response.json().catch(() => ({}))) });
  });
  return begun;
}

test("somebody signs in, asks with their groups and signs out; the next one sees nothing of it", async () => {
  await known().person({ email: "ana@example.com", groups: ["finance"] });
  await page(async (page) => {
    assert.equal(page.url(), known().url, "by way of the identity provider, and back");
    says(FEES);
    const turn = await ask(page, CLOSED);
    assert.equal(await outcome(turn), "answered");
    assert.match(await turn.locator(".answer").innerText(), /1\.65%/);
    await page.reload();
    assert.match(await page.locator("article.turn").innerText(), /1\.65%/, "it survives a reload");
    assert.deepEqual(await axe(page), []);
    await known().person({ email: "ben@example.com", groups: ["sales"] });
    await page.getByRole("link", { name: "Sign out" }).click();
    await page.waitForURL(known().url);
    await page.locator("#question").waitFor();
    assert.equal(await page.locator("article.turn").count(), 0, "the tab has kept nothing for somebody else");
    says(GOOD);
    const other = await ask(page, CLOSED);
    assert.match(await outcome(other), /answered|abstained/);
    assert.doesNotMatch(await other.innerText(), SECRET);
  });
});

test("a sign-in that is over is said as an alert, and signing in again leads back to the conversation", async () => {
  await known().person({ email: "ana@example.com", groups: ["finance"] });
  await page(async (page, context) => {
    says(GOOD);
    await ask(page, OPEN);
    // Ended in another window of the same person: the cookie is still there, and worth nothing.
    const { cookies } = await context.storageState();
    const other = await scene.browser.newContext();
    await other.addCookies(cookies);
    await other.request.get(`${known().url}logout`, { maxRedirects: 0 });
    await other.close();
    const turn = await ask(page, "And the target?");
    assert.equal(await outcome(turn), "failed");
    assert.match(await turn.getByRole("alert").innerText(), /not signed in any more/);
    assert.deepEqual(await axe(page), []);
    await turn.getByRole("link", { name: "Sign in" }).click();
    await page.waitForURL(known().url);
    await page.locator("article.turn").nth(1).waitFor();
    await page.locator("article.turn").nth(1).getByRole("button", { name: "Try again" }).click();
    await page.locator("article.turn").nth(1).and(page.locator("[data-outcome=answered]")).waitFor();
  }, /401/);
});

test("the pages of the data team are for its members, who sign in with the same account", async () => {
  const insights = `${known().url}insights/use`;
  await known().person({ email: "ana@example.com", groups: ["finance"] });
  await open(scene.browser, insights, {}, async (page) => {
    await page.getByRole("link", { name: /sign in/i }).click();
    await page.waitForURL(insights);
    assert.match(await page.locator("body").innerText(), /you may not see these pages/i);
    assert.deepEqual(await axe(page), []);
  }, /40[13]/);
  await known().person({ email: "dana@example.com", groups: ["data-platform"] });
  await open(scene.browser, insights, {}, async (page) => {
    await page.getByRole("link", { name: /sign in/i }).click();
    await page.waitForURL(insights);
    await page.getByLabel("Channel").waitFor();
    // Signed out at docent's own page, she is so here.
    await page.context().request.get(`${known().url}logout`, { maxRedirects: 0 });
    await page.reload();
    await page.getByRole("link", { name: /sign in/i }).waitFor();
  }, /401/);
});

test("a sign-in that was begun elsewhere is refused with a reason, and can be begun again", async () => {
  await open(scene.browser, `${known().url}login/callback?code=x&state=y`, {}, async (page) => {
    assert.match(await page.getByRole("alert").innerText(), /begun in another browser/);
    await known().person({ email: "ana@example.com", groups: [] });
    await page.getByRole("link", { name: "Sign in again" }).click();
    await page.locator("#question").waitFor();
  }, /40[04]/);
});

test("a visitor's session is the host's, a quarter of an hour long, and renewed when it is over", async () => {
  await host("/plain", async (page) => {
    const begun = sessions(page);
    says(GOOD);
    await show(page);
    assert.equal(await outcome(await ask(page, OPEN)), "answered");
    await ask(page, "And the target?");
    assert.equal(begun.length, 1, "one session for all questions");
    const [{ status, expires_at }] = begun;
    const minutes = (Date.parse(expires_at) - Date.now()) / 60_000;
    assert.ok(status === 201 && minutes > 14 && minutes <= 15, `${status}, ${minutes} minutes`);
    await page.clock.setSystemTime(Date.now() + 15 * 60_000);
    assert.equal(await outcome(await ask(page, "And who owns it?")), "answered");
    // Its token is the same where both began in one second: nothing else is in it.
    assert.deepEqual(begun.map(({ status }) => status), [201, 201]);
    assert.equal(await page.locator("article.turn").count(), 3);
  });
});

test("a session that the service has ended is renewed without anyone noticing, and asked once", async () => {
  await host("/signed?sub=ana&groups=finance&seconds=3", async (page) => {
    const begun = sessions(page);
    // This browser's clock is late, so that it believes its session for longer than the service does.
    await page.clock.setSystemTime(Date.now() - 10 * 60_000);
    says(FEES);
    await show(page);
    const { asked } = scene.docent.model.script;
    assert.equal(await outcome(await ask(page, CLOSED)), "answered");
    await page.waitForTimeout(4000);
    assert.equal(await outcome(await ask(page, CLOSED)), "answered");
    assert.equal(begun.length, 2);
    assert.equal(scene.docent.model.script.asked, asked + 2);
  }, /401/);
});

test("the user whom the host has signed reads what their groups may, a visitor does not, a forged one nothing", async () => {
  says(FEES);
  await host("/signed?sub=ana&groups=finance", async (page) => {
    await show(page);
    assert.equal(await outcome(await ask(page, CLOSED)), "answered");
  });
  await host("/plain", async (page) => {
    await show(page);
    says(GOOD);
    const turn = await ask(page, CLOSED);
    assert.match(await outcome(turn), /answered|abstained/);
    assert.doesNotMatch(await turn.innerText(), SECRET);
  });
  await host("/user", async (page) => {
    const begun = sessions(page);
    await show(page);
    const turn = await ask(page, CLOSED);
    assert.match(await turn.getByRole("alert").innerText(), /token must be a JWT/);
    assert.deepEqual(begun.map(({ status }) => status), [401]);
  }, /401/);
});

test("a page of an origin that is not allowed gets no session, and says so", async () => {
  const answers = [];
  await open(scene.browser, `${known().strangers.origin}/plain`, {}, async (page) => {
    page.on("response", (response) => response.url().includes("/v1/") && answers.push(response.status()));
    await show(page);
    const turn = await ask(page, OPEN);
    assert.match(await turn.getByRole("alert").innerText(), /not allowed to ask \(widget\.allowed_origins\)/);
  }, /CORS|403|ERR_FAILED/);
  assert.ok(answers.every((status) => status === 403), String(answers));
});

test("one click asks the owner in Slack, once, and a visitor has the prepared mail", async () => {
  const asked = async () => (await known().posted()).filter(({ text }) => text.includes(UNKNOWN));
  await host("/signed?sub=ana&groups=finance", async (page) => {
    await show(page);
    const turn = await ask(page, UNKNOWN);
    assert.equal((await asked()).length, 0, "nobody is asked before the click");
    const button = turn.getByRole("button", { name: "Ask in Slack" });
    await button.focus();
    await page.keyboard.press("Enter");
    await page.locator("#announcer", { hasText: "was asked in Slack" }).waitFor();
    assert.match(await turn.locator(".contact").innerText(), /was asked in Slack\. The reply becomes docent's answer/);
    assert.deepEqual(await axe(page), []);
    // Again, and after a reload: nobody is asked twice.
    await button.click();
    await page.reload();
    await show(page);
    await page.getByRole("button", { name: "Ask in Slack" }).click();
    await page.locator(".contact", { hasText: "was asked in Slack" }).waitFor();
    const [post, ...more] = await asked();
    assert.equal(more.length, 0);
    assert.match(post.channel, /^#/);
  });
  await host("/plain", async (page) => {
    await show(page);
    const turn = await ask(page, UNKNOWN);
    assert.equal(await turn.getByRole("button", { name: "Ask in Slack" }).count(), 0);
    assert.match(await turn.locator(".contact a").getAttribute("href"), /^mailto:/);
  });
});

test("docent's own page leads to what it knows", async () => {
  await known().person({ email: "ana@example.com", groups: ["finance"] });
  await page(async (page) => {
    await page.getByRole("link", { name: "문서 목록" }).click();
    await page.waitForURL(`${known().url}sources`);
    assert.match(await page.locator("main").innerText(), /tandemoor/);
    await page.getByRole("link", { name: "docent" }).first().click();
    await page.locator("#question").waitFor();
  }, undefined, { locale: "ko-KR" });
});
