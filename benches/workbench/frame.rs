//! What building one frame costs, without a terminal: a run that has printed much, looked at from end to end.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Paragraph, Widget as _};
use skilldeck::journal::Journal;
use skilldeck::policy::Approvals;
use skilldeck::sandbox::event::Stream;
use skilldeck::sandbox::plan::Limits;
use skilldeck::skill::Skill;
use skilldeck::tui::action::RunNews;
use skilldeck::tui::drive::Driver;
use skilldeck::tui::effect::{Packages, RunCases, StartRun};
use skilldeck::tui::services::desk::DiskDesk;
use skilldeck::tui::services::history::DiskArchive;
use skilldeck::tui::services::{self, Mailbox, Runner, Services};
use skilldeck::tui::state::{Options, Place, RunId, State};
use skilldeck::tui::theme::{Chosen, Depth, Set};
use skilldeck::tui::view::{self, Look};
use skilldeck::tui::{Action, runtime};

use super::table::{median, ms, row};

const LINES: usize = 100_000;
const FRAMES: usize = 1000;

/// Answers a run with its output at once.
struct Printer;

impl Runner for Printer {
    fn start(&mut self, run: StartRun, mailbox: Mailbox) {
        std::thread::spawn(move || {
            mailbox.send(Action::Run(run.id, RunNews::Started { limits: Limits::default(), record: None }));
            for block in lines().as_bytes().chunks(64 * 1024) {
                let output = RunNews::Output(Duration::ZERO, vec![(Stream::Stdout, block.to_vec())]);
                mailbox.send(Action::Run(run.id, output));
            }
            mailbox.send(Action::Run(run.id, RunNews::Ended));
        });
    }
    fn cancel(&mut self, _: RunId) {}
    fn run_cases(&mut self, _: RunCases, _: Mailbox) {}
    fn cancel_cases(&mut self) {}
    fn look_up_packages(&mut self, _: Arc<Skill>, _: Mailbox) {}
    fn prepare_packages(&mut self, _: Packages, _: Mailbox) {}
    fn cancel_packages(&mut self) {}
    fn learn(&mut self, _: StartRun, _: Mailbox) {}
    fn cancel_learning(&mut self) {}
}

fn lines() -> String {
    let line = |number| {
        format!("\x1b[32m{number:>7}\x1b[0m checked some/path/of/a/file.txt, \x1b[1mnothing\x1b[0m to say\n")
    };
    (0..LINES).map(line).collect()
}

pub fn rows() {
    let folder = super::skills(super::FEW);
    let config = runtime::Config {
        workspace: fs::canonicalize(folder.path()).unwrap(),
        further: Vec::new(),
        theme: None,
        ascii: false,
        mouse: false,
    };
    let (mailbox, news) = services::mailbox();
    let loader = services::loader::DiskLoader {
        workspace: config.workspace.clone(),
        further: Vec::new(),
        watch: services::loader::Watch::default(),
    };
    let journal = Journal::default();
    let desk =
        DiskDesk::new(config.workspace.clone(), loader.watch.clone(), Approvals::default(), journal.clone());
    let archive = Box::new(DiskArchive::new(journal));
    let services = Services {
        loader: Box::new(loader),
        runner: Box::new(Printer),
        desk: Box::new(desk),
        archive,
        mailbox,
    };
    let place: Place = runtime::place(&config);
    let mut driver = Driver::start(State::new(200, 60, place, Options::default()), services, news);
    driver.keys("r2").unwrap();
    let theme = Chosen::new(Set::read(None), Some("dark"), None).unwrap().resolve(Depth::True);
    let look = Look { theme: &theme, ascii: false };
    // As ratatui does it: one buffer, blank again before each frame.
    let mut screen = Buffer::empty(Rect::new(0, 0, 200, 60));
    let mut times: Vec<Duration> = (0..FRAMES)
        .map(|_| {
            driver.apply(Action::Key(skilldeck::tui::key::Key::parse("pageup").unwrap()));
            let begin = Instant::now();
            screen.reset();
            view::draw(&driver.state, look, &mut screen);
            std::hint::black_box(&screen);
            begin.elapsed()
        })
        .collect();
    let half = median(&mut times);
    let text = Arc::new(lines());
    let mut peer: Vec<Duration> = (0..20)
        .map(|number| {
            let paragraph = Paragraph::new(text.as_str()).scroll((number * 50, 0));
            let begin = Instant::now();
            let area = Rect::new(0, 0, 200, 60);
            paragraph.render(area, &mut Buffer::empty(area));
            begin.elapsed()
        })
        .collect();
    let peer = format!("a paragraph of ratatui: {}", ms(median(&mut peer)));
    row("frame of 200x60 over 100,000 lines, median", &ms(half), "", &peer);
    row("  99 of 100", &ms(times[FRAMES * 99 / 100]), "1 ms", "");
}
