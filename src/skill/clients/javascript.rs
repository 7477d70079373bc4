//! Front matter as the YAML libraries of JavaScript read it: what three clients have in common.

use serde_json::Value as Json;

use super::serde::{Unread, read};
use crate::yaml::{self, Start, YamlErrorKind};

/// Why there are no fields.
#[derive(Debug)]
pub(super) enum Fault {
    Broken {
        kind: YamlErrorKind,
        message: String,
    },
    /// Beyond what is read here.
    TooLarge(String),
}

/// The value of front matter that begins on the second line of its file; `Null` when it is empty.
///
/// `yaml` 2.9 takes any character, where our parser follows the specification: those become U+FFFD.
pub(super) fn fields(source: &str) -> Result<Json, Fault> {
    let printable = source.replace(is_unprintable, "\u{fffd}");
    let source = printable.as_str();
    let document = match yaml::parse_at(source, Start { line: 2, offset: 0 }) {
        Ok(document) => document,
        // Those libraries know aliases, within bounds; this one does too.
        Err(error) if error.kind == YamlErrorKind::Alias => {
            return read(source).map_err(|unread| match unread {
                Unread::Refused(message) => broken(message),
                Unread::TooLarge(message) => Fault::TooLarge(message),
            });
        }
        Err(error) if error.kind == YamlErrorKind::TooLarge => return Err(Fault::TooLarge(error.message)),
        Err(error) => {
            let message = format!("{} (line {}, column {})", error.message, error.line, error.column);
            return Err(Fault::Broken { kind: error.kind, message });
        }
    };
    let Some(root) = document.root else { return Ok(Json::Null) };
    match root.all_duplicates().first() {
        Some((_, again)) => Err(broken(format!("Map keys must be unique (line {})", again.span.line))),
        None => Ok(root.to_json()),
    }
}

/// What YAML does not allow in a document.
pub(super) fn is_unprintable(c: char) -> bool {
    let allowed = matches!(c, '\t' | '\n' | '\r' | '\u{85}');
    (c.is_control() && !allowed) || matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

fn broken(message: String) -> Fault {
    Fault::Broken { kind: YamlErrorKind::Syntax, message }
}
