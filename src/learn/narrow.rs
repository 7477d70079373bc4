//! What runs did with one grant, and the narrower grants that would have done.
//!
//! Only offered where it holds for sure: a folder that was looked at itself, or in which files were made, is needed whole.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::policy::{Host, NetRule, Permission, Remedy, programs};
use crate::sandbox::event::Operation;

/// Parts of one grant that are remembered; of more the grant is needed as it is.
const MOST: usize = 500;
/// Grants that are offered in place of one.
const OFFERED: usize = 3;
/// Programs that are named in place of a group.
const NAMED: usize = 6;

/// What was used of one grant.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// Relative to the granted path, and whether it was written.
    paths: BTreeMap<PathBuf, bool>,
    hosts: BTreeMap<String, BTreeSet<Option<u16>>>,
    programs: BTreeSet<PathBuf>,
    too_many: bool,
}

impl Parts {
    fn full(&mut self) -> bool {
        self.too_many |= self.paths.len() + self.hosts.len() + self.programs.len() >= MOST;
        self.too_many
    }

    /// A path below the granted one; empty for that itself.
    pub(super) fn path(&mut self, below: &Path, operation: Operation) {
        // Names are made and taken away in a folder.
        let in_folder = matches!(operation, Operation::Create | Operation::Delete);
        let part = if in_folder { below.parent().unwrap_or(Path::new("")) } else { below };
        if self.paths.contains_key(part) || !self.full() {
            *self.paths.entry(part.to_owned()).or_default() |= operation != Operation::Read;
        }
    }

    pub(super) fn host(&mut self, host: &str, port: Option<u16>) {
        if self.hosts.contains_key(host) || !self.full() {
            self.hosts.entry(host.to_owned()).or_default().insert(port);
        }
    }

    pub(super) fn program(&mut self, path: &Path) {
        if !self.full() {
            self.programs.insert(path.to_owned());
        }
    }

    /// In place of the grant `permission: written` of a path.
    pub(super) fn paths(&self, permission: Permission, written: &str) -> Option<Vec<Remedy>> {
        if self.too_many || self.paths.is_empty() {
            return None;
        }
        let only_read = !self.paths.values().any(|wrote| *wrote);
        let needed = if only_read { Permission::Read } else { permission };
        let outermost: Vec<&Path> = self
            .paths
            .keys()
            .map(PathBuf::as_path)
            .filter(|path| !path.ancestors().skip(1).any(|above| self.paths.contains_key(above)))
            .collect();
        let parts = match outermost.len() {
            0..=OFFERED => outermost,
            _ => vec![common(&outermost)],
        };
        let whole = parts.iter().any(|part| part.as_os_str().is_empty());
        if whole {
            return (needed != permission).then(|| vec![Remedy::new(needed, written)]);
        }
        let below = |part: &&Path| {
            let part = part.to_str().filter(|part| !part.contains(char::is_control))?;
            Some(Remedy::new(needed, format!("{}/{part}", written.trim_end_matches('/'))))
        };
        parts.iter().map(below).collect()
    }

    /// In place of a grant of the network.
    pub(super) fn hosts(&self, rule: &NetRule) -> Option<Vec<Remedy>> {
        if self.too_many || self.hosts.is_empty() || self.hosts.len() > OFFERED {
            return None;
        }
        let narrower = |(host, ports): (&String, &BTreeSet<Option<u16>>)| {
            let all: Option<Vec<u16>> = ports.iter().copied().collect();
            let ports = all.filter(|ports| ports.len() <= OFFERED).unwrap_or_else(|| rule.ports.clone());
            let host = match (&rule.host, host.parse()) {
                (Host::Net(..), Ok(address @ std::net::IpAddr::V4(_))) => Host::Net(address, 32),
                (Host::Net(..), Ok(address)) => Host::Net(address, 128),
                _ => Host::Name(host.trim_end_matches('.').to_ascii_lowercase()),
            };
            NetRule { host, ports }
        };
        let narrower: Vec<NetRule> = self.hosts.iter().map(narrower).collect();
        let same = |one: &NetRule| {
            one.host == rule.host
                && one.ports.iter().collect::<BTreeSet<_>>() == rule.ports.iter().collect::<BTreeSet<_>>()
        };
        let offered = || narrower.iter().map(|rule| Remedy::new(Permission::Net, rule.to_string())).collect();
        (!narrower.iter().any(same)).then(offered)
    }

    /// In place of a grant that lets any of `files` be started.
    pub(super) fn programs(&self, files: &[PathBuf], written: &str) -> Option<Vec<Remedy>> {
        if self.too_many || self.programs.is_empty() {
            return None;
        }
        if written.starts_with('@') {
            let names: BTreeSet<&str> =
                self.programs.iter().filter_map(|path| path.file_name()?.to_str()).collect();
            let known = names.len() == self.programs.len()
                && names.len() <= NAMED
                && names.iter().all(|name| programs::is_coreutil(name));
            return known.then(|| names.into_iter().map(|name| Remedy::new(Permission::Run, name)).collect());
        }
        // A folder of programs.
        let below = |path: &PathBuf| {
            let rest = files.iter().find_map(|folder| path.strip_prefix(folder).ok())?;
            let rest = rest.to_str().filter(|rest| !rest.is_empty())?;
            Some(Remedy::new(Permission::Run, format!("{}/{rest}", written.trim_end_matches('/'))))
        };
        let parts: Option<Vec<Remedy>> = self.programs.iter().map(below).collect();
        parts.filter(|parts| parts.len() <= OFFERED)
    }
}

/// The folder that holds all of these.
fn common<'a>(paths: &[&'a Path]) -> &'a Path {
    let first = paths[0].parent().unwrap_or(Path::new(""));
    first.ancestors().find(|above| paths.iter().all(|path| path.starts_with(above))).unwrap_or(Path::new(""))
}

/// How much of the network a rule opens: the narrowest of several is the one that a connection needs.
pub(super) fn width(rule: &NetRule) -> (u8, bool) {
    let host = match &rule.host {
        Host::Name(name) if name == "*" => 255,
        Host::Name(name) if name.starts_with("*.") => 200,
        Host::Name(_) => 0,
        Host::Net(address, length) => (if address.is_ipv4() { 32 } else { 128 }) - length,
    };
    (host, rule.ports.is_empty())
}
