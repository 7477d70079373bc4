//! Keys and mouse events as the workbench sees them: no terminal library here, so a test can type.

use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    pub code: Code,
    pub ctrl: bool,
    pub alt: bool,
    /// Only for keys that are no characters (`shift-tab`).
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
];

impl Key {
    pub const fn plain(code: Code) -> Self {
        Self { code, ctrl: false, alt: false, shift: false }
    }

    /// Read one key as it is written in the action table: `r`, `G`, `ctrl-d`, `shift-tab`, `space`.
    pub fn parse(text: &str) -> Option<Self> {
        let (mut ctrl, mut alt, mut shift) = (false, false, false);
        let mut rest = text;
        loop {
            if let Some(after) = rest.strip_prefix("ctrl-") {
                (ctrl, rest) = (true, after);
            } else if let Some(after) = rest.strip_prefix("alt-") {
                (alt, rest) = (true, after);
            } else if let Some(after) = rest.strip_prefix("shift-") {
                (shift, rest) = (true, after);
            } else {
                break;
            }
        }
        let mut letters = rest.chars();
        let code = match (letters.next(), letters.next()) {
            (Some(c), None) => Code::Char(c),
            (Some('f'), Some('0'..='9')) => Code::F(rest[1..].parse().ok()?),
            _ => NAMES.iter().find(|(name, _)| *name == rest)?.1,
        };
        Some(Self { code, ctrl, alt, shift })
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
        assert_eq!(Key::parse("nonsense"), None);
        let keys = Key::parse_all("a<enter><lt>b").unwrap();
        assert_eq!(keys.iter().map(Key::to_string).collect::<Vec<_>>(), ["a", "Enter", "<", "b"]);
        assert!(Key::parse_all("<what>").is_err());
    }
}
