//! Start the launcher while the process is still small and single-threaded, then hand over.

use std::process::ExitCode;

use skilldeck::sandbox::Launcher;
use skilldeck::{cli, probe};

fn main() -> ExitCode {
    if let Some(code) = probe::payload::begin() {
        return code;
    }
    probe::begin();
    let launcher = if cli::may_run_skills() { Launcher::start() } else { Launcher::absent() };
    cli::main(launcher)
}
