// Writes ../static (or the folder given) from src/: one module, one stylesheet, two pages and their icon. The same input gives the same bytes.
import { build } from "esbuild";
import { copyFileSync, mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = resolve(process.argv[2] ?? join(here, "..", "static"));
mkdirSync(out, { recursive: true });
await build({
  absWorkingDir: here,
  entryPoints: ["src/main.ts"],
  outfile: join(out, "app.js"),
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  banner: { js: "// latentknobs: the page. Made by npm run build from frontends/web/ui; lit is (c) Google LLC, BSD-3-Clause." },
  logLevel: "warning",
});
await build({
  absWorkingDir: here,
  entryPoints: ["src/app.css"],
  outfile: join(out, "app.css"),
  minify: true,
  charset: "utf8",
  logLevel: "warning",
});
for (const name of ["index.html", "registry.html", "icon.svg"]) copyFileSync(join(here, "src", name), join(out, name));
