//! The user's settings: `config.toml` in the folder of [`Files::Config`]. Each part of the program reads the table that is
//! named for it, by [`Settings::table`]; what nobody reads is an error, with its place and a hint. (Those of the workbench:
//! `tui::settings`.)

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};

use toml_edit::{Document, Item, Table};

use super::Files;
use crate::skill::text::did_you_mean;

const FILE_NAME: &str = "config.toml";

/// All that some part of the program reads: the switches are the workbench's.
const NAMES: &[&str] = &["journal", "theme", "ascii", "mouse"];

/// Longest file that is read.
const LONGEST: u64 = 1 << 20;

/// What is wrong in the file, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    pub file: PathBuf,
    /// Line and column, from 1; `None` when the file cannot be read at all.
    pub place: Option<(usize, usize)>,
    pub problem: String,
    pub help: String,
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some((line, column)) = self.place {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}; {}", self.problem, self.help)
    }
}

/// The file as it was read; empty when there is none.
#[derive(Debug)]
pub struct Settings {
    file: PathBuf,
    document: Document<String>,
}

impl Settings {
    /// Those of the user that runs this program.
    pub fn of_user() -> Result<Self, ConfigError> {
        let file = Files::Config.folder().map(|folder| folder.join(FILE_NAME)).unwrap_or_default();
        let text = match read(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => {
                let help = "correct it, or move it away".to_owned();
                return Err(ConfigError { file, place: None, problem: error.to_string(), help });
            }
        };
        Self::parse(&text, &file)
    }

    pub fn parse(text: &str, file: &Path) -> Result<Self, ConfigError> {
        let document = Document::parse(text.to_owned()).map_err(|error| ConfigError {
            file: file.to_owned(),
            place: Some(place(text, error.span().as_ref())),
            problem: error.message().trim().replace('\n', ", "),
            help: "the file is TOML (https://toml.io)".to_owned(),
        })?;
        let settings = Self { file: file.to_owned(), document };
        settings.know_all(settings.document.as_table(), NAMES, "setting")?;
        Ok(settings)
    }

    /// The table of one part of the program, which knows these keys.
    pub fn table(&self, name: &str, keys: &[&str]) -> Result<Option<Section<'_>>, ConfigError> {
        let Some((key, item)) = self.document.as_table().get_key_value(name) else { return Ok(None) };
        let Item::Table(table) = item else {
            let help = format!("write [{name}] and its settings below");
            return Err(self.error(key.span().as_ref(), format!("`{name}` is a table"), help));
        };
        self.know_all(table, keys, "setting")?;
        Ok(Some(Section { settings: self, table }))
    }

    fn know_all(&self, table: &Table, known: &[&str], what: &str) -> Result<(), ConfigError> {
        if let Some((name, _)) = table.iter().find(|(name, _)| !known.contains(name)) {
            let help = match did_you_mean(name, known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("there is {}", known.join(", ")),
            };
            let span = table.get_key_value(name).and_then(|(key, _)| key.span());
            return Err(self.error(span.as_ref(), format!("unknown {what} `{name}`"), help));
        }
        Ok(())
    }

    fn error(&self, span: Option<&Range<usize>>, problem: String, help: impl Into<String>) -> ConfigError {
        let place = Some(place(self.document.raw(), span));
        ConfigError { file: self.file.clone(), place, problem, help: help.into() }
    }
}

/// One table of the file.
#[derive(Debug, Clone, Copy)]
pub struct Section<'a> {
    settings: &'a Settings,
    table: &'a Table,
}

impl<'a> Section<'a> {
    pub fn get(self, key: &'a str) -> Option<Setting<'a>> {
        self.table.get(key).map(|item| Setting { settings: self.settings, key, item })
    }
}

/// One value.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    settings: &'a Settings,
    key: &'a str,
    item: &'a Item,
}

impl<'a> Setting<'a> {
    pub fn number(self, range: RangeInclusive<u32>) -> Result<u32, ConfigError> {
        let number = self.item.as_integer().and_then(|number| u32::try_from(number).ok());
        number.filter(|number| range.contains(number)).ok_or_else(|| {
            let help = format!("write a number from {} to {}", range.start(), range.end());
            self.error(format!("`{}` is not such a number", self.key), help)
        })
    }

    pub fn text(self, help: &str) -> Result<&'a str, ConfigError> {
        self.item.as_str().ok_or_else(|| self.error(format!("`{}` is a text", self.key), help))
    }

    /// What is wrong with it, in the words of its reader.
    pub fn error(self, problem: String, help: impl Into<String>) -> ConfigError {
        self.settings.error(self.item.span().as_ref(), problem, help)
    }
}

fn read(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(file)?.take(LONGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LONGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the file is longer than 1 MiB"));
    }
    Ok(text)
}

/// Line and column of a place, in characters.
fn place(text: &str, span: Option<&Range<usize>>) -> (usize, usize) {
    let before = text.get(..span.map_or(0, |span| span.start)).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        let settings = Settings::parse(text, Path::new("config.toml"));
        let read = |settings: Settings| match settings.table("journal", &["runs", "bytes"])? {
            Some(table) => table.get("runs").map(|runs| runs.number(1..=9)).transpose(),
            None => Ok(None),
        };
        settings.and_then(read).unwrap_err().to_string()
    }

    #[test]
    fn every_error_has_its_place_and_a_next_step() {
        for (text, expected) in [
            (
                "[journal]\nruns = 0",
                "config.toml:2:8: `runs` is not such a number; write a number from 1 to 9",
            ),
            ("[journal]\n# é\n runs = \"x\"", "config.toml:3:9: `runs` is not such a number"),
            ("[jurnal]\n", "config.toml:1:2: unknown setting `jurnal`; did you mean `journal`?"),
            ("colour = 1", "config.toml:1:1: unknown setting `colour`; there is journal"),
            ("[journal]\nrns = 1", "config.toml:2:1: unknown setting `rns`; did you mean `runs`?"),
            ("journal = 3", "config.toml:1:1: `journal` is a table; write [journal]"),
            ("[journal\n", "config.toml:1:9: "),
            ("[journal]\nruns = 1\nruns = 2", "config.toml:3:1: "),
        ] {
            let found = problem(text);
            assert!(found.starts_with(expected), "{text:?}: {found}");
        }
    }

    #[test]
    fn a_table_that_is_not_there_says_nothing() {
        let settings = Settings::parse("", Path::new("config.toml")).unwrap();
        assert!(settings.table("journal", &[]).unwrap().is_none());
    }
}
