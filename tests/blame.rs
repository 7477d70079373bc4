//! Every refusal of a Python or shell script names the line that asked for it, in each version that is installed here.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::marks::{Outside, check, denial, places, run, run_under};
use common::{Skill, User, as_everybody, found, skip};
use skilldeck::report::text;

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
