//! The fuzz targets' checks, over the inputs kept in `fuzz/corpus`: seeds, and what fuzzing has found. Needs no fuzzer.

#![allow(clippy::unwrap_used)]

use std::path::Path;

#[path = "../fuzz/checks/arguments.rs"]
mod arguments;
#[path = "../fuzz/checks/case.rs"]
mod case;
#[path = "../fuzz/checks/dns.rs"]
mod dns;
#[path = "../fuzz/checks/key.rs"]
mod key;
#[path = "../fuzz/checks/manifest.rs"]
mod manifest;
#[path = "../fuzz/checks/policy.rs"]
mod policy;
#[path = "../fuzz/checks/sanitizer.rs"]
mod sanitizer;
#[path = "../fuzz/checks/skill.rs"]
mod skill;
#[path = "../fuzz/checks/theme.rs"]
mod theme;

/// The inputs kept for a target, in the order of their names.
fn inputs(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "no inputs for {target}");
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Every input, whole and cut off at many places: a cut input is the cheapest odd one. Then inputs made of them.
fn replay(target: &str, check: fn(&[u8])) {
    let inputs = inputs(target);
    for bytes in &inputs {
        check(bytes);
        for cut in (0..bytes.len()).step_by(1 + bytes.len() / 64) {
            check(&bytes[..cut]);
        }
    }
    vary(&inputs, check);
}

/// What a fuzzer does, without one: a few random changes to a kept input. `FUZZ_ROUNDS` says how often; the first inputs
/// are always the same.
#[allow(clippy::print_stdout)] // what was found has to be seen
fn vary(inputs: &[Vec<u8>], check: fn(&[u8])) {
    let rounds = std::env::var("FUZZ_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(200);
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for _ in 0..rounds {
        let mut bytes = inputs[dice.below(inputs.len())].clone();
        for _ in 0..=dice.below(4) {
            change(&mut bytes, inputs, &mut dice);
        }
        if let Err(panic) = std::panic::catch_unwind(|| check(&bytes)) {
            println!("found by: b\"{}\"", bytes.escape_ascii());
            std::panic::resume_unwind(panic);
        }
    }
}

fn change(bytes: &mut Vec<u8>, inputs: &[Vec<u8>], dice: &mut Dice) {
    // Bytes that mean something in one format or another.
    const TELLING: &[u8] = b"\x00\x07\x1b\r\n\t \"'\\[]{}<>?:;,.-=#&*|~/0129aZ\x7f\x80\x9b\xc2\xe2\xf0\xff";
    let (from, to) = (dice.below(bytes.len() + 1), dice.below(bytes.len() + 1));
    let range = from.min(to)..from.max(to);
    match dice.below(6) {
        0 => bytes.insert(from, TELLING[dice.below(TELLING.len())]),
        1 if from < bytes.len() => bytes[from] = TELLING[dice.below(TELLING.len())],
        2 if from < bytes.len() => bytes[from] ^= 1 << dice.below(8),
        3 => drop(bytes.drain(range)),
        4 if bytes.len() < 4096 => {
            let again = bytes[range].to_vec();
            bytes.splice(to..to, again);
        }
        _ => {
            let other = &inputs[dice.below(inputs.len())];
            let (a, b) = (dice.below(other.len() + 1), dice.below(other.len() + 1));
            bytes.splice(from..from, other[a.min(b)..a.max(b)].iter().copied());
        }
    }
}

/// Random numbers that are the same every time (xorshift64*, S. Vigna, 2016).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound.max(1)
    }
}

#[test]
fn policies() {
    replay("policy", policy::check);
}

#[test]
fn arguments_of_calls() {
    replay("arguments", arguments::check);
}

#[test]
fn manifests() {
    replay("manifest", manifest::check);
}

#[test]
fn skills() {
    replay("skill", skill::check);
}

#[test]
fn output() {
    replay("sanitizer", sanitizer::check);
}

#[test]
fn keys() {
    replay("key", key::check);
}

#[test]
fn themes() {
    replay("theme", theme::check);
}

#[test]
fn files_of_cases() {
    replay("case", case::check);
}

#[test]
fn questions_to_the_name_server() {
    replay("dns", dns::check);
}

#[test]
fn decoding_reads_the_memory_it_is_given() {
    use skilldeck::sandbox::linux::fuzzing::decode;
    let seed = |name: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/arguments");
        decode(&std::fs::read(folder.join(name)).unwrap()).unwrap()
    };
    assert!(seed("openat.seed").contains("\"/etc/shadow\""), "{}", seed("openat.seed"));
    assert!(seed("execve.seed").contains("[\"/bin/sh\", \"-c\"]"), "{}", seed("execve.seed"));
    assert!(seed("connect.seed").contains("127.0.0.1:443"), "{}", seed("connect.seed"));
}
