//! Reads the arguments of a Python script from its syntax tree.
//!
//! Command lines are built by code: helper functions add options to several parsers, choices come from constants,
//! subparsers are made in loops. So the module is interpreted, as far as it concerns parsers: constants, lists, classes,
//! functions and loops over known values are followed, branches whose condition is not known are all taken, everything
//! else is unknown. Nothing is executed; steps, depth, sizes and loop turns are bounded.
//!
//! | module | holds |
//! | --- | --- |
//! | `interpret`, `names`, `functions`, `classes` | statements, calls of the script's own functions, classes and objects |
//! | `eval`, `operators`, `text`, `builtins`, `calls` | expressions |
//! | `argument`, `converter`, `help` | `add_argument` of argparse |
//! | `click`, `option`; `typer`, `hints` | the two other libraries |
//! | `tree` | parsers, commands and groups of all three, and the command lines that come out |

mod argument;
mod builtins;
mod calls;
mod classes;
mod click;
mod converter;
mod eval;
mod functions;
mod help;
mod hints;
mod interpret;
mod names;
mod operators;
mod option;
mod text;
mod tree;
mod typer;
mod value;

use super::{Script, syntax};
use interpret::Interpreter;

/// What can be learned from the text of a script.
pub(super) fn read(text: &str) -> Script {
    let Some(tree) = syntax::parse(&tree_sitter_python::LANGUAGE.into(), text) else {
        return Script::default();
    };
    let mut interpreter = Interpreter::new(text);
    interpreter.module(tree.root_node());
    let docstring = interpreter.about(tree.root_node());
    let mut script = Script { description: docstring, ..Script::default() };
    if let Some((source, description, commands)) = interpreter.tree.commands() {
        script.source = Some(source);
        script.commands = commands;
        if !description.is_empty() {
            script.description = description;
        }
    }
    script.stdin = interpreter.input.schema();
    script.stdin_lines = interpreter.input.lines();
    script
}
