#!/usr/bin/env node
// Compare two JSON documents by structure.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

const USAGE = `usage: json-diff.mjs [options] BEFORE AFTER

  --key NAME       match items of lists by this property instead of by place
  --ignore NAME    leave properties of this name out (may be repeated)
  --format FORM    text (default) or json
  -h, --help       this text`;

const isObject = (value) => value !== null && typeof value === "object";

/** A container as [name, value] pairs: by key, by place, or by the property that identifies list items. */
function parts(value, key) {
  if (!Array.isArray(value)) return Object.entries(value);
  const identified = key && value.every((item) => isObject(item) && key in item);
  return value.map((item, place) => [identified ? `[${key}=${item[key]}]` : `[${place}]`, item]);
}

function join(path, name) {
  if (name.startsWith("[")) return path + name;
  return /^[A-Za-z_][\w-]*$/.test(name) ? (path ? `${path}.${name}` : name) : `${path}[${JSON.stringify(name)}]`;
}

function* differences(before, after, options, path = "") {
  const comparable = isObject(before) && isObject(after) && Array.isArray(before) === Array.isArray(after);
  if (!comparable) {
    if (!Object.is(before, after)) yield { kind: "changed", path: path || "(document)", before, after };
    return;
  }
  const old = new Map(parts(before, options.key));
  const now = new Map(parts(after, options.key));
  for (const name of new Set([...old.keys(), ...now.keys()])) {
    if (options.ignore.includes(name)) continue;
    const here = join(path, name);
    if (!now.has(name)) yield { kind: "removed", path: here, before: old.get(name) };
    else if (!old.has(name)) yield { kind: "added", path: here, after: now.get(name) };
    else yield* differences(old.get(name), now.get(name), options, here);
  }
}

function line({ kind, path, before, after }) {
  const text = (value) => JSON.stringify(value);
  if (kind === "added") return `+ ${path}: ${text(after)}`;
  if (kind === "removed") return `- ${path}: ${text(before)}`;
  return `~ ${path}: ${text(before)} -> ${text(after)}`;
}

function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      key: { type: "string" },
      ignore: { type: "string", multiple: true, default: [] },
      format: { type: "string", default: "text" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  if (positionals.length !== 2 || !["text", "json"].includes(values.format)) {
    console.error(USAGE);
    return 2;
  }
  const [before, after] = positionals.map((file) => JSON.parse(readFileSync(file, "utf8")));
  const found = [...differences(before, after, values)];
  if (values.format === "json") console.log(JSON.stringify(found, null, 2));
  else console.log(found.map(line).join("\n") || "no differences");
  return found.length ? 1 : 0;
}

try {
  process.exitCode = main();
} catch (error) {
  console.error(`json-diff: ${error.message}`);
  process.exitCode = 2;
}
