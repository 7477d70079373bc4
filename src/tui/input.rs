//! Reads keys and mouse on a thread of its own, and stops when the terminal is somebody else's.
//!
//! The thread waits for the terminal and for its own stop signal at once. What comes is cut into whole pieces
//! ([`split`]), so that the terminal's answers to questions are told from keys.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use termina::event as term;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::action::Action;
use super::key::{Code, Key, Mouse, MouseKind};
use super::theme::Kind;

pub mod split;

use split::{Splitter, Unit};

/// Input that may wait to be looked at; what comes on top of that is dropped.
const QUEUE: usize = 1024;

/// What the terminal sent.
#[derive(Debug)]
pub enum Input {
    Told(Action),
    /// The terminal answered the last of the questions about its ground.
    Answer(Kind),
    /// The terminal is gone.
    HungUp,
}

/// The reading thread. Dropping this ends it before anybody else may read.
#[derive(Debug)]
pub struct Reader {
    pub events: Receiver<Input>,
    stop: Arc<EventFd>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    pub fn start() -> io::Result<Self> {
        let (sender, events) = channel(QUEUE);
        let stop = Arc::new(EventFd::from_flags(EfdFlags::EFD_CLOEXEC)?);
        let until = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("input".into()).spawn(move || {
            if read(&sender, &until).is_err() {
                let _ = sender.try_send(Input::HungUp);
            }
        })?;
        Ok(Self { events, stop, thread: Some(thread) })
    }

    /// The next input that comes until then. For the end of the loop only: it sleeps.
    pub fn wait_until(&mut self, until: Instant) -> Option<Input> {
        loop {
            match self.events.try_recv() {
                Ok(input) => return Some(input),
                Err(TryRecvError::Empty) if Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(2));
                }
                Err(_) => return None,
            }
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.stop.write(1);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Pass on what the terminal sends until told to stop. An error means that the terminal is gone.
fn read(sender: &Sender<Input>, stop: &EventFd) -> io::Result<()> {
    let terminal = io::stdin();
    let mut splitter = Splitter::default();
    let mut bytes = [0; 4096];
    loop {
        let patience = splitter.patience();
        let timeout = patience.map_or(PollTimeout::NONE, |patience| {
            PollTimeout::try_from(patience).unwrap_or(PollTimeout::ZERO)
        });
        let mut ready =
            [PollFd::new(terminal.as_fd(), PollFlags::POLLIN), PollFd::new(stop.as_fd(), PollFlags::POLLIN)];
        match poll(&mut ready, timeout) {
            Err(nix::errno::Errno::EINTR) => continue,
            Err(error) => return Err(error.into()),
            Ok(0) => {
                tell(sender, splitter.give_up());
                continue;
            }
            Ok(_) => {}
        }
        let flags = |index: usize| ready[index].revents().unwrap_or(PollFlags::empty());
        if !flags(1).is_empty() {
            return Ok(());
        }
        if flags(0).intersects(PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match rustix::io::read(&terminal, &mut bytes) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => tell(sender, splitter.feed(&bytes[..count])),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn tell(sender: &Sender<Input>, units: Vec<Unit>) {
    for unit in units {
        let last = matches!(unit, Unit::Command(_));
        let input = match translate(unit) {
            Some(Action::Ground(kind)) if last => Input::Answer(kind),
            Some(action) => Input::Told(action),
            None => continue,
        };
        let _ = sender.try_send(input);
    }
}

/// What a piece of input asks for. Answers that nobody asked for, or that cannot be read, ask for nothing.
pub fn translate(unit: Unit) -> Option<Action> {
    match unit {
        Unit::Escape => Some(Action::Key(Key::plain(Code::Esc))),
        Unit::Paste(text) => Some(Action::Paste(text)),
        Unit::Private(sequence) => scheme(&sequence).map(Action::Ground),
        Unit::Command(command) => ground(&command).map(Action::Ground),
        Unit::Key(bytes) => {
            let mut parser = termina::Parser::default();
            parser.parse(&bytes, false);
            translate_event(&parser.pop()?)
        }
    }
}

/// `CSI ? 997 ; 1 n` for dark, `2` for light: the answer to `CSI ? 996 n`, and what a terminal says by itself in mode
/// 2031 (contour-terminal.org, "Dark and Light Mode Detection").
fn scheme(sequence: &[u8]) -> Option<Kind> {
    match sequence {
        b"?997;1n" => Some(Kind::Dark),
        b"?997;2n" => Some(Kind::Light),
        _ => None,
    }
}

/// The ground in the answer to OSC 11: `11;rgb:RRRR/GGGG/BBBB` with one to four digits each, or `11;#rrggbb`, as
/// XParseColor(3) writes colours; some terminals add how opaque it is (`rgba:`).
fn ground(command: &[u8]) -> Option<Kind> {
    let colour = std::str::from_utf8(command).ok()?.strip_prefix("11;")?;
    let part = |digits: &str| {
        let most = u32::from(u16::MAX) >> (16 - 4 * digits.len().clamp(1, 4));
        let fits = (1..=4).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
        let value = u32::from_str_radix(digits, 16).ok().filter(|_| fits)?;
        u8::try_from(value * 255 / most).ok()
    };
    let parts: Vec<&str> = if let Some(digits) = colour.strip_prefix('#') {
        let size = digits.len() / 3;
        if !digits.is_ascii() || !matches!(digits.len(), 3 | 6 | 9 | 12) {
            return None;
        }
        vec![&digits[..size], &digits[size..2 * size], &digits[2 * size..]]
    } else {
        colour.strip_prefix("rgb:").or_else(|| colour.strip_prefix("rgba:"))?.split('/').collect()
    };
    match parts[..] {
        [r, g, b] | [r, g, b, _] => Some(Kind::of_ground((part(r)?, part(g)?, part(b)?))),
        _ => None,
    }
}

/// What the terminal library tells, in our words.
fn translate_event(event: &termina::Event) -> Option<Action> {
    match event {
        termina::Event::Key(key) if key.kind != term::KeyEventKind::Release => {
            translate_key(*key).map(Action::Key)
        }
        termina::Event::Mouse(mouse) => {
            let kind = match mouse.kind {
                term::MouseEventKind::Down(term::MouseButton::Left) => MouseKind::Press,
                term::MouseEventKind::Drag(term::MouseButton::Left) => MouseKind::Drag,
                term::MouseEventKind::Up(term::MouseButton::Left) => MouseKind::Release,
                term::MouseEventKind::ScrollUp => MouseKind::WheelUp,
                term::MouseEventKind::ScrollDown => MouseKind::WheelDown,
                _ => return None,
            };
            Some(Action::Mouse(Mouse { kind, column: mouse.column, row: mouse.row }))
        }
        _ => None,
    }
}

fn translate_key(key: term::KeyEvent) -> Option<Key> {
    // Terminals with the kitty protocol tell of keys that no action has: Super-R is no `r`.
    let others = term::Modifiers::SUPER | term::Modifiers::HYPER | term::Modifiers::META;
    if key.modifiers.intersects(others) {
        return None;
    }
    let ctrl = key.modifiers.contains(term::Modifiers::CONTROL);
    let alt = key.modifiers.contains(term::Modifiers::ALT);
    let mut shift = key.modifiers.contains(term::Modifiers::SHIFT);
    let code = match key.code {
        // Other terminals send nothing for Ctrl-Shift with a letter, or what they send without Shift.
        term::KeyCode::Char(c) if !c.is_control() => Code::Char(c),
        term::KeyCode::Enter => Code::Enter,
        term::KeyCode::Escape => Code::Esc,
        term::KeyCode::Tab => Code::Tab,
        term::KeyCode::BackTab => {
            shift = true;
            Code::Tab
        }
        term::KeyCode::Backspace => Code::Backspace,
        term::KeyCode::Delete => Code::Delete,
        term::KeyCode::Insert => Code::Insert,
        term::KeyCode::Up => Code::Up,
        term::KeyCode::Down => Code::Down,
        term::KeyCode::Left => Code::Left,
        term::KeyCode::Right => Code::Right,
        term::KeyCode::Home => Code::Home,
        term::KeyCode::End => Code::End,
        term::KeyCode::PageUp => Code::PageUp,
        term::KeyCode::PageDown => Code::PageDown,
        term::KeyCode::Function(n) => Code::F(n),
        _ => return None,
    };
    Some(Key { code, ctrl, alt, shift }.settled())
}

#[cfg(test)]
mod tests {
    use super::*;
    use term::{KeyCode, KeyEvent, KeyEventKind, KeyEventState, Modifiers};

    fn told(code: KeyCode, modifiers: Modifiers, kind: KeyEventKind) -> Option<String> {
        match translate_event(&termina::Event::Key(KeyEvent {
            code,
            modifiers,
            kind,
            state: KeyEventState::NONE,
        })) {
            Some(Action::Key(key)) => Some(key.name()),
            Some(other) => panic!("{other:?}"),
            None => None,
        }
    }

    #[test]
    fn every_terminal_s_telling_of_a_key_comes_to_one() {
        let press = |code, modifiers| told(code, modifiers, KeyEventKind::Press);
        let (ctrl, shift, alt) = (Modifiers::CONTROL, Modifiers::SHIFT, Modifiers::ALT);
        // As most terminals tell it, and as the kitty protocol does.
        assert_eq!(press(KeyCode::Char('G'), shift).as_deref(), Some("G"));
        assert_eq!(press(KeyCode::Char('g'), shift).as_deref(), Some("G"));
        assert_eq!(press(KeyCode::BackTab, shift).as_deref(), Some("shift-tab"));
        assert_eq!(press(KeyCode::Tab, shift).as_deref(), Some("shift-tab"));
        assert_eq!(press(KeyCode::Char(' '), shift).as_deref(), Some("space"));
        assert_eq!(press(KeyCode::Char('?'), shift).as_deref(), Some("?"));
        assert_eq!(press(KeyCode::Char('D'), ctrl).as_deref(), Some("ctrl-d"));
        // Copying in a terminal must not end the run.
        assert_eq!(press(KeyCode::Char('C'), ctrl | shift).as_deref(), Some("ctrl-shift-c"));
        assert_eq!(press(KeyCode::Char('c'), ctrl | shift).as_deref(), Some("ctrl-shift-c"));
        assert_eq!(press(KeyCode::Char('x'), alt | shift).as_deref(), Some("alt-X"));
        // What no action can have.
        assert_eq!(press(KeyCode::Char('r'), Modifiers::SUPER), None);
        assert_eq!(press(KeyCode::CapsLock, Modifiers::NONE), None);
        assert_eq!(press(KeyCode::Modifier(term::ModifierKeyCode::LeftShift), shift), None);
    }

    #[test]
    fn a_key_that_is_let_go_means_nothing_and_one_held_repeats() {
        let told = |kind| told(KeyCode::Char('j'), Modifiers::NONE, kind);
        assert_eq!(told(KeyEventKind::Release), None);
        assert_eq!(told(KeyEventKind::Repeat).as_deref(), Some("j"));
    }
}

#[cfg(test)]
mod answers {
    use super::*;

    #[test]
    fn the_ground_is_read_in_every_form() {
        for (answer, kind) in [
            ("11;rgb:0000/0000/0000", Some(Kind::Dark)),
            ("11;rgb:1e1e/1e1e/2e2e", Some(Kind::Dark)),
            ("11;rgb:ffff/ffff/ffff", Some(Kind::Light)),
            ("11;rgb:fd/f6/e3", Some(Kind::Light)),
            ("11;rgb:f/f/f", Some(Kind::Light)),
            ("11;rgba:fafa/fafa/fafa/ffff", Some(Kind::Light)),
            ("11;#002b36", Some(Kind::Dark)),
            ("11;#fff", Some(Kind::Light)),
            ("10;rgb:ffff/ffff/ffff", None),
            ("11;?", None),
            ("11;rgb:ffff/ffff", None),
            ("11;rgb:fffff/ffff/ffff", None),
            ("11;rgb:gggg/ffff/ffff", None),
            ("11;rgb:+fff/ffff/ffff", None),
            ("11;#ffff", None),
            ("11;#\u{e9}\u{e9}\u{e9}", None),
            ("", None),
        ] {
            assert_eq!(ground(answer.as_bytes()), kind, "{answer}");
        }
        assert_eq!(scheme(b"?997;2n"), Some(Kind::Light));
        for other in ["?997;3n", "?997n", "?996n", "?997;1;1n", "?62;22c", ">0;10;1c"] {
            assert_eq!(scheme(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn no_answer_is_a_key() {
        for answer in [
            "\x1b]11;rgb:15/18/1e\x1b\\",
            "\x1b]10;?\x07",
            "\x1b[?997;1n",
            "\x1b[?2031;1$y",
            "\x1b[?62;22c",
            "\x1b[>1;10;0c",
            "\x1bP1$r0m\x1b\\",
            "\x1b[24;80R",
            "\x1b[I",
        ] {
            let actions: Vec<Action> =
                Splitter::default().feed(answer.as_bytes()).into_iter().filter_map(translate).collect();
            assert!(
                actions.iter().all(|action| matches!(action, Action::Ground(_))),
                "{answer:?}: {actions:?}"
            );
        }
    }
}
