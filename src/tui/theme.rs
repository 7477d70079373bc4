//! Themes: what each part of the screen looks like, as files.
//!
//! Views name a [`Role`]; a [`Theme`] gives its style, already reduced to the colours that the terminal
//! has. Themes are TOML (`themes/*.toml`, embedded; the user's own from the configuration folder).

use std::collections::BTreeMap;
use std::path::Path;

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;

mod reduce;

use crate::run::log::{Attributes, Colour, Ink};
use reduce::{from_256, nearest_16, nearest_256, parse_hex, reduce};

macro_rules! roles {
    ($($variant:ident $name:literal),* $(,)?) => {
        /// A part of the screen with a look of its own.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Role { $($variant),* }

        impl Role {
            pub const ALL: &'static [(Role, &'static str)] = &[$((Role::$variant, $name)),*];
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

/// How many colours the terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    True,
    Ansi256,
    Ansi16,
    /// `NO_COLOR` or a terminal without colours: attributes only.
    None,
}

impl Depth {
    /// From the environment alone: asking the terminal would delay the first frame.
    pub fn detect(variable: impl Fn(&str) -> Option<String>) -> Self {
        let term = variable("TERM").unwrap_or_default();
        if variable("NO_COLOR").is_some_and(|value| !value.is_empty())
            || term == "dumb"
            || term.contains("mono")
        {
            return Self::None;
        }
        let truecolor = variable("COLORTERM").is_some_and(|value| value == "truecolor" || value == "24bit");
        if truecolor || term.contains("direct") {
            Self::True
        } else if term.contains("256")
            || ["kitty", "alacritty", "foot", "wezterm"].iter().any(|t| term.contains(t))
        {
            Self::Ansi256
        } else {
            Self::Ansi16
        }
    }
}

/// A theme ready for use.
#[derive(Debug, Clone)]
pub struct Theme {
    pub name: String,
    styles: Vec<Style>,
    /// The sixteen colours a program may name.
    ansi: [Color; 16],
    depth: Depth,
}

/// A theme as its file says it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThemeFile {
    pub name: String,
    pub kind: Kind,
    #[serde(default)]
    inherits: Option<String>,
    #[serde(default)]
    palette: BTreeMap<String, String>,
    #[serde(default)]
    roles: BTreeMap<String, Look>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Dark,
    Light,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(clippy::struct_excessive_bools)] // mirrors the file, where each is a switch
struct Look {
    fg: Option<String>,
    bg: Option<String>,
    bold: bool,
    dim: bool,
    italic: bool,
    underline: bool,
    reverse: bool,
}

const BUILT_IN: &[&str] = &[
    include_str!("../../themes/dark.toml"),
    include_str!("../../themes/light.toml"),
    include_str!("../../themes/high-contrast.toml"),
    include_str!("../../themes/colour-blind.toml"),
];

/// The embedded themes, and those of the user's folder (`*.toml`), which may replace them by name.
/// Each broken file gives one sentence.
pub fn available(folder: Option<&Path>) -> (Vec<ThemeFile>, Vec<String>) {
    let mut themes: Vec<ThemeFile> = Vec::new();
    let mut problems = Vec::new();
    for text in BUILT_IN {
        match ThemeFile::parse(text) {
            Ok(theme) => themes.push(theme),
            Err(problem) => problems.push(problem),
        }
    }
    let mut paths: Vec<_> = folder
        .and_then(|folder| std::fs::read_dir(folder).ok())
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ext| ext == "toml"))
        .collect();
    paths.sort();
    for path in paths {
        let read = std::fs::read_to_string(&path).map_err(|e| e.to_string());
        match read.and_then(|text| ThemeFile::parse(&text)) {
            Ok(theme) => {
                themes.retain(|known| known.name != theme.name);
                themes.push(theme);
            }
            Err(problem) => problems.push(format!("theme {} not used: {problem}", path.display())),
        }
    }
    (themes, problems)
}

impl ThemeFile {
    /// Read a theme file; every role and slot name is checked.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: Self =
            toml_edit::de::from_str(text).map_err(|e| e.to_string().replace('\n', " ").trim().to_owned())?;
        for role in file.roles.keys() {
            if !Role::ALL.iter().any(|(_, name)| name == role) {
                return Err(format!("unknown role {role}; the roles are listed in themes/dark.toml"));
            }
        }
        for (slot, value) in &file.palette {
            if parse_hex(value).is_none() {
                return Err(format!("{slot} = \"{value}\" is not a colour; write it as \"#rrggbb\""));
            }
        }
        Ok(file)
    }

    /// The theme for a terminal with `depth` colours. `all` is where an inherited theme is looked for.
    pub fn resolve(&self, all: &[ThemeFile], depth: Depth) -> Theme {
        let mut palette = BTreeMap::new();
        let mut roles: BTreeMap<&str, &Look> = BTreeMap::new();
        for file in self.ancestry(all).into_iter().rev() {
            palette.extend(file.palette.iter().map(|(slot, value)| (slot.as_str(), value.as_str())));
            roles.extend(file.roles.iter().map(|(role, look)| (role.as_str(), look)));
        }
        let colour = |name: &str| reduce(name, &palette, depth);
        let styles = Role::ALL
            .iter()
            .map(|(role, name)| {
                roles.get(name).map_or_else(Style::new, |look| look.style(*role, depth, colour))
            })
            .collect();
        let slots = [0, 8, 0xB, 0xA, 0xD, 0xE, 0xC, 5, 3, 8, 0xB, 0xA, 0xD, 0xE, 0xC, 7];
        let ansi = slots.map(|slot: u8| colour(&format!("base{slot:02X}")));
        Theme { name: self.name.clone(), styles, ansi, depth }
    }

    /// This theme and those it inherits from, nearest first.
    fn ancestry<'a>(&'a self, all: &'a [ThemeFile]) -> Vec<&'a ThemeFile> {
        let mut chain = vec![self];
        let mut parent = self.inherits.as_deref();
        while let Some(file) = parent.and_then(|name| all.iter().find(|file| file.name == name)) {
            if chain.iter().any(|seen| seen.name == file.name) {
                break;
            }
            chain.push(file);
            parent = file.inherits.as_deref();
        }
        chain
    }
}

impl Look {
    fn style(&self, role: Role, depth: Depth, colour: impl Fn(&str) -> Color) -> Style {
        let mut style = Style::new();
        if depth != Depth::None {
            style.fg = self.fg.as_deref().map(&colour);
            style.bg = self.bg.as_deref().map(&colour);
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
            (Depth::Ansi16, Role::CursorLine | Role::Text | Role::Bar | Role::Popup) => {
                Style { bg: None, ..style }
            }
            _ => style,
        }
    }
}

impl Theme {
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
        let (files, _) = available(None);
        let mut theme = files[0].resolve(&files, Depth::True);
        for (index, style) in theme.styles.iter_mut().enumerate() {
            style.fg = style.fg.map(|_| Color::Rgb(1, 0, index as u8));
            style.bg = style.bg.map(|_| Color::Rgb(2, 0, index as u8));
        }
        theme
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(pairs: &[(&str, &str)]) -> Depth {
        Depth::detect(|name| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn colours_follow_the_environment() {
        assert_eq!(detect(&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")]), Depth::True);
        assert_eq!(detect(&[("TERM", "tmux-256color")]), Depth::Ansi256);
        assert_eq!(detect(&[("TERM", "linux")]), Depth::Ansi16);
        assert_eq!(detect(&[("TERM", "xterm-256color"), ("NO_COLOR", "1")]), Depth::None);
        assert_eq!(detect(&[("TERM", "dumb")]), Depth::None);
    }

    #[test]
    fn built_in_themes_are_whole() {
        let (files, problems) = available(None);
        assert_eq!(problems, [""; 0]);
        assert_eq!(files.len(), 4);
        for (_, name) in Role::ALL {
            assert!(files[0].roles.contains_key(*name), "dark.toml has no role {name}");
        }
        for file in &files {
            for depth in [Depth::True, Depth::Ansi256, Depth::Ansi16, Depth::None] {
                let theme = file.resolve(&files, depth);
                assert_ne!(theme.style(Role::Selection), Style::new(), "{} {depth:?}", file.name);
                if depth == Depth::None {
                    assert!(Role::ALL.iter().all(|(role, _)| theme.style(*role).fg.is_none()));
                }
            }
        }
    }

    #[test]
    fn mistakes_in_a_theme_file_are_named() {
        assert!(
            ThemeFile::parse("name = 'x'\nkind = 'dark'\n[roles]\ntxet = {}").unwrap_err().contains("txet")
        );
        assert!(
            ThemeFile::parse("name = 'x'\nkind = 'dark'\n[palette]\nbase00 = 'red'")
                .unwrap_err()
                .contains("red")
        );
        assert!(ThemeFile::parse("kind = 'dark'").is_err());
    }

    /// Relative luminance and contrast as in WCAG 2.2, 1.4.3.
    fn contrast(a: (u8, u8, u8), b: (u8, u8, u8)) -> f64 {
        let luminance = |(r, g, b): (u8, u8, u8)| {
            let part = |v: u8| {
                let v = f64::from(v) / 255.0;
                if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b)
        };
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_can_be_read_in_every_theme() {
        let (files, _) = available(None);
        for file in &files {
            let wanted = if file.name == "high-contrast" { 7.0 } else { 4.5 };
            let theme = file.resolve(&files, Depth::True);
            let rgb =
                |colour| if let Some(Color::Rgb(r, g, b)) = colour { (r, g, b) } else { unreachable!() };
            let ground = rgb(theme.style(Role::Text).bg);
            for role in
                [Role::Text, Role::Muted, Role::Error, Role::Warning, Role::Ok, Role::Accent, Role::Limit]
            {
                let found = contrast(rgb(theme.style(role).fg), ground);
                assert!(found >= wanted, "{} {role:?}: {found:.1}", file.name);
            }
        }
    }
}
