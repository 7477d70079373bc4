//! Fixes of diagnostics, carried out by the desk: worked out as a diff, written in place, taken back to the byte.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use similar::{Algorithm, ChangeTag, TextDiff};

use super::loader::Watch;
use crate::policy::{self, Places};
use crate::skill::folder::read_bounded;
use crate::skill::{self, MAX_FILE, Skill};
use crate::tui::action::Action;
use crate::tui::effect::{DraftFix, Effect};
use crate::tui::state::{DiffKind, DiffLine, FixDraft, FixWanted};
use crate::workspace::replace;

/// Longest that a diff is worked on; after that it is coarser.
const DIFF_TIME: Duration = Duration::from_millis(300);
/// Lines around a change, and most lines of a diff that are shown.
const CONTEXT: usize = 3;
const MAX_LINES: usize = 4000;

/// Fixes made in this session, newest last.
#[derive(Debug, Default)]
pub(super) struct Fixer {
    written: Vec<Written>,
}

#[derive(Debug)]
struct Written {
    skill: PathBuf,
    file: PathBuf,
    before: Arc<str>,
    after: Arc<str>,
    what: String,
}

impl Fixer {
    /// Answer what is asked about fixes; `None` for everything else.
    pub(super) fn answer(&mut self, effect: &Effect, watch: &Watch, workspace: &Path) -> Option<Action> {
        let (skill, result) = match effect {
            Effect::DraftFix(wanted) => {
                return Some(Action::FixDrafted(draft(wanted, &Places::new(workspace)).map(Box::new)));
            }
            Effect::ApplyFix { skill, draft } => (skill, self.apply(skill, draft, watch)),
            Effect::UndoFix(skill) => (skill, self.take_back(skill, watch)),
            _ => return None,
        };
        Some(Action::Fixed { skill: skill.path.clone(), undoable: self.undoable(&skill.path), result })
    }

    /// Make the change that was shown. Says what was done.
    fn apply(&mut self, skill: &Skill, draft: &FixDraft, watch: &Watch) -> Result<String, String> {
        let name = name(skill, &draft.file);
        write(skill, &draft.file, &draft.before, &draft.after, watch)
            .map_err(|error| format!("{name}: {error}; nothing was changed"))?;
        let what = match &draft.titles[..] {
            [one] => one.clone(),
            several => format!("{} fixes", several.len()),
        };
        self.written.push(Written {
            skill: draft.skill.clone(),
            file: draft.file.clone(),
            before: Arc::clone(&draft.before),
            after: Arc::clone(&draft.after),
            what: what.clone(),
        });
        Ok(format!("fixed {name}: {what}"))
    }

    /// Undo the last fix of a skill, unless the file was changed since.
    fn take_back(&mut self, skill: &Skill, watch: &Watch) -> Result<String, String> {
        let Some(at) = self.written.iter().rposition(|written| written.skill == skill.path) else {
            return Err("no fix of this session is left to take back".to_owned());
        };
        let Written { file, before, after, what, .. } = self.written.remove(at);
        let name = name(skill, &file);
        write(skill, &file, &after, &before, watch)
            .map_err(|error| format!("{name}: {error}; take `{what}` back by hand"))?;
        Ok(format!("took back in {name}: {what}"))
    }

    /// How many fixes of a skill can be taken back.
    fn undoable(&self, skill: &Path) -> usize {
        self.written.iter().filter(|written| written.skill == skill).count()
    }
}

fn name(skill: &Skill, file: &Path) -> String {
    file.strip_prefix(&skill.path).unwrap_or(file).display().to_string()
}

/// The watcher is not told of the file itself: a fix is a save like any other, and is read again like one.
fn write(skill: &Skill, file: &Path, before: &str, after: &str, watch: &Watch) -> Result<(), String> {
    if let Ok(target) = file.canonicalize() {
        watch.ignore_write(replace::beside(&target));
    }
    replace::exchange(&skill.path, file, before, after)
}

/// Work out what a fix changes, without changing it.
fn draft(wanted: &DraftFix, places: &Places) -> Result<FixDraft, String> {
    let DraftFix { skill, file, wanted } = wanted;
    let shown = name(skill, file);
    let (bytes, more) = read_bounded(file, MAX_FILE).map_err(|error| format!("{shown}: {error}"))?;
    if more {
        return Err(format!("{shown} is too large to be changed here; edit it by hand"));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| format!("{shown} holds bytes that are not UTF-8; save it as UTF-8 first"))?;
    let is_manifest = *file == skill.manifest_path();
    if is_manifest && text != skill.source {
        return Err(format!("{shown} has just changed; look again"));
    }
    draft_of(skill, file, &text, wanted, places)
        .ok_or_else(|| format!("{shown} has just changed; look again"))
}

/// The draft for a file with this text. `None` when the fix is not one of this text.
pub(crate) fn draft_of(
    skill: &Skill,
    file: &Path,
    text: &str,
    wanted: &FixWanted,
    places: &Places,
) -> Option<FixDraft> {
    let offers = |fix: &skill::Fix, code: &str| {
        // Diagnostics of SKILL.md are those of its text as it was read; others are asked for again.
        *file == skill.manifest_path()
            || policy::diagnose(text, file, places)
                .iter()
                .any(|found| found.code == code && found.fix.as_ref() == Some(fix))
    };
    let (after, titles) = match wanted {
        FixWanted::One { code, fix } => {
            let after = skill::apply(text, &fix.edits).filter(|_| offers(fix, code))?;
            (after, vec![fix.title.clone()])
        }
        FixWanted::All => {
            let fixed = policy::fixed(skill, file, text, places);
            (fixed.text, fixed.done.into_iter().map(|(_, title)| title).collect())
        }
    };
    Some(FixDraft {
        skill: skill.path.clone(),
        file: file.to_owned(),
        titles,
        all: *wanted == FixWanted::All,
        diff: diff(text, &after),
        before: text.into(),
        after: after.into(),
    })
}

/// The lines that differ, with some around them.
fn diff(before: &str, after: &str) -> Vec<DiffLine> {
    // Not the default, which gets the line numbers of some hunks wrong.
    let diff =
        TextDiff::configure().algorithm(Algorithm::Patience).timeout(DIFF_TIME).diff_lines(before, after);
    let mut lines = Vec::new();
    for (at, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if at > 0 {
            lines.push(DiffLine { kind: DiffKind::Gap, number: 0, text: String::new() });
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            if lines.len() == MAX_LINES {
                let text = format!("only the first {MAX_LINES} lines of the difference are shown");
                lines.push(DiffLine { kind: DiffKind::Gap, number: 0, text });
                return lines;
            }
            let (kind, index) = match change.tag() {
                ChangeTag::Equal => (DiffKind::Same, change.new_index()),
                ChangeTag::Delete => (DiffKind::Gone, change.old_index()),
                ChangeTag::Insert => (DiffKind::New, change.new_index()),
            };
            let text = change.value();
            let text = text.strip_suffix('\n').unwrap_or(text);
            // Two lines that differ by their ends alone would look the same.
            let text = if kind == DiffKind::Same { text.to_owned() } else { text.replace('\r', "^M") };
            lines.push(DiffLine { kind, number: index.map_or(0, |index| index + 1), text });
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "---\r\nname: Wrong Name\ndescription: Does things. Use when asked.\n---\n# Title\n\n  kept \t exactly\u{a0}\n\nlast line without an end";

    fn skill_with(text: &str) -> (tempfile::TempDir, Arc<Skill>) {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().canonicalize().unwrap().join("demo");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("SKILL.md"), text).unwrap();
        let skill = skill::read(&folder, &folder);
        (dir, Arc::new(skill))
    }

    fn wanted(skill: &Arc<Skill>, code: &str) -> DraftFix {
        let found = skill.diagnostics.iter().find(|found| found.code == code);
        let found = found.unwrap_or_else(|| panic!("no {code} in {:?}", skill.diagnostics));
        let wanted = FixWanted::One { code: found.code, fix: found.fix.clone().unwrap() };
        DraftFix { skill: Arc::clone(skill), file: found.file.clone(), wanted }
    }

    #[test]
    fn a_fix_changes_its_bytes_and_no_other_and_is_taken_back() {
        let (dir, skill) = skill_with(TEXT);
        let file = skill.manifest_path();
        let (watch, places, mut fixer) = (Watch::default(), Places::new(dir.path()), Fixer::default());
        let draft = draft(&wanted(&skill, "name-mismatch"), &places).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), TEXT, "a draft writes nothing");
        let changed: Vec<_> = draft.diff.iter().filter(|line| line.kind != DiffKind::Same).collect();
        assert_eq!(changed.len(), 2, "{changed:?}");
        assert_eq!((changed[0].kind, changed[0].number), (DiffKind::Gone, 2));
        assert_eq!((changed[1].kind, changed[1].text.as_str()), (DiffKind::New, "name: demo"));
        let said = fixer.apply(&skill, &draft, &watch).unwrap();
        assert!(said.contains("SKILL.md") && said.contains("rename to"), "{said}");
        let expected = TEXT.replace("Wrong Name", "demo");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), expected);
        assert_eq!(fixer.undoable(&skill.path), 1);
        fixer.take_back(&skill, &watch).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), TEXT);
        assert!(fixer.take_back(&skill, &watch).unwrap_err().contains("no fix"));
    }

    #[test]
    fn what_somebody_else_wrote_is_never_overwritten() {
        let (dir, skill) = skill_with(TEXT);
        let file = skill.manifest_path();
        let (watch, places, mut fixer) = (Watch::default(), Places::new(dir.path()), Fixer::default());
        let drafted = draft(&wanted(&skill, "name-mismatch"), &places).unwrap();
        std::fs::write(&file, "mine").unwrap();
        let problem = fixer.apply(&skill, &drafted, &watch).unwrap_err();
        assert!(problem.contains("changed") && problem.contains("nothing was changed"), "{problem}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
        let problem = draft(&wanted(&skill, "name-mismatch"), &places).unwrap_err();
        assert!(problem.contains("look again"), "{problem}");
        std::fs::write(&file, TEXT).unwrap();
        fixer.apply(&skill, &drafted, &watch).unwrap();
        std::fs::write(&file, "mine again").unwrap();
        assert!(fixer.take_back(&skill, &watch).unwrap_err().contains("by hand"));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine again");
    }

    #[test]
    fn all_fixes_of_a_file_are_one_change() {
        let (dir, skill) = skill_with(TEXT);
        let all = DraftFix { wanted: FixWanted::All, ..wanted(&skill, "name-mismatch") };
        let draft = draft(&all, &Places::new(dir.path())).unwrap();
        assert!(draft.all && draft.titles.len() > 1, "{:?}", draft.titles);
        assert!(draft.after.contains("name: demo") && !draft.after.contains('\r'), "{}", draft.after);
        assert!(draft.diff.iter().any(|line| line.text == "---^M"), "the difference is to be seen");
    }

    #[test]
    fn fixes_of_the_policy_file_are_made_there() {
        let (dir, skill) = skill_with(TEXT);
        let file = skill.path.join("policy.yaml");
        std::fs::write(&file, "permisions:\n  read: [./data] # why\n").unwrap();
        let places = Places::new(dir.path());
        let found = policy::check(&skill, &places);
        let found = found.iter().find(|found| found.fix.is_some()).unwrap();
        let wanted = FixWanted::One { code: found.code, fix: found.fix.clone().unwrap() };
        let wanted = DraftFix { skill: Arc::clone(&skill), file: file.clone(), wanted };
        let drafted = draft(&wanted, &places).unwrap();
        Fixer::default().apply(&skill, &drafted, &Watch::default()).unwrap();
        let now = std::fs::read_to_string(&file).unwrap();
        assert_eq!(now, "permissions:\n  read: [./data] # why\n");
        assert!(draft(&wanted, &places).is_err(), "it is of a text that is no longer there");
    }

    #[test]
    fn a_link_out_of_the_skill_is_left_alone() {
        let (dir, skill) = skill_with(TEXT);
        let outside = dir.path().canonicalize().unwrap().join("outside.md");
        std::fs::write(&outside, TEXT).unwrap();
        std::fs::remove_file(skill.manifest_path()).unwrap();
        std::os::unix::fs::symlink(&outside, skill.manifest_path()).unwrap();
        let drafted = draft(&wanted(&skill, "name-mismatch"), &Places::new(dir.path())).unwrap();
        let problem = Fixer::default().apply(&skill, &drafted, &Watch::default()).unwrap_err();
        assert!(problem.contains("outside the skill"), "{problem}");
        assert_eq!(std::fs::read_to_string(&outside).unwrap(), TEXT);
    }
}
