//! `skilldeck env` and runs in what it prepared: real installers, local packages, no network.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use common::packages::{can_prepare, python, wheel};
use common::{Skill, User, as_everybody, found, program, wait_until};
use serde_json::Value;
use skilldeck::run::report::Report;

/// A skill, and a place for environments that every user may write to.
struct Desk {
    skill: Skill,
    cache: tempfile::TempDir,
}

impl Desk {
    fn new(script: &str, source: &str) -> Self {
        let cache = common::open_folder();
        fs::set_permissions(cache.path(), fs::Permissions::from_mode(0o777)).unwrap();
        Self { skill: Skill::new(script, source), cache }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.skill.path.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn at_home(&self, mut command: Command) -> Command {
        command.env("HOME", self.cache.path()).env("XDG_CACHE_HOME", self.cache.path());
        // Settings of this machine that would bring other packages, or another way to them.
        for (name, _) in
            std::env::vars().filter(|(name, _)| name.starts_with("PIP_") || name.starts_with("UV_"))
        {
            command.env_remove(name);
        }
        command
    }

    fn env_command(&self, user: User, args: &[&str]) -> Command {
        let mut command = program(user);
        command.arg("env").arg(&self.skill.path).args(args).current_dir("/").stdin(Stdio::null());
        self.at_home(command)
    }

    fn env(&self, user: User, args: &[&str]) -> (i32, String) {
        ended(&self.env_command(user, args).output().unwrap())
    }

    fn env_json(&self, user: User, args: &[&str]) -> Value {
        let output = self.env_command(user, args).args(["--format", "json"]).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", ended(&output).1))
    }

    fn run(&self, user: User, args: &[&str]) -> Report {
        let output = self.at_home(self.skill.command(user, args)).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", ended(&output).1))
    }

    /// What lies in the store, locks left out.
    fn store(&self) -> Vec<String> {
        let entries = fs::read_dir(self.cache.path().join("skilldeck/environments")).into_iter().flatten();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| Path::new(name).extension().is_none_or(|ending| ending != "lock")).collect()
    }

    /// Returns the hash of its content.
    fn wheel(&self) -> String {
        wheel(&self.skill.path.join("wheels"))
    }

    /// A source package in the skill, built by code of its own that first runs `python`; it needs nothing else.
    fn source_package(&self, code: &str) {
        self.file(
            "own/pyproject.toml",
            "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n[project]\nname = 'mini'\nversion = '1.0'\n",
        );
        let backend = format!(
            r"
import os, zipfile
def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    {code}
    name = 'mini-1.0-py3-none-any.whl'
    with zipfile.ZipFile(os.path.join(wheel_directory, name), 'w') as wheel:
        wheel.writestr('mini.py', 'def hello():\n    return __file__\n')
        wheel.writestr('mini-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\nName: mini\nVersion: 1.0\n')
        wheel.writestr('mini-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n')
        wheel.writestr('mini-1.0.dist-info/RECORD', 'mini.py,,\nmini-1.0.dist-info/METADATA,,\nmini-1.0.dist-info/WHEEL,,\nmini-1.0.dist-info/RECORD,,\n')
    return name
"
        );
        self.file("own/backend.py", &backend);
        self.file("requirements.txt", "./own\n");
    }
}

/// Exit status, and all that was said.
fn ended(output: &Output) -> (i32, String) {
    let text =
        [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat();
    (output.status.code().unwrap_or(-1), text)
}

const HELLO: &str = "import mini\nprint(mini.hello())\n";

#[test]
fn requirements_are_prepared_once_and_runs_find_them() {
    if !can_prepare() {
        return;
    }
    as_everybody(|user| {
        let desk = Desk::new("main.py", HELLO);
        let hash = desk.wheel();
        desk.file("requirements.txt", &format!("--no-index\n-f wheels\nmini==1.0 --hash=sha256:{hash}\n"));

        // Before: nothing is installed by looking or by running.
        assert_eq!(desk.env(user, &["--status"]).0, 1);
        let report = desk.run(user, &[]);
        let missing = &report.missing_modules[0];
        assert_eq!(missing.module, "mini");
        assert_eq!(missing.reason, "declared in requirements.txt, environment not prepared");
        assert_eq!(missing.command.as_deref(), Some("skilldeck env demo"));
        assert_eq!((missing.blame[0].line, missing.blame[0].file.ends_with("main.py")), (1, true));
        assert!(desk.store().is_empty());

        let made = desk.env_json(user, &[]);
        let made = &made["environments"][0];
        assert_eq!((&made["state"], &made["built"]), (&"prepared".into(), &true.into()), "{user:?} {made:#}");
        let package = &made["environment"]["packages"][0];
        assert_eq!((&package["name"], &package["modules"][0]), (&"mini".into(), &"mini".into()));
        assert_eq!(desk.env_json(user, &[])["environments"][0]["built"], false);

        let folder = made["environment"]["folder"].as_str().unwrap();
        let report = desk.run(user, &[]);
        assert!(report.stdout.starts_with(folder), "{user:?} {}{}", report.stdout, report.stderr);
        assert!(report.argv[0].starts_with(folder) && report.missing_modules.is_empty());
        assert!(!desk.skill.path.join("__pycache__").exists());

        // Other requirements are another environment, which is not prepared.
        let text = fs::read_to_string(desk.skill.path.join("requirements.txt")).unwrap();
        desk.file("requirements.txt", &format!("{text}--pre\n"));
        assert_eq!(desk.env(user, &["--status"]).0, 1);
        assert_eq!(desk.run(user, &[]).missing_modules.len(), 1);
        desk.file("requirements.txt", &text);

        let mut list = desk.at_home(program(user));
        let list = ended(&list.arg("env").current_dir("/").output().unwrap()).1;
        assert!(list.contains("in use  1 package") && list.contains("1 environment, "), "{list}");
        assert_eq!(desk.env(user, &["--remove"]).0, 0);
        assert!(desk.store().is_empty(), "{:?}", desk.store());
    });
}

#[test]
fn an_environment_is_read_only_in_a_run_whatever_is_granted() {
    if !can_prepare() {
        return;
    }
    let script = "import mini\ntry:\n    open(mini.__file__, 'a')\nexcept OSError as error:\n    print(error.strerror)\n";
    as_everybody(|user| {
        let desk = Desk::new("main.py", script);
        desk.wheel();
        desk.file("requirements.txt", "--no-index\n-f wheels\nmini\n");
        assert_eq!(desk.env(user, &[]).0, 0);
        let policy = format!("permissions:\n  write: [{}]\n", desk.cache.path().display());
        let policy = desk.file("wide.yaml", &policy);
        let report = desk.run(user, &["--policy", policy.to_str().unwrap()]);
        // Root's files are not the program's, which is why it is refused before.
        let refused = ["Read-only file system\n", "Permission denied\n"].contains(&report.stdout.as_str());
        assert!(refused, "{user:?} {}{} {:?}", report.stdout, report.stderr, report.outcome);
    });
}

/// What a skill would need to approve itself, or to give its code to another skill.
#[test]
fn no_grant_opens_what_is_prepared_and_approved() {
    if !found("python3") {
        return;
    }
    let script = r"
import os, sys
def attempt(what):
    try:
        what()
        print('WORKED', what.__name__)
    except OSError as error:
        pass
for top in sys.argv[1:]:
    own = os.path.join(top, 'skilldeck')
    def make_folder(): os.makedirs(os.path.join(own, 'environments/python-1'))
    def make_file(): open(os.path.join(own, 'x'), 'w')
    def move_away(): os.rename(own, own + '-old')
    def remove(): os.rmdir(own)
    for what in (make_folder, make_file, move_away, remove):
        attempt(what)
    open(os.path.join(top, 'allowed'), 'w').close()
print('END')
";
    as_everybody(|user| {
        for writes in ["direct", "keep"] {
            let desk = Desk::new("main.py", script);
            let data = desk.cache.path().join("data");
            fs::create_dir(&data).unwrap();
            if user == User::Nobody {
                // Captured folders have to be the caller's.
                for folder in [desk.cache.path(), &data] {
                    std::os::unix::fs::chown(folder, Some(common::NOBODY), Some(common::NOBODY)).unwrap();
                }
            }
            let (cache, data) = (desk.cache.path().to_str().unwrap(), data.to_str().unwrap());
            let run = |granted: &str| {
                let policy = desk.file("wide.yaml", &format!("permissions:\n  write: [{granted}]\n"));
                let args = ["--policy", policy.to_str().unwrap(), "--writes", writes, "--", cache, data];
                let mut command = desk.at_home(desk.skill.command(user, &args));
                command.env("XDG_DATA_HOME", data).output().unwrap()
            };
            let output = run(cache);
            let report: Report = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(report.stdout, "END\n", "{user:?} {writes} {}", report.stderr);
            let told = report.denials.iter().filter(|denial| denial.target.contains("/skilldeck"));
            let never = "default: approvals and prepared packages are never written by a run";
            for denial in told {
                assert!(denial.remedy.is_none(), "{denial:?}");
                assert!(
                    denial.rule == never || denial.errno == "EBUSY" || denial.errno == "EXDEV",
                    "{denial:?}"
                );
            }
            let own = Path::new(cache).join("skilldeck");
            assert_eq!(fs::read_dir(own).unwrap().count(), 0, "{user:?} {writes}");
            assert!(Path::new(cache).join("allowed").exists() && Path::new(data).join("allowed").exists());
            let (code, said) = ended(&run(&format!("{cache}/skilldeck/environments")));
            assert!(code == 2 && said.contains("which is skilldeck's own"), "{code} {said}");
        }
    });
}

#[test]
fn programs_that_are_granted_by_name_are_the_environments() {
    if !can_prepare() {
        return;
    }
    let script = "import subprocess\nprint(subprocess.run(['python3', '-c', 'import mini; print(mini.hello())'], capture_output=True, text=True))\n";
    let desk = Desk::new("main.py", script);
    desk.wheel();
    desk.file("requirements.txt", "--no-index\n-f wheels\nmini\n");
    assert_eq!(desk.env(User::Caller, &[]).0, 0);
    let granted = desk.file("granted.yaml", "permissions:\n  run: [python3]\n");
    let report = desk.run(User::Caller, &["--policy", granted.to_str().unwrap()]);
    assert!(report.stdout.contains("mini.py"), "{}{}", report.stdout, report.stderr);
    // The interpreter of the run is started whatever is denied.
    let denied = desk.file("denied.yaml", "permissions:\n  run: [git]\ndeny:\n  run: [python3]\n");
    let report = desk.run(User::Caller, &["--policy", denied.to_str().unwrap()]);
    assert_eq!(report.outcome.unwrap().code, Some(0), "{}", report.stderr);
}

#[test]
fn a_wrong_hash_leaves_nothing() {
    if !can_prepare() {
        return;
    }
    let desk = Desk::new("main.py", HELLO);
    desk.wheel();
    let hash = "0".repeat(64);
    desk.file("requirements.txt", &format!("--no-index\n-f wheels\nmini==1.0 --hash=sha256:{hash}\n"));
    let (code, said) = desk.env(User::Caller, &[]);
    assert_eq!(code, 1, "{said}");
    assert!(said.to_lowercase().contains("hash"), "{said}");
    assert!(desk.store().is_empty());
}

#[test]
fn code_of_packages_runs_on_the_users_word_and_without_secrets() {
    if !can_prepare() {
        return;
    }
    let desk = Desk::new("main.py", HELLO);
    let marker = desk.cache.path().join("ran");
    desk.source_package(&format!(
        "open({:?}, 'w').write('\\n'.join(os.environ))",
        marker.display().to_string()
    ));
    let (code, said) = desk.env(User::Caller, &[]);
    assert_eq!(code, 1);
    assert!(said.contains("requirements.txt:1 `./own`") && said.contains("--allow-scripts"), "{said}");
    assert!(!marker.exists() && desk.store().is_empty());

    let mut command = desk.env_command(User::Caller, &["--allow-scripts"]);
    let (code, said) = ended(&command.env("GITHUB_TOKEN", "secret").output().unwrap());
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("packages may run code of their own"), "{said}");
    let variables = fs::read_to_string(&marker).unwrap();
    assert!(variables.contains("PATH") && !variables.contains("GITHUB_TOKEN"), "{variables}");
    assert_eq!(desk.run(User::Caller, &[]).outcome.unwrap().code, Some(0));
}

#[test]
fn a_build_that_is_interrupted_or_killed_is_no_environment() {
    if !can_prepare() {
        return;
    }
    let desk = Desk::new("main.py", HELLO);
    let marker = desk.cache.path().join("pid");
    let hang = format!(
        "open({0:?} + '.new', 'w').write(str(os.getpid())); os.rename({0:?} + '.new', {0:?}); import signal; signal.pause()",
        marker.display().to_string()
    );
    desk.source_package(&hang);
    let builder = |marker: &Path| -> i32 { fs::read_to_string(marker).unwrap().parse().unwrap() };
    let alive = |pid: i32| {
        let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        !state.is_empty() && !state.contains(") Z")
    };
    let begin = || {
        let mut command = desk.env_command(User::Caller, &["--allow-scripts"]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_long("the package is being built", || marker.exists());
        child
    };
    let send = |pid: i32, signal| nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal).unwrap();

    let mut child = begin();
    send(child.id() as i32, nix::sys::signal::Signal::SIGINT);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    wait_until("the installer has ended", || !alive(builder(&marker)));
    assert!(desk.store().is_empty(), "{:?}", desk.store());

    fs::remove_file(&marker).unwrap();
    let mut child = begin();
    child.kill().unwrap();
    child.wait().unwrap();
    // What it left behind is no environment, and goes away with the next build.
    assert_eq!(desk.store().len(), 1);
    assert_eq!(desk.env(User::Caller, &["--status"]).0, 1);
    let group = nix::unistd::getpgid(Some(nix::unistd::Pid::from_raw(builder(&marker)))).unwrap();
    nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL).unwrap();
    let backend = desk.skill.path.join("own/backend.py");
    let text = fs::read_to_string(&backend).unwrap();
    fs::write(&backend, text.replace("signal.pause()", "")).unwrap();
    let (code, said) = desk.env(User::Caller, &["--allow-scripts"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(desk.store().len(), 2, "{:?}", desk.store());
}

/// Building takes longer than most things that tests wait for.
fn wait_long(what: &str, reached: impl Fn() -> bool) {
    let begun = std::time::Instant::now();
    while !reached() {
        assert!(begun.elapsed().as_secs() < 120, "waited in vain until {what}");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

#[test]
fn two_at_once_build_once() {
    if !can_prepare() {
        return;
    }
    let desk = Desk::new("main.py", HELLO);
    desk.wheel();
    desk.file("requirements.txt", "--no-index\n-f wheels\nmini\n");
    let begin = || {
        let mut command = desk.env_command(User::Caller, &["--format", "json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let outputs = [begin(), begin()].map(|child| child.wait_with_output().unwrap());
    let built: Vec<bool> = outputs
        .iter()
        .map(|output| {
            let value: Value = serde_json::from_slice(&output.stdout).unwrap();
            value["environments"][0]["built"].as_bool().unwrap()
        })
        .collect();
    assert_eq!(built.iter().filter(|built| **built).count(), 1, "{built:?}");
    assert_eq!(desk.store().len(), 2);
}

#[test]
fn scripts_for_uv_run_without_uv() {
    if !can_prepare() {
        return;
    }
    let block = "#!/usr/bin/env -S uv run --script\n# /// script\n# requires-python = \">=3.8\"\n# dependencies = [\"mini @ file:wheels/mini-1.0-py3-none-any.whl\"]\n# ///\n";
    let desk = Desk::new("main.py", &format!("{block}{HELLO}"));
    desk.file("scripts/wheels/.keep", "");
    desk.wheel();
    fs::rename(
        desk.skill.path.join("wheels/mini-1.0-py3-none-any.whl"),
        desk.skill.path.join("scripts/wheels/mini-1.0-py3-none-any.whl"),
    )
    .unwrap();
    let report = desk.run(User::Caller, &[]);
    assert_eq!(report.missing_modules[0].reason, "declared in scripts/main.py, environment not prepared");
    let (code, said) = desk.env(User::Caller, &[]);
    assert_eq!(code, 0, "{said}");
    let report = desk.run(User::Caller, &[]);
    assert_eq!(report.outcome.unwrap().code, Some(0), "{}", report.stderr);

    // The interpreter has to be new enough.
    let text = fs::read_to_string(desk.skill.path.join("scripts/main.py")).unwrap();
    desk.file("scripts/main.py", &text.replace(">=3.8", ">=3.99"));
    let (code, said) = desk.env(User::Caller, &[]);
    assert_eq!(code, 1);
    assert!(said.contains("asks for Python >=3.99"), "{said}");
}

#[test]
fn a_skills_own_environment_is_used_when_it_shows_nothing_new() {
    if !found("python3") {
        return;
    }
    let desk = Desk::new("main.py", HELLO);
    let venv = desk.skill.path.join(".venv");
    let make = "import sys, venv; venv.create(sys.argv[1], symlinks=True); import glob; print(glob.glob(sys.argv[1] + '/lib/*/site-packages')[0])";
    let site = python(make, &venv);
    fs::write(Path::new(&site).join("mini.py"), "def hello():\n    return __file__\n").unwrap();
    let report = desk.run(User::Caller, &[]);
    assert_eq!(report.stdout.trim(), format!("{site}/mini.py"), "{}", report.stderr);

    // One whose Python is somewhere else would make that place visible.
    let elsewhere = common::open_folder();
    let secret = elsewhere.path().join("bin");
    fs::create_dir(&secret).unwrap();
    let real = venv.join("bin/python").canonicalize().unwrap();
    fs::copy(real, secret.join("python3")).unwrap();
    fs::remove_file(venv.join("bin/python")).unwrap();
    symlink(secret.join("python3"), venv.join("bin/python")).unwrap();
    let report = desk.run(User::Caller, &[]);
    assert!(!report.argv[0].contains(".venv"), "{:?}", report.argv);
    assert_eq!(report.missing_modules[0].module, "mini");
}

#[test]
fn what_is_not_declared_is_said_to_be_so() {
    if !found("python3") {
        return;
    }
    let desk =
        Desk::new("main.py", "try:\n    import no_such_module\nexcept ImportError:\n    import helper\n");
    desk.file("lib/helper.py", "");
    let output = desk.at_home(desk.skill.plain_command(User::Caller)).output().unwrap();
    let (code, said) = ended(&output);
    assert_eq!(code, 1);
    for expected in [
        "✗ MISSING import no_such_module",
        "scripts/main.py:2",
        "not declared anywhere: add the package that brings it to requirements.txt, then `skilldeck env demo`",
        "✗ MISSING import helper",
        "lib/helper.py is in the skill, where this script does not look for modules",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

/// A package for npm in the skill, with a script that would run while it is installed.
fn npm_package(desk: &Desk) {
    let make = r#"
import io, json, sys, tarfile, os
os.makedirs(sys.argv[1], exist_ok=True)
files = {
    'package/package.json': json.dumps({'name': 'mini', 'version': '1.0.0', 'main': 'index.js', 'scripts': {'postinstall': 'node mark.js'}}),
    'package/index.js': 'exports.hello = () => __filename;\n',
    'package/mark.js': 'require("fs").writeFileSync("ran", "");\n',
}
with tarfile.open(os.path.join(sys.argv[1], 'mini-1.0.0.tgz'), 'w:gz') as archive:
    for name, text in files.items():
        info = tarfile.TarInfo(name)
        info.size = len(text)
        archive.addfile(info, io.BytesIO(text.encode()))
"#;
    python(make, &desk.skill.path.join("vendor"));
    desk.file("package.json", r#"{"dependencies": {"mini": "file:vendor/mini-1.0.0.tgz"}}"#);
}

#[test]
fn packages_of_npm_are_found_by_both_kinds_of_modules() {
    if !found("node") || !found("npm") || !found("python3") {
        return;
    }
    as_everybody(|user| {
        let desk = Desk::new("main.mjs", "import { hello } from 'mini';\nconsole.log(hello());\n");
        desk.file("scripts/old.cjs", "console.log(require('mini').hello());\n");
        npm_package(&desk);
        for (entry, line) in [("main.mjs", 1), ("old.cjs", 1)] {
            let report = desk.run(user, &["--entry", entry]);
            let missing = &report.missing_modules[0];
            assert_eq!((missing.module.as_str(), missing.blame[0].line), ("mini", line), "{}", report.stderr);
            assert_eq!(missing.reason, "declared in package.json, environment not prepared");
        }
        let (code, said) = desk.env(user, &[]);
        assert_eq!(code, 0, "{user:?} {said}");
        let made = desk.env_json(user, &["--status"]);
        assert_eq!(made["environments"].as_array().unwrap().len(), 1, "{made:#}");
        let folder = made["environments"][0]["environment"]["folder"].as_str().unwrap();
        let package = Path::new(folder).join("node_modules/mini");
        for entry in ["main.mjs", "old.cjs"] {
            let report = desk.run(user, &["--entry", entry]);
            assert_eq!(
                report.stdout.trim(),
                package.join("index.js").display().to_string(),
                "{}",
                report.stderr
            );
        }
        assert!(!package.join("ran").exists(), "npm's scripts run on the user's word only");
        assert!(!desk.skill.path.join("node_modules").exists());
        let (code, said) = desk.env(user, &["--rebuild", "--allow-scripts"]);
        assert_eq!(code, 0, "{user:?} {said}");
        let made = desk.env_json(user, &["--status"]);
        let folder = made["environments"][0]["environment"]["folder"].as_str().unwrap();
        assert!(Path::new(folder).join("node_modules/mini/ran").exists());
    });
}

#[test]
fn a_lock_file_decides() {
    if !found("node") || !found("npm") || !found("python3") {
        return;
    }
    let desk = Desk::new("main.js", "console.log(require('mini').hello());\n");
    npm_package(&desk);
    let lock = |integrity: &str| {
        format!(
            r#"{{"name": "x", "lockfileVersion": 3, "requires": true, "packages": {{
            "": {{"dependencies": {{"mini": "file:vendor/mini-1.0.0.tgz"}}}},
            "node_modules/mini": {{"version": "1.0.0", "resolved": "file:vendor/mini-1.0.0.tgz", "integrity": "{integrity}", "hasInstallScript": true}}}}}}"#
        )
    };
    desk.file("package-lock.json", &lock(&format!("sha512-{}==", "A".repeat(86))));
    let (code, said) = desk.env(User::Caller, &[]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("EINTEGRITY"), "{said}");
    assert!(desk.store().is_empty());
    let hash = "import base64, hashlib, sys; print(base64.b64encode(hashlib.sha512(open(sys.argv[1], 'rb').read()).digest()).decode())";
    let hash = python(hash, &desk.skill.path.join("vendor/mini-1.0.0.tgz"));
    desk.file("package-lock.json", &lock(&format!("sha512-{hash}")));
    let (code, said) = desk.env(User::Caller, &[]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(desk.run(User::Caller, &[]).outcome.unwrap().code, Some(0));
}
