//! What a skill may do: model, loading with provenance, decisions and remedies.

pub mod model;

pub use model::{Deny, Grant, Host, NetRule, Origin, Policy, RunRule};
