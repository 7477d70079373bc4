//! How long it takes to read skills, from 50 to 26,000 of them, and from saving a file to knowing that it changed.
//!
//! `cargo bench --bench workspace`. `CORPUS_SKILLS` takes another number than 26,000, `SKILLS_REF` the path of the
//! reference validator (else it is looked for on PATH). The skills are made once, under `target/`.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its figures and stops when it cannot"
)]

mod corpus;
mod measure;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use measure::{Measured, median, ms};
use skilldeck::workspace::watch::{CALM, Options, WatchEvent, Watcher};
use skilldeck::workspace::{Workspace, samples, watched_roots};

const FEW: usize = 50;
const ROUNDS: usize = 100;
/// As many as were counted in public repositories.
const MANY: usize = 26_000;
/// Of a process that reads all skills.
const MEMORY: u64 = 300;

fn main() {
    if measure::is_helper() {
        return measure::helper();
    }
    measure::head();
    few();
    single();
    many();
}

fn few() {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path());
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let begin = Instant::now();
            assert_eq!(Workspace::load(folder.path(), &[]).skills.len(), FEW);
            begin.elapsed()
        })
        .collect();
    measure::row(&format!("read {FEW} skills"), &ms(median(&mut times)), "2 ms", "");
    let mut times = saves(folder.path(), &folder.path().join(".skills/7/SKILL.md"), ROUNDS / 2);
    let what = format!("save to reload, {} ms of it calm", CALM.as_millis());
    measure::row(&what, &ms(median(&mut times)), "60 ms", "");
}

/// One skill by the whole program, beside the reference validator.
fn single() {
    let folder = tempfile::tempdir().unwrap();
    let skill = folder.path().join("text-stats");
    samples::write_to(folder.path()).unwrap();
    let own = rounds(30, &[OsStr::new(env!("CARGO_BIN_EXE_skilldeck")), "check".as_ref(), skill.as_os_str()]);
    let peer = match skills_ref() {
        Some(program) => {
            let times = rounds(5, &[program.as_os_str(), "validate".as_ref(), skill.as_os_str()]);
            format!("skills-ref validate: {}", ms(times))
        }
        None => "skills-ref is not on PATH, and SKILLS_REF is not set".to_owned(),
    };
    measure::row("check one skill, whole process", &ms(own), "15 ms", &peer);
}

fn rounds(count: usize, command: &[&OsStr]) -> Duration {
    let mut times: Vec<Duration> = (0..count).map(|_| measure::run(command).wall).collect();
    median(&mut times)
}

fn skills_ref() -> Option<PathBuf> {
    let named = std::env::var_os("SKILLS_REF").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Its package has had both names for the program.
    let places =
        std::env::split_paths(&path).flat_map(|dir| ["skills-ref", "agentskills"].map(|name| dir.join(name)));
    named.into_iter().chain(places).find(|file| file.is_file())
}

fn many() {
    let count = std::env::var("CORPUS_SKILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(MANY);
    let workspace = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("corpus-{count}"));
    fs::create_dir_all(&workspace).unwrap();
    let corpus = corpus::keep(&workspace.join(".skills"), count, 1).unwrap();
    println!("{count} skills, {} MB of SKILL.md, in {}", corpus.bytes / 1_000_000, workspace.display());
    let program = OsStr::new(env!("CARGO_BIN_EXE_skilldeck"));
    let at = [OsStr::new("--workspace"), workspace.as_os_str()];
    // The first fills the page cache.
    let _ = measure::load(&workspace);
    let loads: Vec<Measured> = (0..3).map(|_| measure::load(&workspace)).collect();
    measure::many(&format!("read {count} skills with all diagnostics"), &loads, "3 s", MEMORY);
    for (what, words) in [
        ("list", &["list"][..]),
        ("check", &["check"]),
        ("check --format json", &["check", "--format", "json"]),
    ] {
        let words = words.iter().map(OsStr::new);
        let command: Vec<&OsStr> = std::iter::once(program).chain(words).chain(at).collect();
        let runs: Vec<Measured> = (0..3).map(|_| measure::run(&command)).collect();
        measure::many(&format!("skilldeck {what}, {count} skills"), &runs, "", 0);
    }
    let begin = Instant::now();
    let changed = Workspace::load(&workspace, &[]).skills[count / 2].manifest_path();
    println!("in this process: {}", ms(begin.elapsed()));
    let mut times = saves(&workspace, &changed, 20);
    let what = format!("one change among {count}, {} ms of it calm", CALM.as_millis());
    measure::row(&what, &ms(median(&mut times)), "50 ms", "");
}

/// The samples, again and again.
fn fill(workspace: &Path) {
    for round in 0.. {
        samples::write_to(&workspace.join(format!("set{round}"))).unwrap();
        for name in samples::names() {
            let number = fs::read_dir(workspace.join(".skills")).map_or(0, Iterator::count);
            if number == FEW {
                return;
            }
            fs::create_dir_all(workspace.join(".skills")).unwrap();
            let from = workspace.join(format!("set{round}")).join(name);
            fs::rename(from, workspace.join(format!(".skills/{number}"))).unwrap();
        }
    }
}

/// From saving `file` to having read its skill again.
fn saves(workspace: &Path, file: &Path, rounds: usize) -> Vec<Duration> {
    let begin = Instant::now();
    let (_watcher, mut events) = Watcher::start(&watched_roots(workspace, &[]), Options::default());
    println!("watching {}: {}", workspace.display(), ms(begin.elapsed()));
    let text = fs::read(file).unwrap();
    let save = |round: usize| {
        let begin = Instant::now();
        fs::write(file, [&text[..], format!("\n{round}\n").as_bytes()].concat()).unwrap();
        match events.blocking_recv() {
            Some(WatchEvent::Reload(reload)) => {
                assert!(!reload.everything, "{:?}", reload.cause);
                for skill in &reload.skills {
                    assert!(!skilldeck::skill::read(skill, workspace).source.is_empty());
                }
                begin.elapsed()
            }
            other => unreachable!("{other:?}"),
        }
    };
    let times = (0..rounds).map(save).collect();
    fs::write(file, text).unwrap();
    times
}
