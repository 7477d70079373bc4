//! `skilldeck keys`: the keys of the workbench in force, and whether the user's key file is sound.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;

use super::print;
use crate::skill::text::printable;
use crate::tui::keymap::{Keymap, file, print as table};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit status: 0, or with --check 1 when the key file has a mistake.

    skilldeck keys --defaults > ~/.config/skilldeck/keys.toml    # a key file to begin with")]
pub struct Args {
    /// What to print the keys as
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with = "check")]
    pub format: Option<Format>,
    /// Say what is wrong with the key file, and print nothing else
    #[arg(long)]
    pub check: bool,
    /// Print the default keys instead, as a commented key file unless --format says otherwise
    #[arg(long, conflicts_with_all = ["check", "file"])]
    pub defaults: bool,
    /// The key file [default: keys.toml in the configuration folder of skilldeck]
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
    Toml,
    Markdown,
}

pub(super) fn execute(args: &Args) -> anyhow::Result<ExitCode> {
    if args.defaults {
        let keymap = Keymap::default();
        let text = args.format.map_or_else(|| table::toml(&keymap, true), |format| written(&keymap, format));
        return print(text.as_bytes());
    }
    let place = args.file.clone().or_else(file::of_user);
    if let Some(given) = args.file.as_ref().filter(|given| !given.exists()) {
        anyhow::bail!("--file {}: no such file; `skilldeck keys --defaults` prints one", given.display());
    }
    let read = place.as_deref().map(file::read).unwrap_or_default();
    for problem in &read.problems {
        eprintln!("{}", printable(&problem.to_string()));
    }
    if !args.check {
        return print(written(&read.keymap, args.format.unwrap_or(Format::Text)).as_bytes());
    }
    let Some(place) = place.filter(|place| place.exists()) else {
        println!("no key file; the default keys are in force");
        return Ok(ExitCode::SUCCESS);
    };
    if read.problems.is_empty() {
        println!("{}: no mistakes", printable(&place.display().to_string()));
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::from(1))
}

fn written(keymap: &Keymap, format: Format) -> String {
    match format {
        Format::Text => table::text(keymap),
        Format::Json => format!("{:#}\n", table::json(keymap)),
        Format::Toml => table::toml(keymap, false),
        Format::Markdown => table::markdown(keymap),
    }
}
