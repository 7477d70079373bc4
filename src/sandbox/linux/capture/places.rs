//! Places to mount on that the host does not have: a grant for a folder that is still missing, inside a tree that is
//! shown read-only.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::mount::MsFlags;

use super::super::sys;
use super::super::view::{Kind, Source};
use super::{Stage, folders, mount_overlay, open_path, refuse_mounts_below, take_after};

/// A read-only tree in which places to mount on are missing.
pub(super) struct Lacking<'a> {
    pub target: &'a Path,
    tree: BorrowedFd<'a>,
    /// Relative to the tree, and whether a folder is to be mounted there.
    names: Vec<(PathBuf, bool)>,
}

impl Stage {
    /// A folder that does not exist can be shown only where there is a name to mount it on: which names are missing in
    /// which of the trees.
    pub(super) fn missing_places<'a>(&self, sources: &'a [Source]) -> Vec<Lacking<'a>> {
        let mut found: Vec<Lacking<'a>> = Vec::new();
        for (index, source) in sources.iter().enumerate() {
            let Kind::Captured { capture, below } = &source.kind else { continue };
            let around = sources[..index].iter().rev().find(|one| {
                let holds = matches!(one.kind, Kind::Tree { directory: true, .. } | Kind::Captured { .. });
                holds && source.target.starts_with(&one.target)
            });
            // A captured folder around it holds the name itself: see `Capture::made`.
            let Some(Source { target, kind: Kind::Tree { tree, .. } }) = around else { continue };
            let Ok(rest) = source.target.strip_prefix(target) else { continue };
            let look = OpenHow::new().flags(OFlag::O_PATH | OFlag::O_CLOEXEC);
            // Whatever else is wrong shows when it is mounted.
            let there = openat2(tree, rest, look.resolve(ResolveFlag::RESOLVE_IN_ROOT));
            if !matches!(there, Err(nix::Error::ENOENT)) {
                continue;
            }
            let Ok((_, directory)) = self.part(*capture, below) else { continue };
            let place = (rest.to_owned(), directory);
            match found.iter_mut().find(|have| have.target == target.as_path()) {
                Some(have) => have.names.push(place),
                None => found.push(Lacking { target, tree: tree.as_fd(), names: vec![place] }),
            }
        }
        found
    }

    /// The tree is the host's and stays as it is: a layer that holds nothing but those names is put on top.
    pub(super) fn add_places(&mut self, lacking: &Lacking<'_>) -> io::Result<()> {
        let number = self.merged.len() + self.with_places.len();
        let [lower, places, merged] = folders(number, ["lower", "places", "merged"])?;
        sys::move_mount(lacking.tree, &lower)?;
        refuse_mounts_below(&lower)?;
        take_after(&lower, &places)?;
        for (rest, directory) in &lacking.names {
            let rest = behind_links(&lower, rest);
            let mut made = PathBuf::new();
            for part in rest.parent().into_iter().flat_map(Path::components) {
                made.push(part);
                let place = places.join(&made);
                if place.is_dir() {
                    continue;
                }
                if lower.join(&made).is_symlink() {
                    return Err(io::Error::other(
                        "a link on the way leads out of it; grant the place itself",
                    ));
                }
                fs::create_dir(&place)?;
                if lower.join(&made).is_dir() {
                    take_after(&lower.join(&made), &place)?;
                }
            }
            if *directory {
                fs::create_dir(places.join(&rest))?;
            } else {
                fs::File::create(places.join(&rest))?;
            }
        }
        let layers = format!("userxattr,lowerdir={}:{}", places.display(), lower.display());
        mount_overlay(&merged, MsFlags::MS_RDONLY, &layers)?;
        let tree = sys::open_tree(open_path(&merged)?.as_fd())?;
        self.with_places.push((lacking.target.to_owned(), tree));
        Ok(())
    }
}

/// Where a path in a tree leads, as far as it exists: a name on top of a link would hide it.
fn behind_links(tree: &Path, rest: &Path) -> PathBuf {
    for above in rest.ancestors().skip(1) {
        let (Ok(real), Ok(end)) = (tree.join(above).canonicalize(), rest.strip_prefix(above)) else {
            continue;
        };
        if let Ok(real) = real.strip_prefix(tree) {
            return real.join(end);
        }
    }
    rest.to_owned()
}
