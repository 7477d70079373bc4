//! What a run used over its time, as a line of blocks against its limit: one row in the header, taller in the Usage
//! section.

use std::time::Duration;

use ratatui::text::Span;

use super::canvas::{Canvas, width};
use super::{Look, Sign, format};
use crate::tui::labels;
use crate::tui::layout::Area;
use crate::tui::state::usage::Measure;
use crate::tui::state::{RunView, Stage, State};
use crate::tui::theme::Role;

/// Columns below which a line in the header says nothing.
const LEAST: usize = 4;
const MOST: usize = 40;
/// Columns that are worth more than longer words.
const GOOD: usize = 12;

/// Eighths of a cell, from the bottom.
const BLOCKS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const PLAIN: [&str; 8] = [".", ":", "-", "=", "+", "*", "%", "#"];

/// One measure of a run: its values are drawn against `top`.
struct Line {
    name: &'static str,
    short: &'static str,
    measure: Measure,
    top: u64,
    /// How near to the limit, in words: shorter and shorter.
    said: Vec<String>,
    high: bool,
}

fn lines(run: &RunView) -> Vec<Line> {
    let done = run.report.as_deref().filter(|report| report.outcome.is_some());
    let (peak, limits, over) = (run.trace.usage.peak(), &run.limits, run.stage == Stage::Ended);
    let usage = done.map(|report| report.usage);
    let of = |now: u64, peak: u64, limit: u64, write: fn(u64) -> String| {
        let short = format!("{} of {}", same_unit(&write(peak), &write(limit)), write(limit));
        let now =
            if over { "peak".to_owned() } else { format!("{}, peak", same_unit(&write(now), &write(limit))) };
        vec![format!("{now} {short}"), short]
    };
    let cpu = usage.map_or(run.usage.cpu_ms, |usage| usage.cpu_ms);
    let cpu_limit = limits.cpu.as_millis() as u64;
    let memory = usage.map_or(peak.memory_bytes, |usage| usage.peak_memory_bytes.max(peak.memory_bytes));
    let processes = usage.map_or(peak.processes, |usage| usage.peak_processes.max(peak.processes));
    let descriptors = usage.map_or(peak.descriptors, |usage| usage.peak_descriptors.max(peak.descriptors));
    let high = |used: u64, limit: u64| used.saturating_mul(5) >= limit.saturating_mul(4);
    let line = |(name, short), measure, top: u64, said, high| Line {
        name,
        short,
        measure,
        top: top.max(1),
        said,
        high,
    };
    vec![
        line(
            ("cpu", "cpu"),
            Measure::Load,
            // Busy processors, at least one.
            1000,
            vec![format!("{} of {}", format::millis(cpu), format::limit(limits.cpu))],
            high(cpu, cpu_limit),
        ),
        line(
            ("memory", "mem"),
            Measure::Memory,
            limits.memory,
            of(run.usage.memory_bytes, memory, limits.memory, format::bytes),
            high(memory, limits.memory),
        ),
        line(
            ("processes", "procs"),
            Measure::Processes,
            limits.processes,
            of(run.usage.processes, processes, limits.processes, labels::grouped),
            high(processes, limits.processes),
        ),
        line(
            ("descriptors", "files"),
            Measure::Descriptors,
            // The limit is that of each process, the number that of all together.
            limits.open_files,
            vec![format!(
                "{} all together, {} each",
                labels::grouped(descriptors),
                labels::grouped(limits.open_files)
            )],
            false,
        ),
    ]
}

fn gap(short: bool) -> usize {
    if short { 2 } else { 3 }
}

impl Line {
    fn name(&self, short: bool) -> &'static str {
        if short { self.short } else { self.name }
    }

    fn said(&self, short: bool) -> &str {
        let at = if short { self.said.len().saturating_sub(1) } else { 0 };
        self.said.get(at).map_or("", String::as_str)
    }
}

/// `38` of `38 MiB` when the limit is said in MiB too.
fn same_unit(used: &str, limit: &str) -> String {
    match (used.split_once(' '), limit.split_once(' ')) {
        (Some((number, unit)), Some((_, same))) if unit == same => number.to_owned(),
        _ => used.to_owned(),
    }
}

fn elapsed(run: &RunView) -> Duration {
    let done = run.report.as_deref().filter(|report| report.outcome.is_some());
    done.map_or(run.elapsed, |report| Duration::from_secs_f64(report.duration_ms.max(0.0) / 1000.0))
}

fn values(run: &RunView, line: &Line, columns: usize) -> (Vec<u64>, u64) {
    let values = run.trace.usage.over_time(line.measure, elapsed(run), columns);
    let most = values.iter().copied().max().unwrap_or(0);
    // More than one busy processor raises the top; limits do not move.
    let top = if line.measure == Measure::Load { line.top.max(most) } else { line.top };
    (values, top)
}

/// How many eighths of `rows` cells a value fills; something is never nothing.
fn eighths(value: u64, top: u64, rows: usize) -> usize {
    let most = rows * 8;
    let filled = (u128::from(value) * most as u128).div_ceil(u128::from(top.max(1)));
    (filled as usize).min(most)
}

/// One row of a graph of `rows` rows, counted from the top.
fn graph_row(
    look: &Look<'_>,
    line: &Line,
    values: &[u64],
    top: u64,
    rows: usize,
    row: usize,
) -> Vec<Span<'static>> {
    let signs = if look.ascii { PLAIN } else { BLOCKS };
    let below = (rows - 1 - row) * 8;
    let mut spans: Vec<(Role, String)> = Vec::new();
    for value in values {
        let filled = eighths(*value, top, rows).saturating_sub(below);
        let near = line.measure != Measure::Load && value.saturating_mul(5) >= top.saturating_mul(4);
        let (role, sign) = match filled {
            // The ground is drawn, so that the time that passed is seen.
            0 if below == 0 => (Role::GaugeEmpty, signs[0]),
            0 => (Role::GaugeEmpty, " "),
            filled => (if near { Role::GaugeHigh } else { Role::Gauge }, signs[filled.min(8) - 1]),
        };
        match spans.last_mut() {
            Some((last, text)) if *last == role => text.push_str(sign),
            _ => spans.push((role, sign.to_owned())),
        }
    }
    spans.into_iter().map(|(role, text)| look.span(role, text)).collect()
}

/// `cpu ▁▂▅▂ 90 ms of 10 s   memory ▁▂▂▃ peak 38 of 256 MiB   processes ▁▁ peak 2 of 32`
pub(super) fn row(canvas: &mut Canvas<'_>, run: &RunView, area: Area) {
    let look = canvas.look;
    if matches!(run.stage, Stage::Refused(_)) {
        return;
    }
    let shown = &lines(run)[..3];
    let room = usize::from(area.width);
    // In little room the words and the names get shorter before the lines do.
    let fixed = |(short, words): (bool, bool)| -> usize {
        let each = shown.iter().map(|line| line.name(short).len() + line.said(words).len() + 2 + gap(short));
        each.sum::<usize>() - gap(short)
    };
    let forms = [(false, false, GOOD), (false, true, GOOD), (true, true, 0)];
    let fits = |(short, words, least): &(bool, bool, usize)| fixed((*short, *words)) + 3 * least <= room;
    let (short, words, _) = forms.into_iter().find(fits).unwrap_or((true, true, 0));
    let columns = (room.saturating_sub(fixed((short, words))) / 3).min(MOST);
    let mut spans: Vec<Span<'static>> = Vec::new();
    for line in shown {
        let mut part = vec![look.span(Role::Muted, format!("{} ", line.name(short)))];
        if !spans.is_empty() {
            part.insert(0, Span::raw(" ".repeat(gap(short))));
        }
        if columns >= LEAST {
            let (values, top) = values(run, line, columns);
            let missing = columns - values.len();
            part.extend(graph_row(&look, line, &values, top, 1, 0));
            part.push(Span::raw(" ".repeat(missing + 1)));
        }
        part.push(look.span(if line.high { Role::GaugeHigh } else { Role::Text }, line.said(words)));
        if width(&spans) + width(&part) > room {
            break;
        }
        spans.extend(part);
    }
    canvas.line(area.x, area.y, area.width, &spans);
}

/// The Usage section: each measure over time, as tall as there is room.
pub(super) fn section(canvas: &mut Canvas<'_>, state: &State, area: Area) {
    const NAME: u16 = 13;
    const SAID: u16 = 30;
    let Some(run) = state.shown_run() else { return };
    let look = canvas.look;
    if run.trace.usage.is_empty() && run.stage != Stage::Ended {
        canvas.hint(area, &[vec![], vec![look.span(Role::Faint, "nothing was measured yet")]]);
        return;
    }
    let lines = lines(run);
    let shown = lines.len().min(usize::from(area.height));
    let rows = (usize::from(area.height) / shown.max(1)).clamp(1, 5);
    // A blank row between graphs, when they are tall.
    let (tall, gap) = if rows > 2 { (rows - 1, 1) } else { (rows, 0) };
    let graph = usize::from(area.width.saturating_sub(NAME + SAID + 2));
    for (index, line) in lines.iter().take(shown).enumerate() {
        let y = area.y + (index * (tall + gap)) as u16;
        let role = if line.high { Role::GaugeHigh } else { Role::Text };
        let (values, top) = values(run, line, graph);
        for row in 0..tall {
            let at = y + row as u16;
            if graph >= LEAST {
                let spans = graph_row(&look, line, &values, top, tall, row);
                canvas.line(area.x + NAME, at, graph as u16, &spans);
            }
            if row + 1 < tall {
                continue;
            }
            let high = if line.high { format!("{} ", look.sign(Sign::Limit)) } else { String::new() };
            canvas.line(area.x + 1, at, NAME - 1, &[look.span(Role::Muted, line.name)]);
            let x = if graph >= LEAST { area.x + NAME + graph as u16 + 1 } else { area.x + NAME };
            let said = format!("{high}{}", line.said(false));
            canvas.line(x, at, area.right().saturating_sub(x), &[look.span(role, said)]);
        }
        if tall > 1 && graph >= LEAST {
            let top = top_of(line, top);
            let x = area.x + NAME + graph as u16 + 1;
            canvas.line(x, y, area.right().saturating_sub(x), &[look.span(Role::Faint, top)]);
        }
    }
}

/// What the top of a graph stands for.
fn top_of(line: &Line, top: u64) -> String {
    match line.measure {
        Measure::Load if top == 1000 => "top: 1 processor".to_owned(),
        Measure::Load => format!("top: {}.{} processors", top / 1000, top % 1000 / 100),
        Measure::Memory => format!("top: {}", format::bytes(top)),
        Measure::Processes => format!("top: {}", labels::grouped(top)),
        Measure::Descriptors => format!("top: {}", labels::grouped(top)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn something_is_never_nothing_and_the_limit_is_the_top() {
        assert_eq!(eighths(0, 100, 1), 0);
        assert_eq!(eighths(1, 1_000_000, 1), 1);
        assert_eq!(eighths(50, 100, 1), 4);
        assert_eq!(eighths(100, 100, 4), 32);
        assert_eq!(eighths(u64::MAX, 1, 4), 32);
    }
}
