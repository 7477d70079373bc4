//! `skilldeck check`: what is wrong with skills, with the line it is about.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod clients;
mod fixing;
mod formats;
pub(super) mod text;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::ValueEnum;

use super::Context;
use super::list::{write_json, write_out};
use crate::cases;
use crate::policy::{self, Places};
use crate::skill::clients::Client;
use crate::skill::{Diagnostic, Resolver, Skill};
use crate::workspace::{Bounds, Discovery, Found, Workspace};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A skill, a folder of skills or a whole tree [default: the skills of the workspace]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Output form
    #[arg(long, value_enum, default_value_t)]
    pub format: Form,
    /// Make the fixes that are safe, in place, and say what is left
    #[arg(long)]
    pub fix: bool,
    /// Show the fixes as a diff and change nothing
    #[arg(long, requires = "fix")]
    pub dry_run: bool,
    /// Judge as this client does and say why it refuses or changes a skill; exit status 1 when it refuses one
    #[arg(long, value_name = "NAME", value_parser = clients::parser())]
    pub client: Option<Client>,
    /// Print the page of all rules (Markdown)
    #[arg(long, conflicts_with_all = ["paths", "fix", "format", "client"])]
    pub rules: bool,
}

/// For people, or for the programs that read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Form {
    #[default]
    Text,
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Workflow commands of GitHub Actions: annotations in a pull request
    Github,
}

/// Exit status 1 when an error is found.
pub(super) fn execute(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    if args.rules {
        write_out(&formats::rules_page())?;
        return Ok(ExitCode::SUCCESS);
    }
    let (skills, notices) = read(args, context)?;
    if args.fix {
        let fixed = fixing::fix(&skills, &Places::new(&context.workspace), args.dry_run)?;
        if args.dry_run {
            write_out(&fixed)?;
            return Ok(ExitCode::SUCCESS);
        }
        eprint!("{fixed}");
    }
    // What is left, read anew.
    let (skills, notices) = if args.fix { read(args, context)? } else { (skills, notices) };
    match args.format {
        Form::Json => write_json(&formats::Checked::new(&skills, &notices))?,
        Form::Text => {
            let judged = clients::judge(&skills);
            write_out(&match args.client {
                Some(client) => clients::reasons(&judged, &notices, client),
                None => text::as_text(&judged, &notices),
            })?;
        }
        Form::Sarif => write_out(&formats::sarif(&skills, &notices))?,
        Form::Github => write_out(&formats::github(&skills, &notices))?,
    }
    let clean = match args.client {
        Some(client) => !skills.iter().any(|skill| clients::refuses(client, skill)),
        None => skills.iter().all(|skill| skill.errors() == 0),
    };
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

type Checked = (Vec<Arc<Skill>>, Vec<Diagnostic>);

fn read(args: &Args, context: &Context) -> anyhow::Result<Checked> {
    let (skills, notices) = if args.paths.is_empty() {
        let workspace = Workspace::load(&context.workspace, &context.skills);
        (workspace.skills, workspace.notices)
    } else {
        below(&args.paths)?
    };
    let places = Places::new(&context.workspace);
    Ok((skills.into_iter().map(|skill| with_policy(skill, &places)).collect(), notices))
}

/// The skill with what is wrong with its `policy.yaml` and its cases, which are read for a run and not with the skill.
fn with_policy(mut skill: Arc<Skill>, places: &Places) -> Arc<Skill> {
    let mut found = policy::check(&skill, places);
    found.extend(cases::load(&skill).diagnostics);
    if !found.is_empty() {
        Arc::make_mut(&mut skill).diagnostics.extend(found);
    }
    skill
}

/// All skills at and below the paths.
fn below(paths: &[PathBuf]) -> anyhow::Result<Checked> {
    let roots = paths.iter().map(|path| root(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let (mut skills, mut notices) = (Vec::new(), Vec::new());
    let discovery = Discovery::new(Path::new("/"), &roots, Bounds::default());
    discovery.run(&Resolver::from_env(), &mut |found| match found {
        Found::Skill(skill) => skills.push(skill),
        Found::Notice(notice) => notices.push(notice),
    });
    if skills.is_empty() {
        let shown: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        anyhow::bail!(
            "no SKILL.md in or below {}; give the path of a skill or of a folder of skills",
            shown.join(", ")
        );
    }
    Ok((skills, notices))
}

fn root(path: &Path) -> anyhow::Result<PathBuf> {
    let is_manifest = path.file_name().is_some_and(|name| name.eq_ignore_ascii_case("SKILL.md"));
    let folder = if is_manifest && !path.is_dir() { path.parent().unwrap_or(path) } else { path };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    if !folder.is_dir() {
        anyhow::bail!(
            "{}: no such folder; give the path of a skill or of a folder of skills",
            path.display()
        );
    }
    // A path that ends in dots has no name of its own.
    let named = folder.file_name().is_some();
    let absolute = if named { std::path::absolute(folder) } else { fs::canonicalize(folder) };
    absolute.map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))
}
