//! Every refusal names the line of the skill that asked for it, in each language that is installed here.
//!
//! A script says itself what is expected: the line with the comment `@name` is to be blamed for what happens to the
//! file `name` outside the sandbox.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Skill, User, as_everybody, found, open_folder, skip};
use skilldeck::report::text;
use skilldeck::run::report::{Denial, Report};

/// Files that exist on the host and not inside: opening one is a denial, told by its name.
struct Outside(tempfile::TempDir);

impl Outside {
    fn new(scripts: &[&str]) -> Self {
        let folder = open_folder();
        for name in scripts.iter().flat_map(|script| marks(script)).map(|(name, _)| name) {
            fs::write(folder.path().join(name), "").unwrap();
        }
        Self(folder)
    }

    fn path(&self) -> String {
        self.0.path().display().to_string()
    }
}

/// Names after an `@` in a comment, and their lines.
fn marks(script: &str) -> Vec<(String, u32)> {
    let lines = (1..).zip(script.lines());
    let names = lines.flat_map(|(line, text)| {
        let comment = text.rsplit_once(['#', '/']).map_or("", |(_, comment)| comment);
        let names = comment.split_whitespace().filter_map(|word| word.strip_prefix('@'));
        names.map(move |name| (name.to_owned(), line)).collect::<Vec<_>>()
    });
    names.collect()
}

/// Run an entry that may start these programs.
fn run(skill: &Skill, user: User, entry: &str, programs: &str, args: &[&str]) -> Report {
    run_under(skill, user, entry, &format!("  run: [{programs}]\n"), args)
}

/// With another `PATH`.
fn run_on(skill: &Skill, user: User, path: &str, entry: &str, programs: &str, args: &[&str]) -> Report {
    let policy = skill.path.parent().unwrap().join("policy.yaml");
    fs::write(&policy, format!("permissions:\n  run: [{programs}]\n")).unwrap();
    let policy = policy.display().to_string();
    let args = [&["--entry", entry, "--policy", &policy, "--"], args].concat();
    let output = skill.command(user, &args).env("PATH", path).output().unwrap();
    let why = || String::from_utf8_lossy(&output.stderr).into_owned();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{path}: {error}: {}", why()))
}

fn run_under(skill: &Skill, user: User, entry: &str, permissions: &str, args: &[&str]) -> Report {
    let policy = skill.path.parent().unwrap().join("policy.yaml");
    fs::write(&policy, format!("permissions:\n{permissions}")).unwrap();
    let policy = policy.display().to_string();
    skill.run(user, &[&["--entry", entry, "--policy", &policy, "--"], args].concat())
}

fn denial<'a>(report: &'a Report, name: &str) -> &'a Denial {
    let found = report.denials.iter().find(|denial| denial.target.ends_with(&format!("/{name}")));
    found.unwrap_or_else(|| panic!("{name} was not refused: {}\n{:#?}", report.stderr, report.denials))
}

fn places(denial: &Denial, skill: &Path) -> Vec<String> {
    let short = |path: &Path| path.strip_prefix(skill).unwrap_or(path).display().to_string();
    denial.blame.iter().map(|frame| format!("{}:{}", short(&frame.file), frame.line)).collect()
}

/// Every mark of these files (by path in the skill) is blamed, and nothing else is blamed for it.
fn check(report: &Report, skill: &Path, files: &[(&str, &str)], what: &str) {
    let mut wrong = BTreeMap::new();
    for (file, source) in files {
        for (name, line) in marks(source) {
            let found = places(denial(report, &name), skill);
            if found.first() != Some(&format!("{file}:{line}")) {
                wrong.insert(
                    format!("{name}, wanted {file}:{line}"),
                    (found, denial(report, &name).unread.clone()),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{what}: {wrong:#?}\n{}", report.stderr);
}

const PYTHON: &str = r#"import sys, os, threading, subprocess, asyncio, time
from concurrent.futures import ThreadPoolExecutor
OUT = sys.argv[1]
def attempt(name):
    try:
        open(OUT + "/" + name)
    except OSError:
        pass
def plain():
    open(OUT + "/plain")  # @plain
try:
    plain()
except OSError:
    pass
def numbers():
    yield os.path.exists(OUT + "/generator")  # @generator
list(numbers())
async def task():
    await asyncio.sleep(0)
    os.access(OUT + "/task", 0)  # @task
asyncio.run(task())
[os.access(OUT + "/comprehension", 0) for _ in "a"]  # @comprehension
(lambda: os.access(OUT + "/lambda", 0))()  # @lambda
stop = threading.Event()
def idle():
    stop.wait()
def busy():
    while not stop.is_set():
        sum(range(1000))
for target in (idle, busy, idle):
    threading.Thread(target=target, daemon=True).start()
os.access(OUT + "/first", 0)  # @first
def other():
    os.access(OUT + "/other", 0)  # @other
thread = threading.Thread(target=other); thread.start(); thread.join()
def pooled(n):
    os.access(OUT + "/pooled", 0)  # @pooled
with ThreadPoolExecutor(3) as pool:
    list(pool.map(pooled, range(20)))
import helper
exec(compile("import os\nos.access(OUT + '/exec', 0)", "<string>", "exec"))  # @exec
def deep(n):
    if n:
        return deep(n - 1)
    os.access(OUT + "/deep", 0)  # @deep
deep(500)
import ctypes
ctypes.CDLL(None).access((OUT + "/ctypes").encode(), 0)  # @ctypes
child = os.fork()
if not child:
    os.access(OUT + "/forked", 0)  # @forked
    os._exit(0)
os.waitpid(child, 0)
def thread_forks():
    child = os.fork()
    if not child:
        os.access(OUT + "/threadfork", 0)  # @threadfork
        os._exit(0)
    os.waitpid(child, 0)
thread = threading.Thread(target=thread_forks); thread.start(); thread.join()
subprocess.run(["cat", OUT + "/started"])  # @started
def start():
    subprocess.run(["cat", OUT + "/threadstart"])  # @threadstart
thread = threading.Thread(target=start); thread.start(); thread.join()
subprocess.run(["cat", OUT + "/prepared"], preexec_fn=lambda: None, close_fds=False)  # @prepared
os.system("cat " + OUT + "/system")  # @system
process = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
process.communicate(b"")
later = subprocess.Popen(["sh", "-c", "read x; cat $0/later", OUT], stdin=subprocess.PIPE)  # @later
time.sleep(0)
later.communicate(b"go\n")
stop.set()
"#;

const HELPER: &str = "import os, sys\nos.access(sys.argv[1] + '/imported', 0)  # @imported\n";

fn pythons() -> Vec<PathBuf> {
    let mut found = vec![PathBuf::from("/usr/bin/python3")];
    for folder in [std::env::var("PYENV_ROOT").unwrap_or_default(), "/root/.pyenv".into()] {
        if let Ok(versions) = fs::read_dir(Path::new(&folder).join("versions")) {
            found.extend(versions.flatten().map(|version| version.path().join("bin/python3")));
        }
    }
    found.retain(|program| {
        let version = Command::new(program).arg("--version").output().map(|output| output.stdout);
        let version = String::from_utf8_lossy(&version.unwrap_or_default()).into_owned();
        let minor = version.split('.').nth(1).and_then(|minor| minor.parse::<u32>().ok());
        version.starts_with("Python 3.") && minor.is_some_and(|minor| minor >= 8)
    });
    found.sort();
    found.dedup();
    found
}

/// Everybody, for a program in the system; only the caller for one of his own.
fn users(program: &Path, check: impl Fn(User)) {
    if program.starts_with("/usr") { as_everybody(check) } else { check(User::Caller) }
}

#[test]
fn python_lines_of_the_thread_that_asked() {
    if !found("/usr/bin/python3") {
        return;
    }
    let outside = Outside::new(&[PYTHON, HELPER]);
    for program in pythons() {
        let skill = Skill::python(&format!("#!{}\n", program.display()));
        let source = PYTHON.replacen("import sys", &format!("#!{}\nimport sys", program.display()), 1);
        fs::write(skill.path.join("scripts/main.py"), &source).unwrap();
        fs::write(skill.path.join("scripts/helper.py"), HELPER).unwrap();
        users(&program, |user| {
            let report = run(&skill, user, "scripts/main.py", "cat, sh", &[&outside.path()]);
            let what = format!("{} {user:?}", program.display());
            let files = [("scripts/main.py", source.as_str()), ("scripts/helper.py", HELPER)];
            check(&report, &skill.path, &files, &what);
        });
    }
}
/// Nothing of this is printed: every line has to come from the shell's memory or from the script itself.
const SHELL: &str = r#"OUT=$1
exec 2>/dev/null
cat "$OUT/plain"  # @plain
cat "$OUT/piped" | sort | wc -l >/dev/null  # @piped
x=$(cat "$OUT/substituted")  # @substituted
(cd / && cat "$OUT/subshell")  # @subshell
{
  :
  echo redirected
} < "$OUT/group"  # @group
while read -r line; do
  :
done < "$OUT/loop"  # @loop
work() {
  cat "$OUT/function"  # @function
  [ -r "$OUT/tested" ] && :  # @tested
}
work
cat "$OUT/background" &  # @background
wait
cd "$OUT/folder"  # @folder
grep -q x \
  "$OUT/continued" \
  /dev/null
env X=1 cat "$OUT/env"  # @env
echo "$OUT/xargs" | xargs cat  # @xargs
if ! cat "$OUT/negated"; then :; fi  # @negated
for name in one two; do
  test -e "$OUT/no-$name"
done
. "$(dirname "$0")/lib.sh"
more
python3 "$(dirname "$0")/inner.py" "$OUT"
sh -c "cat $OUT/inline"  # @inline
exec cat "$OUT/exec"  # @exec
"#;

const LIBRARY: &str = "more() {\n  cat \"$OUT/library\"  # @library\n}\n";
const INNER: &str = "import os, subprocess, sys\nos.access(sys.argv[1] + '/inner', 0)  # @inner\n\
    subprocess.run(['sh', os.path.dirname(__file__) + '/last.sh', sys.argv[1]])\n";
const LAST: &str = "exec 2>/dev/null\ncat $1/last  # @last\n";

#[test]
fn shell_lines_without_a_word_of_the_shell() {
    let files = [
        ("scripts/main.sh", SHELL),
        ("scripts/lib.sh", LIBRARY),
        ("scripts/inner.py", INNER),
        ("scripts/last.sh", LAST),
    ];
    let outside = Outside::new(&files.map(|(_, source)| source));
    fs::write(outside.0.path().join("continued"), "").unwrap();
    let skill = Skill::new("main.sh", SHELL);
    for (file, source) in files {
        fs::write(skill.path.join(file), source).unwrap();
    }
    for shell in ["/bin/dash", "/bin/bash", "/bin/zsh", "/bin/ksh"] {
        if !Path::new(shell).exists() {
            skip(&format!("{shell} is not installed"));
            continue;
        }
        let source = format!("#!{shell}\n{SHELL}");
        fs::write(skill.path.join("scripts/main.sh"), &source).unwrap();
        as_everybody(|user| {
            let programs = "cat, sort, wc, env, xargs, grep, python3, sh, dirname";
            let report = run(&skill, user, "scripts/main.sh", programs, &[&outside.path()]);
            let files = [("scripts/main.sh", &*source), files[1], files[2], files[3]];
            check(&report, &skill.path, &files, &format!("{shell} {user:?}"));
            let places = |name| places(denial(&report, name), &skill.path);
            assert_eq!(places("continued")[0], "scripts/main.sh:23", "{shell} {user:?}");
            let chain = places("last");
            assert_eq!(
                chain[..2],
                ["scripts/last.sh:2", "scripts/inner.py:3"],
                "{shell} {user:?}: {chain:?}"
            );
            if shell == "/bin/bash" {
                let chain = places("function");
                assert_eq!(chain, ["scripts/main.sh:16", "scripts/main.sh:19"], "{user:?}");
                let chain = places("library");
                assert_eq!(chain[1], "scripts/main.sh:33", "{user:?}: {chain:?}");
            }
        });
    }
}

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
    let run = |user| run(&skill, user, "scripts/tool", "cat", &[&outside.path()]);
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

const DOUBTFUL: &str = "#!SHELL
exec 2>/dev/null
for name in a b; do
  cat $1/twice
done
cat $1/twice
eval 'cat $1/eval'
";

#[test]
fn what_could_be_two_lines_is_told_apart_or_left_out() {
    let outside = Outside::new(&[]);
    for name in ["twice", "eval"] {
        fs::write(outside.0.path().join(name), "").unwrap();
    }
    let skill = Skill::new("main.sh", "");
    for (shell, twice) in [("/bin/bash", &[4, 6][..]), ("/bin/dash", &[])] {
        if !Path::new(shell).exists() {
            skip(&format!("{shell} is not installed"));
            continue;
        }
        fs::write(skill.path.join("scripts/main.sh"), DOUBTFUL.replace("SHELL", shell)).unwrap();
        as_everybody(|user| {
            let report = run(&skill, user, "scripts/main.sh", "cat", &[&outside.path()]);
            let found = report.denials.iter().filter(|denial| denial.target.ends_with("/twice"));
            let lines: Vec<u32> =
                found.clone().filter_map(|denial| Some(denial.blame.first()?.line)).collect();
            assert_eq!(lines, twice, "{shell} {user:?}");
            assert_eq!(found.map(|denial| denial.count).sum::<u64>(), 3, "{shell} {user:?}");
            // In bash the text has the line of `eval`; nobody knows what else it could be in dash.
            let eval: Vec<u32> = denial(&report, "eval").blame.iter().map(|frame| frame.line).collect();
            assert!(eval.is_empty() || eval == [7], "{shell} {user:?}: {eval:?}");
        });
    }
}

#[test]
fn the_thousandth_refusal_has_its_line() {
    if !found("python3") {
        return;
    }
    let outside = Outside::new(&[]);
    fs::write(outside.0.path().join("often"), "").unwrap();
    let skill =
        Skill::python("import os, sys\nfor _ in range(1000):\n  os.access(sys.argv[1] + '/often', 0)\n");
    as_everybody(|user| {
        let report = run(&skill, user, "scripts/main.py", "", &[&outside.path()]);
        let denial = denial(&report, "often");
        assert_eq!((denial.count, denial.blame[0].line, report.denials.len()), (1000, 3, 1), "{user:?}");
    });
}

#[test]
fn a_process_that_hides_is_held_and_told() {
    if !found("python3") {
        return;
    }
    let outside = Outside::new(&[]);
    fs::write(outside.0.path().join("hidden"), "").unwrap();
    // PR_SET_DUMPABLE (4) to 0.
    let skill = Skill::python(
        "import ctypes, os, sys\nprint(ctypes.CDLL(None).prctl(4, 0, 0, 0, 0))\n\
         print(os.access(sys.argv[1] + '/hidden', 0))\n",
    );
    as_everybody(|user| {
        let report = run(&skill, user, "scripts/main.py", "", &[&outside.path()]);
        assert_eq!(report.stdout, "0\nFalse\n", "{user:?}");
        let denial = denial(&report, "hidden");
        // Root may read every process.
        if user == User::Caller && nix::unistd::geteuid().is_root() {
            assert_eq!(places(denial, &skill.path), ["scripts/main.py:3"]);
        } else {
            let told = denial.unread.as_deref().is_some_and(|why| why.starts_with("unreadable: "));
            assert!(told && denial.blame.is_empty(), "{user:?}: {denial:#?}");
            let text = text::summary(&report, &skill.path, text::Style { colour: false });
            assert!(text.contains("    at     unreadable: the process has made itself undumpable"), "{text}");
        }
    });
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

const OUTER_PYTHON: &str = "import os, subprocess, sys
here = os.path.dirname(os.path.abspath(__file__))
def start():
    subprocess.run([sys.argv[2], here + '/inner.py', sys.argv[1]])
start()
";
const INNER_PYTHON: &str = "import os, sys
os.access(sys.argv[1] + '/within', 0)  # @within
exec('import subprocess; subprocess.run([\"cat\", sys.argv[1] + \"/deeper\"])')  # @deeper
";

#[test]
fn python_that_starts_another_python() {
    let pythons = pythons();
    let (Some(first), Some(last)) = (pythons.first(), pythons.last()) else {
        return skip("no Python is installed");
    };
    let outside = Outside::new(&[INNER_PYTHON]);
    let skill = Skill::python("");
    fs::write(skill.path.join("scripts/inner.py"), INNER_PYTHON).unwrap();
    for (outer, inner) in [(first, last), (last, last), (last, first)] {
        let source = format!("#!{}\n{OUTER_PYTHON}", outer.display());
        fs::write(skill.path.join("scripts/main.py"), source).unwrap();
        let needed = if inner.starts_with("/usr") { outer } else { inner };
        let prefix = inner.ancestors().nth(2).unwrap().display().to_string();
        let inner = inner.display().to_string();
        users(needed, |user| {
            let permissions = format!("  run: [{inner}, cat]\n  read: [{prefix}]\n");
            let args = [&*outside.path(), &inner];
            let report = run_under(&skill, user, "scripts/main.py", &permissions, &args);
            let what = format!("{} {inner} {user:?}", outer.display());
            check(&report, &skill.path, &[("scripts/inner.py", INNER_PYTHON)], &what);
            let chain = places(denial(&report, "within"), &skill.path);
            assert_eq!(chain, ["scripts/inner.py:2", "scripts/main.py:5", "scripts/main.py:6"], "{what}");
        });
    }
}

#[test]
fn python_in_an_environment_of_its_own() {
    if !found("/usr/bin/python3") {
        return;
    }
    let source = "import os, sys\nos.access(sys.argv[1] + '/venv', 0)  # @venv\n";
    let outside = Outside::new(&[source]);
    let skill = Skill::python(source);
    let environment = skill.path.join(".venv");
    let made =
        Command::new("/usr/bin/python3").args(["-m", "venv", "--without-pip"]).arg(&environment).status();
    if !made.is_ok_and(|status| status.success()) {
        return skip("this Python makes no environments");
    }
    let source = format!("#!{}/bin/python3\n{source}", environment.display());
    fs::write(skill.path.join("scripts/main.py"), &source).unwrap();
    as_everybody(|user| {
        let report = run(&skill, user, "scripts/main.py", "", &[&outside.path()]);
        check(&report, &skill.path, &[("scripts/main.py", &source)], &format!("{user:?}"));
    });
}
