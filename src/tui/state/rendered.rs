//! Markdown as it is read: renderings by content and width, which a worker makes, and where the Source pane stands in the
//! one that it shows.

use std::collections::VecDeque;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Scroll, State};
use crate::tui::markdown::Rendered;

/// Names a rendering: the text by its content, and what it was laid out for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RenderKey {
    pub text: u64,
    pub width: u16,
    pub ascii: bool,
}

/// Renderings, newest last; the worker fills them.
#[derive(Debug, Default)]
pub struct Renderings {
    entries: VecDeque<(RenderKey, Arc<Rendered>)>,
    /// The newest that was asked for, while it is not there in all its colours.
    asked: Option<RenderKey>,
}

impl Renderings {
    const KEEP: usize = 4;

    /// Note that `key` is asked for; older questions are no longer answered.
    pub fn ask(&mut self, key: RenderKey) {
        self.asked = Some(key);
    }

    pub fn is_asked(&self, key: RenderKey) -> bool {
        self.asked == Some(key)
    }

    /// `whole`: no better one follows.
    pub fn fill(&mut self, key: RenderKey, lines: Arc<Rendered>, whole: bool) {
        self.entries.retain(|(known, _)| *known != key);
        if self.entries.len() >= Self::KEEP {
            self.entries.pop_front();
        }
        self.entries.push_back((key, lines));
        if whole && self.asked == Some(key) {
            self.asked = None;
        }
    }

    pub fn get(&self, key: RenderKey) -> Option<&Arc<Rendered>> {
        self.entries.iter().find(|(known, _)| *known == key).map(|(_, lines)| lines)
    }

    pub fn waiting(&self) -> bool {
        self.asked.is_some()
    }
}

/// The Source pane as rendered Markdown.
#[derive(Debug, Default)]
pub struct RenderedPane {
    pub on: bool,
    /// In the lines of the rendering that is shown.
    pub scroll: Scroll,
    /// Stays until that of a new text or width is there.
    pub shown: Option<ShownRendering>,
}

#[derive(Debug, Clone)]
pub struct ShownRendering {
    pub file: PathBuf,
    pub lines: Arc<Rendered>,
}

/// Whether a file is Markdown by its name.
pub fn is_markdown(file: &Path) -> bool {
    let extension = file.extension().unwrap_or_default();
    ["md", "markdown", "mdown", "mkd"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

impl State {
    /// The file in the Source pane.
    pub fn page_file(&self) -> Option<PathBuf> {
        match &self.skill_tab.opened {
            Some(opened) => Some(opened.path.clone()),
            None => self.skill().map(|skill| skill.manifest_path()),
        }
    }

    /// The Source pane can show its text as rendered Markdown.
    pub fn can_render(&self) -> bool {
        self.page_file().is_some_and(|file| is_markdown(&file))
    }

    /// The rendering that the Source pane shows in place of the source.
    pub fn rendering(&self) -> Option<&Rendered> {
        let pane = &self.skill_tab.rendered;
        let shown = pane.shown.as_ref().filter(|_| pane.on)?;
        (self.page_file()? == shown.file).then_some(&*shown.lines)
    }

    /// Source lines (from 0) that the cursor of the Source pane stands on.
    pub fn lines_under_cursor(&self) -> Range<usize> {
        if let Some(lines) = self.rendering() {
            return lines.sources_of(self.skill_tab.rendered.scroll.cursor);
        }
        let line = self.source_scroll().cursor;
        line..line + 1
    }

    /// The position in the source, whichever way it is shown.
    pub fn source_scroll(&self) -> &Scroll {
        self.skill_tab.opened.as_ref().map_or(&self.skill_tab.source, |opened| &opened.scroll)
    }

    pub fn source_scroll_mut(&mut self) -> &mut Scroll {
        match &mut self.skill_tab.opened {
            Some(opened) => &mut opened.scroll,
            None => &mut self.skill_tab.source,
        }
    }
}
