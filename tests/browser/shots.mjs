// Pictures of each state at three widths, in light and in dark, to be looked at: node tests/browser/shots.mjs FOLDER
// [NAME], where NAME is a part of the names wanted.

import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { ask, open, send, show } from "./support/browser.mjs";
import { end, scene, start } from "./support/scene.mjs";

const [folder, wanted = ""] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });

const QUESTION = "What counts as a weekly active rider?";
const TEXT = `A weekly active rider is a rider with at least one finished trip in the week [1]. In 2031 there will be 987654 of them [1].

- A week runs from Monday 00:00 to Sunday 24:00, Korea Standard Time (ISO week) [1].
- Read it in \`fct_weekly_active_riders\` [1].

| counted | not counted |
|---|---|
| members, casual riders, tourists | staff (\`rider_type = 'staff'\`) |`;
const says = (text, gap = 0) => Object.assign(scene.docent.model.script, { text, gap });

/** What is done on a page before its picture; `on` says which page. */
const STATES = {
  "page-empty": [() => scene.docent.quoting, async () => {}],
  "page-answer": [() => scene.docent.quoting, async (page) => ask(page, "Why was revenue doubled on 14 March 2026?")],
  "page-table": [() => scene.docent.quoting, async (page) => ask(page, "Which columns does fct_trips have?")],
  "page-unverified": [() => scene.docent.writing, async (page) => ask(page, QUESTION)],
  "page-rated": [() => scene.docent.writing, async (page) => (await ask(page, QUESTION)).getByRole("button", { name: "Bad answer" }).click()],
  "page-source": [() => scene.docent.quoting, async (page) => (await ask(page, QUESTION)).locator("button.chip").first().click()],
  "page-abstained": [() => scene.docent.quoting, async (page) => ask(page, "What is the CEO's salary?")],
  "page-writing": [
    () => scene.docent.writing,
    async (page) => {
      says(TEXT, 60);
      await (await send(page, QUESTION)).locator(".answer", { hasText: "Korea" }).waitFor();
      says(TEXT);
    },
  ],
  "page-signed-in": [
    () => scene.docent.known.url,
    async (page) => {
      says("Hanbit Pay takes a commission of 1.65% and a fixed fee of 40 won per charge [1].");
      await ask(page, "What commission does Hanbit Pay take?");
    },
  ],
  "page-signed-out": [
    () => scene.docent.known.url,
    async (page) => {
      await page.context().clearCookies();
      await ask(page, QUESTION);
    },
  ],
  "page-korean": [() => scene.docent.quoting, async (page) => ask(page, "결품률의 정의와 목표는 무엇인가요?"), { locale: "ko-KR" }],
  "widget-shut": [() => `${scene.hosts.origin}/plain`, async (page) => page.locator("button.launcher").waitFor()],
  "widget-empty": [() => `${scene.hosts.origin}/plain`, show],
  "widget-answer": [() => `${scene.hosts.origin}/plain`, async (page) => show(page).then(() => ask(page, QUESTION))],
  "widget-source": [() => `${scene.hosts.origin}/plain`, async (page) => show(page).then(async () => (await ask(page, QUESTION)).locator("button.chip").first().click())],
  "widget-abstained": [() => `${scene.hosts.origin}/plain`, async (page) => show(page).then(() => ask(page, "What is the CEO's salary?"))],
  "widget-handed-off": [
    () => `${scene.docent.known.hosts.origin}/signed?sub=ana`,
    async (page) => {
      await show(page);
      await (await ask(page, "What is the CEO's salary?")).getByRole("button", { name: "Ask in Slack" }).click();
      await page.locator(".contact", { hasText: "was asked in Slack" }).waitFor();
    },
  ],
  "widget-offline": [
    () => `${scene.hosts.origin}/plain`,
    async (page) => {
      await show(page);
      says(TEXT, 60);
      const turn = await send(page, QUESTION);
      await turn.locator(".answer", { hasText: "finished" }).waitFor();
      await page.context().setOffline(true);
      scene.sessions.state.cut();
      await turn.locator(".status", { hasText: "Connection lost" }).waitFor();
    },
  ],
  "widget-stopped": [
    () => `${scene.hosts.origin}/plain`,
    async (page) => {
      await show(page);
      says(TEXT, 60);
      const turn = await send(page, QUESTION);
      await turn.locator(".answer", { hasText: "finished" }).waitFor();
      await page.getByRole("button", { name: "Stop" }).click();
      await turn.locator(".note", { hasText: "Stopped" }).waitFor();
    },
  ],
  "widget-limited": [
    () => `${scene.hosts.origin}/plain`,
    async (page) => {
      scene.sessions.state.refuse = [429, "rate_limited", "You have asked 30 questions within a minute, and no more are allowed; ask again in 7 seconds."];
      await show(page);
      await ask(page, QUESTION);
      scene.sessions.state.refuse = null;
    },
  ],
  "widget-refused": [() => `${scene.strangers.origin}/plain`, async (page) => show(page).then(() => ask(page, QUESTION))],
  "widget-unset": [() => `${scene.hosts.origin}/unset`, async (page) => show(page).then(() => ask(page, QUESTION))],
  "widget-huge": [() => `${scene.hosts.origin}/huge`, async (page) => show(page).then(() => ask(page, QUESTION))],
  "widget-sideways": [() => `${scene.hosts.origin}/sideways`, async (page) => show(page).then(() => ask(page, QUESTION))],
  "widget-rtl": [() => `${scene.hosts.origin}/rtl`, async (page) => show(page).then(() => ask(page, QUESTION))],
  "widget-inline": [() => `${scene.hosts.origin}/inline`, async (page) => ask(page, QUESTION)],
};
const SIZES = { phone: { width: 360, height: 740 }, tablet: { width: 820, height: 1000 }, desktop: { width: 1320, height: 860 } };

await start();
await scene.docent.known.person({ email: "ana@example.com", groups: ["finance"] });
try {
  for (const [name, [url, act, options = {}]] of Object.entries(STATES).filter(([name]) => name.includes(wanted))) {
    for (const [size, viewport] of Object.entries(SIZES)) {
      for (const colorScheme of ["light", "dark"]) {
        says(TEXT);
        const touch = size === "desktop" ? {} : { hasTouch: true, isMobile: size === "phone" };
        await open(scene.browser, url(), { viewport, colorScheme, reducedMotion: "reduce", ...touch, ...options }, async (page) => {
          await act(page);
          await page.waitForTimeout(100);
          await page.screenshot({ path: join(folder, `${name}-${size}-${colorScheme}.png`) });
        }, /./);
      }
    }
  }
} finally {
  await end();
}
