//! Filter, resizing, help that is searched, and what is remembered from one start to the next.

use std::sync::Arc;

use super::doubles::{Plot, skill, with_skills};
use super::{Bench, row_with, workbench};
use crate::tui::action::{Action, WorkspaceNews};
use crate::tui::effect::Effect;
use crate::tui::layout::layout;
use crate::tui::state::kept::Kept;
use crate::tui::state::{Layer, Level, Pane, Tab};

fn shown(bench: &Bench) -> Vec<String> {
    use crate::tui::state::Row;
    let skills = &bench.state().skills;
    let name = |row: &Row| match row {
        Row::Skill(path) => skills.get(path).map(|skill| skill.name.clone()),
        Row::Root(..) => None,
    };
    skills.rows().iter().filter_map(name).collect()
}

#[test]
fn the_list_is_filtered_as_one_types() {
    let mut bench = workbench(100, 30, Plot::Denied);
    assert_eq!(shown(&bench), ["notes", "weather", "zebra"]);
    bench.keys("/ea");
    assert_eq!(shown(&bench), ["weather"]);
    assert_eq!(bench.state().skill().unwrap().name, "weather");
    assert!(bench.screen().contains("1/3 ea"), "{}", bench.screen());
    bench.keys("<enter>");
    assert!(bench.state().layers.is_empty());
    assert_eq!(shown(&bench), ["weather"], "it stays");
    bench.keys("<esc>");
    assert_eq!(shown(&bench).len(), 3);
    assert_eq!(bench.state().skill().unwrap().name, "weather", "still chosen");
    bench.keys("/zeb<esc>");
    assert_eq!(shown(&bench).len(), 3, "Esc while typing shows all, too");
    bench.keys("/nowhere<enter>");
    assert!(bench.screen().contains("none fits"), "{}", bench.screen());
    bench.keys("rjk<tab>j<shift-tab><esc>");
    assert_eq!(shown(&bench).len(), 3);
}

#[test]
fn the_filter_knows_verdicts_and_changes() {
    let mut bench = workbench(100, 30, Plot::Denied);
    bench.keys("/:err");
    assert_eq!(shown(&bench), ["notes"]);
    bench.keys("<ctrl-u>:warning");
    assert_eq!(shown(&bench), ["weather"]);
    bench.keys("<ctrl-u>:ok");
    assert_eq!(shown(&bench), ["zebra"]);
    bench.keys("<ctrl-u>:ok wea");
    assert_eq!(shown(&bench), [""; 0]);
    bench.keys("<ctrl-u>:nonsense");
    assert_eq!(shown(&bench), [""; 0]);
}

#[test]
fn arrows_move_while_the_filter_is_typed_and_news_keep_to_it() {
    let mut bench = workbench(100, 30, Plot::Denied);
    bench.keys("/e<down>");
    assert_eq!(shown(&bench), ["notes", "weather", "zebra"]);
    assert_eq!(bench.state().skill().unwrap().name, "weather");
    bench.keys("<ctrl-u>zeb");
    let new = ["zebra-two", "other"].map(|name| Arc::new(skill(name, "---\nname: x\n---\n")));
    bench.tell(Action::Workspace(WorkspaceNews::Skills(new.to_vec())));
    assert_eq!(shown(&bench), ["zebra-two", "zebra"]);
    assert_eq!(bench.state().skill().unwrap().name, "zebra", "what was chosen stays chosen");
    // The palette finds what the filter hides.
    bench.keys("<enter>:weather<enter>");
    assert_eq!(bench.state().skill().unwrap().name, "weather");
    assert_eq!(shown(&bench).len(), 5);
}

#[test]
fn ten_thousand_skills_are_filtered() {
    let skills = (0..10_000).map(|n| Arc::new(skill(&format!("skill-{n:05}"), "---\nname: x\n---\n")));
    let mut bench = with_skills(100, 30, Plot::Denied, skills.collect());
    bench.keys("/99");
    assert_eq!(shown(&bench).len(), (0..10_000).filter(|n| format!("skill-{n:05}").contains("99")).count());
    bench.keys("98<enter>");
    assert_eq!(shown(&bench), ["skill-09998"]);
}

#[test]
fn borders_are_moved_by_keys_and_come_back_at_once() {
    let mut bench = workbench(100, 30, Plot::Denied);
    let sizes = |bench: &Bench| {
        let layout = layout(bench.state());
        (layout.list.width, layout.lower().unwrap().height)
    };
    let (list, lower) = sizes(&bench);
    bench.keys(">}");
    assert_eq!(sizes(&bench), (list + 2, lower + 1));
    bench.keys("<lt>{");
    assert_eq!(sizes(&bench), (list, lower));
    bench.keys(&"<lt>{".repeat(60));
    let least = sizes(&bench);
    assert!(bench.screen().contains("nothing to resize this way"), "{}", bench.screen());
    bench.keys(">}");
    assert_eq!(sizes(&bench), (least.0 + 2, least.1 + 1));
}

#[test]
fn help_is_searched_and_scrolled() {
    let mut bench = workbench(100, 20, Plot::Denied);
    bench.keys("?GG");
    let Some(Layer::Help(end)) = bench.state().layers.last() else { panic!("no help") };
    let end = end.top;
    bench.keys("k");
    assert!(matches!(bench.state().layers.last(), Some(Layer::Help(scroll)) if scroll.top == end - 1));
    bench.keys("/grant");
    let screen = bench.screen();
    assert!(screen.contains("add the grant") && !screen.contains("move up"), "{screen}");
    bench.keys("<enter>");
    assert!(bench.screen().contains("keys: grant"), "{}", bench.screen());
    bench.keys("<esc>");
    assert!(matches!(bench.state().layers.last(), Some(Layer::Help(_))), "first the search, then the help");
    assert!(bench.state().help_needle.is_empty());
    bench.keys("/zzz");
    assert!(bench.screen().contains("no key fits"));
    bench.keys("<esc><esc>");
    assert!(bench.state().layers.is_empty());
}

/// What was to be written, in order.
fn written(bench: &Bench) -> Vec<Kept> {
    let kept = |effect: &Effect| match effect {
        Effect::Keep(kept) => Some((**kept).clone()),
        _ => None,
    };
    bench.driver.for_terminal.iter().filter_map(kept).collect()
}

/// A workbench that keeps, as one that was just started.
fn keeping(kept: &Kept) -> Bench {
    let mut bench = workbench(100, 30, Plot::Denied);
    let skills: Vec<_> = bench.state().skills.all().cloned().collect();
    bench.driver.state.facts.clear();
    kept.restore(&mut bench.driver.state);
    bench.driver.state.keeping.on = true;
    bench.driver.state.keeping.last = Kept::of(bench.state());
    bench.tell(Action::Workspace(WorkspaceNews::Skills(skills)));
    bench
}

#[test]
fn where_one_was_is_found_again() {
    let mut bench = keeping(&Kept::default());
    bench.keys("ji<ctrl-t>--city Bern<enter>2Tj<enter>wm>}:zoom<enter>:zoom<enter>q");
    assert!(bench.state().quitting);
    let last = written(&bench).pop().expect("nothing was written");
    let mut bench = keeping(&last);
    assert_eq!(bench.state().skill().unwrap().name, "weather");
    assert_eq!(bench.state().tab, Tab::Run);
    assert!(bench.screen().contains("edits its input: --city Bern"), "{}", bench.screen());
    let options = &bench.state().options;
    assert!(!options.auto_run);
    assert_eq!((last.theme.as_deref(), last.mouse), (Some("light"), Some(false)));
    assert_eq!((bench.state().list_extra, bench.state().split_extra), (2, 1));
    assert_eq!(bench.state().recent, ["zoom"]);
    bench.keys("r");
    assert_eq!(bench.log.lock().unwrap().started[0].1, ["--city", "Bern"]);
}

#[test]
fn only_what_matters_is_written_at_once() {
    let mut bench = keeping(&Kept::default());
    bench.keys("jk12<tab><tab>?<esc>jk");
    assert_eq!(written(&bench), []);
    bench.keys("w");
    assert_eq!(written(&bench).len(), 1);
    bench.keys("1q");
    assert_eq!(written(&bench).len(), 2, "and all of it at the end");
    let mut bench = keeping(&Kept::default());
    bench.driver.state.keeping.on = false;
    bench.keys("wq");
    assert_eq!(written(&bench), [], "switched off");
}

#[test]
fn secrets_and_cleared_arguments_are_not_remembered() {
    let mut bench = keeping(&Kept::default());
    bench.keys("ji<ctrl-t>--token abc<enter>w");
    assert!(written(&bench).pop().unwrap().inputs.is_empty());
    bench.keys("i<ctrl-u>--city Bern<enter>");
    let kept = written(&bench).pop().unwrap();
    assert_eq!(kept.inputs.values().next().unwrap().arguments, "--city Bern");
    let mut bench = keeping(&kept);
    bench.keys("i<ctrl-u><enter>");
    assert!(written(&bench).pop().unwrap().inputs.is_empty());
}

#[test]
fn a_path_that_is_no_text_does_not_keep_the_rest_from_being_kept() {
    use std::os::unix::ffi::OsStringExt as _;
    let mut bench = keeping(&Kept::default());
    let weather = bench.state().skills.all().find(|skill| skill.name == "weather");
    let mut odd = (**weather.unwrap()).clone();
    odd.path = std::ffi::OsString::from_vec(b"/home/ada/project/.skills/a\xff".to_vec()).into();
    odd.name = "aaa".into();
    bench.tell(Action::Workspace(WorkspaceNews::Skills(vec![Arc::new(odd)])));
    bench.keys("gi--city Bern<enter>w");
    assert_eq!(bench.state().skill().unwrap().name, "aaa");
    let kept = written(&bench).pop().unwrap();
    assert_eq!((&kept.skill, kept.auto_run), (&None, Some(false)));
    assert!(serde_json::to_string(&kept).is_ok());
}

#[test]
fn what_means_nothing_any_more_does_no_harm() {
    let kept = Kept {
        skill: Some("/gone".into()),
        tab: Some("Nonsense".into()),
        theme: Some("gone".into()),
        list_extra: i16::MAX,
        split_extra: i16::MIN,
        recent: vec!["no-such-action".into()],
        ..Kept::default()
    };
    let mut bench = keeping(&kept);
    assert_eq!(bench.state().tab, Tab::Skill);
    assert_eq!(bench.state().focus, Pane::Skills);
    assert!(row_with(&bench.driver, "weather").is_some());
    bench.keys(":");
    bench.tell(Action::Notice(Level::Info, "fine".into()));
    assert!(bench.screen().contains("fine"));
}
