//! Attacks on the terminal of whoever reads the report.

use super::{Out, at, c, print_raw, raw};

pub(crate) fn inject(out: &mut Out<'_>) {
    let byte = b'x';
    for fd in 0..3 {
        out.refused(
            "ioctl(TIOCSTI)",
            libc::SYS_ioctl,
            &[fd, libc::TIOCSTI as usize, (&raw const byte) as usize],
        );
    }
}

pub(crate) fn inject_wide(out: &mut Out<'_>) {
    // The kernel looks at 32 bits of the request only.
    let (byte, wide) = (b'x', libc::TIOCSTI as usize | 1 << 32);
    out.refused("ioctl(TIOCSTI | 1<<32)", libc::SYS_ioctl, &[0, wide, (&raw const byte) as usize]);
}

pub(crate) fn paste(out: &mut Out<'_>) {
    let what = 3_u8;
    out.refused("ioctl(TIOCLINUX)", libc::SYS_ioctl, &[0, 0x541c, (&raw const what) as usize]);
}

pub(crate) fn take(out: &mut Out<'_>) {
    let _ = raw(libc::SYS_setsid, &[]);
    out.refused("ioctl(TIOCSCTTY)", libc::SYS_ioctl, &[0, libc::TIOCSCTTY as usize, 0]);
    out.absent_on(&[libc::ENOTTY], "no descriptor is a terminal");
}

pub(crate) fn open_terminal(out: &mut Out<'_>) {
    for path in ["/dev/tty", "/dev/console", "/dev/tty0", "/dev/vcs"] {
        if out.open(path, libc::O_RDWR).is_some() {
            out.gain(&format!("opened {path}"));
        }
    }
}

/// A title, the clipboard, a question that the terminal answers into the input, another screen.
const SEQUENCES: &str =
    "\x1b]0;title\x07\x1b]52;c;cHJvYmU=\x07\x1b[6n\x1b[21t\x1b[?1049h\x1bP$qm\x1b\\\u{9b}6n\u{202e}";

pub(crate) fn output(out: &mut Out<'_>) {
    print_raw(SEQUENCES.as_bytes());
    let path = out.facts.secret.clone();
    out.read(&path);
}

pub(crate) fn file_name(out: &mut Out<'_>) {
    let path = format!("{}/../overwrite/{SEQUENCES}/../", out.facts.folder);
    out.write(&path, libc::O_CREAT, "x");
    let path = format!("/usr/{SEQUENCES}");
    out.write(&path, libc::O_CREAT, "x");
    let path = format!("/etc/{SEQUENCES}");
    out.write(&path, 0, "x");
    out.write(&format!("/tmp/{}", SEQUENCES.replace('/', "")), libc::O_CREAT, "x");
}

pub(crate) fn program_name(out: &mut Out<'_>) {
    let name = c("\x1b[6n\x1b]0;x\x07");
    let _ = raw(libc::SYS_prctl, &[15, at(&name)]);
    let path = out.facts.secret.clone();
    out.read(&path);
}
