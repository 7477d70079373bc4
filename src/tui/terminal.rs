//! The terminal while the workbench has it: one way in, one way out.
//!
//! [`restore`] is the only way out, for quitting, panics, signals, suspending and the editor alike. It may be
//! called at any time, any number of times, from any thread.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::clipboard::CopyToClipboard;
use crossterm::cursor::{Hide, SetCursorStyle, Show};
use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use crossterm::style::ResetColor;
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
    LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{execute, queue};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use super::state::State;
use super::theme::Theme;
use super::view::{self, Look};

type Backend = CrosstermBackend<BufWriter<Out>>;

/// The workbench has the terminal.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal was hung up.
static GONE: AtomicBool = AtomicBool::new(false);

/// The terminal was told to say when its ground changes.
static SUBSCRIBED: AtomicBool = AtomicBool::new(false);

/// "Say when you change between dark and light", "don't", "are you dark or light?" (contour-terminal.org, mode 2031),
/// and "what colour is your background?" (xterm's ctlseqs, OSC 11) for those that know only that.
const SUBSCRIBE: &[u8] = b"\x1b[?2031h";
const UNSUBSCRIBE: &[u8] = b"\x1b[?2031l";
const ASK: &[u8] = b"\x1b[?996n\x1b]11;?\x1b\\";

/// Whether the terminal was hung up.
pub fn is_gone() -> bool {
    GONE.load(Ordering::SeqCst)
}

/// Standard output that takes everything once the terminal is gone. Errors would be printed by the libraries'
/// destructors, to a standard error that is gone too, and end in a panic.
#[derive(Debug)]
struct Out(Stdout);

impl Out {
    fn unless_gone<T>(result: io::Result<T>, otherwise: T) -> io::Result<T> {
        match result {
            Err(error) if matches!(error.raw_os_error(), Some(libc::EIO | libc::EPIPE | libc::ENXIO)) => {
                GONE.store(true, Ordering::SeqCst);
                Ok(otherwise)
            }
            other => other,
        }
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Self::unless_gone(self.0.write(bytes), bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Self::unless_gone(self.0.flush(), ())
    }
}

/// Why the workbench cannot have the terminal.
#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    #[error("{0} is not a terminal; use `skilldeck list`, `check` or `run` in scripts and pipes")]
    NotATerminal(&'static str),
    #[error(
        "TERM is dumb: this terminal shows no screens; use `skilldeck list`, `check` or `run`, or another terminal"
    )]
    Dumb,
    #[error("the terminal cannot be set up: {0}")]
    Io(#[from] io::Error),
}

/// Give the terminal back as it was. Harmless when it was given back before.
pub fn restore() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    // Each step on its own: one that fails must not keep the others from being done.
    let mut out = Out(io::stdout());
    let _ = execute!(out, EndSynchronizedUpdate);
    if SUBSCRIBED.swap(false, Ordering::SeqCst) {
        let _ = out.write_all(UNSUBSCRIBE);
    }
    let _ = execute!(out, DisableMouseCapture, DisableBracketedPaste);
    let _ = execute!(out, ResetColor, SetCursorStyle::DefaultUserShape, Show);
    let _ = execute!(out, LeaveAlternateScreen);
    let _ = disable_raw_mode();
}

/// The terminal, taken. Dropping it gives it back.
#[derive(Debug)]
pub struct Screen {
    terminal: Terminal<Backend>,
    /// What is on the terminal is not what was drawn last: every cell has to be drawn.
    stale: bool,
    pub ascii: bool,
}

impl Screen {
    /// Take the terminal. Nothing is asked of it, so nothing is waited for.
    pub fn open(mouse: bool, ascii: bool) -> Result<Self, TerminalError> {
        if !io::stdin().is_terminal() {
            return Err(TerminalError::NotATerminal("standard input"));
        }
        if !io::stdout().is_terminal() {
            return Err(TerminalError::NotATerminal("standard output"));
        }
        if std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
            return Err(TerminalError::Dumb);
        }
        let mut screen = Self { terminal: blank()?, stale: true, ascii };
        screen.enter(mouse)?;
        Ok(screen)
    }

    /// Take the terminal (again).
    pub fn enter(&mut self, mouse: bool) -> io::Result<()> {
        TAKEN.store(true, Ordering::SeqCst);
        enable_raw_mode()?;
        let out = self.terminal.backend_mut();
        queue!(out, EnterAlternateScreen, EnableBracketedPaste, Hide)?;
        if mouse {
            queue!(out, EnableMouseCapture)?;
        }
        out.flush()?;
        self.stale = true;
        Ok(())
    }

    /// Ask whether the terminal is dark or light, now and whenever that changes. The answers come as input. False
    /// where a terminal may show the question instead of taking it.
    pub fn ask_ground(&mut self) -> io::Result<bool> {
        if std::env::var("TERM").is_ok_and(|term| term == "linux" || term.starts_with("vt")) {
            return Ok(false);
        }
        SUBSCRIBED.store(true, Ordering::SeqCst);
        let out = self.terminal.backend_mut();
        out.write_all(SUBSCRIBE)?;
        out.write_all(ASK)?;
        out.flush()?;
        Ok(true)
    }

    pub fn size(&self) -> Option<(u16, u16)> {
        self.terminal.size().ok().map(|size| (size.width, size.height))
    }

    /// Draw the state, as one update of the screen.
    pub fn draw(&mut self, state: &State, theme: &Theme) -> io::Result<()> {
        let look = Look { theme, ascii: self.ascii };
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        if std::mem::take(&mut self.stale) {
            execute!(self.terminal.backend_mut(), Clear(ClearType::All))?;
            // `Terminal::clear` would ask the terminal where its cursor is, and wait for the answer.
            self.terminal = blank()?;
        }
        self.terminal.draw(|frame| {
            if let Some(cursor) = view::draw(state, look, frame.buffer_mut()) {
                frame.set_cursor_position(cursor);
            }
        })?;
        execute!(self.terminal.backend_mut(), EndSynchronizedUpdate)
    }

    /// Draw every cell with the next frame.
    pub fn redraw_all(&mut self) {
        self.stale = true;
    }

    pub fn set_mouse(&mut self, on: bool) -> io::Result<()> {
        let out = self.terminal.backend_mut();
        if on { execute!(out, EnableMouseCapture) } else { execute!(out, DisableMouseCapture) }
    }

    /// Put a text into the clipboard of whoever looks at the terminal (OSC 52): works over ssh too.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        execute!(self.terminal.backend_mut(), CopyToClipboard::to_clipboard_from(text))
    }
}

/// A terminal that believes every cell to be blank.
fn blank() -> io::Result<Terminal<Backend>> {
    Terminal::new(CrosstermBackend::new(BufWriter::with_capacity(64 * 1024, Out(io::stdout()))))
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}
