//! The command palette: every action of the table and every place to jump to, found by a few letters.
//!
//! It lies over everything and is no layer among the popups: what can be done is judged by what lies beneath it.

use std::path::PathBuf;

use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use tui_input::Input;

use super::{Finding, Scroll, Section, State};
use crate::skill::Skill;
use crate::tui::keymap::{Binding, Command, Scope, TABLE};
use crate::tui::labels;

/// Most places of one kind that are listed: whoever wants another types another letter.
const MOST: usize = 200;

/// Most choices that are remembered, to be first the next time.
const MOST_RECENT: usize = 24;

#[derive(Debug, Clone, Default)]
pub struct Palette {
    pub input: Input,
    /// What fits what was typed, the best first.
    pub hits: Vec<Hit>,
    pub scroll: Scroll,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    pub item: Item,
    /// It could be done when this was found.
    pub available: bool,
}

/// Something that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A line of the table.
    Action(usize),
    Section(Section),
    Finding(Finding),
    Theme(usize),
    Skill(PathBuf),
}

impl Item {
    pub fn binding(&self) -> Option<&'static Binding> {
        match self {
            Self::Action(line) => TABLE.get(*line),
            _ => None,
        }
    }

    /// What it is called.
    pub fn label(&self, state: &State) -> String {
        let nth = |labels: Vec<String>, at: Option<usize>| at.and_then(|at| labels.get(at).cloned());
        match self {
            Self::Action(_) => self.binding().map_or("", |line| line.label).to_owned(),
            Self::Section(section) => {
                let at = Section::ALL.iter().position(|one| one == section);
                nth(labels::sections(state, u16::MAX), at).unwrap_or_default()
            }
            Self::Finding(finding) => {
                let at = Finding::ALL.iter().position(|one| one == finding);
                nth(labels::findings(state, u16::MAX), at).unwrap_or_default()
            }
            Self::Theme(at) => {
                state.options.theme.set.themes().get(*at).map(|theme| theme.name.clone()).unwrap_or_default()
            }
            Self::Skill(path) => state.skills.get(path).map_or_else(String::new, |skill| skill.name.clone()),
        }
    }

    /// What choosing it does.
    pub fn description(&self, state: &State) -> String {
        match self {
            Self::Action(_) => self.binding().map_or("", |line| line.description).to_owned(),
            Self::Section(_) => "show this part of the Skill tab".to_owned(),
            Self::Finding(_) => "show this part of the Run tab".to_owned(),
            Self::Theme(_) => "use this theme".to_owned(),
            Self::Skill(path) => format!("go to the skill in {}", state.place.short(path)),
        }
    }

    /// Names it from one start to the next.
    pub fn name(&self, state: &State) -> String {
        match self {
            Self::Action(_) => self.binding().map_or("", |line| line.id).to_owned(),
            Self::Section(section) => format!("section {section:?}"),
            Self::Finding(finding) => format!("finding {finding:?}"),
            Self::Theme(_) => format!("theme {}", self.label(state)),
            Self::Skill(path) => format!("skill {}", path.display()),
        }
    }
}

impl State {
    /// Choose anew what fits the text of the open palette.
    pub fn refresh_palette(&mut self) {
        let Some(palette) = &self.palette else { return };
        let hits = find(self, palette.input.value());
        if let Some(palette) = &mut self.palette {
            palette.hits = hits;
        }
    }

    /// Remember a choice as the newest.
    pub fn remember(&mut self, item: &Item) {
        let name = item.name(self);
        self.recent.retain(|known| *known != name);
        self.recent.insert(0, name);
        self.recent.truncate(MOST_RECENT);
    }
}

/// How a text that was typed is looked for.
#[allow(missing_debug_implementations)] // scratch memory of the matcher
pub struct Needle {
    text: String,
    fuzzy: Pattern,
    words: Pattern,
    matcher: Matcher,
}

impl Needle {
    pub fn new(text: &str) -> Self {
        let text = text.trim().to_owned();
        let pattern = |kind| Pattern::new(&text, CaseMatching::Smart, Normalization::Smart, kind);
        Self {
            fuzzy: pattern(AtomKind::Fuzzy),
            words: pattern(AtomKind::Substring),
            matcher: Matcher::new(Config::DEFAULT),
            text,
        }
    }

    fn fuzzy(&mut self, text: &str) -> Option<u32> {
        self.fuzzy.score(Utf32Str::new(text, &mut Vec::new()), &mut self.matcher)
    }

    /// Whole words or parts of them: scattered letters fit every long text.
    fn words(&mut self, text: &str) -> Option<u32> {
        self.words.score(Utf32Str::new(text, &mut Vec::new()), &mut self.matcher)
    }

    /// The characters of a label that fit, by number.
    pub fn places(&mut self, label: &str) -> Vec<u32> {
        let mut places = Vec::new();
        if !self.text.is_empty() {
            self.fuzzy.indices(Utf32Str::new(label, &mut Vec::new()), &mut self.matcher, &mut places);
        }
        places.sort_unstable();
        places.dedup();
        places
    }

    fn action(&mut self, state: &State, line: &Binding) -> Option<u32> {
        if self.text.is_empty() {
            return Some(0);
        }
        // A key, as it is written.
        let is_key = |key: &crate::tui::key::Key| [key.to_string(), key.name()].contains(&self.text);
        if state.keymap.keys(line).iter().any(is_key) {
            return Some(u32::MAX);
        }
        let label = self.fuzzy(line.label).map(|score| score + 12);
        let id = self.fuzzy(line.id).map(|score| score + 6);
        label.max(id).max(self.words(&format!("{} {}", line.label, line.description)))
    }

    fn skill(&mut self, skill: &Skill) -> Option<u32> {
        if self.text.is_empty() {
            return Some(0);
        }
        let description = skill.manifest.description.as_ref().map(|text| text.value.as_str());
        self.fuzzy(&skill.name).map(|score| score + 4).max(description.and_then(|text| self.words(text)))
    }
}

/// Everything that fits, what can be done first, then by how well it fits, then by how lately it was chosen.
fn find(state: &State, text: &str) -> Vec<Hit> {
    let mut needle = Needle::new(text);
    let mut found: Vec<(Hit, u32)> = Vec::new();
    let mut moves: Vec<(Hit, u32)> = Vec::new();
    for (at, line) in TABLE.iter().enumerate().filter(|(_, line)| is_listed(state, line)) {
        let Some(score) = needle.action(state, line) else { continue };
        let hit = Hit { item: Item::Action(at), available: line.applies(state) };
        // Whoever moves about knows the keys.
        if line.group == crate::tui::keymap::MOVE { &mut moves } else { &mut found }.push((hit, score));
    }
    let sections = Section::ALL.iter().map(|section| Item::Section(*section));
    let findings = Finding::ALL.iter().map(|finding| Item::Finding(*finding));
    let themes = (0..state.options.theme.set.themes().len()).map(Item::Theme);
    for item in sections.chain(findings).chain(themes) {
        let prefix = match item {
            Item::Section(_) => "skill",
            Item::Finding(_) => "run",
            _ => "theme",
        };
        if let Some(score) = needle.fuzzy(&format!("{prefix} {}", item.label(state))) {
            found.push((Hit { item, available: true }, score));
        }
    }
    let skills = state.skills.all();
    let mut skills: Vec<_> = skills.filter_map(|skill| Some((skill, needle.skill(skill)?))).collect();
    skills.sort_by_key(|(_, score)| std::cmp::Reverse(*score));
    let hit = |skill: &Skill| Hit { item: Item::Skill(skill.path.clone()), available: true };
    found.extend(skills.into_iter().take(MOST).map(|(skill, score)| (hit(skill), score)));
    found.extend(moves);
    let age = |hit: &Hit| {
        let name = hit.item.name(state);
        state.recent.iter().position(|known| *known == name).unwrap_or(usize::MAX)
    };
    found.sort_by_cached_key(|(hit, score)| (!hit.available, std::cmp::Reverse(*score), age(hit)));
    found.into_iter().map(|(hit, _)| hit).collect()
}

fn is_listed(state: &State, line: &Binding) -> bool {
    line.command != Command::Palette
        && line.scope != Scope::Form
        && (line.scope != Scope::Welcome || state.is_welcome())
}
