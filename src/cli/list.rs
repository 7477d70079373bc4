//! `skilldeck list`: the skills of the workspace, the broken ones too.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::io::{BufWriter, Error, Write};
use std::process::ExitCode;

use serde::Serialize;
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use super::{Context, Format};
use crate::skill::text::printable;
use crate::skill::{Entry, Severity, Skill};
use crate::workspace::Workspace;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Output form
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

pub(super) fn execute(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    let workspace = Workspace::load(&context.workspace, &context.skills);
    match args.format {
        Format::Json => write_json(&as_json(&workspace))?,
        Format::Text => write_out(&as_text(&workspace))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Write to stdout; a reader that has gone away is no error.
pub(super) fn write_out(text: &str) -> anyhow::Result<()> {
    written(std::io::stdout().lock().write_all(text.as_bytes()))
}

/// Write a value to stdout, indented, piece by piece: it may be far larger than what it is made of.
pub(super) fn write_json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let result = serde_json::to_writer_pretty(&mut out, value).map_err(Error::from);
    written(result.and_then(|()| writeln!(out)).and_then(|()| out.flush()))
}

fn written(result: std::io::Result<()>) -> anyhow::Result<()> {
    match result.and_then(|()| std::io::stdout().flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(anyhow::anyhow!("stdout cannot be written: {error}"))
        }
        _ => Ok(()),
    }
}

fn as_json(workspace: &Workspace) -> Value {
    let entry = |entry: &Entry| {
        json!({
            "file": entry.file.to_string_lossy(),
            "interpreter": entry.interpreter.language.name(),
            "available": entry.interpreter.program.is_some(),
        })
    };
    let skill = |skill: &Skill| {
        json!({
            "name": skill.name,
            "path": skill.path.to_string_lossy(),
            "root": skill.root.to_string_lossy(),
            "entries": skill.entries.iter().map(entry).collect::<Vec<_>>(),
            "errors": skill.errors(),
            "warnings": skill.warnings(),
        })
    };
    json!({
        "version": 1,
        "skills": workspace.skills.iter().map(|s| skill(s)).collect::<Vec<_>>(),
        "notices": workspace.notices,
    })
}

fn as_text(workspace: &Workspace) -> String {
    if workspace.skills.is_empty() {
        let path = workspace.path.display().to_string();
        let notices = notices(workspace);
        return format!(
            "no skills in {}\n  looked in .skills, skills, .agents/skills and .claude/skills; \
             give another folder with --skills DIR\n{notices}",
            printable(&path)
        );
    }
    let name = |skill: &Skill| printable(&skill.name).into_owned();
    let width = workspace.skills.iter().map(|skill| name(skill).width()).max().unwrap_or(0).min(40);
    let mut text = String::new();
    for skill in &workspace.skills {
        let name = name(skill);
        let gap = " ".repeat(width.saturating_sub(name.width()));
        let state = match (skill.errors(), skill.warnings()) {
            (0, 0) => "ok".to_owned(),
            (0, warnings) => counted(warnings, "warning"),
            (errors, _) => counted(errors, "error"),
        };
        let path = skill.path.strip_prefix(&workspace.path).unwrap_or(&skill.path).display().to_string();
        text.extend([format!("{name}{gap}  {state:<11} {}\n", printable(&path))]);
        let mut below: Vec<String> = skill.entries.iter().map(entry_line).collect();
        if let Some(first) = skill.diagnostics.iter().find(|found| found.severity == Severity::Error) {
            below.push(format!("line {}: {}", first.span.line, printable(&first.message)));
        }
        text.extend(below.into_iter().map(|line| format!("{:width$}  {:<11} {line}\n", "", "")));
    }
    text + &notices(workspace)
}

fn notices(workspace: &Workspace) -> String {
    let line = |notice: &crate::skill::Diagnostic| {
        let file = notice.file.display().to_string();
        format!("note: {}: {}; {}\n", printable(&file), printable(&notice.message), printable(&notice.help))
    };
    workspace.notices.iter().map(line).collect()
}

fn entry_line(entry: &Entry) -> String {
    let file = entry.file.display().to_string();
    let language = entry.interpreter.language.name();
    match &entry.interpreter.program {
        Some(_) => format!("{} ({language})", printable(&file)),
        None => format!("{} (interpreter not found: {language})", printable(&file)),
    }
}

pub(super) fn counted(number: usize, what: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {what}{ending}")
}
