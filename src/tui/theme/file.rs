//! Reads one theme file. What is wrong with it is told with its place; a file with an error gives no theme, because
//! half a theme would be text that cannot be read.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml_edit::{Document, Item, TableLike, Value};

use super::reduce::{FORMS, Paint};
use super::{Kind, Role};
use crate::skill::findings::Lines;
use crate::skill::text::{did_you_mean, printable};
use crate::skill::{Diagnostic, Field, Severity, Span};

/// Longest theme file that is read, in bytes; the longest of ours has five thousand.
pub const MAX_BYTES: usize = 256 * 1024;

/// A theme as its file says it.
#[derive(Debug, Clone, PartialEq)]
pub struct ThemeFile {
    pub name: String,
    pub kind: Kind,
    /// The theme for the other ground.
    pub partner: Option<Field<String>>,
    pub inherits: Option<Field<String>>,
    pub palette: BTreeMap<String, Paint>,
    pub roles: BTreeMap<&'static str, Look>,
    /// The user's file; `None` for one of the program's own.
    pub path: Option<PathBuf>,
}

/// What a role looks like.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Look {
    /// A slot of the palette or a colour.
    pub fg: Option<Field<String>>,
    pub bg: Option<Field<String>>,
    pub bold: bool,
    pub dim: bool,
    pub italic: bool,
    pub underline: bool,
    pub reverse: bool,
}

/// A theme file, read.
#[derive(Debug, Clone, Default)]
pub struct Parsed {
    pub theme: Option<ThemeFile>,
    /// In the order of their places.
    pub diagnostics: Vec<Diagnostic>,
}

const KEYS: [&str; 6] = ["name", "kind", "inherits", "partner", "palette", "roles"];
const LOOKS: [&str; 7] = ["fg", "bg", "bold", "dim", "italic", "underline", "reverse"];

/// Read the text of a theme file. `path` is where diagnostics say it is.
pub fn parse(text: &str, path: &Path) -> Parsed {
    let mut reader = Reader { path, lines: Lines::new(text), diagnostics: Vec::new() };
    let theme = if text.len() > MAX_BYTES {
        reader.error(
            "theme-syntax",
            0..0,
            "the file is too long for a theme",
            "make it smaller than 256 KiB",
        );
        None
    } else {
        match Document::parse(text) {
            Ok(document) => reader.theme(document.as_table()),
            Err(error) => {
                let message = error.message().lines().next().unwrap_or_default().to_owned();
                let help = "theme files are TOML; themes/dark.toml of the program shows how one is written";
                reader.error("theme-syntax", error.span().unwrap_or(0..0), message, help);
                None
            }
        }
    };
    reader.diagnostics.sort_by_key(|found| (found.span.start, found.span.end));
    let theme = theme.filter(|_| reader.diagnostics.is_empty());
    Parsed { theme, diagnostics: reader.diagnostics }
}

/// A mistake at a place of a theme file.
pub fn error(path: &Path, span: Span, code: &'static str, message: &str, help: String) -> Diagnostic {
    let message = printable(message).into_owned();
    Diagnostic { severity: Severity::Error, code, file: path.to_owned(), span, message, help, fix: None }
}

/// A finding on one line, for a notice. `path` is the file as it is shown.
pub fn told(found: &Diagnostic, path: &str) -> String {
    let Span { line, column, .. } = found.span;
    format!("{path}:{line}:{column}: {}; {}", found.message, found.help)
}

struct Reader<'a> {
    path: &'a Path,
    lines: Lines<'a>,
    diagnostics: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn error(
        &mut self,
        code: &'static str,
        at: Range<usize>,
        message: impl AsRef<str>,
        help: impl Into<String>,
    ) {
        let span = self.lines.span(at);
        self.diagnostics.push(error(self.path, span, code, message.as_ref(), help.into()));
    }

    fn theme(&mut self, table: &dyn TableLike) -> Option<ThemeFile> {
        self.known_keys(table, &KEYS, "theme-key", "a theme file");
        let name = self.name(table)?;
        let kind = self.kind(table);
        let (inherits, partner) = (self.text(table, "inherits"), self.text(table, "partner"));
        let palette = self.table(table, "palette").map(|slots| self.palette(slots)).unwrap_or_default();
        let roles = self.table(table, "roles").map(|roles| self.roles(roles)).unwrap_or_default();
        Some(ThemeFile {
            name,
            kind: kind?,
            partner,
            inherits,
            palette,
            roles,
            path: Some(self.path.to_owned()),
        })
    }

    fn name(&mut self, table: &dyn TableLike) -> Option<String> {
        let Some(name) = self.text(table, "name") else {
            if table.get("name").is_none() {
                self.error(
                    "theme-value",
                    0..0,
                    "the theme has no name",
                    "write `name = \"mine\"` at the top",
                );
            }
            return None;
        };
        let Field { value, span } = name;
        let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        if value.is_empty() || value.chars().count() > 40 || !value.chars().all(fits) || value == "auto" {
            let help = "a name has 1 to 40 letters, digits, `-`, `_` or `.`, and is not `auto`";
            self.error(
                "theme-value",
                span.start..span.end,
                format!("`{value}` cannot be a theme's name"),
                help,
            );
            return None;
        }
        Some(value)
    }

    fn kind(&mut self, table: &dyn TableLike) -> Option<Kind> {
        let Some(kind) = self.text(table, "kind") else {
            if table.get("kind").is_none() {
                let help = "write `kind = \"dark\"` or `kind = \"light\"`: the ground it is made for";
                self.error("theme-value", 0..0, "the theme has no kind", help);
            }
            return None;
        };
        match kind.value.as_str() {
            "dark" => Some(Kind::Dark),
            "light" => Some(Kind::Light),
            other => {
                let at = kind.span.start..kind.span.end;
                self.error("theme-value", at, format!("`{other}` is no kind"), "write `dark` or `light`");
                None
            }
        }
    }

    fn palette(&mut self, slots: &dyn TableLike) -> BTreeMap<String, Paint> {
        let mut palette = BTreeMap::new();
        for (slot, item) in slots.iter() {
            let Some(Field { value, span }) = self.colour_text(slot, item) else { continue };
            if let Some(paint) = Paint::parse(&value) {
                palette.insert(slot.to_owned(), paint);
            } else {
                let message = format!("{slot}: `{value}` is not a colour");
                self.error("theme-colour", span.start..span.end, message, near_colour(&value));
            }
        }
        palette
    }

    fn roles(&mut self, roles: &dyn TableLike) -> BTreeMap<&'static str, Look> {
        let mut looks = BTreeMap::new();
        for (name, item) in roles.iter() {
            let Some((_, known)) = Role::ALL.iter().find(|(_, known)| *known == name) else {
                let at = key_span(roles, name);
                let near = did_you_mean(name, Role::ALL.iter().map(|(_, known)| *known));
                let help = near.map_or_else(
                    || "`skilldeck themes --show dark` shows all roles".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                self.error("theme-role", at, format!("unknown role `{name}`"), help);
                continue;
            };
            let Some(look) = item.as_table_like() else {
                let help = format!("write {name} = {{ fg = \"base05\", bold = true }}");
                self.error("theme-value", span_of(item), format!("{name}: a role is a table"), help);
                continue;
            };
            let look = self.look(look);
            looks.insert(*known, look);
        }
        looks
    }

    fn look(&mut self, table: &dyn TableLike) -> Look {
        self.known_keys(table, &LOOKS, "theme-key", "a role");
        let mut colour = |key| table.get(key).and_then(|item| self.colour_text(key, item));
        let (fg, bg) = (colour("fg"), colour("bg"));
        let mut switch = |key| match table.get(key) {
            None => false,
            Some(item) => item.as_bool().unwrap_or_else(|| {
                self.error(
                    "theme-value",
                    span_of(item),
                    format!("{key} is a switch"),
                    "write `true` or `false`",
                );
                false
            }),
        };
        Look {
            fg,
            bg,
            bold: switch("bold"),
            dim: switch("dim"),
            italic: switch("italic"),
            underline: switch("underline"),
            reverse: switch("reverse"),
        }
    }

    /// A colour as it is written: text, or a number of the 256 colours.
    fn colour_text(&mut self, key: &str, item: &Item) -> Option<Field<String>> {
        let value = match item.as_value() {
            Some(Value::String(text)) => text.value().clone(),
            Some(Value::Integer(number)) if (0..=255).contains(number.value()) => number.value().to_string(),
            _ => {
                self.error("theme-colour", span_of(item), format!("{key} is no colour"), FORMS);
                return None;
            }
        };
        Some(Field { value, span: self.lines.span(span_of(item)) })
    }

    fn text(&mut self, table: &dyn TableLike, key: &str) -> Option<Field<String>> {
        let item = table.get(key)?;
        let Some(text) = item.as_str() else {
            let help = format!("write {key} = \"...\"");
            self.error("theme-value", span_of(item), format!("{key} must be text"), help);
            return None;
        };
        Some(Field { value: text.to_owned(), span: self.lines.span(span_of(item)) })
    }

    fn table<'t>(&mut self, table: &'t dyn TableLike, key: &str) -> Option<&'t dyn TableLike> {
        let item = table.get(key)?;
        let found = item.as_table_like();
        if found.is_none() {
            let message = format!("{key} must be a table");
            self.error("theme-value", span_of(item), message, format!("write [{key}] on a line of its own"));
        }
        found
    }

    fn known_keys(&mut self, table: &dyn TableLike, known: &[&'static str], code: &'static str, what: &str) {
        for (key, _) in table.iter() {
            if known.contains(&key) {
                continue;
            }
            let near = did_you_mean(key, known.iter().copied());
            let help = near.map_or_else(
                || format!("known are {}", known.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            let at = key_span(table, key);
            self.error(code, at, format!("unknown key `{key}` in {what}"), help);
        }
    }
}

fn near_colour(value: &str) -> String {
    let near = did_you_mean(value, super::reduce::ANSI_NAMES.into_iter());
    near.map_or_else(|| FORMS.to_owned(), |near| format!("did you mean \"{near}\"?"))
}

fn span_of(item: &Item) -> Range<usize> {
    item.span().unwrap_or(0..0)
}

fn key_span(table: &dyn TableLike, key: &str) -> Range<usize> {
    table.key(key).and_then(toml_edit::Key::span).unwrap_or(0..0)
}

impl ThemeFile {
    /// Where the file says something of a role, or its beginning.
    pub fn place(&self, role: &str) -> Span {
        let look = self.roles.get(role).and_then(|look| look.fg.as_ref().or(look.bg.as_ref()));
        look.map_or(Span { line: 1, column: 1, end_line: 1, end_column: 1, start: 0, end: 0 }, |field| {
            field.span
        })
    }

    /// Every colour that a role names, for the check that there are such slots.
    pub(super) fn named_colours(&self) -> impl Iterator<Item = &Field<String>> {
        self.roles.values().flat_map(|look| [&look.fg, &look.bg]).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `line:column code message (help)` of every finding.
    fn found(text: &str) -> Vec<String> {
        let parsed = parse(text, Path::new("mine.toml"));
        assert_eq!(parsed.theme.is_none(), !parsed.diagnostics.is_empty());
        let line = |found: &Diagnostic| {
            let Span { line, column, .. } = found.span;
            format!("{line}:{column} {} {} ({})", found.code, found.message, found.help)
        };
        parsed.diagnostics.iter().map(line).collect()
    }

    const HEAD: &str = "name = 'x'\nkind = 'dark'\n";

    #[test]
    fn mistakes_are_told_with_their_place_and_what_was_meant() {
        let text = format!(
            "{HEAD}[palette]\nbase00 = 'brigt-red'\nbase01 = 300\n[roles]\nwarnng = {{}}\nok = {{ gf = 1, bold = 1 }}\n"
        );
        let found = found(&text);
        assert_eq!(found.len(), 5, "{found:#?}");
        assert_eq!(
            found[0],
            "4:10 theme-colour base00: `brigt-red` is not a colour (did you mean \"bright-red\"?)"
        );
        assert!(found[1].starts_with("5:10 theme-colour base01 is no colour"), "{}", found[1]);
        assert_eq!(found[2], "7:1 theme-role unknown role `warnng` (did you mean `warning`?)");
        assert!(found[3].starts_with("8:8 theme-key unknown key `gf` in a role"), "{}", found[3]);
        assert_eq!(found[4], "8:23 theme-value bold is a switch (write `true` or `false`)");
    }

    #[test]
    fn a_theme_needs_a_name_and_a_kind() {
        assert!(found("kind = 'dark'")[0].starts_with("1:1 theme-value the theme has no name"));
        assert!(found("name = 'x'")[0].starts_with("1:1 theme-value the theme has no kind"));
        assert!(found("name = 'a b'\nkind = 'dark'")[0].starts_with("1:8 theme-value `a b` cannot be"));
        assert!(found("name = 'auto'\nkind = 'dark'")[0].contains("cannot be a theme's name"));
        assert!(found("name = 'x'\nkind = 'dim'")[0].starts_with("2:8 theme-value `dim` is no kind"));
        assert!(found("name = 1\nkind = 'dark'")[0].starts_with("1:8 theme-value name must be text"));
        assert!(found(&format!("{HEAD}roles = 1"))[0].starts_with("3:9 theme-value roles must be a table"));
        assert!(
            found(&format!("{HEAD}[roles]\nok = 1"))[0].starts_with("4:6 theme-value ok: a role is a table")
        );
    }

    #[test]
    fn broken_toml_is_told_at_its_place() {
        let found = found("name = 'x'\nkind = dark\n");
        assert!(found[0].starts_with("2:8 theme-syntax"), "{found:?}");
    }

    #[test]
    fn a_whole_file_is_read() {
        let text = format!(
            "{HEAD}partner = 'y'\n[palette]\nnight = '#123'\n[roles]\nok = {{ fg = 'night', bg = 17, dim = true }}\n"
        );
        let theme = parse(&text, Path::new("x.toml")).theme.unwrap();
        assert_eq!(theme.palette["night"], Paint::Rgb(0x11, 0x22, 0x33));
        let look = &theme.roles["ok"];
        assert_eq!(
            (look.fg.as_ref().unwrap().value.as_str(), look.bg.as_ref().unwrap().value.as_str()),
            ("night", "17")
        );
        assert!(look.dim && !look.bold);
        assert_eq!(theme.partner.unwrap().value, "y");
    }
}
