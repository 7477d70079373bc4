//! Parsers as the script builds them, and the commands that come out.

use serde_json::Value as Json;

use super::super::{Command, How, Kind, Many, Parameter};
use super::value::Value;

/// Most parsers and arguments that are kept.
const MAX_PARSERS: usize = 256;
const MAX_ARGUMENTS: usize = 1000;
const MAX_HELP: usize = 1000;

/// All parsers of a script.
#[derive(Debug, Default)]
pub(super) struct Parsers {
    all: Vec<ParserModel>,
    arguments: usize,
    groups: Vec<bool>,
}

#[derive(Debug, Default, Clone)]
struct ParserModel {
    description: String,
    /// Name as a subcommand; `None` for one that stands alone.
    word: Option<String>,
    parameters: Vec<Parameter>,
    children: Vec<usize>,
    /// `parse_args` is called on it.
    parses: bool,
    /// Given to others as `parents=`.
    is_parent: bool,
}

/// Keyword arguments of a call.
pub(super) type Keywords<'a, 't> = &'a [(String, Value<'t>)];

fn keyword<'a, 't>(keywords: Keywords<'a, 't>, name: &str) -> Option<&'a Value<'t>> {
    keywords.iter().find(|(key, _)| key == name).map(|(_, value)| value)
}

fn text_of(keywords: Keywords<'_, '_>, name: &str) -> Option<String> {
    keyword(keywords, name).and_then(Value::as_str).map(tidy)
}

/// Help on one line, of bounded length.
pub(super) fn tidy(text: &str) -> String {
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if joined.chars().nth(MAX_HELP).is_none() {
        return joined;
    }
    joined.chars().take(MAX_HELP).chain(['…']).collect()
}

impl Parsers {
    /// `ArgumentParser(…)`, or `add_parser(…)` when there is a word.
    pub(super) fn create(&mut self, word: Option<String>, keywords: Keywords<'_, '_>) -> Option<usize> {
        if self.all.len() >= MAX_PARSERS {
            return None;
        }
        let description = text_of(keywords, "description").or_else(|| text_of(keywords, "help"));
        let mut model =
            ParserModel { description: description.unwrap_or_default(), word, ..ParserModel::default() };
        for parent in keyword(keywords, "parents").and_then(Value::items).unwrap_or_default() {
            if let Value::Parser(parent) = parent {
                self.all[parent].is_parent = true;
                model.parameters.extend(self.all[parent].parameters.iter().cloned());
            }
        }
        self.all.push(model);
        Some(self.all.len() - 1)
    }

    pub(super) fn add_child(
        &mut self,
        parser: usize,
        word: &str,
        keywords: Keywords<'_, '_>,
    ) -> Option<usize> {
        let child = self.create(Some(word.to_owned()), keywords)?;
        self.all[parser].children.push(child);
        Some(child)
    }

    pub(super) fn new_group(&mut self, keywords: Keywords<'_, '_>) -> usize {
        self.groups.push(keyword(keywords, "required").and_then(Value::as_bool).unwrap_or(false));
        self.groups.len() - 1
    }

    pub(super) fn parses(&mut self, parser: usize) {
        self.all[parser].parses = true;
    }

    pub(super) fn set_defaults(&mut self, parser: usize, keywords: Keywords<'_, '_>) {
        for (name, value) in keywords {
            let found = self.all[parser].parameters.iter_mut().find(|parameter| parameter.name == *name);
            if let (Some(parameter), Some(value)) = (found, value.to_json()) {
                parameter.default = Some(value).filter(|value| !value.is_null());
            }
        }
    }

    /// `add_argument(names…, keywords…)`. `custom` is the kind that a converter function of the script has.
    pub(super) fn add_argument(
        &mut self,
        parser: usize,
        group: Option<usize>,
        names: &[&str],
        keywords: Keywords<'_, '_>,
        custom: Option<Kind>,
        line: usize,
    ) {
        if self.arguments >= MAX_ARGUMENTS {
            return;
        }
        let exclusive = group.map(|group| (group, self.groups.get(group).copied().unwrap_or(false)));
        if let Some(mut parameter) = parameter(names, keywords, custom, line) {
            self.arguments += 1;
            parameter.exclusive = exclusive;
            if exclusive.is_some() {
                parameter.required = false;
            }
            self.all[parser].parameters.push(parameter);
        }
    }

    /// Description of the main parser, and its command lines: one for each subcommand that has none below, or one
    /// without words.
    pub(super) fn commands(&self) -> Option<(String, Vec<Command>)> {
        let stands_alone = |model: &&ParserModel| model.word.is_none() && !model.is_parent;
        let mut candidates = self.all.iter().filter(stands_alone);
        let main =
            self.all.iter().filter(stands_alone).find(|model| model.parses).or_else(|| candidates.next())?;
        let mut commands = Vec::new();
        self.collect(main, &[], &[], 0, &mut commands);
        Some((main.description.clone(), commands))
    }

    fn collect(
        &self,
        model: &ParserModel,
        words: &[String],
        above: &[Parameter],
        depth: usize,
        out: &mut Vec<Command>,
    ) {
        let mut parameters = above.to_vec();
        for parameter in &model.parameters {
            let mut parameter = parameter.clone();
            // A parent's option may be given again: the later one counts. Two options that set one variable
            // (`--indent N`, `--no-indent`) are two properties, the second under its own name.
            parameters
                .retain(|known| known.name != parameter.name || known.how.option() != parameter.how.option());
            if let Some(option) = parameter.how.option()
                && parameters.iter().any(|known| known.name == parameter.name)
            {
                parameter.name = option.trim_start_matches('-').replace('-', "_");
                parameters.retain(|known| known.name != parameter.name);
            }
            parameters.push(parameter);
        }
        if model.children.is_empty() {
            let description = if words.is_empty() { String::new() } else { model.description.clone() };
            out.push(Command { words: words.to_vec(), description, parameters });
            return;
        }
        if depth >= 4 {
            return;
        }
        for parameter in &mut parameters {
            parameter.global = true;
        }
        for child in model.children.iter().filter_map(|child| self.all.get(*child)) {
            let word = child.word.clone().unwrap_or_default();
            let words: Vec<String> = words.iter().cloned().chain([word]).collect();
            self.collect(child, &words, &parameters, depth + 1, out);
        }
    }
}

fn parameter(
    names: &[&str],
    keywords: Keywords<'_, '_>,
    custom: Option<Kind>,
    line: usize,
) -> Option<Parameter> {
    let action = match keyword(keywords, "action") {
        Some(Value::Json(Json::String(action))) => action.clone(),
        Some(Value::Name(name)) => name.rsplit('.').next().unwrap_or_default().to_owned(),
        _ => "store".to_owned(),
    };
    if matches!(action.as_str(), "help" | "version") {
        return None;
    }
    let option = names.iter().find(|name| name.starts_with("--")).or(names.first()).copied();
    let positional = option.is_none_or(|name| !name.starts_with('-'));
    let dest = text_of(keywords, "dest");
    let written = option.map(str::to_owned).or_else(|| dest.clone())?;
    let name = dest.unwrap_or_else(|| written.trim_start_matches('-').replace('-', "_"));
    let choices = choices(keywords);
    let mut kind = kind_of(keyword(keywords, "type"), custom, &choices);
    let nargs = nargs(keyword(keywords, "nargs"));
    let default = keyword(keywords, "default");
    let mut default_json = default.and_then(Value::to_json).filter(|value| !value.is_null());
    let how = match action.as_str() {
        "store_true" | "store_const" | "append_const" => How::Flag(written, true),
        "store_false" => How::Flag(written, false),
        "BooleanOptionalAction" => How::OnOff(written),
        "count" => How::Count(written),
        "append" => How::Repeated(written),
        _ if positional && nargs.rest => How::Rest,
        _ if positional => How::Positional,
        _ => How::Option(written),
    };
    let mut many = nargs.many;
    match &how {
        How::Flag(_, value) => {
            kind = Kind::Boolean;
            default_json = default_json.filter(Json::is_boolean).or(Some(Json::Bool(!value)));
            many = None;
        }
        How::OnOff(_) => kind = Kind::Boolean,
        How::Count(_) => kind = Kind::Integer,
        How::Repeated(_) => many = Some(Many { least: 0, most: None }),
        How::Option(_) if action == "extend" => many = many.or(Some(Many { least: 1, most: None })),
        _ => {}
    }
    let required = match &how {
        How::Positional | How::Rest => !nargs.optional,
        _ => keyword(keywords, "required").and_then(Value::as_bool).unwrap_or(false),
    };
    let help = match keyword(keywords, "help") {
        // Hidden on purpose.
        Some(Value::Name(name)) if name.ends_with("SUPPRESS") => return None,
        Some(value) => value.as_str().map(|help| expand(&tidy(help), default_json.as_ref(), &name)),
        None => None,
    };
    let added = action == "append"
        && default_json.as_ref().and_then(Json::as_array).is_some_and(|list| !list.is_empty());
    let help = help.unwrap_or_default();
    let help = if added { format!("{help} (added to the default)").trim().to_owned() } else { help };
    Some(Parameter {
        help,
        name,
        kind,
        choices,
        default: default_json,
        required,
        how,
        many,
        exclusive: None,
        global: false,
        line,
    })
}

/// Known choices, bounded.
fn choices(keywords: Keywords<'_, '_>) -> Vec<Json> {
    let items = keyword(keywords, "choices").and_then(Value::items).unwrap_or_default();
    let known: Option<Vec<Json>> = items.iter().take(200).map(Value::to_json).collect();
    known.unwrap_or_default()
}

fn kind_of(converter: Option<&Value<'_>>, custom: Option<Kind>, choices: &[Json]) -> Kind {
    if let Some(Value::Name(name)) = converter {
        return match name.as_str() {
            "int" => Kind::Integer,
            "float" | "decimal.Decimal" | "Decimal" => Kind::Number,
            "json.loads" => Kind::Json,
            _ => Kind::Text,
        };
    }
    match custom {
        Some(kind) => kind,
        None if converter.is_none() && !choices.is_empty() && choices.iter().all(Json::is_i64) => {
            Kind::Integer
        }
        None => Kind::Text,
    }
}

struct Nargs {
    many: Option<Many>,
    optional: bool,
    rest: bool,
}

fn nargs(value: Option<&Value<'_>>) -> Nargs {
    let list = |least, most, optional| Nargs { many: Some(Many { least, most }), optional, rest: false };
    let rest = || Nargs { rest: true, ..list(0, None, true) };
    match value {
        Some(Value::Json(Json::Number(number))) => {
            let count = number.as_u64().unwrap_or(1).min(1000) as usize;
            list(count, Some(count), false)
        }
        Some(Value::Json(Json::String(text))) => match text.as_str() {
            "?" => Nargs { many: None, optional: true, rest: false },
            "*" => list(0, None, true),
            "..." => rest(),
            "+" | "A..." => list(1, None, false),
            _ => Nargs { many: None, optional: false, rest: false },
        },
        Some(Value::Name(name)) if name.ends_with("REMAINDER") => rest(),
        Some(Value::Name(name)) if name.ends_with("ZERO_OR_MORE") => list(0, None, true),
        Some(Value::Name(name)) if name.ends_with("ONE_OR_MORE") => list(1, None, false),
        Some(Value::Name(name)) if name.ends_with("OPTIONAL") => {
            Nargs { many: None, optional: true, rest: false }
        }
        _ => Nargs { many: None, optional: false, rest: false },
    }
}

/// `%(default)s` and its like in help texts.
fn expand(help: &str, default: Option<&Json>, dest: &str) -> String {
    let shown = match default {
        Some(Json::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => "none".to_owned(),
    };
    let text = ["s", "d", "r", "f", "i"]
        .iter()
        .fold(help.to_owned(), |text, letter| text.replace(&format!("%(default){letter}"), &shown));
    text.replace("%(dest)s", dest).replace("%(prog)s", "this script").replace("%%", "%")
}
