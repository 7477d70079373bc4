#!/usr/bin/env node
// Find mistakes in package.json: missing files, odd versions, scripts that call nothing.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

const USAGE = `usage: package.mjs [--strict] [FOLDER]

  FOLDER      folder with a package.json (default: .)
  --strict    also ask for license, description and engines
  -h, --help  this text`;

const VERSION = /^\d+\.\d+\.\d+(-[\w.-]+)?(\+[\w.-]+)?$/;

function* findings(folder, pack, strict) {
  if (!pack.name) yield "name is missing";
  if (!VERSION.test(pack.version ?? "")) yield `version ${JSON.stringify(pack.version)} is not semantic`;
  const bins = typeof pack.bin === "string" ? [pack.bin] : Object.values(pack.bin ?? {});
  for (const file of [pack.main, pack.types, ...bins].filter(Boolean)) {
    if (!existsSync(join(folder, file))) yield `${file} is named but does not exist`;
  }
  for (const name of Object.keys(pack.dependencies ?? {})) {
    if (pack.devDependencies?.[name]) yield `${name} is in dependencies and in devDependencies`;
  }
  for (const [name, range] of Object.entries({ ...pack.dependencies, ...pack.devDependencies })) {
    if (range === "*" || range === "latest") yield `${name} is not pinned (${range})`;
  }
  for (const [name, command] of Object.entries(pack.scripts ?? {})) {
    const called = /^npm run ([\w:-]+)/.exec(command)?.[1];
    if (called && !pack.scripts[called]) yield `script ${name} runs ${called}, which does not exist`;
  }
  if (strict) yield* ["license", "description", "engines"].filter((key) => !pack[key]).map((key) => `${key} is missing`);
}

function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { strict: { type: "boolean", default: false }, help: { type: "boolean", short: "h", default: false } },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const folder = positionals[0] ?? ".";
  const pack = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const found = [...findings(folder, pack, values.strict)];
  console.log(found.join("\n") || `${pack.name}: nothing wrong`);
  return found.length ? 1 : 0;
}

try {
  process.exitCode = main();
} catch (error) {
  console.error(`package: ${error.message}`);
  process.exitCode = 2;
}
