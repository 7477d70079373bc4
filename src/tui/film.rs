//! Screens one after the other: a demonstration for documentation, as an animated picture or as a recording for players
//! of terminal sessions.

use std::time::Duration;

use ratatui::backend::{Backend as _, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::style::Style;
use serde_json::json;

use super::svg;

/// Screens, each with the time that it stays.
#[derive(Debug, Clone, Default)]
pub struct Film {
    screens: Vec<(Buffer, Duration)>,
}

impl Film {
    /// Add a screen that stays for `time`. The same screen again stays longer.
    pub fn add(&mut self, screen: Buffer, time: Duration) {
        match self.screens.last_mut() {
            Some((last, stays)) if *last == screen => *stays += time,
            _ => self.screens.push((screen, time)),
        }
    }

    /// The last screen as SVG.
    pub fn last_svg(&self, ground: Style, title: &str) -> String {
        self.screens.last().map_or_else(String::new, |(screen, _)| svg::render(screen, ground, title))
    }

    /// An SVG that moves.
    pub fn svg(&self, ground: Style, title: &str) -> String {
        svg::animate(&self.screens, ground, title)
    }

    /// asciicast v2 (docs.asciinema.org): a header, then `[seconds, "o", text]` for each screen, in which only the cells that
    /// changed are written.
    pub fn asciicast(&self, title: &str) -> std::io::Result<String> {
        let Some((first, _)) = self.screens.first() else { return Ok(String::new()) };
        let area = first.area;
        let header = json!({ "version": 2, "width": area.width, "height": area.height, "title": title });
        let mut lines = vec![header.to_string()];
        let mut event = |at: Duration, text: &[u8]| {
            lines.push(json!([at.as_secs_f64(), "o", String::from_utf8_lossy(text)]).to_string());
        };
        event(Duration::ZERO, b"\x1b[?25l\x1b[2J");
        let (mut shown, mut at) = (Buffer::empty(area), Duration::ZERO);
        for (screen, time) in &self.screens {
            let mut text = Vec::new();
            CrosstermBackend::new(&mut text).draw(shown.diff(screen).into_iter())?;
            event(at, &text);
            shown.clone_from(screen);
            at += *time;
        }
        // The last screen stays, and the terminal is left as it was.
        event(at, b"\x1b[0m\x1b[?25h");
        Ok(lines.join("\n") + "\n")
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZero;

    use ratatui::layout::Rect;

    use super::*;

    fn screen(text: &str) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 20, 2));
        buffer.set_string(1, 1, text, Style::new());
        buffer
    }

    fn film(texts: &[&str]) -> Film {
        let mut film = Film::default();
        for text in texts {
            film.add(screen(text), Duration::from_millis(500));
        }
        film
    }

    #[test]
    fn a_recording_plays_back_to_the_screens_it_was_made_of() {
        let cast = film(&["first", "first", "later \\ \"x\"", "é"]).asciicast("t").unwrap();
        let mut lines = cast.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        assert_eq!(lines.next().unwrap()["width"], 20);
        let cells = |number| NonZero::new(number).unwrap();
        let mut terminal = vt100::Parser::new(cells(2), cells(20), 0);
        let mut seen = Vec::new();
        for line in lines {
            terminal.process(line[2].as_str().unwrap().as_bytes());
            seen.push((line[0].as_f64().unwrap(), terminal.screen().contents().trim().to_owned()));
        }
        let seen: Vec<_> = seen.iter().map(|(at, text)| (*at, text.as_str())).collect();
        assert_eq!(seen, [(0.0, ""), (0.0, "first"), (1.0, "later \\ \"x\""), (1.5, "é"), (2.0, "é")]);
    }

    #[test]
    fn an_animated_picture_shows_each_screen_in_its_time() {
        let ground = Style::new();
        let svg = film(&["a", "b", "b"]).svg(ground, "t");
        assert!(svg.contains("#s0{visibility:hidden;animation:s0 1.50s"), "{svg}");
        assert!(svg.contains("@keyframes s1{0%{visibility:hidden}33.333%{visibility:visible}"), "{svg}");
        assert_eq!(svg.matches("<g id=").count(), 2);
    }
}
