//! The files that operations meet: what is granted, what is kept, what is hidden.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use skilldeck::sandbox::plan::{Access, Bind, Limits, Observe, Plan};

pub(crate) struct World {
    _folder: tempfile::TempDir,
    pub(crate) root: PathBuf,
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

const PROGRAM: &str = "/usr/bin/true";

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        set_mode(folder.path(), 0o755);
        let root = folder.path().to_owned();
        for name in [
            "skill/dir",
            "grant/sub/deep",
            "grant/denied/below",
            "grant/empty",
            "grant/sticky",
            "rdir/sub",
            "hidden/dir",
        ] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        for name in [
            "skill/file",
            "skill/dir/inner",
            "grant/file",
            "grant/other",
            "grant/sub/file",
            "grant/denied/file",
            "grant/denied/below/file",
            "grant/deniedfile",
            "grant/sticky/file",
            "wfile",
            "rfile",
            "rdir/file",
            "hidden/file",
        ] {
            fs::write(root.join(name), "content\n").unwrap();
        }
        for (folder, mode) in [
            ("skill", 0o000),
            ("skill", 0o444),
            ("skill", 0o555),
            ("grant", 0o000),
            ("grant", 0o444),
            ("grant", 0o555),
        ] {
            let file = root.join(folder).join(format!("f{mode:03o}"));
            fs::write(&file, "#!/nothing\n").unwrap();
            set_mode(&file, mode);
            let inner = root.join(folder).join(format!("d{mode:03o}"));
            fs::create_dir(&inner).unwrap();
            fs::write(inner.join("file"), "content\n").unwrap();
            set_mode(&inner, mode);
        }
        set_mode(&root.join("grant/sticky"), 0o1777);
        for (link, to) in [
            ("skill/tofile", "file".into()),
            ("skill/todir", "dir".into()),
            ("skill/dangling", "nothing".into()),
            ("skill/loop", "loop".into()),
            ("skill/tohidden", root.join("hidden/file")),
            ("skill/totmp", "/tmp".into()),
            ("grant/tofile", "file".into()),
            ("grant/tosub", "sub".into()),
            ("grant/dangling", "made".into()),
            ("grant/loop", "loop".into()),
            ("grant/toskill", root.join("skill/file")),
            ("grant/toskilldir", root.join("skill/dir")),
            ("grant/tohidden", root.join("hidden/file")),
            ("grant/toetc", "/etc/shadow".into()),
            ("grant/todenied", "denied/file".into()),
            ("grant/tofd", "/proc/self/fd/1".into()),
        ] {
            symlink(to, root.join(link)).unwrap();
        }
        if nix::unistd::geteuid().is_root() {
            // Files of somebody else, among those that are the program's own inside.
            for name in ["grant/foreign", "grant/sticky/foreign", "skill/foreign"] {
                fs::write(root.join(name), "theirs\n").unwrap();
                std::os::unix::fs::chown(root.join(name), Some(1234), Some(1234)).unwrap();
            }
            for (name, mode) in [("grant/foreigndir", 0o755), ("grant/open", 0o1777)] {
                fs::create_dir(root.join(name)).unwrap();
                fs::write(root.join(name).join("file"), "theirs\n").unwrap();
                std::os::unix::fs::chown(root.join(name), Some(1234), Some(1234)).unwrap();
                std::os::unix::fs::chown(root.join(name).join("file"), Some(1234), Some(1234)).unwrap();
                set_mode(&root.join(name), mode);
            }
        }
        Self { _folder: folder, root }
    }

    pub(crate) fn plan(&self) -> Plan {
        let mut view = Vec::new();
        for path in
            ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/ld.so.conf"]
        {
            view.push(Bind { path: path.into(), access: Access::Read, system: true });
        }
        for (name, access) in [
            ("skill", Access::Read),
            ("grant", Access::Write),
            ("wfile", Access::Write),
            ("rfile", Access::Read),
            ("rdir", Access::Read),
            ("grant/denied", Access::Deny),
            ("grant/deniedfile", Access::Deny),
        ] {
            view.push(Bind { path: self.root.join(name), access, system: false });
        }
        let program = std::env::current_exe().unwrap();
        view.push(Bind { path: program.clone(), access: Access::Read, system: false });
        let mut execute = vec![program.clone(), PathBuf::from(PROGRAM)];
        for loader in ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"] {
            execute.extend(Path::new(loader).canonicalize());
        }
        execute.extend(Path::new(PROGRAM).canonicalize());
        Plan {
            program: program.clone(),
            argv: vec![program.display().to_string(), "inside".into()],
            env: Vec::new(),
            cwd: self.root.join("grant"),
            stdin: Vec::new(),
            view,
            execute,
            may_execute: true,
            loaders: Vec::new(),
            captures: None,
            links: Vec::new(),
            net: Vec::new(),
            limits: Limits { wall: Duration::from_mins(2), cpu: Duration::from_mins(1), ..Limits::default() },
            observe: Observe::Full,
            require_full: false,
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // Folders that their owner may not search would else stay.
        for folder in ["grant", "skill"] {
            open_up(&self.root.join(folder));
        }
    }
}

fn open_up(folder: &Path) {
    let _ = fs::set_permissions(folder, fs::Permissions::from_mode(0o755));
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_up(&entry.path());
        }
    }
}
