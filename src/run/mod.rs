//! One run: from skill and policy to plan, from events to report.

pub mod prepare;
pub mod recorder;
pub mod report;

pub use prepare::{PrepareError, Prepared, RunRequest, WorkingDirectory};
pub use recorder::Recorder;
