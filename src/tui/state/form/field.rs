//! One property of a tool schema as a field: what kind it is, what was entered, and the JSON that it means.

use serde_json::Value;
use tui_input::Input;

use super::Completion;
pub use super::kind::{Kind, shown};
use super::kind::{bounds, is_path, is_secret, kind_of, read, resolve, written};

/// Most items of a list that the form takes; JSON takes more.
const MAX_ITEMS: usize = 200;
/// What was entered. Nothing, as opposed to an empty text or `false`, leaves the property out.
#[derive(Debug, Clone)]
pub enum Entered {
    Line { input: Input, given: bool },
    Pick(Option<usize>),
    Items { items: Vec<Input>, at: usize, given: bool },
}

#[derive(Debug, Clone)]
pub struct Field {
    pub name: String,
    pub kind: Kind,
    pub required: bool,
    pub help: String,
    pub default: Option<Value>,
    /// Not to be read over a shoulder.
    pub secret: bool,
    /// Tab completes it from the file system.
    pub path: bool,
    pub entered: Entered,
    /// Somebody typed here, so that errors are shown.
    pub touched: bool,
    /// The answer to the last Tab.
    pub completion: Option<Completion>,
}

impl Field {
    /// The field for the property `name` of the tool schema `root`.
    pub(super) fn new(name: &str, property: &Value, root: &Value) -> Self {
        let required = root["required"].as_array().is_some_and(|names| names.iter().any(|one| one == name));
        let schema = resolve(property, root);
        let kind = kind_of(schema, root);
        let about = |key: &str| property.get(key).or_else(|| schema.get(key));
        let help = about("description").and_then(Value::as_str).unwrap_or_default();
        let help = [help, &bounds(schema, &kind)].iter().filter(|text| !text.is_empty()).fold(
            String::new(),
            |all, text| {
                if all.is_empty() { (*text).to_owned() } else { format!("{all} ({text})") }
            },
        );
        let textual =
            matches!(&kind, Kind::Text) || matches!(&kind, Kind::List(item) if **item == Kind::Text);
        let mut field = Self {
            name: name.to_owned(),
            required,
            default: about("default").filter(|default| !default.is_null()).cloned(),
            secret: textual && is_secret(name, schema),
            path: textual && is_path(name, &help, schema),
            help,
            entered: Entered::nothing(&kind),
            kind,
            touched: false,
            completion: None,
        };
        field.reset();
        field
    }

    /// Back to the default: nothing, but for what is required and has one.
    pub fn reset(&mut self) {
        self.clear();
        self.touched = false;
        if let Some(default) = self.default.clone().filter(|_| self.required) {
            self.set(&default);
        }
    }

    /// Nothing is entered.
    pub fn clear(&mut self) {
        self.entered = Entered::nothing(&self.kind);
        self.completion = None;
    }

    /// Enter a value. False, with nothing changed, when the field cannot say it.
    pub fn set(&mut self, value: &Value) -> bool {
        let entered = match (&self.kind, value) {
            (Kind::Boolean(options) | Kind::Choice(options), value) => {
                match options.iter().position(|option| option == value) {
                    Some(index) => Entered::Pick(Some(index)),
                    None => return false,
                }
            }
            (Kind::List(item), Value::Array(values)) if values.len() <= MAX_ITEMS => {
                let texts: Option<Vec<String>> = values.iter().map(|value| written(item, value)).collect();
                match texts {
                    Some(texts) if texts.iter().all(|text| !text.is_empty()) => Entered::Items {
                        items: texts.into_iter().map(Input::new).collect(),
                        at: 0,
                        given: true,
                    },
                    _ => return false,
                }
            }
            (Kind::List(_), _) => return false,
            (kind, value) => match written(kind, value) {
                Some(text) => Entered::Line { input: Input::new(text), given: true },
                None => return false,
            },
        };
        self.entered = entered;
        true
    }

    /// The JSON that was entered; `None` when the property is left out, an error when it is no JSON.
    pub fn value(&self) -> Option<Result<Value, String>> {
        match (&self.entered, &self.kind) {
            (Entered::Pick(index), Kind::Boolean(options) | Kind::Choice(options)) => {
                index.and_then(|index| options.get(index)).cloned().map(Ok)
            }
            (Entered::Items { items, given, .. }, Kind::List(item)) => {
                let texts = items.iter().map(Input::value).filter(|text| !text.is_empty());
                let values: Result<Vec<Value>, String> = texts.map(|text| read(item, text)).collect();
                match values {
                    Ok(values) if values.is_empty() && !given => None,
                    values => Some(values.map(Value::Array)),
                }
            }
            (Entered::Line { input, given }, kind) => given.then(|| read(kind, input.value())),
            _ => None,
        }
    }

    /// The line that is typed into.
    pub fn input(&self) -> Option<&Input> {
        match &self.entered {
            Entered::Line { input, .. } => Some(input),
            Entered::Items { items, at, .. } => items.get(*at),
            Entered::Pick(_) => None,
        }
    }

    /// The same, made where there is none yet.
    pub fn input_mut(&mut self) -> Option<&mut Input> {
        match &mut self.entered {
            Entered::Line { input, .. } => Some(input),
            Entered::Items { items, at, .. } => {
                if items.is_empty() {
                    items.push(Input::default());
                }
                *at = (*at).min(items.len() - 1);
                items.get_mut(*at)
            }
            Entered::Pick(_) => None,
        }
    }

    /// After typing: an empty line is nothing again.
    pub fn typed(&mut self) {
        (self.touched, self.completion) = (true, None);
        match &mut self.entered {
            Entered::Line { input, given } => *given = !input.value().is_empty(),
            Entered::Items { items, given, .. } => *given = items.iter().any(|item| !item.value().is_empty()),
            Entered::Pick(_) => {}
        }
    }

    /// The next or the one before of the values; between the last and the first is nothing.
    pub fn step(&mut self, forward: bool) {
        let (Entered::Pick(at), Kind::Boolean(options) | Kind::Choice(options)) =
            (&mut self.entered, &self.kind)
        else {
            return;
        };
        *at = match (*at, forward) {
            (None, true) if !options.is_empty() => Some(0),
            (None, false) => options.len().checked_sub(1),
            (Some(index), true) if index + 1 < options.len() => Some(index + 1),
            (Some(index), false) if index > 0 => Some(index - 1),
            _ => None,
        };
        // What is required has no nothing to come back to.
        if at.is_none() && self.required {
            *at = if forward { Some(0) } else { options.len().checked_sub(1) };
        }
        self.touched = true;
    }

    /// The next value that begins with this letter.
    pub fn jump(&mut self, letter: char) {
        let (Entered::Pick(at), Kind::Boolean(options) | Kind::Choice(options)) =
            (&mut self.entered, &self.kind)
        else {
            return;
        };
        let from = at.map_or(0, |index| index + 1);
        let begins = |index: &usize| {
            let first = shown(&options[*index]).chars().next();
            first.is_some_and(|first| first.to_lowercase().eq(letter.to_lowercase()))
        };
        if let Some(index) = (from..options.len()).chain(0..from.min(options.len())).find(begins) {
            *at = Some(index);
            self.touched = true;
        }
    }

    /// A further item behind the one that is typed into.
    pub fn add_item(&mut self) {
        if let Entered::Items { items, at, .. } = &mut self.entered
            && items.len() < MAX_ITEMS
        {
            if items.is_empty() {
                items.push(Input::default());
            }
            *at = (*at + 1).min(items.len());
            items.insert(*at, Input::default());
        }
    }

    pub fn remove_item(&mut self) {
        if let Entered::Items { items, at, .. } = &mut self.entered
            && *at < items.len()
        {
            items.remove(*at);
            *at = at.saturating_sub(1);
            self.typed();
        }
    }

    /// Move between the items of a list; false at its end.
    pub fn move_item(&mut self, down: bool) -> bool {
        let Entered::Items { items, at, .. } = &mut self.entered else { return false };
        let to = if down { *at + 1 } else { at.wrapping_sub(1) };
        let inside = to < items.len();
        if inside {
            *at = to;
        }
        inside
    }

    /// The item of a list that is typed into.
    pub fn item(&self) -> Option<usize> {
        match self.entered {
            Entered::Items { at, .. } => Some(at),
            _ => None,
        }
    }

    /// Lines that the field takes.
    pub fn height(&self) -> usize {
        match &self.entered {
            Entered::Items { items, .. } => items.len().max(1),
            _ => 1,
        }
    }

    /// A comma begins the next item, unless it can be part of one.
    pub fn splits_at_comma(&self) -> bool {
        matches!(&self.kind, Kind::List(item) if !matches!(**item, Kind::Json | Kind::Any))
    }

    pub fn is_choice(&self) -> bool {
        matches!(self.entered, Entered::Pick(_))
    }

    pub fn is_list(&self) -> bool {
        matches!(self.entered, Entered::Items { .. })
    }

    /// In a word, for the screen.
    pub fn kind_name(&self) -> &'static str {
        match &self.kind {
            Kind::Text if self.secret => "secret",
            Kind::Text if self.path => "path",
            Kind::Text => "string",
            Kind::Integer => "integer",
            Kind::Number => "number",
            Kind::Boolean(_) => "boolean",
            Kind::Choice(_) => "enum",
            Kind::List(_) => "array",
            Kind::Json => "JSON",
            Kind::Any => "any",
        }
    }
}

impl Entered {
    fn nothing(kind: &Kind) -> Self {
        match kind {
            Kind::Boolean(_) | Kind::Choice(_) => Self::Pick(None),
            Kind::List(_) => Self::Items { items: Vec::new(), at: 0, given: false },
            _ => Self::Line { input: Input::default(), given: false },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[expect(clippy::needless_pass_by_value, reason = "it is written in the call")]
    fn field(property: Value) -> Field {
        let root = json!({ "properties": { "x": property }, "$defs": { "n": { "type": "integer" } } });
        Field::new("x", &root["properties"]["x"], &root)
    }

    #[test]
    fn every_schema_has_a_kind() {
        let kind = |property| field(property).kind;
        assert_eq!(kind(json!({ "type": ["integer", "null"] })), Kind::Integer);
        assert_eq!(kind(json!({ "$ref": "#/$defs/n" })), Kind::Integer);
        assert_eq!(kind(json!({ "type": "boolean", "enum": [true] })), Kind::Boolean(vec![true.into()]));
        assert_eq!(kind(json!({ "const": 3 })), Kind::Choice(vec![3.into()]));
        assert_eq!(
            kind(json!({ "type": "array", "items": { "type": "array" } })),
            Kind::List(Box::new(Kind::Json))
        );
        assert_eq!(kind(json!({ "anyOf": [{ "type": "string" }, { "type": "object" }] })), Kind::Any);
        assert_eq!(kind(json!(true)), Kind::Any);
    }

    #[test]
    fn values_come_back_as_they_were_set() {
        let text = json!({ "type": "string" });
        let list = json!({ "type": "array", "items": { "type": "string" } });
        for (property, value, fits) in [
            (text.clone(), json!(""), true),
            (text.clone(), json!("5"), true),
            (text, json!(5), false),
            (json!({}), json!("5"), true),
            (json!({}), json!("{"), true),
            (json!({}), json!({ "a": [1] }), true),
            (json!({ "type": "integer" }), json!(7), true),
            (json!({ "type": "integer" }), json!("seven"), true),
            (json!({ "type": "integer" }), json!("7"), false),
            (json!({ "type": "boolean" }), json!(false), true),
            (json!({ "type": "boolean" }), json!("no"), false),
            (list.clone(), json!(["a, b", "c"]), true),
            (list.clone(), json!([]), true),
            (list.clone(), json!([""]), false),
            (list, json!("a"), false),
        ] {
            let mut field = field(property.clone());
            assert_eq!(field.set(&value), fits, "{property} {value}");
            let back = field.value().map(Result::unwrap);
            assert_eq!(back, fits.then_some(value), "{property}");
        }
    }

    #[test]
    fn nothing_is_not_false() {
        let mut flag = field(json!({ "type": "boolean" }));
        let mut seen = Vec::new();
        for _ in 0..4 {
            seen.push(flag.value().map(Result::unwrap));
            flag.step(true);
        }
        assert_eq!(seen, [None, Some(json!(true)), Some(json!(false)), None]);
    }
}
