//! The loop: take what happened, input first, apply it, draw at most every 16 ms.
//!
//! Idle means idle: there is no tick, and nothing wakes the loop but keys, news and signals.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::Receiver;
use tokio::time::Instant;

use super::action::Action;
use super::effect::Effect;
use super::input::{Input, Reader};
use super::services::{
    self, Mailbox, Services, clipboard, desk::DiskDesk, editor, history::DiskArchive, kept::Keeper,
    loader::DiskLoader, loader::Watch, runner::SandboxRunner, themes,
};
use super::start::Start;
use super::state::{Level, Place, State};
use super::terminal::{self, Screen, TerminalError};
use super::theme::{Depth, Theme};
use super::update::update;
use crate::journal::Journal;
use crate::policy::Approvals;
use crate::sandbox::Launcher;

/// Least time between frames caused by news.
const FRAME: Duration = Duration::from_millis(16);
/// Least time between frames caused by keys: an answer to a key is worth more.
const KEY_FRAME: Duration = Duration::from_millis(4);
/// How long a terminal may take to answer, before nobody expects an answer any more.
const ANSWER: Duration = Duration::from_secs(1);
/// How long is waited for that answer when the terminal is given away.
const LAST_WAIT: Duration = Duration::from_millis(100);
/// Pieces of news applied before input is looked at again.
const DRAIN: usize = 32;

/// What the workbench is opened with.
#[derive(Debug, Clone)]
pub struct Config {
    pub workspace: PathBuf,
    pub further: Vec<PathBuf>,
    /// Name of a theme, `auto` or `auto:NAME`; `None` leaves it to the user's settings.
    pub theme: Option<String>,
    pub ascii: bool,
    pub mouse: bool,
}

/// The place as the state wants it.
pub fn place(config: &Config) -> Place {
    let mut roots: Vec<PathBuf> =
        crate::workspace::ROOTS.iter().map(|root| config.workspace.join(root)).collect();
    roots.extend(config.further.iter().cloned());
    Place { workspace: config.workspace.clone(), home: std::env::var_os("HOME").map(PathBuf::from), roots }
}

/// What outlives the workbench, outside the workspace.
#[derive(Debug, Default)]
pub struct Kept {
    pub approvals: Approvals,
    pub journal: Journal,
}

impl Kept {
    pub fn of_user() -> Self {
        Self { approvals: Approvals::of_user(), journal: Journal::of_user() }
    }
}

/// The real services.
pub fn services(config: &Config, launcher: Arc<Launcher>, mailbox: Mailbox, kept: Kept) -> Services {
    let watch = Watch::default();
    let (workspace, further) = (config.workspace.clone(), config.further.clone());
    let Kept { approvals, journal } = kept;
    Services {
        loader: Box::new(DiskLoader { workspace, further, watch: watch.clone() }),
        archive: Box::new(DiskArchive::new(journal.clone())),
        runner: Box::new(SandboxRunner::new(launcher, watch.clone(), approvals.clone(), journal.clone())),
        desk: Box::new(DiskDesk::new(config.workspace.clone(), watch, approvals, journal)),
        mailbox,
    }
}

/// Why the workbench cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Terminal(#[from] TerminalError),
    #[error("{0}")]
    Theme(String),
    #[error("the terminal failed: {0}")]
    Io(#[from] io::Error),
}

/// Open the workbench, and stay until the user leaves it.
pub fn open(config: &Config, launcher: Arc<Launcher>) -> Result<ExitCode, OpenError> {
    let mut start = Start::read(config)?;
    let (mailbox, news) = services::mailbox();
    on_panic(mailbox.clone());
    let mut screen = Screen::open(start.mouse, start.ascii)?;
    let (width, height) = screen.size().unwrap_or((80, 24));
    let mut state = start.state(config, width, height);
    let Start { depth, keeper, .. } = start;
    let kept = Kept::of_user();
    if let Some(problem) = kept.journal.problem() {
        state.say(Level::Warning, problem);
    }
    let mut services = services(config, launcher, mailbox, kept);
    services.load();
    let theme = state.options.theme.resolve(depth);
    screen.draw(&state, &theme)?;
    let asked = ask(&state, &mut screen, depth)?;
    themes::watch(state.options.theme.set.clone(), services.mailbox.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut app =
        App { state, screen, depth, theme, services, keeper, input: None, asked, status: ExitCode::SUCCESS };
    let result = runtime.block_on(app.run(news));
    app.let_go();
    let status = app.status;
    // The terminal first: nobody should look at a frozen screen while a run is brought to its end.
    let App { screen, mut services, mut keeper, .. } = app;
    drop(screen);
    keeper.finish();
    services.end_runs();
    // Threads of services may still wait for a full queue; nobody waits for them.
    runtime.shutdown_background();
    result?;
    Ok(status)
}

/// Ask the terminal for its ground, and to say so when that changes. Nobody waits for the answer. When it was asked.
fn ask(state: &State, screen: &mut Screen, depth: Depth) -> io::Result<Option<Instant>> {
    if !state.options.theme.follow || depth == Depth::None {
        return Ok(None);
    }
    Ok(screen.ask_ground()?.then(Instant::now))
}

/// Restore the terminal before the message of a panic. A worker's panic becomes a notice.
fn on_panic(mailbox: Mailbox) {
    let main = std::thread::current().id();
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().id() == main {
            terminal::restore();
            usual(info);
        } else {
            let text = format!("a part of skilldeck failed ({info}); please report this");
            mailbox.try_send(Action::Notice(Level::Error, text));
        }
    }));
}

struct App {
    state: State,
    screen: Screen,
    depth: Depth,
    theme: Theme,
    services: Services,
    keeper: Keeper,
    /// `None` while somebody else reads from the terminal.
    input: Option<Reader>,
    /// When the terminal was asked for its ground, while it has not answered.
    asked: Option<Instant>,
    status: ExitCode,
}

/// Signals that the workbench answers.
struct Signals {
    terminate: Signal,
    hangup: Signal,
    interrupt: Signal,
    stop: Signal,
    resume: Signal,
    resize: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            stop: signal(SignalKind::from_raw(libc::SIGTSTP))?,
            resume: signal(SignalKind::from_raw(libc::SIGCONT))?,
            resize: signal(SignalKind::window_change())?,
        })
    }
}

/// What woke the loop.
enum Wake {
    Input(Option<Input>),
    News(Option<Action>),
    End(i32),
    Stop,
    Resume,
    Resize,
    Frame,
}

/// What was queued.
#[derive(Default)]
struct Drained {
    /// Something that may change the screen.
    any: bool,
    /// A key or the like was among it: somebody waits for the answer.
    input: bool,
}

impl App {
    async fn run(&mut self, mut news: Receiver<Action>) -> io::Result<()> {
        let mut signals = Signals::new()?;
        let mut last_frame = Instant::now();
        // Set while something changed that is not on the screen yet: when to draw it.
        let mut due: Option<Instant> = None;
        while !self.state.quitting {
            let wake = self.wait(&mut signals, &mut news, due).await?;
            let mut want = FRAME;
            let mut changed = true;
            match wake {
                Wake::End(number) => self.end(number)?,
                Wake::Stop => self.suspend()?,
                Wake::Resume => {
                    self.take_back()?;
                    want = Duration::ZERO;
                }
                // Terminals cut, wrap or keep their content when they are resized, each in its own way.
                Wake::Resize => self.screen.redraw_all(),
                Wake::Input(input) => {
                    want = KEY_FRAME;
                    changed = self.take_input(input)?;
                }
                Wake::News(Some(action)) => self.apply(action)?,
                Wake::Frame | Wake::News(None) => changed = false,
            }
            let drained = self.drain(&mut news)?;
            changed |= drained.any;
            if drained.input {
                want = want.min(KEY_FRAME);
            }
            if changed {
                let soonest = (last_frame + want).max(Instant::now());
                due = Some(due.map_or(soonest, |due| due.min(soonest)));
            }
            if due.is_some_and(|due| due <= Instant::now()) && !self.state.quitting {
                self.draw()?;
                last_frame = Instant::now();
                due = None;
            }
        }
        Ok(())
    }

    /// Sleep until there is something to do.
    async fn wait(
        &mut self,
        signals: &mut Signals,
        news: &mut Receiver<Action>,
        due: Option<Instant>,
    ) -> io::Result<Wake> {
        let input = match &mut self.input {
            Some(input) => input,
            None => self.input.insert(Reader::start()?),
        };
        let frame = async {
            match due {
                Some(due) => tokio::time::sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        Ok(tokio::select! {
            biased;
            _ = signals.terminate.recv() => Wake::End(libc::SIGTERM),
            _ = signals.hangup.recv() => Wake::End(libc::SIGHUP),
            _ = signals.interrupt.recv() => Wake::End(libc::SIGINT),
            _ = signals.stop.recv() => Wake::Stop,
            _ = signals.resume.recv() => Wake::Resume,
            _ = signals.resize.recv() => Wake::Resize,
            event = input.events.recv() => Wake::Input(event),
            () = frame => Wake::Frame,
            action = news.recv() => Wake::News(action),
        })
    }

    /// Apply what is queued, up to a bound; input that arrives meanwhile goes first.
    fn drain(&mut self, news: &mut Receiver<Action>) -> io::Result<Drained> {
        let mut drained = Drained::default();
        for _ in 0..DRAIN {
            while let Some(input) = self.input.as_mut().and_then(|input| input.events.try_recv().ok()) {
                drained.input |= self.take_input(Some(input))?;
            }
            drained.any |= drained.input;
            match news.try_recv() {
                Ok(action) if !self.state.quitting => self.apply(action)?,
                _ => break,
            }
            drained.any = true;
        }
        Ok(drained)
    }

    /// Whether the event meant something.
    fn take_input(&mut self, input: Option<Input>) -> io::Result<bool> {
        let action = match input {
            Some(Input::Told(action)) => action,
            Some(Input::Answer(kind)) => {
                self.asked = None;
                Action::Ground(kind)
            }
            Some(Input::HungUp) | None => {
                self.end(libc::SIGHUP)?;
                return Ok(true);
            }
        };
        #[cfg(debug_assertions)]
        fail_on_purpose(&action);
        if self.state.quitting {
            return Ok(false);
        }
        self.apply(action).map(|()| true)
    }

    /// Leave as a program does that was ended by a signal.
    fn end(&mut self, signal: i32) -> io::Result<()> {
        self.status = ExitCode::from(128 + signal as u8);
        self.apply(Action::Terminate)
    }

    fn draw(&mut self) -> io::Result<()> {
        if let Some((width, height)) = self.screen.size()
            && (width, height) != (self.state.width, self.state.height)
        {
            update(&mut self.state, Action::Resize(width, height));
        }
        self.screen.draw(&self.state, &self.theme)?;
        if terminal::is_gone() { self.end(libc::SIGHUP) } else { Ok(()) }
    }

    fn apply(&mut self, action: Action) -> io::Result<()> {
        for effect in update(&mut self.state, action) {
            let Some(effect) = self.services.perform(effect) else { continue };
            match effect {
                Effect::Keep(kept) => self.keeper.keep(*kept, &self.services.mailbox),
                Effect::SetTheme(_) => self.theme = self.state.options.theme.resolve(self.depth),
                Effect::SetMouse(on) => self.screen.set_mouse(on)?,
                Effect::Copy(text) => {
                    clipboard::copy(&text);
                    self.screen.copy(&text)?;
                }
                Effect::Redraw => self.screen.redraw_all(),
                Effect::Suspend => self.suspend()?,
                Effect::Edit { path, line } => self.edit(&path, line)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Give the terminal to the shell until it continues us.
    fn suspend(&mut self) -> io::Result<()> {
        let pid = nix::unistd::getpid();
        if nix::unistd::getsid(None).is_ok_and(|leader| leader == pid) {
            self.state.say(Level::Info, "no shell to go back to: skilldeck leads this session");
            return Ok(());
        }
        self.let_go();
        terminal::restore();
        let _ = nix::sys::signal::raise(nix::sys::signal::Signal::SIGSTOP);
        self.take_back()
    }

    /// Take the terminal again. Its ground may have changed meanwhile.
    fn take_back(&mut self) -> io::Result<()> {
        self.screen.enter(self.state.options.mouse)?;
        self.asked = ask(&self.state, &mut self.screen, self.depth)?;
        Ok(())
    }

    /// Stop reading. An answer that is still on its way would reach whoever reads next, as keys.
    fn let_go(&mut self) {
        let until = self.asked.take().map(|asked| asked + ANSWER);
        if let (Some(until), Some(input)) = (until, &mut self.input) {
            let until = until.min(Instant::now() + LAST_WAIT).into_std();
            while let Some(Input::Told(_)) = input.wait_until(until) {}
        }
        self.input = None;
    }

    fn edit(&mut self, path: &std::path::Path, line: usize) -> io::Result<()> {
        // The editor must be the only reader of the terminal.
        self.let_go();
        terminal::restore();
        let result = editor::run(path, line);
        self.take_back()?;
        if let Err(problem) = result {
            self.state.say(Level::Error, problem);
        }
        Ok(())
    }
}

/// For the test that a panic leaves the terminal as it was.
#[cfg(debug_assertions)]
#[allow(clippy::panic)] // it is the purpose
fn fail_on_purpose(action: &Action) {
    if let Action::Key(key) = action
        && key.code == super::key::Code::F(12)
        && std::env::var_os("SKILLDECK_TEST_PANIC").is_some()
    {
        panic!("failed on purpose");
    }
}
