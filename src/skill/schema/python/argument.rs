//! `add_argument(…)` of argparse: from a call to a parameter.

use serde_json::Value as Json;
use tree_sitter::Node;

use super::super::{How, Kind, Many, Parameter};
use super::calls::{Arguments, Keyword, keyword};
use super::classes::last;
use super::help::{Facts, expand, tidy};
use super::interpret::Interpreter;
use super::tree::typed;
use super::value::Value;

/// Most choices that are kept.
const MAX_CHOICES: usize = 500;

impl<'t> Interpreter<'t> {
    /// `node` is the call.
    pub(super) fn add_argument(
        &mut self,
        node: Node<'t>,
        parser: usize,
        group: Option<usize>,
        arguments: &Arguments<'t>,
    ) {
        let names: Vec<&str> = arguments.positional.iter().filter_map(Value::as_str).collect();
        // A name that is not known cannot be called.
        if names.len() < arguments.positional.len() {
            return;
        }
        if let Some(parameter) = self.argument(node, parser, &names, &arguments.keywords) {
            self.tree.add(parser, group, parameter);
        }
    }

    /// What the action does: one of argparse's own, by name; whether it takes no value.
    fn action(&self, keywords: &[Keyword<'t>]) -> (String, bool) {
        match keyword(keywords, "action") {
            Some(Value::Json(Json::String(action))) => (action.clone(), false),
            Some(Value::Name(name)) => (own_action(name).to_owned(), false),
            Some(Value::Class(class)) => {
                let bases = self.foreign_bases(*class);
                let own = bases.iter().map(|base| own_action(base)).find(|base| *base != "Action");
                let text: String = self.text(self.classes.all[*class].node).replace(' ', "");
                let alone = text.contains("nargs=0")
                    || text.contains("[\"nargs\"]=0")
                    || text.contains("['nargs']=0");
                (own.unwrap_or("store").to_owned(), alone)
            }
            _ => ("store".to_owned(), false),
        }
    }

    fn argument(
        &mut self,
        node: Node<'t>,
        parser: usize,
        names: &[&str],
        keywords: &[Keyword<'t>],
    ) -> Option<Parameter> {
        let (action, alone) = self.action(keywords);
        if matches!(action.as_str(), "help" | "version") {
            return None;
        }
        // Hidden on purpose.
        let help = keyword(keywords, "help");
        if help.and_then(Value::as_name).is_some_and(|name| name.ends_with("SUPPRESS")) {
            return None;
        }
        let prefix: Vec<char> = self.tree.model(parser).prefix.chars().collect();
        let long = |name: &&&str| {
            name.starts_with(&prefix[..]) && name.chars().nth(1).is_some_and(|c| prefix.contains(&c))
        };
        let option = names.iter().find(long).or(names.first()).copied();
        let positional = option.is_none_or(|name| !name.starts_with(&prefix[..]));
        let dest = keyword(keywords, "dest").and_then(Value::as_str).map(str::to_owned);
        let written = option.map(str::to_owned).or_else(|| dest.clone())?;
        let bare = || written.trim_start_matches(&prefix[..]).replace('-', "_");
        let name = dest.unwrap_or_else(|| if positional { written.clone() } else { bare() });
        let converter = keyword(keywords, "type").cloned();
        let choices = self.choices(keyword(keywords, "choices"), converter.as_ref());
        let nargs = nargs(keyword(keywords, "nargs"));
        let mut kind = self.kind(converter.as_ref(), &choices);
        let how = match action.as_str() {
            "store_true" | "store_const" | "append_const" => How::Flag(written, true),
            "store_false" => How::Flag(written, false),
            "BooleanOptionalAction" => {
                let off = format!("--no-{}", written.trim_start_matches('-'));
                How::OnOff(written, off)
            }
            "count" => How::Count(written),
            _ if alone && !positional => How::Flag(written, true),
            "append" if !positional => match nargs.many {
                Some(many) => How::RepeatedList(written, many),
                None => How::Repeated(written),
            },
            "extend" if nargs.many.is_none() && !positional => How::Repeated(written),
            _ if positional && nargs.rest => How::Rest,
            _ if positional => How::Positional,
            _ => How::Option(written),
        };
        kind = match &how {
            How::Flag(..) | How::OnOff(..) => Kind::Boolean,
            How::Count(_) => Kind::Integer,
            _ => kind,
        };
        let given = keyword(keywords, "default").cloned();
        let fallback = || self.tree.default_of(parser, &name).map(Value::Json);
        let raw = given.clone().or_else(fallback).unwrap_or(match &how {
            How::Flag(_, value) if action.starts_with("store_t") || action.starts_with("store_f") => {
                Value::Json((!value).into())
            }
            _ => Value::NONE,
        });
        let mut default = Self::json(Some(&raw)).map(|value| typed(value, kind));
        if let How::Flag(_, value) = &how {
            default = default.filter(Json::is_boolean).or(Some(Json::Bool(!value)));
        }
        let many = match &how {
            How::Flag(..) | How::OnOff(..) | How::Count(_) => None,
            How::Repeated(_) | How::RepeatedList(..) => Some(Many { least: 0, most: None }),
            _ => nargs.many,
        };
        let required = match &how {
            How::Positional | How::Rest => !nargs.optional,
            _ => keyword(keywords, "required").and_then(Value::as_bool).unwrap_or(false),
        };
        let written_default = keywords.iter().find(|keyword| keyword.name == "default");
        let help = help.and_then(Value::as_str).map(tidy).map(|help| {
            let facts = Facts {
                default: raw.clone(),
                default_text: written_default
                    .and_then(|keyword| keyword.node)
                    .map_or("…", |node| self.text(node)),
                program: self.tree.program(parser),
                dest: &name,
                choices: &choices,
                given: &|name| keyword(keywords, name).cloned().unwrap_or(Value::NONE),
            };
            tidy(&expand(&help, &facts))
        });
        let mut help = help.unwrap_or_default();
        let has_some = default.as_ref().and_then(Json::as_array).is_some_and(|list| !list.is_empty());
        if matches!(action.as_str(), "append" | "extend") && has_some {
            help.push_str(" (added to the default)");
            help = tidy(&help);
        }
        let line = node.start_position().row + 1;
        Some(Parameter {
            help,
            name,
            kind,
            choices,
            default,
            required,
            how,
            many,
            exclusive: None,
            depth: 0,
            line,
        })
    }

    /// Known choices, as they are written on the command line. An enumeration as the type gives its values.
    pub(super) fn choices(&self, choices: Option<&Value<'t>>, converter: Option<&Value<'t>>) -> Vec<Json> {
        let items = match (choices, converter) {
            (Some(choices), _) => self.items(choices),
            (None, Some(Value::Class(class))) => self.classes.all[*class].members.clone(),
            _ => None,
        };
        // `type=lambda text: Mode[text]` takes names.
        let by_name = |class: usize| match converter {
            Some(Value::Function(node, _)) => {
                let text = self.text(*node);
                text.contains(&format!("{}[", self.classes.all[class].name))
            }
            _ => false,
        };
        let one = |item: &Value<'t>| match item {
            Value::Member(member) if by_name(member.class) => Some(Json::String(member.name.clone())),
            other => other.to_json(),
        };
        let items = items.unwrap_or_default();
        items.iter().take(MAX_CHOICES).map(one).collect::<Option<Vec<_>>>().unwrap_or_default()
    }
}

/// `argparse._StoreTrueAction` is `store_true`.
fn own_action(name: &str) -> &str {
    match last(name) {
        "_StoreTrueAction" => "store_true",
        "_StoreFalseAction" => "store_false",
        "_StoreConstAction" => "store_const",
        "_AppendAction" => "append",
        "_AppendConstAction" => "append_const",
        "_CountAction" => "count",
        "_ExtendAction" => "extend",
        "_HelpAction" => "help",
        "_VersionAction" => "version",
        "_StoreAction" => "store",
        other => other,
    }
}

struct Nargs {
    many: Option<Many>,
    optional: bool,
    /// `REMAINDER`
    rest: bool,
}

fn nargs(value: Option<&Value<'_>>) -> Nargs {
    let list = |least, most, optional| Nargs { many: Some(Many { least, most }), optional, rest: false };
    let sign = match value {
        Some(Value::Json(Json::Number(number))) => {
            let count = number.as_u64().unwrap_or(1).min(1000) as usize;
            return list(count, Some(count), false);
        }
        Some(Value::Json(Json::String(text))) => text.as_str(),
        Some(Value::Name(name)) => match last(name) {
            "REMAINDER" => "...",
            "ZERO_OR_MORE" => "*",
            "ONE_OR_MORE" => "+",
            "OPTIONAL" => "?",
            "PARSER" => "A...",
            _ => "",
        },
        _ => "",
    };
    match sign {
        "?" => Nargs { many: None, optional: true, rest: false },
        "*" => list(0, None, true),
        "..." => Nargs { rest: true, ..list(0, None, true) },
        "+" | "A..." => list(1, None, false),
        _ => Nargs { many: None, optional: false, rest: false },
    }
}
