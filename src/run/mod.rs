//! One run: from skill and policy to plan, from events to report.

pub mod capture;
mod changes;
mod closed;
mod complaint;
mod execute;
mod links;
pub mod log;
mod missing;
mod output;
pub mod prepare;
pub mod recorder;
pub mod report;
mod shell;
pub mod source;
mod stop;
mod view;
pub mod why;
mod withheld;

pub use prepare::{PrepareError, Prepared, RunRequest, WorkingDirectory, materialise_write_grants, prepare};
pub use recorder::Recorder;
pub use stop::Stop;
pub use withheld::Withheld;
