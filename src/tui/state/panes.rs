//! Tabs and their panes: which there are, in what order Tab goes through them, and where each is scrolled to. Asked by
//! `update`, the views and the layout.

use super::{Scroll, State, cases, history, policy};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    Skill,
    Run,
    Policy,
    Cases,
    Runs,
}

impl Tab {
    /// In the order of their titles.
    pub const ALL: [Self; 5] = [Self::Skill, Self::Run, Self::Policy, Self::Cases, Self::Runs];
}

/// Something that can have the focus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pane {
    Skills,
    Source,
    Details,
    Stdout,
    Stderr,
    /// Both streams, line by line as they came.
    Output,
    Findings,
    /// What stands for the next run.
    Policy,
    /// The text of `policy.yaml`.
    PolicyFile,
    Cases,
    /// What was expected of a case and what came.
    Verdict,
    /// Old runs, and what is known of the one under the cursor.
    Runs,
    PastRun,
}

/// A border that can be dragged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Border {
    List,
    Split,
}

impl State {
    pub fn scroll(&self, pane: Pane) -> &Scroll {
        match pane {
            Pane::Skills => &self.skills.scroll,
            Pane::Source if self.rendering().is_some() => &self.skill_tab.rendered.scroll,
            Pane::Source => self.source_scroll(),
            Pane::Details => &self.skill_tab.details,
            Pane::Stdout => &self.run_tab.stdout,
            Pane::Stderr => &self.run_tab.stderr,
            Pane::Output => &self.run_tab.output,
            Pane::Findings => &self.run_tab.findings,
            Pane::Policy => &self.policy_tab.lines,
            Pane::PolicyFile => &self.policy_tab.file,
            Pane::Cases => &self.cases_tab.list,
            Pane::Verdict => &self.cases_tab.verdict,
            Pane::Runs => &self.history.list,
            Pane::PastRun => &self.history.facts,
        }
    }

    pub fn scroll_mut(&mut self, pane: Pane) -> &mut Scroll {
        match pane {
            Pane::Skills => &mut self.skills.scroll,
            Pane::Source if self.rendering().is_some() => &mut self.skill_tab.rendered.scroll,
            Pane::Source => self.source_scroll_mut(),
            Pane::Details => &mut self.skill_tab.details,
            Pane::Stdout => &mut self.run_tab.stdout,
            Pane::Stderr => &mut self.run_tab.stderr,
            Pane::Output => &mut self.run_tab.output,
            Pane::Findings => &mut self.run_tab.findings,
            Pane::Policy => &mut self.policy_tab.lines,
            Pane::PolicyFile => &mut self.policy_tab.file,
            Pane::Cases => &mut self.cases_tab.list,
            Pane::Verdict => &mut self.cases_tab.verdict,
            Pane::Runs => &mut self.history.list,
            Pane::PastRun => &mut self.history.facts,
        }
    }

    /// Panes of the tab in front, in the order of Tab.
    pub fn panes(&self) -> &'static [Pane] {
        match self.tab {
            Tab::Skill => &[Pane::Skills, Pane::Source, Pane::Details],
            Tab::Run if self.run_tab.interleaved => &[Pane::Skills, Pane::Output, Pane::Findings],
            Tab::Run => &[Pane::Skills, Pane::Stdout, Pane::Stderr, Pane::Findings],
            Tab::Policy => &policy::PANES,
            Tab::Cases => &cases::PANES,
            Tab::Runs => &history::PANES,
        }
    }
}
