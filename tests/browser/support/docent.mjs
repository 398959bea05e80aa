// The real program three times over the demo documents: `quoting` without a model, `writing` with a scripted one,
// `known` with people (known.mjs).

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { startKnown } from "./known.mjs";
import { startModel } from "./model.mjs";

export const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
export const target = process.env.CARGO_TARGET_DIR ?? join(root, "target");
const program = join(target, "debug", "docent");

/** Starts all; `end()` stops them and checks that they end well. */
export async function startDocent() {
  const folder = mkdtempSync(join(tmpdir(), "docent-browser-"));
  const common = (data) => ["--config", join(root, "demo", "docent.toml"), "--data", join(folder, data)];
  const ingest = spawnSync(program, [...common("quoting"), "ingest"], { encoding: "utf8" });
  assert.equal(ingest.status, 0, ingest.stderr);
  // With the owners of its files: Postgres wants them.
  for (const copy of ["writing", "known"]) assert.equal(spawnSync("cp", ["-a", join(folder, "quoting"), join(folder, copy)]).status, 0);
  const model = await startModel();
  const [quoting, writing, known] = await Promise.all([
    serve(common("quoting"), {}),
    serve(common("writing"), {
      DOCENT_CHAT__KIND: "openai",
      DOCENT_CHAT__BASE_URL: model.url,
      DOCENT_CHAT__MODEL: "scripted",
      DOCENT_CHAT__RETRIES: "0",
    }),
    startKnown(folder, model.url),
  ]);
  const end = async () => {
    const ended = await Promise.all([quoting.end(), writing.end(), known.end()]);
    model.end();
    rmSync(folder, { recursive: true, force: true });
    assert.deepEqual(ended, [0, 0, 0], "docent ends well");
  };
  /** A command over the data of `quoting`; what it prints. */
  const run = (...args) => {
    const done = spawnSync(program, [...common("quoting"), ...args], { encoding: "utf8" });
    assert.equal(done.status, 0, done.stderr);
    return done.stdout;
  };
  return { quoting: quoting.url, writing: writing.url, known, model, run, end };
}

export async function serve(args, settings) {
  const port = settings.DOCENT_SERVER__PORT ?? (await freePort());
  const url = `http://127.0.0.1:${port}/`;
  const serving = spawn(program, [...args, "serve"], {
    env: { ...process.env, DOCENT_SERVER__PORT: String(port), DOCENT_LOG__LEVEL: "error", ...settings },
    stdio: ["ignore", "ignore", "inherit"],
  });
  for (let tries = 0; ; tries += 1) {
    const ready = await fetch(`${url}readyz`).catch(() => null);
    if (ready?.ok) break;
    assert.ok(tries < 200, "docent does not become ready");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const end = () => {
    const ended = new Promise((resolve) => serving.once("exit", resolve));
    serving.kill("SIGTERM");
    return ended;
  };
  return { url, end };
}

export function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
