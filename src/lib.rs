//! skilldeck: the workbench in which agent skills are written, debugged and reviewed.
//!
//! The tree shows the way that data takes. A folder is read ([`workspace`]), understood ([`skill`]),
//! judged ([`policy`]), run ([`sandbox`], [`run`]) and shown ([`tui`], [`cli`], [`report`]). What runs needed becomes policy
//! again ([`learn`]).
//! Arrows go one way; [`sandbox`] imports nothing of ours but itself, and holds all `unsafe`
//! but that of the attacks in [`probe`], which try the sandbox from inside.

pub mod cases;
pub mod cli;
pub mod environment;
pub mod journal;
pub mod learn;
pub mod policy;
pub mod probe;
pub mod report;
pub mod run;
pub mod sandbox;
pub mod skill;
pub mod tui;
pub mod user;
pub mod workspace;
pub mod yaml;
