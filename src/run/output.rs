//! One stream of a program as text: bytes come in any cut, invalid ones are replaced, the length is bounded.

/// Collects a stream.
#[derive(Debug, Clone)]
pub(super) struct OutputText {
    /// Bytes still taken.
    room: usize,
    /// The beginning of a character whose rest has not come yet: at most three bytes.
    pending: Vec<u8>,
}

impl OutputText {
    pub(super) fn new(room: usize) -> Self {
        Self { room, pending: Vec::new() }
    }

    /// Add bytes to `text`. Returns whether some were left out for want of room.
    pub(super) fn push(&mut self, bytes: &[u8], text: &mut String) -> bool {
        let taken = bytes.len().min(self.room);
        self.room -= taken;
        let cut = taken < bytes.len();
        let joined;
        let mut rest = &bytes[..taken];
        if !self.pending.is_empty() {
            joined = [self.pending.as_slice(), rest].concat();
            self.pending.clear();
            rest = &joined;
        }
        let mut chunks = rest.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            text.push_str(chunk.valid());
            let invalid = chunk.invalid();
            if chunks.peek().is_none() && !cut && is_beginning(invalid) {
                self.pending = invalid.to_vec();
            } else if !invalid.is_empty() {
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        cut
    }

    /// The stream has ended.
    pub(super) fn finish(&mut self, text: &mut String) {
        if !std::mem::take(&mut self.pending).is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
}

/// Whether more bytes could make this a character: `Utf8Error::error_len` is `None` just then.
fn is_beginning(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn collect(parts: &[&[u8]], room: usize) -> (String, bool) {
        let (mut output, mut text, mut cut) = (OutputText::new(room), String::new(), false);
        for part in parts {
            cut |= output.push(part, &mut text);
        }
        output.finish(&mut text);
        (text, cut)
    }

    #[test]
    fn characters_split_over_reads() {
        assert_eq!(collect(&[b"a\xf0\x9f", b"\x98", b"\x80b"], 99), ("a😀b".to_owned(), false));
        assert_eq!(collect(&[b"\xf0\x9f"], 99), ("\u{fffd}".to_owned(), false));
        assert_eq!(collect(&[b"abcdef"], 3), ("abc".to_owned(), true));
    }

    proptest! {
        /// However the bytes are cut, the text is that of the whole.
        #[test]
        fn cuts_do_not_matter(bytes in proptest::collection::vec(any::<u8>(), 0..60), at in 0usize..60) {
            let at = at.min(bytes.len());
            let whole = String::from_utf8_lossy(&bytes).into_owned();
            prop_assert_eq!(collect(&[&bytes[..at], &bytes[at..]], 999).0, whole);
        }
    }
}
