//! Options and arguments of click; typer's are built on them.

use serde_json::Value as Json;
use tree_sitter::Node;

use super::super::{How, Kind, Many, Parameter};
use super::calls::{Arguments, Keyword, keyword};
use super::classes::last;
use super::click::Item;
use super::help::tidy;
use super::interpret::Interpreter;
use super::tree::typed;
use super::value::Value;

/// The names in front of an option: `"-s", "--shout/--quiet", "name"`.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Name of the variable, when it is given.
    pub(super) variable: Option<String>,
    on: Vec<String>,
    off: Vec<String>,
}

impl Names {
    pub(super) fn of<'n>(written: impl Iterator<Item = &'n str>) -> Self {
        let mut names = Names::default();
        for name in written {
            if !name.starts_with(['-', '+', '/']) && !name.contains(['-', '/']) && !name.starts_with(' ') {
                names.variable = Some(name.to_owned());
                continue;
            }
            let sign = if name.starts_with('/') { ';' } else { '/' };
            let (on, off) = name.split_once(sign).map_or((name, None), |(on, off)| (on, Some(off)));
            names.on.extend(Some(on.trim().to_owned()).filter(|on| !on.is_empty()));
            names.off.extend(off.map(|off| off.trim().to_owned()).filter(|off| !off.is_empty()));
        }
        names
    }

    pub(super) fn is_empty(&self) -> bool {
        self.on.is_empty() && self.off.is_empty()
    }

    fn best(names: &[String]) -> Option<&String> {
        names.iter().find(|name| name.starts_with("--")).or(names.first())
    }

    pub(super) fn on(&self) -> Option<&String> {
        Self::best(&self.on)
    }

    pub(super) fn off(&self) -> Option<&String> {
        Self::best(&self.off)
    }

    /// The variable that click makes of the names.
    fn name(&self) -> Option<String> {
        self.variable
            .clone()
            .or_else(|| Some(self.on()?.trim_start_matches('-').replace('-', "_").to_lowercase()))
    }
}

/// A type of click: kind, choices, and how many values it takes together.
pub(super) struct Shape {
    pub(super) kind: Kind,
    pub(super) choices: Vec<Json>,
    pub(super) together: Option<usize>,
}

impl Shape {
    pub(super) fn of(kind: Kind) -> Self {
        Self { kind, choices: Vec::new(), together: None }
    }
}

fn flag(keywords: &[Keyword<'_>], name: &str) -> bool {
    keyword(keywords, name).and_then(Value::as_bool) == Some(true)
}

/// Help, and the environment variable that gives the value otherwise.
pub(super) fn help_of(keywords: &[Keyword<'_>]) -> String {
    let help =
        keyword(keywords, "help").and_then(Value::as_str).map(super::click::paragraph).unwrap_or_default();
    let variable = match keyword(keywords, "envvar") {
        Some(Value::List(names)) => names.items.first().and_then(Value::as_str),
        other => other.and_then(Value::as_str),
    };
    match variable {
        Some(variable) => tidy(&format!("{help} (environment: {variable})")),
        None => help,
    }
}

/// A prompt would wait for an answer that nobody gives.
pub(super) fn asks(keywords: &[Keyword<'_>]) -> bool {
    let prompts = keyword(keywords, "prompt").is_some_and(|prompt| prompt.truth() == Some(true));
    prompts && keyword(keywords, "prompt_required").and_then(Value::as_bool) != Some(false)
}

impl Parameter {
    pub(super) fn make_flag(&mut self, help: &str) {
        if let Some(option) = self.how.option() {
            self.how = How::Flag(option.to_owned(), true);
        }
        self.kind = Kind::Boolean;
        self.required = false;
        self.default = Some(false.into());
        if self.help.is_empty() {
            help.clone_into(&mut self.help);
        }
    }
}

impl<'t> Interpreter<'t> {
    pub(super) fn click_option(&mut self, arguments: &Arguments<'t>, node: Node<'t>) -> Option<Parameter> {
        let keywords = &arguments.keywords;
        let names = Names::of(arguments.positional.iter().filter_map(Value::as_str));
        if flag(keywords, "hidden") {
            return None;
        }
        let default = keyword(keywords, "default");
        let option = names.on()?.clone();
        let shape = self.shape(keyword(keywords, "type"), default);
        let is_flag = keyword(keywords, "is_flag").and_then(Value::as_bool);
        let is_flag = is_flag.unwrap_or(names.off().is_some() || keyword(keywords, "flag_value").is_some());
        let nargs = keyword(keywords, "nargs").and_then(Value::as_int).and_then(|n| usize::try_from(n).ok());
        let together = nargs.or(shape.together).filter(|n| *n > 1).map(|n| Many { least: n, most: Some(n) });
        let multiple = flag(keywords, "multiple");
        let how = match (is_flag, names.off()) {
            (true, Some(off)) => How::OnOff(option, off.clone()),
            (true, None) => How::Flag(option, true),
            _ if flag(keywords, "count") => How::Count(option),
            _ => match (multiple, together) {
                (true, Some(many)) => How::RepeatedList(option, many),
                (true, None) => How::Repeated(option),
                _ => How::Option(option),
            },
        };
        let mut default = Self::json(default).map(|value| typed(value, shape.kind));
        let kind = match &how {
            How::Flag(..) | How::OnOff(..) => {
                default = default.filter(Json::is_boolean).or(Some(false.into()));
                Kind::Boolean
            }
            How::Count(_) => {
                default = default.or(Some(0.into()));
                Kind::Integer
            }
            _ => shape.kind,
        };
        let many = if multiple && !is_flag { Some(Many { least: 0, most: None }) } else { together };
        Some(Parameter {
            name: names.name()?,
            help: help_of(keywords),
            kind,
            choices: shape.choices,
            required: flag(keywords, "required") || (default.is_none() && asks(keywords)),
            default,
            how,
            many,
            exclusive: None,
            depth: 0,
            line: node.start_position().row + 1,
        })
    }

    pub(super) fn click_argument(&mut self, arguments: &Arguments<'t>, node: Node<'t>) -> Option<Parameter> {
        let keywords = &arguments.keywords;
        let name = arguments.positional.first()?.as_str()?.replace('-', "_").to_lowercase();
        let default = keyword(keywords, "default").filter(|default| !default.is_none());
        let shape = self.shape(keyword(keywords, "type"), default);
        let nargs = keyword(keywords, "nargs").and_then(Value::as_int);
        let needed = keyword(keywords, "required").and_then(Value::as_bool);
        let required = needed.unwrap_or(default.is_none() && nargs != Some(-1));
        let many = match nargs.or(shape.together.map(|n| n as i64)) {
            Some(-1) => Some(Many { least: usize::from(required), most: None }),
            Some(n) if n > 1 => usize::try_from(n).ok().map(|n| Many { least: n, most: Some(n) }),
            _ => None,
        };
        Some(Parameter {
            name,
            help: help_of(keywords),
            kind: shape.kind,
            choices: shape.choices,
            default: Self::json(default).map(|value| typed(value, shape.kind)),
            required,
            how: How::Positional,
            many,
            exclusive: None,
            depth: 0,
            line: node.start_position().row + 1,
        })
    }

    /// What a type takes; without one the default tells.
    fn shape(&mut self, given: Option<&Value<'t>>, default: Option<&Value<'t>>) -> Shape {
        let Some(given) = given.filter(|given| !given.is_none()) else {
            let kind = |json: &Json| match json {
                Json::Bool(_) => Kind::Boolean,
                Json::Number(number) if number.is_f64() => Kind::Number,
                Json::Number(_) => Kind::Integer,
                _ => Kind::Text,
            };
            return match Self::json(default) {
                Some(Json::Array(items)) => Shape::of(items.first().map_or(Kind::Text, kind)),
                Some(json) => Shape::of(kind(&json)),
                None => Shape::of(Kind::Text),
            };
        };
        if let Some(Item::Type { kind, choices }) = self.click_item(given) {
            return Shape { kind: *kind, choices: choices.clone(), together: None };
        }
        match given {
            Value::Name(name) => Shape::of(match last(name) {
                "int" | "INT" => Kind::Integer,
                "float" | "FLOAT" => Kind::Number,
                "bool" | "BOOL" => Kind::Boolean,
                _ => Kind::Text,
            }),
            Value::List(types) => {
                let kinds: Vec<Kind> =
                    types.items.iter().map(|kind| self.shape(Some(kind), None).kind).collect();
                let first = kinds.first().copied().unwrap_or(Kind::Text);
                let kind = if kinds.iter().all(|kind| *kind == first) { first } else { Kind::Text };
                Shape { kind, choices: Vec::new(), together: Some(kinds.len()) }
            }
            other => Shape::of(self.kind(Some(other), &[])),
        }
    }
}
