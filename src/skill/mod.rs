//! What a skill says: front matter, entries, tool schema, diagnostics.

pub mod diagnostic;
pub mod model;

pub use diagnostic::{Diagnostic, Edit, Fix, Severity, Span};
pub use model::{Entry, Field, Interpreter, Language, Manifest, Skill};
