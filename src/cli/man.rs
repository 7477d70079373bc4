//! `skilldeck man`: manual pages made from the definition of the command line. Hidden: for packagers.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::CommandFactory;
use clap_mangen::Man;

use super::Cli;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write a page for each command into this folder [default: the main page to standard output]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

pub(super) fn execute(args: &Args) -> anyhow::Result<ExitCode> {
    match &args.out {
        None => {
            let mut page = Vec::new();
            Man::new(Cli::command()).render(&mut page)?;
            super::print(&page)
        }
        Some(folder) => {
            std::fs::create_dir_all(folder)
                .and_then(|()| clap_mangen::generate_to(Cli::command(), folder))
                .with_context(|| {
                    format!("--out {}: cannot be written; give another folder", folder.display())
                })?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_that_names_its_options() {
        let folder = tempfile::tempdir().unwrap();
        execute(&Args { out: Some(folder.path().join("man1")) }).unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.path().join("man1").join(name)).unwrap();
        assert!(read("skilldeck.1").contains("skilldeck\\-run(1)"));
        assert!(read("skilldeck-run.1").contains("\\-\\-trust"));
        for hidden in ["skilldeck-man.1", "skilldeck-completions.1"] {
            assert!(!folder.path().join("man1").join(hidden).exists(), "{hidden}");
        }
    }
}
