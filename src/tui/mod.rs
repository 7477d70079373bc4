//! The workbench: a terminal program.
//!
//! One state tree ([`state`]), one action enum ([`action`]), one pure function that applies actions
//! ([`update()`]), pure views ([`view`]). What is to be done outside, `update` gives as effects ([`effect`]);
//! the runtime does it and answers with actions. Started by `cli::workbench`; `cli::screenshot` and the
//! tests drive the same parts by key strings.

pub mod action;
pub mod drive;
pub mod effect;
pub mod examples;
pub mod film;
pub mod input;
pub mod key;
pub mod keymap;
pub mod labels;
pub mod layout;
pub mod markdown;
pub mod runtime;
pub mod services;
pub mod settings;
mod start;
pub mod state;
mod still;
pub mod svg;
pub mod terminal;
pub mod theme;
pub mod update;
pub mod view;

#[cfg(test)]
pub(crate) mod tests;

pub use action::Action;
pub use effect::Effect;
pub use state::State;
pub use update::update;
