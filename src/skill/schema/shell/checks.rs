//! What a shell script says of a variable elsewhere: its default, that it must be set, what it may be.

use serde_json::Value as Json;
use tree_sitter::Node;

use super::super::Kind;
use super::{Reader, expansion, unquoted};

/// Most tests, and expansions, that are looked at for one variable.
const MAX_EXPANSIONS: usize = 2000;
const MAX_TESTS: usize = 200;

/// What is known of a value.
#[derive(Debug)]
pub(super) struct Checks {
    pub(super) default: Option<Json>,
    pub(super) required: bool,
    pub(super) choices: Vec<Json>,
    pub(super) kind: Kind,
}

impl Default for Checks {
    fn default() -> Self {
        Self { default: None, required: false, choices: Vec::new(), kind: Kind::Text }
    }
}

impl<'t> Reader<'t> {
    pub(super) fn checks(&self, variable: &str) -> Checks {
        let choices = self.chosen_from(variable);
        let is_number = ["\"$V\"", "$V", "\"${V}\"", "${V}"].iter().any(|form| {
            let form = form.replace('V', variable);
            ["^[0-9]+$", "^-?[0-9]+$", "^[1-9][0-9]*$"]
                .iter()
                .any(|pattern| self.text.contains(&format!("{form} =~ {pattern}")))
        });
        let kind = if is_number { Kind::Integer } else { Kind::Text };
        let default = self.initial(variable).map(|text| match text.parse::<i64>() {
            Ok(number) if is_number => Json::from(number),
            _ => Json::from(text),
        });
        let required = default.is_none() && self.is_demanded(variable);
        Checks { default, required, choices, kind }
    }

    /// The text that a variable has from the start: `format=json`, `format=${format:-json}`.
    fn initial(&self, variable: &str) -> Option<String> {
        let assignments = self
            .of_kind("variable_assignment")
            .take(MAX_EXPANSIONS)
            .filter(|node| node.child_by_field_name("name").is_some_and(|name| self.of(name) == variable));
        let first = assignments.into_iter().next()?;
        // Among the options it is what is given.
        let mut around = first.parent();
        while let Some(node) = around {
            if node.kind() == "case_item" {
                return None;
            }
            around = node.parent();
        }
        let value = self.of(first.child_by_field_name("value")?);
        literal(value)
    }

    /// Whether the script ends when a variable is empty: `${out:?…}`, `[ -z "$out" ] && exit 1`.
    pub(super) fn is_demanded(&self, variable: &str) -> bool {
        let insists = |node: Node<'t>| {
            let (name, rest) = expansion(self.of(node));
            name == variable && (rest.starts_with(":?") || rest.starts_with('?'))
        };
        if self.of_kind("expansion").take(MAX_EXPANSIONS).any(insists) {
            return true;
        }
        self.of_kind("test_command").take(MAX_TESTS).any(|test| {
            let condition = self.of(test);
            let empty = ["\"$V\"", "$V ", "\"${V}\"", "\"${V:-}\"", "${V:-} ", "${V} "];
            let asked =
                empty.iter().any(|form| condition.contains(&format!("-z {}", form.replace('V', variable))));
            // With `&&` any of them would do.
            if !asked || condition.contains("&&") {
                return false;
            }
            let Some(statement) = test.parent() else { return false };
            let text = self.of(statement);
            let or = text.get(condition.len()..).is_some_and(|rest| rest.trim_start().starts_with("||"));
            let tested =
                statement.kind() == "if_statement" && text.trim_start_matches("if ").starts_with(condition);
            let chained = statement.kind() == "list" && !or;
            (tested || chained) && ends(text)
        })
    }

    /// `case "$format" in json|text) ;; *) exit 2 ;; esac`
    fn chosen_from(&self, variable: &str) -> Vec<Json> {
        for statement in self.of_kind("case_statement").take(MAX_TESTS) {
            let value = statement.child_by_field_name("value").map_or("", |value| self.of(value));
            if expansion(unquoted(value)).0 != variable || !value.contains('$') {
                continue;
            }
            let mut cursor = statement.walk();
            let items: Vec<Node<'t>> =
                statement.named_children(&mut cursor).filter(|node| node.kind() == "case_item").collect();
            let Some((other, known)) = items.split_last() else { continue };
            if self.patterns(*other) != ["*"] || !ends(self.of(*other)) {
                continue;
            }
            let words: Vec<&str> = known.iter().flat_map(|item| self.patterns(*item)).collect();
            let plain = |word: &&str| !word.contains(['*', '?', '[', '$']) && !word.is_empty();
            if words.iter().all(plain) {
                return words.into_iter().map(Json::from).collect();
            }
        }
        Vec::new()
    }
}

/// Whether a piece of script gives up.
pub(super) fn ends(text: &str) -> bool {
    let words =
        ["exit", "die", "usage", "fail", "error", "fatal", "abort", "return 1", "return 2", "show_help"];
    words.iter().any(|word| text.contains(word))
}

/// A text without expansions, or what it is when they are empty: `${format:-json}`.
pub(super) fn literal(written: &str) -> Option<String> {
    let text = unquoted(written);
    if text.is_empty() {
        return None;
    }
    if !text.contains(['$', '`', '(']) {
        return Some(text.to_owned());
    }
    let (_, rest) = expansion(text.strip_prefix('$').filter(|_| text.ends_with('}'))?);
    let default = rest.strip_prefix(":-").or(rest.strip_prefix('-'))?;
    (!default.contains(['$', '`', '(', '}']) && !default.is_empty()).then(|| unquoted(default).to_owned())
}
