//! What the README shows, done in a real terminal: a skill that is refused a file, a program and a host is brought from
//! its first run to green by a few keys, with nothing but what the screen says.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use super::pty::{Terminal, skilldeck};
use skilldeck::tui::key::Key;

/// As `assets/pictures.sh` types them for the film.
const KEYS: &str = include_str!("../../assets/demo/keys");
/// What is new on the screen after each of them.
const SEEN: [&str; 5] = ["✗ read", "✗ DENIED", "✗ execute", "✗ connect", "Version 1.4.0 is out"];
/// More would not be a short way.
const FEW: usize = 15;

#[test]
fn three_denials_become_green_in_a_few_keys() {
    let missing: Vec<&str> = ["python3", "git"].into_iter().filter(|program| !found(program)).collect();
    if !missing.is_empty() {
        eprintln!("skipped: {} not installed", missing.join(", "));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let port = publish(r#"{"version": "1.4.0"}"#);
    lay_out(folder.path(), port);
    let keys = Key::parse_all(KEYS.trim()).unwrap();
    assert!(keys.len() == SEEN.len() && keys.len() < FEW, "{} keys", keys.len());

    let mut terminal = Terminal::start(skilldeck(folder.path()), 100, 30);
    terminal.wait_for("release-notes");
    for (key, seen) in keys.iter().zip(SEEN) {
        terminal.keys(&typed(*key));
        terminal.wait(seen, |screen| screen.contains(seen) && !screen.contains("▶"));
    }
    terminal.wait_for("exit 0");
    let text = terminal.text();
    assert!(text.contains("nothing was refused"), "{text}");
    let policy = fs::read_to_string(folder.path().join(".skills/release-notes/policy.yaml")).unwrap();
    for wanted in ["docs/release.md]", "run: [git]", &format!("\"127.0.0.1:{port}\"")] {
        assert!(policy.contains(wanted), "no grant of {wanted}:\n{policy}");
    }
    assert_eq!(policy.lines().count(), 4, "and nothing else:\n{policy}");
}

/// As a terminal sends it.
fn typed(key: Key) -> String {
    match key.to_string().as_str() {
        "Enter" => "\r".to_owned(),
        letter => letter.to_owned(),
    }
}

fn found(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// A project with the skill, which asks the server at `port`.
fn lay_out(folder: &Path, port: u16) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/release-notes");
    let skill = folder.join(".skills/release-notes");
    fs::create_dir_all(skill.join("scripts")).unwrap();
    fs::create_dir_all(folder.join("docs")).unwrap();
    fs::write(folder.join("docs/release.md"), "Version {version} is out, from template {revision}.\n")
        .unwrap();
    fs::copy(source.join("SKILL.md"), skill.join("SKILL.md")).unwrap();
    let script = fs::read_to_string(source.join("scripts/notes.py")).unwrap();
    assert!(script.contains(":8137/"));
    fs::write(skill.join("scripts/notes.py"), script.replace(":8137/", &format!(":{port}/"))).unwrap();
}

/// A server of one page. Its port.
fn publish(page: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let _ = connection.read(&mut [0; 4096]);
            let length = page.len();
            let answer =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{page}");
            let _ = connection.write_all(answer.as_bytes());
        }
    });
    port
}
