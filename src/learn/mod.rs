//! Policies by what runs need, instead of by guessing.
//!
//! | question | file |
//! | --- | --- |
//! | which grants no run has needed, and which only a part of | `unused`, `narrow` |
//!
//! Used by the command line and by the workbench, which show the same.

mod narrow;
pub mod unused;

pub use unused::{GrantUse, Standing, Tally, Unknown};
