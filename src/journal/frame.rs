//! The form of a record: a line that names it, then frames, each appended whole.
//!
//! A frame is its kind (1 byte), the time since the run's start in microseconds (8 bytes), the length of its content
//! (4 bytes), both little-endian, and the content. What a crash cut off is left out when it is read.

use std::time::Duration;

/// The first line of every record; the number is raised when older readers could not read it.
pub(super) const HEAD: &[u8] = b"skilldeck run 1\n";

/// Bytes before the content of a frame.
pub(super) const HEADER: usize = 13;

/// Content that a reader accepts: none is longer, so a damaged length is seen.
const LONGEST: usize = 64 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// What was started: JSON of [`Start`](super::Start).
    Start = 1,
    Stdout = 2,
    Stderr = 3,
    /// JSON of a usage sample.
    Usage = 4,
    /// JSON of the report so far; the last one counts.
    Report = 5,
    /// The run has ended, the report before is complete. JSON of [`End`](super::End).
    End = 6,
}

impl Kind {
    const ALL: [Kind; 6] = [Kind::Start, Kind::Stdout, Kind::Stderr, Kind::Usage, Kind::Report, Kind::End];
}

pub(super) fn put(to: &mut Vec<u8>, kind: Kind, at: Duration, content: &[u8]) {
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    to.push(kind as u8);
    to.extend(u64::try_from(at.as_micros()).unwrap_or(u64::MAX).to_le_bytes());
    to.extend(length.to_le_bytes());
    to.extend(&content[..length as usize]);
}

/// Kind, time and length of the content, from the bytes before it. `None` when they cannot be those of a frame.
pub(super) fn header(bytes: &[u8]) -> Option<(Kind, Duration, usize)> {
    let kind = *Kind::ALL.iter().find(|kind| **kind as u8 == bytes[0])?;
    let at = u64::from_le_bytes(bytes.get(1..9)?.try_into().ok()?);
    let length = u32::from_le_bytes(bytes.get(9..HEADER)?.try_into().ok()?) as usize;
    (length <= LONGEST).then_some((kind, Duration::from_micros(at), length))
}

/// The frames of a record, until its end or until what cannot be a frame.
pub(super) fn frames(record: &[u8]) -> Option<impl Iterator<Item = (Kind, Duration, &[u8])>> {
    let mut rest = record.strip_prefix(HEAD)?;
    Some(std::iter::from_fn(move || {
        let (head, after) = rest.split_at_checked(HEADER)?;
        let (kind, at, length) = header(head)?;
        let (content, after) = after.split_at_checked(length)?;
        rest = after;
        Some((kind, at, content))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cut_leaves_the_frames_before_it() {
        let mut record = HEAD.to_vec();
        let mut ends = vec![record.len()];
        for (kind, text) in [(Kind::Start, "{}"), (Kind::Stdout, "out"), (Kind::Stderr, ""), (Kind::End, "x")]
        {
            put(&mut record, kind, Duration::from_millis(7), text.as_bytes());
            ends.push(record.len());
        }
        for cut in HEAD.len()..=record.len() {
            let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
            assert_eq!(frames(&record[..cut]).unwrap().count(), whole, "cut at {cut}");
        }
        let all: Vec<_> = frames(&record).unwrap().collect();
        assert_eq!(all[1], (Kind::Stdout, Duration::from_millis(7), &b"out"[..]));
        assert!(frames(b"something else").is_none());
    }

    #[test]
    fn nonsense_ends_the_record() {
        let mut record = HEAD.to_vec();
        put(&mut record, Kind::Stdout, Duration::ZERO, b"out");
        let good = record.len();
        record.extend([9; 40]);
        assert_eq!(frames(&record).unwrap().count(), 1);
        record.truncate(good);
        record.extend([2, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 1]);
        assert_eq!(frames(&record).unwrap().count(), 1);
    }
}
