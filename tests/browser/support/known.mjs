// A third docent, which knows its people: by an identity provider at its own pages, and by what a host signs in the
// widget; with the owners of the demo in a Slack workspace. The provider and the workspace are those of the Rust tests.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { freePort, root, serve, target } from "./docent.mjs";
import { startHosts } from "./hosts.mjs";

const SECRET = "a secret of the host's server, 32+";

/** Starts it over a copy of a data folder in `folder`, asking the model at `model`. */
export async function startKnown(folder, model) {
  const servers = spawn(join(target, "debug", "examples", "servers"), [], { stdio: ["pipe", "pipe", "inherit"] });
  const line = await new Promise((resolve, reject) => {
    createInterface(servers.stdout).once("line", resolve);
    servers.once("error", reject);
  });
  const { control, issuer, client, slack, token } = JSON.parse(line);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  const hosts = await startHosts(url, { sign: (claims) => userToken(hosts.origin, claims) });
  // An origin that it does not know.
  const strangers = await startHosts(url);
  const demo = readFileSync(join(root, "demo", "docent.toml"), "utf8");
  const sources = demo.slice(demo.indexOf("[[source]]")).replaceAll('path = "', `path = "${join(root, "demo")}/`);
  const config = join(folder, "known.toml");
  writeFileSync(
    config,
    `[access]
anonymous = "never"
admin_key = "the operator's, so that nobody is one by sitting here"
[oidc]
issuer = "${issuer}"
client_id = "${client[0]}"
client_secret = "${client[1]}"
name_claim = "email"
admin_groups = ["data-platform"]
[widget]
allowed_origins = ["${hosts.origin}"]
user_secret = "${SECRET}"
[slack]
api_url = "${slack}"
bot_token = "${token}"
signing_secret = "not used here"
${sources}`,
  );
  const docent = await serve(["--config", config, "--data", join(folder, "known")], {
    DOCENT_SERVER__PORT: String(port),
    DOCENT_CHAT__KIND: "openai",
    DOCENT_CHAT__BASE_URL: model,
    DOCENT_CHAT__MODEL: "scripted",
    DOCENT_CHAT__RETRIES: "0",
  });
  /** Who signs in next: `email`, `groups`. */
  const person = async (claims) => {
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ sub: claims.email, email_verified: true, ...claims });
    assert.equal((await fetch(`${control}/person`, { method: "POST", headers, body })).status, 204);
  };
  /** What was posted in Slack. */
  const posted = async () => (await fetch(`${control}/calls/chat.postMessage`)).json();
  const end = async () => {
    hosts.end();
    strangers.end();
    servers.stdin.end();
    return docent.end();
  };
  return { url, hosts, strangers, person, posted, end };
}

/** What a host's server signs of its user: `sub`, `groups`, and for how many `seconds` it holds. */
function userToken(origin, { seconds = 600, ...claims }) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const exp = Math.floor(Date.now() / 1000) + seconds;
  const text = `${part({ alg: "HS256", typ: "JWT" })}.${part({ iss: origin, aud: "docent", exp, ...claims })}`;
  return `${text}.${createHmac("sha256", SECRET).update(text).digest("base64url")}`;
}
