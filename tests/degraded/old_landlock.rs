//! An older Landlock: a tracer that changes what the kernel says of its version.
//!
//! The kernel goes on to know more, but whoever has asked uses no more than was answered. A filter stops the one call at
//! which the version is asked for (ptrace(2), PTRACE_O_TRACESECCOMP), so that nothing else is slowed down.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use crate::common::User;
use crate::machine::{self, Without, filter_of};

const NOTHING: *mut libc::c_void = std::ptr::null_mut();

/// Start the command's program under a tracer and see it to its end, with all that it starts. Returns its output.
pub(crate) fn run(mut command: Command, abi: u32, without: &[Without], user: User) -> Vec<u8> {
    machine::take(&mut command, user, without);
    // A thread of its own has no other children to wait for.
    std::thread::spawn(move || run_here(command, abi)).join().unwrap()
}

fn run_here(mut command: Command, abi: u32) -> Vec<u8> {
    let ask = seccompiler::SeccompAction::Trace(0);
    let stops = filter_of(libc::SYS_landlock_create_ruleset, None, ask);
    // SAFETY: plain system calls on data that was made before.
    unsafe {
        command.pre_exec(move || {
            if libc::ptrace(libc::PTRACE_TRACEME, 0, NOTHING, NOTHING) < 0 {
                return Err(io::Error::last_os_error());
            }
            seccompiler::apply_filter(&stops).map_err(io::Error::other)
        });
    }
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = Vec::new();
        io::Read::read_to_end(&mut stdout, &mut text).unwrap();
        text
    });
    trace(&child, abi);
    // Waited for already, with all others.
    let _ = child.wait();
    reader.join().unwrap()
}

fn trace(child: &Child, abi: u32) {
    let options = libc::PTRACE_O_TRACEFORK
        | libc::PTRACE_O_TRACEVFORK
        | libc::PTRACE_O_TRACECLONE
        | libc::PTRACE_O_TRACESECCOMP
        | libc::PTRACE_O_EXITKILL;
    let mut begun = false;
    loop {
        let mut status = 0;
        // SAFETY: one integer. Only this thread's tracees and children are waited for.
        let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL | libc::__WNOTHREAD) };
        if pid < 0 {
            return;
        }
        if !libc::WIFSTOPPED(status) {
            continue;
        }
        if !begun && pid == child.id() as i32 {
            begun = true;
            // SAFETY: a number as data.
            unsafe {
                libc::ptrace(libc::PTRACE_SETOPTIONS, pid, NOTHING, options as usize as *mut libc::c_void)
            };
        }
        let signal = libc::WSTOPSIG(status);
        if status >> 8 == libc::SIGTRAP | libc::PTRACE_EVENT_SECCOMP << 8 {
            answer(pid, abi);
        }
        // The first stop of a new tracee, and the stops of ptrace itself, are no signals of its own.
        let own = !matches!(signal, libc::SIGTRAP | libc::SIGSTOP);
        let passed = if own { signal as usize } else { 0 };
        // SAFETY: a number as data.
        unsafe { libc::ptrace(libc::PTRACE_CONT, pid, NOTHING, passed as *mut libc::c_void) };
    }
}

/// `landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION)` is not made, and has this result.
fn answer(pid: i32, abi: u32) {
    // SAFETY: a complete structure of registers.
    unsafe {
        let mut registers: libc::user_regs_struct = std::mem::zeroed();
        libc::ptrace(libc::PTRACE_GETREGS, pid, NOTHING, &raw mut registers);
        if registers.rdi == 0 && registers.rdx == 1 {
            registers.orig_rax = u64::MAX;
            registers.rax = abi.into();
            libc::ptrace(libc::PTRACE_SETREGS, pid, NOTHING, &raw mut registers);
        }
    }
}
