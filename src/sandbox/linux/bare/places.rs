//! The folder on disk behind HOME, `/tmp` and scratch of a run that has no view of its own.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::sandbox::plan::Plan;

/// The folders behind `/tmp`, HOME and scratch, by their names inside the run's folder.
pub(super) const PLACES: [(&str, &str); 3] =
    [("tmp", "/tmp"), ("home", Plan::HOME), ("scratch", Plan::SCRATCH)];

/// A folder of the run's own that nobody else may enter. On disk rather than in memory: it has no size of its own.
pub(super) fn make_private_places() -> io::Result<PathBuf> {
    let uid = nix::unistd::geteuid().as_raw();
    let bases = ["/tmp".into(), "/var/tmp".into(), format!("/run/user/{uid}"), "/dev/shm".into()];
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for base in bases {
        match make_below(Path::new(&base)) {
            Ok(folder) => return Ok(folder),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn make_below(base: &Path) -> io::Result<PathBuf> {
    let mut random = [0; 8];
    fs::File::open("/dev/urandom")?.read_exact(&mut random)?;
    let folder = base.join(format!("skilldeck-{:016x}", u64::from_ne_bytes(random)));
    // Its name is not there yet, or this fails: nobody can have put a link in its place.
    DirBuilder::new().mode(0o700).create(&folder)?;
    for (name, _) in PLACES {
        DirBuilder::new().mode(0o700).create(folder.join(name))?;
    }
    Ok(folder)
}

/// The plan with its private places where they are on this ground: HOME, TMPDIR and the working directory.
pub(in crate::sandbox::linux) fn adapted(plan: &Plan, private: &Path) -> Plan {
    let moved = |path: &Path| {
        let place = PLACES.iter().find_map(|(name, inside)| Some((name, path.strip_prefix(inside).ok()?)));
        // A skill or grant below /tmp stays where it is.
        let shown = plan.view.iter().any(|bind| path.starts_with(&bind.path));
        place.filter(|_| !shown).map(|(name, rest)| private.join(name).join(rest))
    };
    let mut plan = plan.clone();
    for (name, value) in &mut plan.env {
        if matches!(name.as_str(), "HOME" | "TMPDIR")
            && let Some(place) = moved(Path::new(value.as_str()))
        {
            place.to_string_lossy().trim_end_matches('/').clone_into(value);
        }
    }
    if let Some(place) = moved(&plan.cwd) {
        plan.cwd = place;
    }
    plan
}

/// Remove a run's folder, whatever modes the program has left in it. Links are removed, never followed.
pub(in crate::sandbox::linux) fn remove(folder: &Path) {
    if fs::remove_dir_all(folder).is_ok() {
        return;
    }
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let _ = fs::set_permissions(&folder, Permissions::from_mode(0o700));
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(entry.path());
            }
        }
    }
    let _ = fs::remove_dir_all(folder);
}

/// Entries of the private folder that are looked at: as many as the file system in memory has elsewhere.
const MOST_ENTRIES: usize = 65_536;
/// What an entry takes at least.
const PAGE: u64 = 4096;

/// Bytes on disk below the run's folder, which has no bound of its own; every file once. With them what has been deleted
/// and is still open.
pub(in crate::sandbox::linux) fn used(private: &Path, processes: &[i32]) -> u64 {
    let mut seen = HashSet::new();
    let mut used = 0;
    let mut add = |data: &fs::Metadata, seen: &mut HashSet<(u64, u64)>| {
        if seen.insert((data.dev(), data.ino())) {
            used += (data.blocks() * 512).max(PAGE);
        }
    };
    let mut open = vec![private.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let Ok(data) = entry.metadata() else { continue };
            if data.is_dir() {
                open.push(entry.path());
            }
            add(&data, &mut seen);
        }
        if seen.len() > MOST_ENTRIES {
            break;
        }
    }
    for process in processes {
        for descriptor in fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten() {
            match fs::metadata(descriptor.path()) {
                Ok(data) if data.is_file() && data.nlink() == 0 => add(&data, &mut seen),
                _ => {}
            }
        }
    }
    used
}

#[cfg(test)]
mod tests {
    use super::super::tests::{bind, plan};
    use super::*;
    use crate::sandbox::plan::Access;

    #[test]
    fn private_places_move_and_what_is_shown_stays() {
        let adapted = adapted(&plan(Vec::new()), Path::new("/p"));
        assert_eq!(adapted.env[0].1, "/p/home");
        assert_eq!(adapted.env[1].1, "/p/tmp");
        assert_eq!(adapted.cwd, Path::new("/p/scratch"));
        let below_tmp =
            Plan { cwd: "/tmp/skill".into(), ..plan(vec![bind(Path::new("/tmp/skill"), Access::Read)]) };
        assert_eq!(super::adapted(&below_tmp, Path::new("/p")).cwd, Path::new("/tmp/skill"));
    }

    #[test]
    fn a_folder_is_removed_whatever_its_modes() {
        let base = tempfile::tempdir().unwrap();
        let private = make_below(base.path()).unwrap();
        fs::create_dir(private.join("tmp/closed")).unwrap();
        fs::write(private.join("tmp/closed/file"), vec![1; 8192]).unwrap();
        assert!(used(&private, &[]) >= 8192);
        fs::set_permissions(private.join("tmp/closed"), Permissions::from_mode(0o0)).unwrap();
        remove(&private);
        assert!(!private.exists());
    }
}
