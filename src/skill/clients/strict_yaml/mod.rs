//! What strictyaml 1.7.3 makes of a text, down to the words and the place of each fault.
//!
//! The reference validator reads front matter with it, and shows its messages. It is a YAML of its own: scalars are
//! text, flow style, anchors, tags and duplicate keys are faults; and which of several faults is told depends on its
//! scanner, which is PyYAML's by way of ruamel.yaml. No other parser words or orders them so; hence this one, which is
//! written after that scanner's behaviour and compared with the library itself by `tests/skills_ref`.
//! [`skills_ref`](super::skills_ref) calls it. Source: strictyaml 1.7.3 on PyPI, read 2026-11-25.

mod construct;
mod keys;
mod node;
mod parser;
mod properties;
mod reader;
mod scalars;
mod scanner;
mod token;

pub(super) use construct::Value;

use reader::Stop;

/// Why there is no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The library's message.
    Message(String),
    /// The library ends with an exception of this name, which the validator does not catch.
    Exception(&'static str),
}

/// Read front matter, which never holds `---`. `None` when it is empty.
pub(super) fn load(text: &str) -> Result<Option<Value>, Refusal> {
    if text.chars().any(|c| !is_printable(c)) {
        // The reader's own error lacks what the handler asks it for.
        return Err(Refusal::Exception("AttributeError"));
    }
    let mut scanner = scanner::Scanner::new(text);
    scanner.document().and_then(construct::value).map_err(|stop| match stop {
        Stop::Fault(fault) => Refusal::Message(scanner.reader.render(&fault)),
        Stop::Crash(exception) => Refusal::Exception(exception),
    })
}

fn is_printable(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
}
