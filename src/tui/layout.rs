//! Where everything is on the screen. Pure numbers: views draw into it, keys and mouse are judged by it.
//!
//! ```text
//! ┌ bar ─────────────────────────────────────────────┐
//! │ skills │ tabs                                     │
//! │        │ header of the run (Run tab)              │
//! │        │ source          or   stdout │ stderr     │
//! │        │ details              findings            │
//! └ keys ────────────────────────────────────────────┘
//! ```
//! A pane's first row is its title. On a wide screen the details stand beside the source.

pub mod form;

use super::state::{Border, Pane, State, Tab};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Area {
    pub x: u16,
    pub y: u16,
    pub width: u16,
    pub height: u16,
}

impl Area {
    pub const fn new(x: u16, y: u16, width: u16, height: u16) -> Self {
        Self { x, y, width, height }
    }

    pub fn right(self) -> u16 {
        self.x + self.width
    }

    pub fn bottom(self) -> u16 {
        self.y + self.height
    }

    pub fn holds(self, column: u16, row: u16) -> bool {
        (self.x..self.right()).contains(&column) && (self.y..self.bottom()).contains(&row)
    }

    /// Without its first `rows` rows.
    #[must_use]
    pub fn below(self, rows: u16) -> Self {
        let rows = rows.min(self.height);
        Self { y: self.y + rows, height: self.height - rows, ..self }
    }

    /// Without `margin` columns at each side.
    #[must_use]
    pub fn inset(self, margin: u16) -> Self {
        let margin = margin.min(self.width / 2);
        Self { x: self.x + margin, width: self.width - 2 * margin, ..self }
    }

    fn split_rows(self, upper: u16) -> (Self, Self) {
        let upper = upper.min(self.height);
        (Self { height: upper, ..self }, self.below(upper))
    }

    /// Left part of `left` columns, a border of one column, and the rest.
    fn split_columns(self, left: u16) -> (Self, Self) {
        let left = left.min(self.width);
        let gap = (left + 1).min(self.width);
        (Self { width: left, ..self }, Self { x: self.x + gap, width: self.width - gap, ..self })
    }
}

#[derive(Debug, Clone, Default)]
pub struct Layout {
    pub bar: Area,
    /// Empty when only one side fits.
    pub list: Area,
    pub tabs: Area,
    /// Says that an old run is shown; empty otherwise.
    pub banner: Area,
    /// Three or four rows about the run; empty on the Skill tab.
    pub header: Area,
    /// The lower or right part of the tab in front, title row included.
    pub panes: Vec<(Pane, Area)>,
    /// Everything right of the list.
    pub main: Area,
    pub keys: Area,
    /// The screen is too small for anything but a message.
    pub too_small: bool,
}

/// Smallest screen on which panes are drawn.
pub const MIN_WIDTH: u16 = 24;
pub const MIN_HEIGHT: u16 = 7;
/// Below this width only the list or the tab is shown.
const BOTH_SIDES: u16 = 64;

/// Work the layout out.
pub fn layout(state: &State) -> Layout {
    let (width, height) = (state.width, state.height);
    if width < MIN_WIDTH || height < MIN_HEIGHT {
        return Layout { too_small: true, ..Layout::default() };
    }
    let bar = Area::new(0, 0, width, 1);
    let keys = Area::new(0, height - 1, width, 1);
    let body = Area::new(0, 1, width, height - 2);
    let mut layout = Layout { bar, keys, ..Layout::default() };

    let list_alone = state.focus == Pane::Skills && (state.zoomed || width < BOTH_SIDES);
    if list_alone {
        layout.list = body;
        layout.panes.push((Pane::Skills, body));
        return layout;
    }
    if state.zoomed || width < BOTH_SIDES {
        layout.main = body;
    } else {
        let (list, main) = body.split_columns(list_width(state));
        layout.list = list;
        layout.main = main;
        layout.panes.push((Pane::Skills, list));
    }
    let (tabs, rest) = layout.main.split_rows(1);
    layout.tabs = tabs;
    let old = u16::from(state.tab == Tab::Run && state.old_run().is_some());
    let (banner, rest) = rest.split_rows(old);
    layout.banner = banner;
    if state.zoomed {
        layout.panes.push((state.focus, rest));
        return layout;
    }
    match state.tab {
        Tab::Skill => two_panes(state, rest, [Pane::Source, Pane::Details], 3, &mut layout),
        Tab::Run => run_tab(state, rest, &mut layout),
        Tab::Policy => two_panes(state, rest, [Pane::Policy, Pane::PolicyFile], 3, &mut layout),
        Tab::Cases => {
            let (list, verdict) = rest.split_rows(rest.height - lower_height(state, rest.height, 2));
            layout.panes.extend([(Pane::Cases, list), (Pane::Verdict, verdict)]);
        }
        Tab::Runs => {
            let (list, facts) = rest.split_rows(rest.height - lower_height(state, rest.height, 3));
            layout.panes.extend([(Pane::Runs, list), (Pane::PastRun, facts)]);
        }
    }
    layout
}

/// The pane of what stands for the next run: a headline, the list, and what its chosen line means where there is room.
pub fn policy_parts(area: Area) -> (Area, Area, Area) {
    let (headline, rest) = area.below(1).split_rows(1);
    let foot = if rest.height >= 8 { 2 } else { 0 };
    let (list, foot) = rest.split_rows(rest.height - foot);
    (headline, list, foot)
}

fn list_width(state: &State) -> u16 {
    let usual = match state.width {
        0..=99 => 24,
        100..=159 => 30,
        _ => 36,
    };
    let most = i32::from(state.width) - 36;
    (usual + i32::from(state.list_extra)).clamp(12, most.max(12)) as u16
}

/// Two panes, the second below the first with its share of the rows, or beside it on a wide screen.
fn two_panes(state: &State, area: Area, panes: [Pane; 2], share: u16, layout: &mut Layout) {
    let (first, second) = if area.width >= 130 {
        let wide = (i32::from(area.width) * 11 / 20 - i32::from(state.split_extra))
            .clamp(40, i32::from(area.width) - 40);
        area.split_columns(wide as u16)
    } else {
        area.split_rows(area.height - lower_height(state, area.height, share))
    };
    layout.panes.extend(panes.into_iter().zip([first, second]));
}

fn run_tab(state: &State, area: Area, layout: &mut Layout) {
    let roomy = state.height >= 30 || state.width >= 120;
    let header = match area.height {
        0..=11 => 1,
        // Usage over time has a row of its own.
        16.. if roomy && state.shown_run().is_some() => 4,
        _ => 3,
    };
    let (header, rest) = area.split_rows(header);
    layout.header = header;
    let (outputs, findings) = rest.split_rows(rest.height - lower_height(state, rest.height, 2));
    if state.run_tab.interleaved {
        layout.panes.extend([(Pane::Output, outputs), (Pane::Findings, findings)]);
        return;
    }
    let quiet = state.shown_run().is_none_or(|run| run.stderr.is_empty());
    if outputs.width >= 84 {
        let share = if quiet { outputs.width - 20 } else { outputs.width * 3 / 5 };
        let (stdout, stderr) = outputs.split_columns(share);
        layout.panes.push((Pane::Stdout, stdout));
        layout.panes.push((Pane::Stderr, stderr));
    } else {
        let lower = match (outputs.height, quiet) {
            (0..=3, _) => 1,
            (_, true) => 1,
            (height, false) => height * 2 / 5,
        };
        let (stdout, stderr) = outputs.split_rows(outputs.height - lower.min(outputs.height));
        layout.panes.push((Pane::Stdout, stdout));
        layout.panes.push((Pane::Stderr, stderr));
    }
    layout.panes.push((Pane::Findings, findings));
}

/// Height of the lower part: a third (or half) of the tab, moved by `<` and `>` dragging.
fn lower_height(state: &State, height: u16, divisor: u16) -> u16 {
    let usual = i32::from(height / divisor);
    let most = i32::from(height.saturating_sub(3));
    (usual + i32::from(state.split_extra)).clamp(2.min(most), most.max(2)) as u16
}

/// Where the open palette is: its height follows what it lists, its top stays.
pub fn palette(state: &State) -> Area {
    let columns = state.width.saturating_sub(4).clamp(1, 96);
    let hits = state.palette.as_ref().map_or(0, |palette| palette.hits.len().clamp(1, 18)) as u16;
    let top = (state.height / 8).max(1);
    let rows = (hits + 3).min(state.height.saturating_sub(top + 1)).max(1);
    Area::new((state.width - columns) / 2, top, columns, rows)
}

/// Rows that it has for what it lists: without its border and the line being typed.
pub fn palette_rows(state: &State) -> usize {
    usize::from(palette(state).height.saturating_sub(3)).max(1)
}

impl Layout {
    pub fn area(&self, pane: Pane) -> Option<Area> {
        self.panes.iter().find(|(known, _)| *known == pane).map(|(_, area)| *area)
    }

    /// Rows of content that a pane shows: its area without the title, and without what stands around its list.
    pub fn page(&self, pane: Pane) -> usize {
        let rows = |area: Area| match pane {
            Pane::Policy => policy_parts(area).1.height,
            _ => area.height.saturating_sub(1),
        };
        self.area(pane).map_or(1, |area| usize::from(rows(area)).max(1))
    }

    /// The lower part of the tab, or the one at its right.
    pub fn lower(&self) -> Option<Area> {
        [Pane::Findings, Pane::Details, Pane::PolicyFile, Pane::Verdict, Pane::PastRun]
            .into_iter()
            .find_map(|pane| self.area(pane))
    }

    /// Whether the lower part stands at the right instead.
    pub fn is_beside(&self, lower: Area) -> bool {
        [Pane::Source, Pane::Policy]
            .into_iter()
            .filter_map(|pane| self.area(pane))
            .any(|one| one.y == lower.y)
    }

    pub fn pane_at(&self, column: u16, row: u16) -> Option<(Pane, Area)> {
        self.panes.iter().find(|(_, area)| area.holds(column, row)).copied()
    }

    /// The border at a cell that can be dragged.
    pub fn border_at(&self, column: u16, row: u16) -> Option<Border> {
        if self.list.width > 0 && self.main.width > 0 && column == self.list.right() && row > 0 {
            return Some(Border::List);
        }
        let lower = self.lower()?;
        let beside = self.is_beside(lower);
        let on_title = row == lower.y && lower.holds(column, row);
        let on_edge = beside && column + 1 == lower.x && row >= lower.y;
        ((!beside && on_title) || on_edge).then_some(Border::Split)
    }
}
