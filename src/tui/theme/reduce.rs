//! Colours as theme files say them, in the number that the terminal has.

use ratatui::style::Color;

use super::{Depth, Kind};

/// A colour as a theme file says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    Rgb(u8, u8, u8),
    /// Of the terminal's 256 colours; the first sixteen are its own palette.
    Indexed(u8),
    /// The terminal's own foreground or background.
    Default,
}

/// The terminal's sixteen colours by name, in the order of their numbers.
pub const ANSI_NAMES: [&str; 16] = [
    "black",
    "red",
    "green",
    "yellow",
    "blue",
    "magenta",
    "cyan",
    "white",
    "bright-black",
    "bright-red",
    "bright-green",
    "bright-yellow",
    "bright-blue",
    "bright-magenta",
    "bright-cyan",
    "bright-white",
];

/// How a colour may be written.
pub const FORMS: &str = "write \"#rrggbb\", the name of one of the terminal's colours such as \"bright-red\", \
                         \"default\", or a number from 0 to 255";

impl Paint {
    /// Read `#rrggbb`, `#rgb`, a name, `default`, or a number of the 256 colours.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(digits) = text.strip_prefix('#') {
            return hex(digits);
        }
        if text == "default" {
            return Some(Self::Default);
        }
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            return text.parse().ok().map(Self::Indexed);
        }
        let name = match text {
            "grey" | "gray" | "bright-grey" | "bright-gray" => "bright-black",
            other => other,
        };
        ANSI_NAMES.iter().position(|known| *known == name).map(|index| Self::Indexed(index as u8))
    }

    /// In the colours that there are. With sixteen, a slot of the palette keeps its meaning, and what has none is
    /// left to the terminal.
    pub(super) fn reduce(self, slot: &str, kind: Kind, depth: Depth) -> Color {
        match (self, depth) {
            (_, Depth::None) | (Self::Default, _) => Color::Reset,
            (Self::Rgb(r, g, b), Depth::True) => Color::Rgb(r, g, b),
            (Self::Rgb(r, g, b), Depth::Ansi256) => Color::Indexed(nearest_256((r, g, b))),
            (Self::Rgb(..), Depth::Ansi16) => of_sixteen(slot, kind),
            (Self::Indexed(n @ 16..), Depth::Ansi16) => Color::Indexed(nearest_16(from_256(n))),
            (Self::Indexed(n), _) => Color::Indexed(n),
        }
    }
}

fn hex(digits: &str) -> Option<Paint> {
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let part = |at: usize, len: usize| u8::from_str_radix(digits.get(at..at + len)?, 16).ok();
    match digits.len() {
        6 => Some(Paint::Rgb(part(0, 2)?, part(2, 2)?, part(4, 2)?)),
        3 => Some(Paint::Rgb(part(0, 1)? * 17, part(1, 1)? * 17, part(2, 1)? * 17)),
        _ => None,
    }
}

/// The bright colours are those that can be read on black, the others those on white; yellow, cyan and green are too
/// pale there.
fn of_sixteen(slot: &str, kind: Kind) -> Color {
    let index = match (slot, kind) {
        ("base02" | "base03", _) => 8,
        ("base08", Kind::Dark) => 9,
        ("base09", Kind::Dark) => 3,
        ("base0A" | "base0F", Kind::Dark) => 11,
        ("base0B", Kind::Dark) => 10,
        ("base0C", Kind::Dark) => 14,
        ("base0D", Kind::Dark) => 12,
        ("base0E", Kind::Dark) => 13,
        ("base08" | "base0F", Kind::Light) => 1,
        ("base09" | "base0A" | "base0E", Kind::Light) => 5,
        ("base0B", Kind::Light) => 2,
        ("base0C" | "base0D", Kind::Light) => 4,
        _ => return Color::Reset,
    };
    Color::Indexed(index)
}

/// Red, green and blue of a colour; of the first sixteen as xterm has them. `None` for the terminal's own ground.
pub fn rgb(colour: Color) -> Option<(u8, u8, u8)> {
    match colour {
        Color::Rgb(r, g, b) => Some((r, g, b)),
        Color::Indexed(n) => Some(from_256(n)),
        _ => None,
    }
}

const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];

pub(super) fn from_256(n: u8) -> (u8, u8, u8) {
    match n {
        0..=15 => ANSI[usize::from(n)],
        16..=231 => {
            let n = n - 16;
            (LEVELS[usize::from(n / 36)], LEVELS[usize::from(n / 6 % 6)], LEVELS[usize::from(n % 6)])
        }
        232.. => {
            let grey = 8 + (n - 232) * 10;
            (grey, grey, grey)
        }
    }
}

const ANSI: [(u8, u8, u8); 16] = [
    (0, 0, 0),
    (205, 0, 0),
    (0, 205, 0),
    (205, 205, 0),
    (0, 0, 238),
    (205, 0, 205),
    (0, 205, 205),
    (229, 229, 229),
    (127, 127, 127),
    (255, 0, 0),
    (0, 255, 0),
    (255, 255, 0),
    (92, 92, 255),
    (255, 0, 255),
    (0, 255, 255),
    (255, 255, 255),
];

fn distance(a: (u8, u8, u8), b: (u8, u8, u8)) -> u32 {
    let part = |x: u8, y: u8| u32::from(x.abs_diff(y)).pow(2);
    part(a.0, b.0) * 2 + part(a.1, b.1) * 4 + part(a.2, b.2) * 3
}

pub(super) fn nearest_256(rgb: (u8, u8, u8)) -> u8 {
    (16..=255).min_by_key(|n| distance(from_256(*n), rgb)).unwrap_or(7)
}

pub(super) fn nearest_16(rgb: (u8, u8, u8)) -> u8 {
    (0..16).min_by_key(|n| distance(ANSI[usize::from(*n)], rgb)).unwrap_or(7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read_in_every_form() {
        assert_eq!(Paint::parse("#0a1B2c"), Some(Paint::Rgb(10, 27, 44)));
        assert_eq!(Paint::parse("#f0a"), Some(Paint::Rgb(255, 0, 170)));
        assert_eq!(Paint::parse("bright-red"), Some(Paint::Indexed(9)));
        assert_eq!(Paint::parse("grey"), Some(Paint::Indexed(8)));
        assert_eq!(Paint::parse("208"), Some(Paint::Indexed(208)));
        assert_eq!(Paint::parse("default"), Some(Paint::Default));
        for wrong in ["", "#", "#12345", "#1234567", "#+1+2+3", "#\u{e9}1234", "256", "1x", "Red", "crimson"]
        {
            assert_eq!(Paint::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn sixteen_colours_keep_their_meaning_and_the_terminal_s_own_are_kept() {
        let of = |paint: &str, slot, kind, depth| Paint::parse(paint).unwrap().reduce(slot, kind, depth);
        assert_eq!(of("#e8747c", "base08", Kind::Dark, Depth::Ansi16), Color::Indexed(9));
        assert_eq!(of("#b62c3d", "base08", Kind::Light, Depth::Ansi16), Color::Indexed(1));
        assert_eq!(of("#c8d0dc", "base05", Kind::Dark, Depth::Ansi16), Color::Reset);
        for depth in [Depth::True, Depth::Ansi256, Depth::Ansi16] {
            assert_eq!(of("red", "base0D", Kind::Dark, depth), Color::Indexed(1));
        }
        assert_eq!(of("208", "x", Kind::Dark, Depth::Ansi16), Color::Indexed(3));
        assert_eq!(of("red", "base08", Kind::Dark, Depth::None), Color::Reset);
    }
}
