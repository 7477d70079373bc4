//! What Landlock will say on the host's own ground, where it stands alone: files, names that come and go, and files that
//! change their folder.

use std::path::Path;

use landlock::{AccessFs, BitFlags};

use super::super::calls::{How, PathUse};
use super::super::place::Found;
use super::{Judge, Refusal, refusal};
use crate::sandbox::event::Layer;

impl Judge {
    /// What Landlock says on the host's own ground. It does not mediate looks at a path, nor entering.
    pub(super) fn without_rule(&self, found: &Found, used: &PathUse) -> Option<Refusal> {
        let has = |access| self.has_rule(&found.path, access);
        let allowed = match used.how {
            How::Open { create: true, exclusive: true, .. } => true,
            How::Open { write: false, truncate: false, .. } if found.is_directory() => {
                has(AccessFs::ReadDir.into())
            }
            How::Open { .. } if found.is_directory() => true,
            How::Open { read, write, truncate, .. } => {
                let mut wanted = BitFlags::<AccessFs>::empty();
                if read {
                    wanted |= AccessFs::ReadFile;
                }
                if write {
                    wanted |= AccessFs::WriteFile;
                }
                if truncate && self.landlock_abi >= 3 {
                    wanted |= AccessFs::Truncate;
                }
                has(wanted)
            }
            How::Unlink | How::RemoveFolder => {
                let folder = found.path.parent().unwrap_or(&found.path);
                self.has_rule(folder, AccessFs::MakeReg | AccessFs::RemoveFile)
            }
            // The supervisor carries these out where the program may write.
            How::Mode(_) | How::Owner { .. } | How::Times { .. } | How::Length => {
                has(AccessFs::WriteFile.into())
            }
            How::Attribute { write: true, .. } => has(AccessFs::WriteFile.into()),
            How::Execute => has(AccessFs::Execute.into()),
            _ => true,
        };
        (!allowed).then(|| refusal(libc::EACCES, Layer::Landlock))
    }

    /// A file that comes to be where more may be done with it: refused by Landlock where it stands alone.
    pub(super) fn without_refer(&self, source: &Found, folder: &Found) -> Option<Refusal> {
        let moves = source.path.parent() != Some(&folder.path);
        let refers = |path: &Path| self.has_rule(path, AccessFs::Refer.into());
        (moves && !(refers(&source.path) && refers(&folder.path)))
            .then(|| refusal(libc::EXDEV, Layer::Landlock))
    }

    /// What Landlock says on the host's own ground to names that come into a folder or leave it. It is asked before the
    /// folder's mode.
    pub(super) fn without_names(&self, folder: &Found) -> Option<Refusal> {
        let names = AccessFs::MakeReg | AccessFs::RemoveFile;
        (!self.has_rule(&folder.path, names)).then(|| refusal(libc::EACCES, Layer::Landlock))
    }
}
