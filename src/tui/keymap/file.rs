//! The user's key file, `keys.toml` in the configuration folder: keys by action, laid over the table's.
//!
//! ```toml
//! [keys]
//! run = ["r", "f5"]
//! suspend = "none"
//! ```
//!
//! A line with a mistake is told with its place and left out, so that one wrong letter does not take all keys away.
//! Read by the workbench before its first frame and by `cli::keys`.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml_edit::{Document, Item, Value};

use super::{Command, Keymap, TABLE};
use crate::skill::text::did_you_mean;
use crate::tui::key::Key;
use crate::user::{Files, small_text};

/// Longest key file that is read, in bytes; the whole table takes a tenth.
const MAX_BYTES: u64 = 256 * 1024;

/// Without a key for one of these nobody gets out of the workbench.
const WAYS_OUT: [Command; 2] = [Command::Quit, Command::Interrupt];

/// Where the user's key file is, whether it exists or not.
pub fn of_user() -> Option<PathBuf> {
    Some(Files::Config.folder()?.join("keys.toml"))
}

/// What a key file comes to.
#[derive(Debug, Default)]
pub struct KeyFile {
    pub keymap: Keymap,
    /// In the order of their places.
    pub problems: Vec<Problem>,
}

/// A mistake in a key file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub file: PathBuf,
    /// Both from 1; columns count characters.
    pub line: usize,
    pub column: usize,
    pub message: String,
    /// What to do about it.
    pub help: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, message, help } = self;
        write!(f, "{}:{line}:{column}: {message}; {help}", file.display())
    }
}

/// Read a key file. One that does not exist says nothing.
pub fn read(file: &Path) -> KeyFile {
    match small_text(file, MAX_BYTES) {
        Ok(Some(text)) => parse(&text, file),
        Ok(None) => KeyFile::default(),
        Err(message) => {
            let help = "the default keys are in force".to_owned();
            let problem = Problem { file: file.to_owned(), line: 1, column: 1, message, help };
            KeyFile { problems: vec![problem], ..KeyFile::default() }
        }
    }
}

/// Read the text of a key file; `file` is for its problems.
pub fn parse(text: &str, file: &Path) -> KeyFile {
    let mut reading = Reading { text, file, lines: Vec::new(), problems: Vec::new() };
    match Document::parse(text) {
        Ok(document) => reading.document(&document),
        Err(error) => {
            let message = error.message().lines().collect::<Vec<_>>().join(", ");
            let help = "the file is TOML; `skilldeck keys --defaults` prints one to begin with";
            reading.problem(error.span(), message, help);
        }
    }
    reading.lead_out();
    reading.settle_conflicts();
    let mut keymap = Keymap::default();
    for line in &reading.lines {
        keymap.set(line.at, line.keys.clone());
    }
    let mut problems = reading.problems;
    problems.sort_by_key(|problem| (problem.line, problem.column));
    KeyFile { keymap, problems }
}

/// A problem was told.
struct Told;

/// A line of the file that can be put in force.
struct Line {
    /// Place in the table.
    at: usize,
    keys: Vec<Key>,
    span: Option<Range<usize>>,
}

struct Reading<'a> {
    text: &'a str,
    file: &'a Path,
    lines: Vec<Line>,
    problems: Vec<Problem>,
}

impl Reading<'_> {
    fn problem(&mut self, span: Option<Range<usize>>, message: impl Into<String>, help: impl Into<String>) {
        let before = self.text.get(..span.map_or(0, |span| span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let (message, help) = (message.into(), help.into());
        self.problems.push(Problem { file: self.file.to_owned(), line, column, message, help });
    }

    fn document(&mut self, document: &Document<&str>) {
        for (name, item) in document.iter() {
            let span = document.get_key_value(name).and_then(|(key, _)| key.span());
            match item.as_table_like() {
                Some(keys) if name == "keys" => {
                    for (id, item) in keys.iter() {
                        let span = keys.get_key_value(id).and_then(|(key, _)| key.span());
                        self.line(id, span, item);
                    }
                }
                _ if name == "keys" => {
                    self.problem(span, "`keys` is no table", "begin the keys with a line `[keys]`");
                }
                _ if TABLE.iter().any(|line| line.id == name) => {
                    self.problem(
                        span,
                        format!("`{name}` stands outside `[keys]`"),
                        "move it below a line `[keys]`",
                    );
                }
                _ => {
                    self.problem(
                        span,
                        format!("unknown name `{}`", short(name)),
                        "all keys stand below `[keys]`",
                    );
                }
            }
        }
    }

    /// `run = ["r", "f5"]`
    fn line(&mut self, id: &str, span: Option<Range<usize>>, item: &Item) {
        let Some(at) = TABLE.iter().position(|line| line.id == id) else {
            let help = match near(id) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "`skilldeck keys` lists the actions".to_owned(),
            };
            self.problem(span, format!("unknown action `{}`", short(id)), help);
            return;
        };
        let values: Vec<&Value> = match item.as_value() {
            Some(Value::Array(values)) => values.iter().collect(),
            Some(value) => vec![value],
            None => {
                self.problem(
                    span,
                    format!("`{id}` has no keys"),
                    "write them as [\"r\", \"f5\"], or \"none\"",
                );
                return;
            }
        };
        let mut keys = Vec::new();
        for value in values {
            match self.key(value) {
                Ok(Some(key)) if !keys.contains(&key) => keys.push(key),
                Ok(_) => {}
                // What is left would not be what was meant.
                Err(Told) => return,
            }
        }
        self.lines.push(Line { at, keys, span });
    }

    /// A key, or none for `none`. What is no key is told here.
    fn key(&mut self, value: &Value) -> Result<Option<Key>, Told> {
        let Some(text) = value.as_str() else {
            self.problem(value.span(), "a key is written as text", "write \"r\", \"f5\" or \"ctrl-d\"");
            return Err(Told);
        };
        if text == "none" {
            return Ok(None);
        }
        let Some(key) = Key::parse(text) else {
            let message = format!("`{}` is no key", short(text));
            self.problem(
                value.span(),
                message,
                "write one like r, G, f5, ctrl-d, alt-x, shift-tab, space, pageup",
            );
            return Err(Told);
        };
        if let Some(same) = key.same_as() {
            let message = format!("most terminals send the same for `{}` and {same}", key.name());
            self.problem(value.span(), message, format!("write \"{}\", or choose another key", same.name()));
            return Err(Told);
        }
        Ok(Some(key))
    }

    /// A way out of the workbench has to stay.
    fn lead_out(&mut self) {
        let is_out = |line: &Line| WAYS_OUT.contains(&TABLE[line.at].command);
        let shut = self.lines.iter().filter(|line| is_out(line) && line.keys.is_empty());
        let spans: Vec<_> = shut.map(|line| line.span.clone()).collect();
        if spans.len() < WAYS_OUT.len() {
            return;
        }
        self.lines.retain(|line| !is_out(line));
        self.problem(
            spans.into_iter().flatten().max_by_key(|span| span.start),
            "no key would leave the workbench",
            "give `quit` or `interrupt` one",
        );
    }

    /// Leave out lines whose key has another meaning in the same scope, until none is left: a line that is left out
    /// gives its action the default keys again, which may be taken.
    fn settle_conflicts(&mut self) {
        while let Some((line, key, other)) = self.conflict() {
            let Line { at, span, .. } = self.lines.remove(line);
            let (id, other) = (TABLE[at].id, TABLE[other].id);
            let message = format!("`{}` would mean both `{id}` and `{other}`", key.name());
            self.problem(span, message, format!("give one of them another key, or `{other} = \"none\"`"));
        }
    }

    /// The last line of the file with a key that is taken: by which action.
    fn conflict(&self) -> Option<(usize, Key, usize)> {
        let keys = |at: usize| match self.lines.iter().find(|line| line.at == at) {
            Some(line) => line.keys.clone(),
            None => super::in_force::defaults(&TABLE[at]),
        };
        self.lines.iter().enumerate().rev().find_map(|(index, line)| {
            let others =
                (0..TABLE.len()).filter(|at| *at != line.at && TABLE[*at].scope == TABLE[line.at].scope);
            others.into_iter().find_map(|other| {
                let taken = keys(other);
                let key = line.keys.iter().find(|key| taken.contains(key))?;
                Some((index, *key, other))
            })
        })
    }
}

/// The action that was meant: a few letters apart, or the same letters in another order.
fn near(id: &str) -> Option<&'static str> {
    let letters = |text: &str| {
        let mut letters: Vec<char> = text.chars().collect();
        letters.sort_unstable();
        letters
    };
    let ids = || TABLE.iter().map(|line| line.id);
    ids().find(|known| letters(known) == letters(id)).or_else(|| did_you_mean(id, ids()))
}

/// Foreign text in a message.
fn short(text: &str) -> String {
    text.chars().take(40).collect()
}
