//! The run form: what an entry is run with, entered as fields made from its tool schema, as raw arguments, or as JSON.
//!
//! A form is kept for each entry as long as the workbench runs. [`Form::judge`] turns what it holds into the
//! [`RunInput`] of a run, or into everything that is wrong with it; it is called after each key.

pub mod draft;
pub mod editor;
pub mod field;
mod kind;
mod place;
mod switch;

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use tui_input::Input;

use crate::skill::schema::{self, Mismatch};
pub use draft::{Draft, command};
use editor::Editor;
pub use field::{Entered, Field};

/// A way to give input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Form,
    Arguments,
    Json,
}

impl Mode {
    /// In the order in which one key goes through them.
    pub const ALL: [Self; 3] = [Self::Form, Self::Arguments, Self::Json];

    pub fn title(self) -> &'static str {
        match self {
            Self::Form => "Form",
            Self::Arguments => "Arguments",
            Self::Json => "JSON",
        }
    }

    fn next(self) -> Self {
        match self {
            Self::Form => Self::Arguments,
            Self::Arguments => Self::Json,
            Self::Json => Self::Form,
        }
    }
}

/// What a run is given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunInput {
    pub arguments: Vec<String>,
    pub stdin: Vec<u8>,
    /// Both as a shell takes them, secrets hidden: for the screen.
    pub shown: String,
}

impl RunInput {
    /// As a shell takes it, with nothing hidden.
    pub fn for_shell(&self) -> String {
        draft::shell(&self.arguments, &String::from_utf8_lossy(&self.stdin), &[])
    }
}

/// Something that is wrong with what was entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// A JSON pointer; empty for the whole.
    pub pointer: String,
    pub text: String,
    /// Line and column of the JSON text, from 1.
    pub place: Option<(usize, usize)>,
}

/// What Tab found for a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The text that it is for.
    pub text: String,
    pub candidates: Vec<String>,
    /// There are more than are listed.
    pub more: bool,
    /// The candidate that stands in the field.
    pub at: Option<usize>,
}

/// Where the cursor of the fields is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Focus {
    /// The choice of a subcommand, when there are several.
    Tool,
    Field(usize),
}

#[derive(Debug, Clone)]
pub struct Form {
    pub mode: Mode,
    /// The user chose the mode; else it follows from the schema.
    chosen: bool,
    pub drafts: Vec<Draft>,
    /// The draft in front.
    pub draft: usize,
    pub focus: Focus,
    pub line: Input,
    /// Command lines of SKILL.md, and the one that is shown.
    pub examples: Vec<String>,
    pub example: Option<usize>,
    pub json: Editor,
    /// The value of the fields as it was when the line, or the JSON, was left or made: it is made anew from another one.
    line_of: Option<Value>,
    json_of: Option<Value>,
    /// First row of fields, or of JSON, that is shown.
    pub top: usize,
    /// A run was asked for, so that every problem is shown.
    pub tried: bool,
    /// What a switch of the mode could not carry over.
    pub note: Option<String>,
    pub judged: Result<RunInput, Vec<Problem>>,
}

impl Form {
    pub fn new(tools: &[Arc<schema::Tool>]) -> Self {
        let mut form = Self {
            mode: Mode::Arguments,
            chosen: false,
            drafts: Vec::new(),
            draft: 0,
            focus: Focus::Field(0),
            line: Input::default(),
            examples: Vec::new(),
            example: None,
            json: Editor::default(),
            line_of: None,
            json_of: None,
            top: 0,
            tried: false,
            note: None,
            judged: Ok(RunInput::default()),
        };
        form.fit(tools);
        form
    }

    /// A form with arguments of an earlier start.
    pub fn of_line(arguments: &str) -> Self {
        let mut form = Self::new(&[]);
        (form.chosen, form.line) = (true, Input::new(arguments.to_owned()));
        form.judge();
        form
    }

    /// What was entered as a command line, if it is one; never with a secret.
    pub fn as_line(&self) -> Option<String> {
        let input = self.judged.as_ref().ok().filter(|input| input.stdin.is_empty())?;
        match self.mode {
            Mode::Arguments => Some(self.line.value().to_owned()),
            _ if self.is_untouched() || self.draft().is_some_and(Draft::has_secret) => None,
            _ => Some(input.for_shell()),
        }
    }

    /// The schema was read, or read again: what was entered stays where there is still a field for it.
    pub fn fit(&mut self, tools: &[Arc<schema::Tool>]) {
        let same = tools.len() == self.drafts.len()
            && tools.iter().zip(&self.drafts).all(|(tool, draft)| **tool == *draft.tool);
        if same && !tools.is_empty() {
            return;
        }
        let name = self.draft().map(|draft| draft.tool.name.clone());
        let old = std::mem::take(&mut self.drafts);
        for tool in tools {
            let mut draft = Draft::new(Arc::clone(tool));
            if let Some(before) = old.iter().find(|before| before.tool.name == tool.name) {
                draft.take_over(before);
            }
            self.drafts.push(draft);
        }
        self.draft =
            self.drafts.iter().position(|draft| Some(&draft.tool.name) == name.as_ref()).unwrap_or(0);
        self.focus = if self.drafts.len() > 1 { Focus::Tool } else { Focus::Field(0) };
        if !self.chosen {
            let readable = self.drafts.first().is_some_and(|draft| draft.tool.source != schema::Source::Free);
            self.mode = if readable { Mode::Form } else { Mode::Arguments };
        }
        self.judge();
    }

    pub fn draft(&self) -> Option<&Draft> {
        self.drafts.get(self.draft)
    }

    pub fn draft_mut(&mut self) -> Option<&mut Draft> {
        self.drafts.get_mut(self.draft)
    }

    /// The field under the cursor.
    pub fn field(&self) -> Option<&Field> {
        match self.focus {
            Focus::Field(at) if self.mode == Mode::Form => self.draft()?.fields.get(at),
            _ => None,
        }
    }

    pub fn field_mut(&mut self) -> Option<&mut Field> {
        match self.focus {
            Focus::Field(at) if self.mode == Mode::Form => {
                self.drafts.get_mut(self.draft)?.fields.get_mut(at)
            }
            _ => None,
        }
    }

    /// Nothing was entered at all: a run is given nothing.
    pub fn is_untouched(&self) -> bool {
        let touched =
            |draft: &Draft| draft.fields.iter().any(|field| field.touched) || !draft.extra.is_empty();
        self.mode == Mode::Form && !self.tried && !self.drafts.iter().any(touched)
    }

    /// What a run would be given, or what is wrong with it.
    pub fn judge(&mut self) {
        self.judged = match self.mode {
            Mode::Form => self.judge_fields(),
            Mode::Arguments => self.judge_line(),
            Mode::Json => self.judge_json(),
        };
    }

    fn judge_fields(&self) -> Result<RunInput, Vec<Problem>> {
        let Some(draft) = self.draft() else { return Err(vec![Problem::whole("the schema is being read")]) };
        let (value, unreadable) = draft.value();
        match schema::invocation(&draft.tool, &value) {
            Ok(call) if unreadable.is_empty() => Ok(draft.input(call, &value)),
            Ok(_) => Err(unreadable),
            Err(wrong) => {
                let known = |one: &Mismatch| unreadable.iter().any(|other| other.pointer == one.pointer);
                let wrong: Vec<Problem> = wrong.iter().filter(|one| !known(one)).map(Problem::of).collect();
                Err([unreadable, wrong].concat())
            }
        }
    }

    fn judge_line(&self) -> Result<RunInput, Vec<Problem>> {
        let text = self.line.value();
        match shlex::split(text) {
            Some(arguments) => Ok(RunInput { arguments, stdin: Vec::new(), shown: text.trim().to_owned() }),
            None => Err(vec![Problem::whole("a quote is not closed; close it, or put \\ before it")]),
        }
    }

    fn judge_json(&self) -> Result<RunInput, Vec<Problem>> {
        let text = self.json.text();
        let Some(draft) = self.draft() else { return Err(vec![Problem::whole("the schema is being read")]) };
        let value: Value = serde_json::from_str(&text).map_err(|error| {
            let place = Some((error.line().max(1), error.column().max(1)));
            let said = error.to_string();
            let said = said.split(" at line ").next().unwrap_or_default();
            vec![Problem { pointer: String::new(), text: format!("not JSON: {said}"), place }]
        })?;
        let mut call = schema::invocation(&draft.tool, &value).map_err(|wrong| {
            let placed = |one: &Mismatch| Problem {
                place: Some(place::locate(&text, &one.pointer)),
                ..Problem::of(one)
            };
            wrong.iter().map(placed).collect::<Vec<_>>()
        })?;
        if call.stdin == value.to_string().into_bytes() {
            // What goes to standard input as a whole goes as it was written.
            call.stdin = text.into_bytes();
        }
        Ok(draft.input(call, &value))
    }

    /// Problems of the field with this name that are to be shown.
    pub fn problems_of(&self, field: &Field) -> impl Iterator<Item = &Problem> {
        let visible = self.tried || field.touched;
        let problems = self.judged.as_ref().err().filter(|_| visible);
        problems.into_iter().flatten().filter(|problem| problem.is_about(&field.name))
    }

    /// Problems that belong to no field.
    pub fn other_problems(&self) -> impl Iterator<Item = &Problem> {
        let of_field = |problem: &&Problem| {
            let name = problem.property();
            self.draft().is_some_and(|draft| draft.fields.iter().any(|one| Some(&one.name) == name.as_ref()))
        };
        let shown = self.tried || !self.is_untouched();
        let problems = self.judged.as_ref().err().filter(|_| shown);
        problems.into_iter().flatten().filter(move |problem| !of_field(problem))
    }

    /// The first field, from the top, with which something is wrong.
    pub fn first_wrong(&self) -> Option<usize> {
        let problems = self.judged.as_ref().err()?;
        let wrong = |field: &Field| problems.iter().any(|one| one.is_about(&field.name));
        self.draft()?.fields.iter().position(wrong)
    }

    /// Show another tool. What was entered under a name that both have is not carried over: it may mean another thing.
    pub fn step_tool(&mut self, forward: bool) {
        let count = self.drafts.len().max(1);
        self.draft = (self.draft + if forward { 1 } else { count - 1 }) % count;
        self.tried = false;
    }
}

impl Problem {
    fn whole(text: &str) -> Self {
        Self { pointer: String::new(), text: text.to_owned(), place: None }
    }

    fn of(wrong: &Mismatch) -> Self {
        let text = format!("found {}, expected {}", wrong.found, wrong.expected);
        Self { pointer: wrong.pointer.clone(), text, place: None }
    }

    /// The property that it is about.
    fn property(&self) -> Option<String> {
        let name = self.pointer.strip_prefix('/')?.split('/').next()?;
        Some(name.replace("~1", "/").replace("~0", "~"))
    }

    pub fn is_about(&self, property: &str) -> bool {
        self.property().as_deref() == Some(property)
    }

    /// Within the property: `/2/name`.
    pub fn within(&self) -> &str {
        let rest = self.pointer.get(1..).unwrap_or_default();
        rest.find('/').map_or("", |at| &rest[at..])
    }
}

/// Names a form: the skill's folder, and the entry in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormKey {
    pub skill: PathBuf,
    pub entry: PathBuf,
}
