//! What a run tells its reader: output as the pipes give it, up to the limit, and events in batches.

use std::thread;
use std::time::Duration;

use tokio::sync::mpsc;

use super::{Ended, Run};
use crate::sandbox::event::{Event, EventKind, Resource, Stream};

impl Run {
    /// Pass on what a stream holds.
    pub(super) fn pass_on(&mut self, index: usize, buffer: &mut [u8]) {
        let (stream, Some(fd)) = &self.streams[index] else { return };
        let stream = *stream;
        match nix::unistd::read(fd, buffer) {
            Ok(0) => self.streams[index].1 = None,
            Ok(count) => self.take_output(stream, &buffer[..count]),
            Err(nix::Error::EAGAIN | nix::Error::EINTR) => {}
            Err(_) => self.streams[index].1 = None,
        }
    }

    fn take_output(&mut self, stream: Stream, bytes: &[u8]) {
        let limit = self.plan.limits.output;
        let room = limit.saturating_sub(self.output_bytes) as usize;
        self.output_bytes += bytes.len() as u64;
        if room > 0 {
            let bytes = bytes[..bytes.len().min(room)].to_vec();
            let event = Event { at: self.shared.now(), kind: EventKind::Output { stream, bytes } };
            self.send(vec![event]);
        }
        if self.output_bytes > limit {
            self.over_limit((Resource::Output, limit, self.output_bytes), "supervisor");
        }
    }

    /// Hand a batch to the reader. A slow reader makes the program's output wait, but never a limit or a cancel.
    pub(super) fn send(&mut self, mut batch: Vec<Event>) {
        const PATIENCE: Duration = Duration::from_millis(2);
        loop {
            match self.sender.try_send(batch) {
                Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => return,
                Err(mpsc::error::TrySendError::Full(back)) => batch = back,
            }
            thread::sleep(PATIENCE);
            if self.ended.is_none() && self.cancel.read().is_ok() {
                self.end(Ended::Cancelled);
            }
            self.sample();
        }
    }

    pub(super) fn flush(&mut self) {
        let batch = self.shared.take();
        if !batch.is_empty() {
            self.send(batch);
        }
    }
}
