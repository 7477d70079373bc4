//! Policies by what runs need, instead of by guessing.
//!
//! | question | file |
//! | --- | --- |
//! | what a run needs, found out in rounds | `rounds` (told as `lesson`), really run by `engine` |
//! | what is never granted by itself | `sensitive` |
//! | what was asked for on the way and is not needed at the end | `settle` |
//! | the change of `policy.yaml` | `proposal` |
//! | which grants no run has needed, and which only a part of | `unused`, `narrow` |
//! | a policy file without them | `tighten` |
//! | all that in words, and as rows for a screen | `words`, `offer` |
//!
//! Used by the command line and by the workbench, which show the same.

pub mod engine;
pub mod lesson;
mod narrow;
pub mod offer;
pub mod proposal;
pub mod rounds;
mod sensitive;
mod settle;
pub mod tighten;
pub mod unused;
pub mod words;

pub use engine::{Allow, Lessons, learn};
pub use lesson::{Ended, Learned, Lesson, Progress, Round, Undecided};
pub use offer::Offer;
pub use proposal::Proposal;
pub use rounds::Bounds;
pub use unused::{GrantUse, Standing, Tally, Unknown};
