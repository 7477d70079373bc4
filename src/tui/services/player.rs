//! Plays a run again: its output and usage in their own time, or faster. There is a timer only while something is due.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::Mailbox;
use super::loader::spawn;
use crate::journal::{self, Chunk, Journal, Record};
use crate::sandbox::event::{Stream, UsageSample};
use crate::tui::action::{Action, HistoryNews};
use crate::tui::effect::HistoryAsk;

/// What is due within this time is shown together.
const FRAME: Duration = Duration::from_millis(16);

/// A replay under way; dropped, it stops.
#[derive(Debug)]
pub(super) struct Player(mpsc::Sender<HistoryAsk>);

impl Player {
    pub(super) fn start(journal: Journal, id: String, play: u64, speed: f64, mailbox: Mailbox) -> Self {
        let (sender, receiver) = mpsc::channel();
        spawn("player", move || {
            let last = match journal.read(&id) {
                Ok(record) => {
                    if !Reel::new(record, speed).play(play, &receiver, &mailbox) {
                        // Somebody stopped it.
                        return;
                    }
                    None
                }
                Err(error) => Some(format!("the run {id} cannot be read: {error}")),
            };
            mailbox.send(Action::History(HistoryNews::PlayEnded(play, last)));
        });
        Self(sender)
    }

    /// Pause, go on, or change the speed.
    pub(super) fn tell(&self, ask: HistoryAsk) {
        let _ = self.0.send(ask);
    }
}

/// What is played, and how far it is.
struct Reel {
    chunks: std::vec::IntoIter<Chunk>,
    usage: std::vec::IntoIter<(Duration, UsageSample)>,
    next_chunk: Option<Chunk>,
    next_usage: Option<(Duration, UsageSample)>,
    length: Duration,
    speed: f64,
    /// Time of the run that was reached, and when.
    at: Duration,
    since: Instant,
    paused: bool,
}

impl Reel {
    fn new(record: Record, speed: f64) -> Self {
        let length = record.length();
        let (mut chunks, mut usage) = (record.chunks.into_iter(), record.usage.into_iter());
        let (next_chunk, next_usage) = (chunks.next(), usage.next());
        let (at, since) = (Duration::ZERO, Instant::now());
        Self { chunks, usage, next_chunk, next_usage, length, speed, at, since, paused: false }
    }

    /// Play until the end; false when somebody stopped it.
    fn play(&mut self, play: u64, told: &mpsc::Receiver<HistoryAsk>, mailbox: &Mailbox) -> bool {
        while let Some(due) = self.due() {
            let ask = if self.paused {
                told.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                told.recv_timeout(journal::due(due.saturating_sub(self.now()), self.speed).min(LONGEST_WAIT))
            };
            match ask {
                Ok(ask) => self.take(&ask),
                Err(RecvTimeoutError::Disconnected) => return false,
                Err(RecvTimeoutError::Timeout) if self.now() < due => {}
                Err(RecvTimeoutError::Timeout) => {
                    let (output, usage) = self.until(self.now() + scaled(FRAME, self.speed));
                    let news = HistoryNews::Played { play, at: due.max(self.now()), output, usage };
                    if !mailbox.send(Action::History(news)) {
                        return false;
                    }
                }
            }
        }
        true
    }

    /// Time of the run now.
    fn now(&self) -> Duration {
        if self.paused { self.at } else { self.at.saturating_add(scaled(self.since.elapsed(), self.speed)) }
    }

    /// When something is due next: a piece, or the end.
    fn due(&self) -> Option<Duration> {
        let chunk = self.next_chunk.as_ref().map(|chunk| chunk.at);
        let usage = self.next_usage.as_ref().map(|(at, _)| *at);
        let next = [chunk, usage].into_iter().flatten().min();
        next.or_else(|| (self.now() < self.length).then_some(self.length))
    }

    fn take(&mut self, ask: &HistoryAsk) {
        (self.at, self.since) = (self.now(), Instant::now());
        match ask {
            HistoryAsk::Pause => self.paused = true,
            HistoryAsk::Resume => self.paused = false,
            HistoryAsk::Speed(speed) => self.speed = *speed,
            _ => {}
        }
    }

    /// Everything until then, in its order.
    fn until(&mut self, then: Duration) -> (Vec<(Stream, Vec<u8>)>, Option<UsageSample>) {
        let mut output: Vec<(Stream, Vec<u8>)> = Vec::new();
        while let Some(chunk) = self.next_chunk.take_if(|chunk| chunk.at <= then) {
            match output.last_mut() {
                Some((stream, bytes)) if *stream == chunk.stream => bytes.extend_from_slice(&chunk.bytes),
                _ => output.push((chunk.stream, chunk.bytes)),
            }
            self.next_chunk = self.chunks.next();
        }
        let mut usage = None;
        while let Some((_, sample)) = self.next_usage.take_if(|(at, _)| *at <= then) {
            usage = Some(sample);
            self.next_usage = self.usage.next();
        }
        (output, usage)
    }
}

/// Of a damaged record anything may be due in a thousand years.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

fn scaled(time: Duration, speed: f64) -> Duration {
    Duration::try_from_secs_f64(time.as_secs_f64() * speed).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests;
