//! From an input that fits the schema to the arguments of a script, so that its parser reads back what was given.
//!
//! A command line cannot say everything that JSON can: which of two lists a value belongs to, that a list goes on with a
//! value that looks like an option. What cannot be said is told like any other mistake in an input. The rules are those
//! of `argparse`, from Python 3.8 to 3.13; they are the strictest, and getopts and `parseArgs` read the result alike.

use serde_json::{Map, Value};

use super::validate::{Mismatch, below};
use super::words::{counted, described};
use super::{How, Kind, Many, Parameter};

/// Longest argument that a program can be given, without its NUL (execve(2), `MAX_ARG_STRLEN`).
const MAX_ARGUMENT: usize = 128 * 1024 - 1;
/// Whole numbers up to this are held exactly when they were written with a fraction or exponent.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// A parameter as it will stand on the command line.
struct Written<'p> {
    parameter: &'p Parameter,
    arguments: Vec<String>,
    /// Takes whatever follows that is no option for a further value.
    open: bool,
}

/// Options of the main parser, subcommand, options and positionals of the subcommand. `wrong` is what of the object
/// does not fit the schema; what else is wrong is added to it.
pub(super) fn command_line(
    parameters: &[Parameter],
    words: &[String],
    object: &Map<String, Value>,
    mut wrong: Vec<Mismatch>,
) -> Result<Vec<String>, Vec<Mismatch>> {
    let mut written = Vec::new();
    for parameter in parameters {
        let at = below("", &parameter.name);
        let fits = !wrong.iter().any(|one| one.pointer == at || one.pointer.starts_with(&format!("{at}/")));
        if let Some(value) = object.get(&parameter.name).filter(|_| fits) {
            written.push(Writer { parameter, parameters, wrong: &mut wrong }.write(value));
        }
    }
    exclusive(parameters, object, &written, &mut wrong);
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let (global, local): (Vec<_>, Vec<_>) = written.into_iter().partition(|one| one.parameter.global);
    let front = part(&global, words, &mut wrong);
    let behind = part(&local, &[], &mut wrong);
    // What the main parser, which does not know the subcommand's options, takes for values before the first option:
    // whatever holds a space, and everything behind `--`.
    let ends = |text: &String| text == "--";
    let option = |text: &String| looks_like_option(text) && !text.contains(' ');
    let leading = match behind.iter().position(|text| ends(text) || option(text)) {
        Some(at) if !ends(&behind[at]) && !front.iter().any(ends) => at,
        _ => behind.len(),
    };
    let subcommand = (!words.is_empty()).then_some(words.len() + leading);
    assignable(parameters, &global, true, subcommand, &mut wrong);
    assignable(parameters, &local, false, None, &mut wrong);
    if wrong.is_empty() { Ok([&front[..], words, &behind].concat()) } else { Err(wrong) }
}

fn looks_like_option(text: &str) -> bool {
    text.starts_with('-') && text.len() > 1
}

/// Options, positionals, then `words`, which nothing must swallow: options that take what follows come first, and `--`
/// ends the last of them, as it does when a positional begins with a hyphen.
fn part(written: &[Written<'_>], words: &[String], wrong: &mut Vec<Mismatch>) -> Vec<String> {
    let present = written.iter().filter(|one| !one.arguments.is_empty());
    let (positionals, mut options): (Vec<_>, Vec<_>) =
        present.partition(|one| one.parameter.how.option().is_none());
    options.sort_by_key(|one| !one.open);
    let open = options.last().copied().filter(|one| one.open);
    let mut arguments: Vec<String> = options.iter().flat_map(|one| one.arguments.iter().cloned()).collect();
    let hyphen = |one: &Written<'_>| one.arguments.iter().any(|text| text.starts_with('-'));
    let first = positionals.first().copied();
    let only_rest = first.filter(|one| one.parameter.how == How::Rest);
    if let (Some(rest), true) =
        (only_rest, open.is_some() || first.is_some_and(|one| looks_like_option(&one.arguments[0])))
    {
        // `argparse` would keep the `--`.
        let wanted = "first a value that does not begin with `-`, and no list before it";
        wrong.push(Mismatch::new(
            &below("", &rest.parameter.name),
            counted(rest.arguments.len(), "value"),
            wanted,
        ));
    } else if first.is_some()
        && (open.is_some() || positionals.iter().any(|one| one.parameter.how != How::Rest && hyphen(one)))
    {
        arguments.push("--".to_owned());
    } else if let (Some(last), false) = (open, words.is_empty()) {
        match last.arguments.as_slice() {
            [option, value] => {
                let joined = joined(option, value);
                arguments.truncate(arguments.len() - 2);
                arguments.push(joined);
            }
            several => wrong.push(Mismatch::new(
                &below("", &last.parameter.name),
                counted(several.len() - 1, "value"),
                "exactly 1: the script would take the subcommand for one more",
            )),
        }
    }
    arguments.extend(positionals.iter().flat_map(|one| one.arguments.iter().cloned()));
    arguments
}

/// Whether the parser will give every positional the values that are meant for it: it hands them out from the left, to
/// each as many as it can take while the ones behind get their least.
fn assignable(
    parameters: &[Parameter],
    written: &[Written<'_>],
    global: bool,
    subcommand: Option<usize>,
    wrong: &mut Vec<Mismatch>,
) {
    let slot = |parameter: &Parameter| match parameter.many {
        Some(Many { least, most }) => (least, most.unwrap_or(usize::MAX)),
        None => (usize::from(parameter.required), 1),
    };
    let given = |parameter: &Parameter| {
        written.iter().find(|one| one.parameter.name == parameter.name).map_or(0, |one| one.arguments.len())
    };
    let positional = parameters.iter().filter(|one| one.how.option().is_none() && one.global == global);
    let slots: Vec<(&str, (usize, usize), usize)> = positional
        .map(|one| (one.name.as_str(), slot(one), given(one)))
        .chain(subcommand.map(|count| ("", (1, usize::MAX), count)))
        .collect();
    let mut left: usize = slots.iter().map(|(_, _, given)| given).sum();
    for (index, (name, (_, most), given)) in slots.iter().enumerate() {
        let behind: usize = slots[index + 1..].iter().map(|(_, (least, _), _)| least).sum();
        let taken = left.saturating_sub(behind).min(*most);
        if taken != *given && !name.is_empty() {
            let next = slots.get(index + 1).map_or("", |(name, _, _)| name);
            let next = if next.is_empty() { "the subcommand".to_owned() } else { format!("`{next}`") };
            let found = if *given == 0 { "nothing".to_owned() } else { counted(*given, "value") };
            let wanted = format!("{}: the script fills `{name}` before {next}", counted(taken, "value"));
            return wrong.push(Mismatch::new(&below("", name), found, wanted));
        }
        left -= *given;
    }
}

/// Groups of which one, or at most one, may stand on the command line.
fn exclusive(
    parameters: &[Parameter],
    object: &Map<String, Value>,
    written: &[Written<'_>],
    wrong: &mut Vec<Mismatch>,
) {
    let mut groups: Vec<(usize, bool)> = parameters.iter().filter_map(|one| one.exclusive).collect();
    groups.sort_unstable();
    groups.dedup();
    for (group, required) in groups {
        let member = |one: &&Parameter| one.exclusive.is_some_and(|(number, _)| number == group);
        // A flag that is false is not on the command line; what does not fit was meant to be.
        let stands = |parameter: &&Parameter| {
            let found = written.iter().find(|one| one.parameter.name == parameter.name);
            found.map_or_else(|| object.contains_key(&parameter.name), |one| !one.arguments.is_empty())
        };
        let mut chosen = parameters.iter().filter(member).filter(stands).map(|one| &one.name);
        match chosen.next() {
            Some(first) => wrong.extend(chosen.map(|other| {
                let wanted = format!("nothing: `{first}` is given, and excludes it");
                Mismatch::new(&below("", other), "a value", wanted)
            })),
            None if required => {
                let names: Vec<&str> =
                    parameters.iter().filter(member).map(|one| one.name.as_str()).collect();
                let wanted = format!("one of {}", names.join(", "));
                wrong.push(Mismatch::new("", "none of a group", wanted));
            }
            None => {}
        }
    }
}

struct Writer<'p, 'w> {
    parameter: &'p Parameter,
    parameters: &'p [Parameter],
    wrong: &'w mut Vec<Mismatch>,
}

impl<'p> Writer<'p, '_> {
    fn write(&mut self, value: &Value) -> Written<'p> {
        let parameter = self.parameter;
        let at = below("", &parameter.name);
        let mut open = false;
        let arguments = match &parameter.how {
            How::Flag(option, meaning) if value.as_bool() == Some(*meaning) => vec![option.clone()],
            How::Flag(..) => Vec::new(),
            How::OnOff(option) if value.as_bool() == Some(true) => vec![option.clone()],
            How::OnOff(option) => vec![format!("--no-{}", option.trim_start_matches('-'))],
            How::Count(option) => {
                let times = value.as_f64().unwrap_or_default() - f64::from(parameter.counts_from());
                let times = std::iter::successors(Some(1.0), |n| Some(n + 1.0)).take_while(|n| *n <= times);
                times.map(|_| option.clone()).collect()
            }
            How::Repeated(option) => {
                let values = self.values(value, &at);
                values.iter().flat_map(|value| option_value(option, value)).collect()
            }
            How::Option(option) => {
                let values = self.values(value, &at);
                match (parameter.many, values.as_slice()) {
                    (Some(_), [only]) if looks_like_option(only) => vec![joined(option, only)],
                    (Some(many), values) => {
                        open = many.most != Some(many.least);
                        self.in_a_list(values, &at);
                        [std::slice::from_ref(option), values].concat()
                    }
                    (None, values) => values.iter().flat_map(|value| option_value(option, value)).collect(),
                }
            }
            How::Positional | How::Rest => self.values(value, &at),
        };
        Written { parameter, arguments, open }
    }

    /// One value, or those of a list, as text.
    fn values(&mut self, value: &Value, at: &str) -> Vec<String> {
        match (value.as_array(), self.parameter.many) {
            (Some(items), Some(_)) => {
                let items = items.iter().enumerate();
                items.map(|(index, item)| self.value(item, &format!("{at}/{index}"))).collect()
            }
            _ => vec![self.value(value, at)],
        }
    }

    fn value(&mut self, value: &Value, at: &str) -> String {
        let text = match (self.parameter.kind, value) {
            (Kind::Json, value) => value.to_string(),
            (_, Value::String(text)) => text.clone(),
            // Without an exponent, which no parser takes in a whole number.
            (Kind::Integer, Value::Number(number)) if number.is_f64() => {
                let exact = number.as_f64().filter(|number| number.abs() <= MAX_EXACT);
                if exact.is_none() {
                    self.tell(at, described(value), "a whole number of at most 64 bits");
                }
                format!("{:.0}", exact.unwrap_or_default() + 0.0)
            }
            (_, Value::Number(number)) if number.is_f64() => number.as_f64().unwrap_or_default().to_string(),
            (_, value) => value.to_string(),
        };
        if text.contains('\0') {
            self.tell(at, described(value), "text without a NUL character, which no argument can hold");
        }
        if text.len() > MAX_ARGUMENT {
            let wanted = format!("at most {MAX_ARGUMENT}, the longest argument of a program");
            self.tell(at, counted(text.len(), "byte"), wanted);
        }
        let positional = |one: &&Parameter| one.how.option().is_none();
        let alone = self.parameter.how == How::Positional
            && self.parameters.iter().filter(positional).count() == 1
            && !self.parameter.global;
        if text == "--" && !alone {
            self.tell(at, described(value), "another text: scripts take it for the end of the options");
        }
        text
    }

    /// Several values behind one option.
    fn in_a_list(&mut self, values: &[String], at: &str) {
        let numbers = self.parameters.iter().filter_map(|one| one.how.option());
        let has_numbers =
            numbers.into_iter().any(|option| option[1..].starts_with(|c: char| c.is_ascii_digit()));
        for (index, value) in values.iter().enumerate() {
            if looks_like_option(value) && value != "--" && (has_numbers || !is_negative_number(value)) {
                let found = described(&Value::from(value.as_str()));
                let wanted = "a value that does not begin with `-`: in a list it is taken for an option";
                self.tell(&format!("{at}/{index}"), found, wanted);
            }
        }
    }

    fn tell(&mut self, at: &str, found: String, wanted: impl Into<String>) {
        self.wrong.push(Mismatch::new(at, found, wanted));
    }
}

/// `-5`, `-0.5`: what `argparse` takes for a number and not for an option.
fn is_negative_number(text: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let number = text.strip_prefix('-').unwrap_or_default();
    match number.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction) && !fraction.is_empty(),
        None => digits(number) && !number.is_empty(),
    }
}

/// `--name value`; joined to the option when the value would be taken for an option.
fn option_value(option: &str, value: &str) -> Vec<String> {
    if value.starts_with('-') {
        vec![joined(option, value)]
    } else {
        vec![option.to_owned(), value.to_owned()]
    }
}

/// `--name=value`, `-nvalue`
fn joined(option: &str, value: &str) -> String {
    let short = option.len() == 2;
    if short { format!("{option}{value}") } else { format!("{option}={value}") }
}
