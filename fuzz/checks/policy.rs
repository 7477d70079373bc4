//! A policy file of arbitrary bytes: read, told, asked, and extended by a grant. What must hold for every text.

use std::path::Path;

use skilldeck::policy::decide::Call;
use skilldeck::policy::load::parse;
use skilldeck::policy::{EditError, Permission, Places, Remedy, Scope, add_grant};
use skilldeck::sandbox::event::{Layer, Operation};

const SKILL: &str = "/nowhere/skill";
const CALLS: [(Operation, &str, &str); 7] = [
    (Operation::Read, "/nowhere/else/data.csv", "openat"),
    (Operation::Write, "/nowhere/skill/out/a", "openat"),
    (Operation::Delete, "/nowhere/\u{1b}[2J", "unlink"),
    (Operation::Execute, "/usr/bin/sort", "execve"),
    (Operation::Connect, "api.example.org:443", "connect"),
    (Operation::Connect, "[::1]:80", "connect"),
    (Operation::Env, "TOKEN", ""),
];
const GRANTS: [(Permission, &str); 6] = [
    (Permission::Read, "./a b: #c"),
    (Permission::Write, "~/x"),
    (Permission::Net, "[2001:db8::1]:443"),
    (Permission::Net, "*.example.org"),
    (Permission::Run, "@coreutils"),
    (Permission::Env, "yes"),
];

pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let skill = Path::new(SKILL);
    let file = skill.join("policy.yaml");
    let places = Places { workspace: "/nowhere".into(), home: Some("/nowhere/home".into()) };
    let loaded = parse(text, &file, &places);
    for found in &loaded.diagnostics {
        assert!(found.span.line >= 1 && found.span.column >= 1, "{found:?}");
        assert!(found.span.start <= found.span.end && found.span.end <= text.len(), "{found:?}");
    }
    let policy = &loaded.policy;
    assert_eq!(policy.digest(), policy.clone().merged(policy.clone()).digest());
    for said in policy.describe() {
        assert!(!said.text.chars().any(char::is_control), "{said:?}");
    }
    let scope = Scope { policy, asked: Some(policy), skill, places: &places, own: &[] };
    let mut remedies: Vec<Remedy> =
        GRANTS.iter().map(|(permission, add)| Remedy::new(*permission, *add)).collect();
    for (operation, target, syscall) in CALLS {
        let ruling = scope.rule(&Call { operation, target, syscall, layer: Layer::Mount });
        assert!(!ruling.rule.is_empty());
        remedies.extend(ruling.remedy.into_iter().chain(ruling.alternatives));
    }
    for remedy in remedies {
        let edited = match add_grant(text, &remedy, &file, &places) {
            Ok(edited) => edited,
            Err(EditError::Broken { .. }) => {
                assert!(loaded.has_errors());
                continue;
            }
            Err(_) => continue,
        };
        assert!(!loaded.has_errors());
        let again = parse(&edited, &file, &places);
        assert!(!again.has_errors(), "{edited:?}");
        let had = |policy: &skilldeck::policy::Policy| policy.permissions_json();
        assert!(counts(&had(&again.policy)) >= counts(&had(policy)), "{edited:?}");
        // What is granted already changes nothing.
        assert_eq!(add_grant(&edited, &remedy, &file, &places).as_deref(), Ok(edited.as_str()));
    }
}

fn counts<T: ToString>(json: &T) -> usize {
    json.to_string().len()
}
