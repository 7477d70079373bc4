use super::*;
use crate::sandbox::event::Layer;

struct Folder {
    _kept: tempfile::TempDir,
    scripts: Scripts,
    script: PathBuf,
}

fn folder(files: &[(&str, &str)]) -> Folder {
    let folder = tempfile::tempdir().unwrap();
    let skill = folder.path().canonicalize().unwrap();
    for (name, text) in files {
        std::fs::write(skill.join(name), text).unwrap();
    }
    let scripts = Scripts::new(&skill, &skill);
    Folder { _kept: folder, scripts, script: skill.join(files[0].0) }
}

impl Folder {
    fn started(&mut self, argv: &str, known: Option<u32>) -> Option<(String, u32)> {
        let argv: Vec<String> = argv.split(' ').map(str::to_owned).collect();
        self.line(Effect::Started(&argv), known)
    }

    fn own(&mut self, operation: Operation, target: &str, arguments: &str) -> Option<u32> {
        let denied = Denied {
            pid: 2,
            program: "sh".into(),
            operation,
            target: target.into(),
            syscall: String::new(),
            arguments: arguments.into(),
            errno: String::new(),
            layer: Layer::Mount,
            exists_outside: true,
            blame: Vec::new(),
            unread: None,
            image: 2,
            programs: Vec::new(),
            count: 1,
        };
        self.line(Effect::Own(&denied), None).map(|(_, line)| line)
    }

    fn line(&mut self, effect: Effect<'_>, known: Option<u32>) -> Option<(String, u32)> {
        let known = known.map(|line| Frame { file: self.script.clone(), line, function: "known".into() });
        let frame = self.scripts.line(&self.script, effect, known.as_ref())?;
        Some((frame.file.file_name()?.to_str()?.to_owned(), frame.line))
    }
}

fn of(script: &str) -> Folder {
    folder(&[("a.sh", script)])
}

#[expect(clippy::unnecessary_wraps, reason = "compared with an answer")]
fn at(line: u32) -> Option<(String, u32)> {
    Some(("a.sh".into(), line))
}

#[test]
fn the_only_command_that_fits() {
    let mut script = of("cat /a\ncat \"$1\" b\nexec grep -v x < /in\nX=1 command -p sort *.txt \\\n  z\n");
    assert_eq!(script.started("cat /a", None), at(1));
    assert_eq!(script.started("cat anything b", None), at(2));
    assert_eq!(script.started("cat /a b c", None), None);
    assert_eq!(script.started("grep -v x", None), at(3));
    assert_eq!(script.started("sort a.txt b.txt z", None), at(4));
    assert_eq!(script.started("rm /a", None), None);
}

#[test]
fn several_that_fit_need_to_be_told_apart() {
    let mut script = of("cat /a\nif true; then\n  cat /a\nfi\ncat /a | sort\n");
    assert_eq!(script.started("cat /a", None), None);
    assert_eq!(script.started("cat /a", Some(3)), at(3));
    assert_eq!(script.started("cat /a", Some(2)), None);
    assert_eq!(script.started("sort", Some(1)), None, "one of the two is wrong");
    assert_eq!(script.started("sort", Some(5)), at(5));
    assert_eq!(of("$A; $B\n").started("anything", None), at(1));
    assert_eq!(of("cat /a\n$A\n").started("cat /a", None), None);
}

#[test]
fn text_that_is_run_can_be_anything() {
    for opaque in
        ["eval \"$1\"", "trap 'cat /a' EXIT", ". /etc/profile", "source \"$x\"", "if then ((", "coproc cat"]
    {
        let mut script = of(&format!("cat /a\n{opaque}\n"));
        assert_eq!(script.started("cat /a", None), None, "{opaque}");
        assert_eq!(script.started("cat /a", Some(1)), at(1), "{opaque}");
    }
    let mut harmless = of("cat /a\ntrap - EXIT\ntrap '' INT\n");
    assert_eq!(harmless.started("cat /a", None), at(1));
}

#[test]
fn what_the_grammar_does_not_know() {
    let mut script =
        of("time for i in a; do cat /a; done\n! while cat /b; do :; done\ntime -p { cat /c; }\n");
    for (line, path) in [(1, "/a"), (2, "/b"), (3, "/c")] {
        assert_eq!(script.started(&format!("cat {path}"), None), at(line));
    }
}

#[test]
fn functions_are_no_programs() {
    let mut script = of("cat() { command cat \"$@\"; }\ncat /a\n");
    let argv = ["cat".to_owned(), "/a".to_owned()];
    let frame = script.scripts.line(&script.script.clone(), Effect::Started(&argv), None).unwrap();
    assert_eq!((frame.line, frame.function.as_str()), (1, "cat"));
}

#[test]
fn scripts_that_are_read_count() {
    let main = "#!/bin/sh\n. \"$(dirname \"$0\")/lib.sh\"\nwork\n";
    let mut script = folder(&[("a.sh", main), ("lib.sh", "work() {\n  cat /a\n}\n")]);
    assert_eq!(script.started("cat /a", None), Some(("lib.sh".into(), 2)));
    let file = script.script.with_file_name("lib.sh");
    assert!(script.scripts.is_part(&script.script.clone(), &file));
    let mut twice = folder(&[("a.sh", ". ./lib.sh\ncat /a\n"), ("lib.sh", ". ./a.sh\ncat /a\n")]);
    assert_eq!(twice.started("cat /a", None), None);
}

#[test]
fn what_a_shell_does_itself() {
    let script = "#!/bin/sh\necho a > /usr/new\n{ echo b; } >> \"$OUT/log\"\nread x < /etc/hidden\n[ -r /etc/s ] && :\n\
                  cd /root || :\nfor f in /srv/*; do :; done\ncurl x\nkill 1\n[[ -f /etc/t ]]\nexec 3<>/dev/tcp/h.org/80\ncat <<E > /z\nx\nE\n";
    let mut script = of(script);
    let mut own = |operation, target: &str| script.own(operation, target, "");
    assert_eq!(own(Operation::Create, "/usr/new"), Some(2));
    assert_eq!(own(Operation::Write, "/usr/log"), Some(3));
    assert_eq!(own(Operation::Create, "/usr/other"), None);
    assert_eq!(own(Operation::Read, "/etc/hidden"), Some(4));
    assert_eq!(own(Operation::Read, "/etc/s"), Some(5));
    assert_eq!(own(Operation::Read, "/root"), Some(6));
    assert_eq!(own(Operation::Execute, "/usr/bin/curl"), Some(8));
    assert_eq!(own(Operation::Signal, "process 1"), Some(9));
    assert_eq!(own(Operation::Read, "/etc/t"), Some(10));
    assert_eq!(own(Operation::Connect, "h.org:80"), Some(11));
    assert_eq!(own(Operation::Create, "/z"), Some(12));
    assert_eq!(own(Operation::Read, "/usr/new"), None);
    assert_eq!(
        script.own(Operation::Read, "/srv", "openat(AT_FDCWD, \"/srv\", O_RDONLY|O_DIRECTORY)"),
        Some(7)
    );
}

#[test]
fn the_script_among_the_arguments() {
    let argv = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    for (text, wanted) in [
        ("sh a.sh b", Some("a.sh")),
        ("bash -e -o pipefail a.sh", Some("a.sh")),
        ("bash -euo pipefail a.sh", Some("a.sh")),
        ("bash --norc -- a.sh", Some("a.sh")),
        ("sh -c a.sh", None),
        ("sh -ec a.sh", None),
        ("sh", None),
    ] {
        assert_eq!(operand(&argv(text), false), wanted, "{text}");
    }
    assert_eq!(operand(&argv("busybox sh a.sh"), true), Some("a.sh"));
    assert_eq!(operand(&argv("sh a.sh"), true), Some("a.sh"));
}
