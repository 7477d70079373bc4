//! The Run tab: what is shown of a run, and where in it.

use super::{Scroll, timeline};

#[derive(Debug, Default)]
pub struct RunTab {
    pub stdout: Scroll,
    pub stderr: Scroll,
    /// Position of both streams together, and whether they are shown so.
    pub output: Scroll,
    pub interleaved: bool,
    pub finding: Finding,
    pub findings: Scroll,
    /// What of the timeline is shown.
    pub filter: timeline::Filter,
    /// Which of its grants an open denial offers: the smallest, or a wider one.
    pub grant: usize,
}

/// The lower part of the Run tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Finding {
    #[default]
    Denials,
    Files,
    Network,
    Limits,
    Processes,
    Changes,
    Timeline,
    Usage,
}

impl Finding {
    pub const ALL: [Self; 8] = [
        Self::Denials,
        Self::Files,
        Self::Network,
        Self::Limits,
        Self::Processes,
        Self::Changes,
        Self::Timeline,
        Self::Usage,
    ];
}
