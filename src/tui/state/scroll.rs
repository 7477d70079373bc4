//! A position in something longer than its pane: cursor, first row shown, first column shown.

/// `cursor` is an index of a row; `top` the first row shown. Kept in bounds by whoever knows the length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scroll {
    pub cursor: usize,
    pub top: usize,
    pub left: usize,
    /// Stay at the end while it grows (output panes).
    pub held: bool,
}

/// A movement of the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Motion {
    Rows(isize),
    /// Parts of a page, in halves.
    HalfPages(isize),
    Start,
    End,
    To(usize),
}

impl Motion {
    fn target(self, from: usize, length: usize, page: usize) -> usize {
        let last = length.saturating_sub(1);
        match self {
            Self::Rows(n) => from.saturating_add_signed(n).min(last),
            Self::HalfPages(n) => {
                let step = (page.max(2) / 2) as isize;
                from.saturating_add_signed(n * step).min(last)
            }
            Self::Start => 0,
            Self::End => last,
            Self::To(row) => row.min(last),
        }
    }
}

impl Scroll {
    /// Move the cursor of a list of `length` rows shown on `page` rows, and keep it in sight.
    pub fn go(&mut self, motion: Motion, length: usize, page: usize) {
        self.cursor = motion.target(self.cursor, length, page);
        self.clamp(length, page);
    }

    /// Bring cursor and top back into bounds.
    pub fn clamp(&mut self, length: usize, page: usize) {
        let page = page.max(1);
        self.cursor = self.cursor.min(length.saturating_sub(1));
        if self.cursor < self.top {
            self.top = self.cursor;
        } else if self.cursor >= self.top + page {
            self.top = self.cursor + 1 - page;
        }
        self.top = self.top.min(length.saturating_sub(page));
    }

    /// Move the window of a text without a cursor (output). Reaching the end follows again.
    pub fn pan(&mut self, motion: Motion, length: usize, page: usize) {
        let furthest = length.saturating_sub(page.max(1));
        let from = if self.held { self.top.min(furthest) } else { furthest };
        self.top = match motion {
            Motion::End => furthest,
            Motion::To(row) => row.saturating_sub(page / 3).min(furthest),
            other => other.target(from, length.max(1), page).min(furthest),
        };
        self.held = self.top < furthest;
    }

    /// Move the window of a text without a cursor that starts at its head.
    pub fn slide(&mut self, motion: Motion, length: usize, page: usize) {
        let furthest = length.saturating_sub(page.max(1));
        self.top = motion.target(self.top.min(furthest), furthest + 1, page);
        self.cursor = self.top;
    }

    /// First row to show of a text that may be followed.
    pub fn first(&self, length: usize, page: usize) -> usize {
        let furthest = length.saturating_sub(page.max(1));
        if self.held { self.top.min(furthest) } else { furthest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_stays_in_bounds_and_in_sight() {
        let mut scroll = Scroll::default();
        scroll.go(Motion::Rows(-1), 10, 4);
        assert_eq!((scroll.cursor, scroll.top), (0, 0));
        scroll.go(Motion::End, 10, 4);
        assert_eq!((scroll.cursor, scroll.top), (9, 6));
        scroll.go(Motion::HalfPages(-1), 10, 4);
        assert_eq!((scroll.cursor, scroll.top), (7, 6));
        scroll.clamp(3, 4);
        assert_eq!((scroll.cursor, scroll.top), (2, 0));
        scroll.go(Motion::End, 0, 0);
        assert_eq!((scroll.cursor, scroll.top), (0, 0));
    }

    #[test]
    fn output_follows_until_it_is_held() {
        let mut scroll = Scroll::default();
        assert_eq!(scroll.first(100, 10), 90);
        scroll.pan(Motion::Rows(-5), 100, 10);
        assert_eq!(scroll.first(200, 10), 85);
        scroll.pan(Motion::End, 200, 10);
        assert_eq!(scroll.first(300, 10), 290);
    }
}
