//! How long it takes to read a workspace of 50 skills, and from saving a file to knowing that it changed.
//!
//! `cargo bench --bench workspace`
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its figures and stops when it cannot"
)]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use skilldeck::workspace::watch::{CALM, Options, WatchEvent, Watcher};
use skilldeck::workspace::{Workspace, samples, watched_roots};

const SKILLS: usize = 50;
const ROUNDS: usize = 100;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path());
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let begin = Instant::now();
            assert_eq!(Workspace::load(folder.path(), &[]).skills.len(), SKILLS);
            begin.elapsed()
        })
        .collect();
    show(&format!("reading {SKILLS} skills (target 2 ms)"), &mut times);
    let mut times = saves(folder.path());
    show(&format!("save to reload, {} ms of it calm (target 60 ms)", CALM.as_millis()), &mut times);
}

/// The samples, again and again.
fn fill(workspace: &Path) {
    for round in 0.. {
        samples::write_to(&workspace.join(format!("set{round}"))).unwrap();
        for name in samples::names() {
            let number = fs::read_dir(workspace.join(".skills")).map_or(0, Iterator::count);
            if number == SKILLS {
                return;
            }
            fs::create_dir_all(workspace.join(".skills")).unwrap();
            let from = workspace.join(format!("set{round}")).join(name);
            fs::rename(from, workspace.join(format!(".skills/{number}"))).unwrap();
        }
    }
}

fn saves(workspace: &Path) -> Vec<Duration> {
    let (_watcher, mut events) = Watcher::start(&watched_roots(workspace, &[]), Options::default());
    let file = workspace.join(".skills/7/SKILL.md");
    let text = fs::read_to_string(&file).unwrap();
    let save = |round: usize| {
        let begin = Instant::now();
        fs::write(&file, format!("{text}\n{round}\n")).unwrap();
        match events.blocking_recv() {
            Some(WatchEvent::Reload(_)) => begin.elapsed(),
            other => unreachable!("{other:?}"),
        }
    };
    (0..ROUNDS / 2).map(save).collect()
}

fn show(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let (best, median, late) = (times[0], times[times.len() / 2], times[times.len() * 95 / 100]);
    println!("{what}: best {:.2}, median {:.2}, 95 % {:.2} ms", ms(best), ms(median), ms(late));
}
