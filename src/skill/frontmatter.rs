//! Splits SKILL.md into front matter and body, and says what is wrong with the text around it.

use std::ops::Range;

use super::diagnostic::Edit;
use super::findings::Findings;
use super::rules;

/// Longest front matter that is read. The longest seen in the wild has 210 lines.
pub const MAX_FRONT_MATTER: usize = 64 * 1024;
/// A line longer than this (in bytes) is reported.
const LONG_LINE: usize = 20_000;

/// Where the parts of a SKILL.md are, in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parts {
    /// The YAML between the two fences; `None` when there is no front matter that can be read.
    pub yaml: Option<Range<usize>>,
    /// Everything behind the closing fence.
    pub body: Range<usize>,
}

/// Find front matter and body. Every oddity is a finding; whatever can be read is read all the same.
pub fn split(text: &str, findings: &mut Findings) -> Parts {
    let all = 0..text.len();
    let bom = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let count = findings.lines().count();
    let line_with = |from: usize, findings: &Findings, wanted: &dyn Fn(&str) -> bool| {
        (from..=count).find(|line| {
            let range = findings.lines().range(*line);
            wanted(&text[range.start.max(bom).min(range.end)..range.end])
        })
    };
    let Some(open_line) = line_with(1, findings, &|line| !line.trim().is_empty()) else {
        let span = findings.lines().line_span(1);
        findings.add(rules::EMPTY_FILE, span, "the file is empty", "write front matter and instructions");
        return Parts { yaml: None, body: all };
    };
    let open = findings.lines().range(open_line);
    let opening = text[open.start.max(bom)..open.end].trim_end();
    if opening != "---" {
        report_missing(opening, &open, findings);
        return Parts { yaml: None, body: all };
    }
    if open_line > 1 {
        let edit = Edit { start: bom, end: open.start, text: String::new() };
        findings.add_fix(
            rules::LEADING_LINES,
            findings.lines().span(open.clone()),
            "empty lines stand before the front matter",
            "remove them: `---` must be the first line",
            ("remove the empty lines", vec![edit]),
        );
    }
    let start = next_line(text, open.end);
    let is_fence = |line: &str| matches!(line.trim_end(), "---" | "...");
    let Some(close_line) = line_with(open_line + 1, findings, &is_fence) else {
        let span = findings.lines().span(open);
        let message = "the front matter has no end";
        let help = "add a line with `---` behind the last field";
        let yaml = unclosed_part(text, start);
        let Some(end) = yaml.as_ref().map(|yaml| yaml.end) else {
            findings.add(rules::UNCLOSED, span, message, help);
            return Parts { yaml: None, body: text.len()..text.len() };
        };
        let line = if text[..end].ends_with('\n') { "---\n" } else { "\n---\n" };
        let edit = Edit { start: end, end, text: line.into() };
        findings.add_fix(rules::UNCLOSED, span, message, help, ("close the front matter", vec![edit]));
        return Parts { yaml, body: end..text.len() };
    };
    let close = findings.lines().range(close_line);
    if text[close.clone()].starts_with('.') {
        let edit = Edit { start: close.start, end: close.end, text: "---".into() };
        findings.add_fix(
            rules::CLOSED_BY_DOTS,
            findings.lines().span(close.clone()),
            "the front matter is closed by `...`",
            "close it with `---`",
            ("replace `...` by `---`", vec![edit]),
        );
    }
    let body = next_line(text, close.end)..text.len();
    if close.start - start > MAX_FRONT_MATTER {
        let message =
            format!("the front matter has {} bytes; the limit is {MAX_FRONT_MATTER}", close.start - start);
        let span = findings.lines().span(open);
        findings.add(rules::FRONT_MATTER_TOO_LARGE, span, message, "move what is long into the body");
        return Parts { yaml: None, body };
    }
    Parts { yaml: Some(start..close.start), body }
}

fn report_missing(opening: &str, at: &Range<usize>, findings: &mut Findings) {
    let span = findings.lines().span(at.clone());
    if opening.starts_with("---") && opening.trim_matches('-').is_empty() {
        let edit = Edit { start: at.start, end: at.end, text: "---".into() };
        findings.add_fix(
            rules::NO_FRONT_MATTER,
            span,
            "front matter begins with exactly three hyphens",
            "write `---`",
            ("write `---`", vec![edit]),
        );
    } else {
        findings.add(
            rules::NO_FRONT_MATTER,
            span,
            "the file has no front matter",
            "begin the file with `---`, `name: …`, `description: …`, `---`",
        );
    }
}

/// What can be taken for front matter when the closing fence is missing: up to the first blank line or
/// heading, so that name and description are still shown.
fn unclosed_part(text: &str, start: usize) -> Option<Range<usize>> {
    let mut end = start;
    for line in text[start..].split_inclusive('\n') {
        if line.trim().is_empty() || line.starts_with("# ") || end - start > MAX_FRONT_MATTER {
            break;
        }
        end += line.len();
    }
    (end > start && end - start <= MAX_FRONT_MATTER).then_some(start..end)
}

fn next_line(text: &str, end: usize) -> usize {
    let rest = &text[end..];
    let skip = if rest.starts_with("\r\n") { 2 } else { usize::from(rest.starts_with(['\n', '\r'])) };
    end + skip
}

/// Look for characters and line ends that trip readers up. One finding of each sort.
pub fn characters(text: &str, findings: &mut Findings) {
    if text.starts_with('\u{feff}') {
        let edit = Edit { start: 0, end: 3, text: String::new() };
        findings.add_fix(
            rules::BOM,
            findings.lines().span(0..3),
            "the file begins with a byte order mark",
            "save it as UTF-8 without BOM",
            ("remove the byte order mark", vec![edit]),
        );
    }
    let found = |at: usize, len: usize, findings: &Findings| findings.lines().span(at..at + len);
    if let Some(at) = memchr::memchr(0, text.as_bytes()) {
        let edits = all_matches(text, |c| c == '\0');
        let help = "remove it; was the file saved as UTF-16?";
        let span = found(at, 1, findings);
        findings.add_fix(
            rules::NUL,
            span,
            "a NUL character stands here",
            help,
            ("remove NUL characters", edits),
        );
    }
    let control = |c: char| c.is_control() && !matches!(c, '\0' | '\t' | '\n' | '\r');
    let may_be_control =
        |byte: u8| byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r') || matches!(byte, 0x7f | 0xc2);
    if let Some((at, c)) = first(text, may_be_control, control) {
        let message = format!("a control character (U+{:04X}) stands here", u32::from(c));
        let fix = ("remove control characters", all_matches(text, control));
        let span = found(at, c.len_utf8(), findings);
        findings.add_fix(rules::CONTROL_CHARACTER, span, message, "remove it", fix);
    }
    let hidden =
        |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{e0000}'..='\u{e007f}');
    if let Some((at, c)) = first(text, |byte| matches!(byte, 0xe2 | 0xf3), hidden) {
        let message = format!("an invisible character (U+{:04X}) stands here", u32::from(c));
        let fix = ("remove invisible characters", all_matches(text, hidden));
        let span = found(at, c.len_utf8(), findings);
        findings.add_fix(rules::HIDDEN_CHARACTER, span, message, "remove it", fix);
    }
    line_ends(text, findings);
}

/// The first character that is `wanted`. Each of these begins with a byte that `may_begin` one: texts without such bytes,
/// which are the most, are looked through many bytes at a time.
fn first(text: &str, may_begin: impl Fn(u8) -> bool, wanted: impl Fn(char) -> bool) -> Option<(usize, char)> {
    const BLOCK: usize = 256;
    for (number, block) in text.as_bytes().chunks(BLOCK).enumerate() {
        if !block.iter().fold(false, |any, byte| any | may_begin(*byte)) {
            continue;
        }
        let places = block.iter().enumerate().filter(|(_, byte)| may_begin(**byte));
        for at in places.map(|(at, _)| number * BLOCK + at) {
            if let Some(c) = text[at..].chars().next().filter(|c| wanted(*c)) {
                return Some((at, c));
            }
        }
    }
    None
}

fn line_ends(text: &str, findings: &mut Findings) {
    let bytes = text.as_bytes();
    let lone = memchr::memchr_iter(b'\r', bytes).find(|at| bytes.get(at + 1) != Some(&b'\n'));
    if let Some(at) = lone {
        let span = findings.lines().span(at..at + 1);
        let message = "a line ends with a lone carriage return";
        let fix = ("end lines with LF", carriage_returns(bytes, false));
        findings.add_fix(rules::CARRIAGE_RETURN, span, message, "save the file with Unix line ends", fix);
    }
    if let Some(at) = memchr::memchr_iter(b'\r', bytes).find(|at| bytes.get(at + 1) == Some(&b'\n')) {
        let span = findings.lines().span(at..at + 1);
        let fix = ("end lines with LF", carriage_returns(bytes, true));
        findings.add_fix(rules::CRLF, span, "lines end with CR LF", "save the file with Unix line ends", fix);
    }
    let mut lines = (1..=findings.lines().count()).map(|line| findings.lines().range(line));
    if let Some(long) = lines.find(|line| line.len() > LONG_LINE) {
        let mut span = findings.lines().span(long.start..long.start);
        span.end_column = span.column + 1;
        let message = format!("this line has {} characters", text[long].chars().count());
        findings.add(rules::LONG_LINE, span, message, "move the data into a file of its own");
    }
}

/// Edits that turn line ends into LF: those of two bytes, or those that are a carriage return alone.
fn carriage_returns(bytes: &[u8], before_newline: bool) -> Vec<Edit> {
    const MOST: usize = 20_000;
    let is_wanted = |at: usize| (bytes.get(at + 1) == Some(&b'\n')) == before_newline;
    let hits = bytes.iter().enumerate().filter(|(at, byte)| **byte == b'\r' && is_wanted(*at)).take(MOST);
    let text = if before_newline { "" } else { "\n" };
    hits.map(|(at, _)| Edit { start: at, end: at + 1, text: text.to_owned() }).collect()
}

fn all_matches(text: &str, which: impl Fn(char) -> bool) -> Vec<Edit> {
    let hits = text.char_indices().filter(|(_, c)| which(*c)).take(1000);
    hits.map(|(at, c)| Edit { start: at, end: at + c.len_utf8(), text: String::new() }).collect()
}
