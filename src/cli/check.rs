//! `skilldeck check`: what is wrong with skills, with the line it is about.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::borrow::Cow;
use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde_json::{Value, json};

use super::list::{counted, write_out};
use super::{Context, Format};
use crate::policy::{self, Places};
use crate::skill::text::{printable, printable_source};
use crate::skill::{Diagnostic, Resolver, Severity, Skill};
use crate::workspace::{Bounds, Discovery, Found, Workspace};

/// Lines longer than this (in bytes) are not shown.
const LONGEST_SHOWN: usize = 1000;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A skill, a folder of skills or a whole tree [default: the skills of the workspace]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Output form
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Exit status 1 when an error is found.
pub(super) fn execute(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    let (skills, notices) = if args.paths.is_empty() {
        let workspace = Workspace::load(&context.workspace, &context.skills);
        (workspace.skills, workspace.notices)
    } else {
        below(&args.paths)?
    };
    let places = Places::new(&context.workspace);
    let skills: Vec<Arc<Skill>> = skills.into_iter().map(|skill| with_policy(skill, &places)).collect();
    let text = match args.format {
        Format::Json => format!("{:#}\n", as_json(&skills, &notices)),
        Format::Text => as_text(&skills, &notices),
    };
    write_out(&text)?;
    let clean = skills.iter().all(|skill| skill.errors() == 0);
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// The skill with what is wrong with its `policy.yaml`, which is read for a run and not with the skill.
fn with_policy(mut skill: Arc<Skill>, places: &Places) -> Arc<Skill> {
    let found = policy::check(&skill, places);
    if !found.is_empty() {
        Arc::make_mut(&mut skill).diagnostics.extend(found);
    }
    skill
}

/// All skills at and below the paths.
fn below(paths: &[PathBuf]) -> anyhow::Result<(Vec<Arc<Skill>>, Vec<Diagnostic>)> {
    let roots = paths.iter().map(|path| root(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let (mut skills, mut notices) = (Vec::new(), Vec::new());
    let mut discovery = Discovery::new(Path::new("/"), &roots, Bounds::default());
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

fn as_json(skills: &[Arc<Skill>], notices: &[Diagnostic]) -> Value {
    let skill = |skill: &Arc<Skill>| {
        json!({
            "path": skill.path.to_string_lossy(),
            "name": skill.name,
            "description": skill.manifest.description.as_ref().map(|field| &field.value),
            "diagnostics": skill.diagnostics,
            "clients": {},
        })
    };
    json!({
        "version": 1,
        "skills": skills.iter().map(skill).collect::<Vec<_>>(),
        "notices": notices,
    })
}

fn as_text(skills: &[Arc<Skill>], notices: &[Diagnostic]) -> String {
    let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut text = String::new();
    for skill in skills {
        for diagnostic in &skill.diagnostics {
            let source = if diagnostic.file == skill.manifest_path() {
                Cow::Borrowed(skill.source.as_str())
            } else {
                Cow::Owned(policy::source(&diagnostic.file))
            };
            text += &render(diagnostic, &source, &renderer);
            text += "\n\n";
        }
    }
    for notice in notices {
        text += &render(notice, "", &renderer);
        text += "\n\n";
    }
    let errors: usize = skills.iter().map(|skill| skill.errors()).sum();
    let warnings: usize = skills.iter().map(|skill| skill.warnings()).sum::<usize>() + notices.len();
    let (skills, errors, warnings) =
        (counted(skills.len(), "skill"), counted(errors, "error"), counted(warnings, "warning"));
    text + &format!("{skills} checked: {errors}, {warnings}\n")
}

/// One finding as a compiler shows it: code, message, place, the line with a caret, help.
fn render(diagnostic: &Diagnostic, source: &str, renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Info => Level::INFO,
    };
    let path = display_path(&diagnostic.file);
    let message = printable(&diagnostic.message);
    let help = printable(&diagnostic.help);
    let title = level.primary_title(&*message).id(diagnostic.code);
    let Some((lines, start)) = excerpt(diagnostic, source) else {
        let group = title.element(annotate_snippets::Origin::path(&*path).line(diagnostic.span.line));
        return renderer.render(&[group.element(Level::HELP.message(&*help))]);
    };
    let from = diagnostic.span.start - start;
    let to = (diagnostic.span.end.max(diagnostic.span.start) - start).min(lines.len());
    let snippet = Snippet::source(&*lines).line_start(diagnostic.span.line).path(&*path);
    let snippet = snippet.annotation(AnnotationKind::Primary.span(from.min(to)..to));
    renderer.render(&[title.element(snippet).element(Level::HELP.message(&*help))])
}

/// The lines of a finding, at most four, and the byte offset of the first.
fn excerpt<'a>(diagnostic: &Diagnostic, source: &'a str) -> Option<(std::borrow::Cow<'a, str>, usize)> {
    let at = diagnostic.span.start;
    let start = source.get(..at)?.rfind(['\n', '\r']).map_or(0, |found| found + 1);
    let wanted = (diagnostic.span.end_line - diagnostic.span.line).min(3) + 1;
    let mut end = start;
    for line in source[start..].split_inclusive('\n').take(wanted) {
        if line.len() > LONGEST_SHOWN {
            return None;
        }
        end += line.len();
    }
    let lines = source[start..end].trim_end_matches(['\n', '\r']);
    (!lines.is_empty() && at - start <= lines.len()).then(|| (printable_source(lines), start))
}

/// Relative to the current folder where that is shorter.
fn display_path(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let shown = path.strip_prefix(&here).unwrap_or(path).display().to_string();
    printable(&shown).into_owned()
}
