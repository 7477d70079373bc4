//! The lines of the help screen: the action table by groups, or what of it fits a search.

use super::State;
use crate::run::log::contains;
use crate::tui::keymap::{Binding, Scope, print};

#[derive(Debug, Clone, Copy)]
pub enum HelpRow {
    Blank,
    Heading(&'static str),
    Line(&'static Binding),
}

impl State {
    pub fn help_rows(&self) -> Vec<HelpRow> {
        let mut rows = Vec::new();
        for (group, lines) in print::groups(&self.keymap) {
            let lines = lines.into_iter().map(|(line, _)| line);
            let fitting: Vec<_> = lines.filter(|line| self.is_help(line)).map(HelpRow::Line).collect();
            if fitting.is_empty() {
                continue;
            }
            if !rows.is_empty() {
                rows.push(HelpRow::Blank);
            }
            rows.push(HelpRow::Heading(group));
            rows.extend(fitting);
        }
        rows
    }

    fn is_help(&self, line: &Binding) -> bool {
        let here = line.scope != Scope::Welcome || self.is_welcome();
        let keys = self.keymap.written(line, self.options.ascii);
        let texts = [line.description, line.label, line.id, &keys];
        let fits = |word: &str| texts.iter().any(|text| contains(text, word));
        here && self.help_needle.split_whitespace().all(fits)
    }
}
