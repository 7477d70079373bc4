//! Keys and mouse events as the workbench sees them: no terminal library here, so a test can type.

use std::fmt::{self, Write as _};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    pub code: Code,
    pub ctrl: bool,
    pub alt: bool,
    /// Only for keys that are no characters (`shift-tab`), and beside Ctrl (`ctrl-shift-p`): else Shift is in the
    /// character.
    pub shift: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    Char(char),
    Enter,
    Esc,
    Tab,
    Backspace,
    Delete,
    Insert,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
    F(u8),
}

const NAMES: &[(&str, Code)] = &[
    ("enter", Code::Enter),
    ("esc", Code::Esc),
    ("tab", Code::Tab),
    ("backspace", Code::Backspace),
    ("delete", Code::Delete),
    ("insert", Code::Insert),
    ("up", Code::Up),
    ("down", Code::Down),
    ("left", Code::Left),
    ("right", Code::Right),
    ("home", Code::Home),
    ("end", Code::End),
    ("pageup", Code::PageUp),
    ("pagedown", Code::PageDown),
    ("space", Code::Char(' ')),
    // Other names of the same keys; the first of a key is the one that is written.
    ("pgup", Code::PageUp),
    ("pgdn", Code::PageDown),
    ("escape", Code::Esc),
    ("return", Code::Enter),
    ("del", Code::Delete),
    ("ins", Code::Insert),
    ("↑", Code::Up),
    ("↓", Code::Down),
    ("←", Code::Left),
    ("→", Code::Right),
];

impl Key {
    pub const fn plain(code: Code) -> Self {
        Self { code, ctrl: false, alt: false, shift: false }
    }

    /// Read one key as the action table, a key file or the screen writes it: `r`, `G`, `ctrl-d`, `shift-tab`,
    /// `space`, `Ctrl-D`, `PgUp`, `↑`.
    pub fn parse(text: &str) -> Option<Self> {
        let (mut ctrl, mut alt, mut shift) = (false, false, false);
        let mut rest = text;
        // A single character is itself, be it `-` or `+`.
        while let Some((name, after)) = rest.split_once(['-', '+']).filter(|(_, after)| !after.is_empty()) {
            let modifier = match name.to_ascii_lowercase().as_str() {
                "ctrl" => &mut ctrl,
                "alt" => &mut alt,
                "shift" => &mut shift,
                _ => return None,
            };
            if std::mem::replace(modifier, true) {
                return None;
            }
            rest = after;
        }
        let mut letters = rest.chars();
        let code = match (letters.next(), letters.next()) {
            (Some(c), None) if !c.is_control() => {
                NAMES.iter().find(|(name, _)| *name == rest).map_or(Code::Char(c), |(_, code)| *code)
            }
            (Some('f' | 'F'), Some('0'..='9')) => {
                Code::F(rest[1..].parse().ok().filter(|n| (1..=24).contains(n))?)
            }
            _ => NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(rest))?.1,
        };
        Some(Self { code, ctrl, alt, shift }.settled())
    }

    /// One form for what different terminals tell about the same key: Shift with a character is that character, and
    /// is told apart only beside Ctrl or Alt, where letters are small.
    #[must_use]
    pub fn settled(self) -> Self {
        let Code::Char(c) = self.code else { return self };
        if self.ctrl {
            return Self { code: Code::Char(c.to_ascii_lowercase()), shift: self.shift && c != ' ', ..self };
        }
        let c = if self.shift { c.to_ascii_uppercase() } else { c };
        Self { code: Code::Char(c), shift: false, ..self }
    }

    /// The key as a key file has it; [`Key::parse`] reads it back.
    pub fn name(self) -> String {
        let mut name = String::new();
        for (on, modifier) in [(self.ctrl, "ctrl-"), (self.alt, "alt-"), (self.shift, "shift-")] {
            name.push_str(if on { modifier } else { "" });
        }
        match self.code {
            Code::F(n) => drop(write!(name, "f{n}")),
            code => match (NAMES.iter().find(|(_, known)| *known == code), code) {
                (Some((known, _)), _) => name.push_str(known),
                (None, Code::Char(c)) => name.push(c),
                (None, _) => {}
            },
        }
        name
    }

    /// The key that most terminals send the same bytes for: they cannot tell the two apart.
    pub fn same_as(self) -> Option<Self> {
        let code = match (self.code, self.ctrl) {
            (Code::Char('i'), true) => Code::Tab,
            (Code::Char('m' | 'j'), true) => Code::Enter,
            (Code::Char('['), true) => Code::Esc,
            _ => return None,
        };
        Some(Self { code, ctrl: false, ..self })
    }

    /// Read a string of keys as tests and `screenshot --keys` write them: plain characters are themselves,
    /// others stand in angle brackets (`jj<enter>/err<enter><ctrl-d>`), `<lt>` is `<`.
    pub fn parse_all(text: &str) -> Result<Vec<Self>, String> {
        let mut keys = Vec::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let named = rest.strip_prefix('<').and_then(|after| after.split_once('>'));
            match named {
                Some(("lt", after)) => {
                    keys.push(Self::plain(Code::Char('<')));
                    rest = after;
                }
                Some((name, after)) => {
                    keys.push(Self::parse(name).ok_or_else(|| format!("unknown key <{name}>"))?);
                    rest = after;
                }
                None => {
                    keys.push(Self::plain(Code::Char(c)));
                    rest = &rest[c.len_utf8()..];
                }
            }
        }
        Ok(keys)
    }
}

impl Key {
    /// How the key is written on the screen.
    pub fn shown(self, ascii: bool) -> String {
        match self.code {
            Code::Up | Code::Down | Code::Left | Code::Right if ascii => {
                let arrow = self.to_string();
                let modifiers = arrow.trim_end_matches(['↑', '↓', '←', '→']);
                format!("{modifiers}{:?}", self.code)
            }
            _ => self.to_string(),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("Ctrl-")?;
        }
        if self.alt {
            f.write_str("Alt-")?;
        }
        if self.shift {
            f.write_str("Shift-")?;
        }
        match self.code {
            Code::Char(' ') => f.write_str("Space"),
            Code::Char(c) if self.ctrl => write!(f, "{}", c.to_ascii_uppercase()),
            Code::Char(c) => write!(f, "{c}"),
            Code::F(n) => write!(f, "F{n}"),
            Code::Up => f.write_str("↑"),
            Code::Down => f.write_str("↓"),
            Code::Left => f.write_str("←"),
            Code::Right => f.write_str("→"),
            Code::PageUp => f.write_str("PgUp"),
            Code::PageDown => f.write_str("PgDn"),
            other => {
                let name = NAMES.iter().find(|(_, code)| *code == other).map_or("?", |(name, _)| name);
                let mut letters = name.chars();
                let first = letters.next().unwrap_or('?').to_ascii_uppercase();
                write!(f, "{first}{}", letters.as_str())
            }
        }
    }
}

/// What the mouse did, at a cell of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mouse {
    pub kind: MouseKind,
    pub column: u16,
    pub row: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MouseKind {
    Press,
    Drag,
    Release,
    WheelUp,
    WheelDown,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_written() {
        assert_eq!(Key::parse("r"), Some(Key::plain(Code::Char('r'))));
        assert_eq!(Key::parse("ctrl-d"), Some(Key { ctrl: true, ..Key::plain(Code::Char('d')) }));
        assert_eq!(Key::parse("shift-tab"), Some(Key { shift: true, ..Key::plain(Code::Tab) }));
        assert_eq!(Key::parse("f5"), Some(Key::plain(Code::F(5))));
        assert_eq!(Key::parse("f"), Some(Key::plain(Code::Char('f'))));
        assert_eq!(Key::parse("ctrl--"), Some(Key { ctrl: true, ..Key::plain(Code::Char('-')) }));
        assert_eq!(Key::parse("-"), Some(Key::plain(Code::Char('-'))));
        assert_eq!(Key::parse("+"), Some(Key::plain(Code::Char('+'))));
        assert_eq!(Key::parse("shift-a"), Key::parse("A"));
        assert_eq!(Key::parse("CTRL+D"), Key::parse("ctrl-d"));
        assert_ne!(
            Key::parse("ctrl-shift-c"),
            Key::parse("ctrl-c"),
            "copy in a terminal is not an interrupt"
        );
        for wrong in ["", "nonsense", "f0", "f99", "f1x", "ctrl-", "ctrl-ctrl-a", "hyper-a", "a-b", "\u{1b}"]
        {
            assert_eq!(Key::parse(wrong), None, "{wrong:?}");
        }
        let keys = Key::parse_all("a<enter><lt>b").unwrap();
        assert_eq!(keys.iter().map(Key::to_string).collect::<Vec<_>>(), ["a", "Enter", "<", "b"]);
        assert!(Key::parse_all("<what>").is_err());
    }

    #[test]
    fn a_key_is_read_back_as_the_screen_and_the_file_write_it() {
        let codes = NAMES.iter().map(|(_, code)| *code);
        let more =
            [Code::F(1), Code::F(24), Code::Char('x'), Code::Char('X'), Code::Char('-'), Code::Char('ä')];
        for code in codes.chain(more) {
            for modifiers in 0..8 {
                let [ctrl, alt, shift] = [1, 2, 4].map(|bit| modifiers & bit != 0);
                let key = Key { code, ctrl, alt, shift }.settled();
                for text in [key.to_string(), key.name(), key.shown(true)] {
                    assert_eq!(Key::parse(&text), Some(key), "{text}");
                }
            }
        }
    }
}
