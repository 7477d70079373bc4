//! What a path is inside of the sandbox, worked out from the plan: what the view's mounts will show there.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use nix::unistd::{AccessFlags, access, geteuid};

use crate::sandbox::plan::{Bind, Plan};

/// What is at a path inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen<'a> {
    /// The host's, through this bind.
    Bound(&'a Bind),
    /// Below `/tmp`, HOME or the scratch folder: the run's own.
    Private,
    /// A file of `/etc` that is made for the run.
    Etc,
    Device,
    Proc,
    /// Other kernel interfaces: not there.
    Kernel,
    /// A folder that is there because something below it is.
    Shell,
    Outside,
}

/// A path with its links followed, as far as they are visible inside.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pub(super) path: PathBuf,
    pub(super) seen: Seen<'a>,
}

/// Most links on one way: path_resolution(7).
const MAX_LINKS: usize = 40;

pub(super) fn locate<'a>(plan: &'a Plan, path: &Path) -> Place<'a> {
    let mut rest: VecDeque<OsString> = parts(path);
    let mut at = PathBuf::from("/");
    let mut links = 0;
    while let Some(part) = rest.pop_front() {
        if part == ".." {
            at.pop();
            continue;
        }
        let next = at.join(&part);
        let link = match seen(plan, &next) {
            Seen::Bound(_) if links < MAX_LINKS => next.read_link().ok(),
            _ => None,
        };
        let Some(to) = link else {
            at = next;
            continue;
        };
        links += 1;
        if to.is_absolute() {
            at = PathBuf::from("/");
        }
        for part in parts(&to).into_iter().rev() {
            rest.push_front(part);
        }
    }
    Place { seen: seen(plan, &at), path: at }
}

fn parts(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            _ => None,
        })
        .collect()
}

const PRIVATE: [&str; 4] = ["/tmp", "/dev/shm", Plan::HOME, Plan::SCRATCH];
const DEVICES: [&str; 9] = ["null", "zero", "full", "random", "urandom", "fd", "stdin", "stdout", "stderr"];
const ETC: [&str; 9] = [
    "passwd",
    "group",
    "hostname",
    "host.conf",
    "gai.conf",
    "protocols",
    "hosts",
    "resolv.conf",
    "nsswitch.conf",
];

/// What is at `path`, which holds no links, inside.
fn seen<'a>(plan: &'a Plan, path: &Path) -> Seen<'a> {
    // Later binds cover earlier ones.
    if let Some(bind) = plan.view.iter().rev().find(|bind| path.starts_with(&bind.path)) {
        return Seen::Bound(bind);
    }
    if PRIVATE.iter().any(|place| path.starts_with(place)) {
        return Seen::Private;
    }
    if let Ok(rest) = path.strip_prefix("/dev") {
        let known = DEVICES.iter().any(|name| rest == Path::new(name));
        return if known { Seen::Device } else { Seen::Kernel };
    }
    if let Ok(rest) = path.strip_prefix("/proc") {
        let first = rest.components().next().map(|part| part.as_os_str().to_string_lossy().into_owned());
        // Process numbers outside mean other processes, or nothing, inside.
        let number = first.is_some_and(|first| first.bytes().all(|byte| byte.is_ascii_digit()));
        return if number { Seen::Kernel } else { Seen::Proc };
    }
    if path.starts_with("/sys") {
        return Seen::Kernel;
    }
    if path.parent() == Some(Path::new("/etc")) && ETC.iter().any(|name| path.ends_with(name)) {
        return Seen::Etc;
    }
    let above = |below: &Path| below.starts_with(path);
    let made = [Plan::HOME, "/etc/passwd"].map(Path::new);
    if made.into_iter().chain(plan.view.iter().map(|bind| bind.path.as_path())).any(above) {
        return Seen::Shell;
    }
    Seen::Outside
}

/// Whether a path below a private place is something of this machine, which the run's own folder there hides.
pub(super) fn is_meant_outside(plan: &Plan, path: &Path) -> bool {
    let is_way = PRIVATE.map(Path::new).into_iter().chain(plan.view.iter().map(|bind| bind.path.as_path()));
    path.symlink_metadata().is_ok() && !is_way.into_iter().any(|below| below.starts_with(path))
}

/// Whether owner and mode of what is at `path` refuse the program, which as root's is an ordinary user to whom what
/// belongs to the bind's owner appears as its own.
pub(super) fn mode_refuses(bind: &Bind, path: &Path, wanted: u32) -> bool {
    if !geteuid().is_root() {
        let flag = if wanted == 4 { AccessFlags::R_OK } else { AccessFlags::W_OK };
        return access(path, flag).is_err_and(|error| error == nix::Error::EACCES);
    }
    let (Ok(data), Ok(top)) = (path.metadata(), bind.path.metadata()) else { return false };
    let owned = !bind.system && data.uid() == top.uid();
    let bits = if owned { data.mode() >> 6 } else { data.mode() };
    bits & wanted == 0
}
