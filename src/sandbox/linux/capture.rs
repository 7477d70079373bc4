//! Folders that a run may write without changing them: an overlay over each, made before the view is put together.
//! Used by [`super::view`].
//!
//! Beneath is the host's folder, read-only; on top a tmpfs of the run's own, which takes what is written and is handed
//! to the supervisor. Overlays mount without privileges since Linux 5.11, when they keep their notes in `user.*`
//! attributes, which tmpfs has since 6.6; id-mapped folders can lie beneath since 5.19
//! (Documentation/filesystems/overlayfs.rst). Where the kernel cannot, the run does not start.
//!
//! Nothing inside can forge those notes: the overlay keeps a program's attributes of that name under another one, and
//! refuses to make the device that stands for a deleted name.

mod places;

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::{FileStat, fstat};

use super::launcher::{Identity, Idmaps};
use super::sys;
use super::view::{Kind, Source, copy_tree, make_directories, pin};
use super::wire::{Failure, Step};
use crate::sandbox::plan::{Access, Bind, Capture, Plan};

/// Where everything is put together, until [`Stage::leave`].
const STAGE: &str = "/capture";
/// Of each captured folder: what has changed.
pub(super) const UPPER: &str = "upper";
/// Files and folders that a run can change or make.
const MOST_INODES: &str = "64k";

/// The source of a bind that is captured.
pub(super) fn shown(plan: &Plan, bind: &Bind) -> Option<Source> {
    if bind.access != Access::Write {
        return None;
    }
    for (capture, one) in plan.captures().iter().enumerate() {
        if let Some(shown) = one.shown.iter().find(|shown| shown.at == bind.path) {
            let kind = Kind::Captured { capture, below: shown.below.clone() };
            return Some(Source { target: bind.path.clone(), kind });
        }
    }
    None
}

/// What is not captured must not be the host's own instead: a link at the time of the plan may be a folder by now.
pub(super) fn check_direct(plan: &Plan, bind: &Bind, source: &Source) -> io::Result<()> {
    if plan.captures.is_some() && bind.access == Access::Write && matches!(source.kind, Kind::Tree { .. }) {
        return Err(io::Error::other("what is there was put there after the run was planned; run it again"));
    }
    Ok(())
}

/// Open what lies beneath each captured folder, below the host's `root`.
pub(super) fn open_beneath(
    plan: &Plan,
    root: BorrowedFd<'_>,
    mut owners: Option<&mut (Identity, &mut Idmaps)>,
) -> Result<Vec<Source>, Failure> {
    let mut sources = Vec::new();
    for (number, capture) in plan.captures().iter().enumerate() {
        let Some(identity) = capture.identity else { continue };
        let owners = owners.as_mut().map(|(identity, idmaps)| (*identity, &mut **idmaps));
        let tree = open_one(capture, identity, root, owners)
            .step(format!("capture the writes to {}", capture.folder.display()))?;
        sources
            .push(Source { target: capture.folder.clone(), kind: Kind::Beneath { capture: number, tree } });
    }
    Ok(sources)
}

fn open_one(
    capture: &Capture,
    identity: (u64, u64),
    root: BorrowedFd<'_>,
    owners: Option<(Identity, &mut Idmaps)>,
) -> io::Result<OwnedFd> {
    let place = pin(root, &capture.folder)?;
    let stat = fstat(&place)?;
    if (stat.st_dev, stat.st_ino) != identity || !is_directory(&stat) {
        return Err(io::Error::other("another folder is there now; run it again"));
    }
    let owner = match &capture.file {
        Some(name) => fstat(&part_of(place.as_fd(), name)?)?,
        None => stat,
    };
    copy_tree(place.as_fd(), (owner.st_uid, owner.st_gid), owners, true)
}

fn is_directory(stat: &FileStat) -> bool {
    stat.st_mode & libc::S_IFMT == libc::S_IFDIR
}

/// What is at `below` a folder, reached without any link.
fn part_of(folder: BorrowedFd<'_>, below: &Path) -> io::Result<OwnedFd> {
    let below = if below.as_os_str().is_empty() { Path::new(".") } else { below };
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let within = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS;
    Ok(openat2(folder, below, OpenHow::new().flags(flags).resolve(within))?)
}

/// The overlays of a run before they are in view.
#[derive(Debug)]
pub(super) struct Stage {
    /// What the supervisor gets.
    uppers: OwnedFd,
    /// The merged folder of each capture.
    merged: Vec<OwnedFd>,
    /// Read-only trees in which a place to mount on was missing, with that place.
    with_places: Vec<(PathBuf, OwnedFd)>,
}

impl Stage {
    /// Mount an overlay for each capture of the plan; `None` when there is none.
    pub(super) fn build(
        plan: &Plan,
        sources: &[Source],
        identity: Identity,
    ) -> Result<Option<Self>, Failure> {
        if plan.captures().is_empty() {
            return Ok(None);
        }
        let uppers = file_system(plan.limits.scratch)?;
        let mut stage = Self { uppers, merged: Vec::new(), with_places: Vec::new() };
        for (number, capture) in plan.captures().iter().enumerate() {
            let beneath = sources.iter().find_map(|source| match &source.kind {
                Kind::Beneath { capture, tree } if *capture == number => Some(tree),
                _ => None,
            });
            let merged = overlay(number, capture, beneath.map(AsFd::as_fd), identity)
                .step(format!("capture the writes to {}", capture.folder.display()))?;
            stage.merged.push(merged);
        }
        for lacking in stage.missing_places(sources) {
            let step = format!("make a place to mount on in {}", lacking.target.display());
            stage.add_places(&lacking).step(step)?;
        }
        Ok(Some(stage))
    }

    /// A mount of one part of a captured folder, and whether that is a folder.
    pub(super) fn part(&self, capture: usize, below: &Path) -> io::Result<(OwnedFd, bool)> {
        let merged = self.merged.get(capture).ok_or_else(|| io::Error::other("no such capture"))?;
        let place = part_of(merged.as_fd(), below)?;
        let stat = fstat(&place)?;
        if !is_directory(&stat) && stat.st_mode & libc::S_IFMT != libc::S_IFREG {
            return Err(io::Error::other("neither a folder nor a regular file"));
        }
        Ok((sys::open_tree(place.as_fd())?, is_directory(&stat)))
    }

    /// The tree to mount at `target` instead of the host's, when places had to be made in it.
    pub(super) fn with_places(&self, target: &Path) -> Option<BorrowedFd<'_>> {
        self.with_places.iter().rev().find(|(at, _)| at == target).map(|(_, tree)| tree.as_fd())
    }

    /// Everything is in view: take the stage down. What is mounted stays. Returns what the supervisor reads changes from.
    pub(super) fn leave(self) -> Result<OwnedFd, Failure> {
        drop((self.merged, self.with_places));
        umount2(STAGE, MntFlags::MNT_DETACH).step("unmount the stage")?;
        fs::remove_dir(STAGE).step("remove the stage")?;
        Ok(self.uppers)
    }
}

/// The file system that takes what is written. It is not the one behind `/tmp`, so that it can outlive the run.
fn file_system(bytes: u64) -> Result<OwnedFd, Failure> {
    const STEP: &str = "make a file system for captured writes";
    make_directories(Path::new(STAGE)).step(STEP)?;
    let options = format!("mode=700,size={bytes},nr_inodes={MOST_INODES}");
    let private = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), STAGE, Some("tmpfs"), private, Some(options.as_str())).step(STEP)?;
    let stage = fs::File::open(STAGE).step(STEP)?;
    // Without attributes an overlay would still mount, and forget which folders were made anew.
    rustix::fs::fsetxattr(&stage, c"user.skilldeck", b"1", rustix::fs::XattrFlags::empty()).map_err(
        |errno| {
            let error = io::Error::from(errno);
            let message = format!(
                "tmpfs keeps no attributes here ({error}): Linux 6.6 or newer is needed; use --writes direct"
            );
            Failure { step: STEP.into(), errno: errno.raw_os_error(), message }
        },
    )?;
    Ok(stage.into())
}

/// Folders of one overlay on the stage.
fn folders<const N: usize>(number: usize, names: [&str; N]) -> io::Result<[PathBuf; N]> {
    let folder = Path::new(STAGE).join(number.to_string());
    let made = names.map(|name| folder.join(name));
    for path in &made {
        make_directories(path)?;
    }
    Ok(made)
}

fn overlay(
    number: usize,
    capture: &Capture,
    beneath: Option<BorrowedFd<'_>>,
    identity: Identity,
) -> io::Result<OwnedFd> {
    let [lower, upper, work, merged] = folders(number, ["lower", UPPER, "work", "merged"])?;
    let give = |path: &Path| chown(path, Some(identity.uid), Some(identity.gid));
    give(&upper)?;
    if let Some(tree) = beneath {
        sys::move_mount(tree, &lower)?;
        refuse_mounts_below(&lower)?;
        take_after(&lower, &upper)?;
    } else if let Some(file) = &capture.file {
        fs::File::create(lower.join(file))?;
        give(&lower.join(file))?;
    }
    let layers = format!(
        "userxattr,redirect_dir=nofollow,metacopy=off,index=off,lowerdir={},upperdir={},workdir={}",
        lower.display(),
        upper.display(),
        work.display()
    );
    mount_overlay(&merged, MsFlags::empty(), &layers)?;
    for made in &capture.made {
        let path = merged.join(&made.below);
        let missing = path.ancestors().take_while(|above| fs::symlink_metadata(above).is_err());
        let missing: Vec<PathBuf> = missing.map(Path::to_owned).collect();
        for place in missing.iter().rev() {
            if made.directory || *place != path {
                fs::create_dir(place)?;
            } else {
                fs::File::create(place)?;
            }
            give(place)?;
        }
    }
    open_path(&merged)
}

fn mount_overlay(at: &Path, flags: MsFlags, layers: &str) -> io::Result<()> {
    let flags = flags | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    let mounted = mount(Some("overlay"), at, Some("overlay"), flags, Some(layers));
    mounted.map_err(|errno| {
        let need = match errno {
            nix::Error::ENODEV => "the kernel has no overlayfs; load the module `overlay`",
            nix::Error::EPERM => "ordinary users may not mount overlayfs here; Linux 5.11 or newer is needed",
            _ => "overlayfs does not take this folder (Linux 5.19 or newer is needed for folders of another owner)",
        };
        io::Error::other(format!("{need}, or use --writes direct ({})", errno.desc()))
    })
}

fn open_path(path: &Path) -> io::Result<OwnedFd> {
    Ok(nix::fcntl::open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, nix::sys::stat::Mode::empty())?)
}

/// An overlay shows one file system: what is mounted below would be missing, and what is written there would be kept
/// beneath the mount.
fn refuse_mounts_below(folder: &Path) -> io::Result<()> {
    let list = fs::read_to_string("/proc/self/mountinfo")
        .or_else(|_| fs::read_to_string("/old/proc/self/mountinfo"))?;
    let prefix = format!("{}/", folder.display());
    // The fifth word is where it is mounted, proc_pid_mountinfo(5).
    let places = list.lines().filter_map(|line| line.split(' ').nth(4));
    let Some(rest) = places.filter_map(|place| place.rsplit_once(&prefix)).map(|(_, rest)| rest).next()
    else {
        return Ok(());
    };
    Err(io::Error::other(format!(
        "something else is mounted at {rest} in it, which cannot be captured; grant a narrower folder, or use --writes direct"
    )))
}

/// A layer on top covers the rights of the folder beneath. The user's own rights there stay what they are.
fn take_after(beneath: &Path, on_top: &Path) -> io::Result<()> {
    let stat = nix::sys::stat::stat(beneath)?;
    let own = nix::sys::stat::stat(on_top)?;
    // Possible only for one's own, unless root does it.
    if chown(on_top, Some(stat.st_uid), Some(stat.st_gid)).is_ok() {
        return fs::set_permissions(on_top, fs::Permissions::from_mode(stat.st_mode & 0o1777));
    }
    let bits = match (stat.st_uid == own.st_uid, stat.st_gid == own.st_gid) {
        (true, _) => stat.st_mode & 0o1777,
        (false, true) => (stat.st_mode >> 3 & 7) * 0o111,
        (false, false) => (stat.st_mode & 7) * 0o111,
    };
    fs::set_permissions(on_top, fs::Permissions::from_mode(bits))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;

    #[test]
    fn no_writable_bind_goes_past_a_capture() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        let bind = Bind { path: path.clone(), access: Access::Write, system: false };
        let plan = |captures| Plan { captures, view: vec![bind.clone()], ..empty_plan() };
        let tree = fs::File::open(&path).unwrap().into();
        let source = Source { target: path, kind: Kind::Tree { tree, directory: true } };
        assert!(check_direct(&plan(None), &bind, &source).is_ok());
        assert!(check_direct(&plan(Some(Vec::new())), &bind, &source).is_err());
        let read = Bind { access: Access::Read, ..bind.clone() };
        assert!(check_direct(&plan(Some(Vec::new())), &read, &source).is_ok());
    }

    fn empty_plan() -> Plan {
        Plan {
            program: "/bin/true".into(),
            argv: Vec::new(),
            env: Vec::new(),
            cwd: "/".into(),
            stdin: Vec::new(),
            view: Vec::new(),
            execute: Vec::new(),
            may_execute: false,
            loaders: Vec::new(),
            net: Vec::new(),
            limits: crate::sandbox::plan::Limits::default(),
            observe: crate::sandbox::plan::Observe::Full,
            require_full: false,
            captures: None,
            links: Vec::new(),
        }
    }

    #[test]
    fn no_other_folder_is_taken_instead() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().canonicalize().unwrap();
        for name in ["granted", "victim"] {
            fs::create_dir(top.join(name)).unwrap();
        }
        let granted = top.join("granted");
        let data = granted.metadata().unwrap();
        let identity = (data.dev(), data.ino());
        let capture = Capture {
            folder: granted.clone(),
            identity: Some(identity),
            file: None,
            made: Vec::new(),
            shown: Vec::new(),
        };
        let root = fs::File::open("/").unwrap();
        let attempt = || open_one(&capture, identity, root.as_fd(), None).unwrap_err().to_string();
        fs::rename(&granted, top.join("away")).unwrap();
        symlink(top.join("victim"), &granted).unwrap();
        assert!(attempt().contains("another folder is there now"));
        fs::remove_file(&granted).unwrap();
        fs::rename(top.join("victim"), &granted).unwrap();
        assert!(attempt().contains("another folder is there now"));
        // Back again, whatever follows is about mounts.
        fs::remove_dir(&granted).unwrap();
        fs::rename(top.join("away"), &granted).unwrap();
        let taken = open_one(&capture, identity, root.as_fd(), None);
        assert!(taken.is_ok() || !taken.unwrap_err().to_string().contains("another folder"));
    }
}
