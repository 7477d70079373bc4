//! The theme in use, and whether it follows the terminal from dark to light and back.

use std::sync::Arc;

use super::{Depth, Kind, Set, Theme};

/// The theme that is taken when nothing else is said.
const USUAL: &str = "dark";
/// Written before a theme's name, or alone: that theme or its partner, as the terminal is.
const AUTO: &str = "auto";

/// The themes there are, and the one in use.
#[derive(Debug, Clone)]
pub struct Chosen {
    pub set: Arc<Set>,
    pub index: usize,
    /// When the terminal changes its ground, the partner is taken.
    pub follow: bool,
    /// What the terminal last said of its ground.
    ground: Option<Kind>,
}

impl Default for Chosen {
    fn default() -> Self {
        Self { set: Set::built_in(), index: 0, follow: true, ground: None }
    }
}

impl Chosen {
    /// `wanted` is a theme's name, `auto`, or `auto:NAME`; `guess` is what the environment says of the ground.
    pub fn new(set: Arc<Set>, wanted: Option<&str>, guess: Option<Kind>) -> Result<Self, String> {
        let wanted = wanted.unwrap_or(AUTO);
        let (follow, name) = match wanted.strip_prefix(AUTO) {
            Some("") => (true, USUAL),
            Some(rest) if rest.starts_with(':') => (true, &rest[1..]),
            _ => (false, wanted),
        };
        let Some(index) = set.position(name) else {
            let names: Vec<&str> = set.themes().iter().map(|theme| theme.name.as_str()).collect();
            return Err(format!("theme {name}: no such theme; there is auto, {}", names.join(", ")));
        };
        let like = guess.filter(|_| follow).and_then(|kind| set.like(index, kind));
        Ok(Self { index: like.unwrap_or(index), set, follow, ground: None })
    }

    pub fn name(&self) -> &str {
        self.set.themes().get(self.index).map_or("", |theme| &theme.name)
    }

    /// Ready for use on a terminal with `depth` colours.
    pub fn resolve(&self, depth: Depth) -> Theme {
        self.set.resolve(self.index, depth)
    }

    /// The terminal said what ground it has. Whether another theme is in use now.
    ///
    /// Only a change counts: who chose a light theme on dark ground keeps it, however often the terminal says dark.
    pub fn on_ground(&mut self, kind: Kind) -> bool {
        if self.ground.replace(kind) == Some(kind) || !self.follow {
            return false;
        }
        match self.set.like(self.index, kind) {
            Some(index) => std::mem::replace(&mut self.index, index) != index,
            None => false,
        }
    }

    /// The themes were read again. The one in use stays, by name, while there is one.
    pub fn on_read(&mut self, set: Arc<Set>) {
        self.index = set.position(self.name()).or_else(|| set.position(USUAL)).unwrap_or(0);
        self.set = set;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(wanted: &str, guess: Option<Kind>) -> Chosen {
        Chosen::new(Set::built_in(), Some(wanted), guess).unwrap()
    }

    #[test]
    fn auto_starts_with_what_the_environment_says_and_follows() {
        assert_eq!(Chosen::new(Set::built_in(), None, None).unwrap().name(), "dark");
        let mut theme = chosen("auto", Some(Kind::Light));
        assert_eq!(theme.name(), "light");
        assert!(theme.on_ground(Kind::Dark) && theme.name() == "dark");
        assert!(!theme.on_ground(Kind::Dark), "said again");
        assert!(theme.on_ground(Kind::Light) && theme.name() == "light");
        assert_eq!(chosen("auto:tritanopia", Some(Kind::Light)).name(), "tritanopia-light");
        assert_eq!(chosen("auto:tritanopia-light", Some(Kind::Dark)).name(), "tritanopia");
    }

    #[test]
    fn a_theme_that_was_named_stays() {
        let mut theme = chosen("dark", Some(Kind::Light));
        assert_eq!(theme.name(), "dark");
        assert!(!theme.on_ground(Kind::Light) && theme.name() == "dark");
    }

    #[test]
    fn one_that_was_chosen_against_the_ground_stays_until_that_changes() {
        let mut theme = chosen("auto", None);
        theme.on_ground(Kind::Dark);
        theme.index = theme.set.position("colour-blind-light").unwrap();
        assert!(!theme.on_ground(Kind::Dark));
        assert!(!theme.on_ground(Kind::Light));
        assert!(theme.on_ground(Kind::Dark) && theme.name() == "colour-blind");
    }

    #[test]
    fn a_name_that_is_not_there_is_told_with_those_that_are() {
        for wrong in ["nonsense", "auto:nonsense", "automatic"] {
            let problem = Chosen::new(Set::built_in(), Some(wrong), None).unwrap_err();
            assert!(problem.contains("no such theme; there is auto, dark, light"), "{problem}");
        }
    }
}
