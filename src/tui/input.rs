//! Reads keys and mouse on a thread of its own, and stops when the terminal is somebody else's.
//!
//! The thread waits for the terminal and for its own stop signal at once, and looks before it lets the terminal
//! library read: that library never comes back from a terminal that was hung up.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossterm::event as term;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::action::Action;
use super::key::{Code, Key, Mouse, MouseKind};

/// Input that may wait to be looked at; what comes on top of that is dropped.
const QUEUE: usize = 1024;

/// How long the terminal library looks for more. With no time at all it does not look.
///
/// The library is built to read through poll(2) (its feature `use-dev-tty`): its other way of reading loses a key
/// that arrives together with a change of size, until the next one is typed.
const LOOK: Duration = Duration::from_millis(1);

/// What the terminal sent.
#[derive(Debug)]
pub enum Input {
    Event(term::Event),
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
    loop {
        let mut ready =
            [PollFd::new(terminal.as_fd(), PollFlags::POLLIN), PollFd::new(stop.as_fd(), PollFlags::POLLIN)];
        match poll(&mut ready, PollTimeout::NONE) {
            Err(nix::errno::Errno::EINTR) => continue,
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
        let flags = |index: usize| ready[index].revents().unwrap_or(PollFlags::empty());
        if !flags(1).is_empty() {
            return Ok(());
        }
        let gone = PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL;
        if flags(0).intersects(gone) || rustix::io::ioctl_fionread(&terminal)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        while term::poll(LOOK)? {
            let _ = sender.try_send(Input::Event(term::read()?));
        }
    }
}

/// What the terminal library tells, in our words.
pub fn translate(event: &term::Event) -> Option<Action> {
    match event {
        term::Event::Key(key) if key.kind != term::KeyEventKind::Release => {
            translate_key(*key).map(Action::Key)
        }
        term::Event::Mouse(mouse) => {
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
        term::Event::Paste(text) => Some(Action::Paste(text.clone())),
        _ => None,
    }
}

fn translate_key(key: term::KeyEvent) -> Option<Key> {
    // Terminals with the kitty protocol tell of keys that no action has: Super-R is no `r`.
    let others = term::KeyModifiers::SUPER | term::KeyModifiers::HYPER | term::KeyModifiers::META;
    if key.modifiers.intersects(others) {
        return None;
    }
    let ctrl = key.modifiers.contains(term::KeyModifiers::CONTROL);
    let alt = key.modifiers.contains(term::KeyModifiers::ALT);
    let mut shift = key.modifiers.contains(term::KeyModifiers::SHIFT);
    let code = match key.code {
        // Other terminals send nothing for Ctrl-Shift with a letter, or what they send without Shift.
        term::KeyCode::Char(c) if !c.is_control() => Code::Char(c),
        term::KeyCode::Enter => Code::Enter,
        term::KeyCode::Esc => Code::Esc,
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
        term::KeyCode::F(n) => Code::F(n),
        _ => return None,
    };
    Some(Key { code, ctrl, alt, shift }.settled())
}

#[cfg(test)]
mod tests {
    use super::*;
    use term::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

    fn told(code: KeyCode, modifiers: KeyModifiers, kind: KeyEventKind) -> Option<String> {
        match translate(&term::Event::Key(KeyEvent::new_with_kind(code, modifiers, kind))) {
            Some(Action::Key(key)) => Some(key.name()),
            Some(other) => panic!("{other:?}"),
            None => None,
        }
    }

    #[test]
    fn every_terminal_s_telling_of_a_key_comes_to_one() {
        let press = |code, modifiers| told(code, modifiers, KeyEventKind::Press);
        let (ctrl, shift, alt) = (KeyModifiers::CONTROL, KeyModifiers::SHIFT, KeyModifiers::ALT);
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
        assert_eq!(press(KeyCode::Char('r'), KeyModifiers::SUPER), None);
        assert_eq!(press(KeyCode::CapsLock, KeyModifiers::NONE), None);
        assert_eq!(press(KeyCode::Modifier(term::ModifierKeyCode::LeftShift), shift), None);
    }

    #[test]
    fn a_key_that_is_let_go_means_nothing_and_one_held_repeats() {
        let told = |kind| told(KeyCode::Char('j'), KeyModifiers::NONE, kind);
        assert_eq!(told(KeyEventKind::Release), None);
        assert_eq!(told(KeyEventKind::Repeat).as_deref(), Some("j"));
    }
}
