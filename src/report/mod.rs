//! Reports of runs and checks for people and machines.

pub mod terminal;
pub mod text;
