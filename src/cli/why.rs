//! `skilldeck why`: whether a run could do something, and which line of the policy says so. Runs nothing.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;

use super::run::{self, Options};
use super::{Context, Format};
use crate::policy::Permission;
use crate::report::terminal::one_line;
use crate::run::why::{self, Answer, Question};
use crate::run::{Prepared, prepare};
use crate::skill::schema::Invocation;
use crate::workspace;

/// Version of the JSON form.
const VERSION: u32 = 1;

#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("question").required(true).multiple(true)))]
pub struct Args {
    /// Name of a skill, or its path
    pub skill: String,
    /// May it read this file or folder?
    #[arg(long, value_name = "PATH", group = "question")]
    pub read: Vec<String>,
    /// May it write this file or folder?
    #[arg(long, value_name = "PATH", group = "question")]
    pub write: Vec<String>,
    /// May it connect to this port of this host?
    #[arg(long, value_name = "HOST:PORT", group = "question")]
    pub net: Vec<String>,
    /// May it start this program (a name, a path, or a group such as @coreutils)?
    #[arg(long, value_name = "PROGRAM", group = "question")]
    pub run: Vec<String>,
    /// Does it get this environment variable?
    #[arg(long, value_name = "NAME", group = "question")]
    pub env: Vec<String>,
    /// The script that would run [default: the only one, or the first]
    #[arg(long, value_name = "FILE")]
    pub entry: Option<PathBuf>,
    /// As if this policy file were in force
    #[arg(long, value_name = "FILE", conflicts_with = "trust")]
    pub policy: Option<PathBuf>,
    /// As if the skill's own policy.yaml were in force
    #[arg(long)]
    pub trust: bool,
    /// Output form
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// 0 when all is allowed, 1 when something is not.
pub(super) fn execute(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    let skill = workspace::find(&context.workspace, &context.skills, &args.skill)?;
    let wanted = args.entry.as_deref().or_else(|| skill.entries.first().map(|entry| entry.file.as_path()));
    let entry = run::entry(&skill, wanted)?;
    let options = Options { policy: args.policy.clone(), trust: args.trust, ..Options::default() };
    let prepared = prepare(run::request(&options, context, skill, entry, Invocation::default())?)?;
    for note in &prepared.notes {
        eprintln!("note: {}", one_line(note, 400));
    }
    let questions = questions(args, &prepared)?;
    let answers: Vec<Answer> =
        questions.iter().map(|question| why::answer(&prepared, question)).collect::<Result<_, _>>()?;
    let text = match args.format {
        Format::Json => {
            let sources = &prepared.request.policy.sources;
            let document = json!({
                "version": VERSION,
                "skill": prepared.request.skill.name,
                "entry": prepared.request.entry.file,
                "policy": { "sources": sources },
                "answers": answers,
            });
            format!("{document:#}\n")
        }
        Format::Text => {
            answers.iter().map(|answer| as_text(answer, &prepared)).collect::<Vec<_>>().join("\n")
        }
    };
    super::print(text.as_bytes())?;
    Ok(ExitCode::from(u8::from(answers.iter().any(|answer| !answer.allowed))))
}

fn questions(args: &Args, prepared: &Prepared) -> anyhow::Result<Vec<Question>> {
    let here = std::env::current_dir()?;
    let home = prepared.places.home.as_deref();
    let path = |text: &String| why::typed_path(text, &here, home).to_string_lossy().into_owned();
    let program = |text: &String| if text.contains('/') { path(text) } else { text.clone() };
    let ask = |permission, texts: &[String], form: &dyn Fn(&String) -> String| -> Vec<Question> {
        texts.iter().map(|text| Question { permission, target: form(text) }).collect()
    };
    if let Some(empty) = [&args.read, &args.write].into_iter().flatten().find(|text| text.is_empty()) {
        anyhow::bail!("`{empty}` is not a path; give the path of a file or folder");
    }
    Ok([
        ask(Permission::Read, &args.read, &path),
        ask(Permission::Write, &args.write, &path),
        ask(Permission::Net, &args.net, &String::clone),
        ask(Permission::Run, &args.run, &program),
        ask(Permission::Env, &args.env, &String::clone),
    ]
    .concat())
}

fn as_text(answer: &Answer, prepared: &Prepared) -> String {
    let colour = run::colour(std::io::stdout().is_terminal());
    let paint =
        |code: &str, text: &str| if colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() };
    let verdict = if answer.allowed { paint("1;32", "✓ ALLOWED") } else { paint("1;31", "✗ DENIED") };
    let mut text = format!("{verdict}  {} {}\n", answer.permission, one_line(&answer.target, 400));
    let mut line = |label: &str, value: &str| {
        let _ = writeln!(text, "    {label:<9} {}", one_line(value, 600));
    };
    line("rule", &answer.rule);
    if let Some(source) = source_line(&answer.origin) {
        line("", &source);
    }
    if let Some(closest) = &answer.closest {
        line(
            "closest",
            &format!("{} {} ({}): {}", closest.permission, closest.written, closest.origin, closest.reason),
        );
    }
    if let Some(remedy) = &answer.remedy {
        line("remedy", &format!("{}: [{}]", remedy.permission, remedy.add));
    }
    for wider in &answer.alternatives {
        line("or wider", &format!("{}: [{}]", wider.permission, wider.add));
    }
    if let Some(asked) = &answer.asked {
        line("asked", asked);
    }
    for note in &answer.notes {
        line("note", note);
    }
    if !answer.allowed && answer.remedy.is_some() && prepared.request.policy.sources.is_empty() {
        line("", "no policy is in force: the built-in default decides");
    }
    text
}

/// `4 |   read: [./data]`: the line behind `/…/policy.yaml:4`.
fn source_line(origin: &str) -> Option<String> {
    let (file, number) = origin.rsplit_once(':')?;
    let number: usize = number.parse().ok()?;
    let source = crate::skill::source(Path::new(file));
    let line = source.lines().nth(number.checked_sub(1)?)?;
    Some(format!("{number} | {}", line.trim_end()))
}
