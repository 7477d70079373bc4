use super::*;
use crate::journal::State;

fn chunk(at: u64, stream: Stream, text: &str) -> Chunk {
    Chunk { at: Duration::from_millis(at), stream, bytes: text.into() }
}

fn record(chunks: Vec<Chunk>) -> Record {
    let usage = vec![(Duration::from_millis(20), UsageSample { cpu_ms: 7, ..UsageSample::default() })];
    let start = crate::journal::Start {
        skill: "demo".into(),
        path: "/w/demo".into(),
        workspace: "/w".into(),
        entry: "main.sh".into(),
        args: Vec::new(),
        limits: crate::sandbox::plan::Limits::default(),
        started_at: String::new(),
        cause: None,
    };
    let (id, state, report) = ("a".into(), State::Ended, None);
    Record { id, start, state, report, chunks, usage, left_out: 0, unread: 0 }
}

#[test]
fn what_is_due_together_comes_together() {
    let chunks = vec![
        chunk(0, Stream::Stdout, "a"),
        chunk(10, Stream::Stdout, "b"),
        chunk(10, Stream::Stderr, "c"),
        chunk(900, Stream::Stdout, "d"),
    ];
    let mut reel = Reel::new(record(chunks), 1.0);
    assert_eq!(reel.due(), Some(Duration::ZERO));
    let (output, usage) = reel.until(Duration::from_millis(20));
    assert_eq!(output, [(Stream::Stdout, b"ab".to_vec()), (Stream::Stderr, b"c".to_vec())]);
    assert_eq!(usage.unwrap().cpu_ms, 7);
    assert_eq!(reel.due(), Some(Duration::from_millis(900)));
    reel.until(Duration::from_millis(900));
    assert_eq!(reel.due(), Some(reel.length), "the end is waited for");
    reel.at = reel.length;
    assert_eq!(reel.due(), None);
}

#[test]
fn a_pause_stands_still_and_speed_counts_from_then_on() {
    let mut reel = Reel::new(record(vec![chunk(500, Stream::Stdout, "x")]), 32.0);
    reel.take(&HistoryAsk::Pause);
    let at = reel.now();
    std::thread::sleep(Duration::from_millis(3));
    assert_eq!(reel.now(), at);
    reel.take(&HistoryAsk::Speed(0.25));
    assert_eq!(reel.now(), at);
    reel.take(&HistoryAsk::Resume);
    assert!(reel.now() < at + Duration::from_millis(400));
}

#[test]
fn all_of_it_is_played_and_its_end_is_told() {
    let (mailbox, mut news) = crate::tui::services::mailbox();
    let (_sender, receiver) = mpsc::channel();
    let chunks = vec![chunk(0, Stream::Stdout, "a"), chunk(40, Stream::Stderr, "b")];
    assert!(Reel::new(record(chunks), 2.0).play(3, &receiver, &mailbox));
    let mut seen = Vec::new();
    while let Ok(Action::History(HistoryNews::Played { play, at, output, .. })) = news.try_recv() {
        assert_eq!(play, 3);
        seen.extend(output.into_iter().map(|(_, bytes)| (bytes, at >= Duration::from_millis(40))));
    }
    assert_eq!(seen, [(b"a".to_vec(), false), (b"b".to_vec(), true)]);
}

#[test]
fn times_that_make_no_sense_do_no_harm() {
    let mut reel = Reel::new(record(vec![chunk(u64::MAX, Stream::Stdout, "x")]), 0.25);
    let due = reel.due().unwrap();
    assert_eq!(journal::due(due, 1e-300), Duration::MAX);
    assert_eq!(scaled(Duration::MAX, 32.0), Duration::MAX);
    reel.at = Duration::MAX;
    assert_eq!(reel.until(Duration::MAX).0.len(), 1);
}

#[test]
fn dropped_it_stops() {
    let (mailbox, _news) = crate::tui::services::mailbox();
    let (sender, receiver) = mpsc::channel();
    drop(sender);
    assert!(!Reel::new(record(vec![chunk(60_000, Stream::Stdout, "x")]), 1.0).play(1, &receiver, &mailbox));
}
