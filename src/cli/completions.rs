//! `skilldeck completions`: the completion script of a shell. Hidden: for packagers and shell profiles.

use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;

use super::Cli;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell that the script is for
    pub shell: Shell,
}

pub(super) fn execute(args: &Args) -> anyhow::Result<ExitCode> {
    // Into memory first: clap_complete panics when it cannot write.
    super::print(&script(args.shell))
}

fn script(shell: Shell) -> Vec<u8> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "skilldeck", &mut text);
    text
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_shell_learns_the_commands() {
        for shell in Shell::value_variants() {
            let text = String::from_utf8(script(*shell)).unwrap();
            for word in ["skilldeck", "doctor", "trust"] {
                assert!(text.contains(word), "{shell}: no {word}");
            }
        }
    }
}
