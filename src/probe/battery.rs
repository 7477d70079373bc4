//! The table of attacks: name, payload, the words of which the report must hold one, and whether it is harmless bare.

use super::payload::{Out, files, grants, kernel, network, processes, resources, supervisor, terminal};

/// One attack.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attack {
    pub name: &'static str,
    pub payload: fn(&mut Out<'_>),
    /// Words for [`super::judge`], with the facts in braces: one of those parted by `|`, all of those parted by `&`.
    pub named: &'static str,
    /// Outside a sandbox it would touch nothing but canaries.
    pub harmless: bool,
    /// What the policy grants besides, for attacks on grants: YAML, with the facts in braces.
    pub grants: &'static str,
}

impl Attack {
    pub(super) fn group(&self) -> &'static str {
        self.name.split_once('/').map_or(self.name, |(group, _)| group)
    }
}

/// The attack of this name.
pub(super) fn find(name: &str) -> Option<&'static Attack> {
    all().find(|attack| attack.name == name)
}

pub(super) fn all() -> impl Iterator<Item = &'static Attack> {
    [FILES, PROCESSES, KERNEL, NETWORK, TERMINAL, RESOURCES, SUPERVISOR].into_iter().flatten()
}

type Payload = fn(&mut Out<'_>);

const fn attack(name: &'static str, payload: Payload, named: &'static str) -> Attack {
    Attack { name, payload, named, harmless: false, grants: "" }
}

/// An attack that can be shown to be real outside, too.
const fn harmless(name: &'static str, payload: Payload, named: &'static str) -> Attack {
    Attack { name, payload, named, harmless: true, grants: "" }
}

/// An attack on what is granted: its border, or its holder.
const fn under(grants: &'static str, attack: Attack) -> Attack {
    Attack { grants, ..attack }
}

#[rustfmt::skip]
const FILES: &[Attack] = &[
    attack("files/read-secret", files::read_secret, "{secret}"),
    attack("files/read-shadow", files::read_passwd_hashes, "/etc/shadow"),
    harmless("files/read-ssh-key", files::read_ssh_key, "{ssh_key}"),
    harmless("files/dot-dot", files::read_by_dots, "{secret}"),
    harmless("files/symlink-to-secret", files::read_by_symlink, "{secret}"),
    attack("files/hardlink-secret", files::hardlink_secret, "{secret}|/scratch/hard"),
    attack("files/overwrite", files::overwrite, "{overwrite}"),
    attack("files/create-outside", files::create_outside, "{folder}"),
    attack("files/delete-outside", files::delete_outside, "{overwrite}"),
    attack("files/rename-outside", files::rename_outside, "{overwrite}|{folder}"),
    attack("files/truncate-outside", files::truncate_outside, "{overwrite}"),
    attack("files/own-skill-md", files::own_manifest, "{skill}/SKILL.md"),
    attack("files/own-policy", files::own_policy, "{skill}/policy.yaml"),
    attack("files/own-program", files::own_program, "{skill}/scripts/probe"),
    attack("files/plant-in-skill", files::plant_in_skill, "{skill}/.envrc"),
    attack("files/write-usr-bin", files::write_system, "/usr/bin/skilldeck-probe-planted"),
    attack("files/write-etc", files::write_etc, "/etc/passwd"),
    attack("files/remount", files::remount, "mount"),
    attack("files/umount", files::umount, "umount2"),
    attack("files/bind-mount", files::bind_mount, "mount"),
    attack("files/mount-setattr", files::mount_setattr, "mount_setattr"),
    attack("files/open-tree", files::open_tree, "open_tree"),
    attack("files/fsopen", files::fsopen, "fsopen"),
    attack("files/pivot-root", files::pivot_root, "pivot_root"),
    attack("files/chroot", files::chroot, "chroot"),
    attack("files/open-by-handle", files::by_handle, "open_by_handle_at"),
    harmless("files/leaked-descriptors", files::leaked_descriptors, ""),
    harmless("files/memfd-exec", files::memfd_exec, "memfd_create"),
    harmless("files/exec-copied", files::exec_copied, "/tmp/copied"),
    harmless("files/exec-ungranted", files::exec_ungranted, "/usr/bin/id"),
    harmless("files/exec-by-loader", files::exec_loader, "ld-linux-x86-64"),
    attack("files/exec-setuid", files::exec_setuid, "/usr/bin/su"),
    attack("files/devices", files::devices, "/dev/mem"),
    attack("files/mknod", files::mknod, "mknod"),
    attack("files/setuid-bit", files::setuid_bit, "chmod"),
    attack("files/trusted-attribute", files::trusted_attribute, "setxattr"),
    attack("files/by-descriptor", files::by_descriptor, "{skill}/SKILL.md"),
    under("permissions: {read: ['{shown}']}\ndeny: {read: ['{shown}/closed']}\n",
        attack("files/denied-in-grant", grants::denied_file, "{shown}/closed")),
    under("permissions: {write: ['{granted}']}\ndeny: {read: ['{granted}/closed/secret']}\n",
        attack("files/denied-and-moved", grants::denied_moved, "{granted}/closed&{granted}/closed/secret")),
    under("permissions: {write: ['{skill}']}\n",
        attack("files/policy-in-grant", grants::own_policy, "{skill}/policy.yaml")),
    under("permissions: {read: ['{project}']}\n",
        attack("files/hooks-of-project", grants::hooks,
            "{project}/.git/hooks/pre-commit&{project}/.envrc&{project}/.vscode/tasks.json&{project}/.mcp.json&{project}/.git/config")),
    under("permissions: {write: ['{granted}']}\n",
        attack("files/owners-rights-in-grant", grants::owners_rights, "chmod")),
    under("permissions: {write: ['{granted}']}\n",
        attack("files/pipe-in-grant", grants::pipe_left, "change:{granted}/pipe")),
    under("permissions: {run: [\"true\"]}\n",
        attack("files/swapped-program", grants::other_program, "/usr/bin/false")),
    attack("files/swapped-link", files::swapped_link, "{secret}"),
    attack("files/swapped-path", files::swapped_path, "{secret}"),
    harmless("files/magic-links", files::magic_links, "{secret}"),
];

#[rustfmt::skip]
const PROCESSES: &[Attack] = &[
    attack("processes/kill-host", processes::kill_host, "kill"),
    attack("processes/kill-all", processes::kill_all, "kill"),
    attack("processes/kill-first", processes::kill_first, "kill"),
    attack("processes/kill-host-group", processes::kill_group, "kill"),
    attack("processes/tgkill-host", processes::tgkill, "tgkill"),
    attack("processes/sigqueue-host", processes::sigqueue, "rt_sigqueueinfo"),
    attack("processes/pidfd-host", processes::pidfd_signal, "pidfd_send_signal|pidfd_open"),
    attack("processes/pidfd-first", processes::pidfd_first, "pidfd_getfd"),
    attack("processes/ptrace-me", processes::ptrace_me, "ptrace"),
    attack("processes/ptrace-first", processes::ptrace_first, "ptrace"),
    attack("processes/signal-first", processes::signal_first, "process 1"),
    attack("processes/places-of-first", processes::first_places, "/proc/1/fd&/proc/1/root&/proc/1/cwd&/proc/1/maps&/proc/1/exe&/proc/1/ns"),
    attack("processes/memory-of-first", processes::foreign_memory, "process_vm_readv"),
    attack("processes/proc-mem", processes::first_memory, "/proc/1/mem"),
    attack("processes/environ-of-first", processes::first_environment, "/proc/1/environ"),
    attack("processes/environ-of-host", processes::host_environment, "{environ}"),
    attack("processes/list-host", processes::list_host, "{cmdline}"),
    attack("processes/kcmp", processes::kcmp, "kcmp"),
    attack("processes/setuid-root", processes::setuid_root, "setuid"),
    attack("processes/groups", processes::groups, "setgroups"),
    attack("processes/capset", processes::capset, "capset"),
    attack("processes/ambient-capability", processes::ambient, "prctl"),
    attack("processes/core-dump", processes::core_dump, "prlimit64"),
    attack("processes/user-map", processes::user_map, "uid_map"),
    attack("processes/oom-score", processes::oom_score, "oom_score_adj"),
    attack("processes/real-time", processes::real_time, "sched_setscheduler"),
    attack("processes/nice", processes::nice, "setpriority"),
    harmless("processes/environment", processes::environment, "{variable}"),
    attack("processes/any-tracer", processes::tracer, "prctl"),
    attack("processes/move-memory", processes::move_memory, "prctl"),
    attack("processes/raise-limits", processes::limits_of_first, "prlimit64"),
    attack("processes/stay-behind", processes::stay, "outcome:left behind"),
];

#[rustfmt::skip]
const KERNEL: &[Attack] = &[
    harmless("kernel/foreign-architecture", kernel::foreign_architecture, "signal:SIGSYS"),
    attack("kernel/x32-numbers", kernel::x32, "syscall"),
    attack("kernel/unknown-numbers", kernel::unknown_numbers, "syscall"),
    harmless("kernel/io-uring", kernel::io_uring, "io_uring_setup"),
    attack("kernel/clone3-namespace", kernel::clone3, "clone"),
    attack("kernel/clone-user", kernel::clone_user, "clone"),
    attack("kernel/clone-network", kernel::clone_network, "clone"),
    attack("kernel/unshare-user", kernel::unshare_user, "unshare"),
    attack("kernel/unshare-mount", kernel::unshare_mount, "unshare"),
    attack("kernel/nested-proc", kernel::nested_proc, "unshare"),
    attack("kernel/setns", kernel::setns, "setns"),
    harmless("kernel/openat2", kernel::openat2, "{secret}"),
    attack("kernel/own-listener", kernel::own_listener, "seccomp"),
    attack("kernel/own-filter", kernel::own_filter, "seccomp"),
    attack("kernel/filter-by-prctl", kernel::filter_by_prctl, "prctl"),
    attack("kernel/core-pattern", kernel::core_pattern, "core_pattern"),
    attack("kernel/sysctl", kernel::sysctl, "/proc/sys"),
    attack("kernel/sysrq", kernel::sysrq, "sysrq-trigger"),
    attack("kernel/kcore", kernel::kcore, "kcore"),
    attack("kernel/kallsyms", kernel::kallsyms, "kallsyms"),
    attack("kernel/syslog", kernel::kernel_log, "syslog"),
    attack("kernel/release-agent", kernel::release_agent, "/sys/fs/cgroup"),
    attack("kernel/sys-files", kernel::sys_files, "/sys/"),
    attack("kernel/perf-event", kernel::perf, "perf_event_open"),
    attack("kernel/bpf", kernel::bpf, "bpf"),
    attack("kernel/userfaultfd", kernel::userfaultfd, "userfaultfd"),
    attack("kernel/kexec", kernel::kexec, "kexec_load"),
    attack("kernel/modules", kernel::modules, "init_module"),
    attack("kernel/clock", kernel::clock, "settimeofday"),
    attack("kernel/io-ports", kernel::ports, "iopl"),
    attack("kernel/personality", kernel::personality, "personality"),
    attack("kernel/modify-ldt", kernel::modify_ldt, "modify_ldt"),
    attack("kernel/keyring", kernel::keyring, "keyctl"),
    attack("kernel/add-key", kernel::add_key, "add_key"),
    attack("kernel/sysv-memory", kernel::shared_memory, "shmget"),
    attack("kernel/message-queues", kernel::message_queue, "msgget"),
    attack("kernel/hostname", kernel::hostname, "sethostname"),
    attack("kernel/reboot", kernel::reboot, "reboot"),
    attack("kernel/swap-and-accounts", kernel::swap_and_account, "swapon"),
    attack("kernel/fanotify", kernel::fanotify, "fanotify_init"),
    attack("kernel/secret-memory", kernel::secret_memory, "memfd_secret"),
    attack("kernel/crash", kernel::crash, "signal:SIGABRT"),
];

#[rustfmt::skip]
const NETWORK: &[Attack] = &[
    harmless("network/tcp-loopback", network::tcp_loopback, "127.0.0.1:{tcp4}"),
    harmless("network/tcp-loopback-6", network::tcp_loopback6, "::1:{tcp6}|[::1]:{tcp6}"),
    harmless("network/tcp-mapped", network::tcp_mapped, "127.0.0.1:{tcp4}|:{tcp4}"),
    harmless("network/tcp-any", network::tcp_any, ":{tcp4}"),
    attack("network/metadata", network::metadata, "169.254.169.254:80"),
    attack("network/internet", network::internet, "192.0.2.80:443"),
    harmless("network/udp-loopback", network::udp_loopback, "127.0.0.1:{udp}"),
    harmless("network/udp-connected", network::udp_connected, "127.0.0.1:{udp}"),
    harmless("network/udp-message", network::udp_message, "127.0.0.1:{udp}"),
    attack("network/dns", network::dns, "192.0.2.53:53"),
    attack("network/raw-icmp", network::raw_ip, "socket"),
    attack("network/ping", network::ping, "socket|127.0.0.1:0|sendto"),
    harmless("network/unix-path", network::unix_path, "{socket}"),
    harmless("network/unix-abstract", network::unix_abstract, "connect"),
    attack("network/netlink", network::netlink, "socket"),
    attack("network/netfilter", network::netfilter, "socket"),
    attack("network/packet", network::packet, "socket"),
    attack("network/vsock", network::vsock, "socket"),
    attack("network/crypto", network::crypto, "socket"),
    attack("network/bluetooth", network::bluetooth, "socket"),
    attack("network/rare-families", network::rare_families, "socket"),
    harmless("network/mptcp", network::multipath, "socket|127.0.0.1:{tcp4}"),
    harmless("network/fast-open", network::fast_open, "MSG_FASTOPEN"),
    attack("network/rare-protocols", network::rare_protocols, "socket"),
    harmless("network/serve", network::serve, ""),
    attack("network/second-message", network::second_message, "192.0.2.80:443"),
    under("permissions: {net: ['127.0.0.1:{granted_port}']}\n",
        attack("network/other-port", grants::other_port, "127.0.0.1:{tcp4}&127.0.0.1:{udp}")),
    under("permissions: {net: ['127.0.0.1:{granted_port}']}\n",
        attack("network/swapped-address", grants::swapped_address, "127.0.0.1:{tcp4}")),
    under("permissions: {net: ['127.0.0.1:{granted_port}']}\n",
        attack("network/handed-over", grants::handed_over, "127.0.0.1:{tcp4}")),
    under("permissions: {read: ['{shown}']}\n",
        attack("network/unix-in-grant", grants::socket_in_folder, "{shown}/socket")),
    under("permissions: {read: ['{shown}']}\n",
        attack("network/unix-datagram", grants::datagram_in_folder, "socket&socketpair")),
    attack("network/bind-to-device", network::bind_device, "setsockopt"),
    attack("network/control-sockets", network::control_sockets, "docker.sock|/run/dbus"),
];

#[rustfmt::skip]
const TERMINAL: &[Attack] = &[
    attack("terminal/tiocsti", terminal::inject, "ioctl"),
    attack("terminal/tiocsti-wide", terminal::inject_wide, "ioctl"),
    attack("terminal/tioclinux", terminal::paste, "ioctl"),
    attack("terminal/take-terminal", terminal::take, "ioctl"),
    attack("terminal/open-terminal", terminal::open_terminal, "/dev/tty"),
    attack("terminal/escapes-in-output", terminal::output, "{secret}"),
    attack("terminal/escapes-in-names", terminal::file_name, "/usr/|/etc/|{folder}"),
    attack("terminal/escapes-in-program", terminal::program_name, "{secret}"),
];

#[rustfmt::skip]
const RESOURCES: &[Attack] = &[
    attack("resources/fork-bomb", resources::fork_bomb, "limit:processes"),
    attack("resources/thread-bomb", resources::thread_bomb, "limit:processes"),
    attack("resources/memory", resources::memory, "limit:memory"),
    attack("resources/memory-of-children", resources::memory_of_children, "limit:memory"),
    attack("resources/shared-memory", resources::shared_memory, "limit:memory"),
    attack("resources/file-size", resources::file_size, "limit:file_size"),
    attack("resources/scratch-fill", resources::scratch, "limit:scratch"),
    attack("resources/inode-fill", resources::inodes, "limit:scratch|limit:wall|limit:cpu"),
    attack("resources/descriptors", resources::descriptors, "limit:open_files"),
    attack("resources/cpu-spin", resources::spin, "limit:cpu"),
    attack("resources/cpu-of-children", resources::spin_of_children, "limit:cpu"),
    attack("resources/sleep-forever", resources::sleep, "limit:wall"),
    attack("resources/ignore-signals", resources::ignore_signals, "limit:wall|limit:cpu"),
    attack("resources/output-flood", resources::flood, "limit:output"),
    attack("resources/sparse-file", resources::sparse, "limit:file_size|limit:scratch"),
    attack("resources/huge-mapping", resources::huge_mapping, "limit:memory"),
];

#[rustfmt::skip]
const SUPERVISOR: &[Attack] = &[
    attack("supervisor/flood", supervisor::flood, "{secret}"),
    attack("supervisor/many-names", supervisor::many_names, "{secret}"),
    attack("supervisor/exit-while-waiting", supervisor::exit_while_waiting, "{secret}"),
    attack("supervisor/signal-storm", supervisor::signal_storm, "{secret}"),
    attack("supervisor/bad-pointers", supervisor::bad_pointers, "{secret}"),
    attack("supervisor/long-path", supervisor::long_path, "{secret}"),
    attack("supervisor/page-end", supervisor::page_end, "{secret}"),
    attack("supervisor/strange-numbers", supervisor::strange_numbers, "{secret}"),
    attack("supervisor/undumpable", supervisor::undumpable, "{secret}"),
    attack("supervisor/own-folder", supervisor::own_folder, "{secret}"),
    harmless("supervisor/forged-words", supervisor::forged_words, "{secret}"),
    attack("supervisor/many-forks", supervisor::many_forks, "{secret}"),
];
