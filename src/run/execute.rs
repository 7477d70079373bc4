//! Which files a run may start: the program itself, what is granted, and the loaders and interpreters that the
//! kernel opens on their behalf.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::prepare::base_search_path;
use crate::policy::{Policy, RunRule, open_plain, programs};
use crate::sandbox::linux::loaders;

/// The answer of [`started`].
#[derive(Debug, Default)]
pub(super) struct Started {
    /// Real paths.
    pub(super) files: Vec<PathBuf>,
    /// Dynamic loaders among them that nothing else asks for.
    pub(super) loaders: Vec<PathBuf>,
    /// Whether a program was granted, so that `execve` is open at all after the start.
    pub(super) any_granted: bool,
    /// Programs outside the system folders, which have to be made visible.
    pub(super) visible: Vec<PathBuf>,
    /// The `PATH` inside.
    pub(super) search_path: String,
}

/// Deepest chain of `#!` interpreters; the kernel's own bound is about the same.
const MAX_CHAIN: usize = 4;

/// Work out what `execve` may start under `policy`. Programs that are granted and not there become notes. `packages`: the
/// folder of programs that the script's packages brought, which come first, as in an activated environment.
pub(super) fn started(
    program: &Path,
    script: &Path,
    packages: Option<&Path>,
    policy: &Policy,
    caller: &BTreeMap<String, String>,
    notes: &mut Vec<String>,
) -> Started {
    let first = packages.map(|folder| format!("{}:", folder.display())).unwrap_or_default();
    let search_path = format!("{first}{}", base_search_path());
    let mut found = Started { search_path, ..Started::default() };
    found.take(program, 0);
    if program == script {
        // A native entry: the program is in the skill's folder, already visible.
        found.visible.clear();
    }
    let search = format!("{}:{}", found.search_path, caller.get("PATH").map_or("", String::as_str));
    let denied = denied(policy, &search);
    for grant in &policy.run {
        let paths = resolve(&grant.value, &search);
        if paths.is_empty() {
            notes.push(format!("{} grants run {}, which is not installed here", grant.origin, grant.written));
        }
        for path in paths {
            let Ok(real) = path.canonicalize() else { continue };
            if denied.contains(&real) {
                continue;
            }
            found.any_granted = true;
            found.reach(&path, matches!(grant.value, RunRule::Program(_) | RunRule::Group(_)));
            found.take(&real, 0);
        }
    }
    // The interpreter itself starts whatever is denied; of a virtual environment it is a link.
    let own = program.canonicalize().unwrap_or_else(|_| program.to_owned());
    found.files.retain(|file| *file == own || !denied.contains(file));
    found.seal(policy, &search, notes);
    found
}

fn denied(policy: &Policy, search: &str) -> Vec<PathBuf> {
    let rules = policy.deny.run.iter().flat_map(|deny| resolve(&deny.value, search));
    rules.filter_map(|path| path.canonicalize().ok()).collect()
}

fn resolve(rule: &RunRule, search: &str) -> Vec<PathBuf> {
    match rule {
        RunRule::Program(name) => programs::find(name, search).into_iter().collect(),
        RunRule::Path(path) => path.exists().then(|| path.clone()).into_iter().collect(),
        RunRule::Group(group) => programs::group(group.trim_start_matches('@'))
            .unwrap_or_default()
            .iter()
            .filter_map(|name| programs::find(name, base_search_path()))
            .collect(),
    }
}

impl Started {
    /// Loaders are for the kernel to open, not for the run to start: a loader runs whatever it is given. Without a grant
    /// nothing can be started anyway; one that is granted itself stays a program.
    fn seal(&mut self, policy: &Policy, search: &str, notes: &mut Vec<String>) {
        let granted: Vec<PathBuf> =
            policy.run.iter().flat_map(|grant| resolve(&grant.value, search)).collect();
        let granted: Vec<PathBuf> = granted.iter().filter_map(|path| path.canonicalize().ok()).collect();
        let is_granted = |loader: &Path| granted.iter().any(|path| loader.starts_with(path));
        self.loaders.retain(|loader| self.any_granted && self.files.contains(loader) && !is_granted(loader));
        for loader in self.loaders.extract_if(.., |loader| !loaders::can_seal(loader)) {
            notes.push(format!(
                "{} can be started by itself and then runs any file that can be read: it has to be open for what is granted",
                loader.display()
            ));
        }
    }

    /// Make a program outside the system folders visible, and its folder part of `PATH` when it is called by name.
    fn reach(&mut self, path: &Path, by_name: bool) {
        const SYSTEM: [&str; 6] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64"];
        if SYSTEM.iter().any(|folder| path.starts_with(folder)) {
            return;
        }
        self.visible.push(path.to_owned());
        if let Ok(real) = path.canonicalize()
            && real != path
        {
            self.visible.push(real);
        }
        let folder = path.parent().and_then(Path::to_str).unwrap_or_default();
        if by_name && !self.search_path.split(':').any(|have| have == folder) {
            self.search_path = format!("{}:{folder}", self.search_path);
        }
    }

    /// A file with everything the kernel opens to start it.
    fn take(&mut self, file: &Path, depth: usize) {
        let Ok(real) = file.canonicalize() else { return };
        if self.files.contains(&real) {
            return;
        }
        if depth > 0 {
            self.reach(file, false);
        }
        self.files.push(real.clone());
        if depth >= MAX_CHAIN || real.is_dir() {
            return;
        }
        let needed = needs(&real);
        if !needed.script {
            let loaders = needed.files.iter().filter_map(|loader| loader.canonicalize().ok());
            self.loaders.extend(loaders.filter(|loader| !self.loaders.contains(loader)).collect::<Vec<_>>());
        }
        for next in needed.files {
            self.take(&next, depth + 1);
        }
    }
}

/// What the kernel opens to start a file.
#[derive(Default)]
struct Needs {
    /// The loader of a native program, or the interpreters of a script.
    files: Vec<PathBuf>,
    script: bool,
}

fn needs(file: &Path) -> Needs {
    let Ok(file) = open_plain(file) else { return Needs::default() };
    let mut head = Vec::new();
    if (&file).take(256).read_to_end(&mut head).is_err() {
        return Needs::default();
    }
    match head.strip_prefix(b"#!") {
        Some(line) => Needs { files: shebang(line), script: true },
        None => Needs { files: loader(&file, &head).into_iter().collect(), script: false },
    }
}

/// `#!/usr/bin/env -S python3 -u` needs `/usr/bin/env` and the `python3` that it finds.
fn shebang(line: &[u8]) -> Vec<PathBuf> {
    let line = line.split(|b| *b == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let mut words = line.split_whitespace();
    let Some(program) = words.next() else { return Vec::new() };
    let mut found = vec![PathBuf::from(program)];
    if program.ends_with("/env")
        && let Some(name) = words.find(|word| !word.starts_with('-') && !word.contains('='))
    {
        found.extend(programs::find(name, base_search_path()));
    }
    found
}

/// `PT_INTERP` of an ELF file (elf(5)): the dynamic loader, which the kernel starts first.
pub(super) fn loader(file: &File, head: &[u8]) -> Option<PathBuf> {
    const PT_INTERP: u32 = 3;
    const LONGEST: u64 = 4096;
    if head.len() < 64 || !head.starts_with(b"\x7fELF") || head[5] != 1 {
        return None; // not ELF, or big-endian
    }
    let wide = head[4] == 2;
    let number = |bytes: &[u8], at: usize, size: usize| -> Option<u64> {
        let field = bytes.get(at..at + size)?;
        Some(field.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    };
    let (table, entry, count) = if wide {
        (number(head, 32, 8)?, number(head, 54, 2)?, number(head, 56, 2)?)
    } else {
        (number(head, 28, 4)?, number(head, 42, 2)?, number(head, 44, 2)?)
    };
    if !(32..=128).contains(&entry) || count > 512 {
        return None;
    }
    for n in 0..count {
        let mut header = vec![0; entry as usize];
        file.read_exact_at(&mut header, table.checked_add(n * entry)?).ok()?;
        if number(&header, 0, 4)? != u64::from(PT_INTERP) {
            continue;
        }
        let (offset, size) = if wide {
            (number(&header, 8, 8)?, number(&header, 32, 8)?)
        } else {
            (number(&header, 4, 4)?, number(&header, 16, 4)?)
        };
        let mut path = vec![0; size.min(LONGEST) as usize];
        file.read_exact_at(&mut path, offset).ok()?;
        path.truncate(path.iter().position(|b| *b == 0).unwrap_or(path.len()));
        return String::from_utf8(path).ok().filter(|path| path.starts_with('/')).map(PathBuf::from);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_native_program_needs_its_loader() {
        let needed = needs(Path::new("/usr/bin/env")).files;
        // A static binary needs none.
        assert!(needed.iter().all(|path| path.exists()), "{needed:?}");
        assert!(needed.len() <= 1);
    }

    #[test]
    fn scripts_need_their_interpreters() {
        assert_eq!(shebang(b"/bin/sh -e\nrest"), [PathBuf::from("/bin/sh")]);
        let through_env = shebang(b" /usr/bin/env -S sh -e");
        assert_eq!(through_env[0], PathBuf::from("/usr/bin/env"));
        assert!(through_env[1].ends_with("sh"));
        assert!(shebang(b"\n").is_empty());
    }

    #[test]
    fn hostile_headers_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("program");
        let mut head = vec![0xff_u8; 256];
        head[..6].copy_from_slice(b"\x7fELF\x02\x01");
        std::fs::write(&file, &head).unwrap();
        assert!(needs(&file).files.is_empty());
        std::fs::write(&file, b"\x7fELF").unwrap();
        assert!(needs(&file).files.is_empty());
    }
}
