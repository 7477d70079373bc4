//! Conflicts and gaps of the table, the key file, and whether what is in force is what is shown.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::file::parse;
use super::*;
use crate::tui::action::{Action, WorkspaceNews};
use crate::tui::key::Key;
use crate::tui::tests::form::filled_in;
use crate::tui::tests::{Bench, Plot, fixable, with_skills, workbench};
use crate::tui::update;

#[test]
fn no_key_has_two_meanings_in_one_scope() {
    let mut seen: BTreeMap<(String, String), &str> = BTreeMap::new();
    for binding in TABLE {
        for key in binding.keys {
            let parsed = Key::parse(key).unwrap_or_else(|| panic!("{key} is no key"));
            assert_eq!(parsed.name(), *key, "write it so in the table");
            let place = (format!("{:?}", binding.scope), parsed.to_string());
            if let Some(other) = seen.insert(place, binding.id) {
                panic!("{key} means {other} and {}", binding.id);
            }
        }
    }
}

#[test]
fn every_line_is_complete() {
    let mut ids = BTreeSet::new();
    for binding in TABLE {
        assert!(!binding.keys.is_empty() && !binding.description.is_empty(), "{}", binding.id);
        assert!(!binding.group.is_empty(), "{} has no group", binding.id);
        assert!(ids.insert(binding.id), "{} twice", binding.id);
        let plain = |c: char| c.is_ascii_lowercase() || c == '-';
        assert!(binding.id.chars().all(plain), "{}: ids are small letters and hyphens", binding.id);
    }
}

/// Ways to states in which every action of the table can be reached. A new action that needs another: add it.
const STATES: &[(Plot, &str)] = &[
    (Plot::Denied, ""),
    (Plot::Denied, "j"),
    (Plot::Denied, "jjk"),
    (Plot::Denied, "jjE<esc>"),
    (Plot::Denied, "j<tab>jjl"),
    (Plot::Denied, "j<tab>/city<enter>"),
    (Plot::Denied, "j<tab><tab>l"),
    (Plot::Denied, "j2"),
    (Plot::Denied, "j3"),
    (Plot::Denied, "j3<tab>j"),
    (Plot::Denied, "j4"),
    (Plot::Denied, "j4<tab>j"),
    (Plot::Denied, "j5<tab>"),
    (Plot::Denied, "j5<tab><enter>"),
    (Plot::Denied, "jr"),
    (Plot::Denied, "jr<shift-tab><shift-tab>"),
    (Plot::Denied, "jr<enter>"),
    (Plot::Denied, "jrz"),
    (Plot::Denied, "jr[["),
    (Plot::Missing, "jr"),
    (Plot::Missing, "jrP"),
    (Plot::Denied, "ji"),
    (Plot::Denied, "ji<tab>"),
    (Plot::Denied, "ji<tab><tab>"),
    (Plot::Denied, "jix<tab>y"),
    (Plot::Denied, "ji<ctrl-t>"),
    (Plot::Denied, "ji<ctrl-t>--x a b"),
    (Plot::Denied, "ji<ctrl-t><ctrl-t>"),
    (Plot::Denied, "ji<ctrl-t><ctrl-t>x<enter>y"),
    (Plot::Denied, "?"),
    (Plot::Denied, "?jjj"),
    (Plot::Endless, "jr"),
];

fn states() -> Vec<Box<dyn Fn() -> Bench>> {
    let mut all: Vec<Box<dyn Fn() -> Bench>> =
        vec![Box::new(|| with_skills(100, 30, Plot::Denied, Vec::new()))];
    for keys in ["", "3<tab>j"] {
        all.push(Box::new(move || {
            let mut bench = workbench(100, 30, Plot::Denied);
            let mut skill = (**bench.keys("j").state().skill().unwrap()).clone();
            skill.policy_file = Some(skill.path.join("policy.yaml"));
            bench.tell(Action::Workspace(WorkspaceNews::Skills(vec![std::sync::Arc::new(skill)])));
            bench.keys(keys);
            bench
        }));
    }
    for keys in [
        "",
        "<tab>Bern",
        "<tab><tab>1",
        "<tab><tab><tab>",
        "<tab><tab><tab><tab>",
        "<tab><tab><tab><tab><tab>a",
        "<tab>Bern<ctrl-t>",
        "<tab>Bern<ctrl-t><ctrl-t>",
    ] {
        all.push(Box::new(move || filled_in(keys)));
    }
    for keys in ["", "F", "F<enter>"] {
        all.push(Box::new(move || {
            let mut bench = fixable(100, 30);
            bench.keys(keys);
            bench
        }));
    }
    for (plot, keys) in STATES {
        all.push(Box::new(move || {
            let mut bench = workbench(100, 30, *plot);
            bench.keys(keys);
            bench
        }));
    }
    all
}

/// What is there to be changed, without what is only said.
fn picture(bench: &mut Bench) -> String {
    bench.driver.state.notice = None;
    format!("{:?}", bench.driver.state)
}

/// Whether the key leads to the command here and does something.
fn works(make: &dyn Fn() -> Bench, command_wanted: Command, key: Key) -> bool {
    let mut bench = make();
    if command(bench.state(), key) != Some(command_wanted) {
        return false;
    }
    let before = picture(&mut bench);
    let effects = update(&mut bench.driver.state, Action::Key(key));
    !effects.is_empty() || picture(&mut bench) != before
}

#[test]
fn every_key_of_the_table_does_something_somewhere() {
    let states = states();
    for binding in TABLE {
        for key in in_force::defaults(binding) {
            let somewhere = states.iter().any(|make| works(make, binding.command, key));
            assert!(somewhere, "{key} never does `{}` in any of STATES", binding.id);
        }
    }
}

#[test]
fn no_state_gives_a_key_two_meanings() {
    for make in states() {
        let bench = make();
        let mut seen: BTreeMap<(bool, String), &str> = BTreeMap::new();
        for binding in TABLE.iter().filter(|binding| binding.applies(bench.state())) {
            for key in binding.keys {
                let wide = binding.scope == Scope::Everywhere;
                if let Some(other) = seen.insert((wide, (*key).to_owned()), binding.id) {
                    panic!("{key} means {other} and {} at once in {:?}", binding.id, bench.state().focus);
                }
            }
        }
    }
}

fn problems(text: &str) -> Vec<String> {
    parse(text, Path::new("keys.toml")).problems.iter().map(ToString::to_string).collect()
}

fn keys_of(text: &str, command: Command) -> Vec<String> {
    let read = parse(text, Path::new("keys.toml"));
    let line = TABLE.iter().find(|line| line.command == command).unwrap();
    read.keymap.keys(line).iter().map(|key| key.name()).collect()
}

#[test]
fn a_key_file_is_laid_over_the_table() {
    let text = "# mine\n[keys]\nrun = ['r', 'F5', 'f5']\nsuspend = 'none'\nredraw = []\nhelp = 'Ctrl-G'\n";
    assert_eq!(problems(text), [""; 0]);
    assert_eq!(keys_of(text, Command::Run), ["r", "f5"]);
    assert_eq!(keys_of(text, Command::Suspend), [""; 0]);
    assert_eq!(keys_of(text, Command::Redraw), [""; 0]);
    assert_eq!(keys_of(text, Command::Help), ["ctrl-g"]);
    assert_eq!(keys_of(text, Command::Down), ["down", "j"], "what is not named keeps its own");
    assert_eq!(problems(""), [""; 0]);
    // Two actions change their keys.
    assert_eq!(problems("[keys]\ncancel = 'a'\nallow = 'c'\n"), [""; 0]);
    assert_eq!(keys_of("keys.cancel = 'a'\nkeys.allow = 'c'", Command::Allow), ["c"]);
}

#[test]
fn a_mistake_in_a_key_file_is_told_with_its_place_and_left_out() {
    let text = "[keys]\nrnu = 'f5'\ncancel = ['x', 'ctl-x']\nhelp = 3\nopen = 'ctrl-m'\nzoom = 'f6'\n";
    let said = problems(text);
    assert_eq!(said[0], "keys.toml:2:1: unknown action `rnu`; did you mean `run`?");
    assert!(said[1].starts_with("keys.toml:3:16: `ctl-x` is no key; write one like"), "{said:?}");
    assert!(said[2].starts_with("keys.toml:4:8: a key is written as text"), "{said:?}");
    assert!(
        said[3].starts_with("keys.toml:5:8: most terminals send the same for `ctrl-m` and Enter"),
        "{said:?}"
    );
    assert_eq!(said.len(), 4);
    assert_eq!(keys_of(text, Command::Cancel), ["c"]);
    assert_eq!(keys_of(text, Command::Zoom), ["f6"], "the rest is in force");
    let said = problems("run = 'f5'\n[key]\nrun = 'r'\n");
    assert!(said[0].starts_with("keys.toml:1:1: `run` stands outside `[keys]`"), "{said:?}");
    assert!(said[1].starts_with("keys.toml:2:2: unknown name `key`"), "{said:?}");
    let said = problems("[keys]\nrun = r\n");
    assert!(said[0].starts_with("keys.toml:2:7: ") && said[0].contains("TOML"), "{said:?}");
}

#[test]
fn a_key_file_cannot_give_a_key_two_meanings() {
    let text = "[keys]\ncopy = 'f9'\nzoom = ['j', 'f8']\n";
    let said = problems(text);
    assert!(said[0].starts_with("keys.toml:3:1: `j` would mean both `zoom` and `down`"), "{said:?}");
    assert_eq!(keys_of(text, Command::Zoom), ["z"]);
    // Of two lines the later gives way; in another scope the key is free.
    let text = "[keys]\ncopy = 'f9'\nzoom = 'f9'\nfollow = 'f9'\n";
    assert_eq!(problems(text).len(), 1, "{:?}", problems(text));
    assert_eq!(keys_of(text, Command::Copy), ["f9"]);
    assert_eq!(keys_of(text, Command::Follow), ["f9"]);
    // A line that is left out takes its default key back from a line that counted on it.
    let text = "[keys]\nzoom = 'c'\ncancel = 'j'\n";
    let read = parse(text, Path::new("keys.toml"));
    assert_eq!((read.problems.len(), &read.keymap), (2, &Keymap::default()));
}

#[test]
fn the_way_out_cannot_be_shut() {
    let said = problems("[keys]\nquit = 'none'\ninterrupt = 'none'\n");
    assert_eq!(said, ["keys.toml:3:1: no key would leave the workbench; give `quit` or `interrupt` one"]);
    assert_eq!(problems("[keys]\nquit = 'none'\n"), [""; 0]);
}

#[test]
fn files_that_are_none_say_so() {
    let dir = tempfile::tempdir().unwrap();
    assert!(file::read(&dir.path().join("none.toml")).problems.is_empty());
    let folder = file::read(dir.path());
    assert!(folder.problems[0].message.contains("no regular file"), "{:?}", folder.problems);
    let pipe = dir.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert!(file::read(&pipe).problems[0].message.contains("no regular file"));
    let long = dir.path().join("long");
    std::fs::write(&long, "#".repeat(300 * 1024)).unwrap();
    assert!(file::read(&long).problems[0].message.contains("larger than"));
}

#[test]
fn what_is_printed_is_read_back() {
    let mine = parse("[keys]\nrun = ['f5', '\"']\nsuspend = 'none'\n", Path::new("k")).keymap;
    for keymap in [Keymap::default(), mine] {
        let read = parse(&print::toml(&keymap, false), Path::new("k"));
        assert_eq!((read.problems, read.keymap), (Vec::new(), keymap.clone()));
        let commented = parse(&print::toml(&keymap, true), Path::new("k"));
        assert_eq!((commented.problems, commented.keymap), (Vec::new(), Keymap::default()));
        let json = print::json(&keymap);
        assert_eq!(json.as_array().unwrap().len(), TABLE.len());
        assert!(TABLE.iter().all(|line| print::text(&keymap).contains(line.description)));
    }
}

/// Written anew by `INSTA_UPDATE=always cargo test --lib keymap`.
#[test]
fn the_page_of_keys_is_current() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/keys.md");
    let page = print::markdown(&Keymap::default());
    if std::env::var_os("INSTA_UPDATE").is_some_and(|value| value == "always") {
        std::fs::write(file, &page).unwrap();
    }
    let written = std::fs::read_to_string(file).unwrap_or_default();
    assert!(
        written == page,
        "assets/keys.md is old: skilldeck keys --defaults --format markdown > assets/keys.md"
    );
}

#[test]
fn what_is_in_force_is_what_is_shown_and_done() {
    let mut bench = workbench(120, 40, Plot::Denied);
    bench.keys("j2");
    let text = "[keys]\nrun = 'f5'\nhelp = 'f1'\ninput = 'none'\n";
    bench.driver.state.keymap = parse(text, Path::new("keys.toml")).keymap;
    let screen = bench.screen();
    assert!(screen.contains("F5 runs scripts/report.py") && screen.contains("F5 run"), "{screen}");
    assert!(screen.contains("input edits its input"), "{screen}");
    bench.keys("r");
    assert!(bench.state().run().is_none(), "r means nothing now");
    bench.keys("<f5>");
    assert!(bench.state().run().is_some());
    bench.keys("<f1>");
    let screen = bench.screen();
    assert!(
        screen.lines().any(|line| line.contains("F5 ") && line.contains("run the chosen entry")),
        "{screen}"
    );
}
