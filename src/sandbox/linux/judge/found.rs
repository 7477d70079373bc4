//! What the kernel will say to a call about something that is there: to open it, take its name away, change it, enter or
//! start it.

use std::path::Path;

use super::super::calls::{How, PathUse, Space};
use super::super::doctor;
use super::super::place::{Found, Tail};
use super::guarded::{is_guarded_file, is_guarded_link};
use super::{Judge, Judged, Refusal, denied, is_mount_point, refusal, verdict};
use crate::sandbox::event::Layer;

impl Judge {
    pub(super) fn judge_found(
        &self,
        path: &Path,
        found: &Found,
        parent: Option<&Found>,
        used: &PathUse,
    ) -> Judged {
        if let Some(reason) = self.is_on_the_host().then(|| self.without_rule(found, used)).flatten() {
            return denied(path.to_owned(), used.operation, reason);
        }
        let reason = match used.how {
            How::Query | How::Make { .. } => None,
            How::ReadLink => (!self.is_on_the_host() && is_guarded_link(path))
                .then(|| refusal(libc::EACCES, Layer::Landlock)),
            How::Rights(wanted) => self.lacks(found, wanted),
            // A mount that is read-only does not matter to sockets; a file system that is does, to everything else.
            How::Connect => {
                let lacks = self.lacks(found, libc::W_OK).filter(|reason| {
                    reason.errno != libc::EROFS
                        || path.starts_with("/proc")
                        || self.denied.contains(&found.path)
                });
                let is_closed = found.kind() == libc::S_IFSOCK && !self.is_own(found.file.0);
                lacks.or_else(|| is_closed.then(|| refusal(libc::EACCES, Layer::Network)))
            }
            How::Enter if !found.is_directory() => None,
            How::Enter => self.lacks(found, libc::X_OK),
            How::Open { .. } => self.opening(found, used),
            How::Unlink | How::RemoveFolder => self.removal(found, parent, used),
            How::Execute if found.kind() == libc::S_IFLNK => None,
            How::Execute if found.kind() != libc::S_IFREG => Some(self.permission(path, libc::EACCES)),
            How::Execute => self.lacks(found, libc::X_OK).or_else(|| {
                // Landlock has no say about files that are on no mount; without it nothing tells programs in view apart.
                let listed = path.starts_with("/memfd:stdin (deleted)")
                    || self.execute.iter().any(|allowed| found.path.starts_with(allowed));
                let held = !listed && self.landlock_abi > 0;
                held.then(|| refusal(libc::EACCES, Layer::Landlock))
            }),
            // Only with the other path: `judge_rename`, `judge_link`.
            How::Rename { .. } | How::Link => None,
            How::Mode(_) | How::Owner { .. } | How::Times { .. } | How::Length | How::Attribute { .. } => {
                self.change(found, used.how)
            }
        };
        verdict(path.to_owned(), used.operation, reason)
    }

    /// open(2) of what is there, in the order in which the kernel asks.
    fn opening(&self, found: &Found, used: &PathUse) -> Option<Refusal> {
        let How::Open { read, write, truncate, create, exclusive, unnamed, keeps_time, no_link, folder } =
            used.how
        else {
            return None;
        };
        let (is_folder, is_link) = (found.is_directory(), found.kind() == libc::S_IFLNK);
        if unnamed {
            return if is_folder { self.lacks_folder(found) } else { None };
        }
        let exists = create && (exclusive || is_folder || used.tail != Tail::Name);
        if exists || no_link && is_link || (folder || used.tail == Tail::Slash) && !is_folder {
            return None;
        }
        if truncate && found.kind() == libc::S_IFREG && found.read_only() {
            return Some(refusal(libc::EROFS, Layer::Mount));
        }
        if is_folder && (write || truncate) {
            return None;
        }
        let wanted = if read { libc::R_OK } else { 0 } | if write || truncate { libc::W_OK } else { 0 };
        if let Some(reason) = self.lacks(found, wanted) {
            let runs = reason.errno == libc::EROFS
                && found.kind() == libc::S_IFREG
                && self.root.refusal_to_write(found) == libc::ETXTBSY;
            return (!runs).then_some(reason);
        }
        if keeps_time && !self.owns(found) {
            return Some(self.permission(&found.path, libc::EPERM));
        }
        is_guarded_file(&found.path).then(|| refusal(libc::EACCES, Layer::Landlock))
    }

    /// unlink(2), rmdir(2).
    fn removal(&self, found: &Found, parent: Option<&Found>, used: &PathUse) -> Option<Refusal> {
        let folder = used.how == How::RemoveFolder;
        match used.tail {
            Tail::Root if folder => return Some(refusal(libc::EBUSY, Layer::Mount)),
            Tail::Dot | Tail::DotDot | Tail::Root => return None,
            Tail::Name | Tail::Slash => {}
        }
        let parent = parent?;
        if parent.read_only() {
            return Some(refusal(libc::EROFS, Layer::Mount));
        }
        if used.tail == Tail::Slash && !folder {
            return None;
        }
        match self.may_delete(parent, found, folder) {
            Err(reason) => reason,
            Ok(()) => is_mount_point(parent, found).then(|| refusal(libc::EBUSY, Layer::Mount)),
        }
    }

    /// Whether a name can be taken away, mounts left aside: `Err(None)` when that fails for no reason worth telling.
    pub(super) fn may_delete(
        &self,
        parent: &Found,
        found: &Found,
        folder: bool,
    ) -> Result<(), Option<Refusal>> {
        if let Some(reason) = self.lacks(parent, libc::W_OK | libc::X_OK) {
            return Err(Some(reason));
        }
        let sticky = parent.mode & libc::S_ISVTX != 0;
        if sticky && !self.owns(found) && !self.owns(parent) {
            return Err(Some(self.permission(&found.path, libc::EPERM)));
        }
        if folder == found.is_directory() { Ok(()) } else { Err(None) }
    }

    /// Changes of what is there: chmod(2), chown(2), utimensat(2), truncate(2), setxattr(2).
    fn change(&self, found: &Found, how: How) -> Option<Refusal> {
        let own = self.owns(found);
        let plain = matches!(found.kind(), libc::S_IFREG | libc::S_IFDIR);
        let not_mine = || Some(self.permission(&found.path, libc::EPERM));
        if let How::Attribute { write: false, space } = how {
            let asks = space == Space::Other || space == Space::User && plain;
            return if asks { self.lacks(found, libc::R_OK) } else { None };
        }
        if how == How::Length && found.kind() != libc::S_IFREG {
            return None;
        }
        // Since Linux 6.14 the file's mode is asked before the mount.
        let mode_first = how == How::Length && doctor::kernel_version() >= (6, 14);
        if !mode_first && found.read_only() {
            return Some(refusal(libc::EROFS, Layer::Mount));
        }
        // Neither mode nor owner of what has no name at all can be changed, whoever asks.
        let nameless = found.path.to_string_lossy().starts_with("anon_inode:");
        match how {
            How::Mode(_)
            | How::Owner { .. }
            | How::Times { now: false }
            | How::Attribute { space: Space::Security, .. }
                if nameless =>
            {
                None
            }
            // The run's own input is sealed against becoming a program: memfd_create(2).
            How::Mode(mode) if mode & 0o111 != 0 && found.path.starts_with("/memfd:stdin (deleted)") => {
                not_mine()
            }
            How::Mode(_) if found.kind() == libc::S_IFLNK || own => None,
            How::Owner { uid, gid } => {
                let known = |id: u32, own: u32| id == u32::MAX || id == own;
                let sets = uid != u32::MAX || gid != u32::MAX;
                let exist = known(uid, self.identity.uid) && known(gid, self.identity.gid);
                if !exist || !sets || own { None } else { not_mine() }
            }
            How::Times { .. } if own => None,
            How::Times { now: true } | How::Length => self.lacks(found, libc::W_OK),
            How::Mode(_) | How::Times { .. } => not_mine(),
            How::Attribute { space: Space::System, .. } => None,
            How::Attribute { space: Space::Trusted | Space::Security, .. } => not_mine(),
            How::Attribute { space: Space::User, .. } => {
                let sticky = found.is_directory() && found.mode & libc::S_ISVTX != 0;
                if !plain || sticky && !own { not_mine() } else { self.lacks(found, libc::W_OK) }
            }
            _ => self.lacks(found, libc::W_OK),
        }
    }
}
