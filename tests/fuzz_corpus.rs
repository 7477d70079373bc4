//! The fuzz targets' checks, over the inputs kept in `fuzz/corpus`: seeds, and what fuzzing has found. Needs no fuzzer.

#![allow(clippy::unwrap_used)]

use std::path::Path;

#[path = "../fuzz/checks/arguments.rs"]
mod arguments;
#[path = "../fuzz/checks/dns.rs"]
mod dns;
#[path = "../fuzz/checks/manifest.rs"]
mod manifest;
#[path = "../fuzz/checks/policy.rs"]
mod policy;
#[path = "../fuzz/checks/skill.rs"]
mod skill;

/// Every input, whole and cut off at many places: a cut input is the cheapest odd one.
fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        check(&bytes);
        for cut in (0..bytes.len()).step_by(1 + bytes.len() / 64) {
            check(&bytes[..cut]);
        }
        count += 1;
    }
    assert!(count > 0, "no inputs for {target}");
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
