//! Source lines of a skill, for showing the line that made a call.
//!
//! Which file a frame names is the word of the program that ran: a stack can claim any path. So what is shown is
//! opened below the skill's folder only, and through no link: the program itself could not have read more. Used by
//! the recorder, the text report and the workbench; nobody else opens a blamed file.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat2};

use crate::policy::normalise;
use crate::sandbox::event::Frame;

/// Largest file that is shown.
const MAX_FILE: u64 = 2 * 1024 * 1024;

/// The text of `file` in the folder `skill`, invalid UTF-8 replaced.
pub fn read(skill: &Path, file: &Path) -> io::Result<String> {
    let opened = open(skill, file)?;
    if opened.metadata()?.len() > MAX_FILE {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 2 MiB, not shown"));
    }
    let mut bytes = Vec::new();
    opened.take(MAX_FILE).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The line that a frame names, when it is one of the skill's own.
pub fn line(skill: &Path, frame: &Frame) -> Option<String> {
    let text = read(skill, &frame.file).ok()?;
    let line = text.split('\n').nth(usize::try_from(frame.line).ok()?.checked_sub(1)?)?;
    Some(line.trim_start().to_owned())
}

/// The path of a file of the skill's own, `..` taken out; `None` for everything that [`read`] would not show.
pub(super) fn own(skill: &Path, file: &Path) -> Option<PathBuf> {
    open(skill, file).is_ok().then(|| normalise(&skill.join(file)))
}

/// A file below the folder `skill`, through no link and without waiting.
pub(crate) fn open(skill: &Path, file: &Path) -> io::Result<File> {
    let outside = || io::Error::new(io::ErrorKind::InvalidInput, "not a file of the skill, not shown");
    let file = normalise(&skill.join(file));
    let file = file.strip_prefix(skill).map_err(|_| outside())?;
    let folder = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let folder = openat2(AT_FDCWD, skill, OpenHow::new().flags(folder))?;
    // A pipe in its place must not make the reader wait.
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let resolve = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS;
    let opened = File::from(openat2(&folder, file, OpenHow::new().flags(flags).resolve(resolve))?);
    if opened.metadata()?.is_file() { Ok(opened) } else { Err(outside()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_files_of_the_skill_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let skill = root.join("skill");
        std::fs::create_dir_all(skill.join("lib")).unwrap();
        std::fs::write(skill.join("lib/a.py"), "own").unwrap();
        std::fs::write(root.join("secret"), "secret").unwrap();
        std::os::unix::fs::symlink(&root, skill.join("up")).unwrap();
        std::os::unix::fs::symlink("../secret", skill.join("link")).unwrap();
        nix::unistd::mkfifo(&skill.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        for own_file in ["lib/a.py", "none/../lib/./a.py"] {
            assert_eq!(read(&skill, &skill.join(own_file)).unwrap(), "own");
            assert_eq!(own(&skill, &skill.join(own_file)), Some(skill.join("lib/a.py")));
            assert_eq!(read(&skill, Path::new(own_file)).unwrap(), "own");
        }
        for other in
            ["../secret", "lib/../../secret", "up/secret", "link", "pipe", "lib", "none", "/dev/zero"]
        {
            assert!(read(&skill, &skill.join(other)).is_err(), "{other}");
            assert_eq!(own(&skill, &skill.join(other)), None, "{other}");
        }
    }
}
