//! Learning what a skill needs, while it goes on, and the change of its policy file that is offered then.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Scroll, State};
use crate::learn::Offer;
use crate::skill::Skill;

/// Rounds under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Learning {
    pub skill: PathBuf,
    pub entry: PathBuf,
    pub cancelling: bool,
}

/// A change that the user may agree to.
#[derive(Debug, Clone)]
pub struct Offered {
    pub skill: Arc<Skill>,
    pub offer: Offer,
    pub scroll: Scroll,
}

impl State {
    /// The skill that is being learned from, if one is.
    pub fn is_learning(&self) -> bool {
        self.learning.is_some()
    }
}
