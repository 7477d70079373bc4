//! Searches roots for skills: every folder with a `SKILL.md`, the broken ones too.
//!
//! The search hands over each skill as soon as it is read, so that the workbench can fill its list meanwhile. It is
//! bounded, ends in the face of links that go round in circles, and says what it left out.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ignored::{Ignored, is_generated};
use crate::skill::rules::{self, Rule};
use crate::skill::{self, Diagnostic, Folder, Resolver, Skill, Span};

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

/// A search under way.
#[derive(Debug)]
pub struct Discovery {
    workspace: PathBuf,
    roots: Vec<PathBuf>,
    bounds: Bounds,
    /// Device and inode of every folder that was entered: each is read once, by whatever way it is reached.
    seen: HashSet<(u64, u64)>,
    /// First folder of every name.
    names: HashMap<String, PathBuf>,
}

/// The search of one root.
struct Walk<'a> {
    root: PathBuf,
    resolver: &'a Resolver,
    each: &'a mut dyn FnMut(Found),
    ignored: Ignored,
    entered: usize,
    /// Linked folders wait until the real ones are read, so that a skill is found under its own name.
    links: Vec<(PathBuf, usize)>,
    too_deep: bool,
    too_many: bool,
}

impl Discovery {
    pub fn new(workspace: &Path, roots: &[PathBuf], bounds: Bounds) -> Self {
        Self {
            workspace: workspace.to_path_buf(),
            roots: roots.to_vec(),
            bounds,
            seen: HashSet::new(),
            names: HashMap::new(),
        }
    }

    /// Search all roots in order.
    pub fn run(&mut self, resolver: &Resolver, each: &mut dyn FnMut(Found)) {
        for root in self.roots.clone() {
            let mut walk = Walk {
                ignored: Ignored::around(&root),
                root: root.clone(),
                resolver,
                each: &mut *each,
                entered: 0,
                links: Vec::new(),
                too_deep: false,
                too_many: false,
            };
            self.folder(&mut walk, &root, fs::canonicalize(&root).unwrap_or_else(|_| root.clone()), 0);
            while let Some((link, depth)) = walk.links.pop() {
                let real = fs::canonicalize(&link).unwrap_or_else(|_| link.clone());
                self.folder(&mut walk, &link, real, depth);
            }
        }
    }

    /// `dir` is the folder as it was reached, `real` the same with links resolved.
    fn folder(&mut self, walk: &mut Walk<'_>, dir: &Path, real: PathBuf, depth: usize) {
        let name = dir.file_name().or_else(|| real.file_name()).unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        let folder = match fs::metadata(&real).and_then(|data| Ok((data, Folder::list(real, name)?))) {
            Ok((data, folder)) => {
                if !self.seen.insert((data.dev(), data.ino())) {
                    return;
                }
                folder
            }
            Err(error) => {
                let message = format!("this folder cannot be read: {error}");
                walk.notice(rules::FOLDER_UNREADABLE, dir, message, "make it readable, or remove it");
                return;
            }
        };
        if walk.entered >= self.bounds.folders {
            walk.stop(self.bounds.folders);
            return;
        }
        walk.entered += 1;
        if folder.is_skill() {
            let skill = skill::read_folder(&folder, &walk.root, walk.resolver);
            self.report(walk, skill, dir);
        }
        let mark = if folder.has(".gitignore") { walk.ignored.enter(dir) } else { walk.ignored.mark() };
        for (name, kind) in &folder.items {
            if kind.is_symlink() {
                self.link(walk, &dir.join(name), depth + 1);
            } else if kind.is_dir() {
                let path = dir.join(name);
                if self.enters(walk, &path, depth + 1) {
                    self.folder(walk, &path, folder.path.join(name), depth + 1);
                }
            }
        }
        walk.ignored.leave(mark);
    }

    /// Keep a linked folder for later.
    fn link(&mut self, walk: &mut Walk<'_>, path: &Path, depth: usize) {
        match fs::metadata(path) {
            Ok(target) if target.is_dir() && self.enters(walk, path, depth) => {
                walk.links.push((path.to_path_buf(), depth));
            }
            // A link at the top of a root was meant to be a skill; deeper ones are the skill's own business.
            Err(_) if depth == 1 && path.extension().is_none() => {
                let target = fs::read_link(path).unwrap_or_default();
                let message = format!("this is a link to `{}`, which does not exist", target.display());
                walk.notice(rules::DANGLING_LINK, path, message, "restore the target, or remove the link");
            }
            _ => {}
        }
    }

    /// Whether a folder is to be searched.
    fn enters(&self, walk: &mut Walk<'_>, path: &Path, depth: usize) -> bool {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let generated = is_generated(name) && !path.join("SKILL.md").is_file();
        if generated || walk.ignored.covers(path) || walk.too_many {
            return false;
        }
        if depth > self.bounds.depth {
            walk.deep(path, self.bounds.depth);
            return false;
        }
        true
    }

    fn report(&mut self, walk: &mut Walk<'_>, mut skill: Skill, dir: &Path) {
        match self.names.get(&skill.name) {
            Some(first) => {
                let shown = first.strip_prefix(&self.workspace).unwrap_or(first);
                let span = skill.manifest.name.as_ref().map_or_else(first_place, |name| name.span);
                skill.diagnostics.push(diagnostic(
                    rules::SHADOWED,
                    &skill.manifest_path(),
                    span,
                    format!("`{}` in {} has the same name and comes first", skill.name, shown.display()),
                    "rename or remove one of the two",
                ));
            }
            None => {
                self.names.insert(skill.name.clone(), dir.to_path_buf());
            }
        }
        (walk.each)(Found::Skill(Arc::new(skill)));
    }
}

impl Walk<'_> {
    fn notice(&mut self, rule: Rule, path: &Path, message: String, help: &str) {
        (self.each)(Found::Notice(diagnostic(rule, path, first_place(), message, help)));
    }

    fn deep(&mut self, path: &Path, bound: usize) {
        if !std::mem::replace(&mut self.too_deep, true) {
            let message =
                format!("this folder and others are more than {bound} levels below the root: not read");
            self.notice(
                rules::DEPTH_REACHED,
                path,
                message,
                "give the folder that holds the skills with --skills",
            );
        }
    }

    fn stop(&mut self, bound: usize) {
        if !std::mem::replace(&mut self.too_many, true) {
            let root = self.root.clone();
            let message = format!("this root has more than {bound} folders: the rest was not read");
            self.notice(
                rules::FOLDERS_REACHED,
                &root,
                message,
                "give the folders that hold the skills with --skills",
            );
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
