//! The tools of a skill as rows: a table of what each takes, or its JSON Schema.

use super::rows::{TextRow, Tone, padded, shortened, text};
use super::{Facts, Parameter, Tool};
use crate::tui::labels::wrap;

/// Widest columns of names and kinds, and narrowest of descriptions.
const NAME: usize = 24;
const KIND: usize = 22;
const DESCRIPTION: usize = 20;
/// Most lines of one description.
const MOST_LINES: usize = 8;

/// In `width` columns.
pub(super) fn rows(facts: &Facts, json: bool, width: usize) -> Vec<TextRow> {
    let Some(tools) = &facts.tools else { return Vec::new() };
    if tools.is_empty() {
        return vec![vec![text(Tone::Muted, " no script, no tool")]];
    }
    let mut rows = Vec::new();
    for tool in tools {
        rows.push(vec![
            text(Tone::Strong, format!(" {}", tool.name)),
            text(Tone::Faint, format!("  {}  {}", tool.entry, tool.source)),
        ]);
        if json {
            rows.extend(tool.json.lines().map(|line| vec![text(Tone::Plain, format!("   {line}"))]));
        } else {
            table(tool, width, &mut rows);
        }
        rows.push(Vec::new());
    }
    rows
}

fn table(tool: &Tool, width: usize, rows: &mut Vec<TextRow>) {
    if tool.parameters.is_empty() {
        rows.push(vec![text(Tone::Muted, "   takes no parameters")]);
        return;
    }
    let widest = |of: fn(&Parameter) -> usize, most: usize| {
        tool.parameters.iter().map(of).max().unwrap_or(0).min(most)
    };
    let name = widest(|parameter| parameter.name.chars().count(), NAME);
    let kind = widest(|parameter| parameter.kind.chars().count(), KIND);
    let indent = 3 + name + 2 + kind + 2 + 8 + 2;
    // With little room the description goes below.
    let beside = width >= indent + DESCRIPTION;
    let (indent, room) = if beside { (indent, width - indent) } else { (6, width.saturating_sub(6)) };
    for parameter in &tool.parameters {
        let required = if parameter.required { "required" } else { "" };
        let mut row = vec![
            text(Tone::Plain, "   "),
            padded(Tone::Accent, &shortened(&parameter.name, name), name + 2),
            padded(Tone::Muted, &parameter.kind, kind + 2),
            padded(Tone::Caution, required, 10),
        ];
        let mut description = wrap(&parameter.description, room, MOST_LINES).into_iter();
        if beside {
            row.extend(description.next().map(|line| text(Tone::Plain, line)));
        }
        rows.push(row);
        let below = description.filter(|line| !line.is_empty());
        rows.extend(below.map(|line| vec![text(Tone::Plain, format!("{}{line}", " ".repeat(indent)))]));
    }
}
