// All parts at once: the program, a browser, pages of others and their door to the program.

import { createHash } from "node:crypto";

import { startBrowser } from "./browser.mjs";
import { startDocent } from "./docent.mjs";
import { startHosts } from "./hosts.mjs";
import { startSessions } from "./sessions.mjs";

/** Filled by `start()`. */
export const scene = { docent: null, browser: null, sessions: null, hosts: null, strangers: null };

export async function start() {
  scene.docent = await startDocent();
  scene.sessions = await startSessions(scene.docent.writing, () => [scene.hosts.origin]);
  const script = await fetch(`${scene.sessions.url}widget.js`);
  const integrity = `sha384-${createHash("sha384").update(await script.text()).digest("base64")}`;
  scene.hosts = await startHosts(scene.sessions.url, { integrity });
  // An origin that docent does not know.
  scene.strangers = await startHosts(scene.sessions.url);
  scene.browser = await startBrowser();
}

export async function end() {
  await scene.browser?.close();
  for (const part of [scene.hosts, scene.strangers, scene.sessions]) part?.end();
  await scene.docent?.end();
}
