//! What a skill costs a model: tokens that are always in its context, those of a skill that is triggered, and those of
//! each file that the text sends it to. Shown by the workbench.

use std::path::{Path, PathBuf};

use aho_corasick::AhoCorasick;

use super::lint;
use super::model::Skill;

/// How tokens are counted, in words. No tokeniser is asked: each model has its own.
pub const METHOD: &str = "tokens are counted as the specification's guide does: four characters are a token";

/// What the specification recommends.
pub const FEWER_IN_BODY: usize = lint::MAX_BODY_TOKENS;
pub const ABOUT_ALWAYS: usize = 100;

/// Most of all named files together that is counted.
const MAX_READ: usize = 32 * 1024 * 1024;

/// The length of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    pub characters: usize,
    pub tokens: usize,
}

impl Count {
    pub fn of(text: &str) -> Self {
        Self::of_characters(text.chars().count())
    }

    fn of_characters(characters: usize) -> Self {
        Self { characters, tokens: characters / lint::CHARACTERS_OF_TOKEN }
    }
}

/// The three stages in which a client loads a skill.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cost {
    /// Name and description: in every conversation.
    pub always: Count,
    /// The body: once the skill is triggered.
    pub body: Count,
    /// Files that the body names: when the model reads them.
    pub files: Vec<FileCost>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileCost {
    /// Relative to the skill's folder.
    pub path: PathBuf,
    /// Line of SKILL.md (1-based) that names it first.
    pub line: usize,
    /// Its length, or why it has none.
    pub count: Result<Count, &'static str>,
}

impl Cost {
    /// All named files that could be counted.
    pub fn on_demand(&self) -> Count {
        let counts = self.files.iter().filter_map(|file| file.count.ok());
        // Each is rounded by itself: the sum is that of the numbers shown.
        counts.fold(Count::default(), |sum, count| Count {
            characters: sum.characters + count.characters,
            tokens: sum.tokens + count.tokens,
        })
    }
}

/// The cost of a skill that has these files; `read` gives the text of one.
pub fn of(skill: &Skill, files: &[PathBuf], read: impl Fn(&Path) -> Option<String>) -> Cost {
    let of_field =
        |field: &Option<super::Field<String>>| field.as_ref().map_or(0, |field| field.value.chars().count());
    let (name, description) = (of_field(&skill.manifest.name), of_field(&skill.manifest.description));
    let start = line_start(&skill.source, skill.body_line);
    let mut left = MAX_READ;
    let named = named(&skill.source[start..], files);
    let mut count = |path: &Path| {
        if left == 0 {
            return Err("beyond the 32 MiB counted");
        }
        let text = read(path).ok_or("no text up to 2 MiB")?;
        left = left.saturating_sub(text.len());
        if text.contains('\0') { Err("binary") } else { Ok(Count::of(&text)) }
    };
    let files = named
        .into_iter()
        .map(|(at, path)| FileCost {
            line: skill.source[..start + at].matches('\n').count() + 1,
            count: count(&path),
            path,
        })
        .collect();
    Cost { always: Count::of_characters(name + description), body: Count::of(&skill.source[start..]), files }
}

/// Byte offset at which a line (1-based) starts.
fn line_start(text: &str, line: usize) -> usize {
    text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum()
}

/// The files whose paths stand in the text, in the order of their first place.
fn named(text: &str, files: &[PathBuf]) -> Vec<(usize, PathBuf)> {
    let files: Vec<(&Path, String)> = files
        .iter()
        .filter(|path| path.as_os_str() != "SKILL.md")
        .filter_map(|path| Some((path.as_path(), path.to_str()?.to_owned())))
        .collect();
    // As a link writes it, too.
    let patterns = files.iter().flat_map(|(_, path)| [path.clone(), path.replace(' ', "%20")]);
    let Ok(finder) = AhoCorasick::new(patterns) else { return Vec::new() };
    let mut first: Vec<Option<usize>> = vec![None; files.len()];
    for found in finder.find_overlapping_iter(text) {
        let file = &mut first[found.pattern().as_usize() / 2];
        if file.is_none() && stands_alone(text, found.start(), found.end()) {
            *file = Some(found.start());
        }
    }
    let places = first.into_iter().zip(files).filter_map(|(at, (path, _))| Some((at?, path.to_owned())));
    let mut places: Vec<(usize, PathBuf)> = places.collect();
    places.sort();
    places
}

/// Whether what is found is a path of its own, not a part of a longer word.
fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let joins = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    let before = text[..start].chars().next_back();
    let mut after = text[end..].chars();
    let next = after.next();
    let extended = next == Some('.') && after.next().is_some_and(joins);
    before.is_none_or(|c| !joins(c) && c != '.') && next.is_none_or(|c| !joins(c) && c != '/') && !extended
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skill;

    #[test]
    fn each_stage_is_counted_by_itself() {
        let dir = tempfile::tempdir().unwrap();
        let body = "# Title\n\nRead [the api](references/api.md), run `./scripts/a.py x`.\nNot scripts/a.py.orig, scripts/b.pyc or docs/my%20notes.md#top\n";
        let text = format!("---\nname: demo\ndescription: Does a thing.\n---\n{body}");
        std::fs::write(dir.path().join("SKILL.md"), text).unwrap();
        let skill = skill::read(dir.path(), dir.path());
        let files: Vec<PathBuf> = [
            "SKILL.md",
            "docs/my notes.md",
            "references/api.md",
            "references/other.md",
            "scripts/a.py",
            "scripts/b.py",
        ]
        .map(PathBuf::from)
        .into();
        let cost = of(&skill, &files, |path| match path.to_str() {
            Some("references/api.md") => Some("äöü!".repeat(10)),
            Some("scripts/a.py") => Some("a\0b".into()),
            _ => None,
        });
        assert_eq!(cost.always, Count { characters: 17, tokens: 4 });
        assert_eq!(cost.body.characters, body.len());
        let found: Vec<_> = cost.files.iter().map(|f| (f.path.to_str().unwrap(), f.line, f.count)).collect();
        assert_eq!(
            found,
            [
                ("references/api.md", 7, Ok(Count { characters: 40, tokens: 10 })),
                ("scripts/a.py", 7, Err("binary")),
                ("docs/my notes.md", 8, Err("no text up to 2 MiB")),
            ]
        );
        assert_eq!(cost.on_demand().tokens, 10);
    }
}
