// Writes src/schema.ts (or the file given), the types of the server's API, from its OpenAPI document. PYTHON names the interpreter.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import openapi, { astToString } from "openapi-typescript";

const here = dirname(fileURLToPath(import.meta.url));
const code = "import json; from latentknobs.frontends.web.app import openapi_document; print(json.dumps(openapi_document()))";
const text = execFileSync(process.env.PYTHON ?? "python", ["-c", code], { encoding: "utf8", maxBuffer: 2 ** 24 });
const schemas = { ...JSON.parse(text), paths: {} }; // what travels; api.ts has the addresses
const types = astToString(await openapi(schemas, { immutable: true, silent: true }));
const note = "// The types of the server's API, version 1: made by npm run types, not by hand.\n\n";
writeFileSync(process.argv[2] ?? join(here, "src", "schema.ts"), note + types);
