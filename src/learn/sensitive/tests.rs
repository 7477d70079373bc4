use super::*;
use crate::policy::parse;

fn said(permissions: &str, home: &Path) -> Option<String> {
    let places = Places { workspace: home.join("project"), home: Some(home.to_owned()) };
    let skill = home.join("project/.skills/demo");
    let variable = |name: &str| {
        let value = match name {
            "PLAIN" => "yes",
            "DATABASE_URL" => "postgres://ada:pw@db/x",
            "PROXY" => "http://proxy:3128",
            _ => return None,
        };
        Some(value.to_owned())
    };
    let loaded = parse(&format!("permissions: {permissions}\n"), &skill.join("policy.yaml"), &places);
    assert!(!loaded.has_errors(), "{permissions}: {:?}", loaded.diagnostics);
    why(&loaded.policy, &Surroundings { places: &places, skill: &skill, variable })
}

#[test]
fn secrets_are_left_to_the_user() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().canonicalize().unwrap();
    std::fs::create_dir_all(home.join(".config/gcloud")).unwrap();
    std::fs::create_dir_all(home.join("project/deep/er")).unwrap();
    std::fs::create_dir_all(home.join("plain")).unwrap();
    std::fs::write(home.join("project/deep/er/.env"), "A=1\n").unwrap();
    std::os::unix::fs::symlink(home.join(".config/gcloud"), home.join("plain-link")).unwrap();
    let token = format!("t = \"ghp_{}\"\n", "aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA1bC2");
    std::fs::write(home.join("plain/notes.txt"), token).unwrap();
    std::fs::write(home.join("plain/other.txt"), "nothing\n").unwrap();
    let decide = [
        "{read: [~/.ssh/id_rsa]}",
        "{read: [~/.ssh]}",
        "{read: [~/.config]}",
        "{read: [~/plain-link]}",
        "{read: [~/.bash_history]}",
        "{read: [/etc/shadow]}",
        "{read: [/home/somebody-else/notes]}",
        "{read: [\"${workspace}/.env\"]}",
        "{read: [\"${workspace}/deep\"]}",
        "{read: [~/plain/notes.txt]}",
        "{read: [~/server.pem]}",
        "{write: [~/.bashrc]}",
        "{write: [~/.local/bin]}",
        "{write: [\"${workspace}/.git/hooks\"]}",
        "{write: [\"${workspace}/.skills/other\"]}",
        "{net: [\"metadata.google.internal:80\"]}",
        "{env: [GITHUB_TOKEN]}",
        "{env: [DATABASE_URL]}",
        "{env: [openai_api_key]}",
        "{env: [LD_PRELOAD]}",
    ];
    for permissions in decide {
        assert!(said(permissions, &home).is_some(), "{permissions}");
    }
    let learned = [
        "{read: [~/plain/other.txt]}",
        "{read: [~/.config/tool.toml]}",
        "{read: [\"${workspace}/.env.example\"]}",
        "{read: [~/.bashrc]}",
        "{write: [\"${workspace}/out\", ./out]}",
        "{net: [\"api.example.org:443\"]}",
        "{env: [PLAIN]}",
        "{env: [PROXY]}",
        "{env: [EDITOR]}",
        "{env: [PWD]}",
        "{run: [git]}",
    ];
    for permissions in learned {
        assert_eq!(said(permissions, &home), None, "{permissions}");
    }
}
