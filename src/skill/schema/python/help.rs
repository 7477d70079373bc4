//! Help texts of argparse, as its formatter shows them.

use super::text;
use super::value::Value;

const MAX_HELP: usize = 1000;

/// Help on one line, of bounded length.
pub(super) fn tidy(text: &str) -> String {
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if joined.chars().nth(MAX_HELP).is_none() {
        return joined;
    }
    joined.chars().take(MAX_HELP).chain(['…']).collect()
}

/// What `%(…)s` in a help text refers to.
pub(super) struct Facts<'a, 't> {
    pub(super) default: Value<'t>,
    /// How the default is written in the script, where it is not known.
    pub(super) default_text: &'a str,
    pub(super) program: &'a str,
    pub(super) dest: &'a str,
    pub(super) choices: &'a [serde_json::Value],
    /// `metavar`, `type`, `nargs`, `const` as they were given.
    pub(super) given: &'a dyn Fn(&str) -> Value<'t>,
}

/// `%(default)s` and its like. A text that Python would refuse is left as it is.
pub(super) fn expand(help: &str, facts: &Facts<'_, '_>) -> String {
    if !help.contains('%') {
        return help.to_owned();
    }
    let known = |name: Option<&str>| {
        Some(match name? {
            "default" if matches!(facts.default, Value::Unknown | Value::Name(_)) => {
                Value::text(facts.default_text)
            }
            "default" => facts.default.clone(),
            "prog" => Value::text(facts.program),
            "dest" => Value::text(facts.dest),
            "choices" => {
                let shown = facts.choices.iter().map(|choice| match choice {
                    serde_json::Value::String(text) => text.clone(),
                    other => text::json_repr(other),
                });
                Value::text(shown.collect::<Vec<_>>().join(", "))
            }
            "type" => Value::text(match (facts.given)("type") {
                Value::Name(name) => super::classes::last(&name).to_owned(),
                _ => "None".to_owned(),
            }),
            name @ ("metavar" | "nargs" | "const") => (facts.given)(name),
            "required" => match (facts.given)("required") {
                Value::Unknown => Value::Json(false.into()),
                known => known,
            },
            _ => return None,
        })
    };
    text::substituted(help, &mut |name| known(name)).unwrap_or_else(|| help.to_owned())
}
