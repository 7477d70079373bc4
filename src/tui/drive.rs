//! The whole workbench without a terminal: keys in, screen out. Pictures are made with it, and tests drive it
//! with doubles in place of the services.

use std::time::{Duration, Instant};

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use tokio::sync::mpsc::Receiver;

use super::action::Action;
use super::effect::Effect;
use super::key::Key;
use super::services::Services;
use super::state::State;
use super::still::Still;
use super::update::update;
use super::view::{self, Look};

/// How long work under way is waited for.
const PATIENCE: Duration = Duration::from_mins(1);

#[allow(missing_debug_implementations)] // holds trait objects
pub struct Driver {
    pub state: State,
    services: Services,
    news: Receiver<Action>,
    /// Effects that a terminal would have carried out.
    pub for_terminal: Vec<Effect>,
    still: Option<Still>,
}

impl Driver {
    /// Start the services, and wait until the skills are read.
    pub fn start(state: State, services: Services, news: Receiver<Action>) -> Self {
        let mut driver = Self { state, services, news, for_terminal: Vec::new(), still: None };
        driver.services.load();
        driver.settle();
        driver
    }

    /// From now on show round figures in place of what is measured.
    pub fn hold_still(&mut self) {
        self.still = Some(Still::default());
    }

    pub fn apply(&mut self, action: Action) {
        let held = match &mut self.still {
            Some(still) => still.hold(action),
            None => Some(action),
        };
        let Some(action) = held else { return };
        for effect in update(&mut self.state, action) {
            if let Some(effect) = self.services.perform(effect) {
                self.for_terminal.push(effect);
            }
        }
    }

    /// Apply news until nothing is under way. False when that took too long.
    pub fn settle(&mut self) -> bool {
        let until = Instant::now() + PATIENCE;
        loop {
            let mut idle = true;
            while let Ok(action) = self.news.try_recv() {
                self.apply(action);
                idle = false;
            }
            if idle && !self.state.is_busy() {
                return true;
            }
            if Instant::now() > until {
                return false;
            }
            if idle {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }

    /// Apply the news that is there, and do not wait for more: to look at work under way.
    pub fn drain(&mut self) {
        while let Ok(action) = self.news.try_recv() {
            self.apply(action);
        }
    }

    /// Type keys; after each, work that it started is waited for.
    pub fn keys(&mut self, text: &str) -> Result<(), String> {
        Key::parse_all(text)?.into_iter().try_for_each(|key| self.key(key))
    }

    /// One key, and what it started.
    pub fn key(&mut self, key: Key) -> Result<(), String> {
        self.apply(Action::Key(key));
        if self.settle() {
            return Ok(());
        }
        Err(format!("still at work {} s after the key {key}", PATIENCE.as_secs()))
    }

    /// What is on the screen now.
    pub fn screen(&self, look: Look<'_>) -> (Buffer, Option<Position>) {
        let mut buffer = Buffer::empty(Rect::new(0, 0, self.state.width, self.state.height));
        let cursor = view::draw(&self.state, look, &mut buffer);
        (buffer, cursor)
    }
}
