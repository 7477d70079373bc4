//! The user's settings: `config.toml` in the configuration folder, for what would else be given on every command
//! line. The command line wins.

use std::path::{Path, PathBuf};

use toml_edit::{Document, Item};

use crate::skill::findings::Lines;
use crate::skill::text::did_you_mean;
use crate::skill::{Diagnostic, Span};
use crate::user::Files;

use super::theme::{file, set};

const KEYS: [&str; 4] = ["theme", "ascii", "mouse", "journal"];

/// What the file says. A value with a mistake is as if it were not there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    pub theme: Option<String>,
    pub ascii: Option<bool>,
    pub mouse: Option<bool>,
    pub diagnostics: Vec<Diagnostic>,
}

/// Where the user's settings are, whether the file exists or not.
pub fn of_user() -> Option<PathBuf> {
    Some(Files::Config.folder()?.join("config.toml"))
}

/// Read the file; none is no mistake.
pub fn read(path: &Path) -> Settings {
    match set::text(path) {
        Ok(text) => parse(&text, path),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Settings::default(),
        Err(error) => Settings { diagnostics: vec![set::unreadable(path, &error)], ..Settings::default() },
    }
}

/// Read the text of a settings file.
pub fn parse(text: &str, path: &Path) -> Settings {
    let mut settings = Settings::default();
    let lines = Lines::new(text);
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(error) => {
            let span = lines.span(error.span().unwrap_or(0..0));
            let message = error.message().lines().next().unwrap_or_default();
            let help = "settings are TOML: theme = \"light\"".to_owned();
            settings.diagnostics.push(file::error(path, span, "settings-syntax", message, help));
            return settings;
        }
    };
    let mut tell = |span: Span, message: String, help: String| {
        settings.diagnostics.push(file::error(path, span, "settings-value", &message, help));
    };
    let table = document.as_table();
    let place = |item: &Item| lines.span(item.span().unwrap_or(0..0));
    for (key, item) in table {
        let switch = |tell: &mut dyn FnMut(Span, String, String)| {
            let found = item.as_bool();
            if found.is_none() {
                tell(place(item), format!("{key} is a switch"), "write `true` or `false`".to_owned());
            }
            found
        };
        match key {
            "theme" => {
                settings.theme = item.as_str().map(str::to_owned);
                if settings.theme.is_none() {
                    let help = "write a theme's name or `auto`; `skilldeck themes` lists them".to_owned();
                    tell(place(item), "theme must be text".to_owned(), help);
                }
            }
            "ascii" => settings.ascii = switch(&mut tell),
            "mouse" => settings.mouse = switch(&mut tell),
            // Read by the journal, in every command.
            "journal" => {}
            other => {
                let near = did_you_mean(other, KEYS.into_iter());
                let known = || format!("known are {}", KEYS.join(", "));
                let span = table.key(other).and_then(toml_edit::Key::span).unwrap_or(0..0);
                let help = near.map_or_else(known, |near| format!("did you mean `{near}`?"));
                tell(lines.span(span), format!("unknown setting `{other}`"), help);
            }
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_and_mistakes_told() {
        let found = parse("theme = 'light'\nascii = true\n", Path::new("config.toml"));
        assert_eq!((found.theme.as_deref(), found.ascii, found.mouse), (Some("light"), Some(true), None));
        assert_eq!(found.diagnostics, []);

        let found = parse("thme = 'light'\nmouse = 'no'\ntheme = 1\n", Path::new("config.toml"));
        assert_eq!((found.theme, found.mouse), (None, None));
        let line = |found: &Diagnostic| {
            format!("{}:{} {} ({})", found.span.line, found.span.column, found.message, found.help)
        };
        let told: Vec<String> = found.diagnostics.iter().map(line).collect();
        assert_eq!(told[0], "1:1 unknown setting `thme` (did you mean `theme`?)");
        assert_eq!(told[1], "2:9 mouse is a switch (write `true` or `false`)");
        assert!(told[2].starts_with("3:9 theme must be text"), "{}", told[2]);
        assert_eq!(parse("= 1", Path::new("config.toml")).diagnostics.len(), 1);
    }

    #[test]
    fn no_file_is_no_mistake() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(&dir.path().join("config.toml")), Settings::default());
    }
}
