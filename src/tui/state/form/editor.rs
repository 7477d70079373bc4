//! A small editor for several lines of text: the lines are those of `tui-input`, and know nothing of each other.

use tui_input::{Input, InputRequest};

/// Longest text that is taken.
pub const LIMIT: usize = 256 * 1024;

#[derive(Debug, Clone)]
pub struct Editor {
    lines: Vec<Input>,
    row: usize,
    length: usize,
}

impl Default for Editor {
    fn default() -> Self {
        Self::new("")
    }
}

impl Editor {
    pub fn new(text: &str) -> Self {
        let lines = text.split('\n').map(|line| Input::new(line.to_owned()).with_cursor(0)).collect();
        Self { lines, row: 0, length: text.len() }
    }

    pub fn text(&self) -> String {
        self.lines.iter().map(Input::value).collect::<Vec<_>>().join("\n")
    }

    pub fn lines(&self) -> &[Input] {
        &self.lines
    }

    pub fn row(&self) -> usize {
        self.row
    }

    fn line(&mut self) -> &mut Input {
        &mut self.lines[self.row]
    }

    fn column(&self) -> usize {
        self.lines[self.row].cursor()
    }

    /// An edit of the line by somebody who knows its keys.
    pub fn edit(&mut self, change: impl FnOnce(&mut Input)) {
        let before = self.lines[self.row].clone();
        change(self.line());
        self.length = self.length + self.lines[self.row].value().len() - before.value().len();
        if self.length > LIMIT {
            self.length = self.length + before.value().len() - self.lines[self.row].value().len();
            self.lines[self.row] = before;
        }
    }

    /// An edit within the line.
    pub fn handle(&mut self, request: InputRequest) {
        let before = self.lines[self.row].value().len();
        if matches!(request, InputRequest::InsertChar(_)) && self.length >= LIMIT {
            return;
        }
        let _ = self.line().handle(request);
        self.length = self.length + self.lines[self.row].value().len() - before;
    }

    /// Put a text in at the cursor. False when it is too long: then nothing changes.
    pub fn insert(&mut self, text: &str) -> bool {
        if self.length + text.len() > LIMIT {
            return false;
        }
        let (head, tail) = self.split();
        let mut parts: Vec<String> = text.split('\n').map(str::to_owned).collect();
        parts[0].insert_str(0, &head);
        let last = parts.len() - 1;
        let column = parts[last].chars().count();
        parts[last].push_str(&tail);
        let row = self.row;
        self.lines.splice(row..=row, parts.into_iter().map(Input::new));
        self.go(row + last, column);
        self.length += text.len();
        true
    }

    /// A line end, and the blanks that the line began with.
    pub fn newline(&mut self) {
        let line = self.lines[self.row].value();
        let blanks: String = line.chars().take(self.column()).take_while(|c| *c == ' ').collect();
        self.insert(&format!("\n{blanks}"));
    }

    /// The line in front of the cursor, and behind it.
    fn split(&self) -> (String, String) {
        let line = self.lines[self.row].value();
        let at = line.char_indices().nth(self.column()).map_or(line.len(), |(at, _)| at);
        (line[..at].to_owned(), line[at..].to_owned())
    }

    pub fn backspace(&mut self) {
        if self.column() > 0 {
            self.handle(InputRequest::DeletePrevChar);
        } else if self.row > 0 {
            self.row -= 1;
            self.join();
        }
    }

    pub fn delete(&mut self) {
        let line = &self.lines[self.row];
        if line.cursor() < line.value().chars().count() {
            self.handle(InputRequest::DeleteNextChar);
        } else if self.row + 1 < self.lines.len() {
            self.join();
        }
    }

    /// The next line comes to the end of this one.
    fn join(&mut self) {
        let next = self.lines.remove(self.row + 1);
        let line = self.lines[self.row].value();
        let (column, joined) = (line.chars().count(), format!("{line}{}", next.value()));
        self.lines[self.row] = Input::new(joined).with_cursor(column);
        self.length -= 1;
    }

    pub fn left(&mut self) {
        if self.column() == 0 && self.row > 0 {
            self.row -= 1;
            self.handle(InputRequest::GoToEnd);
        } else {
            self.handle(InputRequest::GoToPrevChar);
        }
    }

    pub fn right(&mut self) {
        let line = &self.lines[self.row];
        if line.cursor() >= line.value().chars().count() && self.row + 1 < self.lines.len() {
            self.row += 1;
            self.handle(InputRequest::GoToStart);
        } else {
            self.handle(InputRequest::GoToNextChar);
        }
    }

    /// Up or down, in the same column.
    pub fn rows(&mut self, rows: isize) {
        let column = self.column();
        self.go(self.row.saturating_add_signed(rows), column);
    }

    /// To a line and a column, both counted from 0, as far as there are.
    pub fn go(&mut self, row: usize, column: usize) {
        self.row = row.min(self.lines.len() - 1);
        let length = self.line().value().chars().count();
        self.handle(InputRequest::SetCursor(column.min(length)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_are_split_and_joined() {
        let mut editor = Editor::new("{\n  \"a\": 1\n}");
        editor.go(1, 99);
        editor.handle(InputRequest::InsertChar(','));
        editor.newline();
        assert!(editor.insert("\"b\": [\n1]"));
        assert_eq!(editor.text(), "{\n  \"a\": 1,\n  \"b\": [\n1]\n}");
        editor.go(2, 0);
        editor.backspace();
        assert_eq!(editor.text(), "{\n  \"a\": 1,  \"b\": [\n1]\n}");
        assert!(!editor.insert(&"x".repeat(LIMIT)));
    }

    proptest! {
        #[test]
        fn the_length_is_always_known(keys in proptest::collection::vec(0..10u8, 0..60)) {
            let mut editor = Editor::new("ab\n\ncd");
            for key in keys {
                match key {
                    0 => editor.handle(InputRequest::InsertChar('漢')),
                    1 => editor.newline(),
                    2 => editor.backspace(),
                    3 => editor.delete(),
                    4 => editor.left(),
                    5 => editor.right(),
                    6 => editor.rows(-1),
                    7 => editor.rows(1),
                    8 => editor.handle(InputRequest::DeleteLine),
                    _ => { editor.insert("x\ny"); }
                }
                prop_assert_eq!(editor.length, editor.text().len());
                prop_assert!(editor.column() <= editor.lines[editor.row].value().chars().count());
            }
        }
    }
}
