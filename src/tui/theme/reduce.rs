//! Colours in the number that the terminal has.

use std::collections::BTreeMap;

use ratatui::style::Color;

use super::Depth;

pub(super) fn parse_hex(text: &str) -> Option<(u8, u8, u8)> {
    let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii())?;
    let part = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
    Some((part(0)?, part(2)?, part(4)?))
}

/// A slot or `#rrggbb` in the colours that there are. On 16 colours the slots keep their meaning.
pub(super) fn reduce(name: &str, palette: &BTreeMap<&str, &str>, depth: Depth) -> Color {
    let Some(rgb) = parse_hex(palette.get(name).copied().unwrap_or(name)) else { return Color::Reset };
    match depth {
        Depth::True => Color::Rgb(rgb.0, rgb.1, rgb.2),
        Depth::Ansi256 => Color::Indexed(nearest_256(rgb)),
        Depth::None => Color::Reset,
        Depth::Ansi16 => match name {
            "base08" => Color::Red,
            "base09" | "base0A" | "base0F" => Color::Yellow,
            "base0B" => Color::Green,
            "base0C" => Color::Cyan,
            "base0D" => Color::Blue,
            "base0E" => Color::Magenta,
            "base02" | "base03" => Color::DarkGray,
            _ => Color::Reset,
        },
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
