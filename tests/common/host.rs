//! The host's side of a run: what is on disk, and what is done to it meanwhile.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::{NOBODY, Skill, User};

/// Everything below a folder: rights, and content or target.
pub fn picture(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    look(folder, folder, &mut found);
    found
}

fn look(top: &Path, folder: &Path, found: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let data = path.symlink_metadata().unwrap();
        let mode = data.permissions().mode() & 0o7777;
        let what = if data.is_dir() {
            look(top, &path, found);
            format!("{mode:o} folder")
        } else if data.is_symlink() {
            format!("link {}", path.read_link().unwrap().display())
        } else if data.is_file() {
            format!("{mode:o} {}", String::from_utf8_lossy(&fs::read(&path).unwrap()))
        } else {
            "special".to_owned()
        };
        found.insert(path.strip_prefix(top).unwrap().to_owned(), what);
    }
}

impl Skill {
    pub fn policy(&self, text: &str) -> &Self {
        fs::write(self.path.join("policy.yaml"), text).unwrap();
        self
    }

    /// A file of the skill with its folders.
    pub fn file(&self, name: &str, content: &str) -> &Self {
        let path = self.path.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    /// Everything belongs to whoever runs it.
    pub fn of(&self, user: User) -> &Self {
        if user == User::Nobody {
            own(self.path.parent().unwrap());
        }
        self
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path.join(name)).unwrap()
    }
}

fn own(path: &Path) {
    std::os::unix::fs::lchown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    if path.symlink_metadata().unwrap().is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            own(&entry.unwrap().path());
        }
    }
}

/// A run for people, under way.
pub struct Live {
    pub child: Child,
    out: BufReader<ChildStdout>,
}

impl Live {
    pub fn start(skill: &Skill, user: User, args: &[&str]) -> Self {
        let mut command = skill.plain_command(user);
        let mut child = command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out }
    }

    /// The script has printed this line.
    #[track_caller]
    pub fn wait_for(&mut self, wanted: &str) {
        let mut line = String::new();
        while self.out.read_line(&mut line).unwrap() > 0 {
            if line.trim_end() == wanted {
                return;
            }
            line.clear();
        }
        panic!("ended without {wanted}: {}", self.end().1);
    }

    pub fn end(&mut self) -> (ExitStatus, String) {
        let mut errors = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        (self.child.wait().unwrap(), errors)
    }
}

#[track_caller]
pub fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < until, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
