//! The fields of one tool together: the input object that they mean, and the run that it makes.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Field, Problem, RunInput};
use crate::skill::{Entry, Language, schema};

/// Most of standard input that is shown behind a command line.
const MAX_SHOWN: usize = 2000;
/// Stands for what must not be read over a shoulder.
const HIDDEN: &str = "***";

/// The fields of one tool.
#[derive(Debug, Clone)]
pub struct Draft {
    pub tool: Arc<schema::Tool>,
    pub fields: Vec<Field>,
    /// Keys that only JSON gave.
    pub extra: Map<String, Value>,
}

impl Draft {
    pub(super) fn new(tool: Arc<schema::Tool>) -> Self {
        let schema = tool.schema();
        let properties = schema["properties"].as_object().into_iter().flatten();
        let fields = properties.map(|(name, property)| Field::new(name, property, &schema)).collect();
        Self { tool, fields, extra: Map::new() }
    }

    /// The subcommand, as it is typed.
    pub fn title(&self) -> String {
        if self.tool.subcommand.is_empty() { self.tool.name.clone() } else { self.tool.subcommand.join(" ") }
    }

    pub(super) fn take_over(&mut self, before: &Self) {
        for field in &mut self.fields {
            let Some(old) = before.fields.iter().find(|old| old.name == field.name) else { continue };
            let kept = if old.kind == field.kind {
                field.entered = old.entered.clone();
                true
            } else {
                old.value().and_then(Result::ok).is_some_and(|value| field.set(&value))
            };
            field.touched = old.touched && kept;
        }
        self.extra.clone_from(&before.extra);
    }

    /// The input object, and what of it could not be read.
    pub fn value(&self) -> (Value, Vec<Problem>) {
        let (mut object, mut unreadable) = (Map::new(), Vec::new());
        for field in &self.fields {
            match field.value() {
                None => {}
                Some(Ok(value)) => {
                    object.insert(field.name.clone(), value);
                }
                Some(Err(text)) => {
                    let name = field.name.replace('~', "~0").replace('/', "~1");
                    unreadable.push(Problem { pointer: format!("/{name}"), text, place: None });
                }
            }
        }
        for (key, value) in &self.extra {
            object.entry(key.clone()).or_insert_with(|| value.clone());
        }
        (Value::Object(object), unreadable)
    }

    /// Enter all of an object. The names of what no field can say.
    pub(super) fn set(&mut self, mut object: Map<String, Value>) -> Vec<String> {
        let mut left_out = Vec::new();
        for field in &mut self.fields {
            let value = object.shift_remove(&field.name);
            if field.value().and_then(Result::ok) == value {
                continue;
            }
            field.clear();
            field.touched = true;
            match value {
                None => {}
                Some(value) if field.set(&value) => {}
                // Null says that an optional property is not there.
                Some(Value::Null) if !field.required => {}
                Some(_) => left_out.push(field.name.clone()),
            }
        }
        self.extra = object;
        left_out
    }

    /// The input of a run, with its words for the screen.
    pub(super) fn input(&self, call: schema::Invocation, value: &Value) -> RunInput {
        let secret = |field: &&Field| field.secret;
        let texts = |field: &Field| match &value[&field.name] {
            Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            Value::String(text) => vec![text.clone()],
            _ => Vec::new(),
        };
        let secrets: Vec<String> =
            self.fields.iter().filter(secret).flat_map(texts).filter(|text| !text.is_empty()).collect();
        let stdin = match serde_json::from_slice::<Value>(&call.stdin) {
            Ok(Value::Object(mut object)) if !secrets.is_empty() => {
                for field in self.fields.iter().filter(secret) {
                    object.entry(field.name.clone()).and_modify(|value| *value = HIDDEN.into());
                }
                Value::Object(object).to_string()
            }
            _ => String::from_utf8_lossy(&call.stdin).into_owned(),
        };
        let end = stdin.floor_char_boundary(MAX_SHOWN);
        let more = if end < stdin.len() { "..." } else { "" };
        let shown = shell(&call.argv, &stdin[..end], &secrets) + more;
        RunInput { arguments: call.argv, stdin: call.stdin, shown }
    }

    /// Secrets were entered.
    pub fn has_secret(&self) -> bool {
        self.fields.iter().any(|field| field.secret && field.value().is_some())
    }
}

pub(super) fn quoted(word: &str) -> String {
    shlex::try_quote(word).map_or_else(|_| word.replace('\0', "\\0"), std::borrow::Cow::into_owned)
}

/// Arguments and standard input as a shell takes them.
pub(super) fn shell(arguments: &[String], stdin: &str, secrets: &[String]) -> String {
    let word = |argument: &String| match secrets.iter().find(|secret| ends_in(argument, secret)) {
        Some(secret) => format!("{}{HIDDEN}", &argument[..argument.len() - secret.len()]),
        None => quoted(argument),
    };
    let mut words: Vec<String> = arguments.iter().map(word).collect();
    if !stdin.is_empty() {
        words.push(format!("<<< {}", quoted(stdin)));
    }
    words.join(" ")
}

/// The argument is this value, or an option joined to it: `--name=value`, `-nvalue`.
fn ends_in(argument: &str, value: &str) -> bool {
    let Some(option) = argument.strip_suffix(value) else { return false };
    let short = option.len() == 2 && option.starts_with('-');
    option.is_empty() || short || (option.starts_with("--") && option.ends_with('='))
}

/// The words before the arguments: interpreter and script, as one types them in the skill's folder.
pub fn command(entry: &Entry) -> String {
    let mut words = Vec::new();
    if entry.interpreter.language != Language::Native {
        let program = entry.interpreter.program.as_deref().and_then(Path::file_name);
        let name = program.map(|name| name.to_string_lossy().into_owned());
        words.push(name.unwrap_or_else(|| entry.interpreter.language.name().to_owned()));
        words.extend(entry.interpreter.arguments.iter().cloned());
    }
    words.push(entry.file.display().to_string());
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}
