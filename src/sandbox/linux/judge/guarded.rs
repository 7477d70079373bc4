//! Files and links below `/proc` that the kernel keeps to those who may trace the process. Asked where a path leads to one.

use std::path::Path;

/// What is left of a path in the folder of the sandbox's own first process, which nothing inside may trace:
/// proc(5), "ptrace access mode".
fn of_first_process(path: &Path) -> Option<&Path> {
    path.strip_prefix("/proc/1").ok()
}

/// Files that say who may open them only when they are opened.
pub(super) fn is_guarded_file(path: &Path) -> bool {
    const GUARDED: [&str; 7] = ["maps", "smaps", "smaps_rollup", "numa_maps", "mem", "environ", "auxv"];
    of_first_process(path).is_some_and(|rest| GUARDED.iter().any(|name| rest.ends_with(name)))
}

pub(super) fn is_guarded_link(path: &Path) -> bool {
    let Some(rest) = of_first_process(path) else { return false };
    let folder = rest.iter().rev().nth(1);
    folder.is_some_and(|folder| folder == "fd" || folder == "ns" || folder == "map_files")
        || ["cwd", "root", "exe"].iter().any(|name| rest.ends_with(name))
}
