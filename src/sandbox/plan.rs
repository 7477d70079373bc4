//! Everything the launcher needs, worked out before the start. Pure data: a plan can be printed,
//! compared and tested without starting anything.
//!
//! Made by [`crate::run::prepare()`] from a skill and a policy; carried out by [`crate::sandbox::linux`].
//! Paths are absolute host paths, and mean the same inside: the view shows things where they really are.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One execution, described completely.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The real executable to start: never a script, never a version manager's shim.
    pub program: PathBuf,
    /// `argv[0]` included.
    pub argv: Vec<String>,
    /// The whole environment: nothing is inherited.
    pub env: Vec<(String, String)>,
    /// Working directory, as seen from inside.
    pub cwd: PathBuf,
    /// Written to the program's standard input, which is then closed. Empty means `/dev/null`.
    pub stdin: Vec<u8>,
    /// What the program can see besides the base view (`/proc`, `/dev`, private `/tmp` and HOME).
    /// Later entries cover earlier ones, so a narrower bind follows a wider one.
    pub view: Vec<Bind>,
    /// Symbolic links, path and target, that are made in the sandbox's own root and exist nowhere on the host. Only at
    /// the top (`/node_modules`): deeper folders are the host's. Without a view of its own a run has none.
    #[serde(default)]
    pub links: Vec<(PathBuf, PathBuf)>,
    /// Files that `execve` may start, the program and its loader included. Directories grant all below them.
    pub execute: Vec<PathBuf>,
    /// Those of `execute` that are there as loaders of others only: they cannot be started by themselves.
    #[serde(default)]
    pub loaders: Vec<PathBuf>,
    /// Whether `execve` is possible at all after the start. False refuses the call by its number.
    pub may_execute: bool,
    /// Where TCP connections may lead out of the otherwise empty network. A `refuse` beats every `allow`.
    #[serde(default)]
    pub net: Vec<NetEntry>,
    pub limits: Limits,
    pub observe: Observe,
    /// Refuse to start when a layer is missing on this machine.
    pub require_full: bool,
    /// Whether changes are kept apart from the host, and of which places. `None`: what may be written is the host's own.
    /// Else every writable bind is one of these, or the run does not start.
    #[serde(default)]
    pub captures: Option<Vec<Capture>>,
}

/// A folder that the program may write without changing it: its changes go into a file system of the run's own, which
/// [`crate::sandbox::RunHandle::take_captured`] hands over after the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capture {
    /// The host's folder, without links on the way to it; of a single file the folder that it is in.
    pub folder: PathBuf,
    /// Device and inode of the folder as it was looked at: another one at that path is not taken instead. `None` for a
    /// folder that does not exist, which the program then sees empty.
    pub identity: Option<(u64, u64)>,
    /// A single file: nothing else of the folder is shown.
    pub file: Option<PathBuf>,
    /// What the program is to find although the host does not have it, relative to the folder.
    pub made: Vec<Made>,
    /// The writable binds that show it.
    pub shown: Vec<Shown>,
}

/// See [`Capture::made`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    pub below: PathBuf,
    pub directory: bool,
}

/// A bind that shows a captured folder or a part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Path of the bind.
    pub at: PathBuf,
    /// What is seen there, relative to the folder.
    pub below: PathBuf,
}

/// One path of the host made visible inside, at the same place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    pub path: PathBuf,
    pub access: Access,
    /// Part of the operating system or of an interpreter: accesses below it are folded in reports.
    pub system: bool,
}

/// One destination, allowed or refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetEntry {
    pub host: NetHost,
    /// Empty means every port.
    pub ports: Vec<u16>,
    pub allow: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetHost {
    /// Lower case; `*.example.org` covers all names below.
    Name(String),
    /// Address and prefix length.
    Net(IpAddr, u8),
}

impl NetEntry {
    /// Whether this entry names its host or addresses closely enough to mean this machine too: `*` and networks like
    /// `0.0.0.0/0` stand for the world outside.
    pub fn is_close(&self) -> bool {
        match &self.host {
            NetHost::Name(pattern) => !pattern.contains('*'),
            NetHost::Net(_, length) => *length >= 8,
        }
    }

    /// Whether this entry is about `port` of a host known by its name, its address or both.
    pub fn covers(&self, name: Option<&str>, address: Option<IpAddr>, port: u16) -> bool {
        let host = match &self.host {
            NetHost::Name(pattern) => name.is_some_and(|name| match pattern.strip_prefix('*') {
                Some(suffix) => name.len() > suffix.len() && name.ends_with(suffix),
                None => name == pattern,
            }),
            NetHost::Net(net, length) => address.is_some_and(|address| in_net(address, *net, *length)),
        };
        host && (self.ports.is_empty() || self.ports.contains(&port))
    }
}

fn in_net(address: IpAddr, net: IpAddr, length: u8) -> bool {
    fn bits(address: IpAddr) -> (u128, u32) {
        match address {
            IpAddr::V4(four) => (u32::from(four).into(), 32),
            IpAddr::V6(six) => (six.into(), 128),
        }
    }
    let ((one, width), (other, other_width)) = (bits(address), bits(net));
    let low = width.saturating_sub(length.into());
    // Shifting by the whole width would overflow: a prefix of nothing covers everything.
    width == other_width && (low >= 128 || one >> low == other >> low)
}

/// What a bind allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    Read,
    Write,
    /// Visible as a name, but neither readable nor writable: a `deny` inside a granted tree.
    Deny,
}

/// Hard bounds of a run, over its whole process tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Time on the clock.
    pub wall: Duration,
    /// Processor time, all processes together.
    pub cpu: Duration,
    /// Resident memory in bytes, all processes together.
    pub memory: u64,
    /// Longest file in bytes (`RLIMIT_FSIZE`).
    pub file_size: u64,
    /// Size in bytes of the private file system behind `/tmp`, HOME and the scratch directory.
    pub scratch: u64,
    /// Open descriptors of each process (`RLIMIT_NOFILE`).
    pub open_files: u64,
    /// Processes alive at once; threads do not count.
    pub processes: u64,
    /// Bytes on stdout and stderr together.
    pub output: u64,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self {
            wall: Duration::from_secs(30),
            cpu: Duration::from_secs(10),
            memory: 256 * MIB,
            file_size: 10 * MIB,
            scratch: 64 * MIB,
            open_files: 256,
            processes: 32,
            output: 16 * MIB,
        }
    }
}

/// How much of what the program does is looked at. Enforcement is the same in all three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Observe {
    /// Every path-taking call, allowed ones too.
    #[default]
    Full,
    /// What is refused, and program starts.
    Denials,
    /// Nothing: no supervisor in the way of any call; refusals show only as the program's own errors.
    Off,
}

impl Plan {
    /// Where the private HOME is, inside.
    pub const HOME: &'static str = "/home/skill";
    /// Where the scratch directory is, inside.
    pub const SCRATCH: &'static str = "/scratch";

    pub fn captures(&self) -> &[Capture] {
        self.captures.as_deref().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(host: NetHost, ports: &[u16]) -> NetEntry {
        NetEntry { host, ports: ports.to_vec(), allow: true }
    }

    #[test]
    fn names_cover_themselves_and_stars_what_is_below() {
        let one = entry(NetHost::Name("example.org".into()), &[443]);
        assert!(one.covers(Some("example.org"), None, 443));
        assert!(!one.covers(Some("example.org"), None, 80));
        assert!(!one.covers(Some("api.example.org"), None, 443));
        let below = entry(NetHost::Name("*.example.org".into()), &[]);
        assert!(below.covers(Some("api.example.org"), None, 1));
        assert!(!below.covers(Some("example.org"), None, 1));
        assert!(!below.covers(Some("badexample.org"), None, 1));
    }

    #[test]
    fn nets_cover_by_their_prefix() {
        let net = entry(NetHost::Net("10.1.0.0".parse().unwrap(), 16), &[]);
        assert!(net.covers(None, Some("10.1.2.3".parse().unwrap()), 5));
        assert!(!net.covers(None, Some("10.2.2.3".parse().unwrap()), 5));
        assert!(!net.covers(None, Some("::1".parse().unwrap()), 5));
        for (all, inside) in [("0.0.0.0", "192.0.2.1"), ("::", "2001:db8::1")] {
            let all = entry(NetHost::Net(all.parse().unwrap(), 0), &[]);
            assert!(all.covers(None, Some(inside.parse().unwrap()), 5));
        }
    }
}
