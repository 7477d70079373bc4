//! The Skill tab: what is shown of the chosen skill, and where in it.

use super::{Opened, RenderedPane, Scroll};

#[derive(Debug, Default)]
pub struct SkillTab {
    pub source: Scroll,
    /// Markdown as it is read, in place of its source.
    pub rendered: RenderedPane,
    /// Another file of the skill, in place of SKILL.md.
    pub opened: Option<Opened>,
    pub section: Section,
    pub details: Scroll,
    /// The schema as JSON instead of a table.
    pub json: bool,
}

/// The lower part of the Skill tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Section {
    #[default]
    Diagnostics,
    Schema,
    Entries,
    Files,
    /// What each client makes of the skill.
    Clients,
    /// Tokens.
    Cost,
    /// What the last save changed.
    Saved,
}

impl Section {
    pub const ALL: [Self; 7] =
        [Self::Diagnostics, Self::Schema, Self::Entries, Self::Files, Self::Clients, Self::Cost, Self::Saved];

    /// A text that is moved as a whole, without a cursor.
    pub fn is_text(self) -> bool {
        matches!(self, Self::Schema | Self::Clients | Self::Cost | Self::Saved)
    }
}
