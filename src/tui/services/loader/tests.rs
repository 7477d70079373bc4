//! What is read again after changes, against real files.

use std::collections::BTreeSet;
use std::fs;

use super::*;
use crate::tui::services::mailbox;

const PATIENCE: Duration = Duration::from_mins(1);

struct Bench {
    _dir: tempfile::TempDir,
    path: PathBuf,
    /// Watches while it lives.
    _watch: Watch,
    actions: tokio::sync::mpsc::Receiver<Action>,
}

/// What came until a condition held.
#[derive(Debug, Default)]
struct News {
    /// Names of the skills that were read.
    read: Vec<String>,
    removed: Vec<PathBuf>,
    changed: BTreeSet<PathBuf>,
    causes: BTreeSet<String>,
    complete: bool,
}

fn skill(dir: &Path, name: &str) {
    fs::create_dir_all(dir.join("scripts")).unwrap();
    fs::write(dir.join("scripts/x.py"), "print(1)\n").unwrap();
    let manifest = dir.join("SKILL.md");
    fs::write(&manifest, format!("---\nname: {name}\ndescription: b\n---\nbody\n")).unwrap();
    // Long before anybody looks: not one of those that are saved while skills are read.
    let hour = Duration::from_hours(1);
    fs::File::options().append(true).open(manifest).unwrap().set_modified(SystemTime::now() - hour).unwrap();
}

/// A loader that has read the skills and watches them.
fn loaded(prepare: impl Fn(&Path)) -> (Bench, News) {
    let dir = tempfile::tempdir().unwrap();
    let path = fs::canonicalize(dir.path()).unwrap();
    prepare(&path);
    let (sender, actions) = mailbox();
    let watch = Watch::default();
    let mut loader = DiskLoader { workspace: path.clone(), further: Vec::new(), watch: watch.clone() };
    loader.start(sender);
    let mut bench = Bench { _dir: dir, path, _watch: watch.clone(), actions };
    let news = bench.until(|news| news.complete && watch.0.get().is_some());
    (bench, news)
}

impl Bench {
    fn until(&mut self, condition: impl Fn(&News) -> bool) -> News {
        let mut news = News::default();
        let end = Instant::now() + PATIENCE;
        while !condition(&news) {
            match self.actions.try_recv() {
                Ok(Action::Workspace(WorkspaceNews::Skills(skills))) => {
                    news.read.extend(skills.iter().map(|skill| skill.name.clone()));
                }
                Ok(Action::Workspace(WorkspaceNews::Removed(paths))) => news.removed.extend(paths),
                Ok(Action::Workspace(WorkspaceNews::Complete)) => news.complete = true,
                Ok(Action::Workspace(WorkspaceNews::Changed { skill, cause, .. })) => {
                    news.changed.insert(skill);
                    news.causes.insert(format!("{} {} {}", cause.path.display(), cause.kind, cause.events));
                }
                Ok(_) => {}
                Err(_) => std::thread::sleep(Duration::from_millis(1)),
            }
            assert!(Instant::now() < end, "{news:?}");
        }
        news
    }

    fn skill(&self, name: &str) -> PathBuf {
        self.path.join(".skills").join(name)
    }
}

#[test]
fn after_a_pull_only_changed_skills_are_read_again() {
    let (mut bench, first) = loaded(|path| {
        fs::create_dir(path.join(".git")).unwrap();
        (0..1000).for_each(|number| skill(&path.join(format!(".skills/s{number}")), &format!("s{number}")));
    });
    assert_eq!(first.read.len(), 1000);
    // As git does it: behind its lock a thousand files in a hundred skills, two new ones, one that goes.
    fs::write(bench.path.join(".git/index.lock"), "").unwrap();
    for number in 0..100 {
        let skill = bench.skill(&format!("s{number}"));
        (0..10).for_each(|file| fs::write(skill.join(format!("scripts/{file}.py")), "x").unwrap());
    }
    for name in ["n0", "n1"] {
        skill(&bench.skill(name), name);
    }
    fs::remove_dir_all(bench.skill("s999")).unwrap();
    fs::remove_file(bench.path.join(".git/index.lock")).unwrap();
    let news = bench.until(|news| news.changed.len() == 102);
    let wanted: BTreeSet<String> =
        (0..100).map(|number| format!("s{number}")).chain(["n0".into(), "n1".into()]).collect();
    assert_eq!((news.read.len(), news.read.iter().cloned().collect::<BTreeSet<_>>()), (102, wanted));
    assert_eq!((news.removed, news.causes.len()), (vec![bench.skill("s999")], 1));
    // And one later change is one skill.
    fs::write(bench.skill("s500").join("SKILL.md"), "---\nname: s500\n---\nnew\n").unwrap();
    let news = bench.until(|news| !news.changed.is_empty());
    assert_eq!((news.read, news.changed), (vec!["s500".to_owned()], BTreeSet::from([bench.skill("s500")])));
}

#[test]
fn what_is_saved_while_skills_are_read_is_read_again() {
    let (mut bench, first) = loaded(|path| {
        skill(&path.join(".skills/a"), "a");
        skill(&path.join(".skills/b"), "b");
        // As if it were saved after it was read.
        let manifest = fs::File::options().append(true).open(path.join(".skills/b/SKILL.md")).unwrap();
        manifest.set_modified(SystemTime::now() + Duration::from_secs(5)).unwrap();
    });
    let read = if first.read.len() > 2 { first } else { bench.until(|news| !news.read.is_empty()) }.read;
    assert_eq!(read.last().map(String::as_str), Some("b"));
}

#[test]
fn shadowing_follows_names() {
    let (mut bench, _) = loaded(|path| {
        skill(&path.join(".skills/a"), "same");
        skill(&path.join(".skills/b"), "same");
    });
    // The one that comes first gets another name: the other is no longer shadowed, though it did not change.
    let text = "---\nname: other\ndescription: b\n---\nbody\n";
    fs::write(bench.skill("a").join("SKILL.md"), text).unwrap();
    let news = bench.until(|news| !news.changed.is_empty());
    assert_eq!(news.read, ["other", "same"]);
    assert_eq!(news.changed, BTreeSet::from([bench.skill("a")]));
}

#[test]
fn a_skill_whose_manifest_comes_late_is_found() {
    let (mut bench, _) = loaded(|path| fs::create_dir_all(path.join(".skills/late/scripts")).unwrap());
    skill(&bench.skill("late"), "late");
    let news = bench.until(|news| !news.changed.is_empty());
    assert!(news.read.contains(&"late".to_owned()), "{news:?}");
    fs::remove_file(bench.skill("late").join("SKILL.md")).unwrap();
    assert_eq!(bench.until(|news| !news.removed.is_empty()).removed, [bench.skill("late")]);
}
