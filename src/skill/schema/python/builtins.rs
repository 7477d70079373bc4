//! Functions and methods of Python whose result is known.

use serde_json::Value as Json;
use tree_sitter::Node;

use super::calls::{Arguments, Keyword, keyword};
use super::eval::{MAX_ITEMS, MAX_TEXT};
use super::interpret::Interpreter;
use super::text::{display, format};
use super::value::Value;

impl<'t> Interpreter<'t> {
    /// A function by its full name. What is not known is named by its call: `os.getcwd()`.
    pub(super) fn builtin(&mut self, name: &str, arguments: &Arguments<'t>, node: Node<'t>) -> Value<'t> {
        self.known_builtin(name, arguments, node).unwrap_or_else(|| {
            if name.len() < 100 { Value::name(format!("{name}()")) } else { Value::Unknown }
        })
    }

    fn known_builtin(&mut self, name: &str, arguments: &Arguments<'t>, node: Node<'t>) -> Option<Value<'t>> {
        let first = arguments.positional.first();
        let items = |this: &Self| first.and_then(|first| this.items(first));
        Some(match name {
            "list" | "tuple" | "set" | "frozenset" if first.is_none() => Value::list(Vec::new()),
            "list" | "tuple" | "iter" => Value::list(items(self)?),
            "set" | "frozenset" => Value::list(distinct(items(self)?)),
            "collections.OrderedDict" | "dict" => {
                let mut dict = match first {
                    Some(Value::Dict(known)) => known.pairs.clone(),
                    Some(other) => {
                        let pairs = self.items(other)?;
                        pairs.iter().map(|pair| (pair.at(&number(0)), pair.at(&number(1)))).collect()
                    }
                    None => Vec::new(),
                };
                dict.extend(
                    arguments.keywords.iter().map(|k| (Value::text(k.name.clone()), k.value.clone())),
                );
                Value::dict(dict)
            }
            "sorted" => {
                let mut items = items(self)?;
                if keyword(&arguments.keywords, "key").is_none() {
                    items.sort_by(order);
                }
                if keyword(&arguments.keywords, "reverse").and_then(Value::as_bool) == Some(true) {
                    items.reverse();
                }
                Value::list(items)
            }
            "reversed" => Value::list(items(self)?.into_iter().rev().collect()),
            "enumerate" => {
                let from = arguments.get(1, "start").and_then(Value::as_int).unwrap_or(0);
                let pair = |(at, item)| Value::list(vec![number(from.saturating_add(at as i64)), item]);
                Value::list(items(self)?.into_iter().enumerate().map(pair).collect())
            }
            "zip" => {
                let all = arguments.positional.iter().map(|value| self.items(value));
                let all: Vec<Vec<Value<'t>>> = all.collect::<Option<_>>()?;
                let length = all.iter().map(Vec::len).min()?;
                let row = |at: usize| Value::list(all.iter().map(|items| items[at].clone()).collect());
                Value::list((0..length).map(row).collect())
            }
            "map" => {
                let items = arguments.positional.get(1).and_then(|items| self.items(items))?;
                let function = first?.clone();
                let mut out = Vec::new();
                for item in items.into_iter().take(MAX_ITEMS) {
                    out.push(self.apply(&function, Arguments::of(vec![item]), node));
                }
                Value::list(out)
            }
            "range" => range(arguments)?,
            "len" => number(items(self)?.len() as i64),
            "max" | "min" | "sum" => {
                let items =
                    if arguments.positional.len() > 1 { arguments.positional.clone() } else { items(self)? };
                let numbers = items.iter().map(Value::to_json).collect::<Option<Vec<Json>>>()?;
                let whole: Option<Vec<i64>> = numbers.iter().map(Json::as_i64).collect();
                let whole = whole?;
                number(match name {
                    "max" => *whole.iter().max()?,
                    "min" => *whole.iter().min()?,
                    _ => whole.iter().try_fold(0_i64, |sum, more| sum.checked_add(*more))?,
                })
            }
            "str" => Value::text(display(first?)?),
            "repr" => Value::text(super::text::repr(first?)?),
            "int" => match first?.to_json()? {
                Json::String(text) => number(text.trim().parse().ok()?),
                other => number(other.as_i64().or_else(|| other.as_f64().map(|float| float as i64))?),
            },
            "float" => match first?.to_json()? {
                Json::String(text) => Value::Json(Json::from(text.trim().parse::<f64>().ok()?)),
                other => Value::Json(Json::from(other.as_f64()?)),
            },
            "bool" => Value::Json(first?.truth()?.into()),
            "pathlib.Path" | "pathlib.PurePath" | "pathlib.PosixPath" => path(arguments)?,
            "os.path.join" => path(arguments)?,
            "textwrap.dedent" | "inspect.cleandoc" | "typing.cast" | "typing.get_args" => {
                arguments.positional.last()?.clone()
            }
            "collections.namedtuple" => Value::Unknown,
            // The default holds where the variable is not set.
            "os.getenv" | "os.environ.get" => arguments.get(1, "default")?.clone(),
            _ => return None,
        })
    }

    /// Methods of lists and dictionaries. What changes one is carried out on the variable.
    pub(super) fn collection_method(
        &mut self,
        object: Node<'t>,
        target: &Value<'t>,
        name: &str,
        arguments: &Arguments<'t>,
    ) -> Option<Value<'t>> {
        let first = arguments.positional.first();
        match target {
            Value::Dict(dict) => {
                let values = || dict.pairs.iter().map(|(_, value)| value.clone());
                let keys = || dict.pairs.iter().map(|(key, _)| key.clone());
                Some(match name {
                    "keys" => Value::list(keys().collect()),
                    "values" => Value::list(values().collect()),
                    "items" => {
                        Value::list(keys().zip(values()).map(|(k, v)| Value::list(vec![k, v])).collect())
                    }
                    "copy" => target.clone(),
                    "get" | "pop" | "setdefault" => {
                        let key = first?;
                        let default = arguments.positional.get(1).cloned().unwrap_or(Value::NONE);
                        let wanted = key.to_json();
                        let known = dict.pairs.iter().any(|(known, _)| known.to_json() == wanted);
                        let value = if known { target.at(key) } else { default };
                        self.spend(dict.pairs.len());
                        if name == "setdefault" && !known {
                            self.bind(object, target.with(key.clone(), value.clone()));
                        } else if name == "pop" && known {
                            let rest = dict.pairs.iter().filter(|(known, _)| known.to_json() != wanted);
                            self.bind(object, Value::dict(rest.cloned().collect()));
                        }
                        value
                    }
                    "update" => {
                        let mut all = target.clone();
                        let more = arguments.keywords.iter();
                        let more = more.map(|k: &Keyword<'t>| (Value::text(k.name.clone()), k.value.clone()));
                        let given = match first {
                            Some(Value::Dict(given)) => given.pairs.clone(),
                            _ => Vec::new(),
                        };
                        for (key, value) in given.into_iter().chain(more) {
                            self.spend(dict.pairs.len());
                            all = all.with(key, value);
                        }
                        self.bind(object, all);
                        Value::NONE
                    }
                    _ => return None,
                })
            }
            Value::List(list) => {
                self.spend(list.items.len());
                let mut items = list.items.clone();
                match name {
                    "append" | "add" => items.push(first?.clone()),
                    "extend" | "update" => items.extend(self.items(first?)?),
                    "insert" => {
                        let at = usize::try_from(first?.as_int()?).ok()?.min(items.len());
                        items.insert(at, arguments.positional.get(1)?.clone());
                    }
                    "union" => {
                        items.extend(self.items(first?)?);
                        return Some(Value::list(distinct(items)));
                    }
                    "copy" => return Some(target.clone()),
                    "sort" => items.sort_by(order),
                    "reverse" => items.reverse(),
                    _ => return None,
                }
                items.truncate(MAX_ITEMS);
                self.bind(object, Value::list(items));
                Some(Value::NONE)
            }
            _ => None,
        }
    }
}

fn number(value: i64) -> Value<'static> {
    Value::Json(Json::from(value))
}

fn distinct(items: Vec<Value<'_>>) -> Vec<Value<'_>> {
    let mut seen = std::collections::HashSet::new();
    items.into_iter().filter(|item| item.to_json().is_none_or(|json| seen.insert(json.to_string()))).collect()
}

fn order(left: &Value<'_>, right: &Value<'_>) -> std::cmp::Ordering {
    let number = |value: &Value<'_>| value.to_json().and_then(|json| json.as_f64());
    match (number(left), number(right)) {
        (Some(left), Some(right)) => left.total_cmp(&right),
        _ => left.as_str().cmp(&right.as_str()),
    }
}

fn range<'t>(arguments: &Arguments<'t>) -> Option<Value<'t>> {
    let numbers: Vec<i64> = arguments.positional.iter().map(Value::as_int).collect::<Option<_>>()?;
    let (from, to, step) = match numbers[..] {
        [to] => (0, to, 1),
        [from, to] => (from, to, 1),
        [from, to, step] if step != 0 => (from, to, step),
        _ => return None,
    };
    let mut out = Vec::new();
    let mut at = from;
    while (step > 0 && at < to) || (step < 0 && at > to) {
        // Choices without end are no choices.
        if out.len() >= MAX_ITEMS {
            return Some(Value::Unknown);
        }
        out.push(number(at));
        at = at.checked_add(step)?;
    }
    Some(Value::list(out))
}

/// Parts of a path, joined.
fn path<'t>(arguments: &Arguments<'t>) -> Option<Value<'t>> {
    let parts: Vec<&str> = arguments.positional.iter().map(Value::as_str).collect::<Option<_>>()?;
    let joined: std::path::PathBuf = parts.iter().collect();
    let text = joined.to_str()?;
    Some(Value::text(if text.is_empty() { "." } else { text.trim_start_matches("./") }))
}

/// A method of a text.
pub(super) fn text_method<'t>(
    interpreter: &mut Interpreter<'t>,
    text: &str,
    name: &str,
    arguments: &Arguments<'t>,
) -> Option<Value<'t>> {
    let first = arguments.positional.first();
    let pattern = first.and_then(Value::as_str);
    let list = |parts: Vec<&str>| Value::list(parts.into_iter().take(MAX_ITEMS).map(Value::text).collect());
    Some(match name {
        "split" if first.is_none_or(Value::is_none) => list(text.split_whitespace().collect()),
        "split" => {
            let separator = pattern.filter(|separator| !separator.is_empty())?;
            match arguments.get(1, "maxsplit").and_then(Value::as_int) {
                Some(most) => {
                    list(text.splitn(usize::try_from(most).ok()?.saturating_add(1), separator).collect())
                }
                None => list(text.split(separator).collect()),
            }
        }
        "splitlines" => list(text.lines().collect()),
        "strip" if first.is_none() => Value::text(text.trim()),
        "strip" => Value::text(text.trim_matches(&pattern?.chars().collect::<Vec<_>>()[..])),
        "lstrip" if first.is_some() => {
            Value::text(text.trim_start_matches(&pattern?.chars().collect::<Vec<_>>()[..]))
        }
        "lstrip" => Value::text(text.trim_start()),
        "rstrip" if first.is_some() => {
            Value::text(text.trim_end_matches(&pattern?.chars().collect::<Vec<_>>()[..]))
        }
        "rstrip" => Value::text(text.trim_end()),
        "lower" | "casefold" => Value::text(text.to_lowercase()),
        "upper" => Value::text(text.to_uppercase()),
        "title" => {
            let words = text.split(' ').map(capitalized);
            Value::text(words.collect::<Vec<_>>().join(" "))
        }
        "capitalize" => Value::text(capitalized(text)),
        "replace" => {
            let with = arguments.positional.get(1).and_then(Value::as_str)?;
            let pattern = pattern.filter(|pattern| !pattern.is_empty())?;
            let out = text.replace(pattern, with);
            if out.len() > MAX_TEXT { Value::Unknown } else { Value::text(out) }
        }
        "join" => {
            let items = interpreter.items(first?)?;
            let parts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            let joined = parts?.join(text);
            if joined.len() > MAX_TEXT { Value::Unknown } else { Value::text(joined) }
        }
        "format" => formatted(text, arguments).map_or(Value::Unknown, Value::text),
        "startswith" => Value::Json(text.starts_with(pattern?).into()),
        "endswith" => Value::Json(text.ends_with(pattern?).into()),
        "isdigit" => Value::Json((!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).into()),
        "removeprefix" => Value::text(text.strip_prefix(pattern?).unwrap_or(text)),
        "removesuffix" => Value::text(text.strip_suffix(pattern?).unwrap_or(text)),
        _ => return None,
    })
}

fn capitalized(word: &str) -> String {
    let mut chars = word.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    first + &chars.as_str().to_lowercase()
}

/// `"{} {name:>3}".format(…)`
fn formatted(text: &str, arguments: &Arguments<'_>) -> Option<String> {
    let (mut out, mut rest, mut next) = (String::new(), text, 0);
    while let Some(at) = rest.find(['{', '}']) {
        out.push_str(&rest[..at]);
        if rest[at..].starts_with("{{") || rest[at..].starts_with("}}") {
            out.push_str(&rest[at..=at]);
            rest = &rest[at + 2..];
            continue;
        }
        let (field, after) = rest[at..].strip_prefix('{')?.split_once('}')?;
        let (name, spec) = field.split_once(':').unwrap_or((field, ""));
        let value = if name.is_empty() {
            next += 1;
            arguments.positional.get(next - 1)?
        } else if let Ok(place) = name.parse::<usize>() {
            arguments.positional.get(place)?
        } else {
            keyword(&arguments.keywords, name)?
        };
        out.push_str(&format(value, spec)?);
        rest = after;
        if out.len() > MAX_TEXT {
            return None;
        }
    }
    out.push_str(rest);
    Some(out)
}
