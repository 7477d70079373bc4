//! Denials that belong together: by what would allow them, by the line that decided, by the skill's own line.

use super::State;
use crate::run::report::{Denial, Remedy};

/// Other denials of the same run, by their place in its list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shared {
    /// The grant that is offered allows these too.
    pub by_grant: Vec<usize>,
    /// The same line of the skill made the call.
    pub by_line: Vec<usize>,
    /// The same line of a policy decided; of the default, which refuses most things, this says nothing.
    pub by_rule: Vec<usize>,
}

/// Why two denials belong together, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kin {
    pub index: usize,
    pub why: Vec<&'static str>,
}

impl Shared {
    /// All of them in their order, each with what it has in common.
    pub fn kin(&self) -> Vec<Kin> {
        let lists =
            [("same grant", &self.by_grant), ("same line", &self.by_line), ("same rule", &self.by_rule)];
        let mut all: Vec<usize> = lists.iter().flat_map(|(_, list)| list.iter().copied()).collect();
        all.sort_unstable();
        all.dedup();
        let why =
            |index| lists.iter().filter(|(_, list)| list.contains(&index)).map(|(why, _)| *why).collect();
        all.into_iter().map(|index| Kin { index, why: why(index) }).collect()
    }
}

impl State {
    /// What shares the cause of the denial under the cursor, when `grant` is the one that is offered for it.
    pub fn shared(&self, grant: Option<&Remedy>) -> Shared {
        let Some(report) = self.shown_run().and_then(|run| run.report.as_deref()) else {
            return Shared::default();
        };
        let here = self.run_tab.findings.cursor;
        let Some(denial) = report.denials.get(here) else { return Shared::default() };
        let line = self.blamed(denial).filter(|frame| frame.line > 0);
        let others = |same: &dyn Fn(&Denial) -> bool| -> Vec<usize> {
            let all =
                report.denials.iter().enumerate().filter(|(index, other)| *index != here && same(other));
            all.map(|(index, _)| index).collect()
        };
        Shared {
            by_grant: others(&|other| grant.is_some_and(|grant| other.grants().any(|one| one == grant))),
            by_line: others(&|other| {
                line.is_some_and(|line| {
                    self.blamed(other)
                        .is_some_and(|frame| (&frame.file, frame.line) == (&line.file, line.line))
                })
            }),
            by_rule: others(&|other| !denial.rule.starts_with("default") && other.rule == denial.rule),
        }
    }
}
