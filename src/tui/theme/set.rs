//! All themes there are: the program's own, and the user's, which may replace one of them by name.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::file::{self, Look, MAX_BYTES, ThemeFile};
use super::reduce::Paint;
use super::{Depth, Kind, Theme};
use crate::skill::text::did_you_mean;
use crate::skill::{Diagnostic, Field, Span};

const BUILT_IN: [&str; 10] = [
    include_str!("../../../themes/dark.toml"),
    include_str!("../../../themes/light.toml"),
    include_str!("../../../themes/high-contrast.toml"),
    include_str!("../../../themes/high-contrast-light.toml"),
    include_str!("../../../themes/colour-blind.toml"),
    include_str!("../../../themes/colour-blind-light.toml"),
    include_str!("../../../themes/tritanopia.toml"),
    include_str!("../../../themes/tritanopia-light.toml"),
    include_str!("../../../themes/terminal.toml"),
    include_str!("../../../themes/terminal-light.toml"),
];

/// Most theme files of a user that are read.
const MAX_FILES: usize = 200;

/// The themes that can be chosen, and what is wrong with those that cannot. Never without the program's own.
#[derive(Debug, Clone, PartialEq)]
pub struct Set {
    themes: Vec<ThemeFile>,
    pub diagnostics: Vec<Diagnostic>,
}

impl Set {
    /// The program's own.
    pub fn built_in() -> Arc<Self> {
        static SET: OnceLock<Arc<Set>> = OnceLock::new();
        let read = |text: &&str| {
            let parsed = file::parse(text, Path::new("themes"));
            parsed.theme.map(|theme| ThemeFile { path: None, ..theme }).ok_or(parsed.diagnostics)
        };
        let all = || {
            let (mut themes, mut diagnostics) = (Vec::new(), Vec::new());
            for one in BUILT_IN.iter().map(read) {
                match one {
                    Ok(theme) => themes.push(theme),
                    Err(found) => diagnostics.extend(found),
                }
            }
            Arc::new(Self { themes, diagnostics })
        };
        Arc::clone(SET.get_or_init(all))
    }

    /// The program's own and those of the user's folder (`*.toml`).
    pub fn read(folder: Option<&Path>) -> Arc<Self> {
        Self::read_again(folder, &Self::built_in())
    }

    /// The same once more. What is broken now stays as it was `before`: a theme does not vanish while it is written.
    pub fn read_again(folder: Option<&Path>, before: &Self) -> Arc<Self> {
        let files = folder.map(files).unwrap_or_default();
        if files.is_empty() {
            return Self::built_in();
        }
        let mut set = Self::clone(&Self::built_in());
        for path in files {
            let mut parsed = match text(&path) {
                Ok(text) => file::parse(&text, &path),
                Err(error) => file::Parsed { theme: None, diagnostics: vec![unreadable(&path, &error)] },
            };
            set.diagnostics.append(&mut parsed.diagnostics);
            let kept = || before.themes.iter().find(|theme| theme.path.as_ref() == Some(&path)).cloned();
            if let Some(theme) = parsed.theme.or_else(kept) {
                set.put(theme);
            }
        }
        set.leave_out_what_stands_on_nothing(before);
        Arc::new(set)
    }

    /// A set with `theme` in it too, in place of one of the same name.
    #[must_use]
    pub fn with(&self, theme: ThemeFile) -> Self {
        let mut set = self.clone();
        set.put(theme);
        set
    }

    fn put(&mut self, theme: ThemeFile) {
        if let Some(old) = self.themes.iter_mut().find(|known| known.name == theme.name) {
            *old = theme;
        } else {
            self.themes.push(theme);
        }
    }

    /// Themes whose parents or colours are not there, and those that inherit from them.
    fn leave_out_what_stands_on_nothing(&mut self, before: &Self) {
        loop {
            let broken = |set: &Self| {
                // Every fault is the user's: a theme of ours has one only because of what replaced another.
                let wrong = |theme: &ThemeFile| theme.path.is_some() && !set.check(theme).is_empty();
                let found = set.themes.iter().position(wrong)?;
                Some((found, set.check(&set.themes[found])))
            };
            let Some((index, found)) = broken(self) else { return };
            self.diagnostics.extend(found);
            let gone = self.themes.remove(index);
            // What it replaced is there again, or what it was before it was broken.
            let last = |set: &Self| set.themes.iter().find(|known| known.name == gone.name).cloned();
            let again = last(before).filter(|old| *old != gone && self.check(old).is_empty());
            if let Some(again) = again.or_else(|| last(&Self::built_in())) {
                self.themes.insert(index.min(self.themes.len()), again);
            }
        }
    }

    pub fn themes(&self) -> &[ThemeFile] {
        &self.themes
    }

    pub fn position(&self, name: &str) -> Option<usize> {
        self.themes.iter().position(|theme| theme.name == name)
    }

    pub fn get(&self, name: &str) -> Option<&ThemeFile> {
        self.themes.iter().find(|theme| theme.name == name)
    }

    /// The theme like this one for that ground: itself, its partner, or one that names it as its partner.
    pub fn like(&self, index: usize, kind: Kind) -> Option<usize> {
        let theme = self.themes.get(index)?;
        if theme.kind == kind {
            return Some(index);
        }
        let named = theme.partner.as_ref().and_then(|partner| self.position(&partner.value));
        let naming = || {
            let is_partner =
                |other: &ThemeFile| other.partner.as_ref().is_some_and(|field| field.value == theme.name);
            self.themes.iter().position(|other| other.kind == kind && is_partner(other))
        };
        named.filter(|at| self.themes[*at].kind == kind).or_else(naming)
    }

    /// The theme at `index` for a terminal with `depth` colours.
    pub fn resolve(&self, index: usize, depth: Depth) -> Theme {
        let Some(theme) = self.themes.get(index).or(self.themes.first()) else { return Theme::plain() };
        let mut palette: BTreeMap<&str, Paint> = BTreeMap::new();
        let mut looks: BTreeMap<&str, &Look> = BTreeMap::new();
        for file in self.ancestry(theme).into_iter().rev() {
            palette.extend(file.palette.iter().map(|(slot, paint)| (slot.as_str(), *paint)));
            looks.extend(file.roles.iter().map(|(role, look)| (*role, look)));
        }
        Theme::new(theme, &palette, &looks, depth)
    }

    /// This theme and those it inherits from, nearest first.
    fn ancestry<'a>(&'a self, theme: &'a ThemeFile) -> Vec<&'a ThemeFile> {
        let mut chain = vec![theme];
        let mut parent = theme.inherits.as_ref();
        while let Some(file) = parent.and_then(|field| self.get(&field.value)) {
            if chain.iter().any(|seen| seen.name == file.name) {
                break;
            }
            chain.push(file);
            parent = file.inherits.as_ref();
        }
        chain
    }

    /// What is wrong with a theme among these: a parent that is not there or inherits from it, a partner that is not
    /// there or is for the same ground, a colour that is neither a slot nor a colour.
    pub fn check(&self, theme: &ThemeFile) -> Vec<Diagnostic> {
        let path = theme.path.clone().unwrap_or_else(|| PathBuf::from("themes"));
        let mut found = Vec::new();
        let mut tell = |span: Span, code: &'static str, message: String, help: String| {
            found.push(file::error(&path, span, code, &message, help));
        };
        let names = || self.themes.iter().map(|theme| theme.name.as_str());
        let missing = |field: &Field<String>, what: &str| {
            let near = did_you_mean(&field.value, names());
            let known = || format!("there is {}", names().collect::<Vec<_>>().join(", "));
            let help = near.map_or_else(known, |near| format!("did you mean `{near}`?"));
            (field.span, format!("{what} `{}`: no such theme", field.value), help)
        };
        if let Some(parent) = &theme.inherits {
            if self.get(&parent.value).is_none() {
                let (span, message, help) = missing(parent, "inherits");
                tell(span, "theme-parent", message, help);
            } else if let Some(circle) = self.circle(theme) {
                let help =
                    "inherit from a theme that does not come back to this one, such as `dark`".to_owned();
                tell(parent.span, "theme-parent", format!("it inherits from itself: {circle}"), help);
            }
        }
        if let Some(partner) = &theme.partner {
            match self.get(&partner.value) {
                None => {
                    let (span, message, help) = missing(partner, "partner");
                    tell(span, "theme-partner", message, help);
                }
                Some(other) if other.kind == theme.kind => {
                    let message = format!("partner `{}` is for the same ground", partner.value);
                    tell(partner.span, "theme-partner", message, "name a theme of the other kind".to_owned());
                }
                Some(_) => {}
            }
        }
        let chain = self.ancestry(theme);
        let slots = || chain.iter().flat_map(|file| file.palette.keys().map(String::as_str));
        for field in theme.named_colours() {
            let Field { value, span } = field;
            if Paint::parse(value).is_none() && !slots().any(|slot| slot == value) {
                let known = slots().chain(super::reduce::ANSI_NAMES);
                let help = did_you_mean(value, known).map_or_else(
                    || super::reduce::FORMS.to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                tell(*span, "theme-colour", format!("`{value}` is neither a slot nor a colour"), help);
            }
        }
        found
    }

    /// `a → b → a`, when a theme's parents come back to a theme that was there before.
    fn circle(&self, theme: &ThemeFile) -> Option<String> {
        let mut names = vec![theme.name.as_str()];
        let mut parent = theme.inherits.as_ref();
        while let Some(field) = parent {
            let back = names.contains(&field.value.as_str());
            names.push(&field.value);
            if back {
                return Some(names.join(" -> "));
            }
            parent = self.get(&field.value)?.inherits.as_ref();
        }
        None
    }
}

/// The theme files of a folder, in the order of their names.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(listed) = std::fs::read_dir(folder) else { return Vec::new() };
    let is_theme = |path: &PathBuf| path.extension().is_some_and(|ext| ext == "toml");
    let mut files: Vec<PathBuf> = listed.flatten().map(|entry| entry.path()).filter(is_theme).collect();
    files.sort();
    files.truncate(MAX_FILES);
    files
}

/// The text of a theme file: of a plain file, and no more than a theme has.
pub fn text(path: &Path) -> std::io::Result<String> {
    // A pipe with that name must not hold the workbench up.
    let file = std::fs::File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other("it is not a plain file"));
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    String::from_utf8(bytes).map_err(|_| std::io::Error::other("it is not text in UTF-8"))
}

/// The finding for a file that gives no text.
pub fn unreadable(path: &Path, error: &std::io::Error) -> Diagnostic {
    let span = Span { line: 1, column: 1, end_line: 1, end_column: 1, start: 0, end: 0 };
    let help = "make it a plain text file in UTF-8, or remove it".to_owned();
    file::error(path, span, "theme-unreadable", &format!("it cannot be read: {error}"), help)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        dir
    }

    fn read(files: &[(&str, &str)]) -> (Arc<Set>, Vec<String>) {
        let dir = folder(files);
        let set = Set::read(Some(dir.path()));
        let line = |found: &Diagnostic| {
            let file = found.file.file_name().unwrap().to_string_lossy().into_owned();
            format!("{file}:{}:{} {} {}", found.span.line, found.span.column, found.message, found.help)
        };
        let told = set.diagnostics.iter().map(line).collect();
        (set, told)
    }

    #[test]
    fn the_program_s_own_are_whole_and_come_in_pairs() {
        let set = Set::built_in();
        assert_eq!(set.diagnostics, []);
        assert_eq!(set.themes().len(), BUILT_IN.len());
        for (index, theme) in set.themes().iter().enumerate() {
            assert_eq!(set.check(theme), [], "{}", theme.name);
            assert!(theme.path.is_none());
            let other = if theme.kind == Kind::Dark { Kind::Light } else { Kind::Dark };
            let partner = set.like(index, other).unwrap();
            assert_eq!(set.like(partner, theme.kind), Some(index), "{}", theme.name);
        }
    }

    #[test]
    fn a_user_s_theme_joins_or_replaces() {
        let (set, told) = read(&[
            (
                "mine.toml",
                "name = 'mine'\nkind = 'dark'\ninherits = 'dark'\npartner = 'light'\n[palette]\nbase05 = '#fff'",
            ),
            ("light.toml", "name = 'light'\nkind = 'light'\ninherits = 'dark'\n"),
        ]);
        assert_eq!(told, [""; 0]);
        assert_eq!(set.themes().len(), BUILT_IN.len() + 1);
        assert!(set.get("light").unwrap().path.is_some());
        let mine = set.position("mine").unwrap();
        let text = set.resolve(mine, Depth::True).style(super::super::Role::Text);
        assert_eq!(text.fg, Some(ratatui::style::Color::Rgb(255, 255, 255)));
        // Its partner does not name it, and it is taken all the same.
        assert_eq!(set.like(mine, Kind::Light), set.position("light"));
    }

    #[test]
    fn parents_that_are_missing_or_come_back_are_told() {
        let (set, told) = read(&[
            ("a.toml", "name = 'a'\nkind = 'dark'\ninherits = 'b'\n"),
            ("b.toml", "name = 'b'\nkind = 'dark'\ninherits = 'a'\n"),
            ("c.toml", "name = 'c'\nkind = 'dark'\ninherits = 'drak'\n"),
            ("self.toml", "name = 'dark'\nkind = 'dark'\ninherits = 'dark'\n"),
        ]);
        assert_eq!(told.len(), 4, "{told:#?}");
        let told = told.join("\n");
        assert!(told.contains("a.toml:3:12 it inherits from itself: a -> b -> a"), "{told}");
        assert!(told.contains("c.toml:3:12 inherits `drak`: no such theme did you mean `dark`?"), "{told}");
        assert!(told.contains("self.toml:3:12 it inherits from itself: dark -> dark"), "{told}");
        // What is left can be used, with the program's own in its place.
        assert_eq!(set.themes().len(), BUILT_IN.len());
        assert!(set.get("dark").unwrap().path.is_none());
    }

    #[test]
    fn slots_and_partners_that_are_not_there_are_told() {
        let head = "kind = 'dark'\ninherits = 'dark'\n";
        let (_, told) = read(&[
            ("a.toml", &format!("name = 'a'\n{head}[roles]\nok = {{ fg = 'base0G' }}")),
            ("b.toml", &format!("name = 'b'\n{head}partner = 'dark'")),
            ("c.toml", &format!("name = 'c'\n{head}partner = 'lihgt'")),
        ]);
        let told = told.join("\n");
        assert!(
            told.contains("a.toml:5:13 `base0G` is neither a slot nor a colour did you mean `base0"),
            "{told}"
        );
        assert!(told.contains("b.toml:4:11 partner `dark` is for the same ground"), "{told}");
        assert!(told.contains("c.toml:4:11 partner `lihgt`: no such theme did you mean `light`?"), "{told}");
    }

    #[test]
    fn what_replaces_a_theme_of_ours_may_be_for_the_other_ground() {
        let (set, told) = read(&[("dark.toml", "name = 'dark'\nkind = 'light'\n")]);
        assert_eq!(told, [""; 0]);
        assert_eq!(set.like(set.position("light").unwrap(), Kind::Dark), None);
        assert_eq!(set.themes().len(), BUILT_IN.len());
    }

    #[test]
    fn a_theme_that_is_broken_for_a_moment_stays_as_it_was() {
        let dir = folder(&[("mine.toml", "name = 'mine'\nkind = 'light'\ninherits = 'light'\n")]);
        let before = Set::read(Some(dir.path()));
        for broken in ["name = 'mine'\nki", "", "name = 'mine'\nkind = 'light'\ninherits = 'nobody'\n"] {
            std::fs::write(dir.path().join("mine.toml"), broken).unwrap();
            let now = Set::read_again(Some(dir.path()), &before);
            assert_eq!(now.get("mine"), before.get("mine"), "{broken:?}");
            assert_eq!(now.diagnostics.len(), 1, "{broken:?}");
        }
        std::fs::remove_file(dir.path().join("mine.toml")).unwrap();
        assert!(Set::read_again(Some(dir.path()), &before).get("mine").is_none());
    }

    #[test]
    fn what_is_no_text_is_told_and_waited_for_by_nobody() {
        let dir = folder(&[("bytes.toml", "")]);
        std::fs::write(dir.path().join("bytes.toml"), [0xff, 0xfe]).unwrap();
        nix::unistd::mkfifo(&dir.path().join("pipe.toml"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let set = Set::read(Some(dir.path()));
        let told: Vec<&str> = set.diagnostics.iter().map(|found| found.message.as_str()).collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].contains("not text in UTF-8") && told[1].contains("not a plain file"), "{told:?}");
    }
}
