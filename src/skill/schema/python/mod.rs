//! Reads the arguments of a Python script from its syntax tree.
//!
//! Command lines are built by code: helper functions add options to several parsers, choices come from constants,
//! subparsers are made in loops. So the module is interpreted, as far as it concerns parsers: constants, lists,
//! functions and loops over known values are followed, everything else is unknown. Nothing is executed; steps, depth
//! and loop turns are bounded.

mod argparse;
mod calls;
mod eval;
mod interpret;
mod value;

use tree_sitter::Parser;

use super::{Script, Source};
use interpret::Interpreter;

/// What can be learned from the text of a script.
pub(super) fn read(text: &str) -> Script {
    let mut parser = Parser::new();
    if parser.set_language(&tree_sitter_python::LANGUAGE.into()).is_err() {
        return Script::default();
    }
    let Some(tree) = parser.parse(text, None) else { return Script::default() };
    let mut interpreter = Interpreter::new(text);
    interpreter.module(tree.root_node());
    let docstring = interpreter.docstring(tree.root_node());
    let mut script = Script { description: docstring, ..Script::default() };
    if let Some((description, commands)) = interpreter.parsers.commands() {
        script.source = Some(Source::Argparse);
        script.commands = commands;
        if !description.is_empty() {
            script.description = description;
        }
    }
    script.stdin = interpreter.stdin_schema();
    script.stdin_lines = interpreter.stdin_lines();
    script
}
