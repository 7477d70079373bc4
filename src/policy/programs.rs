//! Programs by name: groups such as `@coreutils`, and where a name is found.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The `PATH` inside a sandbox.
pub const SEARCH_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The members of a group, named without the `@`.
pub fn group(name: &str) -> Option<&'static [&'static str]> {
    (name == "coreutils").then_some(COREUTILS)
}

/// Whether a program is one of the GNU coreutils.
pub fn is_coreutil(name: &str) -> bool {
    COREUTILS.contains(&name)
}

/// The first executable file called `name` in the folders of `path`, as found there: links not resolved.
pub fn find(name: &str, path: &str) -> Option<PathBuf> {
    path.split(':').filter(|folder| folder.starts_with('/')).map(|folder| Path::new(folder).join(name)).find(
        |file| file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0),
    )
}

/// Programs that are many in one file: which of them is run is told by the name they are called by.
const MULTI_CALL: [&str; 5] = ["busybox", "coreutils", "toybox", "uutils", "uu-coreutils"];

/// Says that a file is many programs, of which the kernel cannot tell one from another.
pub fn many_names(file: &Path) -> Option<String> {
    let name = file.file_name()?.to_str()?;
    MULTI_CALL.contains(&name).then(|| {
        format!(
            "{} is many programs in one file: to start one of them is to be able to start all",
            file.display()
        )
    })
}

/// What GNU coreutils 9 installs, `chroot` and the tools for other users' sessions left out.
const COREUTILS: &[&str] = &[
    "[",
    "arch",
    "b2sum",
    "base32",
    "base64",
    "basename",
    "basenc",
    "cat",
    "chgrp",
    "chmod",
    "chown",
    "cksum",
    "comm",
    "cp",
    "csplit",
    "cut",
    "date",
    "dd",
    "df",
    "dir",
    "dircolors",
    "dirname",
    "du",
    "echo",
    "env",
    "expand",
    "expr",
    "factor",
    "false",
    "fmt",
    "fold",
    "groups",
    "head",
    "hostid",
    "id",
    "install",
    "join",
    "link",
    "ln",
    "logname",
    "ls",
    "md5sum",
    "mkdir",
    "mkfifo",
    "mknod",
    "mktemp",
    "mv",
    "nice",
    "nl",
    "nohup",
    "nproc",
    "numfmt",
    "od",
    "paste",
    "pathchk",
    "pr",
    "printenv",
    "printf",
    "ptx",
    "pwd",
    "readlink",
    "realpath",
    "rm",
    "rmdir",
    "seq",
    "sha1sum",
    "sha224sum",
    "sha256sum",
    "sha384sum",
    "sha512sum",
    "shred",
    "shuf",
    "sleep",
    "sort",
    "split",
    "stat",
    "stdbuf",
    "stty",
    "sum",
    "sync",
    "tac",
    "tail",
    "tee",
    "test",
    "timeout",
    "touch",
    "tr",
    "true",
    "truncate",
    "tsort",
    "tty",
    "uname",
    "unexpand",
    "uniq",
    "unlink",
    "users",
    "vdir",
    "wc",
    "who",
    "whoami",
    "yes",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_sorted_and_found() {
        assert!(COREUTILS.is_sorted());
        assert!(is_coreutil("sort") && !is_coreutil("git"));
        assert!(find("ls", SEARCH_PATH).is_some_and(|file| file.ends_with("ls")));
        assert_eq!(find("no-such-program", SEARCH_PATH), None);
        assert_eq!(find("ls", "relative:"), None);
    }
}
