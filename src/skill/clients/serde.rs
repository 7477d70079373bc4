//! What clients see that read front matter with `serde_yaml`: asked of that very library, within bounds.

use ::serde::de::DeserializeOwned;

use crate::skill::frontmatter::MAX_FRONT_MATTER;

/// Most brackets that may be open at once. The library's time grows with the square of their number, and it has no bound of
/// its own while it scans.
const MAX_OPEN: usize = 1000;

/// Why there is no value.
#[derive(Debug)]
pub(super) enum Unread {
    /// The library's message.
    Refused(String),
    /// The library would take too long.
    TooLarge(String),
}

/// Read a front matter.
pub(super) fn read<T: DeserializeOwned>(yaml: &str) -> Result<T, Unread> {
    if most_open(yaml) > MAX_OPEN {
        return Err(Unread::TooLarge(format!("more than {MAX_OPEN} brackets are open at once")));
    }
    // Aliases may be followed a hundred times for each of the document's events.
    if yaml.len() > MAX_FRONT_MATTER && yaml.contains('*') {
        return Err(Unread::TooLarge(format!("more than {MAX_FRONT_MATTER} bytes with aliases")));
    }
    serde_yaml::from_str(yaml).map_err(|error| Unread::Refused(error.to_string()))
}

fn most_open(yaml: &str) -> usize {
    let depths = yaml.bytes().scan(0_usize, |open, byte| {
        match byte {
            b'[' | b'{' => *open += 1,
            b']' | b'}' => *open = open.saturating_sub(1),
            _ => {}
        }
        Some(*open)
    });
    depths.max().unwrap_or(0)
}
