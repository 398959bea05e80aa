// The chat in a real browser, against the real program and the demo documents: as docent's own page, and as the
// widget on pages of others. One process for all of it, so that the documents are ingested once.

import { after, before } from "node:test";

import { end, start } from "./support/scene.mjs";

before(start);
after(end);

await import("./page.mjs");
await import("./turns.mjs");
await import("./network.mjs");
await import("./hosts.mjs");
await import("./safety.mjs");
await import("./insights.mjs");
await import("./people.mjs");
