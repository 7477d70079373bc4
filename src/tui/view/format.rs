//! Numbers as people read them.

use std::time::Duration;

pub(in crate::tui) fn bytes(n: u64) -> String {
    const STEPS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if n < 1024 {
        return format!("{n} B");
    }
    let mut value = n as f64 / 1024.0;
    let mut step = 0;
    while value >= 1023.95 && step + 1 < STEPS.len() {
        value /= 1024.0;
        step += 1;
    }
    let digits = usize::from(value < 99.95 && value.fract() >= 0.05 && value.fract() < 0.95);
    format!("{value:.digits$} {}", STEPS[step])
}

pub(in crate::tui) fn time(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if duration.is_zero() {
        "0 ms".to_owned()
    } else if seconds < 0.001 {
        format!("{:.2} ms", seconds * 1000.0)
    } else if seconds < 1.0 {
        format!("{:.0} ms", seconds * 1000.0)
    } else if seconds < 60.0 {
        format!("{seconds:.2} s")
    } else {
        format!("{}m {:02}s", duration.as_secs() / 60, duration.as_secs() % 60)
    }
}

/// A limit: `10 s`, without digits that nobody wrote.
pub(super) fn limit(duration: Duration) -> String {
    let whole = duration.subsec_nanos() == 0 && (1..60).contains(&duration.as_secs());
    if whole { format!("{} s", duration.as_secs()) } else { time(duration) }
}

pub(in crate::tui) fn millis(ms: u64) -> String {
    time(Duration::from_millis(ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(256 << 20), "256 MiB");
        assert_eq!(bytes((1 << 30) - 1), "1 GiB");
        assert_eq!(time(Duration::from_micros(250)), "0.25 ms");
        assert_eq!(time(Duration::from_millis(42)), "42 ms");
        assert_eq!(time(Duration::from_millis(1500)), "1.50 s");
        assert_eq!(time(Duration::from_secs(125)), "2m 05s");
        assert_eq!(limit(Duration::from_secs(10)), "10 s");
        assert_eq!(limit(Duration::from_millis(1500)), "1.50 s");
    }
}
