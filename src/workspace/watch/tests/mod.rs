//! The watcher against real files. Every test waits for a state; nothing sleeps and hopes.

mod storms;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::*;

const PATIENCE: Duration = Duration::from_secs(30);

struct Watched {
    _dir: tempfile::TempDir,
    path: PathBuf,
    watcher: Watcher,
    events: stream::Receiver<WatchEvent>,
}

/// A workspace with one skill, watched.
fn watched(prepare: impl Fn(&Path), options: Options) -> Watched {
    let dir = tempfile::tempdir().unwrap();
    let path = fs::canonicalize(dir.path()).unwrap();
    prepare(&path);
    let (watcher, events) = Watcher::start(&[path.join(".skills")], options);
    Watched { _dir: dir, path, watcher, events }
}

fn skill(dir: &Path) {
    fs::create_dir_all(dir.join("scripts")).unwrap();
    fs::write(dir.join("SKILL.md"), "---\nname: a\ndescription: b\n---\nbody\n").unwrap();
}

fn one(path: &Path) {
    skill(&path.join(".skills/a"));
}

impl Watched {
    /// The next event within `patience`.
    fn within(&mut self, patience: Duration) -> Option<WatchEvent> {
        let end = Instant::now() + patience;
        loop {
            match self.events.try_recv() {
                Ok(event) => return Some(event),
                Err(_) if Instant::now() > end => return None,
                Err(_) => std::thread::sleep(Duration::from_millis(1)),
            }
        }
    }

    fn reload(&mut self) -> Reload {
        match self.within(PATIENCE) {
            Some(WatchEvent::Reload(reload)) => reload,
            other => panic!("no reload but {other:?}"),
        }
    }

    /// Reloads until one satisfies the condition.
    fn until(&mut self, condition: impl Fn(&Reload) -> bool) -> Reload {
        loop {
            let reload = self.reload();
            if condition(&reload) {
                return reload;
            }
        }
    }

    /// Nothing of what was done before gives a reload: a later change is the first thing reported.
    fn nothing_before(&mut self, mark: &str) {
        let file = self.path.join(".skills/a").join(mark);
        fs::write(&file, "x").unwrap();
        let reload = self.reload();
        assert_eq!(reload.paths, [file], "{reload:?}");
    }
}

#[test]
fn a_save_gives_one_reload_with_its_cause() {
    let mut w = watched(one, Options::default());
    let file = w.path.join(".skills/a/SKILL.md");
    let begin = Instant::now();
    fs::write(&file, "new").unwrap();
    let reload = w.reload();
    assert!(begin.elapsed() >= CALM);
    assert_eq!(reload.skills, [w.path.join(".skills/a")]);
    assert!(!reload.searches());
    assert_eq!((&reload.cause.path, reload.cause.kind), (&file, ChangeKind::Modified));
    assert!(reload.cause.events >= 1 && reload.cause.to_string().starts_with("SKILL.md modified ("));
    w.nothing_before("mark-1");
}

#[test]
fn a_save_by_rename_is_a_change_of_the_real_file() {
    let mut w = watched(one, Options::default());
    let file = w.path.join(".skills/a/SKILL.md");
    let temporary = w.path.join(".skills/a/.SKILL.md.tmp");
    fs::write(&temporary, "new").unwrap();
    fs::rename(&temporary, &file).unwrap();
    let reload = w.reload();
    assert_eq!(reload.paths, [file]);
    assert_eq!(reload.skills, [w.path.join(".skills/a")]);
}

#[test]
fn a_burst_of_a_thousand_files_is_one_reload() {
    let mut w = watched(one, Options::default());
    let begin = Instant::now();
    for n in 0..1000 {
        fs::write(w.path.join(format!(".skills/a/scripts/{n}.py")), "x").unwrap();
    }
    let mark = w.path.join(".skills/a/mark-2");
    fs::write(&mark, "x").unwrap();
    let (mut events, mut reloads) = (0, 0);
    loop {
        let reload = w.reload();
        assert_eq!(reload.skills, [w.path.join(".skills/a")]);
        (events, reloads) = (events + reload.cause.events, reloads + 1);
        if reload.paths.contains(&mark) {
            break;
        }
    }
    assert!(events > 1000, "{events}");
    // One, unless the machine paused: each pause that is long enough gives one more.
    let pauses = begin.elapsed().as_millis() / CALM_AFTER_MANY.as_millis();
    assert!(reloads <= 1 + pauses, "{reloads} reloads");
}

#[test]
fn reading_temporary_and_generated_files_is_no_change() {
    let mut w = watched(one, Options::default());
    let a = w.path.join(".skills/a");
    fs::read_to_string(a.join("SKILL.md")).unwrap();
    for name in [".SKILL.md.swp", "SKILL.md~", "4913", "scripts/__pycache__/x.pyc", "node_modules/m/index.js"]
    {
        let file = a.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "x").unwrap();
    }
    fs::write(w.path.join("neighbour.txt"), "x").unwrap();
    w.nothing_before("mark-3");
}

#[test]
fn a_new_skill_and_what_is_written_into_it_later() {
    let mut w = watched(one, Options::default());
    let b = w.path.join(".skills/b");
    skill(&b);
    fs::create_dir_all(b.join("scripts/deep/er")).unwrap();
    w.until(Reload::searches);
    let file = b.join("scripts/deep/er/x.py");
    fs::write(&file, "x").unwrap();
    let reload = w.until(|reload| reload.paths.contains(&file));
    assert_eq!(reload.skills, [b]);
}

#[test]
fn the_root_may_be_missing_go_and_come_back() {
    let mut w = watched(|_| {}, Options::default());
    for round in 0..3 {
        one(&w.path);
        w.until(Reload::searches);
        let file = w.path.join(".skills/a/scripts/x.py");
        fs::write(&file, format!("{round}")).unwrap();
        w.until(|reload| reload.paths.contains(&file));
        fs::remove_dir_all(w.path.join(".skills")).unwrap();
        w.until(Reload::searches);
    }
}

#[test]
fn a_renamed_skill_is_still_watched() {
    let mut w = watched(one, Options::default());
    let b = w.path.join(".skills/b");
    fs::rename(w.path.join(".skills/a"), &b).unwrap();
    w.until(Reload::searches);
    let file = b.join("scripts/x.py");
    fs::write(&file, "x").unwrap();
    w.until(|reload| reload.paths.contains(&file) && reload.skills == [b.clone()]);
}

#[test]
fn links_are_watched_where_they_lead() {
    let outside = |path: &Path| {
        skill(&path.join("elsewhere/far"));
        skill(&path.join("real-root/a"));
        symlink(path.join("real-root"), path.join(".skills")).unwrap();
        symlink(path.join("elsewhere/far"), path.join("real-root/far")).unwrap();
    };
    let mut w = watched(outside, Options::default());
    fs::write(w.path.join("elsewhere/far/SKILL.md"), "new").unwrap();
    assert_eq!(w.reload().skills, [w.path.join("elsewhere/far")]);
    fs::write(w.path.join("real-root/a/SKILL.md"), "new").unwrap();
    assert_eq!(w.reload().skills, [w.path.join("real-root/a")]);
    // A link that comes later.
    let late = w.path.join("elsewhere/late");
    skill(&late);
    symlink(&late, w.path.join("real-root/late")).unwrap();
    w.until(Reload::searches);
    fs::write(late.join("SKILL.md"), "new").unwrap();
    w.until(|reload| reload.skills == [late.clone()]);
}

#[test]
fn what_a_run_writes_does_not_start_it_again() {
    let mut w = watched(one, Options::default());
    let out = w.path.join(".skills/a/out");
    fs::create_dir(&out).unwrap();
    w.reload();
    let quiet = w.watcher.quiet([out.clone()]);
    fs::write(out.join("result.txt"), "x").unwrap();
    drop(quiet);
    let own = w.path.join(".skills/a/policy.yaml");
    w.watcher.ignore_writes([own.clone()]);
    fs::write(own, "x").unwrap();
    w.nothing_before("mark-4");
    // Once the moment of grace is over the same files count again.
    let end = Instant::now() + PATIENCE;
    while w.within(Duration::from_millis(20)).is_none() {
        assert!(Instant::now() < end);
        fs::write(out.join("result.txt"), "y").unwrap();
    }
}

#[test]
fn polling_sees_changes_and_new_skills_too() {
    let options = Options { polling: Some(Duration::from_millis(20)), ..Options::default() };
    let mut w = watched(one, options);
    skill(&w.path.join(".skills/b"));
    w.until(Reload::searches);
    let file = w.path.join(".skills/b/scripts/x.py");
    fs::write(&file, "x").unwrap();
    w.until(|reload| reload.paths.contains(&file));
}

#[test]
fn a_slow_reader_loses_nothing() {
    let mut w = watched(one, Options::default());
    let end = Instant::now() + PATIENCE;
    // Fill the queue, and go on.
    while w.events.len() < QUEUE {
        assert!(Instant::now() < end);
        fs::write(w.path.join(".skills/a/SKILL.md"), "x").unwrap();
        std::thread::sleep(CALM + Duration::from_millis(20));
    }
    let file = w.path.join(".skills/a/scripts/last.py");
    fs::write(&file, "x").unwrap();
    w.until(|reload| reload.paths.contains(&file));
}
