//! Themes: what each part of the screen looks like, as files.
//!
//! Views name a [`Role`]; a [`Theme`] gives its style, already reduced to the colours that the terminal
//! has. Themes are TOML (`themes/*.toml`, embedded; the user's own from the configuration folder): [`mod@file`] reads
//! one, [`set`] holds them all, [`chosen`] is the one in use, [`contrast`] says whether it can be read.

use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier, Style};

pub mod chosen;
pub mod contrast;
pub mod depth;
pub mod file;
pub mod reduce;
pub mod set;

#[cfg(test)]
mod tests;

use crate::run::log::{Attributes, Colour, Ink};
pub use chosen::Chosen;
pub use depth::Depth;
use file::{Look, ThemeFile};
use reduce::{Paint, from_256, nearest_16, nearest_256};
pub use set::Set;

macro_rules! roles {
    ($($variant:ident $name:literal),* $(,)?) => {
        /// A part of the screen with a look of its own.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Role { $($variant),* }

        impl Role {
            pub const ALL: &'static [(Role, &'static str)] = &[$((Role::$variant, $name)),*];

            /// As theme files write it.
            pub const fn name(self) -> &'static str {
                match self { $(Role::$variant => $name),* }
            }
        }
    };
}

roles! {
    Text "text", Strong "strong", Muted "muted", Faint "faint", Accent "accent", Bar "bar", Brand "brand", Key "key",
    Rule "rule", Title "title", TitleFocus "title-focus", Tab "tab", TabActive "tab-active", Selection "selection",
    SelectionUnfocused "selection-unfocused", CursorLine "cursor-line", LineNumber "line-number", Popup "popup",
    PopupBorder "popup-border", SearchMatch "search-match", NamedCharacter "named-character", Error "error",
    Warning "warning", Info "info", Ok "ok", Denied "denied", Limit "limit", Running "running", Changed "changed",
    Gauge "gauge", GaugeHigh "gauge-high", GaugeEmpty "gauge-empty", SyntaxHeading "syntax-heading",
    SyntaxKey "syntax-key", SyntaxString "syntax-string", SyntaxNumber "syntax-number",
    SyntaxKeyword "syntax-keyword", SyntaxFunction "syntax-function", SyntaxType "syntax-type",
    SyntaxComment "syntax-comment", SyntaxCode "syntax-code", SyntaxLink "syntax-link",
    SyntaxEmphasis "syntax-emphasis", SyntaxStrong "syntax-strong", SyntaxPunctuation "syntax-punctuation",
}

/// The ground a theme is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Dark,
    Light,
}

impl Kind {
    /// The ground of this colour: its lightness in CIE L*a*b* is below 50, or not.
    pub fn of_ground(colour: (u8, u8, u8)) -> Self {
        if contrast::luminance(colour) < 0.184 { Self::Dark } else { Self::Light }
    }

    /// From `fg;bg` or `fg;default;bg`, as rxvt, Konsole and others set it: 7 and 15 are light.
    pub fn of_colorfgbg(value: &str) -> Option<Self> {
        match value.rsplit(';').next()?.parse::<u8>().ok()? {
            7 | 15 => Some(Self::Light),
            0..=15 => Some(Self::Dark),
            _ => None,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
        }
    }
}

/// A theme ready for use.
#[derive(Debug, Clone)]
pub struct Theme {
    pub name: String,
    pub kind: Kind,
    styles: Vec<Style>,
    /// The sixteen colours a program may name.
    ansi: [Color; 16],
    depth: Depth,
}

/// The slots of a palette that stand for the sixteen colours a program may name.
const PROGRAM: [&str; 16] = [
    "base00", "base08", "base0B", "base0A", "base0D", "base0E", "base0C", "base05", "base03", "base08",
    "base0B", "base0A", "base0D", "base0E", "base0C", "base07",
];

impl Theme {
    fn new(
        file: &ThemeFile,
        palette: &BTreeMap<&str, Paint>,
        looks: &BTreeMap<&str, &Look>,
        depth: Depth,
    ) -> Self {
        let paint = |name: &str| palette.get(name).copied().or_else(|| Paint::parse(name));
        let colour = |name: &str| paint(name).map_or(Color::Reset, |it| it.reduce(name, file.kind, depth));
        let style = |(role, name): &(Role, &str)| {
            looks.get(name).map_or_else(Style::new, |look| look.style(*role, depth, colour))
        };
        let styles = Role::ALL.iter().map(style).collect();
        let mut ansi = [Color::Reset; 16];
        for (index, (mine, slot)) in ansi.iter_mut().zip(PROGRAM).enumerate() {
            *mine = match paint(slot) {
                Some(Paint::Rgb(..)) => colour(slot),
                // A theme that leaves the palette to the terminal leaves it to programs too.
                _ if depth == Depth::None => Color::Reset,
                _ => Color::Indexed(index as u8),
            };
        }
        Self { name: file.name.clone(), kind: file.kind, styles, ansi, depth }
    }

    /// Without any colours.
    fn plain() -> Self {
        let styles = vec![Style::new(); Role::ALL.len()];
        let (name, ansi) = ("plain".to_owned(), [Color::Reset; 16]);
        Self { name, kind: Kind::Dark, styles, ansi, depth: Depth::None }
    }

    pub fn style(&self, role: Role) -> Style {
        self.styles.get(role as usize).copied().unwrap_or_default()
    }

    /// The style of a program's own colours.
    pub fn ink(&self, ink: Ink) -> Style {
        let mut style = Style::new();
        if ink.named {
            return self.style(Role::NamedCharacter);
        }
        if self.depth != Depth::None {
            style.fg = ink.foreground.map(|colour| self.program_colour(colour));
            style.bg = ink.background.map(|colour| self.program_colour(colour));
        }
        for (attribute, modifier) in [
            (Attributes::BOLD, Modifier::BOLD),
            (Attributes::DIM, Modifier::DIM),
            (Attributes::ITALIC, Modifier::ITALIC),
            (Attributes::UNDERLINE, Modifier::UNDERLINED),
            (Attributes::REVERSE, Modifier::REVERSED),
            (Attributes::STRIKE, Modifier::CROSSED_OUT),
        ] {
            if ink.attributes.has(attribute) {
                style = style.add_modifier(modifier);
            }
        }
        style
    }

    fn program_colour(&self, colour: Colour) -> Color {
        match (colour, self.depth) {
            (Colour::Indexed(n @ 0..=15), Depth::Ansi16) => Color::Indexed(n),
            (Colour::Indexed(n @ 0..=15), _) => self.ansi[usize::from(n)],
            (Colour::Indexed(n), Depth::Ansi16) => Color::Indexed(nearest_16(from_256(n))),
            (Colour::Indexed(n), _) => Color::Indexed(n),
            (Colour::Rgb(r, g, b), Depth::True) => Color::Rgb(r, g, b),
            (Colour::Rgb(r, g, b), Depth::Ansi256) => Color::Indexed(nearest_256((r, g, b))),
            (Colour::Rgb(r, g, b), _) => Color::Indexed(nearest_16((r, g, b))),
        }
    }

    /// A theme whose colours say which role drew a cell: the base of screen snapshots.
    #[cfg(test)]
    pub(crate) fn of_roles() -> Self {
        let mut theme = Set::built_in().resolve(0, Depth::True);
        for (index, style) in theme.styles.iter_mut().enumerate() {
            style.fg = style.fg.map(|_| Color::Rgb(1, 0, index as u8));
            style.bg = style.bg.map(|_| Color::Rgb(2, 0, index as u8));
        }
        theme
    }
}

impl Look {
    fn style(&self, role: Role, depth: Depth, colour: impl Fn(&str) -> Color) -> Style {
        let mut style = Style::new();
        if depth != Depth::None {
            style.fg = self.fg.as_ref().map(|field| colour(&field.value));
            style.bg = self.bg.as_ref().map(|field| colour(&field.value));
        }
        let switches = [
            (self.bold, Modifier::BOLD),
            (self.dim, Modifier::DIM),
            (self.italic, Modifier::ITALIC),
            (self.underline, Modifier::UNDERLINED),
            (self.reverse, Modifier::REVERSED),
        ];
        for (on, modifier) in switches {
            if on {
                style = style.add_modifier(modifier);
            }
        }
        // With few or no colours, tints cannot carry the choice.
        match (depth, role) {
            (Depth::Ansi16 | Depth::None, Role::Selection) | (Depth::None, Role::SearchMatch) => {
                Style::new().add_modifier(Modifier::REVERSED)
            }
            (Depth::Ansi16 | Depth::None, Role::SelectionUnfocused) => {
                Style::new().add_modifier(Modifier::UNDERLINED)
            }
            (Depth::None, Role::Error | Role::Warning) => style.add_modifier(Modifier::BOLD),
            (Depth::None, Role::Faint | Role::LineNumber | Role::Rule | Role::GaugeEmpty) => {
                style.add_modifier(Modifier::DIM)
            }
            (Depth::Ansi16, Role::SearchMatch) if matches!(style.bg, None | Some(Color::Reset)) => {
                Style::new().add_modifier(Modifier::REVERSED)
            }
            (Depth::Ansi16, Role::CursorLine | Role::Text | Role::Bar | Role::Popup) => {
                Style { bg: None, ..style }
            }
            _ => style,
        }
    }
}
