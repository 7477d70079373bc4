//! The run form, from the user's side.

mod any;

use std::sync::Arc;

use serde_json::{Value, json};

use super::doubles::{Plot, with_skills};
use super::{Bench, workbench};
use crate::skill::schema::{self, How, Input, Kind, Many, Parameter, Source};
use crate::tui::action::{Action, WorkspaceNews};
use crate::tui::effect::Effect;
use crate::tui::key::{Mouse, MouseKind};
use crate::tui::state::form::editor::Editor;
use crate::tui::state::form::{Focus, Mode};
use crate::tui::state::{Cause, Layer, Tool};

const WEATHER: &str = "/home/ada/project/.skills/weather";

pub(crate) fn parameter(name: &str, kind: Kind, help: &str) -> Parameter {
    Parameter {
        name: name.into(),
        help: help.into(),
        kind,
        choices: Vec::new(),
        default: None,
        required: false,
        how: How::Option(format!("--{}", name.replace('_', "-"))),
        many: None,
        exclusive: None,
        depth: 0,
        line: 1,
    }
}

impl Parameter {
    pub(crate) fn required(mut self) -> Self {
        self.required = true;
        self
    }

    fn default(mut self, value: impl Into<Value>) -> Self {
        self.default = Some(value.into());
        self
    }

    fn one_of(mut self, choices: &[&str]) -> Self {
        self.choices = choices.iter().map(|choice| (*choice).into()).collect();
        self
    }

    fn flag(mut self) -> Self {
        self.how = How::Flag(format!("--{}", self.name), true);
        self
    }

    fn list(mut self) -> Self {
        self.many = Some(Many { least: 1, most: None });
        self
    }
}

fn tool(name: &str, words: &[&str], source: Source, input: Input) -> Arc<schema::Tool> {
    Arc::new(schema::Tool {
        name: name.into(),
        description: "Reports the weather of a city.".into(),
        entry: "scripts/report.py".into(),
        subcommand: words.iter().map(|word| (*word).to_owned()).collect(),
        source,
        input,
        places: Vec::new(),
    })
}

pub(crate) fn arguments(name: &str, words: &[&str], parameters: Vec<Parameter>) -> Arc<schema::Tool> {
    let parameters = parameters.into_iter().map(|parameter| Parameter { depth: words.len(), ..parameter });
    let input = Input::Arguments { parameters: parameters.collect(), schema: None };
    tool(name, words, Source::Argparse, input)
}

fn stdin(schema: Value) -> Arc<schema::Tool> {
    tool("weather_report", &[], Source::Stdin, Input::Stdin(schema))
}

fn explored(tools: &[Arc<schema::Tool>]) -> Action {
    let tools = tools.iter().map(|spec| Tool { spec: Some(Arc::clone(spec)), ..Tool::default() }).collect();
    Action::Explored {
        skill: WEATHER.into(),
        tools,
        files: Vec::new(),
        request: None,
        learned: Box::default(),
    }
}

/// The form of the skill `weather`, whose script has these tools, is open.
fn form(width: u16, height: u16, tools: &[Arc<schema::Tool>]) -> Bench {
    let mut bench = workbench(width, height, Plot::Denied);
    bench.keys("j").tell(explored(tools)).keys("i");
    bench
}

/// The form with a field of each kind, after these keys.
pub(crate) fn filled_in(keys: &str) -> Bench {
    let mut bench = form(100, 30, &many());
    bench.keys(keys);
    bench
}

/// One of each kind.
fn many() -> Vec<Arc<schema::Tool>> {
    let list = |parameter: Parameter| parameter.list();
    let show = vec![
        parameter("city", Kind::Text, "Name of the city").required(),
        parameter("days", Kind::Integer, "How many days ahead").default(3),
        parameter("format", Kind::Text, "How it is printed")
            .one_of(&["text", "json", "markdown"])
            .default("text"),
        parameter("verbose", Kind::Boolean, "Say more").flag().default(false),
        list(parameter("exclude", Kind::Text, "Stations that do not count")),
        parameter("factor", Kind::Number, "What temperatures are multiplied with").default(1.5),
        parameter("cache_file", Kind::Text, "Where answers are kept"),
        parameter("api_key", Kind::Text, "Key of the weather service"),
        parameter("filter", Kind::Json, "A filter as JSON"),
    ];
    let sync = vec![parameter("all", Kind::Boolean, "All cities").flag()];
    vec![arguments("weather__show", &["show"], show), arguments("weather__sync", &["sync"], sync)]
}

fn started(bench: &Bench) -> Vec<Vec<String>> {
    bench.log.lock().unwrap().started.iter().map(|(_, arguments)| arguments.clone()).collect()
}

fn paste(bench: &mut Bench, text: &str) {
    bench.tell(Action::Paste(text.to_owned()));
}

macro_rules! screens {
    ($($name:ident: $width:literal x $height:literal, $keys:literal;)*) => {
        $(
            #[test]
            fn $name() {
                let mut bench = form($width, $height, &many());
                bench.keys($keys);
                insta::assert_snapshot!(stringify!($name), bench.screen());
            }
        )*
    };
}

screens! {
    form_80: 80 x 24, "<tab>Bern<tab>x<tab><right><tab><space>";
    form_200: 200 x 60, "<tab>Bern<tab><tab>j<tab><tab>Nord,Süd<tab>";
    form_40: 40 x 12, "<tab>Bern<tab>soon";
    form_problem_80: 80 x 24, "<enter>";
    form_scrolled_40: 40 x 12, "<tab><shift-tab><shift-tab>{";
    form_json_80: 80 x 24, "<tab>Bern<ctrl-t><ctrl-t><down><end>,<enter>\"days\": \"x\"";
    form_json_200: 200 x 60, "<ctrl-t><ctrl-t>{";
    form_json_40: 40 x 12, "<tab>Bern<ctrl-t><ctrl-t>";
    form_arguments_80: 80 x 24, "<tab>Bern Süd<ctrl-t>";
    form_secret_80: 80 x 24, "<tab>Bern<tab><tab><tab><tab><tab><tab><tab>hunter2";
}

#[test]
fn a_run_is_given_what_the_fields_say() {
    let mut bench = form(120, 40, &many());
    bench.keys("<tab>Bern<tab>5<tab><right><right><tab><space><tab>Nord,Süd<enter>");
    let expected = [
        "show",
        "--city",
        "Bern",
        "--days",
        "5",
        "--format",
        "json",
        "--verbose",
        "--exclude",
        "Nord",
        "Süd",
    ];
    let mut given = started(&bench).remove(0);
    given.sort();
    let mut expected: Vec<String> = expected.iter().map(|word| (*word).to_owned()).collect();
    expected.sort();
    assert_eq!(given, expected);
    assert!(bench.state().layers.is_empty());
    assert!(bench.state().run().unwrap().input.shown.contains("--format json"));
    // Kept, and used again.
    bench.keys("r");
    assert_eq!(started(&bench)[0], started(&bench)[1]);
    bench.keys("i<down><backspace><backspace>6<enter>");
    assert!(started(&bench)[2].contains(&"--factor".to_owned()));
}

#[test]
fn the_subcommand_is_chosen_first() {
    let mut bench = form(80, 24, &many());
    bench.keys("<right><tab>t<enter>");
    assert_eq!(started(&bench), [["sync", "--all"]]);
    bench.keys("i<up><left>");
    assert!(bench.screen().contains("1 of 2") && bench.screen().contains("needs city"), "{}", bench.screen());
}

#[test]
fn nothing_runs_before_what_is_required_is_there() {
    let mut bench = form(80, 24, &many());
    bench.keys("<enter>");
    assert!(started(&bench).is_empty());
    assert_eq!(bench.state().form().unwrap().focus, Focus::Field(0));
    assert!(
        bench.screen().contains("not run: city: found nothing, expected text (required)"),
        "{}",
        bench.screen()
    );
    bench.keys("Bern<tab>x<enter>");
    assert!(bench.screen().contains("not run: days: found the text \"x\", expected a whole number"));
    // Closing keeps the draft, and `r` comes back to it.
    bench.keys("<esc>");
    assert!(bench.state().layers.is_empty());
    bench.keys("r");
    assert!(matches!(bench.state().layers.last(), Some(Layer::Form(_))), "{}", bench.screen());
    bench.keys("<backspace>2<enter>");
    assert_eq!(started(&bench), [["show", "--city", "Bern", "--days", "2"]]);
}

#[test]
fn a_form_that_was_only_looked_at_changes_nothing() {
    let days = parameter("days", Kind::Integer, "How many days ahead").default(3);
    let mut bench = form(80, 24, &[arguments("report", &[], vec![days])]);
    bench.keys("<tab><tab><esc>r");
    assert_eq!(started(&bench), [Vec::<String>::new()]);
}

#[test]
fn an_entry_that_needs_input_asks_for_it_when_it_is_run() {
    let mut bench = form(80, 24, &many());
    bench.keys("<esc>r");
    assert!(started(&bench).is_empty());
    assert!(bench.screen().contains("not run: city: found nothing"), "{}", bench.screen());
    bench.keys("<esc>L");
    assert!(matches!(bench.state().layers.last(), Some(Layer::Form(_))), "{}", bench.screen());
    // A schema can be wrong: plain arguments are taken as they are, also none.
    bench.keys("<ctrl-t><enter><esc>r");
    assert_eq!(started(&bench), [Vec::<String>::new(), Vec::new()]);
}

#[test]
fn three_states_of_a_switch_are_three_inputs() {
    let schema =
        json!({ "type": "object", "properties": { "deep": { "type": "boolean", "default": true } } });
    let mut bench = form(80, 24, &[stdin(schema)]);
    for keys in ["<enter>", "i<space><enter>", "i<space><enter>", "i<space><enter>"] {
        bench.keys(keys);
    }
    let given = bench.log.lock().unwrap().stdin.clone();
    assert_eq!(given, ["{}", "{\"deep\":true}", "{\"deep\":false}", "{}"]);
}

#[test]
fn json_goes_to_standard_input_as_it_was_written_and_into_a_saved_case() {
    let schema = json!({
        "type": "object",
        "properties": { "city": { "type": "string" }, "tags": { "type": "array", "items": { "type": "string" } } },
        "required": ["city"],
    });
    let mut bench = form(100, 30, &[stdin(schema)]);
    bench.keys("Bern<ctrl-t>");
    assert!(bench.screen().contains("cannot be written as arguments"), "{}", bench.screen());
    bench.keys("<ctrl-t><f5>");
    let written = "{\n  \"city\": \"Bern\"\n}";
    assert_eq!(bench.log.lock().unwrap().stdin, [written]);
    assert!(bench.screen().contains("<<< '{"), "{}", bench.screen());
    bench.keys("Sbern<enter>");
    assert_eq!(bench.log.lock().unwrap().saved_stdin, [written]);
    // What JSON says comes back into the fields.
    bench.keys("i");
    bench.driver.state.form_mut().unwrap().json = Editor::default();
    paste(&mut bench, "{\"city\": \"Basel\",\r\n \"tags\": [\"a\", \"b\"],\n \"more\": 1}");
    bench.keys("<ctrl-t>");
    assert_eq!(bench.state().form().unwrap().mode, Mode::Form);
    bench.keys("<enter>");
    assert_eq!(bench.log.lock().unwrap().stdin[1], "{\"city\":\"Basel\",\"tags\":[\"a\",\"b\"],\"more\":1}");
}

#[test]
fn what_is_wrong_with_json_is_told_with_pointer_and_place() {
    let mut bench = form(100, 30, &many());
    bench.keys("<tab>Bern<ctrl-t><ctrl-t><down><end>,<enter>\"days\": [\"x\"]");
    let screen = bench.screen();
    assert!(screen.contains("3:11 /days: found a list of 1 value, expected a whole number"), "{screen}");
    bench.keys("<home>nonsense<f5>");
    assert!(bench.screen().contains("not run: 3:1: not JSON"), "{}", bench.screen());
    assert!(started(&bench).is_empty());
    // Leaving and coming back keeps the broken text.
    bench.keys("<ctrl-t>");
    assert!(bench.screen().contains("the form is as it was before: not JSON"), "{}", bench.screen());
    bench.keys("<ctrl-t><ctrl-t>");
    assert!(bench.screen().contains("nonsense"), "{}", bench.screen());
}

#[test]
fn what_the_form_cannot_say_is_told() {
    let mut bench = form(100, 30, &many());
    bench.keys("<ctrl-t><ctrl-t><ctrl-u>");
    paste(&mut bench, "{\"city\": \"Bern\", \"days\": \"3\", \"exclude\": 7, \"ctiy\": 1}");
    bench.keys("<ctrl-t>");
    let screen = bench.screen();
    assert!(screen.contains("only JSON can say what it holds for days, exclude"), "{screen}");
    assert!(
        screen.contains("/ctiy: found an unknown key") && screen.contains("did you mean `city`?"),
        "{screen}"
    );
}

#[test]
fn fields_become_arguments_when_they_are_complete() {
    let mut bench = form(80, 24, &many());
    bench.keys("<ctrl-t>");
    assert_eq!(bench.state().form().unwrap().line.value(), "");
    bench.keys("--own<ctrl-t><ctrl-t><tab>Bern Süd<ctrl-t>");
    assert_eq!(bench.state().form().unwrap().line.value(), "show --city 'Bern Süd'");
    bench.keys(" --more<ctrl-t><ctrl-t><ctrl-t>");
    let line = bench.state().form().unwrap().line.value().to_owned();
    assert_eq!(line, "show --city 'Bern Süd' --more", "kept as long as the fields are the same");
    bench.keys("<enter>");
    assert_eq!(started(&bench), [["show", "--city", "Bern Süd", "--more"]]);
}

#[test]
fn tab_completes_a_path_and_then_goes_on() {
    let mut bench = form(80, 24, &many());
    bench.keys("<tab><tab><tab><tab><tab><tab><tab>c");
    let field = |bench: &Bench| {
        let form = bench.state().form().unwrap();
        (form.focus, form.field().and_then(|field| field.input()).map(|input| input.value().to_owned()))
    };
    bench.keys("<tab>");
    assert_eq!(field(&bench), (Focus::Field(6), Some("cities.".into())));
    assert!(bench.screen().contains("Tab: cities.csv cities.json"), "{}", bench.screen());
    bench.keys("<tab><tab>");
    assert_eq!(field(&bench), (Focus::Field(6), Some("cities.json".into())));
    bench.keys("<down>");
    assert_eq!(field(&bench).0, Focus::Field(7));
    // Nothing to complete.
    bench.keys("<up><ctrl-u>zzz<tab>");
    assert!(bench.screen().contains("no further path begins like this"), "{}", bench.screen());
    bench.keys("<tab>");
    assert_eq!(field(&bench).0, Focus::Field(7));
}

#[test]
fn an_answer_for_another_text_is_dropped() {
    let mut bench = form(80, 24, &many());
    bench.keys("<tab><tab><tab><tab><tab><tab><tab>n");
    let Some(Layer::Form(key)) = bench.state().layers.last().cloned() else { panic!("no form") };
    let candidates = vec!["other.txt".to_owned()];
    bench.tell(Action::PathsFound { form: key, text: "o".into(), candidates, more: false });
    assert_eq!(bench.state().form().unwrap().field().unwrap().input().unwrap().value(), "n");
}

#[test]
fn secrets_are_not_on_the_screen() {
    let mut bench = form(120, 40, &many());
    bench.keys("<tab>Bern<tab><tab><tab><tab><tab><tab><tab>hunter2");
    assert!(!bench.screen().contains("hunter2"), "{}", bench.screen());
    bench.keys("<enter>");
    assert!(started(&bench)[0].contains(&"hunter2".to_owned()));
    let screen = bench.screen();
    assert!(!screen.contains("hunter2") && screen.contains("--api-key ***"), "{screen}");
}

#[test]
fn a_list_is_pasted_line_by_line_and_edited() {
    let mut bench = form(80, 24, &many());
    bench.keys("<tab>Bern<down><down><down><down>");
    paste(&mut bench, "Nord\r\nSüd, West\n");
    bench.keys("<ctrl-n>Ost<up><up><ctrl-x><enter>");
    assert_eq!(started(&bench), [["show", "--exclude", "Süd, West", "Ost", "--city", "Bern"]]);
}

#[test]
fn defaults_come_back_with_one_key() {
    let mut bench = form(80, 24, &many());
    bench.keys("<tab>Bern<tab>5<ctrl-r>");
    assert_eq!(bench.state().form().unwrap().draft().unwrap().value().0, json!({}));
    bench.keys("<ctrl-t>--x<ctrl-r><enter>");
    assert_eq!(started(&bench), [Vec::<String>::new()]);
}

#[test]
fn a_save_repeats_the_run_and_not_what_is_being_typed() {
    let mut bench = form(80, 24, &many());
    bench.keys("<tab>Bern<enter>ie");
    let path = format!("{WEATHER}/scripts/report.py");
    let cause = Cause { path: path.clone().into(), kind: "modified".into(), events: 1, at: None };
    let changed = WorkspaceNews::Changed { skill: WEATHER.into(), cause, paths: vec![path.into()] };
    bench.tell(Action::Workspace(changed));
    assert_eq!(started(&bench)[1], ["show", "--city", "Bern"]);
    assert!(bench.state().form().is_some(), "the form stays open");
    // The schema changed with it: what was entered stays where there is still a field for it.
    let city = parameter("city", Kind::Text, "").required();
    bench.tell(explored(&[arguments("weather__show", &["show"], vec![city])]));
    bench.keys("<enter>");
    assert_eq!(started(&bench)[2], ["show", "--city", "Berne"]);
}

#[test]
fn the_command_line_is_copied_without_hiding_anything() {
    let mut bench = form(100, 30, &many());
    bench.keys("<tab>Bern<tab><tab><tab><tab><tab><tab><tab>hunter2<ctrl-y>");
    let Some(Effect::Copy(text)) = bench.driver.for_terminal.last() else { panic!("nothing copied") };
    assert_eq!(text, "python3 scripts/report.py show --city Bern --api-key hunter2");
}

#[test]
fn the_mouse_chooses_modes_and_fields() {
    let mut bench = form(80, 24, &many());
    let place = |bench: &Bench, text: &str| {
        let row = super::row_with(&bench.driver, text).unwrap();
        let line = bench.screen().lines().nth(row).unwrap().to_owned();
        let column = line[..line.find(text).unwrap()].chars().count();
        (column as u16, row as u16)
    };
    let click = |bench: &mut Bench, (column, row): (u16, u16)| {
        bench.tell(Action::Mouse(Mouse { kind: MouseKind::Press, column, row }));
    };
    let verbose = place(&bench, "verbose");
    click(&mut bench, verbose);
    assert_eq!(bench.state().form().unwrap().focus, Focus::Field(3));
    click(&mut bench, verbose);
    assert_eq!(bench.state().form().unwrap().draft().unwrap().value().0, json!({ "verbose": true }));
    let json = place(&bench, "JSON");
    click(&mut bench, json);
    assert_eq!(bench.state().form().unwrap().mode, Mode::Json);
    click(&mut bench, (0, 0));
    assert!(bench.state().layers.is_empty());
}

#[test]
fn the_form_follows_the_skill() {
    let mut bench = with_skills(80, 24, Plot::Denied, super::doubles::skills());
    bench.keys("ji<tab>x");
    bench.tell(Action::Workspace(WorkspaceNews::Removed(vec![WEATHER.into()])));
    assert!(bench.state().layers.is_empty());
    assert!(bench.screen().contains("the entry of the form is gone"), "{}", bench.screen());
}
