//! The battery of attacks by the built binary: everything blocked, everything named, everything useful works.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod common;

use std::process::{Command, Stdio};

use common::{NOBODY, User, as_everybody, found, open_folder, skip};
use serde_json::Value;

fn probe(user: User, args: &[&str]) -> (Option<i32>, Value) {
    let folder = common::open_folder();
    let program = folder.path().join("skilldeck");
    common::copy_program(&program);
    let mut command = match user {
        User::Caller => Command::new(&program),
        User::Nobody => {
            let mut command = Command::new("setpriv");
            let id = NOBODY.to_string();
            command.args(["--reuid", &id, "--regid", &id, "--clear-groups"]).arg(&program);
            command
        }
    };
    command.args(["probe", "--format", "json"]).args(args).current_dir("/").stdin(Stdio::null());
    let output = command.output().unwrap();
    let found = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{user:?}: {error}: {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), found)
}

#[test]
fn the_whole_battery_holds() {
    as_everybody(|user| {
        let (code, found) = probe(user, &[]);
        let attacks = found["attacks"].as_array().unwrap();
        let useful = found["useful"].as_array().unwrap();
        assert!(attacks.len() >= 80, "{}", attacks.len());
        assert!(useful.len() >= 25, "{}", useful.len());
        let mut failures = Vec::new();
        for attack in attacks {
            let (ran, effect) = (attack["ran"] == true, &attack["effect"]);
            let named = attack["reported"] == true || attack["impossible"] == true;
            if !ran || !effect.is_null() || !named {
                failures.push(format!("{attack:#}"));
            }
        }
        failures.extend(useful.iter().filter(|one| one["ok"] != true).map(|one| format!("{one:#}")));
        assert!(failures.is_empty(), "{user:?}: {}", failures.join("\n"));
        assert_eq!(code, Some(0), "{user:?}");
        let totals = &found["totals"];
        let count = |name: &str| totals[name].as_u64().unwrap();
        assert_eq!(count("ran"), count("attacks"));
        assert_eq!(count("blocked"), count("attacks"));
        assert_eq!(count("reported") + count("impossible"), count("blocked"));
        assert_eq!(totals["useful_ok"], totals["useful"]);
    });
}

#[test]
fn one_attack_shows_its_evidence() {
    as_everybody(|user| {
        let (code, found) = probe(user, &["--only", "files/read-secret"]);
        assert_eq!(code, Some(0), "{user:?}: {found:#}");
        assert_eq!(found["version"], 1);
        assert!(found["isolation"]["layers"].is_object());
        let attack = &found["attacks"][0];
        assert_eq!((&attack["name"], &attack["group"]), (&"files/read-secret".into(), &"files".into()));
        assert_eq!(attack["blocked_by"], "mount");
        let evidence = attack["evidence"].as_array().unwrap();
        assert!(evidence.iter().any(|said| said.as_str().unwrap().starts_with("openat(")), "{evidence:?}");
        assert!(evidence.iter().any(|said| said.as_str().unwrap().starts_with("report: ")), "{evidence:?}");
        assert_eq!(found["useful"].as_array().unwrap().len(), 0);
    });
}

#[test]
fn what_a_policy_grants_is_told_with_its_line() {
    let folder = open_folder();
    let text = format!("permissions:\n  env: [NONE]\n  read: [{}]\n", folder.path().display());
    let policy = folder.path().join("wide.yaml");
    std::fs::write(&policy, text).unwrap();
    let run = |only: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_skilldeck"));
        // The probe's own things lie there, and so in what is granted.
        command.env("TMPDIR", folder.path()).args(["probe", "--format", "json", "--policy"]).arg(&policy);
        let output = command.args(["--only", only]).stdin(Stdio::null()).output().unwrap();
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), found["attacks"][0].clone())
    };
    let (code, secret) = run("files/read-secret");
    assert_eq!((code, &secret["granted"]), (Some(0), &true.into()), "{secret:#}");
    assert!(secret["effect"].as_str().unwrap().contains("was read"), "{secret:#}");
    let lines: Vec<&str> =
        secret["granted_by"].as_array().unwrap().iter().map(|l| l.as_str().unwrap()).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("wide.yaml:3") && lines[0].contains("read"), "{lines:?}");
    if found("python3") {
        let (code, vector) = run("python/read_ssh_key");
        assert_eq!((code, &vector["granted"]), (Some(0), &true.into()), "{vector:#}");
    }
    let (code, other) = run("files/overwrite");
    assert_eq!(
        (code, &other["granted"], &other["effect"]),
        (Some(0), &false.into(), &Value::Null),
        "{other:#}"
    );
}

#[test]
fn another_sandbox_is_shown_beside_this_one() {
    if !found("bwrap") {
        return;
    }
    // bwrap has no filter of calls, and says nothing of what it refuses.
    let (_, found) = probe(User::Caller, &["--only", "kernel/io-uring", "--compare", "bwrap"]);
    let compared = &found["attacks"][0]["compared"][0];
    assert_eq!(compared[0], "bwrap", "{found:#}");
    let effect = compared[1].as_str().unwrap();
    if effect == "did not run" {
        return skip("bwrap does not start here");
    }
    assert!(effect.contains("io_uring_setup"), "{found:#}");
    // This one stops the other sandbox's first process, which then never ends by itself.
    let (code, found) = probe(User::Caller, &["--only", "processes/ptrace-first", "--compare", "bwrap"]);
    assert_eq!((code, &found["attacks"][0]["compared"][0][0]), (Some(0), &"bwrap".into()), "{found:#}");
}

#[test]
fn bare_the_same_attack_is_real() {
    let (_, found) = probe(User::Caller, &["--only", "network/tcp-loopback", "--compare", "bare"]);
    let compared = &found["attacks"][0]["compared"][0];
    assert_eq!(compared[0], "bare", "{found:#}");
    assert!(compared[1].as_str().unwrap().contains("connection arrived"), "{found:#}");
}

#[test]
fn a_payload_does_nothing_outside() {
    let output = Command::new(env!("CARGO_BIN_EXE_skilldeck"))
        .args(["__payload", "kernel/io-uring", "nonce", "{}"])
        .output()
        .unwrap();
    assert_ne!(output.status.code(), Some(0));
    assert!(!String::from_utf8_lossy(&output.stdout).contains("io_uring"));
}
