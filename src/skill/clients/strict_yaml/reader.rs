//! The characters of a text, places in it, and faults as strictyaml words them.

/// A place, all 0-based; lines end at a line feed only, columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Mark {
    pub(super) index: usize,
    pub(super) line: usize,
    pub(super) column: usize,
}

/// What is wrong and where: the parts of a "marked" error of PyYAML's family.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) context: Option<&'static str>,
    pub(super) context_mark: Option<Mark>,
    pub(super) problem: String,
    pub(super) mark: Mark,
}

/// Why there is no document.
#[derive(Debug)]
pub(super) enum Stop {
    Fault(Box<Fault>),
    /// The library ends with this exception, which its callers do not expect.
    Crash(&'static str),
}

pub(super) type Step<T> = Result<T, Stop>;

impl Stop {
    /// A problem without context.
    pub(super) fn at(mark: Mark, problem: impl Into<String>) -> Self {
        Self::new(None, None, problem.into(), mark)
    }

    /// A problem met while doing something that began elsewhere.
    pub(super) fn during(context: &'static str, began: Mark, problem: impl Into<String>, mark: Mark) -> Self {
        Self::new(Some(context), Some(began), problem.into(), mark)
    }

    pub(super) fn new(
        context: Option<&'static str>,
        context_mark: Option<Mark>,
        problem: String,
        mark: Mark,
    ) -> Self {
        Stop::Fault(Box::new(Fault { context, context_mark, problem, mark }))
    }
}

/// Line ends as the scanner sees them. Those behind the line feed do not count as lines in a [`Mark`].
pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// The end of a line or of the text.
pub(super) fn is_end(c: char) -> bool {
    c == '\0' || is_break(c)
}

/// What separates tokens: blanks and ends.
pub(super) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t') || is_end(c)
}

/// A cursor over a text that ends with NUL, which cannot occur before its end.
#[derive(Debug)]
pub(super) struct Reader {
    text: Vec<char>,
    at: Mark,
}

impl Reader {
    pub(super) fn new(text: &str) -> Self {
        Self { text: text.chars().chain(['\0']).collect(), at: Mark::default() }
    }

    pub(super) fn mark(&self) -> Mark {
        self.at
    }

    pub(super) fn column(&self) -> usize {
        self.at.column
    }

    /// The character `ahead` of the cursor; NUL at and behind the end.
    pub(super) fn peek(&self, ahead: usize) -> char {
        self.text.get(self.at.index + ahead).copied().unwrap_or('\0')
    }

    pub(super) fn prefix(&self, length: usize) -> String {
        let end = (self.at.index + length).min(self.text.len());
        self.text[self.at.index..end].iter().collect()
    }

    /// Whether `...` stands here, and nothing else before a blank. (`---` never stands in front matter.)
    pub(super) fn is_separator(&self) -> bool {
        (0..3).all(|ahead| self.peek(ahead) == '.') && is_blank(self.peek(3))
    }

    pub(super) fn forward(&mut self, length: usize) {
        for _ in 0..length {
            let c = self.peek(0);
            if self.at.index + 1 < self.text.len() {
                self.at.index += 1;
            }
            match c {
                '\n' => (self.at.line, self.at.column) = (self.at.line + 1, 0),
                '\u{feff}' => {}
                _ => self.at.column += 1,
            }
        }
    }

    /// Take a run of characters.
    pub(super) fn take(&mut self, length: usize) -> String {
        let taken = self.prefix(length);
        self.forward(length);
        taken
    }

    pub(super) fn skip_spaces(&mut self) {
        while self.peek(0) == ' ' {
            self.forward(1);
        }
    }

    /// Take a line end, if one stands here: `\n` for all but the two Unicode separators.
    pub(super) fn line_break(&mut self) -> Option<char> {
        let c = self.peek(0);
        if !is_break(c) {
            return None;
        }
        self.forward(if c == '\r' && self.peek(1) == '\n' { 2 } else { 1 });
        Some(if matches!(c, '\u{2028}' | '\u{2029}') { c } else { '\n' })
    }

    /// The text of a fault, as the exception prints it.
    pub(super) fn render(&self, fault: &Fault) -> String {
        let mut lines: Vec<String> = fault.context.iter().map(|&text| text.to_owned()).collect();
        let same = |mark: Mark| (mark.line, mark.column) == (fault.mark.line, fault.mark.column);
        lines.extend(fault.context_mark.filter(|mark| !same(*mark)).map(|mark| self.place(mark)));
        lines.push(fault.problem.clone());
        lines.push(self.place(fault.mark));
        lines.join("\n")
    }

    /// A place with the line around it, cut to about 75 characters, and a caret.
    fn place(&self, mark: Mark) -> String {
        const HALF: usize = 36;
        let is_outside = |c: char| is_end(c);
        let (mut start, mut end) = (mark.index, mark.index);
        let (mut head, mut tail) = ("", "");
        while start > 0 && !is_outside(self.text[start - 1]) {
            start -= 1;
            if mark.index - start > HALF {
                (head, start) = (" ... ", start + 5);
                break;
            }
        }
        while end < self.text.len() && !is_outside(self.text[end]) {
            end += 1;
            if end - mark.index > HALF {
                (tail, end) = (" ... ", end - 5);
                break;
            }
        }
        let snippet: String = self.text[start..end].iter().collect();
        let (line, column) = (mark.line + 1, mark.column + 1);
        let indent = " ".repeat(4 + mark.index - start + head.len());
        format!(
            "  in \"<unicode string>\", line {line}, column {column}:\n    {head}{snippet}{tail}\n{indent}^ (line: {line})"
        )
    }
}
