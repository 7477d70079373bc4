//! Reading policies, deciding which rule refused a call, and finding the smallest grant.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

use std::path::Path;

use skilldeck::policy::decide::Call;
use skilldeck::policy::load::parse;
use skilldeck::policy::{Origin, Permission, Places, Policy, Remedy, Ruling, Scope};
use skilldeck::sandbox::event::{Layer, Operation};
use skilldeck::skill::Severity;

fn places(workspace: &Path) -> Places {
    Places { workspace: workspace.to_owned(), home: Some("/home/ada".into()) }
}

/// A skill on disk, with the calls judged in it.
struct Desk {
    _folder: tempfile::TempDir,
    workspace: std::path::PathBuf,
    skill: std::path::PathBuf,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workspace = folder.path().canonicalize().unwrap();
        let skill = workspace.join(".skills/demo");
        std::fs::create_dir_all(skill.join("references")).unwrap();
        std::fs::write(skill.join("SKILL.md"), "x").unwrap();
        std::fs::write(skill.join("references/a.txt"), "x").unwrap();
        std::fs::write(workspace.join("data.csv"), "x").unwrap();
        Self { _folder: folder, workspace, skill }
    }

    fn policy(&self, text: &str) -> Policy {
        parse(text, &self.skill.join("policy.yaml"), &places(&self.workspace))
            .in_force()
            .unwrap_or_else(|d| panic!("{d:#?}"))
    }

    fn rule(&self, policy: &str, asked: Option<&str>, operation: Operation, target: &str) -> Ruling {
        self.rule_of(policy, asked, operation, target, "openat", Layer::Mount)
    }

    fn rule_of(
        &self,
        policy: &str,
        asked: Option<&str>,
        operation: Operation,
        target: &str,
        syscall: &str,
        layer: Layer,
    ) -> Ruling {
        let (policy, asked) = (self.policy(policy), asked.map(|text| self.policy(text)));
        let places = places(&self.workspace);
        let scope =
            Scope { policy: &policy, asked: asked.as_ref(), skill: &self.skill, places: &places, own: &[] };
        scope.rule(&Call { operation, target, syscall, layer })
    }

    fn inside(&self, path: &str) -> String {
        self.skill.join(path).display().to_string()
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the form in which a ruling has it")]
fn remedy(permission: Permission, add: &str) -> Option<Remedy> {
    Some(Remedy::new(permission, add))
}

#[test]
fn a_policy_is_read_with_the_line_of_every_grant() {
    let desk = Desk::new();
    let text = "permissions:\n  read: [./references, ~/notes]\n  write:\n    - ./out\n  net: [\"api.github.com:443\"]\n  run: [git, \"@coreutils\"]\n  env: [GITHUB_TOKEN]\nlimits:\n  wall: 1m\n  memory: 1GiB\n  processes: 4\n";
    let policy = desk.policy(text);
    assert_eq!(policy.read[0].value, desk.skill.join("references"));
    assert_eq!(policy.read[1].value, Path::new("/home/ada/notes"));
    let origin = Origin::File { path: desk.skill.join("policy.yaml"), line: 4, column: 7 };
    assert_eq!(policy.write[0].origin, origin);
    assert_eq!(
        (policy.limits.wall.as_secs(), policy.limits.memory, policy.limits.processes),
        (60, 1 << 30, 4)
    );
    assert_eq!(policy.limits.cpu.as_secs(), 10, "what is not set keeps its default");
    let said: Vec<String> = policy.describe().into_iter().map(|sentence| sentence.text).collect();
    assert_eq!(
        said,
        [
            "read ./references",
            "read ~/notes (/home/ada/notes)",
            "make and change ./out",
            "connect to api.github.com, port 443",
            "start git",
            "start the coreutils",
            "see the variable GITHUB_TOKEN",
            "run for up to 1m",
            "use up to 1GiB of memory",
            "have up to 4 processes",
        ]
    );
}

#[test]
fn mistakes_are_found_and_keep_the_policy_out_of_force() {
    let cases = [
        ("permisions: {}", "policy-unknown-key", "did you mean `permissions`?"),
        ("permissions: {network: []}", "policy-unknown-key", "did you mean `net`?"),
        ("read: [x]", "policy-unknown-key", "put it below `permissions:`"),
        ("permissions: {zzz: []}", "policy-unknown-key", "known here: read, write, net, run, env"),
        ("limits: {timeout: 5s}", "policy-unknown-key", "did you mean `wall`?"),
        ("permissions: {read: ./x}", "policy-value", "write `read: [./x]`"),
        ("permissions: {read: [5]}", "policy-value", "quote it"),
        ("permissions: {net: true}", "policy-value", "write `net: [true]`"),
        ("permissions: [read]", "policy-value", "write keys such as `read:`"),
        ("limits: {memory: 10M}", "policy-value", "10MiB"),
        ("limits: {wall: soon}", "policy-value", "500ms"),
        ("limits: {processes: 0}", "policy-value", "whole number"),
        ("deny: {run: [a b]}", "policy-value", "without arguments"),
        ("limits: {wall: 1s}\nlimits: {wall: 2s}", "policy-duplicate-key", "put both into one"),
        ("permissions:\n\tread: []", "policy-syntax", "spaces"),
        ("a: *x", "policy-syntax", "write the value out"),
        ("[]", "policy-value", "write keys such as `permissions:`"),
    ];
    for (text, code, help) in cases {
        let loaded = parse(text, Path::new("/s/policy.yaml"), &places(Path::new("/w")));
        let error = loaded.diagnostics.iter().find(|d| d.severity == Severity::Error).unwrap();
        assert_eq!(error.code, code, "{text}: {error:?}");
        assert!(error.help.contains(help), "{text}: {}", error.help);
        assert!(error.span.line >= 1 && error.span.column >= 1);
        assert!(loaded.in_force().is_err());
    }
    // A fix for a misspelt key is one edit.
    let loaded = parse("permisions: {}", Path::new("/s/policy.yaml"), &places(Path::new("/w")));
    let edit = &loaded.diagnostics[0].fix.as_ref().unwrap().edits[0];
    assert_eq!((edit.start, edit.end, edit.text.as_str()), (0, 10, "permissions"));
}

#[test]
fn the_digest_is_of_what_is_allowed() {
    let desk = Desk::new();
    let digest = |text: &str| desk.policy(text).digest();
    let one = digest("permissions:\n  read: [./a, ./b]\n");
    assert_eq!(
        one,
        digest("# other words\npermissions: {read: [\"./b/\", ./x/../a, ./a]}\nlimits: {wall: 30s}\n")
    );
    assert_ne!(one, digest("permissions:\n  read: [./a]\n"));
    assert_ne!(one, digest("permissions:\n  read: [./a, ./b]\nlimits: {wall: 31s}\n"));
    assert_ne!(digest("deny: {env: [A]}"), digest("permissions: {env: [A]}"));
    assert_eq!(digest(""), Policy::default().digest());
}

#[test]
fn reading_and_writing_inside_the_skill() {
    let desk = Desk::new();
    let ruling = desk.rule_of("", None, Operation::Create, &desk.inside("out"), "mkdir", Layer::Mount);
    assert_eq!(ruling.rule, "default: a skill's own folder is read-only");
    assert_eq!(ruling.remedy, remedy(Permission::Write, "./out"));
    assert_eq!(ruling.alternatives, []);
    // A new file needs its folder; the skill's own folder is never offered.
    let ruling = desk.rule("", None, Operation::Create, &desk.inside("references/new.txt"));
    assert_eq!(ruling.remedy, remedy(Permission::Write, "./references"));
    let ruling = desk.rule("", None, Operation::Create, &desk.inside("report.txt"));
    assert_eq!(ruling.remedy, remedy(Permission::Write, "./report.txt"));
    // A file that is there is granted alone, its folder is the wider choice.
    let ruling = desk.rule("", None, Operation::Write, &desk.inside("references/a.txt"));
    assert_eq!(ruling.remedy, remedy(Permission::Write, "./references/a.txt"));
    assert_eq!(ruling.alternatives, [Remedy::new(Permission::Write, "./references")]);
    // To delete is to change the folder.
    let ruling =
        desk.rule_of("", None, Operation::Delete, &desk.inside("references/a.txt"), "unlink", Layer::Mount);
    assert_eq!(ruling.remedy, remedy(Permission::Write, "./references"));
    let ruling = desk.rule_of("", None, Operation::Delete, &desk.inside("SKILL.md"), "unlink", Layer::Mount);
    assert_eq!(ruling.remedy, None);
}

#[test]
fn reading_outside_of_the_skill() {
    let desk = Desk::new();
    let data = desk.workspace.join("data.csv").display().to_string();
    let ruling = desk.rule("", None, Operation::Read, &data);
    assert_eq!(ruling.remedy, remedy(Permission::Read, "${workspace}/data.csv"));
    assert_eq!(ruling.alternatives, [Remedy::new(Permission::Read, "${workspace}")]);
    let ruling = desk.rule("", None, Operation::Read, "/etc/shadow");
    assert_eq!(ruling.remedy, remedy(Permission::Read, "/etc/shadow"));
    assert_eq!(ruling.alternatives, [], "all of /etc is too much to offer");
    let ruling = desk.rule("", None, Operation::Read, "/home/ada/.ssh/id_rsa");
    assert_eq!(ruling.remedy, remedy(Permission::Read, "~/.ssh/id_rsa"));
    // A name that the file's format would read otherwise is not offered.
    assert_eq!(desk.rule("", None, Operation::Read, "/srv/a*b").remedy, None);
}

#[test]
fn what_is_never_granted_has_no_remedy() {
    let desk = Desk::new();
    let cases = [
        (Operation::Read, "/proc/1/environ", "openat", Layer::Landlock, "/proc"),
        (Operation::Write, "/sys/x", "openat", Layer::Mount, "/sys"),
        (Operation::Write, "/usr/bin/x", "openat", Layer::Mount, "system is never writable"),
        (Operation::Syscall, "mount", "mount", Layer::Seccomp, "calls that change the kernel's view"),
        (Operation::Syscall, "ptrace", "ptrace", Layer::Seccomp, "look into other processes"),
        (Operation::Syscall, "bpf", "bpf", Layer::Seccomp, "risky parts"),
        (Operation::Signal, "process 1", "kill", Layer::Landlock, "signals"),
        (Operation::Listen, "0.0.0.0:80", "bind", Layer::Network, "waiting for connections"),
        (Operation::Connect, "/run/docker.sock", "connect", Layer::Network, "local sockets"),
        (Operation::Execute, "/tmp/made", "execve", Layer::Seccomp, "what the run itself made"),
        (Operation::Execute, "/proc/4/fd/3", "execve", Layer::Seccomp, "what the run itself made"),
        (Operation::Read, "/etc/hostname", "openat", Layer::Permissions, "owner and mode"),
        (Operation::Spawn, "fork", "clone", Layer::Limit, "limit processes 32"),
    ];
    for (operation, target, syscall, layer, words) in cases {
        let ruling = desk.rule_of("", None, operation, target, syscall, layer);
        assert!(ruling.rule.contains(words), "{target}: {}", ruling.rule);
        assert_eq!((ruling.remedy, ruling.alternatives), (None, vec![]), "{target}");
    }
    let metadata = desk.rule("", None, Operation::Connect, "169.254.169.254:80");
    assert_eq!((metadata.rule.as_str(), metadata.remedy), ("default: no network", None));
}

#[test]
fn programs_hosts_and_variables() {
    let desk = Desk::new();
    let ruling = desk.rule("", None, Operation::Execute, "/usr/bin/sort");
    assert_eq!(ruling.remedy, remedy(Permission::Run, "sort"));
    assert_eq!(ruling.alternatives, [Remedy::new(Permission::Run, "@coreutils")]);
    let ruling = desk.rule("", None, Operation::Execute, &desk.inside("references/a.txt"));
    assert_eq!(ruling.remedy, remedy(Permission::Run, "./references/a.txt"));
    let ruling = desk.rule("permissions: {run: [sort]}", None, Operation::Execute, "/usr/bin/env");
    assert_eq!(ruling.rule, "default: only the programs granted (from policy.yaml:1 on) can be started");

    let ruling = desk.rule("", None, Operation::Connect, "api.github.com:443");
    assert_eq!(ruling.remedy, remedy(Permission::Net, "api.github.com:443"));
    assert_eq!(ruling.alternatives, [Remedy::new(Permission::Net, "api.github.com")]);
    let ruling = desk.rule("", None, Operation::Connect, "[2001:db8::1]:443");
    assert_eq!(ruling.remedy, remedy(Permission::Net, "[2001:db8::1]:443"));
    assert_eq!(desk.rule("", None, Operation::Env, "TOKEN").remedy, remedy(Permission::Env, "TOKEN"));
}

#[test]
fn deny_beats_grants_and_is_named() {
    let desk = Desk::new();
    let text = "permissions:\n  read: [/srv]\ndeny:\n  read: [/srv/secret]\n  net: [\"*.example.org\"]\n  run: [sort]\n";
    let ruling = desk.rule(text, None, Operation::Read, "/srv/secret/key");
    assert_eq!((ruling.rule.as_str(), ruling.remedy), ("policy.yaml:4 denies read /srv/secret", None));
    // What must not be read must not be written either.
    let ruling = desk.rule(text, None, Operation::Write, "/srv/secret/key");
    assert_eq!(ruling.rule, "policy.yaml:4 denies write /srv/secret");
    let ruling = desk.rule(text, None, Operation::Connect, "a.example.org:443");
    assert_eq!(ruling.rule, "policy.yaml:5 denies net *.example.org");
    let ruling = desk.rule(text, None, Operation::Execute, "/usr/bin/sort");
    assert_eq!((ruling.rule.as_str(), ruling.remedy), ("policy.yaml:6 denies run sort", None));
}

#[test]
fn asked_and_not_approved() {
    let desk = Desk::new();
    let asked =
        "permissions:\n  write: [./out]\n  run: [\"@coreutils\"]\n  net: [\"a.de:443\"]\n  env: [TOKEN]\n";
    let of = |operation, target: &str| desk.rule("", Some(asked), operation, target).asked;
    let expected =
        "policy.yaml:2 asks for write ./out: not approved; see `skilldeck approve`, or run with --trust";
    assert_eq!(of(Operation::Create, &desk.inside("out/x")).as_deref(), Some(expected));
    assert!(of(Operation::Execute, "/usr/bin/sort").unwrap().contains("run @coreutils"));
    assert!(of(Operation::Connect, "a.de:443").unwrap().contains("policy.yaml:4"));
    assert_eq!(of(Operation::Connect, "a.de:80"), None);
    assert!(of(Operation::Env, "TOKEN").is_some());
    assert_eq!(of(Operation::Read, "/etc/shadow"), None);
}

#[test]
fn with_a_policy_file_elsewhere_remedies_are_not_relative() {
    let desk = Desk::new();
    let places = places(&desk.workspace);
    let policy = parse("", Path::new("/elsewhere/p.yaml"), &places).in_force().unwrap();
    let scope = Scope { policy: &policy, asked: None, skill: &desk.skill, places: &places, own: &[] };
    let target = desk.inside("out");
    let call = Call { operation: Operation::Create, target: &target, syscall: "mkdir", layer: Layer::Mount };
    assert_eq!(scope.rule(&call).remedy, remedy(Permission::Write, "${workspace}/.skills/demo/out"));
}

#[test]
fn merging_keeps_what_each_file_says() {
    let desk = Desk::new();
    let one = desk.policy("permissions: {read: [./a]}\nlimits: {wall: 5s, cpu: 2s}\n");
    let two = desk.policy("permissions: {read: [./a, ./b]}\ndeny: {env: [X]}\nlimits: {wall: 9s}\n");
    let both = one.merged(two);
    assert_eq!(both.read.len(), 2);
    assert_eq!((both.limits.wall.as_secs(), both.limits.cpu.as_secs(), both.deny.env.len()), (9, 2, 1));
    assert_eq!(both.limit_origins.iter().filter(|(name, _)| *name == "wall").count(), 1);
}

#[test]
fn other_formats_are_hints_with_their_line() {
    let desk = Desk::new();
    let manifest = "---\nname: demo\ndescription: d\nallowed-tools: Read Bash(git:*) Bash(rm -rf *)\nmetadata:\n  openclaw:\n    requires:\n      env: [TOKEN, \"BAD NAME\"]\n      bins: [sort, \"a b\"]\n    primaryEnv: KEY\n---\n";
    std::fs::write(desk.skill.join("SKILL.md"), manifest).unwrap();
    std::fs::create_dir(desk.skill.join("agents")).unwrap();
    let sidecar =
        "permissions:\n  network: true\n  file_system:\n    read: [./data]\n    write: [./output, /proc]\n";
    std::fs::write(desk.skill.join("agents/openai.yaml"), sidecar).unwrap();
    let skill = skilldeck::skill::read(&desk.skill, &desk.workspace);
    let places = places(&desk.workspace);
    let chosen = skilldeck::policy::choose(&skill, skilldeck::policy::Source::Default, &places).unwrap();
    let asked = chosen.asked.unwrap();
    let names = |list: Vec<&String>| list.into_iter().cloned().collect::<Vec<_>>();
    assert_eq!(names(asked.env.iter().map(|g| &g.value).collect()), ["TOKEN", "KEY"]);
    assert_eq!(names(asked.run.iter().map(|g| &g.written).collect()), ["sort", "git", "rm"]);
    assert_eq!((asked.read.len(), asked.write.len(), asked.net.len()), (1, 1, 1));
    assert_eq!(chosen.policy.digest(), Policy::default().digest(), "nothing of it is granted");
    let scope =
        Scope { policy: &chosen.policy, asked: Some(&asked), skill: &desk.skill, places: &places, own: &[] };
    let call = Call { operation: Operation::Env, target: "TOKEN", syscall: "", layer: Layer::Environment };
    let said = scope.rule(&call).asked.unwrap();
    assert!(said.starts_with("SKILL.md:") && said.contains("hints at env TOKEN"), "{said}");
    let target = desk.inside("output");
    let call = Call { operation: Operation::Create, target: &target, syscall: "mkdir", layer: Layer::Mount };
    assert!(scope.rule(&call).asked.unwrap().starts_with("agents/openai.yaml:5 hints at write ./output"));
}

#[test]
fn the_skills_own_file_is_checked() {
    let desk = Desk::new();
    let skill = skilldeck::skill::read(&desk.skill, &desk.workspace);
    let check = || skilldeck::policy::check(&skill, &places(&desk.workspace));
    assert_eq!(check(), []);
    std::fs::write(desk.skill.join("policy.yaml"), "limits: {wall: never}\n").unwrap();
    assert_eq!((check().len(), check()[0].code), (1, "policy-value"));
    std::fs::write(desk.skill.join("policy.yaml"), b"\xff").unwrap();
    assert_eq!(check()[0].code, "policy-unreadable");
    // A folder of that name is no policy, and no crash.
    std::fs::remove_file(desk.skill.join("policy.yaml")).unwrap();
    std::fs::create_dir(desk.skill.join("policy.yaml")).unwrap();
    assert_eq!(check()[0].code, "policy-unreadable");
    // A pipe of that name would keep a reader waiting for ever.
    std::fs::remove_dir(desk.skill.join("policy.yaml")).unwrap();
    nix::unistd::mkfifo(&desk.skill.join("policy.yaml"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert!(check()[0].message.contains("not a regular file"));
}

#[test]
fn a_star_covers_names_only_and_the_rule_says_so() {
    let desk = Desk::new();
    let star = "permissions:\n  net: [\"*\"]\n";
    let ruling = desk.rule(star, None, Operation::Connect, "192.0.2.7:443");
    assert_eq!(ruling.rule, "default: * (policy.yaml:2) covers names only, addresses are granted themselves");
    assert_eq!(ruling.remedy.unwrap().add, "192.0.2.7:443");
    let ruling = desk.rule(star, None, Operation::Connect, "example.org:443");
    assert!(ruling.rule.contains("has to be granted itself"), "{}", ruling.rule);
    let all = "permissions:\n  net: [0.0.0.0/0]\n";
    let ruling = desk.rule(all, None, Operation::Connect, "127.0.0.1:80");
    assert!(ruling.rule.contains("a grant that names it"), "{}", ruling.rule);
    for policy in ["", star] {
        let ruling = desk.rule(policy, None, Operation::Connect, "MSG_FASTOPEN");
        assert!(ruling.rule.contains("never allowed") && ruling.remedy.is_none(), "{ruling:?}");
    }
}
