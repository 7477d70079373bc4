//! Random operations: which, on what, with which flags.

use std::fmt;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::world::World;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Op {
    pub(crate) call: i64,
    pub(crate) args: Vec<Arg>,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    Plain,
    /// The result is a descriptor that later operations use.
    Keep(usize),
    Execute,
    /// `bind` or `connect`: the only argument is the path.
    Socket,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Arg {
    Number(i64),
    Path(String),
    Fd(usize),
    Buffer,
    Times([i64; 4]),
    Nowhere,
}

/// Stands for the folder of the world, whose name differs from run to run.
const WORLD: &str = "{W}";

impl Op {
    pub(crate) fn in_world(&self, world: &World) -> Self {
        let mut op = self.clone();
        for arg in &mut op.args {
            if let Arg::Path(text) = arg {
                *text = text.replace(WORLD, &world.root.display().to_string());
                *text = text.replace("{PID}", &std::process::id().to_string());
            }
        }
        op
    }

    pub(crate) fn opens(&self) -> bool {
        [libc::SYS_open, libc::SYS_openat, libc::SYS_creat].contains(&self.call)
    }

    fn paths(&self) -> impl Iterator<Item = &str> {
        self.args.iter().filter_map(|arg| if let Arg::Path(text) = arg { Some(text.as_str()) } else { None })
    }

    /// Whether what the operation is about is there on the host, and in no way inside.
    pub(crate) fn is_surely_hidden(&self) -> bool {
        // The first string of these is no path.
        let skipped = usize::from([libc::SYS_symlink, libc::SYS_symlinkat].contains(&self.call));
        if skipped == 1 && self.paths().next() == Some("") {
            return false;
        }
        let attribute = self.args.len() > 1 && is_attribute_call(self.call);
        let paths: Vec<&str> = self.paths().skip(skipped).take(if attribute { 1 } else { 2 }).collect();
        !paths.is_empty() && paths.iter().all(|path| is_hidden(path))
    }
}

/// Hidden places of the pool, as they are written there and with what may stand behind them.
fn is_hidden(path: &str) -> bool {
    let known =
        path.contains("/hidden/") || path.starts_with("/etc/shadow") || path == "/root" || path == "/var/lib";
    let plain = !path.contains("..") && !path.contains("/grant/") && !path.contains("/skill/");
    let text = path.trim_end_matches(['/', '.']);
    known && plain && fs::symlink_metadata(Path::new(std::ffi::OsStr::from_bytes(text.as_bytes()))).is_ok()
}

fn is_attribute_call(call: i64) -> bool {
    [
        libc::SYS_setxattr,
        libc::SYS_lsetxattr,
        libc::SYS_getxattr,
        libc::SYS_lgetxattr,
        libc::SYS_removexattr,
        libc::SYS_lremovexattr,
    ]
    .contains(&call)
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = skilldeck::sandbox::syscalls::name(self.call);
        write!(f, "{name}({:?}) {:?}", self.args, self.kind)
    }
}

/// A small generator of its own, so that a seed means the same for ever: splitmix64.
pub(crate) struct Generator(u64);

const PATHS: &[&str] = &[
    "{W}/skill",
    "{W}/skill/file",
    "{W}/skill/dir",
    "{W}/skill/dir/inner",
    "{W}/skill/f000",
    "{W}/skill/f444",
    "{W}/skill/f555",
    "{W}/skill/d000",
    "{W}/skill/d000/file",
    "{W}/skill/d444/file",
    "{W}/skill/d555",
    "{W}/skill/d555/file",
    "{W}/skill/tofile",
    "{W}/skill/todir",
    "{W}/skill/todir/inner",
    "{W}/skill/dangling",
    "{W}/skill/loop",
    "{W}/skill/tohidden",
    "{W}/skill/totmp",
    "{W}/skill/totmp/x",
    "{W}/skill/foreign",
    "{W}/skill/new",
    "{W}/skill/file/below",
    "{W}/grant",
    "{W}/grant/file",
    "{W}/grant/other",
    "{W}/grant/sub",
    "{W}/grant/sub/file",
    "{W}/grant/sub/deep",
    "{W}/grant/denied",
    "{W}/grant/denied/file",
    "{W}/grant/denied/below/file",
    "{W}/grant/deniedfile",
    "{W}/grant/deniedfile/x",
    "{W}/grant/empty",
    "{W}/grant/sticky",
    "{W}/grant/sticky/file",
    "{W}/grant/sticky/foreign",
    "{W}/grant/foreign",
    "{W}/grant/foreigndir",
    "{W}/grant/foreigndir/file",
    "{W}/grant/foreigndir/new",
    "{W}/grant/open",
    "{W}/grant/open/file",
    "{W}/grant/open/new",
    "{W}/grant/f000",
    "{W}/grant/f444",
    "{W}/grant/f555",
    "{W}/grant/d000",
    "{W}/grant/d000/file",
    "{W}/grant/d444",
    "{W}/grant/d444/file",
    "{W}/grant/d555",
    "{W}/grant/d555/file",
    "{W}/grant/d555/new",
    "{W}/grant/tofile",
    "{W}/grant/tosub",
    "{W}/grant/tosub/file",
    "{W}/grant/dangling",
    "{W}/grant/loop",
    "{W}/grant/toskill",
    "{W}/grant/toskilldir",
    "{W}/grant/toskilldir/inner",
    "{W}/grant/toskilldir/new",
    "{W}/grant/tohidden",
    "{W}/grant/toetc",
    "{W}/grant/todenied",
    "{W}/grant/tofd",
    "{W}/grant/new",
    "{W}/grant/new2",
    "{W}/grant/made",
    "{W}/grant/nothing/new",
    "{W}/grant/file/below",
    "{W}/wfile",
    "{W}/rfile",
    "{W}/rdir",
    "{W}/rdir/file",
    "{W}/rdir/sub",
    "{W}/rdir/new",
    "{W}",
    "{W}/new",
    "{W}/hidden/file",
    "{W}/hidden/dir",
    "{W}/hidden/dir/new",
    "{W}/hidden/nothing",
    "{W}/nowhere/at/all",
    "/tmp",
    "/tmp/a",
    "/tmp/b",
    "/tmp/c",
    "/tmp/d",
    "/tmp/d/e",
    "/tmp/d/f",
    "/scratch",
    "/scratch/a",
    "/scratch/b",
    "/scratch/d",
    "/scratch/d/a",
    "/home/skill",
    "/home/skill/a",
    "/home/skill/b",
    "/home",
    "/dev/shm/a",
    "/",
    "/new",
    "/usr",
    "/usr/bin",
    "/usr/bin/true",
    "/usr/bin/env",
    "/usr/new",
    "/usr/lib/new",
    "/bin",
    "/bin/true",
    "/usr/bin/true/x",
    "/etc",
    "/etc/passwd",
    "/etc/hosts",
    "/etc/shadow",
    "/etc/new",
    "/etc/shadow/x",
    "/root",
    "/var/lib",
    "/nowhere",
    "/nowhere/x",
    "/proc",
    "/proc/self",
    "/proc/self/status",
    "/proc/self/fd",
    "/proc/self/fd/1",
    "/proc/self/exe",
    "/proc/self/cwd",
    "/proc/self/cwd/file",
    "/proc/self/root",
    "/proc/self/root/tmp/a",
    "/proc/self/comm",
    "/proc/self/mem",
    "/proc/self/maps",
    "/proc/self/nothing",
    "/proc/self/task",
    "/proc/thread-self/status",
    "/proc/1",
    "/proc/1/status",
    "/proc/1/environ",
    "/proc/1/maps",
    "/proc/1/mem",
    "/proc/1/fd",
    "/proc/1/fd/0",
    "/proc/1/exe",
    "/proc/1/cwd",
    "/proc/1/root",
    "/proc/1/root/etc",
    "/proc/1/ns",
    "/proc/1/ns/net",
    "/proc/1/comm",
    "/proc/{PID}/status",
    "/proc/999999999",
    "/proc/sys/kernel/hostname",
    "/proc/sysrq-trigger",
    "/proc/version",
    "/dev",
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/new",
    "/dev/fd",
    "/dev/fd/1",
    "/dev/stdin",
    "/dev/kmsg",
    "file",
    "sub",
    "sub/file",
    "sub/../file",
    "../skill/file",
    "../hidden/file",
    "new",
    "f000",
    ".",
    "..",
    "../..",
    "tofile",
    "denied/file",
    "",
];

/// Paths where something is likely to come of an operation.
const LIKELY: &[&str] = &[
    "/tmp/a",
    "/tmp/b",
    "/tmp/c",
    "/tmp/d",
    "/tmp/d/e",
    "/tmp/d/f",
    "/scratch/a",
    "/scratch/d",
    "/home/skill/a",
    "{W}/grant/file",
    "{W}/grant/other",
    "{W}/grant/sub",
    "{W}/grant/sub/file",
    "{W}/grant/new",
    "{W}/grant/new2",
    "{W}/grant/empty",
    "{W}/wfile",
    "{W}/grant/sticky/file",
    "{W}/grant/open/file",
    "/dev/shm/a",
];

/// `creat` cannot be told not to wait for the other end of a FIFO, so these are made elsewhere.
const WITHOUT_FIFOS: &[&str] =
    &["{W}/grant/file", "{W}/grant/new", "{W}/skill/file", "{W}/wfile", "{W}/hidden/file", "/usr/new"];
const FIFOS: &[&str] = &[
    "/scratch/a",
    "/scratch/b",
    "/scratch/d/a",
    "/tmp/a",
    "/tmp/b",
    "/usr/new",
    "/proc/new",
    "/etc/hosts",
    "/",
];

const TARGETS: &[&str] = &[
    "a",
    "../a",
    "/tmp/a",
    "{W}/grant/file",
    "{W}/skill/file",
    "{W}/hidden/file",
    "/etc/shadow",
    "nothing",
    "/tmp/d/",
    ".",
];

impl Generator {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    pub(crate) fn operations(&mut self, count: usize) -> Vec<Op> {
        (0..count).map(|_| self.operation()).collect()
    }

    fn path(&mut self) -> Arg {
        if self.one_in(150) {
            return Arg::Nowhere;
        }
        if self.one_in(150) {
            let long = if self.one_in(2) { "x".repeat(256) } else { "y/".repeat(2100) };
            return Arg::Path(format!("/tmp/{long}"));
        }
        let mut text = if self.one_in(4) { self.pick(LIKELY) } else { self.pick(PATHS) }.to_owned();
        if self.one_in(8) && !text.is_empty() {
            let tail = self.pick(&["/", "//", "/.", "/..", "/../", "/./x", "/x", "/../file", "/file"]);
            text.push_str(tail);
        }
        Arg::Path(text)
    }

    /// A descriptor to begin at: mostly none.
    fn at(&mut self) -> Arg {
        match self.below(10) {
            0..6 => Arg::Number(libc::AT_FDCWD.into()),
            6..9 => Arg::Fd(self.below(8)),
            _ => Arg::Number(self.pick(&[-1, 777, 1])),
        }
    }

    fn flags(&mut self, from: &[i32]) -> i64 {
        let mut flags = 0;
        for flag in from {
            if self.one_in(4) {
                flags |= flag;
            }
        }
        flags.into()
    }

    fn open_flags(&mut self) -> i64 {
        let access = self.pick(&[libc::O_RDONLY, libc::O_RDONLY, libc::O_WRONLY, libc::O_RDWR]);
        // Never wait for the other end of a FIFO.
        let mut flags = access | libc::O_NONBLOCK | libc::O_CLOEXEC | libc::O_NOCTTY;
        for (flag, times) in [
            (libc::O_CREAT, 3),
            (libc::O_EXCL, 6),
            (libc::O_TRUNC, 5),
            (libc::O_APPEND, 8),
            (libc::O_DIRECTORY, 8),
            (libc::O_NOFOLLOW, 6),
            (libc::O_PATH, 10),
            (libc::O_TMPFILE, 15),
            (libc::O_NOATIME, 20),
        ] {
            if self.one_in(times) {
                flags |= flag;
            }
        }
        flags.into()
    }

    fn mode(&mut self) -> Arg {
        Arg::Number(self.pick(&[0o644, 0o600, 0o755, 0o444, 0o000, 0o1777, 0o700, 0o555, 0o200]))
    }

    fn id(&mut self) -> Arg {
        Arg::Number(self.pick(&[-1, -1, 65534, 0, 1234]))
    }

    fn times(&mut self) -> Arg {
        let (now, omit) = (libc::UTIME_NOW, libc::UTIME_OMIT);
        match self.below(7) {
            0 | 1 => Arg::Number(0),
            2 => Arg::Times([1, 0, 1, 0]),
            3 => Arg::Times([0, now, 0, now]),
            4 => Arg::Times([0, omit, 0, omit]),
            5 => Arg::Times([0, now, 0, omit]),
            _ => Arg::Times([0, -7, 0, 0]),
        }
    }

    fn attribute(&mut self) -> Arg {
        let name =
            self.pick(&["user.one", "user.one", "user.two", "trusted.x", "security.x", "nonsense", ""]);
        Arg::Path(name.into())
    }

    fn operation(&mut self) -> Op {
        match self.below(12) {
            0..3 => self.opening(),
            3 | 4 => self.question(),
            5..8 => self.name(),
            8 | 9 => self.change(),
            10 => self.descriptor(),
            _ => self.rest(),
        }
    }

    fn opening(&mut self) -> Op {
        let kind = if self.one_in(2) { Kind::Keep(self.below(8)) } else { Kind::Plain };
        let (path, flags, mode) = (self.path(), Arg::Number(self.open_flags()), self.mode());
        match self.below(6) {
            0 => Op { call: libc::SYS_open, args: vec![path, flags, mode], kind },
            1 if self.one_in(3) => Op {
                call: libc::SYS_creat,
                args: vec![Arg::Path(self.pick(WITHOUT_FIFOS).into()), mode],
                kind,
            },
            2 => {
                let folder =
                    Arg::Number((libc::O_RDONLY | libc::O_DIRECTORY | self.pick(&[0, libc::O_PATH])).into());
                Op { call: libc::SYS_open, args: vec![path, folder, mode], kind: Kind::Keep(self.below(8)) }
            }
            _ => Op { call: libc::SYS_openat, args: vec![self.at(), path, flags, mode], kind },
        }
    }

    fn question(&mut self) -> Op {
        let at_flags = [libc::AT_SYMLINK_NOFOLLOW, libc::AT_EMPTY_PATH];
        let (path, flags) = (self.path(), self.flags(&at_flags));
        let rights = Arg::Number(self.pick(&[0, 4, 2, 1, 6, 5, 7]));
        let (size, mask) = (Arg::Number(4096), Arg::Number(0x7ff));
        let (call, args) = match self.below(14) {
            0 => (libc::SYS_stat, vec![path, Arg::Buffer]),
            1 => (libc::SYS_lstat, vec![path, Arg::Buffer]),
            2 | 3 => (libc::SYS_newfstatat, vec![self.at(), path, Arg::Buffer, Arg::Number(flags)]),
            4 => (libc::SYS_statx, vec![self.at(), path, Arg::Number(flags), mask, Arg::Buffer]),
            5 => (libc::SYS_access, vec![path, rights]),
            6 => (libc::SYS_faccessat, vec![self.at(), path, rights]),
            7 => {
                let flags = self.flags(&[libc::AT_SYMLINK_NOFOLLOW, libc::AT_EACCESS, libc::AT_EMPTY_PATH]);
                (libc::SYS_faccessat2, vec![self.at(), path, rights, Arg::Number(flags)])
            }
            8 => (libc::SYS_readlink, vec![path, Arg::Buffer, size]),
            9 => (libc::SYS_readlinkat, vec![self.at(), path, Arg::Buffer, size]),
            10 => (libc::SYS_statfs, vec![path, Arg::Buffer]),
            11 => (libc::SYS_getxattr, vec![path, self.attribute(), Arg::Buffer, size]),
            12 => (libc::SYS_lgetxattr, vec![path, self.attribute(), Arg::Buffer, size]),
            _ => (self.pick(&[libc::SYS_listxattr, libc::SYS_llistxattr]), vec![path, Arg::Buffer, size]),
        };
        Op { call, args, kind: Kind::Plain }
    }

    fn name(&mut self) -> Op {
        let (path, other, mode) = (self.path(), self.path(), self.mode());
        let file = Arg::Number(i64::from(self.pick(&[libc::S_IFREG, 0, libc::S_IFSOCK])) | 0o644);
        let target = Arg::Path(self.pick(TARGETS).into());
        let (call, args) = match self.below(16) {
            0 => (libc::SYS_mkdir, vec![path, mode]),
            1 => (libc::SYS_mkdirat, vec![self.at(), path, mode]),
            2 => (libc::SYS_rmdir, vec![path]),
            3 => (libc::SYS_unlink, vec![path]),
            4 | 5 => {
                let flags = self.pick(&[0, 0, libc::AT_REMOVEDIR.into(), 1]);
                (libc::SYS_unlinkat, vec![self.at(), path, Arg::Number(flags)])
            }
            6 | 7 => (libc::SYS_rename, vec![path, other]),
            8 => (libc::SYS_renameat, vec![self.at(), path, self.at(), other]),
            9 => {
                let flags = self.pick(&[0, 1, 2, 3]);
                (libc::SYS_renameat2, vec![self.at(), path, self.at(), other, Arg::Number(flags)])
            }
            10 | 11 => (libc::SYS_link, vec![path, other]),
            12 => {
                let flags = self.flags(&[libc::AT_SYMLINK_FOLLOW, libc::AT_EMPTY_PATH]);
                (libc::SYS_linkat, vec![self.at(), path, self.at(), other, Arg::Number(flags)])
            }
            13 => (libc::SYS_symlink, vec![target, path]),
            14 => (libc::SYS_symlinkat, vec![target, self.at(), path]),
            _ if self.one_in(3) => {
                let fifo = Arg::Number(i64::from(libc::S_IFIFO) | 0o644);
                (libc::SYS_mknod, vec![Arg::Path(self.pick(FIFOS).into()), fifo, Arg::Number(0)])
            }
            _ if self.one_in(2) => (libc::SYS_mknod, vec![path, file, Arg::Number(0)]),
            _ => (libc::SYS_mknodat, vec![self.at(), path, file, Arg::Number(0)]),
        };
        Op { call, args, kind: Kind::Plain }
    }

    fn change(&mut self) -> Op {
        let (path, mode) = (self.path(), self.mode());
        let flags = Arg::Number(self.flags(&[libc::AT_SYMLINK_NOFOLLOW, libc::AT_EMPTY_PATH]));
        let size = Arg::Number(4);
        let (call, args) = match self.below(12) {
            0 => (libc::SYS_chmod, vec![path, mode]),
            1 => (libc::SYS_fchmodat, vec![self.at(), path, mode]),
            2 => (libc::SYS_fchmodat2, vec![self.at(), path, mode, flags]),
            3 => (self.pick(&[libc::SYS_chown, libc::SYS_lchown]), vec![path, self.id(), self.id()]),
            4 => (libc::SYS_fchownat, vec![self.at(), path, self.id(), self.id(), flags]),
            5 => (libc::SYS_truncate, vec![path, Arg::Number(self.pick(&[0, 5, -1, 4096]))]),
            6 | 7 => (libc::SYS_utimensat, vec![self.at(), path, self.times(), flags]),
            8 => (self.pick(&[libc::SYS_utime, libc::SYS_utimes]), vec![path, Arg::Number(0)]),
            9 => {
                let call = self.pick(&[libc::SYS_setxattr, libc::SYS_lsetxattr]);
                let how = Arg::Number(self.pick(&[0, 0, 1, 2, 9]));
                (call, vec![path, self.attribute(), Arg::Buffer, size, how])
            }
            10 => (self.pick(&[libc::SYS_removexattr, libc::SYS_lremovexattr]), vec![path, self.attribute()]),
            _ => (libc::SYS_chmod, vec![Arg::Path(self.pick(LIKELY).into()), mode]),
        };
        Op { call, args, kind: Kind::Plain }
    }

    fn descriptor(&mut self) -> Op {
        let fd = if self.one_in(12) { Arg::Number(self.pick(&[-1, 1, 500])) } else { Arg::Fd(self.below(8)) };
        let size = Arg::Number(4);
        let (call, args) = match self.below(9) {
            0 => (libc::SYS_fchmod, vec![fd, self.mode()]),
            1 => (libc::SYS_fchown, vec![fd, self.id(), self.id()]),
            2 => (libc::SYS_ftruncate, vec![fd, Arg::Number(self.pick(&[0, 5, -1]))]),
            3 => (libc::SYS_fsetxattr, vec![fd, self.attribute(), Arg::Buffer, size, Arg::Number(0)]),
            4 => (libc::SYS_fgetxattr, vec![fd, self.attribute(), Arg::Buffer, Arg::Number(4096)]),
            5 => (libc::SYS_fremovexattr, vec![fd, self.attribute()]),
            6 => (libc::SYS_flistxattr, vec![fd, Arg::Buffer, Arg::Number(4096)]),
            7 => (libc::SYS_utimensat, vec![fd, Arg::Number(0), self.times(), Arg::Number(0)]),
            _ => (libc::SYS_fchdir, vec![fd]),
        };
        Op { call, args, kind: Kind::Plain }
    }

    fn rest(&mut self) -> Op {
        let path = self.path();
        let plain = |call, args| Op { call, args, kind: Kind::Plain };
        match self.below(8) {
            0 => plain(libc::SYS_chdir, vec![path]),
            1 => Op {
                call: libc::SYS_inotify_init1,
                args: vec![Arg::Number(0)],
                kind: Kind::Keep(self.below(8)),
            },
            2 => plain(libc::SYS_inotify_add_watch, vec![Arg::Fd(self.below(8)), path, Arg::Number(0xfff)]),
            3 => Op {
                call: libc::SYS_execve,
                args: vec![path, Arg::Number(0), Arg::Number(0)],
                kind: Kind::Execute,
            },
            4 => {
                let zero = || Arg::Number(0);
                let flags = Arg::Number(self.flags(&[libc::AT_SYMLINK_NOFOLLOW, libc::AT_EMPTY_PATH]));
                let args = vec![self.at(), path, zero(), zero(), flags];
                Op { call: libc::SYS_execveat, args, kind: Kind::Execute }
            }
            5 => {
                let path = Arg::Path(
                    self.pick(&["/usr/bin/true", "/usr/bin/env", "/bin/true", "/usr/bin/sh"]).into(),
                );
                Op {
                    call: libc::SYS_execve,
                    args: vec![path, Arg::Number(0), Arg::Number(0)],
                    kind: Kind::Execute,
                }
            }
            6 => Op { call: libc::SYS_connect, args: vec![path], kind: Kind::Socket },
            _ => Op { call: libc::SYS_bind, args: vec![path], kind: Kind::Socket },
        }
    }
}
