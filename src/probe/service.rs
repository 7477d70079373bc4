//! The service behind the granted port: it takes every connection and says nothing.
//!
//! Attacks that race connect thousands of times; a listener that takes none would soon have its queue full, and who comes
//! afterwards would wait without end (listen(2)).

use std::collections::VecDeque;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// Connections that stay open, the newest: an attack may go on with what it has.
const HELD: usize = 16;

#[derive(Debug)]
pub(super) struct Service {
    pub port: u16,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Service {
    pub(super) fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&over);
        let serve = move || {
            let mut held = VecDeque::new();
            while !ends.load(Ordering::Relaxed) {
                held.push_front(listener.accept());
                held.truncate(HELD);
            }
        };
        let thread = std::thread::Builder::new().name("service".into()).spawn(serve)?;
        Ok(Self { port, over, thread: Some(thread) })
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // The thread waits for a connection: this is the last.
        let woken = TcpStream::connect(("127.0.0.1", self.port)).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            let _ = thread.join();
        }
    }
}
