//! Reads one skill: never fails, a broken skill is a skill with diagnostics.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::diagnostic::{Diagnostic, Edit, Span};
use super::drift;
use super::entry::{self, Scripts};
use super::findings::Findings;
use super::folder::{self, Folder};
use super::frontmatter::{self, Parts};
use super::interpreter::Resolver;
use super::lint;
use super::manifest;
use super::model::{Manifest, Skill};
use super::rules;
use super::scan::{self, Hit};
use super::script;

/// Most of a SKILL.md that is read.
pub const MAX_FILE: u64 = 4 * 1024 * 1024;

/// Read the skill in folder `dir`, found under `root`, with interpreters from the caller's environment.
pub fn read(dir: &Path, root: &Path) -> Skill {
    read_with(dir, root, &Resolver::from_env())
}

/// [`read`] with a resolver that many skills share.
pub fn read_with(dir: &Path, root: &Path, resolver: &Resolver) -> Skill {
    let folder = Folder::open(dir).unwrap_or_else(|_| Folder {
        path: dir.to_path_buf(),
        name: dir.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        items: Vec::new(),
    });
    read_folder(&folder, root, resolver)
}

/// [`read_with`] for a folder that is listed already.
pub fn read_folder(folder: &Folder, root: &Path, resolver: &Resolver) -> Skill {
    let path = folder.path.as_path();
    let loaded = load(folder);
    let mut findings = Findings::new(&path.join("SKILL.md"), &loaded.source, loaded.utf8);
    loaded.report(path, &mut findings);
    let scripts = entry::find(folder, resolver);
    let (manifest, parts) = if loaded.problem.is_none() {
        understand(&loaded.source, &folder.name, path, &scripts, &mut findings)
    } else {
        (Manifest::default(), Parts::default())
    };
    let name = manifest.name.as_ref().map(|field| field.value.clone()).filter(|name| !name.is_empty());
    let policy = Some(path.join("policy.yaml")).filter(|file| folder.has("policy.yaml") && file.is_file());
    let body_line = findings.lines().line(parts.body.start);
    let mut diagnostics = findings.finish();
    script::check(path, &scripts, &mut diagnostics);
    Skill {
        name: name.unwrap_or_else(|| folder.name.clone()),
        folder: folder.name.clone(),
        root: root.to_path_buf(),
        body_line,
        entries: scripts.entries,
        policy_file: policy,
        diagnostics,
        source: loaded.source,
        manifest,
        path: path.to_path_buf(),
    }
}

/// What is wrong with this text, if it were the SKILL.md of the skill in folder `path`.
pub fn diagnose(text: &str, path: &Path) -> Vec<Diagnostic> {
    manifest_of(text, path).1
}

/// The manifest that this text has, and what is wrong with it, if it were the SKILL.md of the skill in folder `path`.
pub fn manifest_of(text: &str, path: &Path) -> (Manifest, Vec<Diagnostic>) {
    let mut findings = Findings::new(&path.join("SKILL.md"), text, true);
    let folder = path.file_name().unwrap_or_default().to_string_lossy();
    let scripts = Folder::open(path).map(|folder| entry::find(&folder, &Resolver::from_env()));
    let (manifest, _) = understand(text, &folder, path, &scripts.unwrap_or_default(), &mut findings);
    (manifest, findings.finish())
}

/// The text of a file of a skill, for showing a finding in its place; empty when it cannot be read.
pub fn source(file: &Path) -> String {
    folder::read_bounded(file, MAX_FILE)
        .map_or_else(|_| String::new(), |(bytes, _)| String::from_utf8_lossy(&bytes).into_owned())
}

/// Front matter, manifest and lints of a text, and what it says about the scripts.
fn understand(
    text: &str,
    folder: &str,
    path: &Path,
    scripts: &Scripts,
    findings: &mut Findings,
) -> (Manifest, Parts) {
    frontmatter::characters(text, findings);
    let parts = frontmatter::split(text, findings);
    let mut manifest = Manifest::default();
    if let Some(yaml) = parts.yaml.clone() {
        let before = findings.count();
        manifest = manifest::read(text, yaml.clone(), findings);
        let recovered =
            findings.codes_since(before).any(|code| code.starts_with("yaml-") && code != rules::ANCHOR.code);
        if !findings.codes_since(before).any(|code| code == rules::NOT_MAPPING.code) {
            let fences = findings.lines().span(yaml);
            lint::manifest(&manifest, folder, first_line(fences), recovered, findings);
        }
    }
    let code = lint::body(text, &parts, path, findings);
    drift::check(text, &code, path, scripts, findings);
    let wanted = |hit: &Hit| match hit {
        Hit::Secret(_) => true,
        Hit::Home(range) => range.start >= parts.body.start,
        // In prose `npx` is only a word.
        Hit::Package(package) => {
            let at = code.partition_point(|code| code.end <= package.range.start);
            code.get(at).is_some_and(|code| code.start <= package.range.start)
        }
    };
    scan::report(text, wanted, Some(path), findings);
    (manifest, parts)
}

/// The first line of a span: a place for what is missing.
fn first_line(mut span: Span) -> Span {
    (span.end_line, span.end_column, span.end) = (span.line, span.column, span.start);
    span
}

/// What could be read of a SKILL.md.
struct Loaded {
    source: String,
    utf8: bool,
    problem: Option<Problem>,
    /// Names that are SKILL.md but for upper and lower case.
    other_case: Vec<String>,
    too_large: bool,
}

enum Problem {
    /// The link and where it points to.
    Dangling(PathBuf),
    Missing,
    Unreadable(String),
}

fn load(folder: &Folder) -> Loaded {
    let mut loaded = Loaded {
        source: String::new(),
        utf8: true,
        problem: None,
        other_case: other_case(folder),
        too_large: false,
    };
    match read_manifest(folder) {
        Ok((bytes, too_large)) => {
            loaded.too_large = too_large;
            match String::from_utf8(bytes) {
                Ok(text) => loaded.source = text,
                Err(error) => {
                    loaded.utf8 = false;
                    loaded.source = String::from_utf8_lossy(error.as_bytes()).into_owned();
                }
            }
        }
        Err(problem) => loaded.problem = Some(problem),
    }
    loaded
}

fn read_manifest(folder: &Folder) -> Result<(Vec<u8>, bool), Problem> {
    let file = folder.path.join("SKILL.md");
    folder::read_bounded(&file, MAX_FILE).map_err(|error| match error.kind() {
        ErrorKind::NotFound => fs::read_link(&file).map_or(Problem::Missing, Problem::Dangling),
        _ => Problem::Unreadable(error.to_string()),
    })
}

fn other_case(folder: &Folder) -> Vec<String> {
    let names = folder.items.iter().map(|(name, _)| name.to_string_lossy().into_owned());
    names.filter(|name| is_other_case(name)).collect()
}

/// `skill.md`, `Skill.md`, `SKILL.MD`: the right letters in the wrong case.
pub fn is_other_case(name: &str) -> bool {
    name != "SKILL.md" && name.eq_ignore_ascii_case("skill.md")
}

impl Loaded {
    fn report(&self, path: &Path, findings: &mut Findings) {
        let span = findings.lines().span(0..0);
        match &self.problem {
            Some(Problem::Dangling(target)) => {
                let message = format!("SKILL.md is a link to `{}`, which does not exist", target.display());
                findings.add(rules::DANGLING_LINK, span, message, "restore the target, or replace the link");
            }
            Some(Problem::Missing) => match self.other_case.first() {
                Some(other) => {
                    let message = format!("the file is named `{other}`");
                    let help = format!("rename it: mv {} SKILL.md", shell_path(&path.join(other)));
                    findings.add(rules::WRONG_CASE, span, message, help);
                }
                None => {
                    findings.add(rules::UNREADABLE, span, "there is no SKILL.md", "create it");
                }
            },
            Some(Problem::Unreadable(reason)) => {
                let message = format!("SKILL.md cannot be read: {reason}");
                findings.add(rules::UNREADABLE, span, message, "make it a readable file");
            }
            None => {
                if let Some(other) = self.other_case.first() {
                    let message = format!("`{other}` lies beside SKILL.md");
                    findings.add(rules::WRONG_CASE_TWIN, span, message, "remove one of the two");
                }
                self.report_text(findings);
            }
        }
    }

    fn report_text(&self, findings: &mut Findings) {
        if self.too_large {
            let span = findings.lines().span(0..0);
            let message =
                format!("SKILL.md is longer than {} MiB; the rest is not read", MAX_FILE / 1024 / 1024);
            findings.add(rules::FILE_TOO_LARGE, span, message, "move the data into files of their own");
        }
        if !self.utf8 {
            let at = self.source.find('\u{fffd}').unwrap_or(0);
            let span = findings.lines().span(at..at + '\u{fffd}'.len_utf8());
            let message = "these bytes are not UTF-8";
            findings.add(rules::INVALID_UTF8, span, message, "save the file as UTF-8");
        }
    }
}

fn shell_path(path: &Path) -> String {
    let text = path.to_string_lossy().into_owned();
    shlex::try_quote(&text).map_or_else(|_| text.clone(), std::borrow::Cow::into_owned)
}

/// Apply the edits of a fix to a text. `None` when they do not fit it.
pub fn apply(text: &str, edits: &[Edit]) -> Option<String> {
    let mut edits: Vec<&Edit> = edits.iter().collect();
    edits.sort_by_key(|edit| edit.start);
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    for edit in edits {
        text.get(edit.start..edit.end)?;
        out.push_str(text.get(at..edit.start)?);
        out.push_str(&edit.text);
        at = edit.end;
    }
    out.push_str(&text[at..]);
    Some(out)
}
