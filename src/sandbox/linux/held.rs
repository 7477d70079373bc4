//! What holds a run on this machine, what is missing of it, and how to get that here.
//!
//! Made by the sandbox's first process for the run's report, by [`super::doctor`] for a run that might be: both come
//! to the same sentences through [`Held::isolation`].

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::confine;
use super::launcher::{Identity, Way};
use crate::sandbox::event::{Isolation, Layers, Level};

/// In what a program is put, strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Form {
    /// A user namespace, and the others inside it.
    Namespaces,
    /// The others without a user namespace: only root can make them.
    Rooted,
    /// No namespaces: the host's own ground, under Landlock and a stricter filter.
    Bare,
}

/// The layers in force for one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Held {
    pub form: Form,
    /// Why no stronger form could be had: the step that failed and the kernel's word for it.
    pub reason: String,
    pub landlock_abi: u32,
    /// The sandbox has a `/proc` of its own.
    pub proc: bool,
    /// Another supervisor has the place of ours.
    pub busy: bool,
    /// The kernel holds the memory of the whole run.
    pub cgroup: bool,
    /// Runs are made by root: the program is somebody else.
    pub privileged: bool,
}

/// What a run that demands everything is told when the listener cannot be had.
pub(super) const BUSY: &str = "seccomp listener: another supervisor (a container manager, another sandbox) already watches \
     this process, so nothing is recorded and no granted connection is made; start skilldeck outside it";

/// What a run as root in a container is told that has no second user.
pub(super) const NO_SUCH_USER: &str = "this container has no user 65534, and a run would stay its root; start skilldeck as an \
     ordinary user there, or let it have a whole range of users";

/// What Landlock came to know with each version: landlock(7).
pub(super) const KERNELS: [(u32, &str); 5] = [
    (2, "renaming between folders"),
    (3, "cutting files short"),
    (4, "TCP"),
    (5, "control of devices"),
    (6, "signals and abstract sockets"),
];

impl Held {
    pub(super) fn by(way: &Way, identity: Identity, proc: bool) -> Self {
        Self {
            form: way.form,
            reason: way.reason.clone(),
            landlock_abi: confine::landlock_abi(),
            proc,
            busy: false,
            cgroup: false,
            privileged: identity.privileged,
        }
    }

    /// Whether every layer that something relies on is there. Older versions of Landlock are enough inside namespaces:
    /// mounts and namespaces hold what these do not know.
    pub(super) fn is_full(&self) -> bool {
        self.form == Form::Namespaces && self.landlock_abi > 0 && self.proc && !self.busy
    }

    /// For the report: the layers, and a sentence for each that is missing.
    pub(super) fn isolation(&self) -> Isolation {
        let namespaces = self.form != Form::Bare;
        Isolation {
            level: if self.is_full() { Level::Full } else { Level::Reduced },
            layers: Layers {
                user: self.form == Form::Namespaces,
                mount: namespaces,
                pid: namespaces,
                net: namespaces,
                ipc: namespaces,
                uts: namespaces,
                cgroup: namespaces,
                landlock_abi: self.landlock_abi,
                seccomp: true,
                memory: if self.cgroup { "cgroup" } else { "supervisor" }.into(),
            },
            missing: self.missing(),
        }
    }

    fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        match self.form {
            Form::Namespaces => {}
            Form::Rooted => {
                missing.push(self.missing_namespaces());
                missing.push(
                    "files of other owners: they are not shown as the program's own, so it reads and writes only what user \
                     65534 may"
                        .into(),
                );
            }
            Form::Bare => {
                missing.push(self.missing_namespaces());
                missing.extend(self.missing_without_namespaces());
            }
        }
        if self.landlock_abi == 0 {
            missing.push(format!(
                "Landlock: not offered by this kernel, so a skill that may start a program may start any that it sees; {}",
                landlock_remedy()
            ));
        }
        if !self.proc && self.form != Form::Bare {
            missing.push(format!(
                "/proc: this machine hides parts of its own, so the sandbox has none, and programs that need it fail; {}",
                proc_remedy()
            ));
        }
        if self.busy {
            missing.push(BUSY.into());
        }
        missing.extend(self.missing_of_landlock());
        missing
    }

    fn missing_namespaces(&self) -> String {
        // Everything else is there; a filter of older make does not know these.
        let name = if self.reason.contains("a mount (") { "new mount calls" } else { "user namespaces" };
        format!("{name}: {}; {}", self.reason, namespace_remedy())
    }

    /// What a user, mount, pid and net namespace would hold, and what holds it now.
    fn missing_without_namespaces(&self) -> Vec<String> {
        let mut missing = vec![
            "own view of files: Landlock alone keeps them closed, so that they exist can be found out (stat); /tmp is closed \
             too: HOME, TMPDIR and scratch are folders on disk, bounded by the supervisor and removed afterwards"
                .into(),
            "own network: there is none, not even among the run's own processes; granted addresses can be reached, but no \
             names are looked up"
                .into(),
            "attributes: modes and times are changed by the supervisor where the run may write; owners, extended attributes, \
             file watches, System V objects and local sockets are refused"
                .into(),
            "own processes: numbers and names of this machine's other processes can be seen; signals and tracing do not \
             reach them"
                .into(),
        ];
        if self.privileged {
            missing.push(
                "files of other owners: the program is user 65534 and reads and writes only what that user may".into(),
            );
        }
        missing
    }

    /// What the kernel's Landlock is too old for, and what follows.
    fn missing_of_landlock(&self) -> Vec<String> {
        let bare = self.form == Form::Bare;
        let all: [(u32, &str, &str, &str); 5] = [
            (
                2,
                "5.19",
                "files cannot be renamed or linked from one folder to another",
                "files cannot be renamed or linked from one folder to another",
            ),
            (
                3,
                "6.2",
                "cutting files short is held by read-only mounts alone",
                "cutting files short by path is refused",
            ),
            (
                4,
                "6.7",
                "TCP is held by the empty network and the filter alone",
                "TCP is held by the filter alone",
            ),
            (
                5,
                "6.10",
                "control of devices is held by the view alone, which has none but null, zero, full and random",
                "control of devices is held by the filter alone",
            ),
            (
                6,
                "6.12",
                "signals and abstract sockets are held by the namespaces alone",
                "signals are judged by the supervisor one by one, and refused where there is none",
            ),
        ];
        let older = all.into_iter().filter(|(abi, ..)| (1..*abi).contains(&self.landlock_abi));
        older
            .map(|(abi, kernel, inside, outside)| {
                format!(
                    "Landlock {abi}: the kernel has version {}: {}; use Linux {kernel} or newer",
                    self.landlock_abi,
                    if bare { outside } else { inside }
                )
            })
            .collect()
    }
}

/// Neither namespaces nor Landlock: nothing would keep a program from the user's files.
pub(super) fn nothing_holds(reason: &str) -> String {
    format!(
        "this machine offers neither user namespaces ({reason}) nor Landlock, so nothing would keep a program from your \
         files; {}, or {}",
        namespace_remedy(),
        landlock_remedy()
    )
}

fn is(path: &str, value: &str) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.trim() == value)
}

/// Whether this looks like the inside of a container.
fn in_container() -> bool {
    ["/.dockerenv", "/run/.containerenv"].iter().any(|path| Path::new(path).exists())
        || fs::read_to_string("/proc/1/environ").is_ok_and(|text| text.contains("container="))
}

/// Who forbids user namespaces here, and how to allow them.
pub(super) fn namespace_remedy() -> String {
    if super::doctor::kernel_version() < (5, 12) {
        "use Linux 5.12 or newer, which has mount_setattr(2)".into()
    } else if is("/proc/sys/user/max_user_namespaces", "0") {
        "run `sysctl user.max_user_namespaces=10000`".into()
    } else if is("/proc/sys/kernel/unprivileged_userns_clone", "0") {
        "run `sysctl kernel.unprivileged_userns_clone=1`".into()
    } else if is("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1")
        && !nix::unistd::geteuid().is_root()
    {
        "AppArmor keeps them for named programs: copy assets/apparmor/skilldeck to /etc/apparmor.d, run `apparmor_parser \
         --replace /etc/apparmor.d/skilldeck`, and start /usr/local/bin/skilldeck"
            .into()
    } else if !Path::new("/proc/self/ns/user").exists() {
        "use a kernel built with CONFIG_USER_NS".into()
    } else if in_container() {
        "allow them in the container: docker run --security-opt seccomp=unconfined, or start skilldeck outside it".into()
    } else {
        "a seccomp filter or security module of whoever started this forbids them: allow clone(2) with CLONE_NEWUSER, \
         mount(2) and open_tree(2) there"
            .into()
    }
}

pub(super) fn landlock_remedy() -> String {
    let active = fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
    let active = active.trim();
    if super::doctor::kernel_version() < (5, 13) {
        "use Linux 5.13 or newer".into()
    } else if !active.is_empty() && !active.split(',').any(|name| name == "landlock") {
        format!("boot with `lsm=landlock,{active}`")
    } else if in_container() {
        "allow landlock_create_ruleset(2) in the container's seccomp profile (docker run --security-opt \
         seccomp=unconfined)"
            .into()
    } else {
        "boot with `lsm=landlock,…` (the list is in /sys/kernel/security/lsm), or use a kernel built with \
         CONFIG_SECURITY_LANDLOCK"
            .into()
    }
}

pub(super) fn proc_remedy() -> &'static str {
    "start the container with an unmasked /proc (docker run --security-opt systempaths=unconfined)"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(form: Form, landlock_abi: u32) -> Held {
        Held {
            form,
            reason: "clone3: EPERM".into(),
            landlock_abi,
            proc: true,
            busy: false,
            cgroup: false,
            privileged: false,
        }
    }

    #[test]
    fn the_level_is_full_as_long_as_nothing_is_held_by_nobody() {
        for abi in 1..=6 {
            let isolation = held(Form::Namespaces, abi).isolation();
            assert_eq!(isolation.level, Level::Full, "{abi}");
            assert_eq!(isolation.missing.len(), 6 - abi as usize, "{abi}: {:?}", isolation.missing);
        }
        for less in [
            held(Form::Namespaces, 0),
            held(Form::Rooted, 6),
            held(Form::Bare, 6),
            Held { proc: false, ..held(Form::Namespaces, 6) },
            Held { busy: true, ..held(Form::Namespaces, 6) },
        ] {
            let isolation = less.isolation();
            assert_eq!(isolation.level, Level::Reduced, "{less:?}");
            assert!(!isolation.missing.is_empty(), "{less:?}");
        }
    }

    #[test]
    fn each_older_landlock_is_told_with_what_follows() {
        let missing = held(Form::Namespaces, 1).isolation().missing;
        assert!(missing[0].contains("renamed"), "{missing:?}");
        assert!(missing[1].contains("read-only mounts"), "{missing:?}");
        assert!(missing[4].contains("6.12"), "{missing:?}");
        let bare = held(Form::Bare, 2).isolation().missing;
        assert!(bare.iter().any(|one| one.contains("cutting files short by path is refused")), "{bare:?}");
        assert!(!bare.iter().any(|one| one.contains("renamed or linked")), "{bare:?}");
    }

    #[test]
    fn every_sentence_fits_into_a_report() {
        for form in [Form::Namespaces, Form::Rooted, Form::Bare] {
            let less = Held { proc: false, busy: true, privileged: true, ..held(form, 1) };
            for sentence in less.isolation().missing {
                assert!(sentence.chars().count() <= 300, "{}: {sentence}", sentence.len());
            }
        }
    }
}
