//! The command line: one file per subcommand, each thin.
//!
//! [`main`] parses, works out the [`Context`] and hands over. Errors end here: one line on stderr that says what
//! happened and what to do next, exit status 2 unless the error carries another ([`Failure`]).

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod approve;
mod call;
mod check;
mod completions;
mod doctor;
mod env;
mod input;
mod keys;
mod learn;
mod list;
mod man;
mod probe;
mod run;
mod runs;
mod schema;
mod screenshot;
mod target;
mod test;
mod themes;
mod tighten;
mod why;
mod workbench;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::sandbox::Launcher;
use crate::skill::text::printable;
use crate::workspace;

/// The workbench in which agent skills are written, debugged and reviewed.
///
/// Without a command it opens the workbench on the skills of the workspace.
#[derive(Debug, Parser)]
#[command(name = "skilldeck", version, max_term_width = 100)]
pub struct Cli {
    /// The project folder [default: the nearest folder upwards that holds skills, else this one]
    #[arg(long, global = true, value_name = "DIR")]
    pub workspace: Option<PathBuf>,
    /// A further folder of skills; may be given several times
    #[arg(long = "skills", global = true, value_name = "DIR")]
    pub skills: Vec<PathBuf>,
    #[command(flatten)]
    pub workbench: workbench::Looks,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the skills of the workspace, the broken ones too
    List(list::Args),
    /// Say what is wrong with skills: file, line, reason, fix
    Check(check::Args),
    /// Print the tool schemas of skills, or check an input against one
    Schema(schema::Args),
    /// Run an entry of a skill in the sandbox and report what was refused
    Run(run::Args),
    /// Call a tool of a skill with a JSON input that its schema describes, in the sandbox
    Call(call::Args),
    /// List old runs; show, replay, compare or export one
    Runs(runs::Args),
    /// Run the saved cases of skills and say which hold
    Test(test::Args),
    /// Say whether a run could do something, and which line of the policy decides; runs nothing
    Why(why::Args),
    /// Find out, in runs that change nothing, the least policy that a skill needs, and propose it
    Learn(learn::Args),
    /// Say which grants of a skill's policy file no run has needed, and propose to take them out
    Tighten(tighten::Args),
    /// Say what a skill's own policy file asks for, and put it in force for good
    Approve(approve::Args),
    /// Prepare the packages that a skill's scripts need, outside the sandbox; list and remove what is prepared
    Env(env::Args),
    /// Print the keys of the workbench in force, and check the key file
    Keys(keys::Args),
    /// List the themes of the workbench; check a theme file or show a theme
    Themes(themes::Args),
    /// Say which layers of the sandbox this machine offers
    Doctor(doctor::Args),
    /// Attack the sandbox from inside and say what held
    Probe(probe::Args),
    /// Print the completion script of a shell
    #[command(hide = true)]
    Completions(completions::Args),
    /// Print or write the manual pages
    #[command(hide = true)]
    Man(man::Args),
    /// Draw a screen of the workbench as an SVG picture
    #[command(hide = true)]
    Screenshot(screenshot::Args),
}

/// What every subcommand gets.
#[derive(Debug)]
pub struct Context {
    /// The project folder, absolute.
    pub workspace: PathBuf,
    /// `--skills`, absolute.
    pub skills: Vec<PathBuf>,
    pub launcher: Launcher,
}

/// Output for people or for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    #[default]
    Text,
    Json,
}

/// An error with an exit status of its own. Any other error ends with 2.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    pub message: String,
    /// Lines below the message.
    pub details: Vec<String>,
    pub code: u8,
}

impl Failure {
    fn new(message: String, code: u8) -> Self {
        Self { message, details: Vec::new(), code }
    }
}

/// Whether this command line can lead to a run. Looked at before anything is parsed, because the launcher has to be
/// forked first; a wrong yes only costs a process that is never asked.
pub fn may_run_skills() -> bool {
    let mut words = std::env::args_os().skip(1);
    while let Some(word) = words.next() {
        match word.to_str() {
            // The values of the options that may stand before a command.
            Some("--workspace" | "--skills" | "--theme") => drop(words.next()),
            Some(
                "list" | "check" | "approve" | "runs" | "schema" | "why" | "doctor" | "completions" | "man"
                | "help" | "--help" | "--version" | "env" | "keys" | "themes" | "tighten",
            ) => {
                return false;
            }
            Some("run" | "call" | "test" | "probe" | "learn") => return true,
            _ => {}
        }
    }
    true
}

/// Parse the command line and do what it says.
pub fn main(launcher: Launcher) -> ExitCode {
    // clap prints usage errors to stderr and exits with 2; `--help` and `--version` with 0.
    let cli = Cli::parse();
    match execute(cli, launcher) {
        Ok(code) => code,
        Err(error) => {
            let failure = error.downcast_ref::<Failure>();
            eprintln!("error: {}", printable(&format!("{error:#}")));
            for line in failure.into_iter().flat_map(|failure| &failure.details) {
                eprintln!("  {}", printable(line));
            }
            ExitCode::from(failure.map_or(2, |failure| failure.code))
        }
    }
}

fn execute(cli: Cli, launcher: Launcher) -> anyhow::Result<ExitCode> {
    let context = context(cli.workspace.as_deref(), &cli.skills, launcher)?;
    match cli.command {
        None => workbench::execute(&cli.workbench, context),
        Some(Command::List(args)) => list::execute(&args, &context),
        Some(Command::Approve(args)) => approve::execute(&args, &context),
        Some(Command::Runs(args)) => runs::execute(&args, &context),
        Some(Command::Check(args)) => check::execute(&args, &context),
        Some(Command::Schema(args)) => schema::execute(&args, &context),
        Some(Command::Run(args)) => run::execute(&args, &context),
        Some(Command::Call(args)) => call::execute(&args, &context),
        Some(Command::Test(args)) => test::execute(&args, &context),
        Some(Command::Why(args)) => why::execute(&args, &context),
        Some(Command::Learn(args)) => learn::execute(&args, &context),
        Some(Command::Tighten(args)) => tighten::execute(&args, &context),
        Some(Command::Env(args)) => env::execute(&args, &context),
        Some(Command::Keys(args)) => keys::execute(&args),
        Some(Command::Themes(args)) => themes::execute(&args),
        Some(Command::Doctor(args)) => doctor::execute(&args, &context),
        Some(Command::Probe(args)) => probe::execute(&args, &context),
        Some(Command::Completions(args)) => completions::execute(&args),
        Some(Command::Man(args)) => man::execute(&args),
        Some(Command::Screenshot(args)) => screenshot::execute(&args, context),
    }
}

fn context(given: Option<&Path>, skills: &[PathBuf], launcher: Launcher) -> anyhow::Result<Context> {
    let here = std::env::current_dir()
        .map_err(|error| anyhow::anyhow!("the current folder cannot be read: {error}; cd to another one"))?;
    let workspace = match given {
        Some(dir) => folder(dir, "--workspace")?,
        None => workspace::nearest(&here),
    };
    let skills = skills.iter().map(|dir| folder(dir, "--skills")).collect::<anyhow::Result<_>>()?;
    Ok(Context { workspace, skills, launcher })
}

/// Bytes to standard output. A reader that goes away early (`| head`) is no error.
fn print(bytes: &[u8]) -> anyhow::Result<ExitCode> {
    match std::io::stdout().write_all(bytes) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn folder(dir: &Path, option: &str) -> anyhow::Result<PathBuf> {
    if !dir.is_dir() {
        anyhow::bail!("{option} {}: no such folder; give the path of a folder", dir.display());
    }
    std::path::absolute(dir).map_err(|error| anyhow::anyhow!("{option} {}: {error}", dir.display()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }
}
