//! Which Node runs TypeScript: by itself from 22.18 and 23.6 on, with a flag from 22.6 on
//! (<https://nodejs.org/api/typescript.html>). Its version is read from the header installed with it: nothing is started.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The flag of those that want one.
pub(super) const FLAG: &str = "--experimental-strip-types";

/// What a Node does with a file of types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Support {
    Itself,
    WithFlag,
    /// Too old; its version.
    No(u32, u32),
    /// It came without the header.
    Unknown,
}

pub(crate) fn is_typescript(file: &Path) -> bool {
    file.extension().is_some_and(|extension| matches!(extension.to_str(), Some("ts" | "mts" | "cts")))
}

/// Of the program `node`, links resolved.
pub(crate) fn support(node: &Path) -> Support {
    let prefix = node.parent().and_then(Path::parent);
    let header = prefix.and_then(|prefix| File::open(prefix.join("include/node/node_version.h")).ok());
    let mut text = String::new();
    let read = header.and_then(|file| file.take(64 * 1024).read_to_string(&mut text).ok());
    let number = |name: &str| -> Option<u32> {
        let line = text.lines().find_map(|line| line.strip_prefix("#define ")?.strip_prefix(name))?;
        line.trim().parse().ok()
    };
    match (read, number("NODE_MAJOR_VERSION"), number("NODE_MINOR_VERSION")) {
        (Some(_), Some(major), Some(minor)) => of_version(major, minor),
        _ => Support::Unknown,
    }
}

fn of_version(major: u32, minor: u32) -> Support {
    match (major, minor) {
        (22, 18..) | (23, 6..) | (24.., _) => Support::Itself,
        (22, 6..) | (23, _) => Support::WithFlag,
        _ => Support::No(major, minor),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        let table = [
            ("24 0", Support::Itself),
            ("23 6", Support::Itself),
            ("23 5", Support::WithFlag),
            ("22 18", Support::Itself),
            ("22 6", Support::WithFlag),
            ("22 5", Support::No(22, 5)),
            ("20 20", Support::No(20, 20)),
        ];
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("include/node");
        std::fs::create_dir_all(&folder).unwrap();
        let node = dir.path().join("bin/node");
        assert_eq!(support(&node), Support::Unknown);
        for (version, expected) in table {
            let (major, minor) = version.split_once(' ').unwrap();
            let text = format!("#define NODE_MAJOR_VERSION {major}\n#define NODE_MINOR_VERSION {minor}\n");
            std::fs::write(folder.join("node_version.h"), text).unwrap();
            assert_eq!(support(&node), expected, "{version}");
        }
    }
}
