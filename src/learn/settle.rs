//! The last step of learning: what was asked for on the way and is not needed at the end is left out again. A program that
//! tries `git` and falls back to `hg` asks for both when neither is granted, and needs one.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::rounds::{Engine, Learned, Lesson, Progress, Pupil, Round, told};
use super::unused::{Standing, Tally};
use crate::policy::Permission;

/// Leave out what a wider grant covers, and what the last round did without; that less will do is tried in one more round.
pub(super) fn leave_out(
    pupil: &mut Pupil<'_>,
    learned: &mut Learned,
    begun: Instant,
    engine: &mut dyn Engine,
    tell: &mut dyn FnMut(Progress<'_>),
) {
    let all = std::mem::take(&mut pupil.lessons);
    let covered = |lesson: &Lesson| covering(pupil, lesson, &all);
    let (mut rest, mut gone) = (Vec::new(), Vec::new());
    for lesson in all.iter().cloned() {
        match covered(&lesson) {
            Some(wide) => gone.push((lesson, format!("`{wide}` covers it"))),
            None => rest.push(lesson),
        }
    }
    learned.left_out.extend(gone);
    pupil.lessons = rest;
    let Some(report) = &learned.last else { return };
    let mut tally = Tally::new(&pupil.learned(&pupil.lessons), pupil.setting.skill);
    tally.take(report);
    let unneeded: Vec<(Permission, String)> = tally
        .finish()
        .into_iter()
        .filter(|grant| grant.standing == Standing::Unneeded)
        .map(|grant| (grant.permission, grant.written))
        .collect();
    let is_needed = |lesson: &Lesson| {
        let same = |(permission, written): &(Permission, String)| {
            permission.name() == lesson.remedy.permission && *written == lesson.remedy.add
        };
        lesson.held.is_some() || !unneeded.iter().any(same)
    };
    let number = learned.rounds.len() + 1;
    if pupil.lessons.iter().all(is_needed) || number > pupil.setting.bounds.rounds {
        return;
    }
    let before = pupil.lessons.clone();
    let (less, gone): (Vec<Lesson>, Vec<Lesson>) = before.iter().cloned().partition(is_needed);
    pupil.lessons = less;
    // Whatever keeps this round from being made, the proposal stays as it was.
    let Ok(report) = pupil.run(number, begun, engine, tell) else {
        pupil.lessons = before;
        return;
    };
    let (new, undecided) = pupil.news(&report, number, engine);
    let will_do = new.iter().all(|lesson| lesson.held.is_some()) && undecided.is_empty();
    let ended_alike = report.outcome.as_ref().map(|outcome| (outcome.kind, outcome.code))
        == learned.last.as_ref().and_then(|last| last.outcome.as_ref()).map(|was| (was.kind, was.code));
    let round = Round { confirms: true, ..told(number, &report) };
    tell(Progress::Ended(&round));
    learned.rounds.push(round);
    if will_do && ended_alike {
        let why = "not needed once the others were granted";
        learned.left_out.extend(gone.into_iter().map(|lesson| (lesson, why.to_owned())));
        learned.last = Some(report);
    } else {
        pupil.lessons = before;
    }
}

/// The wider one of the lessons that covers this one.
fn covering(pupil: &Pupil<'_>, lesson: &Lesson, all: &[Lesson]) -> Option<String> {
    let narrow = path(pupil, lesson)?;
    let wide = all.iter().find(|other| {
        let reads = lesson.remedy.permission == Permission::Read.name();
        let permits = other.remedy.permission == lesson.remedy.permission
            || reads && other.remedy.permission == Permission::Write.name() && narrow.exists();
        let tried = other.held.is_none() || lesson.held.is_some();
        permits && tried && path(pupil, other).is_some_and(|wide| narrow != wide && narrow.starts_with(wide))
    })?;
    Some(format!("{}: {}", wide.remedy.permission, wide.remedy.add))
}

fn path(pupil: &Pupil<'_>, lesson: &Lesson) -> Option<PathBuf> {
    let alone = [Lesson { held: None, ..lesson.clone() }];
    let policy = pupil.learned(&alone);
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    policy.read.first().or(policy.write.first()).map(|grant| real(&grant.value))
}
