//! Start the launcher while the process is still small and single-threaded, then hand over.

use std::process::ExitCode;

fn main() -> ExitCode {
    let launcher = skilldeck::sandbox::Launcher::start();
    skilldeck::cli::main(launcher)
}
