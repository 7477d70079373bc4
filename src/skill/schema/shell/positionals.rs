//! Arguments that are no options: `$1`, `${2:-default}`, `$@`.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use tree_sitter::Node;

use super::super::{How, Kind, Parameter, usage};
use super::checks::{ends, literal};
use super::options::Loop;
use super::{Reader, expansion, unquoted};

/// Most uses of arguments, and most `shift`, that are looked at.
const MAX_USES: usize = 500;
const MAX_SHIFTS: usize = 20;

/// How a positional is used.
#[derive(Default)]
struct Use {
    name: Option<String>,
    default: Option<Json>,
    /// `${1:?…}`, or used as it is.
    needed: bool,
    /// Looked at before it is used.
    tested: bool,
    choices: Vec<Json>,
    kind: Option<Kind>,
    line: usize,
}

impl<'t> Reader<'t> {
    pub(super) fn positionals(&self, loops: &[Loop<'t>]) -> Vec<Parameter> {
        let behind = loops.iter().map(|one| one.range.end).max().unwrap_or(0);
        let collected: Vec<Parameter> = loops.iter().filter_map(|one| self.collected(one.other?)).collect();
        if !collected.is_empty() {
            return collected;
        }
        let mut uses: BTreeMap<usize, Use> = BTreeMap::new();
        let mut rest = None;
        // `command=$1; shift; file=$1`: every shift moves what comes behind it.
        let shifts: Vec<(usize, usize)> = self
            .commands()
            .filter(|node| node.start_byte() >= behind && self.command_name(*node) == Some("shift"))
            .filter(|node| !self.within_function(*node) && !self.within_branch(*node))
            .take(MAX_SHIFTS)
            .map(|node| {
                let count =
                    node.child_by_field_name("argument").and_then(|count| self.of(count).parse().ok());
                // `shift $((OPTIND - 1))` is behind the options, and moves nothing here.
                let plain = node.child_by_field_name("argument").is_none();
                (node.start_byte(), count.unwrap_or(usize::from(plain)))
            })
            .collect();
        let own = |node: &Node<'t>| {
            let is_expansion = matches!(node.kind(), "simple_expansion" | "expansion");
            let (name, _) = expansion(self.of(*node));
            let is_argument = matches!(name, "@" | "*") || name.parse::<usize>().is_ok();
            is_expansion && is_argument && node.start_byte() >= behind && !self.within_function(*node)
        };
        for node in self.nodes.iter().copied().filter(own).take(MAX_USES) {
            let (name, how) = expansion(self.of(node));
            let shifted: usize =
                shifts.iter().filter(|(at, _)| *at < node.start_byte()).map(|(_, count)| count).sum();
            if matches!(name, "@" | "*") {
                let passed = node.parent().and_then(|string| self.passed_to_function(string));
                if passed.is_none() && rest.is_none() {
                    rest = Some((shifted, node.start_position().row + 1));
                }
            } else if let Some(number) = name.parse::<usize>().ok().filter(|number| (1..=20).contains(number))
            {
                let positional = uses.entry(number + shifted).or_default();
                self.note(positional, node, how);
            }
        }
        self.parameters(&uses, rest)
    }

    /// One use of a positional.
    fn note(&self, used: &mut Use, node: Node<'t>, how: &str) {
        if used.line == 0 {
            used.line = node.start_position().row + 1;
        }
        let mut around = node.parent();
        for _ in 0..3 {
            let Some(outer) = around else { break };
            match outer.kind() {
                "variable_assignment" if used.name.is_none() => {
                    let value = outer.child_by_field_name("value").map_or("", |value| self.of(value));
                    // `dir=$(dirname "$1")` is no name for it.
                    let name = outer.child_by_field_name("name").map_or("", |name| self.of(name));
                    if unquoted(value) == self.of(node) && !name.is_empty() {
                        used.name = Some(name.to_lowercase());
                        let checks = self.checks(name);
                        used.choices = checks.choices;
                        used.kind = Some(checks.kind);
                        used.needed |= self.is_demanded(name);
                    }
                }
                "case_statement" => {
                    let subject = outer.child_by_field_name("value").map_or("", |value| self.of(value));
                    if unquoted(subject) == self.of(node) {
                        used.choices = self.words(outer);
                        used.name.get_or_insert_with(|| "command".to_owned());
                    }
                }
                "test_command" | "unary_expression" | "binary_expression" => used.tested = true,
                _ => {}
            }
            around = outer.parent();
        }
        if how.starts_with(":?") || how.starts_with('?') {
            used.needed = true;
        } else if how.starts_with(":-") || how.starts_with('-') {
            used.default = literal(self.of(node)).map(Json::from);
            used.tested = true;
        } else if how.starts_with(":+") || how.starts_with('+') {
            used.tested = true;
        }
    }

    fn parameters(&self, uses: &BTreeMap<usize, Use>, rest: Option<(usize, usize)>) -> Vec<Parameter> {
        let most = uses.keys().max().copied().unwrap_or(0);
        let checked = self.least_count();
        let mut parameters = Vec::new();
        let needed = |number: usize, used: &Use| {
            used.needed || number <= checked || (used.default.is_none() && !used.tested && checked == 0)
        };
        let last_needed = uses.iter().filter(|(number, used)| needed(**number, used)).map(|(n, _)| *n).max();
        for number in 1..=most {
            let empty = Use::default();
            let found = uses.get(&number).unwrap_or(&empty);
            let name = found.name.clone().unwrap_or_else(|| format!("arg{number}"));
            let taken = parameters.iter().any(|known: &Parameter| known.name == name);
            parameters.push(Parameter {
                name: if taken { format!("arg{number}") } else { name },
                help: String::new(),
                kind: found.kind.unwrap_or(Kind::Text),
                choices: found.choices.clone(),
                // One that stands behind must be given, so this one must be too.
                required: last_needed.is_some_and(|last| number <= last),
                default: found.default.clone(),
                how: How::Positional,
                many: None,
                exclusive: None,
                depth: 0,
                line: found.line.max(1),
            });
        }
        // `$@` that begins with the first one is all of them.
        if let Some((_, line)) = rest.filter(|(shifted, _)| *shifted >= most) {
            parameters.push(usage::rest("args", line));
        }
        parameters
    }

    /// `*) files+=("$1"); shift ;;` collects all others, `*) file=$1 ;;` one.
    fn collected(&self, other: Node<'t>) -> Option<Parameter> {
        let body = self.of(other);
        let name = self.assigned(other)?.to_lowercase();
        let line = other.start_position().row + 1;
        let takes = ["$1", "${1", "$arg", "${arg", "$@"].iter().any(|sign| body.contains(sign));
        if !takes || (ends(body) && !body.contains("+=") && !body.contains("-z")) {
            return None;
        }
        let mut parameter = usage::rest(&name, line);
        if body.contains("+=") || body.contains("$@") || body.contains(&format!("${}", self.assigned(other)?))
        {
            return Some(parameter);
        }
        parameter.many = None;
        let checks = self.checks(self.assigned(other)?);
        parameter.default = checks.default;
        parameter.required = checks.required;
        parameter.choices = checks.choices;
        Some(parameter)
    }

    /// How many arguments the script insists on: `[ $# -lt 2 ]`, with an end.
    fn least_count(&self) -> usize {
        let mut least = 0;
        for test in self.of_kind("test_command").filter(|test| !self.within_function(*test)) {
            let condition: String = self.of(test).replace(['"', '[', ']', '(', ')'], " ");
            let words: Vec<&str> = condition.split_whitespace().collect();
            let [count, operator, number] = words[..] else { continue };
            let (Ok(number), true) = (number.parse::<usize>(), matches!(count, "$#" | "${#}")) else {
                continue;
            };
            let statement = test.parent().map_or("", |statement| self.of(statement));
            // `[ $# -ge 1 ] || exit`
            let negated =
                statement.get(self.of(test).len()..).is_some_and(|rest| rest.trim_start().starts_with("||"));
            let needed = match (operator, negated) {
                ("-lt" | "<", false) | ("-ge" | ">=", true) => number,
                ("-ne" | "!=", false) | ("-eq" | "==" | "=", true) => number,
                ("-eq" | "==" | "=" | "-le" | "<=", false) | ("-gt" | ">", true) => number + 1,
                _ => 0,
            };
            if ends(statement) && needed <= 20 {
                least = least.max(needed);
            }
        }
        least
    }

    /// Plain words that a `case` knows.
    fn words(&self, statement: Node<'t>) -> Vec<Json> {
        let mut cursor = statement.walk();
        let items = statement.named_children(&mut cursor).filter(|node| node.kind() == "case_item");
        let words =
            items.flat_map(|item| self.patterns(item)).filter(|word| *word != "*" && !word.starts_with('-'));
        let words: Vec<&str> = words.filter(|word| !matches!(*word, "" | "help")).collect();
        let plain = words.iter().all(|word| !word.contains(['*', '?', '[', '$']));
        if plain { words.into_iter().map(Json::from).collect() } else { Vec::new() }
    }

    /// `main "$@"`: the function's own use counts.
    fn passed_to_function(&self, string: Node<'t>) -> Option<()> {
        let command = string.parent().filter(|node| node.kind() == "command")?;
        let name = self.command_name(command)?;
        let defined = self
            .of_kind("function_definition")
            .any(|function| function.child_by_field_name("name").is_some_and(|own| self.of(own) == name));
        (defined || name == "getopt").then_some(())
    }

    fn within_branch(&self, node: Node<'t>) -> bool {
        let branches = ["if_statement", "case_item", "while_statement", "for_statement"];
        let inside = |outer: &&Node<'t>| {
            branches.contains(&outer.kind()) && outer.byte_range().contains(&node.start_byte())
        };
        self.nodes.iter().any(|outer| inside(&outer))
    }
}
