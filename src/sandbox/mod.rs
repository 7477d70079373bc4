//! How a program is held: takes a [`plan::Plan`], gives [`event::Event`]s. Knows nothing of skills.
//!
//! The kernel decides; the supervisor explains. See `linux` for what the kernel is told.

pub mod event;
pub mod linux;
pub mod plan;
pub mod syscalls;

pub use linux::{Canceller, Captured, Launcher, RunHandle, StartError};
