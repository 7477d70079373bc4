//! Where in a JSON text the value behind a JSON pointer stands.

/// Line and column, both from 1, of what `pointer` leads to in `text`, which is JSON; of the value around it when
/// there is nothing at its end.
pub(super) fn locate(text: &str, pointer: &str) -> (usize, usize) {
    let mut scanner = Scanner { text, at: 0 };
    scanner.blanks();
    let mut found = scanner.at;
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        match scanner.enter(&token) {
            Some(at) => (scanner.at, found) = (at, at),
            None => break,
        }
    }
    let before = text.get(..found).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    (before.matches('\n').count() + 1, before[start..].chars().count() + 1)
}

struct Scanner<'t> {
    text: &'t str,
    at: usize,
}

impl Scanner<'_> {
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self.byte().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Where the member `token` of the value at the cursor begins. Of a key that is there twice the last one counts,
    /// as it does for parsers.
    fn enter(&mut self, token: &str) -> Option<usize> {
        let object = match self.byte()? {
            b'{' => true,
            b'[' => false,
            _ => return None,
        };
        self.at += 1;
        let (mut found, mut index) = (None, 0);
        loop {
            self.blanks();
            if matches!(self.byte()?, b'}' | b']') {
                return found;
            }
            let mut this = token.parse() == Ok(index);
            if object {
                let key = self.at;
                self.skip();
                let key = serde_json::from_str::<String>(self.text.get(key..self.at)?).ok()?;
                this = key == token;
                self.blanks();
                self.at += 1;
                self.blanks();
            }
            if this {
                found = Some(self.at);
            }
            self.skip();
            self.blanks();
            if self.byte()? != b',' {
                return found;
            }
            self.at += 1;
            index += 1;
        }
    }

    /// Behind the value at the cursor.
    fn skip(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.byte() {
            match byte {
                b'"' => self.skip_text(),
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' if depth == 0 => return,
                b'}' | b']' => {
                    depth -= 1;
                    self.at += 1;
                }
                b',' | b':' if depth == 0 => return,
                byte if byte.is_ascii_whitespace() && depth == 0 => return,
                _ => self.at += 1,
            }
            if depth == 0 && matches!(byte, b'"' | b'}' | b']') {
                return;
            }
        }
    }

    fn skip_text(&mut self) {
        self.at += 1;
        while let Some(byte) = self.byte() {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::locate;

    #[test]
    fn values_are_found_where_they_stand() {
        let text = "{\n  \"a/b\": [1, {\"c\": \"x, ]\\\"\"}],\n  \"d\": 2.5,\n  \"d\" : {}\n}\n";
        assert_eq!(locate(text, ""), (1, 1));
        assert_eq!(locate(text, "/a~1b"), (2, 10));
        assert_eq!(locate(text, "/a~1b/0"), (2, 11));
        assert_eq!(locate(text, "/a~1b/1/c"), (2, 20));
        assert_eq!(locate(text, "/d"), (4, 9));
        assert_eq!(locate(text, "/missing"), (1, 1));
        assert_eq!(locate(text, "/a~1b/7"), (2, 10));
        assert_eq!(locate("7", "/x"), (1, 1));
    }
}
