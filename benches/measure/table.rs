//! The table that a benchmark prints: what, figure, target, peer.

#![allow(unreachable_pub, clippy::print_stdout, reason = "a module of benchmarks")]

use std::time::Duration;

pub fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

pub fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}

pub fn head() {
    println!("{:<52} {:>12}  {:<8} peer", "", "median", "target");
}

pub fn row(what: &str, figure: &str, target: &str, peer: &str) {
    println!("{what:<52} {figure:>12}  {target:<8} {peer}");
}
