//! What Landlock lets a run without a view use of the host's files.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use landlock::{
    Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetStatus, Scope,
};

use super::super::confine::NEWEST_ABI;
use super::places::PLACES;
use crate::sandbox::plan::{Access, Bind, Plan};

/// What Landlock allows at and below a path.
#[derive(Debug, Clone)]
pub(in crate::sandbox::linux) struct Rule {
    pub path: PathBuf,
    pub access: BitFlags<AccessFs>,
}

/// Of `/proc`, nothing of other processes: what runtimes read at their start. Its own part is added by its number.
const PROC: [&str; 7] = [
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/version",
    "/proc/filesystems",
    "/proc/sys/kernel/osrelease",
    "/proc/sys/kernel/random/uuid",
    "/proc/sys/vm/overcommit_memory",
];
const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

fn to_read() -> BitFlags<AccessFs> {
    AccessFs::ReadFile | AccessFs::ReadDir
}

fn to_write() -> BitFlags<AccessFs> {
    AccessFs::from_all(NEWEST_ABI) & !AccessFs::Execute
}

/// Everything that the program may use of the host's files. Fails when a `deny` cannot be kept.
pub(in crate::sandbox::linux) fn rules(plan: &Plan, private: &Path) -> io::Result<Vec<Rule>> {
    let mut rules = Vec::new();
    for (index, bind) in plan.view.iter().enumerate() {
        let later = &plan.view[index + 1..];
        if later.iter().all(|later| !bind.path.starts_with(&later.path)) {
            let closed: Vec<&Bind> = later.iter().filter(|later| takes_away(bind, later)).collect();
            open(&bind.path, bind.access, &closed, &mut rules)?;
        }
    }
    rules.extend(PLACES.map(|(name, _)| Rule { path: private.join(name), access: to_write() }));
    rules.extend(PROC.map(|path| Rule { path: path.into(), access: to_read() }));
    rules.extend(
        DEVICES.map(|path| Rule { path: path.into(), access: AccessFs::ReadFile | AccessFs::WriteFile }),
    );
    let denied =
        |path: &Path| plan.view.iter().any(|b| b.access == Access::Deny && path.starts_with(&b.path));
    let started = plan.execute.iter().filter(|path| !denied(path));
    rules.extend(started.map(|path| Rule { path: path.clone(), access: AccessFs::Execute.into() }));
    Ok(rules)
}

/// Of `/proc`, the part of the program itself.
pub(in crate::sandbox::linux) fn own_proc(program: i32) -> Rule {
    Rule { path: format!("/proc/{program}").into(), access: to_read() }
}

/// Whether `inner`, which comes later, allows less than `outer` does around it.
fn takes_away(outer: &Bind, inner: &Bind) -> bool {
    let rank = |access| match access {
        Access::Deny => 0,
        Access::Read => 1,
        Access::Write => 2,
    };
    inner.path != outer.path && inner.path.starts_with(&outer.path) && rank(inner.access) < rank(outer.access)
}

/// Entries that one folder may have when something in it has to stay closed.
const MOST_SIBLINGS: usize = 4096;

/// Landlock can only add. A folder in which something is closed is therefore not opened itself, but each of its entries
/// that is not closed: it cannot be listed then, and nothing new can be made right in it.
fn open(path: &Path, access: Access, closed: &[&Bind], rules: &mut Vec<Rule>) -> io::Result<()> {
    if access == Access::Deny || closed.iter().any(|closed| closed.path == path) {
        return Ok(());
    }
    let inside: Vec<&Bind> = closed.iter().copied().filter(|closed| closed.path.starts_with(path)).collect();
    if inside.is_empty() {
        let access = if access == Access::Write { to_write() } else { to_read() };
        rules.push(Rule { path: path.to_owned(), access });
        return Ok(());
    }
    let entries = match fs::read_dir(path) {
        // Nobody may look into it: then nothing in it can be opened either.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(()),
        entries => entries?,
    };
    for (number, entry) in entries.enumerate() {
        if number >= MOST_SIBLINGS {
            return Err(io::Error::other(format!(
                "{} is closed inside {}, which has more than {MOST_SIBLINGS} entries: without namespaces each has to be \
                 opened by itself; grant a narrower folder",
                inside[0].path.display(),
                path.display()
            )));
        }
        open(&entry?.path(), access, &inside, rules)?;
    }
    Ok(())
}

/// landlock(7), and nothing of it best effort: what is not held by it here is held by nothing.
pub(super) fn restrict(rules: &[Rule]) -> io::Result<()> {
    let error = |error: landlock::RulesetError| io::Error::other(error.to_string());
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST_ABI))
        .and_then(|rules| rules.handle_access(AccessNet::BindTcp | AccessNet::ConnectTcp))
        .and_then(|rules| rules.scope(Scope::AbstractUnixSocket | Scope::Signal))
        .and_then(Ruleset::create)
        .map_err(error)?
        .no_new_privs(true);
    let own_proc = own_proc(std::process::id() as i32);
    for rule in rules.iter().chain([&own_proc]) {
        let Some((place, directory)) = pin(&rule.path) else { continue };
        let access = if directory { rule.access } else { rule.access & AccessFs::from_file(NEWEST_ABI) };
        ruleset = ruleset.add_rule(PathBeneath::new(place, access)).map_err(error)?;
    }
    let status = ruleset.restrict_self().map_err(error)?;
    if status.ruleset == RulesetStatus::NotEnforced {
        return Err(io::Error::other("Landlock is not in force, and nothing else would hold the files"));
    }
    Ok(())
}

/// A path as it stands: a link is shown, and where it leads needs a rule of its own. `None` when nobody can get there.
fn pin(path: &Path) -> Option<(OwnedFd, bool)> {
    use nix::fcntl::{OFlag, open};
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let place = open(path, flags, nix::sys::stat::Mode::empty()).ok()?;
    match nix::sys::stat::fstat(&place).ok()?.st_mode & libc::S_IFMT {
        libc::S_IFLNK => None,
        kind => Some((place, kind == libc::S_IFDIR)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{bind, plan};
    use super::*;

    #[test]
    fn what_is_closed_in_an_open_folder_has_no_rule_and_its_neighbours_have() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("a/b")).unwrap();
        for file in ["a/b/secret", "a/b/open", "a/other", "top"] {
            fs::write(at(file), "").unwrap();
        }
        let view = vec![
            bind(folder.path(), Access::Write),
            bind(&at("a/other"), Access::Read),
            bind(&at("a/b/secret"), Access::Deny),
        ];
        let rules = rules(&plan(view), Path::new("/private")).unwrap();
        let access = |path: &Path| {
            let around = rules.iter().filter(|rule| path.starts_with(&rule.path));
            around.fold(BitFlags::empty(), |sum: BitFlags<AccessFs>, rule| sum | rule.access)
        };
        assert_eq!(access(&at("top")), to_write());
        assert_eq!(access(&at("a/b/open")), to_write());
        assert_eq!(access(&at("a/other")), to_read());
        assert!(access(&at("a/b/secret")).is_empty());
        assert!(access(&at("a/b/new")).is_empty() && access(folder.path()).is_empty());
    }
}
