//! The line of a shell script behind a refusal, for shells whose stack cannot be read.
//!
//! A shell starts programs with arguments, and opens files, that stand in its script. When just one line of the script
//! can have had that effect, it was that line; when several can, nothing is said, unless the shell's memory or its
//! own complaint tells which. The same check is made of a line that came out of the shell's memory: behind a compound
//! command, and in text that is run as commands, shells count wrongly. Used by the recorder.

mod pattern;
mod syntax;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use syntax::{Deed, Script, Site};

use super::report::Process;
use super::source;
use crate::sandbox::event::{Denied, Frame, Operation};

/// Scripts of one run that are read, and how many one may read in turn.
const MAX_SCRIPTS: usize = 64;
const MAX_SOURCED: usize = 16;
/// How long all of a run's scripts may be read and searched.
const PATIENCE: Duration = Duration::from_secs(2);

/// The scripts of a skill, read when they are first needed.
#[derive(Debug, Clone)]
pub(super) struct Scripts {
    skill: PathBuf,
    cwd: PathBuf,
    read: HashMap<PathBuf, Arc<Script>>,
    spent: Duration,
}

/// What a shell did that was refused in the end.
#[derive(Debug, Clone, Copy)]
pub(super) enum Effect<'a> {
    /// It made the refused call itself.
    Own(&'a Denied),
    /// It started a program with these arguments.
    Started(&'a [String]),
}

impl Scripts {
    pub(super) fn new(skill: &Path, cwd: &Path) -> Self {
        Self { skill: skill.to_owned(), cwd: cwd.to_owned(), read: HashMap::new(), spent: Duration::ZERO }
    }

    /// The script of the skill that a process runs, when it is a shell that runs one.
    pub(super) fn script_of(&self, process: &Process) -> Option<PathBuf> {
        const SHELLS: [&str; 8] = ["sh", "dash", "bash", "ash", "zsh", "ksh", "mksh", "busybox"];
        let name = process.program.file_name()?.to_str()?;
        if SHELLS.contains(&name) {
            let script = operand(&process.argv, name == "busybox")?;
            return source::own(&self.skill, &self.cwd.join(script));
        }
        // The kernel starts the shell that the first line names.
        let script = source::own(&self.skill, &process.program)?;
        let text = source::read(&self.skill, &script).ok()?;
        let first = text.lines().next()?.strip_prefix("#!")?;
        let words = first.split_whitespace().map(|word| word.rsplit('/').next().unwrap_or_default());
        let shell = words.into_iter().find(|word| *word != "env" && !word.starts_with('-'))?;
        SHELLS.contains(&shell).then_some(script)
    }

    /// The line of `script`, or of a script that it reads, that had this effect. `known`: the stack that was read in
    /// the shell's memory, if any, of which the first line is to be confirmed.
    pub(super) fn line(&mut self, script: &Path, effect: Effect<'_>, known: Option<&Frame>) -> Option<Frame> {
        (self.spent < PATIENCE).then_some(())?;
        let begun = Instant::now();
        let line = self.find(script, effect, known);
        self.spent += begun.elapsed();
        line
    }

    fn find(&mut self, script: &Path, effect: Effect<'_>, known: Option<&Frame>) -> Option<Frame> {
        let (files, complete) = self.with_sourced(script);
        let functions = |name: &str| files.iter().any(|(_, script)| script.functions.contains(name));
        let mut places: Vec<(&Path, &Site)> = Vec::new();
        for (file, script) in &files {
            let sites = script.sites.iter().filter(|site| can_have(site, effect, &functions));
            places.extend(sites.map(|site| (file.as_path(), site)));
        }
        let one_line =
            places.windows(2).all(|pair| pair[0].0 == pair[1].0 && pair[0].1.line == pair[1].1.line);
        let only = one_line && complete;
        if let Some(known) = known {
            let at_known = |place: &(&Path, &Site)| {
                place.0 == known.file && (place.1.line..=place.1.last).contains(&known.line)
            };
            // Of commands within commands, the one that begins last.
            let line = places.iter().filter(|place| at_known(place)).map(|(_, site)| site.line).max();
            if let Some(line) = line {
                places.retain(|place| at_known(place) && place.1.line == line);
            } else {
                // A shell opens the files of a compound command before it has a line of that command.
                let redirects = places.iter().all(|(_, site)| matches!(site.deed, Deed::Redirect { .. }));
                (only && redirects).then_some(())?;
            }
        } else if !only {
            return None;
        }
        let (file, site) = places.first()?;
        let function = known.filter(|known| known.file == *file && known.line == site.line);
        let function = function.map_or(&*site.function, |known| &known.function).to_owned();
        Some(Frame { file: file.to_path_buf(), line: site.line, function })
    }

    /// Whether this is a script that `script` reads, or itself.
    pub(super) fn is_part(&mut self, script: &Path, file: &Path) -> bool {
        file == script || self.with_sourced(script).0.iter().any(|(part, _)| part == file)
    }

    /// A script with those that it reads, and whether that is all that can run in its place.
    fn with_sourced(&mut self, script: &Path) -> (Vec<(PathBuf, Arc<Script>)>, bool) {
        let mut files: Vec<(PathBuf, Arc<Script>)> = Vec::new();
        let mut open = vec![script.to_owned()];
        let mut complete = true;
        while let Some(file) = open.pop() {
            if files.iter().any(|(have, _)| *have == file) {
                continue;
            }
            let parsed = self.parse(&file).filter(|_| files.len() < MAX_SOURCED);
            let Some(parsed) = parsed else {
                complete = false;
                continue;
            };
            complete &= !parsed.opaque;
            for word in &parsed.sourced {
                let found = self.resolve(word, &file);
                complete &= !found.is_empty();
                open.extend(found);
            }
            files.push((file, parsed));
        }
        (files, complete)
    }

    fn parse(&mut self, file: &Path) -> Option<Arc<Script>> {
        if let Some(script) = self.read.get(file) {
            return Some(Arc::clone(script));
        }
        let text = source::read(&self.skill, file).ok().filter(|_| self.read.len() < MAX_SCRIPTS)?;
        let script = Arc::new(syntax::parse(&text));
        self.read.insert(file.to_owned(), Arc::clone(&script));
        Some(script)
    }

    /// The files of the skill that a sourced word can mean: by what is written out at its end.
    fn resolve(&self, word: &pattern::Word, script: &Path) -> Vec<PathBuf> {
        let Some(tail) = word.tail() else { return Vec::new() };
        let folders = match word.literal() {
            Some(whole) if whole.starts_with('/') => vec![PathBuf::from("/")],
            _ => {
                vec![script.parent().unwrap_or(&self.skill).to_owned(), self.skill.clone(), self.cwd.clone()]
            }
        };
        let tail = tail.trim_start_matches('/');
        let found = folders.iter().filter_map(|folder| source::own(&self.skill, &folder.join(tail)));
        let mut found: Vec<PathBuf> = found.collect();
        found.sort();
        found.dedup();
        found
    }
}

/// The script among a shell's arguments.
fn operand(argv: &[String], applet: bool) -> Option<&str> {
    let mut words = argv
        .iter()
        .skip(1 + usize::from(applet && argv.first().is_some_and(|name| name.ends_with("busybox"))));
    while let Some(word) = words.next() {
        match word.strip_prefix('-').or_else(|| word.strip_prefix('+')) {
            None | Some("") => return Some(word),
            Some("-") => return words.next().map(String::as_str),
            // Commands in the argument, or on standard input.
            Some(flags) if !flags.starts_with('-') && flags.contains(['c', 's']) => return None,
            Some(flags) if !flags.starts_with('-') && flags.ends_with(['o', 'O']) => drop(words.next()),
            Some("-rcfile" | "-init-file") => drop(words.next()),
            Some(_) => {}
        }
    }
    None
}

fn can_have(site: &Site, effect: Effect<'_>, is_function: &impl Fn(&str) -> bool) -> bool {
    match (effect, &site.deed) {
        (Effect::Started(argv), Deed::Command { words, program }) => {
            let function = words.first().and_then(pattern::Word::literal).is_some_and(is_function);
            (*program || !function) && pattern::may_become(words, argv)
        }
        (Effect::Own(denied), deed) => can_have_called(deed, denied, is_function),
        _ => false,
    }
}

fn can_have_called(deed: &Deed, denied: &Denied, is_function: &impl Fn(&str) -> bool) -> bool {
    let target = denied.target.as_str();
    let opens_folder = denied.arguments.contains("O_DIRECTORY");
    match (denied.operation, deed) {
        (Operation::Read, Deed::Search(word)) if opens_folder => word.searches(target),
        (Operation::Read, _) if opens_folder => false,
        (Operation::Read, Deed::Redirect { word, reads: true, .. }) => word.names(target),
        (Operation::Read, Deed::Look(word)) => word.names(target),
        (Operation::Read, Deed::Search(word)) => word.tail().is_some() && word.names(target),
        (Operation::Write | Operation::Create, Deed::Redirect { word, writes: true, .. }) => {
            word.names(target)
        }
        (Operation::Execute, Deed::Command { words, program }) => {
            let Some(first) = words.first() else { return false };
            let by_name = target.rsplit('/').next().is_some_and(|name| first.literal() == Some(name));
            let by_path = first.names(target) && first.literal().is_none_or(|word| word.contains('/'));
            (by_name || by_path) && (*program || !first.literal().is_some_and(is_function))
        }
        (Operation::Connect, Deed::Redirect { word, .. }) => {
            let place = target.rsplit_once(':').map(|(host, port)| format!("{host}/{port}"));
            place.is_some_and(|place| {
                ["tcp", "udp"].iter().any(|kind| word.names(&format!("/dev/{kind}/{place}")))
            })
        }
        (Operation::Signal, Deed::Command { words, .. }) => {
            words.first().is_some_and(|word| word.literal().is_none_or(|word| word == "kill"))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
