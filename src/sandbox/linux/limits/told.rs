//! How a limit that was reached is told: as a hit, as an outcome, in a sentence.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::sandbox::event::{LimitHit, Outcome, OutcomeKind, Resource, Usage};
use crate::sandbox::plan::Limits;

/// A limit for which the run was ended.
pub(in super::super) fn killed(
    (resource, limit, observed): super::Exceeded,
    by: &str,
    now: Duration,
) -> LimitHit {
    LimitHit {
        resource,
        limit,
        observed,
        enforced_by: by.into(),
        at_ms: now.as_millis() as u64,
        effect: LimitHit::KILLED.into(),
    }
}

/// The outcome of a program that ended by itself: wait(2). Signals that stand for a limit are named as such.
pub(in super::super) fn from_status(status: i32, limits: &Limits) -> Outcome {
    let signal = status & 0x7f;
    let plain =
        Outcome { kind: OutcomeKind::Exited, code: None, signal: None, limit: None, message: String::new() };
    if signal == 0 {
        let code = (status >> 8) & 0xff;
        return Outcome { code: Some(code), message: format!("exited with status {code}"), ..plain };
    }
    let name =
        Signal::try_from(signal).map_or_else(|_| format!("signal {signal}"), |signal| signal.to_string());
    let limit = match signal {
        libc::SIGXCPU => Some(Resource::Cpu),
        libc::SIGXFSZ => Some(Resource::FileSize),
        _ => None,
    };
    let message = match (limit, signal) {
        (Some(resource), _) => sentence(resource, limits, limits.cpu),
        (None, libc::SIGSYS) => "ended by SIGSYS: a system call of a foreign architecture".into(),
        (None, _) => format!("ended by {name}"),
    };
    let kind = if limit.is_some() { OutcomeKind::Limit } else { OutcomeKind::Signaled };
    Outcome { kind, signal: Some(name), limit, message, ..plain }
}

/// The limit hit behind an outcome that the kernel's own signal brought about.
pub(in super::super) fn from_signal(
    outcome: &Outcome,
    limits: &Limits,
    usage: &Usage,
    now: Duration,
) -> Option<LimitHit> {
    let signal = outcome.signal.as_ref()?;
    let resource = outcome.limit?;
    let (limit, observed) = match resource {
        Resource::Cpu => (limits.cpu.as_millis() as u64, usage.cpu_ms.max(limits.cpu.as_millis() as u64)),
        Resource::FileSize => (limits.file_size, limits.file_size),
        _ => return None,
    };
    Some(LimitHit { effect: signal.clone(), ..killed((resource, limit, observed), super::KERNEL, now) })
}

/// The end of a run by a limit, in one sentence.
pub(in super::super) fn sentence(resource: Resource, limits: &Limits, duration: Duration) -> String {
    let mib = |bytes: u64| format!("{:.1} MiB", bytes as f64 / (1024.0 * 1024.0));
    match resource {
        Resource::Wall => format!("still running after {:.1} s: wall limit", duration.as_secs_f64()),
        Resource::Cpu => {
            format!("used more than {:.1} s of processor time: cpu limit", limits.cpu.as_secs_f64())
        }
        Resource::Memory => format!("used more than {}: memory limit", mib(limits.memory)),
        Resource::FileSize => format!("wrote a file longer than {}: file_size limit", mib(limits.file_size)),
        Resource::Scratch => format!("wrote more than {} of scratch: scratch limit", mib(limits.scratch)),
        Resource::OpenFiles => format!("opened more than {} files: open_files limit", limits.open_files),
        Resource::Processes => format!("started more than {} processes: processes limit", limits.processes),
        Resource::Output => format!("printed more than {}: output limit", mib(limits.output)),
    }
}
