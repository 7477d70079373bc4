//! Says that something is still under way, as long as it is: so that nothing longer than half a second is silent, and
//! nothing wakes the screen when nothing is under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Mailbox;
use crate::tui::action::Action;

const EVERY: Duration = Duration::from_millis(500);

/// Speaks every half second until it is dropped; what is short never speaks.
#[derive(Debug)]
pub(super) struct Pulse {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    spoke: Arc<AtomicBool>,
}

impl Pulse {
    /// `say` makes the news out of the time since now.
    pub(super) fn start(mailbox: &Mailbox, say: impl Fn(Duration) -> Action + Send + 'static) -> Self {
        let (stop, stopped) = mpsc::channel::<()>();
        let (mailbox, begin) = (mailbox.clone(), Instant::now());
        let spoke = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&spoke);
        let work = move || {
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(EVERY) {
                told.store(true, Ordering::Relaxed);
                mailbox.try_send(say(begin.elapsed()));
            }
        };
        let thread = std::thread::Builder::new().name("pulse".to_owned()).spawn(work).ok();
        Self { stop: Some(stop), thread, spoke }
    }

    /// Stop; nothing is said afterwards. Whether anything was.
    pub(super) fn stop(mut self) -> bool {
        self.end();
        self.spoke.load(Ordering::Relaxed)
    }

    fn end(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::services::mailbox;

    #[test]
    fn it_speaks_only_of_what_takes_long() {
        let (mailbox, mut news) = mailbox();
        let say = |time: Duration| Action::Working(Some(("sorting", time)));
        assert!(!Pulse::start(&mailbox, say).stop());
        let pulse = Pulse::start(&mailbox, say);
        let Some(Action::Working(Some((what, time)))) = news.blocking_recv() else { panic!("no news") };
        assert!(what == "sorting" && time >= EVERY);
        assert!(pulse.stop());
    }
}
