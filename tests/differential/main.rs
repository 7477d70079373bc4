//! Thousands of random file operations, run in the real sandbox by a real program: what the report says of each must be
//! what the program saw.
//!
//! The program is this very file, started inside with raw system calls. Before every operation it makes a call that is
//! always refused and reported, with the operation's number as an argument, so that every denial is known to belong to one
//! operation. Then, for each operation:
//!
//! - **EACCES, EPERM, EROFS, EXDEV and EBUSY are refusals**: there is exactly one denial, with that very errno.
//! - **ENOENT is a refusal when the host has something there.** A denial, at most one, then says ENOENT about a path that
//!   exists on the host; and when the operation's own path is known to be hidden there must be one. (Where a path leads
//!   through names that operations have made, or `..`, or another path could be the missing one, only the first half can
//!   be held against the engine.)
//! - **Anything else**, success or another errno, is no refusal: there is no denial.
//!
//! Not covered: reads of system files that their mode keeps from everybody, which are let through without a look; places
//! that runtimes probe at every start, which count as missing; SIGKILL and limits.
//!
//! `DIFFERENTIAL_SEEDS=1,2,3` and `DIFFERENTIAL_COUNT=10000` (operations for each seed) choose what is run. A mismatch is
//! reduced to the fewest operations that still show it. Run by root, everything is run as user 65534 as well.
#![allow(
    unsafe_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that makes raw system calls and a test that fails by panicking"
)]

mod inside;
mod operations;
mod world;

use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;
use std::{env, fs};

use nix::errno::Errno;
use operations::{Generator, Op};
use skilldeck::sandbox::event::{Denied, EventKind, Finished, Operation, OutcomeKind};
use skilldeck::sandbox::linux::Launcher;
use world::World;

/// Operations of one run: each begins in a fresh world.
const BATCH: usize = 250;
/// Mismatches of a seed before the rest is left out.
const ENOUGH: usize = 20;
const NOBODY: &str = "65534";
const AS_NOBODY: &str = "DIFFERENTIAL_AS_NOBODY";

fn main() -> ExitCode {
    if env::args().nth(1).as_deref() == Some("inside") {
        inside::run();
        return ExitCode::SUCCESS;
    }
    // `--list` of the test runner; or started by an operation that found this very program.
    if env::args().any(|argument| argument == "--list" || argument == inside::LEAVE) {
        return ExitCode::SUCCESS;
    }
    // Before anything else: the launcher must be forked while there is one thread.
    let launcher = Launcher::start();
    let mut fine = every_seed(&launcher);
    if nix::unistd::geteuid().is_root() {
        fine &= as_nobody();
    } else if env::var_os(AS_NOBODY).is_none() {
        eprintln!("skipped: only as an ordinary user: root is needed to be two");
    }
    if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn every_seed(launcher: &Launcher) -> bool {
    let seeds = env::var("DIFFERENTIAL_SEEDS").unwrap_or_else(|_| "1,2,3".into());
    let count: usize = env::var("DIFFERENTIAL_COUNT").map_or(10_000, |count| count.parse().unwrap());
    let user = nix::unistd::geteuid();
    let mut fine = true;
    for seed in seeds.split(',').map(|seed| seed.trim().parse::<u64>().unwrap()) {
        let begun = Instant::now();
        let mut generator = Generator::new(seed);
        let mut tally = Tally::default();
        let mut left = count;
        let mut told = 0;
        while left > 0 {
            let ops = generator.operations(left.min(BATCH));
            left -= ops.len();
            let wrong = compare(launcher, &ops, &mut tally);
            if !wrong.is_empty() {
                fine = false;
                explain(launcher, seed, ops, &wrong, told == 0);
                told += wrong.len();
                if told >= ENOUGH {
                    break;
                }
            }
        }
        let verdict = if told == 0 { "ok" } else { "FAILED" };
        println!("differential: user {user}, seed {seed}: {tally} in {:.1?}: {verdict}", begun.elapsed());
    }
    fine
}

/// The same as an ordinary user, from a copy that everybody may start.
fn as_nobody() -> bool {
    let folder = tempfile::tempdir().unwrap();
    world::set_mode(folder.path(), 0o755);
    let program = folder.path().join("differential");
    fs::copy(env::current_exe().unwrap(), &program).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]).arg(&program);
    command.env(AS_NOBODY, "1").current_dir("/").status().unwrap().success()
}

#[derive(Default)]
struct Tally {
    operations: usize,
    succeeded: usize,
    refused: usize,
    hidden: usize,
    failed: usize,
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { operations, succeeded, refused, hidden, failed } = self;
        write!(
            f,
            "{operations} operations, {succeeded} succeeded, {refused} refused, {hidden} hidden, {failed} failed otherwise"
        )
    }
}

/// What the program saw and what was told, in the order of the operations.
struct Seen {
    errnos: Vec<i32>,
    denials: Vec<Vec<Denied>>,
}

fn run(launcher: &Launcher, world: &World, ops: &[Op]) -> Seen {
    let mut plan = world.plan();
    plan.stdin = serde_json::to_vec(ops).unwrap();
    let mut handle = launcher.run(&plan).unwrap();
    let mut output = Vec::new();
    let mut denials: Vec<Vec<Denied>> = vec![Vec::new(); ops.len()];
    let mut current = None;
    let mut finished: Option<Finished> = None;
    while let Some(batch) = handle.events.blocking_recv() {
        for event in batch {
            match event.kind {
                EventKind::Output { bytes, .. } => output.extend(bytes),
                EventKind::Denied(denied) if denied.syscall == inside::MARKER_NAME => {
                    current = Some(number_of(&denied.arguments));
                }
                EventKind::Denied(denied) => {
                    let current = current.unwrap_or_else(|| panic!("before the first operation: {denied:?}"));
                    denials[current].push(denied);
                }
                EventKind::Lost(count) => panic!("{count} events were lost"),
                EventKind::Finished(last) => finished = Some(*last),
                _ => {}
            }
        }
    }
    let output = String::from_utf8(output).unwrap();
    let outcome = finished.unwrap().outcome;
    assert_eq!((outcome.kind, outcome.code), (OutcomeKind::Exited, Some(0)), "{outcome:?}: {output}");
    let errnos: Vec<i32> = output.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(errnos.len(), ops.len(), "{output}");
    Seen { errnos, denials }
}

fn number_of(arguments: &str) -> usize {
    let first = arguments.split(['(', ',', ')']).nth(1).unwrap();
    usize::from_str_radix(first.trim().trim_start_matches("0x"), 16).unwrap()
}

/// Numbers of the operations about which the two disagree, and why.
fn compare(launcher: &Launcher, ops: &[Op], tally: &mut Tally) -> Vec<(usize, String)> {
    let world = World::new();
    let ops: Vec<Op> = ops.iter().map(|op| op.in_world(&world)).collect();
    let seen = run(launcher, &world, &ops);
    tally.operations += ops.len();
    let mut wrong = Vec::new();
    for (index, op) in ops.iter().enumerate() {
        let errno = Errno::from_raw(seen.errnos[index]);
        match errno {
            _ if seen.errnos[index] == 0 => tally.succeeded += 1,
            Errno::EACCES | Errno::EPERM | Errno::EROFS | Errno::EXDEV | Errno::EBUSY => tally.refused += 1,
            Errno::ENOENT if !seen.denials[index].is_empty() => tally.hidden += 1,
            _ => tally.failed += 1,
        }
        if let Err(why) = check(op, seen.errnos[index], &seen.denials[index]) {
            wrong.push((index, why));
        }
    }
    wrong
}

fn check(op: &Op, raw: i32, denials: &[Denied]) -> Result<(), String> {
    let errno = Errno::from_raw(raw);
    let seen = if raw == 0 { "success".to_owned() } else { format!("{errno:?}") };
    let told: Vec<String> = denials
        .iter()
        .map(|denied| format!("{} {} {} ({:?})", denied.errno, denied.arguments, denied.target, denied.layer))
        .collect();
    let says = |why: &str| Err(format!("{why}: the program saw {seen}, told was {told:?}"));
    let same = |denied: &Denied| denied.errno == format!("{errno:?}");
    let refused = matches!(errno, Errno::EACCES | Errno::EPERM | Errno::EROFS | Errno::EXDEV | Errno::EBUSY);
    match denials {
        [] if raw != 0 && refused => says("a refusal is not told"),
        [] if errno == Errno::ENOENT && op.is_surely_hidden() => says("something hidden is not told"),
        [] => Ok(()),
        [one] if raw != 0 && refused && same(one) => Ok(()),
        [one] if raw != 0 && errno == Errno::ENOENT && same(one) => {
            // What is to be made is missing, and the folder for it is what is hidden.
            let target = Path::new(&one.target);
            let makes = one.operation == Operation::Create;
            let place = if makes { target.parent().unwrap_or(target) } else { target };
            if [target, place].iter().any(|place| is_there(place)) {
                Ok(())
            } else {
                says("told as hidden, and the host has nothing there")
            }
        }
        _ => says("told otherwise than seen"),
    }
}

/// The supervisor says "hidden" of what it may not look at, and this test may not look at it either.
fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).map_or_else(|error| error.kind() == ErrorKind::PermissionDenied, |_| true)
}

/// Reduce the operations to the fewest that still disagree, and print them.
fn explain(launcher: &Launcher, seed: u64, mut ops: Vec<Op>, wrong: &[(usize, String)], reduce: bool) {
    println!("differential: seed {seed}: {} of {} operations disagree:", wrong.len(), ops.len());
    for (index, why) in wrong {
        println!("  {index}: {}: {why}", ops[*index]);
    }
    if !reduce {
        return;
    }
    // The first one is what is looked for; nothing behind it matters.
    ops.truncate(wrong[0].0 + 1);
    let last_is_wrong = |ops: &[Op]| {
        compare(launcher, ops, &mut Tally::default()).into_iter().find(|(index, _)| index + 1 == ops.len())
    };
    let mut size = ops.len() / 2;
    while size > 0 {
        let mut start = 0;
        while start + size < ops.len() {
            let mut fewer = ops.clone();
            fewer.drain(start..start + size);
            if last_is_wrong(&fewer).is_some() {
                ops = fewer;
            } else {
                start += size;
            }
        }
        size /= 2;
    }
    println!("differential: seed {seed}: reduced to {}:", ops.len());
    for op in &ops {
        println!("  {op}");
    }
    if let Some((_, why)) = last_is_wrong(&ops) {
        println!("  {why}");
    }
}
