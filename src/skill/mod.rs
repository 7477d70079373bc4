//! What a skill says: front matter, entries, tool schema, diagnostics.
//!
//! [`read()`] turns a folder into a [`Skill`]: text ([`frontmatter`]), fields ([`manifest`]), rules of the specification
//! ([`lint`]), scripts ([`entry`]) and the programs that run them ([`interpreter`]), command lines of the body against the
//! scripts' own parsers (`drift`), secrets and their like in all of it (`scan`). It never fails: what is wrong becomes a
//! [`Diagnostic`] with a code from [`rules`].

pub mod changes;
pub mod clients;
pub mod cost;
pub mod diagnostic;
mod drift;
pub mod entry;
pub mod findings;
pub mod fix;
pub mod folder;
pub mod frontmatter;
pub mod interpreter;
pub mod lint;
pub mod manifest;
pub mod model;
mod package;
mod read;
pub mod rules;
mod scan;
pub mod schema;
mod script;
pub mod secret;
pub mod shims;
pub mod text;
pub(crate) mod typescript;

pub use diagnostic::{Diagnostic, Edit, Fix, Severity, Span};
pub use folder::Folder;
pub use interpreter::Resolver;
pub use model::{Entry, Field, Interpreter, Language, Manifest, Skill};
pub use read::{MAX_FILE, apply, diagnose, is_other_case, manifest_of, read, read_folder, read_with, source};

#[cfg(test)]
mod tests;
