//! What has changed in a text, within bounds.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use similar::{Algorithm, TextDiff};

use super::super::report::ChangeKind;
use super::tree::{State, Thing, Tree};
use super::{Captured, join};

/// Longest text that is compared, and longest diff of one.
const MAX_TEXT: u64 = 256 * 1024;
const MAX_DIFF: usize = 32 * 1024;
/// Bytes of diffs in one report, how many, and how long they may take.
pub(in crate::run) const ROOM: usize = 1024 * 1024;
pub(in crate::run) const MAX_DIFFS: usize = 1000;
pub(in crate::run) const TIME: Duration = Duration::from_secs(3);
/// A text can be made to be hard to compare; then the diff is a coarse one.
const PATIENCE: Duration = Duration::from_millis(200);

/// What there is to show of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Diff {
    /// Unified, without file names; and whether its end was cut off.
    Text(String, bool),
    Binary,
    TooLong,
    /// Not a file, or the same content.
    Nothing,
}

impl Diff {
    /// The text, and what to say beside it or instead.
    pub(in crate::run) fn into_parts(self) -> (Option<String>, Option<String>) {
        match self {
            Self::Text(text, cut) => (Some(text), cut.then(|| "diff cut".to_owned())),
            Self::Binary => (None, Some("binary".into())),
            Self::TooLong => (None, Some("too long for a diff".into())),
            Self::Nothing => (None, None),
        }
    }
}

enum Side {
    Text(String),
    Other(Diff),
}

impl Captured {
    /// The diff of the change with this place in [`Captured::changes`].
    pub fn diff(&self, index: usize) -> Diff {
        let Some(change) = self.changes.get(index) else { return Diff::Nothing };
        let (Some(spot), Some(upper)) =
            (self.capturing.spots.get(change.capture), self.uppers.get(change.capture))
        else {
            return Diff::Nothing;
        };
        if self.capturing.is_closed(&change.path) {
            return Diff::Nothing;
        }
        let is_file = |state: &Option<State>| matches!(state, Some(State { thing: Thing::File, .. }));
        if change.kind == ChangeKind::ModeChanged || !(is_file(&change.before) || is_file(&change.after)) {
            return Diff::Nothing;
        }
        let side = |state: &Option<State>, tree: &Tree, below: &Path| match state {
            Some(state) if state.thing == Thing::File => text(tree, below, state.bytes),
            _ => Side::Text(String::new()),
        };
        let before = side(&change.before, &spot.host, &join(&spot.missing, &change.below));
        let after = side(&change.after, upper, &change.below);
        match (before, after) {
            (Side::Text(before), Side::Text(after)) => unified(&before, &after),
            (Side::Other(diff), _) | (_, Side::Other(diff)) => diff,
        }
    }
}

fn text(tree: &Tree, below: &Path, bytes: u64) -> Side {
    if bytes > MAX_TEXT {
        return Side::Other(Diff::TooLong);
    }
    let mut content = Vec::new();
    let read = tree.file(below).and_then(|file| file.take(MAX_TEXT).read_to_end(&mut content));
    if read.is_err() || content.contains(&0) {
        return Side::Other(Diff::Binary);
    }
    String::from_utf8(content).map_or(Side::Other(Diff::Binary), Side::Text)
}

/// What is different between two texts.
pub(crate) fn unified(before: &str, after: &str) -> Diff {
    // Not the default algorithm, which gets the line numbers of some hunks wrong.
    let mut differ = TextDiff::configure();
    let diff = differ.algorithm(Algorithm::Patience).timeout(PATIENCE).diff_lines(before, after);
    let mut text = diff.unified_diff().context_radius(3).to_string();
    let cut = text.len() > MAX_DIFF;
    if cut {
        let end = text.floor_char_boundary(MAX_DIFF);
        // Whole lines, unless the text is one line.
        text.truncate(text[..end].rfind('\n').map_or(end, |line| line + 1));
    }
    if text.is_empty() { Diff::Nothing } else { Diff::Text(text, cut) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_is_unified_and_bounded() {
        assert_eq!(unified("a\nb\n", "a\nc\n"), Diff::Text("@@ -1,2 +1,2 @@\n a\n-b\n+c\n".into(), false));
        assert_eq!(unified("a\n", "a\n"), Diff::Nothing);
        let long = "one more line\n".repeat(15_000);
        let Diff::Text(text, true) = unified("", &long) else { panic!("not cut") };
        assert!(text.len() <= MAX_DIFF && text.ends_with('\n'));
    }
}
