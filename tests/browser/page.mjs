// docent's own page, where answers are quoted.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ask, axe, focused, open, send } from "./support/browser.mjs";
import { scene } from "./support/scene.mjs";

const page = (options, use) => open(scene.browser, scene.docent.quoting, options, use);

test("an answer shows its sources, and a chip opens the quote with place, age and owner", async () => {
  await page({ viewport: { width: 1280, height: 800 } }, async (page) => {
    const turn = await ask(page, "What counts as a weekly active rider?");
    assert.match(await turn.locator(".answer").innerText(), /at least one finished trip in the week/);
    await turn.locator("button.chip").first().click();
    const card = page.getByRole("dialog");
    assert.ok(await card.isVisible());
    assert.match(await card.locator("blockquote").innerText(), /week/);
    assert.match(await card.innerText(), /metrics\/weekly-active-riders\.md/);
    assert.match(await card.innerText(), /certified[^]*ago[^]*Rider Analytics/);
    await page.keyboard.press("Escape");
    assert.equal(await card.count(), 0);
    assert.equal(await focused(page), "chip", "focus goes back to where it was");
  });
});

test("what the documents do not say is refused, and handed to the owner of the nearest", async () => {
  await page({}, async (page) => {
    const turn = await ask(page, "What is the CEO's salary?");
    assert.match(await turn.innerText(), /found no answer/);
    assert.equal(await turn.locator("button.chip").count(), 0);
    const mail = new URL(await turn.locator(".contact a").getAttribute("href"));
    assert.equal(mail.protocol, "mailto:");
    assert.match(mail.pathname, /^[^@]+@tandemoor\.example$/);
    assert.match(mail.searchParams.get("body"), /What is the CEO's salary\?[^]*found no answer[^]*nearest ones/);
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await turn.locator(".contact button").click();
    await page.locator("#announcer", { hasText: "Copied" }).waitFor();
    assert.match(await page.evaluate(() => navigator.clipboard.readText()), /What is the CEO's salary/);
  });
});

test("a Korean question is answered from the Korean document, in a Korean page", async () => {
  await page({ locale: "ko-KR" }, async (page) => {
    const turn = await ask(page, "결품률의 정의와 목표는 무엇인가요?");
    assert.match(await turn.locator(".answer").innerText(), /결품률/);
    assert.equal(await turn.locator(".answer").getAttribute("lang"), "ko");
    assert.equal(await page.locator("html").getAttribute("lang"), "ko");
    assert.match(await turn.innerText(), /출처/);
  });
});

test("on a phone nothing is wider than the screen, and a source is a sheet from below", async () => {
  await page({ viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, reducedMotion: "reduce" }, async (page) => {
    const turn = await ask(page, "What is the difference between trip_date and started_at in fct_trips?");
    const wide = await page.locator(".scroller").evaluate((scroller) => [scroller.scrollWidth, scroller.clientWidth, document.documentElement.scrollWidth]);
    assert.ok(wide[0] <= wide[1] && wide[2] <= 360, String(wide));
    await turn.locator("button.source").first().tap();
    const sheet = await page.getByRole("dialog").boundingBox();
    assert.deepEqual([sheet.x, sheet.width, Math.round(sheet.y + sheet.height)], [0, 360, 740]);
  });
});

test("the conversation survives a reload, and a suggestion can be clicked", async () => {
  await page({}, async (page) => {
    await page.locator(".suggestions button").first().click();
    await page.locator("article.turn section.sources").waitFor();
    await page.reload();
    await page.locator("article.turn").waitFor();
    assert.equal(await page.locator("article.turn").count(), 1);
    assert.ok((await page.locator("article.turn button.chip").count()) > 0);
    await ask(page, "And who owns it?");
    assert.match(await page.locator(".understood").last().innerText(), /weekly active/i, "it is a follow-up");
    await page.getByRole("button", { name: "New conversation" }).click();
    assert.equal(await page.locator("article.turn").count(), 0);
    assert.equal(await focused(page), "question");
  });
});

test("tabs have conversations of their own, and a duplicated one goes on with its", async () => {
  await page({}, async (first, context) => {
    await ask(first, "What counts as a weekly active rider?");
    const second = await context.newPage();
    await second.goto(scene.docent.quoting);
    await ask(second, "How is utilisation defined?");
    // window.open gives its page a copy of the session storage, as duplicating a tab does.
    const [copy] = await Promise.all([context.waitForEvent("page"), first.evaluate(() => void window.open(location.href))]);
    await copy.locator("article.turn").waitFor();
    assert.match(await copy.locator("article.turn").innerText(), /weekly active rider/);
    await ask(copy, "And who owns it?");
    for (const [tab, turns] of [[first, 1], [second, 1], [copy, 2]]) {
      await tab.reload();
      await tab.locator("article.turn").first().waitFor();
      assert.equal(await tab.locator("article.turn").count(), turns);
    }
  });
});

test("keys alone do everything, and focus is kept", async () => {
  await page({}, async (page) => {
    const tabTo = async (wanted) => {
      for (let keys = 0; keys < 40; keys += 1) {
        if (wanted.test(String(await focused(page)))) return;
        await page.keyboard.press("Tab");
      }
      assert.fail(`no Tab leads to ${wanted}`);
    };
    await tabTo(/^question$/);
    await page.keyboard.type("What counts as a weekly active rider?");
    await page.keyboard.press("Enter");
    await page.locator("[data-outcome]").waitFor();
    assert.equal(await focused(page), "question", "the box keeps the focus");
    await page.locator(".scroller").focus();
    await tabTo(/^chip$/);
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    assert.match(await focused(page), /close/);
    await page.keyboard.press("Enter");
    await tabTo(/^chip$/);
    await tabTo(/small/);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Space");
    await page.locator("[aria-pressed=true]").waitFor();
    await page.keyboard.press("Tab");
    await tabTo(/TEXTAREA/);
    await page.keyboard.type("Good to know");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.locator("form.comment").waitFor({ state: "detached" });
    assert.match(await focused(page), /small/, "focus goes back to the thumb");
  });
});

test("the finished answer is announced once, and not while it is written", async () => {
  await page({}, async (page) => {
    await page.locator("#announcer").evaluate((announcer) => {
      window.said = [];
      new MutationObserver(() => announcer.textContent && window.said.push(announcer.textContent)).observe(announcer, { childList: true, subtree: true });
    });
    await ask(page, "What counts as a weekly active rider?");
    const said = await page.evaluate(() => window.said);
    assert.equal(said.length, 1);
    assert.match(said[0], /^Answer: A weekly active rider is/);
    assert.equal(await page.locator(".turn [aria-live], .turn [role=status]").count(), 0);
  });
});

test("axe finds nothing, in light and in dark, empty, answered, abstained and with a source open", async () => {
  for (const colorScheme of ["light", "dark"]) {
    await page({ colorScheme, reducedMotion: "reduce" }, async (page) => {
      assert.deepEqual(await axe(page), []);
      const turn = await ask(page, "Which columns does fct_trips have?");
      await turn.getByRole("button", { name: "Bad answer" }).click();
      await turn.locator("form.comment").waitFor();
      await ask(page, "What is the CEO's salary?");
      assert.deepEqual(await axe(page), []);
      await page.locator("button.source").first().click();
      assert.deepEqual(await axe(page), []);
    });
  }
});

test("two hundred messages are shown, kept and scrolled without trouble", async () => {
  await page({}, async (page) => {
    await ask(page, "What counts as a weekly active rider?");
    await page.evaluate(() => {
      const [name] = Object.keys(sessionStorage);
      const kept = JSON.parse(sessionStorage.getItem(name));
      kept.turns = Array.from({ length: 199 }, (_, at) => ({ ...kept.turns[0], question: `Question ${at + 1}` }));
      sessionStorage.setItem(name, JSON.stringify(kept));
    });
    const began = Date.now();
    await page.reload();
    await page.locator("article.turn").nth(198).waitFor();
    assert.ok(Date.now() - began < 5000, `it takes ${Date.now() - began} ms`);
    const turn = await send(page, "How is utilisation defined?");
    await turn.and(page.locator("[data-outcome]")).waitFor();
    assert.ok(await turn.locator(".asked").isVisible());
    const box = await turn.locator(".asked").boundingBox();
    const view = page.viewportSize();
    assert.ok(box.y >= 0 && box.y < view.height, "the last turn is in sight");
    await page.reload();
    await page.locator("article.turn").nth(199).waitFor();
    assert.equal(await page.locator("article.turn").count(), 200);
  });
});
