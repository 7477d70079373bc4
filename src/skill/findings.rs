//! Collects the diagnostics of one file, and turns byte ranges into lines and columns.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::diagnostic::{Diagnostic, Edit, Fix, Span};
use super::rules::Rule;

/// Most diagnostics of one skill; a file made of errors must not fill the screen or the memory.
pub const MAX_FINDINGS: usize = 200;

/// Diagnostics of one file, in the order in which they were found.
#[derive(Debug)]
pub struct Findings<'a> {
    file: PathBuf,
    lines: Lines<'a>,
    fixable: bool,
    found: Vec<Diagnostic>,
}

impl<'a> Findings<'a> {
    /// `fixable`: whether byte offsets of `text` are those of the file (they are not when invalid UTF-8 was
    /// replaced), so that edits can be offered.
    pub fn new(file: &Path, text: &'a str, fixable: bool) -> Self {
        Self { file: file.to_path_buf(), lines: Lines::new(text), fixable, found: Vec::new() }
    }

    pub fn lines(&self) -> &Lines<'a> {
        &self.lines
    }

    pub fn add(&mut self, rule: Rule, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.push(rule, span, message.into(), help.into(), None);
    }

    pub fn add_fix(
        &mut self,
        rule: Rule,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
        fix: (impl Into<String>, Vec<Edit>),
    ) {
        let fix = self.fixable.then(|| Fix { title: fix.0.into(), edits: fix.1 });
        self.push(rule, span, message.into(), help.into(), fix);
    }

    fn push(&mut self, rule: Rule, span: Span, message: String, help: String, fix: Option<Fix>) {
        if self.found.len() < MAX_FINDINGS {
            let file = self.file.clone();
            self.found.push(Diagnostic {
                severity: rule.severity,
                code: rule.code,
                file,
                span,
                message,
                help,
                fix,
            });
        }
    }

    pub fn count(&self) -> usize {
        self.found.len()
    }

    /// Codes of what was found after the first `before`.
    pub fn codes_since(&self, before: usize) -> impl Iterator<Item = &'static str> {
        self.found.iter().skip(before).map(|found| found.code)
    }

    /// All of them, by place.
    pub fn finish(mut self) -> Vec<Diagnostic> {
        self.found.sort_by_key(|found| (found.span.start, found.severity));
        self.found.shrink_to_fit();
        self.found
    }
}

/// Where the lines of a text begin. `\n`, `\r\n` and a lone `\r` end a line.
#[derive(Debug, Clone)]
pub struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub fn new(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        let ends = memchr::memchr2_iter(b'\n', b'\r', bytes);
        let whole = |at: &usize| bytes[*at] == b'\n' || bytes.get(at + 1) != Some(&b'\n');
        starts.extend(ends.filter(whole).map(|at| at + 1));
        Self { text, starts }
    }

    /// How many lines there are; an empty text has one.
    pub fn count(&self) -> usize {
        self.starts.len()
    }

    /// 1-based line of a byte offset.
    pub fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }

    /// Byte range of a 1-based line, its line end left out.
    pub fn range(&self, line: usize) -> Range<usize> {
        let end = self.text.len();
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(end);
        let next = self.starts.get(line).copied().unwrap_or(end);
        start..start + self.text[start..next].trim_end_matches(['\n', '\r']).len()
    }

    pub fn span(&self, range: Range<usize>) -> Span {
        let (start, end) = (range.start.min(self.text.len()), range.end.min(self.text.len()));
        let (line, end_line) = (self.line(start), self.line(end));
        Span {
            line,
            column: self.column(line, start),
            end_line,
            end_column: self.column(end_line, end),
            start,
            end,
        }
    }

    /// Span of a whole line.
    pub fn line_span(&self, line: usize) -> Span {
        self.span(self.range(line))
    }

    fn column(&self, line: usize, offset: usize) -> usize {
        let start = self.starts[line - 1];
        self.text.get(start..offset).map_or(1, |before| before.chars().count() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_every_sort_of_line_end() {
        let lines = Lines::new("a\r\nbé\rc\n");
        assert_eq!([0, 2, 3, 7, 8].map(|at| lines.line(at)), [1, 1, 2, 3, 3]);
        assert_eq!(lines.range(2), 3..6);
        let span = lines.span(6..8);
        assert_eq!((span.line, span.column, span.end_line, span.end_column), (2, 3, 3, 2));
        assert_eq!(lines.span(9..9).line, 4);
    }
}
