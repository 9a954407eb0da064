// Writes from src/ the page into ../static (one module, one stylesheet, two pages and their icon) and the notebook's widget into
// ../../notebook/static (a module and a stylesheet); or both into the folder given. The same input gives the same bytes.
import { build } from "esbuild";
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = resolve(process.argv[2] ?? join(here, "..", "static"));
const widget = process.argv[2] ? join(out, "notebook") : resolve(here, "..", "..", "notebook", "static");
for (const folder of [out, widget]) mkdirSync(folder, { recursive: true });
for (const [entry, outfile, name] of [["src/main.ts", join(out, "app.js"), "the page"], ["src/widget.ts", join(widget, "widget.js"), "the notebook's widget"]]) {
  await build({
    absWorkingDir: here,
    entryPoints: [entry],
    outfile,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    charset: "utf8",
    legalComments: "none",
    banner: { js: `// latentknobs: ${name}. Made by npm run build from frontends/web/ui; lit is (c) Google LLC, BSD-3-Clause.` },
    logLevel: "warning",
  });
}
// The widget has the page's colours, for itself alone: those of the rules that app.css begins with.
const colours = readFileSync(join(here, "src", "app.css"), "utf8").split("\n*,")[0].replaceAll(":root", ".latentknobs");
for (const [input, outfile] of [[{ entryPoints: ["src/app.css"] }, join(out, "app.css")], [{ stdin: { contents: colours, loader: "css" } }, join(widget, "widget.css")]]) {
  await build({ absWorkingDir: here, ...input, outfile, minify: true, charset: "utf8", logLevel: "warning" });
}
for (const name of ["index.html", "registry.html", "icon.svg"]) copyFileSync(join(here, "src", name), join(out, name));
