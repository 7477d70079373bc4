//! The same for programs whose stack is walked: native ones and Node.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod common;

use std::fs;
use std::process::Command;

use common::marks::{Outside, check, denial, places, run, run_on};
use common::{Skill, User, as_everybody, found};
use skilldeck::run::report::Denial;

const NATIVE: &str = r#"#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
static char *out;
static char path[4096];
static char *in(const char *name) { snprintf(path, sizeof path, "%s/%s", out, name); return path; }
__attribute__((noinline)) int plain(int n) {
  char local[100]; memset(local, n, sizeof local);
  int fd = open(in("plain"), O_RDONLY); // @plain
  return fd + local[n];
}
static int compare(const void *a, const void *b) {
  struct stat s;
  return stat(in("callback"), &s) + *(const int *)a - *(const int *)b; // @callback
}
static inline __attribute__((always_inline)) int inlined(void) {
  return access(in("inlined"), R_OK) + 1; // @inlined
}
static void *threaded(void *x) {
  FILE *file = fopen(in("threaded"), "r"); // @threaded
  return file ? x : NULL;
}
__attribute__((noinline)) int deep(int n) {
  if (n == 0) return access(in("deep"), R_OK) + 1; // @deep
  return deep(n - 1) + 1;
}
int main(int argc, char **argv) {
  out = argv[1];
  int sum = plain(argc) + inlined() + deep(20);
  int numbers[] = {2, 1};
  qsort(numbers, 2, sizeof *numbers, compare);
  pthread_t thread;
  pthread_create(&thread, NULL, threaded, out);
  pthread_join(thread, NULL);
  char command[5000];
  snprintf(command, sizeof command, "cat %s", in("system"));
  sum += system(command); // @system
  char *args[] = {"cat", in("started"), NULL};
  char *all[] = {NULL};
  if (argc < 9) execve("/usr/bin/cat", args, all); // @started
  return sum;
}
"#;

#[test]
fn native_lines_from_debug_information() {
    if !found("cc") {
        return;
    }
    let outside = Outside::new(&[NATIVE]);
    let skill = Skill::new("main.c", NATIVE);
    let scripts = skill.path.join("scripts");
    let compile = |flags: &[&str]| {
        let source = scripts.join("main.c");
        let done = Command::new("cc").args(flags).arg("-o").arg(scripts.join("tool")).arg(source).status();
        assert!(done.unwrap().success(), "{flags:?}");
    };
    let run = |user| run(&skill, user, "scripts/tool", "cat, sh", &[&outside.path()]);
    for flags in [
        &["-g", "-O0"][..],
        &["-g", "-O0", "-fomit-frame-pointer"],
        &["-g", "-O2", "-fno-optimize-sibling-calls"],
        &["-g", "-O1", "-fno-omit-frame-pointer", "-fno-pie", "-no-pie"],
        &["-g", "-O0", "-static"],
        &["-gdwarf-4", "-O0", "-gz"],
    ] {
        compile(flags);
        as_everybody(|user| {
            let report = run(user);
            check(&report, &skill.path, &[("scripts/main.c", NATIVE)], &format!("{flags:?} {user:?}"));
            let chain = places(denial(&report, "callback"), &skill.path);
            assert_eq!(chain[1], "scripts/main.c:35", "{flags:?} {user:?}: {chain:?}");
        });
    }
    compile(&["-O0"]);
    as_everybody(|user| {
        let report = run(user);
        let blame = &denial(&report, "plain").blame;
        let functions: Vec<&str> = blame.iter().map(|frame| frame.function.as_str()).collect();
        assert_eq!(functions, ["plain", "main"], "{user:?}");
        assert!(blame.iter().all(|frame| frame.file == scripts.join("tool") && frame.line == 0), "{blame:?}");
    });
    compile(&["-s"]);
    as_everybody(|user| {
        let report = run(user);
        let denial = denial(&report, "plain");
        assert_eq!((&denial.blame[..], &denial.unread), (&[][..], &None), "{user:?}");
    });
}

const NODE: &str = r"import fs from 'node:fs';
import { execFileSync, spawnSync, spawn } from 'node:child_process';
import { helper } from './helper.cjs';
const out = process.argv[2];
console.log(process.version);
const quiet = (action) => { try { action(); } catch {} };
try { fs.readFileSync(`${out}/top`); } catch {} // @top
quiet(() => fs.openSync(`${out}/arrow`)); // @arrow
class Reader {
  #path = out;
  read() {
    fs.existsSync(`${this.#path}/method`); // @method
  }
}
new Reader().read();
async function later() {
  await null;
  fs.accessSync(`${out}/async`); // @async
}
await later().catch(() => {});
function* numbers() {
  yield fs.existsSync(out + '/generator'); // @generator
}
[...numbers()];
[1].forEach(() => {
  fs.existsSync(out + '/callback'); // @callback
});
quiet(() => JSON.parse('[1]', () => fs.statSync(out + '/reviver'))); // @reviver
helper(out);
await import('./module.mjs');
setTimeout(() => {
  fs.existsSync(`${out}/timer`); // @timer
}, 1);
spawnSync('cat', [`${out}/spawned`]); // @spawned
quiet(() => execFileSync('sh', ['-c', `cat ${out}/shell`], { stdio: 'ignore' })); // @shell
const child = spawn('cat', [`${out}/child`], { stdio: 'ignore' }); // @child
await new Promise((done) => child.on('exit', done));
await fs.promises.readFile(`${out}/pooled`).catch(() => {});
";

const HELPER_CJS: &str = "const fs = require('fs');\n// é\nexports.helper = (out) => {\n  \
    fs.existsSync(out + '/helper'); // @helper\n};\n";
const MODULE: &str = "#!/usr/bin/env node\n/* \u{1f600} */ import fs from 'node:fs';\n\
    fs.existsSync(process.argv[2] + '/imported'); // @imported\n";

/// `PATH`s that lead to the Node that is installed, and to those in the folders that `SKILLDECK_NODES` names (with
/// colons between).
fn nodes() -> Vec<String> {
    let path = std::env::var("PATH").unwrap_or_default();
    let more = std::env::var("SKILLDECK_NODES").unwrap_or_default();
    let mut nodes: Vec<String> = more.split(':').filter(|node| !node.is_empty()).map(str::to_owned).collect();
    for folder in &mut nodes {
        *folder = format!("{folder}:{path}");
    }
    if found("node") {
        nodes.insert(0, path);
    }
    nodes
}

#[test]
fn node_lines_of_calls_on_its_own_stack() {
    for path in nodes() {
        let files =
            [("scripts/main.mjs", NODE), ("scripts/helper.cjs", HELPER_CJS), ("scripts/module.mjs", MODULE)];
        let outside = Outside::new(&files.map(|(_, source)| source));
        fs::write(outside.0.path().join("pooled"), "").unwrap();
        let skill = Skill::new("main.mjs", NODE);
        for (file, source) in files {
            fs::write(skill.path.join(file), source).unwrap();
        }
        as_everybody(|user| {
            let report = run_on(&skill, user, &path, "scripts/main.mjs", "cat, sh", &[&outside.path()]);
            let node = report.stdout.clone();
            check(&report, &skill.path, &files, &format!("{node} {user:?}"));
            let chain = places(denial(&report, "helper"), &skill.path);
            assert_eq!(chain, ["scripts/helper.cjs:4", "scripts/main.mjs:29"], "{node} {user:?}");
            let chain = places(denial(&report, "pooled"), &skill.path);
            assert!(chain.is_empty(), "{node} {user:?}: no script is on the stack of that thread: {chain:?}");
        });
    }
}

/// In a loop, hot enough to be compiled: a wrong line would be worse than none.
const HOT: &str = r"const fs = require('fs');
const out = process.argv[2];
function look(name) {
  return fs.existsSync(out + name); // @hot
}
let seen = 0;
console.log(process.version);
for (let i = 0; i < 20000; i++) {
  seen += look('/../nowhere');
}
look('/hot');
";

#[test]
fn compiled_code_has_the_right_line_or_none() {
    for path in nodes() {
        let outside = Outside::new(&[HOT]);
        let skill = Skill::new("main.js", HOT);
        let report = run_on(&skill, User::Caller, &path, "scripts/main.js", "", &[&outside.path()]);
        let chain = places(denial(&report, "hot"), &skill.path);
        let (node, last) = (&report.stdout, chain.last().map(String::as_str));
        assert!(chain.len() <= 2 && matches!(last, Some("scripts/main.js:11")), "{node}: {chain:?}");
        assert!(
            matches!(&*chain[0], "scripts/main.js:4" | "scripts/main.js:0" | "scripts/main.js:11"),
            "{node}: {chain:?}"
        );
    }
}

/// Looks like bash, and leads whoever reads its variables in circles.
const LIAR: &str = r#"#include <stdio.h>
#include <unistd.h>
struct entry { struct entry *next; const char *key; void *data; } loop = {&loop, "BASH_SOURCE", &loop};
void *heads[65536];
struct { void *buckets; int count; } table = {heads, 65536};
void *context[5] = {0, 0, 0, 0, &table};
void *global_variables = context;
int line_number = -1;
int main(int argc, char **argv) {
  char path[4096];
  for (int i = 0; i < 65536; i++) heads[i] = &loop;
  for (int i = 0; i < 5; i++) {
    snprintf(path, sizeof path, "%s/refused%d", argv[1], i);
    access(path, R_OK);
  }
  puts("done");
}
"#;

#[test]
fn programs_that_mislead_the_reader_are_told_all_the_same() {
    if !found("cc") {
        return;
    }
    let outside = Outside::new(&[]);
    for n in 0..5 {
        fs::write(outside.0.path().join(format!("refused{n}")), "").unwrap();
    }
    let skill = Skill::new("main.c", LIAR);
    let scripts = skill.path.join("scripts");
    let made = |program: &str, args: &[&str]| {
        let done = Command::new(program).args(args).current_dir(&scripts).status();
        assert!(done.unwrap().success(), "{program} {args:?}");
    };
    made("cc", &["-g", "-rdynamic", "-o", "bash", "main.c"]);
    made("cc", &["-g", "-rdynamic", "-o", "node", "main.c"]);
    made("cc", &["-g", "-o", "python3.11", "main.c"]);
    let mut entries = vec!["bash".to_owned(), "node".to_owned(), "python3.11".to_owned()];
    let noise: Vec<u8> = (0..40_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    fs::write(scripts.join("noise"), noise).unwrap();
    for section in [".debug_info", ".debug_abbrev", ".debug_line", ".debug_str", ".eh_frame_hdr", ".symtab"] {
        let name = format!("noise{}", section.replace('.', "-"));
        made("cc", &["-g", "-o", &name, "main.c"]);
        let noise = fs::read(scripts.join("noise")).unwrap();
        let file = scripts.join(&name);
        let mut bytes = fs::read(&file).unwrap();
        let (at, length) = section_of(&bytes, section).unwrap();
        bytes[at..at + length].iter_mut().zip(noise.iter().cycle()).for_each(|(byte, noise)| *byte = *noise);
        fs::write(&file, bytes).unwrap();
        entries.push(name);
    }
    for entry in &entries {
        as_everybody(|user| {
            let report = run(&skill, user, &format!("scripts/{entry}"), "", &[&outside.path()]);
            assert_eq!(report.stdout, "done\n", "{entry} {user:?}: {}", report.stderr);
            let refused = (0..5).map(|n| denial(&report, &format!("refused{n}")));
            let own = |denial: &Denial| denial.blame.iter().all(|frame| frame.file.starts_with(&scripts));
            assert!(refused.clone().all(own), "{entry} {user:?}");
            assert!(report.duration_ms < 8000.0, "{entry} {user:?}: {}", report.duration_ms);
        });
    }
}

/// Place and length of a section in an ELF file.
fn section_of(bytes: &[u8], name: &str) -> Option<(usize, usize)> {
    let number = |at: usize, size: usize| {
        bytes[at..at + size].iter().rev().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte))
    };
    let (table, count, names) = (number(40, 8), number(60, 2), number(62, 2));
    let place = |index: usize| {
        let header = table + 64 * index;
        (number(header, 4), number(header + 24, 8), number(header + 32, 8))
    };
    let strings = place(names).1;
    let found = (0..count).map(place).find(|(offset, _, _)| {
        bytes[strings + offset..].starts_with(name.as_bytes()) && bytes[strings + offset + name.len()] == 0
    });
    found.map(|(_, at, length)| (at, length))
}
