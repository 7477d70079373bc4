//! Options: the specification of `getopts`, or a loop with `case "$1" in`.

use std::collections::HashSet;
use std::ops::Range;

use tree_sitter::Node;

use super::super::{How, Kind, Parameter};
use super::{Reader, expansion, syntax, unquoted, usage};

/// Most options that are kept.
const MAX_OPTIONS: usize = 200;
/// Most `case` statements, items of one, and nodes of an item, that are looked at.
const MAX_STATEMENTS: usize = 50;
const MAX_ITEMS: usize = 200;
const MAX_ITEM_NODES: usize = 500;

/// A loop over the options, and what it does with other arguments.
pub(super) struct Loop<'t> {
    pub(super) range: Range<usize>,
    /// The item for any other argument: `*)`.
    pub(super) other: Option<Node<'t>>,
}

impl<'t> Reader<'t> {
    pub(super) fn options(&self) -> (Vec<Parameter>, Vec<Loop<'t>>) {
        let (parameters, loops) = self.getopts();
        if parameters.is_empty() { self.case_loop() } else { (parameters, loops) }
    }

    /// `getopts n:eh option`: a letter, and a colon when it takes a value.
    fn getopts(&self) -> (Vec<Parameter>, Vec<Loop<'t>>) {
        let call = self.commands().find(|node| self.command_name(*node) == Some("getopts"));
        let Some((call, spec)) = call.and_then(|call| Some((call, call.child_by_field_name("argument")?)))
        else {
            return (Vec::new(), Vec::new());
        };
        let items: Vec<Node<'t>> = self.of_kind("case_item").collect();
        let spec = unquoted(self.of(spec)).trim_start_matches(':');
        let mut letters = spec.chars().peekable();
        let mut parameters = Vec::new();
        while let Some(letter) = letters.next() {
            let value = letters.next_if_eq(&':').is_some();
            if !letter.is_ascii_alphanumeric() || letter == 'h' || parameters.len() >= MAX_OPTIONS {
                continue;
            }
            let item =
                items.iter().find(|item| self.patterns(**item).iter().any(|p| *p == letter.to_string()));
            let variable = item.and_then(|item| self.assigned(*item));
            // The variable that the script puts it into is its best name.
            let name = variable.map_or_else(|| letter.to_string(), str::to_lowercase);
            let line = item.unwrap_or(&call).start_position().row + 1;
            parameters.push(self.option(name, format!("-{letter}"), value, variable, line));
        }
        distinct(&mut parameters);
        let around =
            self.of_kind("while_statement").find(|node| node.byte_range().contains(&call.start_byte()));
        let range = around.map_or(call.byte_range(), |node| node.byte_range());
        (parameters, vec![Loop { range, other: None }])
    }

    /// `while …; do case "$1" in --out) out=$2; shift 2 ;; esac done`
    fn case_loop(&self) -> (Vec<Parameter>, Vec<Loop<'t>>) {
        let mut parameters: Vec<Parameter> = Vec::new();
        let mut loops = Vec::new();
        let mut seen = HashSet::new();
        let own = self.of_kind("case_statement").filter(|node| !self.within_function(*node));
        for statement in own.take(MAX_STATEMENTS) {
            let value = statement.child_by_field_name("value").map_or("", |value| self.of(value));
            let (subject, _) = expansion(unquoted(value));
            let mut cursor = statement.walk();
            let items: Vec<Node<'t>> =
                statement.named_children(&mut cursor).filter(|node| node.kind() == "case_item").collect();
            let mut found = false;
            for item in items.iter().take(MAX_ITEMS) {
                let patterns = self.patterns(*item);
                let options: Vec<&str> = patterns.into_iter().filter(|pattern| is_option(pattern)).collect();
                found |= !options.is_empty();
                let Some(parameter) = self.case_option(*item, &options, subject) else { continue };
                let fresh = seen.insert(parameter.name.clone());
                if fresh && parameters.len() < MAX_OPTIONS {
                    parameters.push(parameter);
                } else if !fresh && matches!(&parameter.how, How::Option(option) if !option.ends_with('=')) {
                    // `--name=*)` before `--name)`: both are known, the plain one is usual.
                    if let Some(known) = parameters.iter_mut().find(|known| known.name == parameter.name) {
                        *known = parameter;
                    }
                }
            }
            if found {
                let other = items.iter().find(|item| self.patterns(**item).contains(&"*")).copied();
                let around = ["while_statement", "for_statement", "c_style_for_statement"];
                let around = self.nodes.iter().rfind(|node| {
                    around.contains(&node.kind()) && node.byte_range().contains(&statement.start_byte())
                });
                let range = around.map_or(statement.byte_range(), Node::byte_range);
                loops.push(Loop { range, other });
            }
        }
        (parameters, loops)
    }

    /// One item of the loop: `-o|--out|--out=*)`.
    fn case_option(&self, item: Node<'t>, options: &[&'t str], subject: &str) -> Option<Parameter> {
        let plain = |option: &&&str| !option.ends_with("=*");
        let long = |option: &&&str| option.starts_with("--");
        let option = (options.iter().filter(plain).find(long))
            .or(options.iter().find(plain))
            .or(options.iter().find(long))
            .or(options.first())?;
        let bare = option.trim_end_matches("=*");
        let body = self.of(item);
        let value = option.ends_with("=*") || takes_value(body, subject);
        let variable = self.assigned(item);
        let name = match (bare.strip_prefix("--"), variable) {
            (Some(long), _) => long.replace('-', "_"),
            (None, Some(variable)) => variable.to_lowercase(),
            (None, None) => bare.trim_start_matches('-').to_owned(),
        };
        let informs = |option: &&str| matches!(*option, "-h" | "--help" | "-V" | "--version" | "-?");
        if options.iter().any(informs) {
            return None;
        }
        // Where only `--name=*` is known, the value must be joined to it.
        let written = option.strip_suffix('*').unwrap_or(option).to_owned();
        let line = item.start_position().row + 1;
        Some(self.option(name, written, value, variable, line))
    }

    fn option(
        &self,
        name: String,
        option: String,
        value: bool,
        variable: Option<&str>,
        line: usize,
    ) -> Parameter {
        let help = usage::help(self.text, option.trim_end_matches('='));
        let checks = variable.filter(|_| value).map(|variable| self.checks(variable)).unwrap_or_default();
        Parameter {
            help,
            name,
            kind: if value { checks.kind } else { Kind::Boolean },
            required: checks.required,
            choices: checks.choices,
            default: if value { checks.default } else { Some(false.into()) },
            how: if value { How::Option(option) } else { How::Flag(option, true) },
            many: None,
            exclusive: None,
            depth: 0,
            line,
        }
    }

    pub(super) fn of_kind(&self, kind: &'static str) -> impl Iterator<Item = Node<'t>> {
        self.kinds.get(kind).into_iter().flatten().copied()
    }

    /// The alternatives of a case item, without quotes.
    pub(super) fn patterns(&self, item: Node<'_>) -> Vec<&'t str> {
        let mut cursor = item.walk();
        item.children_by_field_name("value", &mut cursor).map(|value| unquoted(self.of(value))).collect()
    }

    /// The first variable that a case item sets.
    pub(super) fn assigned(&self, item: Node<'_>) -> Option<&'t str> {
        let nodes = syntax::first_nodes(item, MAX_ITEM_NODES);
        let names = nodes.into_iter().filter(|node| node.kind() == "variable_assignment");
        let mut names = names.filter_map(|node| node.child_by_field_name("name")).map(|name| self.of(name));
        names.find(|name| !name.is_empty() && *name != "OPTIND")
    }
}

/// Whether a case item reads more than the option itself.
fn takes_value(body: &str, subject: &str) -> bool {
    // Behind the patterns.
    let body = body.split_once(')').map_or(body, |(_, body)| body);
    let second = ["$2", "${2", "shift 2"].iter().any(|sign| body.contains(sign));
    let cut = body.contains(&format!("{{{subject}#")) || body.contains("OPTARG");
    let after_shift = body.find("shift").is_some_and(|at| {
        let rest = &body[at..];
        rest.contains("$1") || rest.contains("${1")
    });
    second || cut || after_shift
}

/// Letters that set one variable have names of their own.
fn distinct(parameters: &mut [Parameter]) {
    let mut seen = HashSet::new();
    for parameter in parameters {
        if !seen.insert(parameter.name.clone())
            && let Some(option) = parameter.how.option()
        {
            parameter.name = option.trim_start_matches('-').to_owned();
        }
    }
}

fn is_option(pattern: &str) -> bool {
    let text = pattern.trim_end_matches("=*");
    text.starts_with('-')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_' || b == b'?')
        && !text.trim_matches('-').is_empty()
}
