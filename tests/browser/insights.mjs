// The pages of the data team, over what the other tests and these have asked.

import assert from "node:assert/strict";
import { before, test } from "node:test";

import { axe, open } from "./support/browser.mjs";
import { scene } from "./support/scene.mjs";

const PAGES = ["use", "gaps", "cost", "ingest", "program"];
const SIZES = { phone: { width: 360, height: 740 }, desktop: { width: 1320, height: 860 } };
const url = (path) => `${scene.docent.writing}insights/${path}`;
let interaction;

before(async () => {
  const ask = async (question) => {
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${scene.docent.writing}v1/chat`, { method: "POST", headers, body: JSON.stringify({ question }) });
    return response.json();
  };
  interaction = (await ask("What counts as a weekly active rider?")).interaction_id;
  await ask("What is the CEO's salary?");
  await ask("결품률의 정의와 목표는 무엇인가요?");
  for (let tries = 0; ; tries += 1) {
    const page = await fetch(url(`interactions/${interaction}`));
    if (page.ok) break;
    assert.ok(tries < 100, "the question is never written down");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
});

test("every page is free of what axe finds, at both widths, in both colours", async () => {
  for (const name of [...PAGES, `interactions/${interaction}`]) {
    for (const [size, viewport] of Object.entries(SIZES)) {
      for (const colorScheme of ["light", "dark"]) {
        await open(scene.browser, url(name), { viewport, colorScheme }, async (page) => {
          for (const details of await page.locator("details").all()) await details.evaluate((each) => (each.open = true));
          assert.deepEqual(await axe(page), [], `${name}, ${size}, ${colorScheme}`);
          const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          assert.ok(wide <= 0, `${name} is ${wide} px wider than the ${size}`);
        });
      }
    }
  }
});

test("a filter is in the address: it survives a reload, other pages, and an export", async () => {
  await open(scene.browser, url("use"), { viewport: SIZES.desktop }, async (page) => {
    await page.getByLabel("Channel").selectOption("api");
    await page.getByLabel("From").fill("2026-01-01");
    await page.getByRole("button", { name: "Show" }).click();
    await page.waitForURL(/channel=api/);
    await page.reload();
    assert.equal(await page.getByLabel("Channel").inputValue(), "api");
    assert.equal(await page.getByLabel("From").inputValue(), "2026-01-01");
    await page.getByRole("link", { name: "Gaps" }).click();
    await page.waitForURL(/insights\/gaps\?.*channel=api/);
    assert.equal(await page.getByLabel("From").inputValue(), "2026-01-01");
    await page.getByRole("link", { name: "7 days" }).click();
    assert.equal(await page.getByLabel("Channel").inputValue(), "api");
    const download = page.waitForEvent("download");
    await page.getByRole("link", { name: "CSV What to write next" }).click();
    assert.match((await download).suggestedFilename(), /^docent-gaps-open-.*\.csv$/);
  });
});

test("a chart says its figures to a pointer, to a screen reader and in a table", async () => {
  await open(scene.browser, url("use"), { viewport: SIZES.desktop }, async (page) => {
    const section = page.locator("#questions");
    await section.getByRole("img", { name: "Questions" }).waitFor();
    assert.match(await section.locator("svg title").last().textContent(), /^\d{4}-\d\d-\d\d: \d+/);
    await section.locator("summary").focus();
    await page.keyboard.press("Enter");
    const total = (await section.locator("tbody tr").last().locator("td").last().innerText()).trim();
    assert.ok(Number(total) >= 3, total);
  });
});

test("a page reads as Korean where the browser does, and keeps the filter when it changes", async () => {
  await open(scene.browser, url("use?from=2026-01-01"), { locale: "ko-KR" }, async (page) => {
    assert.equal(await page.locator("html").getAttribute("lang"), "ko");
    await page.getByRole("heading", { name: "사용", level: 1 }).waitFor();
    await page.getByRole("link", { name: "English" }).click();
    await page.getByRole("heading", { name: "Use", level: 1 }).waitFor();
    assert.match(page.url(), /from=2026-01-01/);
  });
});
