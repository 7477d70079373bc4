use super::*;
use crate::journal::Bounds;
use crate::tui::services::mailbox;

/// A journal with records of this text.
fn journal(records: &[(&str, &[u8])]) -> (tempfile::TempDir, Journal) {
    let folder = tempfile::tempdir().unwrap();
    for (id, bytes) in records {
        fs::write(folder.path().join(format!("{id}.run")), bytes).unwrap();
    }
    let journal = Journal::at(folder.path(), Bounds::default());
    (folder, journal)
}

fn worker(journal: Journal) -> Worker {
    let (mailbox, _) = mailbox();
    let (queue, _) = mpsc::channel();
    let (pending, watched) = (Arc::default(), Arc::new(AtomicBool::new(true)));
    Worker { journal, mailbox, known: HashMap::new(), pending, queue, watched, told: 0 }
}

fn listed(worker: &mut Worker) -> Vec<Arc<PastRun>> {
    match worker.list() {
        HistoryNews::Listed { rows, .. } => rows,
        other => panic!("{other:?}"),
    }
}

#[test]
fn broken_records_are_listed_with_what_can_be_known() {
    let mut cut = b"skilldeck run 1\n".to_vec();
    cut.extend([1, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0, 0, 0]);
    let (_folder, journal) = journal(&[
        ("20260102-030405-678", b"garbage"),
        ("20260101-000000-000", b""),
        ("20250101-000000-000", &cut),
        ("nonsense", &[0xff; 4096]),
    ]);
    let mut worker = worker(journal);
    let rows = listed(&mut worker);
    assert_eq!(rows.len(), 4);
    assert!(rows.iter().all(|row| row.problem.is_some() && row.verdict.is_none()), "{rows:?}");
    let dated = rows.iter().find(|row| row.id == "20260102-030405-678").unwrap();
    assert_eq!((dated.started, dated.bytes), (1_767_323_045, 7));
    assert!(worker.open("nonsense").unwrap_err().contains("it is not the record of a run"));
}

#[test]
fn a_removed_record_leaves_the_list() {
    let (folder, journal) = journal(&[("20260102-030405-678", b"garbage")]);
    let mut worker = worker(journal);
    assert_eq!(listed(&mut worker).len(), 1);
    worker.answer(HistoryAsk::Remove { id: "20260102-030405-678".into(), name: "it".into() });
    assert!(listed(&mut worker).is_empty());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn exports_never_replace_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..3)
        .map(|_| new_file(folder.path(), "a-1", "json").unwrap().0)
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(names, ["a-1.json", "a-1-2.json", "a-1-3.json"]);
    let (path, _) = new_file(&folder.path().join("absent"), "a", "cast").unwrap_err();
    assert!(path.ends_with("absent/a.cast"));
}

#[test]
fn names_of_files_are_plain() {
    assert_eq!(plain("weather"), "weather");
    assert_eq!(plain("../../etc/pass\x1b[31mwd é"), "etc-pass--31mwd");
    assert_eq!(plain("..."), "run");
    assert_eq!(plain(&"x".repeat(300)).len(), 60);
}

#[test]
fn without_a_journal_the_reason_is_told() {
    assert!(matches!(worker(Journal::default()).list(), HistoryNews::Off(_)));
}

#[test]
fn arguments_are_written_as_they_are_typed() {
    let args = ["--city", "New York", "", "a\0b"].map(str::to_owned);
    assert_eq!(arguments(&args), "--city 'New York' '' a\0b");
}
