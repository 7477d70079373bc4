//! A policy: permissions and limits in force for a run, each with the place it came from.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use crate::sandbox::plan::Limits;

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
