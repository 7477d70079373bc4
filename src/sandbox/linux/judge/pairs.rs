//! Calls that take two paths: `link` and `rename`.

use std::sync::LazyLock;

use super::super::calls::{How, PathUse};
use super::super::place::{Caller, End, Found, Reached, Tail};
use super::nowhere::absent;
use super::{Judge, Judged, Refusal, allowed, denied, is_mount_point, is_named, refusal};
use crate::sandbox::event::Layer;

impl Judge {
    /// link(2), in the order in which the kernel asks.
    pub(super) fn judge_link(&self, from: &PathUse, to: &PathUse, caller: Caller) -> Vec<Judged> {
        let (source, place) = (self.reach(from, Some(caller), false), self.reach(to, Some(caller), true));
        if let Some(ended) = self.ended(&source, from) {
            return vec![ended];
        }
        let End::Here(found) = &source.end else { return Vec::new() };
        let fine = allowed(source.path.clone(), from.operation);
        let (End::Absent, Some(parent), Tail::Name) = (&place.end, &place.parent, to.tail) else {
            return match place.end {
                End::Here(_) => vec![fine, allowed(place.path, to.operation)],
                End::Absent => vec![fine, self.judge_absent(&place, to)],
                _ => std::iter::once(fine).chain(self.ended(&place, to)).collect(),
            };
        };
        let of_source = |reason| vec![denied(source.path.clone(), from.operation, reason)];
        if parent.path.starts_with("/proc") {
            return vec![fine, self.missing(&place, to.operation)];
        }
        if parent.read_only() {
            return vec![fine, denied(place.path, to.operation, refusal(libc::EROFS, Layer::Mount))];
        }
        if found.mount() != parent.mount() {
            return vec![fine, denied(place.path, to.operation, refusal(libc::EXDEV, Layer::Mount))];
        }
        if !self.owns(found) && hardlinks_are_protected() {
            let set_ids = found.mode & (libc::S_ISUID | libc::S_ISGID) != 0;
            let safe = found.kind() == libc::S_IFREG
                && !set_ids
                && self.lacks(found, libc::R_OK | libc::W_OK).is_none();
            if !safe {
                return of_source(self.permission(&source.path, libc::EPERM));
            }
        }
        if let Some(reason) = self.without_names(parent).or_else(|| self.without_refer(found, parent)) {
            return vec![fine, denied(place.path, to.operation, reason)];
        }
        if let Some(reason) = self.lacks(parent, libc::W_OK | libc::X_OK) {
            return vec![fine, denied(place.path, to.operation, reason)];
        }
        if found.is_directory() {
            return of_source(self.permission(&source.path, libc::EPERM));
        }
        vec![fine, allowed(place.path, to.operation)]
    }

    /// rename(2), in the order in which the kernel asks.
    pub(super) fn judge_rename(&self, from: &PathUse, to: &PathUse, caller: Caller) -> Vec<Judged> {
        let (old, new) = (self.reach(from, Some(caller), true), self.reach(to, Some(caller), true));
        let fine = |reached: &Reached, used: &PathUse| allowed(reached.path.clone(), used.operation);
        let (Some(old_folder), Some(new_folder)) = (folder_of(&old, from), folder_of(&new, to)) else {
            if folder_of(&old, from).is_none() {
                return self.ended(&old, from).into_iter().collect();
            }
            // The folder that it would come into is not in view: hidden, or nowhere.
            return match new.end {
                End::Absent => {
                    let hidden = new.is_hidden(true) && !self.is_captured(&new.path);
                    vec![absent(new.path, to.operation, hidden)]
                }
                _ => self.ended(&new, to).into_iter().collect(),
            };
        };
        let of =
            |reached: &Reached, used: &PathUse, reason| denied(reached.path.clone(), used.operation, reason);
        match self.rename_reason((&old, from, old_folder), (&new, to, new_folder)) {
            Renaming::Fine => vec![fine(&old, from), fine(&new, to)],
            Renaming::Refused(Which::Old, reason) => vec![of(&old, from, reason)],
            Renaming::Refused(Which::New, reason) => vec![of(&new, to, reason)],
            Renaming::Missing(Which::Old) => vec![self.missing(&old, from.operation)],
            Renaming::Missing(Which::New) => vec![self.missing(&new, to.operation)],
        }
    }

    fn rename_reason(&self, old: Side<'_>, new: Side<'_>) -> Renaming {
        let ((old, from, old_folder), (new, to, new_folder)) = (old, new);
        let How::Rename { exchanges, keeps } = from.how else { return Renaming::Fine };
        let refused = |which, errno| Renaming::Refused(which, refusal(errno, Layer::Mount));
        if old_folder.mount() != new_folder.mount() {
            return refused(Which::New, libc::EXDEV);
        }
        if !is_named(from) {
            return refused(Which::Old, libc::EBUSY);
        }
        if !is_named(to) {
            return if keeps { Renaming::Fine } else { refused(Which::New, libc::EBUSY) };
        }
        if old_folder.read_only() {
            return refused(Which::Old, libc::EROFS);
        }
        let source = match &old.end {
            End::Here(source) => source,
            End::Absent => return Renaming::Missing(Which::Old),
            _ => return Renaming::Fine,
        };
        if matches!(new.end, End::Fails(_)) {
            return Renaming::Fine;
        }
        let target = if let End::Here(found) = &new.end { Some(found) } else { None };
        if keeps && target.is_some() {
            return Renaming::Fine;
        }
        if exchanges && target.is_none() {
            return Renaming::Missing(Which::New);
        }
        let slash = |used: &PathUse| used.tail == Tail::Slash;
        let needs_folder = slash(from) || (!exchanges && slash(to));
        if needs_folder && !source.is_directory()
            || exchanges && slash(to) && target.is_some_and(|target| !target.is_directory())
        {
            return Renaming::Fine;
        }
        let into_itself = source.is_directory() && new_folder.path.starts_with(&source.path);
        let onto_ancestor = target.is_some_and(|target| old_folder.path.starts_with(&target.path));
        let same = target.is_some_and(|target| is_same(source, target));
        if into_itself || onto_ancestor || same {
            return Renaming::Fine;
        }
        if let Some(reason) = self.without_names(old_folder) {
            return Renaming::Refused(Which::Old, reason);
        }
        if let Some(reason) =
            self.without_names(new_folder).or_else(|| self.without_refer(source, new_folder))
        {
            return Renaming::Refused(Which::New, reason);
        }
        let fails = |which, reason: Option<Refusal>| {
            reason.map_or(Renaming::Fine, |reason| Renaming::Refused(which, reason))
        };
        if let Err(reason) = self.may_delete(old_folder, source, source.is_directory()) {
            return fails(Which::Old, reason);
        }
        let cleared = match target {
            None => {
                self.lacks(new_folder, libc::W_OK | libc::X_OK).map_or(Ok(()), |reason| Err(Some(reason)))
            }
            Some(target) => {
                let folder = if exchanges { target.is_directory() } else { source.is_directory() };
                self.may_delete(new_folder, target, folder)
            }
        };
        if let Err(reason) = cleared {
            return fails(Which::New, reason);
        }
        // What a folder's `..` leads to is written into it.
        if !is_same(old_folder, new_folder) {
            if source.is_directory()
                && !is_mount_point(old_folder, source)
                && let Some(reason) = self.lacks(source, libc::W_OK)
            {
                return Renaming::Refused(Which::Old, reason);
            }
            let movable = |target: &Found| target.is_directory() && !is_mount_point(new_folder, target);
            let exchanged = target.filter(|target| exchanges && movable(target));
            if let Some(reason) = exchanged.and_then(|target| self.lacks(target, libc::W_OK)) {
                return Renaming::Refused(Which::New, reason);
            }
        }
        if is_mount_point(old_folder, source) {
            return refused(Which::Old, libc::EBUSY);
        }
        if target.is_some_and(|target| is_mount_point(new_folder, target)) {
            return refused(Which::New, libc::EBUSY);
        }
        Renaming::Fine
    }
}

type Side<'a> = (&'a Reached, &'a PathUse, &'a Found);

#[derive(Clone, Copy)]
enum Which {
    Old,
    New,
}

enum Renaming {
    /// Done, or failing for no reason worth telling.
    Fine,
    Missing(Which),
    Refused(Which, Refusal),
}

/// The folder in which a name is to be changed, as far as the kernel gets before it looks at the name.
fn folder_of<'a>(reached: &'a Reached, used: &PathUse) -> Option<&'a Found> {
    match (&reached.end, used.tail) {
        (End::Here(found), Tail::Root | Tail::Dot) => Some(found),
        (End::Here(_) | End::Absent | End::Fails(libc::ENAMETOOLONG), _) => reached.parent.as_ref(),
        _ => None,
    }
}

fn is_same(one: &Found, other: &Found) -> bool {
    one.file == other.file
}

/// `proc_sys_fs(5)`: links to files of others need rights to them.
fn hardlinks_are_protected() -> bool {
    static PROTECTED: LazyLock<bool> = LazyLock::new(|| {
        std::fs::read_to_string("/proc/sys/fs/protected_hardlinks").is_ok_and(|text| text.trim() != "0")
    });
    *PROTECTED
}
