//! The command line: one file per subcommand, each thin.

use std::process::ExitCode;

use crate::sandbox::Launcher;

/// Parse the command line and do what it says.
pub fn main(_launcher: Launcher) -> ExitCode {
    ExitCode::SUCCESS
}
