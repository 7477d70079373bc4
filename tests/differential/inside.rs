//! The program inside: carries out operations with raw system calls and prints the errno of each.

use std::ffi::CString;
use std::io::Read;

use crate::operations::{Arg, Kind, Op};

/// Always refused by its number, and reported with its arguments.
const MARKER: i64 = libc::SYS_kcmp;
pub(crate) const MARKER_NAME: &str = "kcmp";

/// The only argument of programs that operations start.
pub(crate) const LEAVE: &str = "leave";

const SLOTS: usize = 8;

pub(crate) fn run() {
    let mut text = Vec::new();
    std::io::stdin().read_to_end(&mut text).unwrap();
    let ops: Vec<Op> = serde_json::from_slice(&text).unwrap();
    let mut program = Program { slots: [-1; SLOTS] };
    let mut output = String::new();
    for (number, op) in ops.iter().enumerate() {
        call(MARKER, [number as i64, 0, 0, 0, 0, 0]);
        output.push_str(&program.carry_out(op).to_string());
        output.push('\n');
    }
    print!("{output}");
}

/// One system call: its result, or its errno below zero.
fn call(number: i64, args: [i64; 6]) -> i64 {
    // SAFETY: arguments are numbers, pointers to memory that outlives the call and is large enough for what the kernel
    // writes, or addresses that nothing is mapped at.
    let result = unsafe { libc::syscall(number, args[0], args[1], args[2], args[3], args[4], args[5]) };
    if result < 0 { -i64::from(std::io::Error::last_os_error().raw_os_error().unwrap_or(0)) } else { result }
}

struct Program {
    slots: [i64; SLOTS],
}

impl Program {
    /// The errno, 0 for none.
    fn carry_out(&mut self, op: &Op) -> i64 {
        let mut strings = Vec::new();
        let mut buffer = vec![0_u64; 1024];
        let mut args = [0; 6];
        for (to, arg) in args.iter_mut().zip(&op.args) {
            *to = self.argument(arg, &mut strings, &mut buffer);
        }
        let result = match op.kind {
            Kind::Plain => call(op.call, args),
            Kind::Keep(slot) => {
                let fd = call(op.call, args);
                if fd >= 0 {
                    self.keep(slot, fd);
                }
                fd
            }
            Kind::Execute => execute(op.call, args),
            Kind::Socket => local_socket(op.call, &op.args),
        };
        // A file descriptor that nobody keeps.
        if matches!(op.kind, Kind::Plain) && op.opens() && result >= 0 {
            call(libc::SYS_close, [result, 0, 0, 0, 0, 0]);
        }
        (-result).max(0)
    }

    fn keep(&mut self, slot: usize, fd: i64) {
        let old = std::mem::replace(&mut self.slots[slot % SLOTS], fd);
        if old >= 0 {
            call(libc::SYS_close, [old, 0, 0, 0, 0, 0]);
        }
    }

    fn argument(&self, arg: &Arg, strings: &mut Vec<CString>, buffer: &mut [u64]) -> i64 {
        match arg {
            Arg::Number(number) => *number,
            Arg::Fd(slot) => self.slots[slot % SLOTS],
            Arg::Path(text) => {
                strings.push(CString::new(text.as_str()).unwrap());
                strings[strings.len() - 1].as_ptr() as i64
            }
            Arg::Buffer => buffer.as_mut_ptr() as i64,
            Arg::Times(times) => {
                for (to, time) in buffer.iter_mut().zip(times) {
                    *to = *time as u64;
                }
                buffer.as_mut_ptr() as i64
            }
            // Nothing is ever mapped in the first page.
            Arg::Nowhere => 8,
        }
    }
}

/// In a child: what is granted really becomes that program.
fn execute(number: i64, mut args: [i64; 6]) -> i64 {
    let leave = CString::new(LEAVE).unwrap();
    let strings = [leave.as_ptr(), leave.as_ptr(), std::ptr::null()];
    let at = if number == libc::SYS_execve { 1 } else { 2 };
    args[at] = strings.as_ptr() as i64;
    args[at + 1] = (&raw const strings[2]) as i64;
    // SAFETY: one thread; the child makes one call and leaves.
    unsafe {
        let mut ends = [0; 2];
        libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC);
        let child = libc::fork();
        if child == 0 {
            let result = call(number, args);
            libc::write(ends[1], (&raw const result).cast(), 8);
            libc::_exit(0);
        }
        libc::close(ends[1]);
        let mut result = 0_i64;
        libc::read(ends[0], (&raw mut result).cast(), 8);
        libc::close(ends[0]);
        libc::waitpid(child, std::ptr::null_mut(), 0);
        result
    }
}

/// `bind` or `connect` of a socket made for it.
fn local_socket(number: i64, args: &[Arg]) -> i64 {
    let Some(Arg::Path(path)) = args.first() else { return -i64::from(libc::EINVAL) };
    let mut address = (libc::AF_UNIX as u16).to_ne_bytes().to_vec();
    address.extend(path.as_bytes().iter().take(107));
    address.push(0);
    let kind = i64::from(libc::SOCK_STREAM | libc::SOCK_CLOEXEC);
    let socket = call(libc::SYS_socket, [libc::AF_UNIX.into(), kind, 0, 0, 0, 0]);
    let result = call(number, [socket, address.as_ptr() as i64, address.len() as i64, 0, 0, 0]);
    call(libc::SYS_close, [socket, 0, 0, 0, 0, 0]);
    result
}
