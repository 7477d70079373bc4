//! From skill and policy to plan: what a run would see, start and know, without starting anything.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use skilldeck::policy::load::parse;
use skilldeck::policy::{Places, Policy};
use skilldeck::run::prepare::{PrepareError, Prepared, RunRequest, WorkingDirectory, prepare_for};
use skilldeck::run::{capture, materialise_write_grants};
use skilldeck::sandbox::plan::{Access, Observe, Plan};
use skilldeck::skill::{Entry, Interpreter, Language, Skill};

/// A workspace with one shell skill.
struct Desk {
    _folder: tempfile::TempDir,
    workspace: PathBuf,
    skill: PathBuf,
    caller: BTreeMap<String, String>,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workspace = folder.path().canonicalize().unwrap();
        let skill = workspace.join(".skills/demo");
        std::fs::create_dir_all(skill.join("scripts")).unwrap();
        std::fs::write(skill.join("SKILL.md"), "---\nname: demo\ndescription: d\n---\n").unwrap();
        std::fs::write(skill.join("policy.yaml"), "permissions: {}\n").unwrap();
        std::fs::write(skill.join("scripts/a.sh"), "#!/bin/sh\necho \"$TOKEN\"\n").unwrap();
        let caller = [("HOME", "/home/ada"), ("PATH", "/usr/bin:/bin"), ("TOKEN", "t"), ("OTHER", "o")];
        let caller = caller.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        Self { _folder: folder, workspace, skill, caller }
    }

    fn policy(&self, text: &str) -> Policy {
        let places = Places { workspace: self.workspace.clone(), home: Some("/home/ada".into()) };
        parse(text, &self.skill.join("policy.yaml"), &places).in_force().unwrap_or_else(|d| panic!("{d:#?}"))
    }

    fn request(&self, policy: &str) -> RunRequest {
        let interpreter = Interpreter {
            language: Language::Sh,
            program: Some(Path::new("/bin/sh").canonicalize().unwrap()),
            arguments: vec!["-e".to_owned()],
            prefix: Vec::new(),
        };
        let skill: Skill = skilldeck::skill::read(&self.skill, &self.workspace.join(".skills"));
        RunRequest {
            skill: Arc::new(skill),
            entry: Entry { file: "scripts/a.sh".into(), interpreter },
            args: vec!["--x".to_owned()],
            input: b"{}".to_vec(),
            cwd: WorkingDirectory::Skill,
            workspace: self.workspace.clone(),
            policy: self.policy(policy),
            asked: None,
            observe: Observe::Full,
            require_full: false,
        }
    }

    fn prepare(&self, policy: &str) -> Result<Prepared, PrepareError> {
        prepare_for(self.request(policy), &self.caller)
    }

    fn plan(&self, policy: &str) -> Plan {
        self.prepare(policy).unwrap().plan
    }
}

/// What the last bind that covers a path allows: later binds cover earlier ones.
fn access(plan: &Plan, path: &Path) -> Option<Access> {
    plan.view.iter().rev().find(|bind| path.starts_with(&bind.path)).map(|bind| bind.access)
}

fn variable<'a>(plan: &'a Plan, name: &str) -> Option<&'a str> {
    plan.env.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

#[test]
fn the_default_shows_the_system_and_the_skill_and_starts_nothing() {
    let desk = Desk::new();
    let plan = desk.plan("");
    let script = desk.skill.join("scripts/a.sh").display().to_string();
    assert_eq!(&plan.argv[1..], ["-e", &script, "--x"]);
    assert_eq!((plan.cwd.as_path(), plan.stdin.as_slice()), (desk.skill.as_path(), b"{}".as_slice()));
    assert_eq!(access(&plan, &desk.skill.join("SKILL.md")), Some(Access::Read));
    assert_eq!(access(&plan, Path::new("/usr/bin/env")), Some(Access::Read));
    for hidden in ["/etc/passwd", "/etc/shadow", "/etc/hosts", "/root/x", "/home/ada/x", "/var/x", "/opt/x"] {
        assert_eq!(access(&plan, Path::new(hidden)), None, "{hidden}");
    }
    assert_eq!(access(&plan, &desk.workspace.join("data.csv")), None);
    assert!(!plan.may_execute);
    assert!(plan.execute.contains(&plan.program));
    assert!(plan.execute.iter().all(|file| file.canonicalize().unwrap() == *file), "{:?}", plan.execute);
    let keys: Vec<&str> = plan.env.iter().map(|(key, _)| key.as_str()).collect();
    let safe = ["HOME", "LANG", "LC_ALL", "PATH", "SKILLDECK", "SKILL_DIR", "TERM", "TMPDIR", "USER"];
    assert_eq!(keys, safe);
    assert_eq!(variable(&plan, "HOME"), Some(Plan::HOME));
}

#[test]
fn grants_open_what_they_name() {
    let desk = Desk::new();
    std::fs::create_dir(desk.workspace.join("data")).unwrap();
    let plan = desk
        .plan("permissions:\n  read: [\"${workspace}/data\"]\n  write: [./out]\n  env: [TOKEN, ABSENT]\n");
    assert_eq!(access(&plan, &desk.workspace.join("data/x")), Some(Access::Read));
    assert_eq!(access(&plan, &desk.workspace.join("other")), None);
    assert_eq!(access(&plan, &desk.skill.join("out/x")), Some(Access::Write));
    assert_eq!(access(&plan, &desk.skill.join("scripts/a.sh")), Some(Access::Read));
    assert_eq!((variable(&plan, "TOKEN"), variable(&plan, "OTHER")), (Some("t"), None));
    assert_eq!(variable(&plan, "ABSENT"), None);
}

#[test]
fn a_wide_write_does_not_open_the_skill_and_a_read_takes_nothing_away() {
    let desk = Desk::new();
    std::fs::create_dir(desk.workspace.join("data")).unwrap();
    let wide = desk.plan("permissions:\n  write: [\"${workspace}\"]\n  read: [\"${workspace}/data\"]\n");
    assert_eq!(access(&wide, &desk.workspace.join("x")), Some(Access::Write));
    assert_eq!(access(&wide, &desk.workspace.join("data/x")), Some(Access::Write));
    assert_eq!(access(&wide, &desk.skill.join("scripts/a.sh")), Some(Access::Read));
    let own = desk.plan("permissions:\n  write: [.]\n");
    assert_eq!(access(&own, &desk.skill.join("scripts/a.sh")), Some(Access::Write));
    assert_eq!(access(&own, &desk.skill.join("policy.yaml")), Some(Access::Read), "never its own request");
}

#[test]
fn denials_come_last() {
    let desk = Desk::new();
    std::fs::create_dir_all(desk.workspace.join("data/secret")).unwrap();
    std::fs::create_dir_all(desk.workspace.join("data/kept")).unwrap();
    let text = "permissions:\n  write: [\"${workspace}/data\"]\n  read: [\"${workspace}/data/secret\"]\n  run: [sort, env]\n  env: [TOKEN]\ndeny:\n  read: [\"${workspace}/data/secret\"]\n  write: [\"${workspace}/data/kept\"]\n  run: [env]\n  env: [TOKEN]\n";
    let plan = desk.plan(text);
    assert_eq!(access(&plan, &desk.workspace.join("data/secret/x")), Some(Access::Deny));
    assert_eq!(access(&plan, &desk.workspace.join("data/kept/x")), Some(Access::Read));
    assert_eq!(access(&plan, &desk.workspace.join("data/x")), Some(Access::Write));
    let real = |path: &str| Path::new(path).canonicalize().unwrap();
    assert!(plan.execute.contains(&real("/usr/bin/sort")) && !plan.execute.contains(&real("/usr/bin/env")));
    assert_eq!(variable(&plan, "TOKEN"), None);
    // A path that does not exist cannot be kept closed in a folder that is open: said, not ignored.
    let error = desk.prepare(
        "permissions:\n  write: [\"${workspace}/data\"]\ndeny:\n  read: [\"${workspace}/data/later\"]\n",
    );
    let error = error.unwrap_err().to_string();
    assert!(error.contains("policy.yaml:4") && error.contains("make it first"), "{error}");
}

#[test]
fn programs_bring_their_loaders_and_interpreters() {
    let desk = Desk::new();
    let helper = desk.skill.join("scripts/helper");
    std::fs::write(&helper, "#!/usr/bin/env cat\n").unwrap();
    let prepared = desk.prepare("permissions:\n  run: [./scripts/helper, no-such-program]\n").unwrap();
    let plan = &prepared.plan;
    assert!(plan.may_execute);
    for needed in ["/usr/bin/env", "/usr/bin/cat"] {
        assert!(plan.execute.contains(&Path::new(needed).canonicalize().unwrap()), "{needed}");
    }
    assert!(plan.execute.contains(&helper));
    assert_eq!(prepared.notes.len(), 1);
    assert!(prepared.notes[0].contains("no-such-program"), "{:?}", prepared.notes);
    let all = desk.plan("permissions: {run: [\"@coreutils\"]}\n");
    assert!(all.execute.len() > 50, "{}", all.execute.len());
}

#[test]
fn a_program_elsewhere_becomes_visible_and_is_found_by_name() {
    let mut desk = Desk::new();
    let tools = desk.workspace.join("tools");
    std::fs::create_dir(&tools).unwrap();
    std::fs::copy("/usr/bin/true", tools.join("own-tool")).unwrap();
    desk.caller.insert("PATH".to_owned(), format!("{}:/usr/bin", tools.display()));
    let plan = desk.plan("permissions: {run: [own-tool]}\n");
    assert_eq!(access(&plan, &tools.join("own-tool")), Some(Access::Read));
    assert!(variable(&plan, "PATH").unwrap().ends_with(&format!(":{}", tools.display())));
    assert_eq!(access(&plan, &tools.join("other")), None);
}

#[test]
fn write_grants_are_made_before_the_run() {
    let desk = Desk::new();
    let prepared = desk.prepare("permissions:\n  write: [./out/deep, ./report.md, ./folder.d/]\n").unwrap();
    materialise_write_grants(&prepared).unwrap();
    assert!(desk.skill.join("out/deep").is_dir());
    assert!(desk.skill.join("report.md").is_file());
    assert!(desk.skill.join("folder.d").is_dir());
    // Again: what is there stays.
    std::fs::write(desk.skill.join("report.md"), "kept").unwrap();
    materialise_write_grants(&prepared).unwrap();
    assert_eq!(std::fs::read_to_string(desk.skill.join("report.md")).unwrap(), "kept");
    let blocked = desk.prepare("permissions:\n  write: [./report.md/x]\n").unwrap();
    let error = materialise_write_grants(&blocked).unwrap_err().to_string();
    assert!(error.contains("policy.yaml:2 grants write ./report.md/x"), "{error}");
}

#[test]
fn variables_that_are_not_passed_are_remembered_with_their_line() {
    let desk = Desk::new();
    let prepared = desk.prepare("").unwrap();
    assert_eq!(prepared.withheld.len(), 1);
    assert_eq!((prepared.withheld[0].name.as_str(), prepared.withheld[0].mentions[0].line), ("TOKEN", 2));
    assert!(desk.prepare("permissions: {env: [TOKEN]}").unwrap().withheld.is_empty());
}

#[test]
fn what_cannot_be_planned_says_why() {
    let desk = Desk::new();
    let mut request = desk.request("");
    request.entry.interpreter.program = None;
    let error = prepare_for(request, &desk.caller).unwrap_err().to_string();
    assert!(error.starts_with("interpreter not found: sh is needed to run scripts/a.sh"), "{error}");

    let mut request = desk.request("");
    request.entry.file = "scripts/gone.sh".into();
    assert!(prepare_for(request, &desk.caller).unwrap_err().to_string().contains("gone.sh"));

    let mut request = desk.request("");
    request.args = vec!["a\0b".to_owned()];
    assert!(prepare_for(request, &desk.caller).unwrap_err().to_string().contains("NUL"));

    let odd = desk.skill.join(std::ffi::OsString::from_vec(b"scripts/\xff.sh".to_vec()));
    std::fs::write(&odd, "").unwrap();
    let mut request = desk.request("");
    request.entry.file = odd.strip_prefix(&desk.skill).unwrap().to_owned();
    assert!(prepare_for(request, &desk.caller).unwrap_err().to_string().contains("not UTF-8"));

    let mut request = desk.request("");
    request.cwd = WorkingDirectory::Workspace;
    request.workspace = "/".into();
    assert!(prepare_for(request, &desk.caller).unwrap_err().to_string().contains("whole file system"));
}

#[test]
fn working_directories() {
    let desk = Desk::new();
    let with = |cwd| {
        let request = RunRequest { cwd, ..desk.request("") };
        prepare_for(request, &desk.caller).unwrap().plan
    };
    let workspace = with(WorkingDirectory::Workspace);
    assert_eq!(workspace.cwd, desk.workspace);
    assert_eq!(access(&workspace, &desk.workspace.join("x")), Some(Access::Read));
    assert_eq!(with(WorkingDirectory::Scratch).cwd, Path::new(Plan::SCRATCH));
}

#[test]
fn folders_above_what_is_closed_cannot_be_moved_away() {
    let desk = Desk::new();
    let hooks = desk.workspace.join("data/repo/.git/hooks");
    std::fs::create_dir_all(&hooks).unwrap();
    let plan = desk.plan(
        "permissions:\n  write: [\"${workspace}\"]\ndeny:\n  write: [\"${workspace}/data/repo/.git/hooks\"]\n",
    );
    let at = |path: &Path| plan.view.iter().position(|bind| bind.path == path);
    let mut last = at(&desk.workspace).unwrap();
    for path in ["data", "data/repo", "data/repo/.git", "data/repo/.git/hooks"] {
        let index = at(&desk.workspace.join(path)).unwrap_or_else(|| panic!("{path} is no mount of its own"));
        assert!(index > last, "{path}");
        last = index;
    }
    assert_eq!(access(&plan, &hooks.join("pre")), Some(Access::Read));
    assert_eq!(access(&plan, &desk.workspace.join("data/repo/.git/config")), Some(Access::Write));
    assert!(at(&desk.workspace.join(".skills")).unwrap() < at(&desk.skill).unwrap());
    assert_eq!(access(&plan, &desk.skill.join("SKILL.md")), Some(Access::Read));
}

#[test]
fn a_grant_over_a_link_does_not_open_what_is_closed() {
    let desk = Desk::new();
    std::fs::create_dir_all(desk.workspace.join("data/x/secret")).unwrap();
    std::os::unix::fs::symlink("data", desk.workspace.join("link")).unwrap();
    let plan = desk.plan(
        "permissions:\n  write: [\"${workspace}/link/x\"]\ndeny:\n  read: [\"${workspace}/data/x/secret\"]\n",
    );
    for path in ["data/x/secret/a", "link/x/secret/a"] {
        assert_eq!(access(&plan, &desk.workspace.join(path)), Some(Access::Deny), "{path}");
    }
    assert_eq!(access(&plan, &desk.workspace.join("link/x/a")), Some(Access::Write));
}

#[test]
fn a_link_does_not_turn_a_grant_into_another() {
    let mut desk = Desk::new();
    let host = tempfile::tempdir().unwrap();
    let host_path = host.path().canonicalize().unwrap();
    let link = |to: &Path, name: &str| std::os::unix::fs::symlink(to, desk.skill.join(name)).unwrap();
    link(&host_path, "out");
    link(&host_path.join("later"), "dangling");
    std::fs::create_dir(desk.workspace.join("data")).unwrap();
    link(&desk.skill.join("scripts"), "inside");
    link(&desk.workspace.join("data"), "beside");
    std::os::unix::fs::symlink(&host_path, desk.workspace.join("away")).unwrap();
    for grant in ["write: [./out]", "write: [out/new/deep]", "read: [./out]", "write: [./dangling]"] {
        let error = desk.prepare(&format!("permissions:\n  {grant}\n")).unwrap_err().to_string();
        let place = host_path.display().to_string();
        assert!(error.contains("policy.yaml:2 grants") && error.contains(&place), "{grant}: {error}");
        assert!(error.contains("to grant that"), "{error}");
    }
    for grant in ["${workspace}/away", "./beside/new"] {
        assert!(desk.prepare(&format!("permissions: {{write: [\"{grant}\"]}}\n")).is_err(), "{grant}");
    }
    let host_text = host_path.display();
    for grant in ["./inside", "../new", "../../../sibling", &format!("{host_text}"), "./plain"] {
        desk.prepare(&format!("permissions: {{write: [\"{grant}\"]}}\n")).unwrap();
    }
    // The link came after the plan.
    let prepared = desk.prepare("permissions: {write: [./plain/new]}\n").unwrap();
    link(&host_path, "plain");
    assert!(materialise_write_grants(&prepared).unwrap_err().to_string().contains("which a link leads to"));
    assert_eq!(host_path.read_dir().unwrap().count(), 0, "nothing was made there");
    // The home may itself be reached over a link.
    let home = desk.workspace.join("home");
    std::os::unix::fs::symlink(&desk.workspace, &home).unwrap();
    desk.workspace = home;
    desk.prepare("permissions: {write: [\"${workspace}/data\", \"${workspace}/new\"]}\n").unwrap();
}

#[test]
fn an_entry_that_leads_out_of_the_skill_does_not_run() {
    let desk = Desk::new();
    let host = tempfile::tempdir().unwrap();
    let script = host.path().canonicalize().unwrap().join("b.sh");
    let link = desk.skill.join("scripts/b.sh");
    let attempt = |to: &Path| {
        let _ = std::fs::remove_file(&link);
        std::os::unix::fs::symlink(to, &link).unwrap();
        let mut request = desk.request("");
        request.entry.file = "scripts/b.sh".into();
        prepare_for(request, &desk.caller)
    };
    std::fs::write(&script, "echo\n").unwrap();
    let error = attempt(&script).unwrap_err().to_string();
    assert!(
        error.contains(&script.display().to_string()) && error.contains("outside of the skill"),
        "{error}"
    );
    let shared = desk.workspace.join(".skills/shared.sh");
    std::fs::write(&shared, "echo\n").unwrap();
    attempt(&shared).unwrap();
}

#[test]
fn writes_are_captured_once_wherever_they_are_shown() {
    let desk = Desk::new();
    let folder = |name: &str| std::fs::create_dir_all(desk.workspace.join(name)).unwrap();
    folder("data/x");
    folder("single");
    std::fs::write(desk.workspace.join("single/file.txt"), "").unwrap();
    std::os::unix::fs::symlink("data", desk.workspace.join("link")).unwrap();
    let grants =
        ["data", "link/x", "data/x/new", "data/x/new.txt", "single/file.txt", "missing/deep", "later.md"];
    let grants: Vec<String> = grants.iter().map(|grant| format!("\"${{workspace}}/{grant}\"")).collect();
    let mut prepared = desk.prepare(&format!("permissions:\n  write: [{}]\n", grants.join(", "))).unwrap();
    let before = prepared.clone();
    capture::arrange(&mut prepared).unwrap();
    assert_eq!(prepared.plan.view, before.plan.view, "the program sees the same");
    let mut found: Vec<String> = prepared
        .plan
        .captures()
        .iter()
        .map(|capture| {
            let name = capture.folder.strip_prefix(&desk.workspace).unwrap().display();
            let file = capture.file.as_ref().map(|file| file.display().to_string());
            let exists = capture.identity.is_some();
            let shown: Vec<_> = capture.shown.iter().map(|shown| shown.below.display().to_string()).collect();
            let made: Vec<_> =
                capture.made.iter().map(|made| (made.below.as_path(), made.directory)).collect();
            format!("{name} {file:?} {exists} {shown:?} {made:?}")
        })
        .collect();
    found.sort();
    let expected = [
        r#" Some("later.md") false ["later.md"] []"#,
        r#"data None true ["", "x"] [("x/new", true), ("x/new.txt", false)]"#,
        r#"missing/deep None false [""] []"#,
        r#"single Some("file.txt") true ["file.txt"] []"#,
    ];
    assert_eq!(found, expected);
    for missing in ["data/x/new", "missing", "later.md"] {
        assert!(!desk.workspace.join(missing).exists(), "{missing}");
    }
}

#[test]
fn what_cannot_be_captured_is_said_before_the_run() {
    let desk = Desk::new();
    let socket = desk.skill.join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    std::fs::write(desk.skill.join("report.md"), "").unwrap();
    for (grant, words) in
        [("./socket", "neither a folder nor a regular file"), ("./report.md/x", "ot a directory")]
    {
        let mut prepared = desk.prepare(&format!("permissions: {{write: [{grant}]}}\n")).unwrap();
        let error = capture::arrange(&mut prepared).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains("use --writes direct"), "{error}");
    }
    // The link came after the plan.
    let mut prepared = desk.prepare("permissions: {write: [./plain/new]}\n").unwrap();
    std::os::unix::fs::symlink(&desk.workspace, desk.skill.join("plain")).unwrap();
    let error = capture::arrange(&mut prepared).unwrap_err().to_string();
    assert!(error.contains("which a link leads to"), "{error}");
}
