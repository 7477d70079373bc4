#!/usr/bin/env python3
"""Try what a sandbox must refuse, and say what happened. Careful: leaves nothing behind where an attempt works."""

import argparse
import ctypes
import errno
import fcntl
import os
import platform
import socket
import stat
import subprocess
import sys
import tempfile
import termios
import time

HERE = os.path.dirname(os.path.abspath(__file__))
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]

# Numbers of system calls that Python has no function for.
NUMBERS = {
    "x86_64": dict(add_key=248, keyctl=250, setns=308, process_vm_readv=310, bpf=321, perf_event_open=298,
                   userfaultfd=323, io_uring_setup=425, open_by_handle_at=304, finit_module=313),
    "aarch64": dict(add_key=217, keyctl=219, setns=268, process_vm_readv=270, bpf=280, perf_event_open=241,
                    userfaultfd=282, io_uring_setup=425, open_by_handle_at=265, finit_module=273),
}
NR = NUMBERS.get(platform.machine(), {})

# Errors that mean that there was nothing to attack.
NOT_THERE = {errno.ENOENT, errno.ESRCH, errno.ENOTTY, errno.ENXIO, errno.ENODEV, errno.ECONNREFUSED}


class NotThere(Exception):
    """Nothing to attack here, and why."""


def check(result):
    """Turn the -1 of a C function into the OSError that it stands for."""
    if result == -1:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


# --- files ---------------------------------------------------------------------------------------------------


def read_shadow():
    with open("/etc/shadow") as stream:
        return f"read {len(stream.readline())} characters"


def read_ssh_key():
    with open(os.path.expanduser("~/.ssh/id_rsa")) as stream:
        return f"read {len(stream.readline())} characters"


def read_through_link():
    with tempfile.TemporaryDirectory() as folder:
        link = os.path.join(folder, "innocent.txt")
        os.symlink("/etc/shadow", link)
        with open(link) as stream:
            return f"read {len(stream.readline())} characters"


def read_through_proc_root():
    with open("/proc/1/root/etc/shadow") as stream:
        return f"read {len(stream.readline())} characters"


def write_own_manifest():
    with open(os.path.join(HERE, "..", "SKILL.md"), "r+"):
        return "opened for writing"


def write_system_folder():
    path = "/usr/red-team"
    with open(path, "x"):
        os.unlink(path)
        return "made a file in /usr"


def write_core_pattern():
    with open("/proc/sys/kernel/core_pattern", "r+"):
        return "opened for writing"


# --- secrets of the caller -----------------------------------------------------------------------------------


def environment_secrets():
    words = ("TOKEN", "SECRET", "PASSWORD", "API_KEY", "CREDENTIAL")
    found = [name for name in os.environ if any(word in name.upper() for word in words)]
    if not found:
        raise NotThere("no variable with a telling name")
    return "found " + ", ".join(found)


def environ_of_process_1():
    with open("/proc/1/environ", "rb") as stream:
        content = stream.read()
    if not content:
        raise NotThere("it is empty")
    return f"read {len(content)} bytes"


def memory_of_process_1():
    with open("/proc/1/mem", "rb"):
        return "opened"


def inherited_descriptors():
    # The one descriptor above 2 that belongs here is the one that lists the folder.
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            found += [os.readlink(f"/proc/self/fd/{name}")] if int(name) > 2 else []
        except FileNotFoundError:
            pass
    if not found:
        raise NotThere("none but the standard three")
    return "found " + ", ".join(found)


# --- network -------------------------------------------------------------------------------------------------


def connect_metadata():
    with socket.create_connection(("169.254.169.254", 80), timeout=2):
        return "connected"


def connect_host_name():
    with socket.create_connection(("example.com", 443), timeout=5):
        return "connected"


def send_datagram():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"\0", ("192.0.2.1", 53))
        return "sent"


def listen_on_port():
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
        server.bind(("0.0.0.0", 0))
        server.listen(1)
        only_loopback()
        return f"listens on port {server.getsockname()[1]}"


def see_interfaces():
    only_loopback()
    return "sees " + ", ".join(name for _, name in socket.if_nameindex())


def only_loopback():
    if [name for _, name in socket.if_nameindex()] == ["lo"]:
        raise NotThere("no interface but a loopback of its own")


def packet_socket():
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0):
        return "opened"


def container_daemon():
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect("/var/run/docker.sock")
        return "connected"


# --- programs and processes ----------------------------------------------------------------------------------


def start_program():
    return "ran: " + subprocess.run(["/usr/bin/id", "-u"], capture_output=True, text=True, check=True).stdout.strip()


def start_from_memory():
    with open("/usr/bin/true", "rb") as source:
        program = source.read()
    memory = os.memfd_create("program", 0)
    os.write(memory, program)
    subprocess.run([f"/proc/self/fd/{memory}"], pass_fds=[memory], check=True)
    return "ran"


def signal_process_1():
    os.kill(1, 0)
    return "may signal process 1"


def signal_everybody():
    os.kill(-1, 0)
    return "may signal other processes"


def trace_process():
    PTRACE_SEIZE = 0x4206
    check(LIBC.ptrace(PTRACE_SEIZE, os.getppid(), None, None))
    return "traces its parent"


def read_foreign_memory():
    check(LIBC.syscall(NR["process_vm_readv"], os.getppid(), None, 0, None, 0, 0))
    return "may read its parent's memory"


def type_into_terminal():
    try:
        terminal = os.open("/dev/tty", os.O_RDWR)
    except OSError:
        terminal = 0
    fcntl.ioctl(terminal, termios.TIOCSTI, b"\0")
    return "typed a character"


# --- the kernel's view of the world --------------------------------------------------------------------------


def mount_file_system():
    with tempfile.TemporaryDirectory() as folder:
        check(LIBC.mount(b"none", folder.encode(), b"tmpfs", 0, None))
        LIBC.umount2(folder.encode(), 2)
        return "mounted and unmounted"


def new_user_namespace():
    CLONE_NEWUSER = 0x10000000
    check(LIBC.unshare(CLONE_NEWUSER))
    return "made"


def change_root():
    os.chroot("/tmp")
    return "changed"


def join_namespace():
    namespace = os.open("/proc/1/ns/net", os.O_RDONLY)
    check(LIBC.syscall(NR["setns"], namespace, 0))
    return "joined"


def make_device():
    with tempfile.TemporaryDirectory() as folder:
        os.mknod(os.path.join(folder, "disk"), 0o600 | stat.S_IFBLK, os.makedev(8, 0))
        return "made"


def open_by_handle():
    root = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    handle = ctypes.create_string_buffer(b"\x08\0\0\0\x01\0\0\0\x02\0\0\0\0\0\0\0", 24)
    check(LIBC.syscall(NR["open_by_handle_at"], root, handle, os.O_RDONLY))
    return "opened a file by its number"


# --- system calls that a script does not need ----------------------------------------------------------------


def add_key():
    THREAD_KEYRING = -1
    check(LIBC.syscall(NR["add_key"], b"user", b"red-team", b"x", 1, THREAD_KEYRING))
    return "added"


def read_session_keyring():
    KEYCTL_DESCRIBE, SESSION_KEYRING = 6, -3
    check(LIBC.syscall(NR["keyctl"], KEYCTL_DESCRIBE, SESSION_KEYRING, None, 0))
    return "described"


def io_uring():
    parameters = ctypes.create_string_buffer(120)
    os.close(check(LIBC.syscall(NR["io_uring_setup"], 1, parameters)))
    return "set up"


def bpf_program():
    BPF_MAP_CREATE, ARRAY = 0, 2
    attributes = (ctypes.c_uint32 * 32)(ARRAY, 4, 4, 1)
    os.close(check(LIBC.syscall(NR["bpf"], BPF_MAP_CREATE, attributes, 128)))
    return "made a map"


def performance_events():
    SOFTWARE_CLOCK = (ctypes.c_uint32 * 28)(1, 112)
    os.close(check(LIBC.syscall(NR["perf_event_open"], SOFTWARE_CLOCK, 0, -1, -1, 0)))
    return "opened"


def user_fault_handler():
    os.close(check(LIBC.syscall(NR["userfaultfd"], 0)))
    return "opened"


def load_module():
    nothing = os.open(os.devnull, os.O_RDONLY)
    check(LIBC.syscall(NR["finit_module"], nothing, b"", 0))
    return "loaded"


ATTEMPTS = [
    read_shadow, read_ssh_key, read_through_link, read_through_proc_root,
    write_own_manifest, write_system_folder, write_core_pattern,
    environment_secrets, environ_of_process_1, memory_of_process_1, inherited_descriptors,
    connect_metadata, connect_host_name, send_datagram, listen_on_port, see_interfaces, packet_socket, container_daemon,
    start_program, start_from_memory, signal_process_1, signal_everybody, trace_process, read_foreign_memory,
    type_into_terminal,
    mount_file_system, join_namespace, make_device, open_by_handle,
    add_key, read_session_keyring, io_uring, bpf_program, performance_events, user_fault_handler, load_module,
    # Last: where they work, this program has other rights, and another view, from there on.
    new_user_namespace, change_root,
]


# --- limits --------------------------------------------------------------------------------------------------


def open_files(bound=4096):
    held = []
    try:
        while len(held) < bound:
            held.append(open(os.devnull))
    finally:
        for stream in held:
            stream.close()
    return f"{bound} files open at once"


def file_size(bound=64 * 1024 * 1024):
    with tempfile.TemporaryFile() as stream:
        for _ in range(bound // 65536):
            stream.write(b"\0" * 65536)
            stream.flush()
    return f"wrote {bound:,} bytes"


def processes(bound=200):
    children = []
    try:
        while len(children) < bound:
            child = os.fork()
            if child == 0:
                time.sleep(5)
                os._exit(0)
            children.append(child)
    finally:
        for child in children:
            os.kill(child, 9)
            os.waitpid(child, 0)
    return f"{bound} processes at once"


def memory(bound=1024 * 1024 * 1024):
    held = []
    for _ in range(bound // (16 * 1024 * 1024)):
        held.append(b"\1" * (16 * 1024 * 1024))
    return f"held {bound:,} bytes"


LIMITS = [open_files, file_size, processes, memory]


# --- the table -----------------------------------------------------------------------------------------------


def attempt(function):
    """(result, errno, detail) of one attempt."""
    try:
        return "WORKED", "", function()
    except NotThere as reason:
        return "not there", "", str(reason)
    except KeyError as name:
        return "not there", "", f"number of {name} is not known on {platform.machine()}"
    except socket.gaierror as error:
        return "refused", f"EAI {error.errno}", error.strerror
    except TimeoutError:
        return "refused", "ETIMEDOUT", "no answer"
    except OSError as error:
        code = errno.errorcode.get(error.errno, str(error.errno))
        return "not there" if error.errno in NOT_THERE else "refused", code, error.strerror or ""
    except (MemoryError, subprocess.SubprocessError) as error:
        return "refused", "", str(error) or "no memory"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", action="store_true", help="print the names of the attempts and stop")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="make only these attempts")
    parser.add_argument("--limits", action="store_true", help="use up files, processes and memory as well")
    args = parser.parse_args()

    known = {function.__name__: function for function in ATTEMPTS + LIMITS}
    if args.list:
        print("\n".join(known))
        return 0
    unknown = [name for name in args.only or [] if name not in known]
    if unknown:
        parser.error(f"no such attempt: {', '.join(unknown)} (see --list)")
    chosen = [known[name] for name in args.only] if args.only else ATTEMPTS + (LIMITS if args.limits else [])

    worked = 0
    print(f"{'attempt':<24}{'result':<12}{'errno':<14}detail")
    for function in chosen:
        print(f"{function.__name__:<24}", end="", flush=True)
        result, code, detail = attempt(function)
        print(f"{result:<12}{code:<14}{detail}", flush=True)
        worked += result == "WORKED"
    print(f"\n{len(chosen)} attempts, {worked} worked")
    return 1 if worked else 0


if __name__ == "__main__":
    sys.exit(main())
