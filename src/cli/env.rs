//! `skilldeck env`: prepares what a skill's scripts need from package registries, and tells what is prepared.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use nix::sys::signal::{SigSet, Signal};
use serde_json::{Value, json};

use super::list::counted;
use super::{Context, Failure, Format};
use crate::environment::{self, BuildError, Builder, Declaration, Environment, Needs, Progress, Store};
use crate::policy::summary::size;
use crate::report::terminal::one_line;
use crate::skill::{self, Entry, Skill};
use crate::workspace;

/// Version of the JSON form.
const VERSION: u32 = 1;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name of a skill, or its path [default: list what is prepared, for all skills]
    pub skill: Option<String>,
    /// Only what this script needs, relative to the skill
    #[arg(long, value_name = "FILE", requires = "skill")]
    pub entry: Option<PathBuf>,
    /// Say what is prepared, and change nothing
    #[arg(long, conflicts_with_all = ["remove", "rebuild", "allow_scripts"])]
    pub status: bool,
    /// Remove what was prepared for a skill, or one environment by the key that the list shows
    #[arg(long, requires = "skill", conflicts_with_all = ["rebuild", "allow_scripts", "entry"])]
    pub remove: bool,
    /// Install again although it is prepared, to get newer versions
    #[arg(long, requires = "skill")]
    pub rebuild: bool,
    /// Let packages run code of their own while they are installed, outside the sandbox: sources that are built, npm scripts
    #[arg(long, requires = "skill")]
    pub allow_scripts: bool,
    /// Output form
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// What some entries of a skill need together.
struct Need<'a> {
    entries: Vec<&'a Entry>,
    needs: Needs,
    /// Made by this command.
    built: bool,
}

pub(super) fn execute(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    // Names and values that are not UTF-8 say nothing to an installer.
    let caller =
        std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
    let caller: BTreeMap<String, String> = caller.collect();
    let store = Store::of(&caller)?;
    let Some(name) = &args.skill else { return list(&store, &caller, args.format) };
    if args.remove {
        return remove(&store, name, args.format, context, &caller);
    }
    let skill = workspace::find(&context.workspace, &context.skills, name)?;
    let entries: Vec<&Entry> = match &args.entry {
        Some(file) => {
            let entry = skill.entry(file);
            let missing = || {
                anyhow::anyhow!("{} has no entry {}; `skilldeck list` shows them", skill.name, file.display())
            };
            vec![entry.ok_or_else(missing)?]
        }
        None => skill.entries.iter().collect(),
    };
    let mut needs = gather(&skill, &entries, &caller);
    if !args.status {
        prepare(args, &skill, &store, &caller, &mut needs)?;
    }
    let text = match args.format {
        Format::Json => format!("{:#}\n", as_json(&skill, &store, &needs)),
        Format::Text => as_text(&skill, &needs),
    };
    super::print(text.as_bytes())?;
    let ready = needs.iter().all(|need| !matches!(need.needs, Needs::Unprepared(_) | Needs::Unusable(_)));
    Ok(ExitCode::from(u8::from(!ready)))
}

/// What the entries need, those with the same needs together; entries that need nothing are left out.
fn gather<'a>(skill: &Skill, entries: &[&'a Entry], caller: &BTreeMap<String, String>) -> Vec<Need<'a>> {
    let mut found: Vec<Need<'a>> = Vec::new();
    for entry in entries {
        let needs = environment::needs(skill, entry, caller);
        let same = |have: &&mut Need<'_>| {
            have.needs == needs && have.entries[0].interpreter.program == entry.interpreter.program
        };
        match found.iter_mut().find(same) {
            _ if needs == Needs::Nothing => {}
            Some(have) => have.entries.push(entry),
            None => found.push(Need { entries: vec![entry], needs, built: false }),
        }
    }
    found
}

/// Install what is not prepared.
fn prepare(
    args: &Args,
    skill: &Skill,
    store: &Store,
    caller: &BTreeMap<String, String>,
    needs: &mut [Need<'_>],
) -> anyhow::Result<()> {
    let cancelled = Arc::new(AtomicBool::new(false));
    cancel_on_signals(&cancelled);
    for need in needs {
        let declaration = match &need.needs {
            Needs::Unprepared(declaration) => declaration,
            Needs::Prepared { declaration, .. } if args.rebuild => declaration,
            _ => continue,
        };
        announce(skill, declaration, args.allow_scripts);
        let begin = Instant::now();
        let mut builder = Builder {
            store,
            caller,
            allow_scripts: args.allow_scripts,
            rebuild: args.rebuild,
            cancelled: &cancelled,
            progress: &mut show,
        };
        let (environment, built) = builder.build(skill, need.entries[0], declaration).map_err(|error| {
            let cancelled = matches!(error, BuildError::Cancelled);
            Failure::new(error.to_string(), if cancelled { 128 + Signal::SIGINT as u8 } else { 1 })
        })?;
        if built {
            eprintln!("· done after {:.1} s", begin.elapsed().as_secs_f64());
        }
        need.built = built;
        need.needs = Needs::Prepared { declaration: declaration.clone(), environment: Box::new(environment) };
    }
    Ok(())
}

/// What is about to happen, before it does.
fn announce(skill: &Skill, declaration: &Declaration, allow_scripts: bool) {
    let file = declaration.file.display().to_string();
    let packages = one_line(&declaration.summary(), 400);
    eprintln!("{}: {} declares {packages}", one_line(&skill.name, 80), one_line(&file, 200));
    let code = if allow_scripts {
        "and packages may run code of their own"
    } else {
        "and no code of packages is run"
    };
    eprintln!("  installing with your rights, outside the sandbox, {code}");
    for source in &declaration.sources {
        eprintln!("  from {}", one_line(source, 400));
    }
}

fn show(progress: Progress<'_>) {
    match progress {
        Progress::Step(step) => eprintln!("· {}", one_line(&step, 400)),
        Progress::Line(line) if line.trim().is_empty() => {}
        Progress::Line(line) => eprintln!("  │ {}", one_line(line, 400)),
    }
}

/// The first signal ends the installer, so that nothing is left behind; a second one ends this program at once.
fn cancel_on_signals(cancelled: &Arc<AtomicBool>) {
    let signals: SigSet = super::run::block_signals();
    let cancelled = Arc::clone(cancelled);
    std::thread::spawn(move || {
        let _ = signals.wait();
        cancelled.store(true, Ordering::Relaxed);
        if let Ok(signal) = signals.wait() {
            std::process::exit(128 + signal as i32);
        }
    });
}

fn as_json(skill: &Skill, store: &Store, needs: &[Need<'_>]) -> Value {
    let need = |need: &Need<'_>| {
        let mut value = json!({
            "state": state(&need.needs),
            "entries": need.entries.iter().map(|entry| entry.file.to_string_lossy()).collect::<Vec<_>>(),
        });
        match &need.needs {
            Needs::Prepared { declaration, environment } => {
                declared(&mut value, declaration);
                value["built"] = need.built.into();
                value["environment"] = of_environment(environment);
            }
            Needs::Unprepared(declaration) => declared(&mut value, declaration),
            Needs::Own { folder, .. } => value["folder"] = folder.to_string_lossy().into(),
            Needs::Unusable(problem) => value["problem"] = problem.to_string().into(),
            Needs::Nothing => {}
        }
        value
    };
    json!({
        "version": VERSION,
        "skill": skill.name,
        "path": skill.path.to_string_lossy(),
        "store": store.folder().to_string_lossy(),
        "environments": needs.iter().map(need).collect::<Vec<_>>(),
    })
}

fn declared(value: &mut Value, declaration: &Declaration) {
    value["kind"] = declaration.kind.name().into();
    value["file"] = declaration.file.to_string_lossy().into();
    value["declares"] = json!(declaration.names);
    value["sources"] = json!(declaration.sources);
    value["needs_scripts"] = json!(declaration.builds);
}

fn of_environment(environment: &Environment) -> Value {
    let record = &environment.record;
    json!({
        "key": record.key,
        "folder": environment.folder.to_string_lossy(),
        "kind": record.kind.name(),
        "skill": record.skill,
        "file": record.file,
        "interpreter": record.interpreter,
        "interpreter_version": record.interpreter_version,
        "installer": record.installer,
        "scripts_allowed": record.scripts_allowed,
        "created": record.created,
        "bytes": record.bytes,
        "packages": record.packages,
    })
}

fn state(needs: &Needs) -> &'static str {
    match needs {
        Needs::Nothing => "nothing",
        Needs::Own { .. } => "own",
        Needs::Prepared { .. } => "prepared",
        Needs::Unprepared(_) => "unprepared",
        Needs::Unusable(_) => "unusable",
    }
}

fn as_text(skill: &Skill, needs: &[Need<'_>]) -> String {
    let mut text = String::new();
    for need in needs {
        let entries: Vec<String> =
            need.entries.iter().map(|entry| entry.file.display().to_string()).collect();
        let entries = one_line(&entries.join(", "), 200);
        let line = match &need.needs {
            Needs::Prepared { declaration, environment } => {
                format!("✓ {}  {}", declaration.file.display(), described(environment))
            }
            Needs::Unprepared(declaration) => format!(
                "✗ {}  not prepared: {}; `{}`",
                declaration.file.display(),
                declaration.summary(),
                environment::command(&skill.name)
            ),
            Needs::Own { folder, .. } => format!("✓ {}  the skill's own, used as it is", folder.display()),
            Needs::Unusable(problem) => format!("✗ {problem}"),
            Needs::Nothing => continue,
        };
        let _ = writeln!(text, "{}\n    for    {entries}", one_line(&line, 600));
        if let Needs::Prepared { environment, .. } = &need.needs {
            let _ = writeln!(text, "    in     {}", one_line(&environment.folder.display().to_string(), 400));
        }
    }
    if text.is_empty() {
        let name = one_line(&skill.name, 80);
        text = format!(
            "{name} declares no packages for its scripts: nothing to prepare\n  \
             looked for requirements.txt, `# /// script` blocks, package.json\n"
        );
    }
    text
}

/// `5 packages, 4.1 MiB, Python 3.11.7, with uv 0.9.1`.
fn described(environment: &Environment) -> String {
    let record = &environment.record;
    let packages = counted(record.packages.len(), "package");
    let kind = record.kind.name();
    let scripts = if record.scripts_allowed { ", scripts allowed" } else { "" };
    let version = &record.interpreter_version;
    format!("{packages}, {}, {kind} {version}, with {}{scripts}", size(record.bytes), record.installer)
}

/// Everything that is prepared, with what has become of the skill it was made for.
fn list(store: &Store, caller: &BTreeMap<String, String>, format: Format) -> anyhow::Result<ExitCode> {
    let all = store.all();
    let uses: Vec<&str> = all.iter().map(|environment| in_use(environment, caller)).collect();
    let total: u64 = all.iter().map(|environment| environment.record.bytes).sum();
    let text = if format == Format::Json {
        let each = all.iter().zip(&uses).map(|(environment, state)| {
            let mut value = of_environment(environment);
            value["use"] = (*state).into();
            value
        });
        let each: Vec<Value> = each.collect();
        format!(
            "{:#}\n",
            json!({ "version": VERSION, "store": store.folder().to_string_lossy(), "bytes": total, "environments": each })
        )
    } else {
        let mut text = String::new();
        for (environment, state) in all.iter().zip(&uses) {
            let record = &environment.record;
            let place = format!("{}/{}", record.skill, record.file);
            let _ = writeln!(text, "{}  {state}  {}", record.key, described(environment));
            let _ = writeln!(text, "    for    {}", one_line(&place, 400));
        }
        let folder = store.folder().display();
        let _ = writeln!(text, "{}, {} in {folder}", counted(all.len(), "environment"), size(total));
        text
    };
    super::print(text.as_bytes())
}

/// Whether the skill that it was made for would still use it.
fn in_use(environment: &Environment, caller: &BTreeMap<String, String>) -> &'static str {
    let folder = Path::new(&environment.record.skill);
    if !folder.is_dir() {
        return "skill gone";
    }
    let skill = skill::read(folder, folder);
    let uses = |entry: &Entry| matches!(environment::needs(&skill, entry, caller), Needs::Prepared { environment: used, .. } if *used == *environment);
    if skill.entries.iter().any(uses) { "in use" } else { "outdated" }
}

fn remove(
    store: &Store,
    name: &str,
    format: Format,
    context: &Context,
    caller: &BTreeMap<String, String>,
) -> anyhow::Result<ExitCode> {
    let by_key = store.find(name);
    let found: Vec<Environment> = if let Some(environment) = by_key {
        vec![environment]
    } else {
        let skill = workspace::find(&context.workspace, &context.skills, name)?;
        let entries: Vec<&Entry> = skill.entries.iter().collect();
        let used = gather(&skill, &entries, caller).into_iter().filter_map(|need| match need.needs {
            Needs::Prepared { environment, .. } => Some(*environment),
            _ => None,
        });
        let made = store.all().into_iter().filter(|one| Path::new(&one.record.skill) == skill.path);
        let mut found: Vec<Environment> = used.chain(made).collect();
        found.sort_by(|a, b| a.record.key.cmp(&b.record.key));
        found.dedup();
        found
    };
    for environment in &found {
        store.remove(&environment.record.key)?;
    }
    let text = if format == Format::Json {
        let removed: Vec<&str> = found.iter().map(|one| one.record.key.as_str()).collect();
        format!("{:#}\n", json!({ "version": VERSION, "removed": removed }))
    } else if found.is_empty() {
        format!("nothing is prepared for {}\n", one_line(name, 80))
    } else {
        found.iter().fold(String::new(), |text, one| {
            format!("{text}removed {}  {}\n", one.record.key, described(one))
        })
    };
    super::print(text.as_bytes())
}
