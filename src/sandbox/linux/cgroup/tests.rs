//! The logic on a tree made of plain files; the life of a group in the kernel's own tree, where it may be had.

use std::os::unix::fs::PermissionsExt;

use super::super::sys::{self, Cloned};
use super::*;

/// Files of a group, as the kernel would show them.
fn group(path: &Path, files: &[(&str, &str)]) {
    fs::create_dir_all(path).unwrap();
    for (name, text) in files {
        fs::write(path.join(name), text).unwrap();
    }
}

const DELEGATED: [(&str, &str); 3] =
    [("cgroup.controllers", "cpu memory pids\n"), ("cgroup.type", "domain\n"), ("memory.max", "max\n")];

/// As systemd leaves it for the programs of a user.
fn tree() -> tempfile::TempDir {
    let mount = tempfile::tempdir().unwrap();
    group(&mount.path().join("app.slice"), &[("cgroup.subtree_control", "cpu memory pids\n")]);
    group(&mount.path().join("app.slice/shell.scope"), &DELEGATED);
    mount
}

fn find(mount: &Path, own: &str) -> Option<Delegation> {
    Delegation::find(mount, own, std::process::id())
}

#[test]
fn runs_stand_beside_our_own_group() {
    let mount = tree();
    let mut groups = find(mount.path(), "/app.slice/shell.scope").unwrap();
    let (one, two) = (groups.make().unwrap(), groups.make().unwrap());
    assert_ne!(one.name, two.name);
    let path = mount.path().join("app.slice").join(&one.name);
    assert!(path.is_dir());
    // Nothing of ours was moved, and nothing that was there has changed.
    let scope = mount.path().join("app.slice/shell.scope");
    assert_eq!(fs::read_dir(&scope).unwrap().count(), DELEGATED.len());
    assert_eq!(
        fs::read_to_string(mount.path().join("app.slice/cgroup.subtree_control")).unwrap(),
        "cpu memory pids\n"
    );
    assert!(groups.remove(&one.name) && !path.exists());
    // One of another process namespace may have our number.
    let other = mount.path().join(format!("app.slice/skilldeck-{}-0-1", std::process::id()));
    fs::create_dir(&other).unwrap();
    groups.remove_all();
    assert!(!mount.path().join("app.slice").join(&two.name).exists() && other.exists());
}

#[test]
fn a_limit_on_our_own_group_is_not_escaped() {
    for (file, text) in [("memory.max", "1073741824\n"), ("pids.max", "100\n"), ("cpu.max", "50000 100000\n")]
    {
        let mount = tree();
        fs::write(mount.path().join("app.slice/shell.scope").join(file), text).unwrap();
        assert!(find(mount.path(), "/app.slice/shell.scope").is_none(), "{file}");
    }
    let mount = tree();
    fs::write(mount.path().join("app.slice/shell.scope/cpu.max"), "max 100000\n").unwrap();
    fs::write(mount.path().join("app.slice/shell.scope/pids.max"), "18987\n").unwrap();
    assert!(find(mount.path(), "/app.slice/shell.scope").is_some());
}

#[test]
fn where_nothing_is_delegated_there_are_no_groups() {
    let mount = tree();
    let scope = mount.path().join("app.slice/shell.scope");
    // The root of a namespace shows a type, and what lies above it is out of reach.
    group(mount.path(), &DELEGATED);
    assert!(find(mount.path(), "/").is_none());
    assert!(find(mount.path(), "/../other").is_none());
    assert!(find(mount.path(), "/app.slice/none").is_none());
    fs::write(scope.join("cgroup.controllers"), "cpu pids\n").unwrap();
    assert!(find(mount.path(), "/app.slice/shell.scope").is_none());
    fs::write(scope.join("cgroup.controllers"), "cpu memory pids\n").unwrap();
    if !nix::unistd::geteuid().is_root() {
        let slice = mount.path().join("app.slice");
        fs::set_permissions(&slice, fs::Permissions::from_mode(0o555)).unwrap();
        assert!(find(mount.path(), "/app.slice/shell.scope").is_none_or(|mut groups| groups.make().is_err()));
        fs::set_permissions(&slice, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn in_the_root_of_the_tree_controllers_are_handed_down() {
    let mount = tempfile::tempdir().unwrap();
    group(mount.path(), &[("cgroup.controllers", "cpu memory pids\n"), ("cgroup.subtree_control", "cpu\n")]);
    let mut groups = find(mount.path(), "/").unwrap();
    assert_eq!(fs::read_to_string(mount.path().join("cgroup.subtree_control")).unwrap(), "+memory +pids");
    assert!(mount.path().join(groups.make().unwrap().name).is_dir());
}

#[test]
fn bounds_are_written_and_use_is_read() {
    let mount = tree();
    let mut groups = find(mount.path(), "/app.slice/shell.scope").unwrap();
    let one = groups.make().unwrap();
    assert!(one.bound(1 << 20, 40).is_err(), "a group without these files holds nothing");
    let path = mount.path().join("app.slice").join(&one.name);
    group(&path, &[("memory.oom.group", ""), ("memory.max", ""), ("pids.max", ""), ("memory.swap.max", "")]);
    one.bound(1 << 20, 40).unwrap();
    for (file, text) in
        [("memory.max", "1048576"), ("pids.max", "40"), ("memory.oom.group", "1"), ("memory.swap.max", "0")]
    {
        assert_eq!(fs::read_to_string(path.join(file)).unwrap(), text, "{file}");
    }
    assert_eq!((one.usage(), one.events(), one.peak_memory()), Default::default());
    group(
        &path,
        &[
            ("memory.stat", "anon 4096\nfile 999\nanon_thp 77\nshmem 100\npagetables 8\n"),
            ("cpu.stat", "usage_usec 1234567\nuser_usec 1\n"),
            ("memory.events", "low 0\nmax 9\noom 1\noom_kill 2\n"),
            ("pids.events", "max 3\n"),
            ("memory.peak", "1048576\n"),
        ],
    );
    assert_eq!(one.usage(), GroupUse { memory_bytes: 4204, cpu_ms: 1234 });
    assert_eq!(one.events(), GroupEvents { killed: true, refused_tasks: true });
    assert_eq!(one.peak_memory(), 1 << 20);
}

#[test]
fn what_others_left_is_swept_away_and_nothing_else() {
    let mount = tree();
    let slice = mount.path().join("app.slice");
    // No process has such a number: they end at four million.
    for name in ["skilldeck-999999999-1", "skilldeck-1-1", "other-999999999-1", "skilldeck-x-1"] {
        fs::create_dir(slice.join(name)).unwrap();
    }
    find(mount.path(), "/app.slice/shell.scope").unwrap();
    assert!(!slice.join("skilldeck-999999999-1").exists());
    for name in ["skilldeck-1-1", "other-999999999-1", "skilldeck-x-1"] {
        assert!(slice.join(name).exists(), "{name}");
    }
}

/// A folder of the kernel's tree in which groups may be made, whatever controllers it has.
fn real_tree() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let mount = mounts.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(' ').collect();
        (fields[2] == "cgroup2").then(|| PathBuf::from(fields[1]))
    })?;
    let own = fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = own.lines().find_map(|line| line.strip_prefix("0::"))?.trim_start_matches('/').to_owned();
    let base = mount.join(own);
    let trial = base.join(format!("skilldeck-trial-{}", std::process::id()));
    fs::create_dir(&trial).ok()?;
    fs::remove_dir(&trial).ok()?;
    Some(base)
}

#[test]
fn a_process_begins_in_its_group_and_ends_with_it() {
    let Some(base) = real_tree() else {
        return eprintln!("left out: no cgroup v2 in which this user may make groups");
    };
    let mut groups = Delegation::new(base, std::process::id());
    let one = groups.make().unwrap();
    let Cloned::Parent { pid, pidfd } = sys::clone_into(0, Some(one.as_fd())).unwrap() else {
        loop {
            nix::unistd::pause();
        }
    };
    assert_eq!(one.read("cgroup.procs").trim(), pid.to_string());
    assert!(!groups.base.join(&one.name).join("memory.max").exists() || one.bound(1 << 30, 9).is_ok());
    one.kill();
    let mut end = [nix::poll::PollFd::new(pidfd.as_fd(), nix::poll::PollFlags::POLLIN)];
    assert_eq!(nix::poll::poll(&mut end, 5000_u16).unwrap(), 1, "it lives on");
    nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(pid), None).unwrap();
    groups.remove_soon(&one.name);
    assert!(!groups.base.join(&one.name).exists());

    // Removing what is still in use ends it; sweeping up leaves it alone, although its launcher is not to be seen.
    groups.owner = 999_999_999;
    let two = groups.make().unwrap();
    let Cloned::Parent { pid, .. } = sys::clone_into(0, Some(two.as_fd())).unwrap() else {
        loop {
            nix::unistd::pause();
        }
    };
    Delegation::new(groups.base.clone(), std::process::id()).sweep();
    assert_eq!(two.read("cgroup.procs").trim(), pid.to_string());
    assert!(!groups.remove(&two.name));
    nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(pid), None).unwrap();
    groups.remove_all();
    assert!(!groups.base.join(&two.name).exists());
}
