// The widget on pages of others, whatever these do.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ask, axe, focused, open, show } from "./support/browser.mjs";
import { scene } from "./support/scene.mjs";

const QUESTION = "What counts as a weekly active rider?";
const GOOD = "A weekly active rider is a rider with at least one finished trip in the week [1].";

const host = (path, options, use) => open(scene.browser, `${scene.hosts.origin}${path}`, options, use);

/** What of the widget's look a page could break. */
async function look(page) {
  await show(page);
  await ask(page, QUESTION);
  return page.evaluate(() => {
    const { shadowRoot } = document.querySelector("docent-chat");
    const wanted = ["display", "font-size", "letter-spacing", "text-transform", "color", "line-height", "border-top-width", "padding-inline-start", "word-spacing"];
    return Object.fromEntries(
      ["#panel", ".launcher", ".asked", ".answer p", ".chip", "#question", ".source .title"].map((selector) => {
        const found = shadowRoot.querySelector(selector);
        const { width, height } = found.getBoundingClientRect();
        const styles = getComputedStyle(found);
        return [selector, [Math.round(width), Math.round(height), ...wanted.map((name) => styles.getPropertyValue(name))].join(" ")];
      }),
    );
  });
}

test("hostile styles of a page do not change the widget", async () => {
  Object.assign(scene.docent.model.script, { text: GOOD, gap: 0 });
  let usual;
  await host("/plain", {}, async (page) => (usual = await look(page)));
  for (const path of ["/unset", "/huge", "/sideways"]) {
    await host(path, {}, async (page) => assert.deepEqual(await look(page), usual, path));
  }
});

test("the widget changes nothing of its page", async () => {
  await host("/plain", {}, async (page) => {
    const look = () =>
      page.evaluate(() =>
        [...document.querySelectorAll("html, body, h1, p")].map((each) => {
          const { x, y, width, height } = each.getBoundingClientRect();
          return [x, y, width, height, getComputedStyle(each).font, getComputedStyle(each).color];
        }),
      );
    await page.locator("button.launcher").waitFor();
    const after = await look();
    await page.evaluate(() => document.querySelector("docent-chat").remove());
    assert.deepEqual(await look(), after);
    assert.deepEqual(await page.evaluate(() => Object.keys(window).filter((name) => /docent|marked|purify/i.test(name))), []);
  });
});

test("from right to left, in a language of the host's", async () => {
  await host("/rtl", { viewport: { width: 1000, height: 700 } }, async (page) => {
    await page.getByRole("button", { name: "اسأل عن بياناتنا" }).click();
    const panel = await page.locator("#panel").boundingBox();
    const launcher = await page.locator("button.launcher").boundingBox();
    assert.ok(panel.x + panel.width < 500 && launcher.x < 100, "the end of a line is on the left");
    assert.equal(await page.locator("#panel").getAttribute("dir"), "rtl");
    const turn = await ask(page, QUESTION);
    assert.match(await turn.locator(".sources h4").innerText(), /المصادر/);
    const [asked, frame] = [await turn.locator(".asked").boundingBox(), await turn.boundingBox()];
    assert.ok(asked.x - frame.x < 5, "the question is on its reader's side");
    assert.deepEqual(await axe(page), []);
  });
});

test("a strict Content-Security-Policy with trusted types, and an integrity, are no hindrance", async () => {
  for (const path of ["/strict", "/integrity"]) {
    await host(path, {}, async (page) => {
      await show(page);
      const turn = await ask(page, QUESTION);
      assert.equal(await turn.getAttribute("data-outcome"), "answered");
      assert.ok((await page.locator("#panel").boundingBox()).width > 300, "it has its styles");
    });
  }
});

test("in its place, as a module, with the host's colour", async () => {
  await host("/inline", {}, async (page) => {
    const turn = await ask(page, QUESTION);
    assert.equal(await page.locator("button.launcher").count(), 0);
    assert.equal(await turn.locator("button.chip").evaluate((chip) => getComputedStyle(chip).color), "rgb(138, 28, 124)");
    const place = await page.locator("#here").boundingBox();
    assert.equal(Math.round(place.height), 480);
    await page.evaluate(() => document.querySelector("docent-chat").ask("How is utilisation defined?"));
    await page.locator("article.turn").nth(1).waitFor();
  });
});

test("the panel opens and closes by keys, and focus comes back", async () => {
  await host("/plain", {}, async (page) => {
    await page.keyboard.press("Tab");
    assert.equal(await focused(page), "launcher");
    await page.keyboard.press("Enter");
    assert.equal(await focused(page), "question");
    await page.locator(".suggestions button").first().click();
    const turn = page.locator("article.turn");
    await turn.locator("button.chip").first().click();
    await page.keyboard.press("Escape");
    assert.ok(await page.locator("#panel").isVisible(), "the first Escape closes the source");
    await page.keyboard.press("Escape");
    assert.ok(!(await page.locator("#panel").isVisible()));
    assert.equal(await focused(page), "launcher");
    assert.equal(await page.locator("button.launcher").getAttribute("aria-expanded"), "false");
  });
});

test("on a phone the panel is the screen, on a tablet it is a panel, and axe finds nothing", async () => {
  for (const [width, height, full] of [[360, 740, true], [820, 1180, false]]) {
    for (const colorScheme of ["light", "dark"]) {
      await host("/plain", { viewport: { width, height }, colorScheme, hasTouch: true, reducedMotion: "reduce" }, async (page) => {
        await show(page);
        await ask(page, QUESTION);
        const panel = await page.locator("#panel").boundingBox();
        assert.equal(panel.width === width && panel.height === height, full);
        const colour = await page.locator("#panel").evaluate((panel) => getComputedStyle(panel).backgroundColor);
        assert.equal(colour, colorScheme === "dark" ? "rgb(22, 24, 26)" : "rgb(251, 250, 248)");
        assert.deepEqual(await axe(page), []);
      });
    }
  }
});
