//! Prepared environments where a layer is missing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::common::packages::{can_prepare, wheel};
use super::common::{self, Skill, User, as_everybody, program};
use super::machine::Without;
use super::{command, parsed};

#[test]
fn prepared_packages_are_found_without_namespaces() {
    // The interpreter of every user is the system's here.
    if !can_prepare() || !Path::new("/usr/bin/python3").exists() {
        return;
    }
    as_everybody(|user| {
        let skill = Skill::python("import mini\nprint(mini.hello())\n");
        wheel(&skill.path.join("wheels"));
        fs::write(skill.path.join("requirements.txt"), "--no-index\n-f wheels\nmini\n").unwrap();
        let cache = common::open_folder();
        fs::set_permissions(cache.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let mut prepare = program(user);
        prepare.arg("env").arg(&skill.path).current_dir("/").env("PATH", "/usr/bin:/bin");
        let prepared =
            prepare.env("XDG_CACHE_HOME", cache.path()).env("HOME", cache.path()).output().unwrap();
        if !prepared.status.success() {
            common::skip(&format!("cannot prepare: {}", String::from_utf8_lossy(&prepared.stderr)));
            return;
        }
        // Without mounts a run of root's is another user on the host's own ground, where root's cache is closed to it.
        let closed = user == User::Caller && nix::unistd::geteuid().is_root();
        let without = [Without::UserNamespaces, Without::Landlock, Without::Mounts];
        for without in without.into_iter().filter(|without| !(closed && *without == Without::Mounts)) {
            let mut run = command(&skill, user, &[without], &[]);
            let output = run.env("XDG_CACHE_HOME", cache.path()).output().unwrap();
            let report = parsed(&output, &format!("{user:?} {without:?}"));
            let folder = cache.path().display().to_string();
            assert!(report.stdout.starts_with(&folder), "{user:?} {without:?}: {}", report.stderr);
        }
    });
}
