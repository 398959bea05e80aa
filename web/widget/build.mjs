// Builds ../built/widget.js (a classic script) and ../built/widget.mjs (a module) from src/.
// `--check` writes nothing and fails where the committed files are not what their source gives.

import { createHash } from "node:crypto";
import { readFile, writeFile, mkdir } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { minify } from "terser";

const LARGEST = 45_000;
const NOTICE = "/* docent. Holds marked (MIT), DOMPurify (Apache-2.0 or MPL-2.0) and eventsource-parser (MIT). */";
const KINDS = [
  { from: "src/script.ts", to: "../built/widget.js", format: "iife" },
  { from: "src/module.ts", to: "../built/widget.mjs", format: "esm" },
];

const checking = process.argv.includes("--check");
let failed = false;

for (const { from, to, format } of KINDS) {
  const { outputFiles } = await build({
    absWorkingDir: import.meta.dirname,
    entryPoints: [from],
    bundle: true,
    minify: true,
    write: false,
    format,
    target: "es2022",
    charset: "utf8",
    legalComments: "none",
    loader: { ".css": "text" },
    banner: { js: NOTICE },
    plugins: [{ name: "style", setup: smallerStyle }, { name: "purify", setup: withoutDefaults }],
  });
  // A twentieth smaller than esbuild alone makes it.
  const { code } = await minify(outputFiles[0].text, {
    ecma: 2020,
    module: format === "esm",
    toplevel: true,
    compress: { passes: 3, unsafe_arrows: true },
    format: { comments: /Holds marked/ },
  });
  const contents = Buffer.from(code);
  const file = new URL(to, import.meta.url);
  const committed = await readFile(file).catch(() => null);
  const size = gzipSync(contents, { level: 9 }).length;
  const name = to.slice(to.lastIndexOf("/") + 1);
  console.log(`${name}: ${contents.length} bytes, ${size} gzipped, integrity="sha384-${createHash("sha384").update(contents).digest("base64")}"`);
  if (size > LARGEST) {
    console.error(`${name} is larger than ${LARGEST} bytes gzipped`);
    failed = true;
  }
  if (!checking) {
    await mkdir(new URL(".", file), { recursive: true });
    await writeFile(file, contents);
  } else if (!committed?.equals(contents)) {
    console.error(`${name} is not what web/widget/src gives: run \`npm ci && npm run build\` in web/widget and commit web/built`);
    failed = true;
  }
}

process.exit(failed ? 1 : 0);

/** The style sheet travels as a text; minified first. */
function smallerStyle({ onLoad, esbuild }) {
  onLoad({ filter: /\.css$/ }, async ({ path }) => {
    const text = await readFile(path, "utf8");
    const { code } = await esbuild.transform(text, { loader: "css", minify: true, target: "es2022" });
    return { contents: code.trim(), loader: "text" };
  });
}

/**
 * DOMPurify without the names that it would allow if it were told none: markdown.ts tells it its own tags and
 * attributes, which take the place of these. The lists that its checks of namespaces read stay.
 */
function withoutDefaults({ onLoad }) {
  onLoad({ filter: /purify\.es\.mjs$/ }, async ({ path }) => {
    let contents = await readFile(path, "utf8");
    for (const list of ["html$1", "html", "svg", "mathMl", "xml"]) {
      const [before, after, ...more] = contents.split(`\nconst ${list} = freeze([`);
      const end = after?.indexOf("]);");
      if (!after || more.length > 0 || end < 0) throw new Error(`DOMPurify has another shape: where is its list ${list}?`);
      contents = `${before}\nconst ${list} = freeze([${after.slice(end)}`;
    }
    return { contents };
  });
}
