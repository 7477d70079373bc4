use super::*;
use crate::policy::{Places, parse};

const SKILL: &str = "/w/.skills/demo";

fn policy(permissions: &str) -> Policy {
    let places = Places { workspace: "/w".into(), home: Some("/home/ada".into()) };
    let text = format!("permissions: {permissions}\n");
    let loaded = parse(&text, &Path::new(SKILL).join("policy.yaml"), &places);
    assert!(!loaded.has_errors(), "{:?}", loaded.diagnostics);
    loaded.policy
}

/// A run under a policy that was let do these things: `read /w/a`, `connect api.example.org:443`.
fn run(permissions: &str, did: &[&str]) -> Report {
    let mut report = crate::tui::tests::reports::report(Path::new(SKILL));
    report.policy.permissions = policy(permissions).permissions_json();
    report.observe = Some(Observe::Full);
    (report.files, report.network) = (Vec::new(), Vec::new());
    for (word, target) in did.iter().map(|did| did.split_once(' ').unwrap()) {
        let operation: Operation = serde_json::from_value(word.into()).unwrap();
        if operation == Operation::Connect {
            let (host, port) = target.rsplit_once(':').unwrap();
            let is_address = host.parse::<std::net::IpAddr>().is_ok();
            report.network.push(NetworkAttempt {
                host: (!is_address).then(|| host.to_owned()),
                address: is_address.then(|| host.to_owned()),
                port: port.parse().unwrap(),
                protocol: "tcp".into(),
                verdict: Verdict::Allowed,
                count: 1,
                at_ms: None,
            });
        } else {
            let (path, verdict) = (target.into(), Verdict::Allowed);
            report.files.push(FileAccess { path, operation, verdict, count: 1, at_ms: None });
        }
    }
    report
}

fn review(permissions: &str, runs: &[Report]) -> Vec<GrantUse> {
    let mut tally = Tally::new(&policy(permissions), Path::new(SKILL));
    for run in runs {
        tally.take(run);
    }
    tally.finish()
}

/// `needed`, `unneeded`, `unknown`, or what would do instead.
fn standings(permissions: &str, did: &[&str]) -> Vec<String> {
    let word = |grant: GrantUse| match grant.standing {
        Standing::Needed => "needed".to_owned(),
        Standing::Unneeded => "unneeded".to_owned(),
        Standing::Unknown(_) => "unknown".to_owned(),
        Standing::PartlyNeeded(instead) => {
            let words = instead.iter().map(|remedy| format!("{} {}", remedy.permission, remedy.add));
            words.collect::<Vec<_>>().join(", ")
        }
    };
    review(permissions, &[run(permissions, did)]).into_iter().map(word).collect()
}

#[test]
fn paths_are_needed_whole_in_part_or_not_at_all() {
    let table: &[(&str, &[&str], &[&str])] = &[
        ("{read: [/d]}", &["read /d"], &["needed"]),
        ("{read: [/d]}", &["read /dd/x", "write /d/x"], &["unneeded"]),
        ("{read: [/d/]}", &["read /d/a.csv"], &["read /d/a.csv"]),
        ("{read: [~/d]}", &["read /home/ada/d/b", "read /home/ada/d/a"], &["read ~/d/a, read ~/d/b"]),
        ("{read: [/d]}", &["read /d/x/1", "read /d/x/2", "read /d/x/3", "read /d/x/4"], &["read /d/x"]),
        ("{read: [/d]}", &["read /d/1", "read /d/2", "read /d/3", "read /d/4"], &["needed"]),
        ("{read: [/d]}", &["read /d/x", "read /d/x/1"], &["read /d/x"]),
        // The narrowest of two is the one that was needed.
        ("{read: [/d, /d/x]}", &["read /d/x/1", "read /d/x"], &["unneeded", "needed"]),
        // What every run may read needs no grant.
        ("{read: [\"${workspace}\"]}", &["read /w/.skills/demo/SKILL.md", "read /usr/lib/x"], &["unneeded"]),
        ("{write: [/d]}", &["create /d/new"], &["needed"]),
        ("{write: [/d]}", &["create /d/out/new", "read /d/out"], &["write /d/out"]),
        ("{write: [/d]}", &["write /d/log.txt"], &["write /d/log.txt"]),
        ("{write: [/d]}", &["read /d/log.txt"], &["read /d/log.txt"]),
        ("{write: [/d]}", &["read /d"], &["read /d"]),
        ("{read: [/d], write: [/d]}", &["read /d", "write /d/a"], &["needed", "write /d/a"]),
    ];
    for (permissions, did, expected) in table {
        assert_eq!(standings(permissions, did), *expected, "{permissions} {did:?}");
    }
}

#[test]
fn hosts_are_needed_whole_in_part_or_not_at_all() {
    let table: &[(&str, &[&str], &[&str])] = &[
        ("['a.org:443']", &["connect a.org:443"], &["needed"]),
        ("['a.org:443', 'b.org:443']", &["connect a.org:443"], &["needed", "unneeded"]),
        ("['a.org']", &["connect a.org:443"], &["net a.org:443"]),
        ("['a.org:443,80']", &["connect A.org.:80"], &["net a.org:80"]),
        ("['a.org:443,80']", &["connect a.org:80", "connect a.org:443"], &["needed"]),
        ("['*.a.org:443']", &["connect x.a.org:443"], &["net x.a.org:443"]),
        ("['*.a.org', x.a.org]", &["connect x.a.org:443"], &["unneeded", "net x.a.org:443"]),
        ("['*:443']", &["connect a:443", "connect b:443", "connect c:443", "connect d:443"], &["needed"]),
        ("['10.0.0.0/8:80']", &["connect 10.1.2.3:80"], &["net 10.1.2.3:80"]),
        ("['::1']", &["connect ::1:80"], &["net [::1]:80"]),
    ];
    for (net, did, expected) in table {
        assert_eq!(standings(&format!("{{net: {net}}}"), did), *expected, "{net} {did:?}");
    }
    // Asked for by name only: which port it was for is not known.
    let mut asked = run("{net: ['*.a.org']}", &["connect x.a.org:53"]);
    asked.network[0].protocol = "dns".into();
    let told = review("{net: ['*.a.org']}", &[asked]).remove(0);
    assert_eq!(told.standing, Standing::PartlyNeeded(vec![Remedy::new(Permission::Net, "x.a.org")]));
}

#[test]
fn programs_are_needed_whole_in_part_or_not_at_all() {
    let sort = programs::find("sort", programs::SEARCH_PATH).unwrap();
    let did = format!("execute {}", sort.display());
    assert_eq!(standings("{run: [sort]}", &[&did]), ["needed"]);
    assert_eq!(standings("{run: [sort]}", &["execute /usr/bin/other"]), ["unneeded"]);
    assert_eq!(standings("{run: ['@coreutils']}", &[&did]), ["run sort"]);
    assert_eq!(standings("{run: [./tools]}", &["execute /w/.skills/demo/tools/x"]), ["run ./tools/x"]);
    assert_eq!(standings("{run: [./tools/x]}", &["execute /w/.skills/demo/tools/x"]), ["needed"]);
}

#[test]
fn only_runs_that_had_the_grant_and_could_show_it_count() {
    let permissions = "{read: [/d], net: [a.org]}";
    let all = |change: &dyn Fn(&mut Report)| {
        let mut report = run(permissions, &[]);
        change(&mut report);
        let told = review(permissions, &[report]);
        [told[0].standing.clone(), told[1].standing.clone()]
    };
    let unknown = |why| Standing::Unknown(why);
    assert_eq!(all(&|_| {}), [Standing::Unneeded, Standing::Unneeded]);
    assert_eq!(
        all(&|report| report.observe = Some(Observe::Denials)),
        [unknown(Unknown::NotObserved), Standing::Unneeded]
    );
    for observe in [None, Some(Observe::Off)] {
        assert_eq!(
            all(&|report| report.observe = observe),
            [unknown(Unknown::NotObserved), unknown(Unknown::NotObserved)]
        );
    }
    let cut = [unknown(Unknown::Cut), unknown(Unknown::Cut)];
    assert_eq!(all(&|report| report.lost_events = 1), cut);
    let hidden = FileAccess {
        path: "/x".into(),
        operation: Operation::Read,
        verdict: Verdict::Unknown,
        count: 1,
        at_ms: None,
    };
    assert_eq!(all(&|report| report.files.push(hidden.clone())), cut);
    let kind = |report: &mut Report, kind| report.outcome.as_mut().unwrap().kind = kind;
    let early = [unknown(Unknown::EndedEarly), unknown(Unknown::EndedEarly)];
    assert_eq!(all(&|report| kind(report, OutcomeKind::Timeout)), early);
    let none = [unknown(Unknown::NoRuns), unknown(Unknown::NoRuns)];
    assert_eq!(all(&|report| kind(report, OutcomeKind::Failed)), none);
    assert_eq!(all(&|report| report.outcome = None), none);
    assert_eq!(all(&|report| report.policy.permissions = policy("{}").permissions_json()), none);
}

#[test]
fn a_doubt_keeps_a_grant_as_it_is() {
    let permissions = "{read: [/d]}";
    let (part, mut blind) = (run(permissions, &["read /d/a"]), run(permissions, &[]));
    blind.observe = Some(Observe::Denials);
    let told = review(permissions, &[part.clone(), blind]).remove(0);
    assert_eq!((told.standing, told.needed_by, told.runs), (Standing::Needed, 1, 2));
    // Needed is needed, also by a run that was ended.
    let mut ended = part;
    ended.outcome.as_mut().unwrap().kind = OutcomeKind::Cancelled;
    assert_eq!(review(permissions, &[ended]).remove(0).standing, Standing::Needed);
}

#[test]
fn what_is_said_names_number_and_age() {
    let now: jiff::Timestamp = "2026-01-05T03:04:05Z".parse().unwrap();
    let permissions = "{read: [/d], env: [LANG]}";
    let at = |time: &str, did: &[&str]| Report { started_at: time.into(), ..run(permissions, did) };
    let said = |runs: &[Report]| {
        let told = review(permissions, runs);
        told.iter().map(|grant| grant.sentence(now)).collect::<Vec<_>>()
    };
    assert_eq!(said(&[])[0], "no run had it yet");
    let three = at("2026-01-02T03:04:06.000Z", &[]);
    assert_eq!(
        said(std::slice::from_ref(&three)),
        [
            "the only run in the last 3 days did not need it",
            "no run can show which variables a program looks at"
        ]
    );
    let new = at("2026-01-05T02:04:06Z", &[]);
    assert_eq!(said(&[new.clone(), three.clone()])[0], "none of 2 runs in the last 3 days needed it");
    assert_eq!(said(&[new])[0], "the only run in the last 60 minutes did not need it");
    let used = at("2026-01-04T23:04:06Z", &["read /d/a"]);
    assert_eq!(said(&[used.clone(), three])[0], "1 of 2 runs in the last 3 days needed only a part of it");
    let told = review(permissions, &[used]).remove(0);
    assert_eq!(told.last_needed.as_deref(), Some("2026-01-04T23:04:06Z"));
    assert_eq!(told.entries, BTreeSet::from(["scripts/report.py".to_owned()]));
    assert!(matches!(told.origin, Origin::File { line: 1, column: 22, .. }), "{:?}", told.origin);
}

#[test]
fn the_journal_tells_of_the_runs_of_this_skill() {
    use crate::journal::Bounds;
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::at(folder.path(), Bounds::default());
    assert_eq!(by_journal(&policy("{read: [/d]}"), Path::new(SKILL), &journal)[0].runs, 0);
}
