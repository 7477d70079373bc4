//! Start the launcher while the process is still small and single-threaded, then hand over.

use std::process::ExitCode;

use skilldeck::cli;
use skilldeck::sandbox::Launcher;

fn main() -> ExitCode {
    let launcher = if cli::may_run_skills() { Launcher::start() } else { Launcher::absent() };
    cli::main(launcher)
}
