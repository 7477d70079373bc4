//! What a skill may do.
//!
//! | step | file |
//! | --- | --- |
//! | which file is in force for a run, and what the skill merely asks | `choose` |
//! | what the user has approved of what skills ask | `approvals`, `request` |
//! | what a sound policy asks for in vain | `review` |
//! | what other formats ask for, as hints | `hints` |
//! | `policy.yaml` → [`Policy`], with the line of every grant | `load`, `values` |
//! | which rule decides about a call, and why | `decide` |
//! | grants that a link leads elsewhere | `links` |
//! | the smallest grant that would allow it | `remedy` |
//! | the fixes of a skill's files, made in their text | `fixing` |
//! | that grant written into `policy.yaml`, all else kept to the byte; one taken out | `edit`, `remove` |
//! | the policy in words, as JSON, as a digest | `summary` |
//! | everything that stands for the next run, line by line | `standing` |
//!
//! Used by [`crate::run`] to make plans and explain denials, and by the screens to show and change policies.

pub mod approvals;
pub mod choose;
pub mod decide;
pub mod edit;
mod fixing;
pub mod hints;
mod links;
pub mod load;
mod merge;
pub mod model;
pub mod programs;
pub mod remedy;
pub mod remove;
pub mod request;
mod review;
pub mod standing;
pub mod summary;
mod values;

pub use approvals::Approvals;
pub use choose::{ChooseError, Chosen, Source, check, choose};
pub use decide::{Ruling, Scope};
pub use edit::{EditError, add_grant, diff, draft};
pub use fixing::fixed;
pub use load::{FILE_NAME, Loaded, Places, load, parse};
pub(crate) use load::{limits, open_plain, text};
pub use model::{Deny, Grant, Host, NetRule, Origin, Permission, Policy, RunRule};
pub use remedy::Remedy;
pub use remove::{Spot, remove_grant, replace_grant};
pub use request::Request;
pub use review::diagnose;

pub(crate) use links::leads_away;
pub(crate) use values::{dangerous_variable, destination, normalise, size, variable_name};
