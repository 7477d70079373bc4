//! Searches roots for skills: every folder with a `SKILL.md`, the broken ones too.
//!
//! One thread walks the folders, several read the skills. Each is handed over as soon as it and those before it are
//! read, so that the workbench can fill its list meanwhile. The search is bounded, ends in the face of links that go
//! round in circles, and says what it left out.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ignored::{Ignored, is_generated};
use super::readers::{Item, Job, Readers};
use crate::skill::rules::{self, Rule};
use crate::skill::{Diagnostic, Folder, Resolver, Skill, Span};

/// How far a search goes, for each root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Folders below the root; the root itself is depth 0.
    pub depth: usize,
    pub folders: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { depth: 8, folders: 100_000 }
    }
}

/// One result of a search.
#[derive(Debug, Clone)]
pub enum Found {
    Skill(Arc<Skill>),
    /// Something that the search left out, with its reason.
    Notice(Diagnostic),
}

/// A search to be made.
#[derive(Debug)]
pub struct Discovery {
    workspace: PathBuf,
    roots: Vec<PathBuf>,
    bounds: Bounds,
}

/// A search under way.
struct Walk<'a> {
    bounds: Bounds,
    unchanged: &'a dyn Fn(&Path) -> Option<Arc<Skill>>,
    readers: Readers<'a>,
    /// Device and inode of every folder that was entered: each is read once, by whatever way it is reached.
    seen: HashSet<(u64, u64)>,
    /// The root that is being searched.
    root: PathBuf,
    ignored: Ignored,
    entered: usize,
    /// Linked folders wait until the real ones are read, so that a skill is found under its own name.
    links: Vec<(PathBuf, usize)>,
    too_deep: bool,
    too_many: bool,
}

/// Hands over what is found, and knows which names there were.
struct Report<'a> {
    workspace: &'a Path,
    each: &'a mut dyn FnMut(Found),
    /// First folder of every name.
    names: HashMap<String, PathBuf>,
}

impl Discovery {
    pub fn new(workspace: &Path, roots: &[PathBuf], bounds: Bounds) -> Self {
        Self { workspace: workspace.to_path_buf(), roots: roots.to_vec(), bounds }
    }

    /// Search all roots in order and read every skill. `each` is called on this thread, in the order of the search.
    pub fn run(&self, resolver: &Resolver, each: &mut dyn FnMut(Found)) {
        self.run_again(resolver, &|_| None, each);
    }

    /// Search all roots again. `unchanged` has the skill of a folder (links resolved) when nothing in it has changed
    /// since it was read: it is handed over as it is, and not read.
    pub fn run_again(
        &self,
        resolver: &Resolver,
        unchanged: &dyn Fn(&Path) -> Option<Arc<Skill>>,
        each: &mut dyn FnMut(Found),
    ) {
        let mut report = Report { workspace: &self.workspace, each, names: HashMap::new() };
        let mut give = |item| report.give(item);
        std::thread::scope(|scope| {
            let mut walk = Walk {
                bounds: self.bounds,
                unchanged,
                readers: Readers::start(scope, resolver, &mut give),
                seen: HashSet::new(),
                root: PathBuf::new(),
                ignored: Ignored::default(),
                entered: 0,
                links: Vec::new(),
                too_deep: false,
                too_many: false,
            };
            self.roots.iter().for_each(|root| walk.search(root));
            walk.readers.finish();
        });
    }
}

impl Walk<'_> {
    fn search(&mut self, root: &Path) {
        self.root = root.to_path_buf();
        self.ignored = Ignored::around(root);
        (self.entered, self.too_deep, self.too_many) = (0, false, false);
        self.folder(root, fs::canonicalize(root).unwrap_or_else(|_| root.to_path_buf()), 0);
        while let Some((link, depth)) = self.links.pop() {
            let real = fs::canonicalize(&link).unwrap_or_else(|_| link.clone());
            self.folder(&link, real, depth);
        }
    }

    /// `dir` is the folder as it was reached, `real` the same with links resolved.
    fn folder(&mut self, dir: &Path, real: PathBuf, depth: usize) {
        let name = dir.file_name().or_else(|| real.file_name()).unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        let folder = match fs::metadata(&real).and_then(|data| Ok((data, Folder::list(real, name)?))) {
            Ok((data, folder)) => {
                if !self.seen.insert((data.dev(), data.ino())) {
                    return;
                }
                Arc::new(folder)
            }
            Err(error) => {
                let message = format!("this folder cannot be read: {error}");
                self.notice(rules::FOLDER_UNREADABLE, dir, message, "make it readable, or remove it");
                return;
            }
        };
        if self.entered >= self.bounds.folders {
            self.stop();
            return;
        }
        self.entered += 1;
        if folder.is_skill() {
            let way = dir.to_path_buf();
            match (self.unchanged)(&folder.path) {
                Some(skill) => self.readers.give(Item::Skill(skill, way)),
                None => self.readers.read(Job { folder: Arc::clone(&folder), root: self.root.clone(), way }),
            }
        }
        let mark = if folder.has(".gitignore") { self.ignored.enter(dir) } else { self.ignored.mark() };
        for (name, kind) in &folder.items {
            if kind.is_symlink() {
                self.link(&dir.join(name), depth + 1);
            } else if kind.is_dir() {
                let path = dir.join(name);
                if self.enters(&path, depth + 1) {
                    self.folder(&path, folder.path.join(name), depth + 1);
                }
            }
        }
        self.ignored.leave(mark);
    }

    /// Keep a linked folder for later.
    fn link(&mut self, path: &Path, depth: usize) {
        match fs::metadata(path) {
            Ok(target) if target.is_dir() && self.enters(path, depth) => {
                self.links.push((path.to_path_buf(), depth));
            }
            // A link at the top of a root was meant to be a skill; deeper ones are the skill's own business.
            Err(_) if depth == 1 && path.extension().is_none() => {
                let target = fs::read_link(path).unwrap_or_default();
                let message = format!("this is a link to `{}`, which does not exist", target.display());
                self.notice(rules::DANGLING_LINK, path, message, "restore the target, or remove the link");
            }
            _ => {}
        }
    }

    /// Whether a folder is to be searched.
    fn enters(&mut self, path: &Path, depth: usize) -> bool {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let generated = is_generated(name) && !path.join("SKILL.md").is_file();
        if generated || self.ignored.covers(path) || self.too_many {
            return false;
        }
        if depth > self.bounds.depth {
            self.deep(path);
            return false;
        }
        true
    }

    fn notice(&mut self, rule: Rule, path: &Path, message: String, help: &str) {
        let notice = diagnostic(rule, path, first_place(), message, help);
        self.readers.give(Item::Notice(notice));
    }

    fn deep(&mut self, path: &Path) {
        if !std::mem::replace(&mut self.too_deep, true) {
            let message = format!(
                "this folder and others are more than {} levels below the root: not read",
                self.bounds.depth
            );
            let help = "give the folder that holds the skills with --skills";
            self.notice(rules::DEPTH_REACHED, path, message, help);
        }
    }

    fn stop(&mut self) {
        if !std::mem::replace(&mut self.too_many, true) {
            let root = self.root.clone();
            let message =
                format!("this root has more than {} folders: the rest was not read", self.bounds.folders);
            let help = "give the folders that hold the skills with --skills";
            self.notice(rules::FOLDERS_REACHED, &root, message, help);
        }
    }
}

impl Report<'_> {
    fn give(&mut self, item: Item) {
        let found = match item {
            Item::Skill(mut skill, way) => {
                self.name(&mut skill, way);
                Found::Skill(skill)
            }
            Item::Notice(notice) => Found::Notice(notice),
        };
        (self.each)(found);
    }

    /// Add a diagnostic when the skill's name was there before, and take one from an earlier search away.
    fn name(&mut self, skill: &mut Arc<Skill>, way: PathBuf) {
        let first = self.names.get(&skill.name);
        let shadowed = first.map(|first| {
            let shown = first.strip_prefix(self.workspace).unwrap_or(first);
            let span = skill.manifest.name.as_ref().map_or_else(first_place, |name| name.span);
            diagnostic(
                rules::SHADOWED,
                &skill.manifest_path(),
                span,
                format!("`{}` in {} has the same name and comes first", skill.name, shown.display()),
                "rename or remove one of the two",
            )
        });
        if shadowed.is_none() {
            self.names.insert(skill.name.clone(), way);
        }
        let is_shadowed = |found: &&Diagnostic| found.code == rules::SHADOWED.code;
        if skill.diagnostics.iter().find(is_shadowed) != shadowed.as_ref() {
            let found = &mut Arc::make_mut(skill).diagnostics;
            found.retain(|found| !is_shadowed(&found));
            found.extend(shadowed);
        }
    }
}

fn first_place() -> Span {
    Span { line: 1, column: 1, end_line: 1, end_column: 1, start: 0, end: 0 }
}

fn diagnostic(rule: Rule, file: &Path, span: Span, message: String, help: &str) -> Diagnostic {
    Diagnostic {
        severity: rule.severity,
        code: rule.code,
        file: file.to_path_buf(),
        span,
        message,
        help: help.to_owned(),
        fix: None,
    }
}
