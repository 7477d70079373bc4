//! Node scripts as they are published, and what is read of them.

use super::super::summary::summary;
use super::read;
use crate::skill::schema::Source;

#[track_caller]
fn assert_reads(script: &str, source: Source, wanted: &[&str]) {
    let read = read(script);
    assert_eq!(read.source, Some(source));
    assert_eq!(summary(&read), wanted, "{script}");
}

#[test]
fn parse_args_of_node() {
    let script = r#"// Compares.
import { parseArgs } from 'node:util';
const usage = `
  --key NAME    match by this`;
const options = {
  key: { type: 'string', short: 'k' },
  'dry-run': { type: "boolean" },
  tag: { type: 'string', multiple: true, default: ['a'] },
  v: { type: 'boolean', multiple: true },
  help: { type: 'boolean', short: 'h' },
};
const { values, positionals } = parseArgs({
  args: process.argv.slice(2),
  allowPositionals: true,
  options,
});
const [input, output = '-', ...others] = positionals;
"#;
    assert_reads(
        script,
        Source::ParseArgs,
        &[
            "key --key text | match by this @6",
            "dry-run --dry-run=true boolean =false @7",
            "tag --tag* text 0.. =[\"a\"] @8",
            "v --v+ integer @9",
            "input positional text @17",
            "output positional text =\"-\" @17",
            "others positional text 0.. @17",
        ],
    );
}

#[test]
fn commander_of_one_command() {
    let script = r"#!/usr/bin/env node
const { Command, Option } = require('commander');
const FORMATS = ['text', 'json'];
const program = new Command();
program
  .name('report')
  .description('Writes a report.')
  .version('1.0.0')
  .argument('<source>', 'where from')
  .argument('[targets...]', 'where to')
  .option('-p, --port <number>', 'the port', parseInt, 8080)
  .option('-d, --dry-run', 'only say')
  .option('--no-cache', 'read again')
  .option('--color', 'with colour')
  .option('--no-color', 'without')
  .option('-t, --tag <tags...>', 'tags')
  .option('--collect <value>', 'again and again', (value, all) => all.concat([value]), [])
  .option('--ratio [value]', 'a share', '0.5')
  .requiredOption('-n, --name <name>', 'a name')
  .addOption(new Option('-f, --format <form>', 'a form').choices(FORMATS).default('text').env('FORM'))
  .addOption(new Option('-s, --size <n>').argParser(parseFloat).makeOptionMandatory())
  .parse();
";
    assert_reads(
        script,
        Source::Commander,
        &[
            "source positional text required | where from @9",
            "targets positional text 0.. | where to @10",
            "port --port integer =8080 | the port @11",
            "dryrun --dry-run=true boolean =false | only say @12",
            "cache --no-cache=false boolean =true | read again @13",
            "color --color/--no-color boolean =false | with colour @14",
            "tag --tag text 1.. | tags @16",
            "collect --collect* text 0.. =[] | again and again @17",
            "ratio --ratio text =\"0.5\" | a share @18",
            "name --name text required | a name @19",
            "format --format text =\"text\" [\"text\",\"json\"] | a form (environment: FORM) @20",
            "size --size number required @21",
        ],
    );
}

#[test]
fn commander_with_subcommands() {
    let script = r#"import { program, Command } from "commander";
program.description("Keeps notes.").option("--store <file>", "where", "notes.db");
program.command("add <text> [tags...]").description("Add a note.").option("-u, --urgent").action(add);
const list = program.command("list");
list.description("List notes.");
list.option("--sort <key>", "order");
const remote = new Command("remote").description("Remotes.");
remote.command("push").argument("<url>").action(() => {});
program.addCommand(remote);
await program.parseAsync(process.argv);
"#;
    assert_reads(
        script,
        Source::Commander,
        &[
            "add: store --store text =\"notes.db\" | where @2",
            "add: text positional text required @3",
            "add: tags positional text 0.. @3",
            "add: urgent --urgent=true boolean =false @3",
            "list: store --store text =\"notes.db\" | where @2",
            "list: sort --sort text | order @6",
            "remote push: store --store text =\"notes.db\" | where @2",
            "remote push: url positional text required @8",
        ],
    );
    let words: Vec<String> = read(script).commands.into_iter().map(|command| command.description).collect();
    assert_eq!(words, ["Add a note.", "List notes.", ""]);
}

#[test]
fn yargs_and_minimist() {
    let script = r"import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
const argv = await yargs(hideBin(process.argv))
  .option('verbose', { alias: 'v', type: 'boolean', description: 'say more' })
  .options({ size: { type: 'number', default: 3 }, kind: { choices: ['a', 'b'], demandOption: true } })
  .command('get <key> [more..]', 'get it', (y) => y
    .positional('key', { describe: 'which' })
    .option('raw', { type: 'boolean', default: true }))
  .command({ command: 'put', describe: 'put it', builder: { value: { type: 'string', array: true } } })
  .parse();
";
    assert_reads(
        script,
        Source::Yargs,
        &[
            "get: verbose --verbose=true boolean =false | say more @4",
            "get: size --size number =3 @5",
            "get: kind --kind text required [\"a\",\"b\"] @5",
            "get: raw --raw/--no-raw boolean =true @8",
            "get: key positional text required | which @7",
            "get: more positional text 0.. @6",
            "put: verbose --verbose=true boolean =false | say more @4",
            "put: size --size number =3 @5",
            "put: kind --kind text required [\"a\",\"b\"] @5",
            "put: value --value* text 0.. @9",
        ],
    );
    let script = "const argv = require('minimist')(process.argv.slice(2));\nconsole.log(argv.x);\n";
    assert_eq!(read(script).source, None);
    let script = "const minimist = require('minimist');\nconst argv = minimist(process.argv.slice(2), {\n  string: ['name'],\n  boolean: ['v'],\n  default: { name: 'x', size: 3 },\n});\nrun(argv._);\n";
    assert_reads(
        script,
        Source::Yargs,
        &[
            "name --name text =\"x\" @3",
            "v -v=true boolean =false @4",
            "size --size integer =3 @5",
            "args positional text 0.. @7",
        ],
    );
}

#[test]
fn json_on_standard_input() {
    let script = "const fs = require('fs');\nconst data = JSON.parse(fs.readFileSync(0, 'utf8'));\nconst { name, size = 3 } = data;\nconsole.log(data.path, data.mode ?? 'fast', data.items.map(String));\n";
    let schema = read(script).stdin.unwrap();
    assert_eq!(schema["required"], serde_json::json!(["name", "path", "items"]));
    assert_eq!(schema["properties"]["size"]["default"], 3);
    assert_eq!(schema["properties"]["mode"]["default"], "fast");
    assert_eq!(schema["properties"]["path"]["description"], "read on line 4");
}

#[test]
fn scripts_cut_anywhere_are_read() {
    let script = "const { program } = require('commander');program.command('a <b>').option('-x, --y <z...>','h',parseInt,[1]).addOption(new Option('--k').choices(['q']));yargs.command('c',`d`,y=>y.option('e',{type:'number'}));parseArgs({options:{f:{type:'string'}}})\nimport yargs from 'yargs'";
    for end in (0..script.len()).filter(|end| script.is_char_boundary(*end)) {
        let _ = read(&script[..end]);
    }
}
