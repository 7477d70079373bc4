use super::*;
use crate::sandbox::event::{Event, EventKind, Stream, UsageSample};

fn start(skill: &str) -> Start {
    Start {
        skill: skill.into(),
        path: "/w/.skills/demo".into(),
        workspace: "/w".into(),
        entry: "scripts/main.py".into(),
        args: vec!["--all".into()],
        limits: Limits::default(),
        started_at: "2026-01-02T03:04:05.678Z".into(),
        cause: None,
    }
}

fn journal(bounds: Bounds) -> (tempfile::TempDir, Journal) {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::at(folder.path(), bounds);
    (folder, journal)
}

fn begin(journal: &Journal, id: &str) -> Writer {
    let file = record::create(&journal.path(id).unwrap()).unwrap();
    Writer::begin(file, id.into(), &start("demo")).unwrap()
}

fn print(stream: Stream, at: u64, bytes: &[u8]) -> Event {
    Event { at: Duration::from_millis(at), kind: EventKind::Output { stream, bytes: bytes.to_vec() } }
}

#[test]
fn what_was_printed_is_there_before_the_end() {
    let (_folder, journal) = journal(Bounds::default());
    let mut writer = begin(&journal, "a");
    writer.apply(&[print(Stream::Stdout, 1, b"one\n"), print(Stream::Stderr, 2, b"\xff\x1b[31m")]);
    let sample = UsageSample { cpu_ms: 5, ..UsageSample::default() };
    writer.apply(&[Event { at: Duration::from_millis(3), kind: EventKind::Usage(sample) }]);

    let record = journal.read("a").unwrap();
    assert_eq!((record.state, record.start), (State::Running, start("demo")));
    assert_eq!(record.chunks[1].at, Duration::from_millis(2));
    assert_eq!(record.usage, [(Duration::from_millis(3), sample)]);
    drop(writer);
    let record = journal.read("a").unwrap();
    assert_eq!(record.state, State::Interrupted, "whoever wrote it down is gone");
    assert_eq!(record.output(Stream::Stdout), b"one\n");
    assert_eq!(record.output(Stream::Stderr), b"\xff\x1b[31m");
}

#[test]
fn a_flood_is_cut_and_counted() {
    let (_folder, journal) = journal(Bounds::default());
    let mut writer = begin(&journal, "a");
    let block = vec![b'x'; 1 << 20];
    for at in 0..20 {
        writer.apply(&[print(Stream::Stdout, at, &block)]);
    }
    let report = crate::tui::tests::reports::report(Path::new("/w/.skills/demo"));
    writer.end(&report).unwrap();
    let record = journal.read("a").unwrap();
    assert_eq!((record.state, record.left_out), (State::Ended, 4 << 20));
    let full = record.full_report().unwrap();
    assert!(full.stdout_truncated && full.stdout.len() == 16 << 20);
    assert_eq!(full.denials, report.denials);
}

#[test]
fn a_record_is_for_its_user_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_folder, journal) = journal(Bounds::default());
    drop(begin(&journal, "a"));
    let mode = fs::metadata(journal.path("a").unwrap()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn the_oldest_go_first() {
    let keeps = |bounds: Bounds| {
        let (_folder, journal) = journal(bounds);
        for id in ["20260101-000000-001", "20260102-000000-001", "20260103-000000-001"] {
            drop(begin(&journal, id));
        }
        journal.forget_old(SystemTime::now() + Duration::from_hours(1));
        journal.ids().len()
    };
    assert_eq!(keeps(Bounds::default()), 3);
    assert_eq!(keeps(Bounds { runs: 2, ..Bounds::default() }), 2);
    assert_eq!(keeps(Bounds { bytes: 500, ..Bounds::default() }), 1);
    assert_eq!(keeps(Bounds { age: Duration::from_mins(1), ..Bounds::default() }), 0);
}

#[test]
fn a_name_may_be_shortened_where_it_is_clear() {
    let (_folder, journal) = journal(Bounds::default());
    assert_eq!(journal.find("last"), Err(FindError::Empty));
    for id in ["20260101-000000-001", "20260102-000000-002"] {
        drop(begin(&journal, id));
    }
    assert_eq!(journal.find("last").unwrap(), "20260102-000000-002");
    assert_eq!(journal.find("-001").unwrap(), "20260101-000000-001");
    assert_eq!(journal.find("20260102").unwrap(), "20260102-000000-002");
    assert!(matches!(journal.find("2026"), Err(FindError::Several { .. })));
    assert!(matches!(journal.find("x"), Err(FindError::None(_))));
}

#[test]
fn runs_are_compared_by_what_they_did() {
    let (_folder, journal) = journal(Bounds::default());
    let report = crate::tui::tests::reports::report(Path::new("/w/.skills/demo"));
    let mut writer = begin(&journal, "a");
    writer.apply(&[print(Stream::Stdout, 1, b"one\ntwo\n")]);
    writer.end(&report).unwrap();
    let mut writer = begin(&journal, "b");
    writer.apply(&[print(Stream::Stdout, 9, b"one\n"), print(Stream::Stdout, 10, b"three\n")]);
    let mut changed = report.clone();
    let lost = changed.denials.remove(0);
    writer.end(&changed).unwrap();

    let (a, b) = (journal.read("a").unwrap(), journal.read("b").unwrap());
    let compared = compare(&a, &b);
    assert!(!compared.is_same());
    assert!(compared.denials_gained.is_empty());
    assert!(compared.denials_lost.iter().any(|denial| denial.contains(&lost.target)), "{compared:?}");
    assert!(compared.stdout.as_deref().unwrap().contains("-two\n+three"), "{compared:?}");
    assert_eq!(compared.stderr, None);
    assert!(compare(&a, &a).is_same());
}

#[test]
fn runs_of_a_skill_are_found_by_their_beginning() {
    let (_folder, journal) = journal(Bounds::default());
    let begin = |id: &str, path: &str, argument: String| {
        let file = record::create(&journal.path(id).unwrap()).unwrap();
        Writer::begin(file, id.into(), &Start { path: path.into(), args: vec![argument], ..start("demo") })
            .unwrap();
    };
    begin("a", "/w/.skills/demo", String::new());
    begin("b", "/w/.skills/other", String::new());
    begin("c", "/w/.skills/demo", "x".repeat(200_000));
    fs::write(journal.path("d").unwrap(), "something else").unwrap();
    let found: Vec<String> = journal.of_skill(Path::new("/w/.skills/demo")).map(|record| record.id).collect();
    assert_eq!(found, ["c", "a"]);
}

/// As far as a list goes.
fn head(journal: &Journal, id: &str) -> (State, Option<usize>) {
    let head = journal.head(id).unwrap();
    assert_eq!(head.start, start("demo"));
    (head.state, head.summary.map(|summary| summary.denials))
}

#[test]
fn a_list_says_the_same_as_the_record() {
    let (_folder, journal) = journal(Bounds::default());
    let report = crate::tui::tests::reports::report(Path::new("/w/.skills/demo"));
    let mut writer = begin(&journal, "a");
    assert_eq!(head(&journal, "a"), (State::Running, None));
    writer.apply(&[print(Stream::Stdout, 1, &vec![6; 1 << 20])]);
    writer.report(&report);
    assert_eq!(head(&journal, "a"), (State::Running, Some(report.denials.len())));
    writer.end(&report).unwrap();
    assert_eq!(head(&journal, "a"), (State::Ended, Some(report.denials.len())));
    let summary = journal.head("a").unwrap().summary.unwrap();
    assert_eq!((summary.outcome, summary.duration_ms), (report.outcome.clone(), report.duration_ms));
    // One that an older version wrote has no summary at its end.
    let mut bytes = fs::read(journal.path("a").unwrap()).unwrap();
    let at = bytes.windows(11).rposition(|window| window == b"{\"left_out\"").unwrap();
    bytes.truncate(at - frame::HEADER);
    frame::put(&mut bytes, frame::Kind::End, Duration::ZERO, br#"{"left_out":0}"#);
    fs::write(journal.path("b").unwrap(), &bytes).unwrap();
    assert_eq!(head(&journal, "b"), (State::Ended, Some(report.denials.len())));
}

#[test]
fn a_record_cut_anywhere_is_interrupted_or_told_as_broken() {
    let (_folder, journal) = journal(Bounds::default());
    let report = crate::tui::tests::reports::report(Path::new("/w/.skills/demo"));
    let mut writer = begin(&journal, "a");
    writer.apply(&[print(Stream::Stdout, 1, b"one\n")]);
    writer.end(&report).unwrap();
    let whole = fs::read(journal.path("a").unwrap()).unwrap();
    let begun = whole.windows(4).position(|window| window == b"one\n").unwrap() - frame::HEADER;
    for cut in (0..whole.len()).step_by(7) {
        fs::write(journal.path("cut").unwrap(), &whole[..cut]).unwrap();
        let (head, record) = (journal.head("cut"), journal.read("cut"));
        assert_eq!(head.is_ok(), cut >= begun, "cut at {cut}");
        assert_eq!(record.is_ok(), cut >= begun, "cut at {cut}");
        if let (Ok(head), Ok(record)) = (head, record) {
            assert_eq!((head.state, record.state), (State::Interrupted, State::Interrupted), "cut at {cut}");
            assert_eq!(head.summary.is_some(), record.report.is_some(), "cut at {cut}");
        }
    }
}

#[test]
fn what_is_damaged_is_counted() {
    let (_folder, journal) = journal(Bounds::default());
    drop(begin(&journal, "a"));
    let mut bytes = fs::read(journal.path("a").unwrap()).unwrap();
    frame::put(&mut bytes, frame::Kind::Stdout, Duration::MAX, b"far away");
    bytes.extend([0xff; 9]);
    fs::write(journal.path("a").unwrap(), &bytes).unwrap();
    let record = journal.read("a").unwrap();
    assert_eq!((record.unread, record.chunks.len()), (9, 1));
    assert_eq!(due(record.chunks[0].at, 1e-300), Duration::MAX, "no time is too long");
}

#[test]
fn a_summary_is_not_taken_from_what_a_skill_printed() {
    let (_folder, journal) = journal(Bounds::default());
    let mut fake = Vec::new();
    let content = br#"{"left_out":0,"summary":{"outcome":null,"duration_ms":1.0,"denials":99}}"#;
    frame::put(&mut fake, frame::Kind::End, Duration::ZERO, content);
    let mut writer = begin(&journal, "a");
    writer.apply(&[print(Stream::Stdout, 1, &fake)]);
    let report = crate::tui::tests::reports::report(Path::new("/w/.skills/demo"));
    writer.end(&report).unwrap();
    assert_eq!(head(&journal, "a").1, Some(report.denials.len()));
}

#[test]
fn bounds_that_cannot_be_read_forget_nothing() {
    let (_folder, mut journal) = journal(Bounds { runs: 0, ..Bounds::default() });
    drop(begin(&journal, "a"));
    journal.bounds = None;
    journal.tidy();
    assert_eq!(journal.ids(), ["a"]);
}

#[test]
fn a_thousand_runs_are_listed_from_their_ends() {
    let (_folder, journal) = journal(Bounds::default());
    let report = crate::tui::tests::reports::report(Path::new("/w/.skills/demo"));
    let mut writer = begin(&journal, "0000");
    writer.apply(&[print(Stream::Stdout, 1, &vec![b'x'; 64 << 10])]);
    writer.end(&report).unwrap();
    for number in 1..1000 {
        fs::copy(journal.path("0000").unwrap(), journal.path(&format!("{number:04}")).unwrap()).unwrap();
    }
    let begun = std::time::Instant::now();
    let heads = journal.ids().iter().filter(|id| journal.head(id).is_ok()).count();
    assert_eq!(heads, 1000);
    // Timing decides nothing on a busy machine; reading all of it would take hundreds of times as long.
    println!("1,000 runs of 64 KiB listed in {:?}", begun.elapsed());
}
