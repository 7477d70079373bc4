//! What happens to watchers in the wild: pulls, builds, editors, too many folders.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use notify::{Config, EventHandler, RecursiveMode, WatcherKind};

use super::super::tree::{MAX_WATCHES, Tree};
use super::*;

fn many(path: &Path, skills: usize) {
    (0..skills).for_each(|number| skill(&path.join(format!(".skills/s{number}"))));
}

/// Run a program in `folder`; false when the machine has none.
fn run(folder: &Path, program: &str, words: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(words).current_dir(folder).stdin(Stdio::null());
    for (name, value) in
        [("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1"), ("HOME", "/nowhere")]
    {
        command.env(name, value);
    }
    let Ok(output) = command.output() else {
        eprintln!("left out: this machine has no {program}");
        return false;
    };
    assert!(output.status.success(), "{program} {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    true
}

fn git(folder: &Path, words: &str) -> bool {
    let identity = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "init.defaultBranch=main"];
    let words: Vec<&str> = identity.into_iter().chain(words.split(' ')).collect();
    run(folder, "git", &words)
}

#[test]
fn a_pull_is_one_reload_of_the_skills_that_it_changes() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source");
    many(&source, 300);
    if !git(&source, "init -q") {
        return;
    }
    git(&source, "add .");
    git(&source, "commit -qm one");
    git(dir.path(), "clone -q source work");
    let path = fs::canonicalize(dir.path().join("work")).unwrap();
    // A thousand files in a hundred of the skills, and two new skills.
    for number in 0..100 {
        for file in 0..10 {
            fs::write(source.join(format!(".skills/s{number}/{file}.py")), "x").unwrap();
        }
    }
    for name in ["n0", "n1"] {
        skill(&source.join(".skills").join(name));
    }
    git(&source, "add .");
    git(&source, "commit -qm two");
    let (watcher, events) = Watcher::start(&[path.join(".skills")], Options::default());
    let mut w = Watched { _dir: dir, path: path.clone(), watcher, events };
    git(&path, "pull -q");
    let reload = w.reload();
    assert!(reload.cause.events >= 1000 && !reload.everything, "{:?}", reload.cause);
    let skills: BTreeSet<PathBuf> = reload.skills.iter().cloned().collect();
    let wanted: BTreeSet<PathBuf> = (0..100).map(|number| path.join(format!(".skills/s{number}"))).collect();
    // What was written into the new ones may have been seen too.
    let new = BTreeSet::from(["n0", "n1"].map(|name| path.join(".skills").join(name)));
    assert_eq!(skills.difference(&new).cloned().collect::<BTreeSet<_>>(), wanted);
    assert!(reload.searches() && reload.moved.contains(&path.join(".skills/n1")), "{:?}", reload.moved);
    let file = path.join(".skills/s7/mark");
    fs::write(&file, "x").unwrap();
    assert_eq!(w.reload().paths, [file]);
}

#[test]
fn a_reload_waits_for_git_but_not_for_a_lock_left_behind() {
    let prepare = |path: &Path| {
        one(path);
        fs::create_dir(path.join(".git")).unwrap();
    };
    let mut w = watched(prepare, Options::default());
    let lock = w.path.join(".git/index.lock");
    fs::write(&lock, "").unwrap();
    let files = ["one", "two"].map(|name| w.path.join(".skills/a").join(name));
    fs::write(&files[0], "x").unwrap();
    assert_eq!(w.within(CALM * 5), None);
    fs::write(&files[1], "x").unwrap();
    fs::remove_file(&lock).unwrap();
    assert_eq!(w.reload().paths, files);
    let old = fs::File::create(&lock).unwrap();
    old.set_modified(std::time::SystemTime::now() - Duration::from_hours(1)).unwrap();
    let begin = Instant::now();
    fs::write(&files[0], "y").unwrap();
    assert_eq!(w.reload().paths, files[..1]);
    assert!(begin.elapsed() < WHILE_GIT);
}

/// Counts watches instead of making any.
#[derive(Debug, Default)]
struct Counter(BTreeSet<PathBuf>);

impl notify::Watcher for Counter {
    fn new<F: EventHandler>(_: F, _: Config) -> notify::Result<Self> {
        Ok(Self::default())
    }

    fn watch(&mut self, path: &Path, _: RecursiveMode) -> notify::Result<()> {
        assert!(self.0.insert(path.to_path_buf()), "{path:?} is watched twice");
        Ok(())
    }

    fn unwatch(&mut self, path: &Path) -> notify::Result<()> {
        assert!(self.0.remove(path), "{path:?} is not watched");
        Ok(())
    }

    fn kind() -> WatcherKind {
        WatcherKind::NullWatcher
    }
}

#[test]
fn a_build_inside_a_skill_costs_no_watches_and_no_reloads() {
    let mut w = watched(one, Options::default());
    let a = w.path.join(".skills/a");
    for built in ["target/debug/deps", "node_modules/m"] {
        for number in 0..1000 {
            let folder = a.join(built).join(format!("{number}"));
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("a.rs"), "x").unwrap();
        }
    }
    w.nothing_before("mark-1");
    let mut counter = Counter::default();
    let mut tree = Tree::new(MAX_WATCHES);
    let roots = [w.path.join(".skills")];
    tree.sync(&roots, &mut counter).unwrap();
    let wanted = ["", ".skills", ".skills/a", ".skills/a/scripts"].map(|folder| w.path.join(folder));
    // An empty name leaves a slash at the end, which is no part of a path.
    assert_eq!(counter.0.iter().collect::<Vec<_>>(), wanted.iter().collect::<Vec<_>>());
    // Looking again changes nothing; a folder that goes takes its watches along.
    tree.sync(&roots, &mut counter).unwrap();
    assert_eq!((counter.0.len(), tree.size()), (4, 4));
    assert!(tree.forget(&a, &mut counter) && !tree.forget(&a, &mut counter));
    assert_eq!(tree.size(), 2);
}

#[test]
fn vim_saves_by_way_of_a_backup() {
    let mut w = watched(one, Options::default());
    let a = w.path.join(".skills/a");
    let file = a.join("SKILL.md");
    // What strace shows of vim 9 with `backupcopy=no`.
    fs::write(a.join(".SKILL.md.swp"), "x").unwrap();
    fs::write(a.join("4913"), "").unwrap();
    fs::remove_file(a.join("4913")).unwrap();
    fs::rename(&file, a.join("SKILL.md~")).unwrap();
    fs::write(&file, "---\nname: a\ndescription: c\n---\nbody\n").unwrap();
    fs::remove_file(a.join("SKILL.md~")).unwrap();
    fs::remove_file(a.join(".SKILL.md.swp")).unwrap();
    let reload = w.reload();
    assert_eq!((&reload.paths[..], &reload.skills[..]), (&[file][..], &[a][..]));
    assert!(!reload.searches());
    w.nothing_before("mark-2");
}

#[test]
fn programs_that_save_by_rename() {
    let mut w = watched(one, Options::default());
    let file = w.path.join(".skills/a/SKILL.md");
    let path = file.to_str().unwrap().to_owned();
    let saves: [(&str, &[&str]); 3] = [
        ("sed", &["-i", "s/body/other/", &path]),
        ("perl", &["-pi", "-e", "s/other/more/", &path]),
        ("vim", &["-es", "-u", "NONE", "-c", "set backupcopy=no | %s/more/less/ | x", &path]),
    ];
    for (program, words) in saves {
        if !run(&w.path, program, words) {
            continue;
        }
        let mark = w.path.join(".skills/a").join(program);
        fs::write(&mark, "x").unwrap();
        let mut seen = false;
        loop {
            let reload = w.reload();
            assert!(
                !reload.searches() && reload.skills == [w.path.join(".skills/a")],
                "{program}: {reload:?}"
            );
            seen |= reload.paths.contains(&file);
            if reload.paths.contains(&mark) {
                break;
            }
        }
        assert!(seen, "{program}");
    }
}

#[test]
fn without_watches_folders_are_looked_through_and_it_is_said() {
    let few = Options { watches: 2, fallback: Duration::from_millis(20), ..Options::default() };
    let mut w = watched(one, few);
    match w.within(PATIENCE) {
        Some(WatchEvent::Polling(why)) => {
            assert!(why.contains("fs.inotify.max_user_watches") && why.contains("every 0.02 s"), "{why}");
        }
        other => panic!("{other:?}"),
    }
    let file = w.path.join(".skills/a/scripts/x.py");
    fs::write(&file, "x").unwrap();
    assert_eq!(w.until(|reload| reload.paths.contains(&file)).skills, [w.path.join(".skills/a")]);
    skill(&w.path.join(".skills/b"));
    w.until(Reload::searches);
}

#[test]
fn watches_run_out_later_too() {
    let few = Options { watches: 6, fallback: Duration::from_millis(20), ..Options::default() };
    let mut w = watched(one, few);
    (0..4).for_each(|number| skill(&w.path.join(format!(".skills/b{number}"))));
    let end = Instant::now() + PATIENCE;
    while !matches!(w.within(PATIENCE), Some(WatchEvent::Polling(_))) {
        assert!(Instant::now() < end);
    }
    w.until(Reload::searches);
    let file = w.path.join(".skills/b3/scripts/x.py");
    fs::write(&file, "x").unwrap();
    w.until(|reload| reload.paths.contains(&file));
}

#[test]
fn ten_thousand_skills() {
    let mut w = watched(|path| many(path, 10_000), Options::default());
    let file = w.path.join(".skills/s7777/SKILL.md");
    fs::write(&file, "new").unwrap();
    let reload = w.reload();
    assert_eq!((&reload.paths, &reload.skills), (&vec![file.clone()], &vec![w.path.join(".skills/s7777")]));
    // Reading everything is no event, however much there is.
    for number in 0..10_000 {
        fs::read(w.path.join(format!(".skills/s{number}/SKILL.md"))).unwrap();
    }
    fs::remove_dir_all(w.path.join(".skills/s1")).unwrap();
    let reload = w.until(Reload::searches);
    assert!(reload.moved.contains(&w.path.join(".skills/s1")) && !reload.everything, "{reload:?}");
}

#[test]
fn a_file_that_comes_and_goes_is_no_change() {
    let mut w = watched(one, Options::default());
    let file = w.path.join(".skills/a/passing");
    fs::write(&file, "x").unwrap();
    fs::remove_file(&file).unwrap();
    w.nothing_before("mark-3");
}

#[test]
fn a_manifest_that_comes_late_or_goes() {
    let mut w = watched(one, Options::default());
    let b = w.path.join(".skills/b");
    fs::create_dir(&b).unwrap();
    w.until(|reload| reload.moved.contains(&b));
    fs::write(b.join("SKILL.md"), "---\nname: b\n---\n").unwrap();
    w.until(|reload| reload.skills == [b.clone()]);
    fs::remove_file(b.join("SKILL.md")).unwrap();
    w.until(|reload| reload.moved.contains(&b));
}
