//! A policy: permissions and limits in force for a run, each with the place it came from.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use crate::sandbox::plan::Limits;

/// The five things that can be granted; the words are those of `policy.yaml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Permission {
    Read,
    Write,
    Net,
    Run,
    Env,
}

impl Permission {
    pub const ALL: [Permission; 5] =
        [Permission::Read, Permission::Write, Permission::Net, Permission::Run, Permission::Env];

    pub fn name(self) -> &'static str {
        match self {
            Permission::Read => "read",
            Permission::Write => "write",
            Permission::Net => "net",
            Permission::Run => "run",
            Permission::Env => "env",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.name() == name)
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a run may do. Everything that is not granted is refused.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Files it was read from, in order; empty means the built-in default.
    pub sources: Vec<PathBuf>,
    pub read: Vec<Grant<PathBuf>>,
    pub write: Vec<Grant<PathBuf>>,
    pub net: Vec<Grant<NetRule>>,
    pub run: Vec<Grant<RunRule>>,
    pub env: Vec<Grant<String>>,
    pub deny: Deny,
    pub limits: Limits,
    /// Where each limit came from, when not from the default.
    pub limit_origins: Vec<(&'static str, Origin)>,
}

/// The `deny:` lists: they beat grants.
#[derive(Debug, Clone, Default)]
pub struct Deny {
    pub read: Vec<Grant<PathBuf>>,
    pub write: Vec<Grant<PathBuf>>,
    pub net: Vec<Grant<NetRule>>,
    pub run: Vec<Grant<RunRule>>,
    pub env: Vec<Grant<String>>,
}

/// One list item of a policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant<T> {
    /// Resolved: absolute path, parsed host and ports.
    pub value: T,
    /// As written in the file (`./out`).
    pub written: String,
    pub origin: Origin,
}

/// Where a line of the policy in force came from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Origin {
    Default,
    /// 1-based line and column.
    File {
        path: PathBuf,
        line: usize,
        column: usize,
    },
    /// A command-line flag, such as `--timeout`.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { path, line, .. } => write!(f, "{}:{line}", path.display()),
            Origin::Flag(flag) => f.write_str(flag),
        }
    }
}

/// `host:port`, `ip:port`, `cidr:port`; no port means every port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetRule {
    pub host: Host,
    /// Empty means every port.
    pub ports: Vec<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// Lower case; `*.example.org` covers all names below.
    Name(String),
    /// Address and prefix length (`/32` or `/128` for one address).
    Net(IpAddr, u8),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunRule {
    /// Found on PATH when the plan is made.
    Program(String),
    /// Absolute.
    Path(PathBuf),
    /// `@coreutils`.
    Group(String),
}

impl NetRule {
    /// Whether a connection to `host` (a name or a numeric address) and `port` is covered.
    pub fn covers(&self, host: &str, port: Option<u16>) -> bool {
        let port_fits = self.ports.is_empty() || port.is_some_and(|port| self.ports.contains(&port));
        port_fits && self.host.covers(host)
    }
}

impl Host {
    fn covers(&self, host: &str) -> bool {
        match self {
            // An address is not a name: only a range of addresses covers it.
            Host::Name(name) if name == "*" => host.parse::<IpAddr>().is_err(),
            Host::Name(name) => {
                let host = host.trim_end_matches('.').to_ascii_lowercase();
                match name.strip_prefix("*.") {
                    Some(parent) => host.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.')),
                    None => *name == host,
                }
            }
            Host::Net(net, length) => {
                host.parse().is_ok_and(|address: IpAddr| in_network(address, *net, *length))
            }
        }
    }
}

fn in_network(address: IpAddr, net: IpAddr, length: u8) -> bool {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)) << 96, 32),
        IpAddr::V6(v6) => (u128::from(v6), 128),
    };
    let ((one, width), (other, other_width)) = (bits(address), bits(net));
    let shift = 128 - u32::from(length);
    width == other_width && one.checked_shr(shift).unwrap_or(0) == other.checked_shr(shift).unwrap_or(0)
}
