//! Skills by the thousand, as they are published: a workspace made from a seed, with the sizes and the quirks that
//! were counted in 26,277 published `SKILL.md` files. For the benchmark of the workspace and for tests.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "a module of several programs, each of which takes a part of it"
)]

mod manifest;
mod random;
mod script;
mod words;
pub mod yaml;

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use manifest::{Field, Front, Names};
pub use random::Random;

/// The files that were counted: rates below are so many of these.
const COUNTED: usize = 26_277;
/// Bytes of a SKILL.md, by share of the files: median 4.8 KB, 90 % 14 KB, 99 % 32 KB, largest 294 KB.
const SIZES: [(f64, f64); 6] =
    [(0.0, 250.0), (0.1, 1_500.0), (0.5, 4_800.0), (0.9, 14_000.0), (0.99, 32_000.0), (1.0, 110_000.0)];
pub const LARGEST: usize = 294_000;
/// Characters of the longest line.
pub const LONGEST_LINE: usize = 130_541;
/// Files beside SKILL.md, by share of the skills.
const FILES: [(f64, f64); 5] = [(0.0, 0.6), (0.4, 0.9), (0.6, 3.0), (0.9, 9.0), (1.0, 40.0)];
const MOST_FILES: usize = 1_103;

/// What is under the name SKILL.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Place {
    #[default]
    Plain,
    LowerCase,
    OtherCase,
    /// `SKILL.md` and `skill.md`.
    Both,
    Linked,
    Dangling,
}

/// The encoding of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bytes {
    #[default]
    Plain,
    ByteOrderMark,
    Crlf,
    Nul,
    Control,
    NotUtf8,
    Empty,
    LongLine,
    Largest,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corpus {
    /// The folder with the skills, in folders of a hundred.
    pub root: PathBuf,
    pub skills: usize,
    /// Bytes of all SKILL.md files.
    pub bytes: u64,
}

/// Kinds of each skill, by number.
#[derive(Debug)]
struct Decks {
    place: Vec<Place>,
    bytes: Vec<Bytes>,
    front: Vec<Front>,
    names: Vec<Names>,
    fields: Vec<Vec<Field>>,
    nested: Vec<bool>,
}

/// Write `skills` skills below `root`, which is made. The same seed gives the same bytes.
pub fn write(root: &Path, skills: usize, seed: u64) -> io::Result<Corpus> {
    let mut random = Random::new(seed);
    let decks = Decks::shuffle(&mut random, skills);
    let mut bytes = 0;
    let mut above: Option<PathBuf> = None;
    for number in 0..skills {
        let group = root.join(format!("set-{:03}", number / 100));
        let parent = above.take().filter(|_| decks.nested[number]).unwrap_or(group);
        let folder = parent.join(manifest::folder_name(number));
        let mut random = Random::new(seed ^ (number as u64 + 1).wrapping_mul(0x2545_f491_4f6c_dd1d));
        bytes += decks.skill(&mut random, number, &folder)?;
        above = Some(folder);
    }
    Ok(Corpus { root: root.to_path_buf(), skills, bytes })
}

/// [`write()`], unless it was written there before.
pub fn keep(root: &Path, skills: usize, seed: u64) -> io::Result<Corpus> {
    let mark = root.with_extension(format!("{skills}-{seed}"));
    if let Some(bytes) = fs::read_to_string(&mark).ok().and_then(|text| text.parse().ok()) {
        return Ok(Corpus { root: root.to_path_buf(), skills, bytes });
    }
    if root.exists() {
        fs::remove_dir_all(root)?;
    }
    let corpus = write(root, skills, seed)?;
    fs::write(mark, corpus.bytes.to_string())?;
    Ok(corpus)
}

impl Decks {
    fn shuffle(random: &mut Random, skills: usize) -> Self {
        let place = [
            (Place::LowerCase, 461 - 28),
            (Place::OtherCase, 21),
            (Place::Both, 28),
            (Place::Linked, 88),
            (Place::Dangling, 213),
        ];
        let bytes = [
            (Bytes::ByteOrderMark, 13),
            (Bytes::Crlf, 257),
            (Bytes::Nul, 1),
            (Bytes::Control, 3),
            (Bytes::NotUtf8, 2),
            (Bytes::Empty, 2),
            (Bytes::LongLine, 1),
            (Bytes::Largest, 1),
        ];
        let mut fields = vec![Vec::new(); skills];
        for (field, rate) in manifest::FIELDS {
            let deck = random.deck(skills, COUNTED, &[(true, *rate)]);
            let chosen = fields.iter_mut().zip(deck).filter(|(_, chosen)| *chosen);
            chosen.for_each(|(fields, _): (&mut Vec<Field>, bool)| fields.push(*field));
        }
        Self {
            place: random.deck(skills, COUNTED, &place),
            bytes: random.deck(skills, COUNTED, &bytes),
            front: random.deck(skills, COUNTED, manifest::FRONTS),
            names: random.deck(skills, COUNTED, manifest::NAMES),
            fields,
            nested: random.deck(skills, COUNTED, &[(true, 1_221)]),
        }
    }

    /// Write one skill. Returns the length of its SKILL.md.
    fn skill(&self, random: &mut Random, number: usize, folder: &Path) -> io::Result<u64> {
        fs::create_dir_all(folder)?;
        let files = match self.bytes[number] {
            Bytes::Largest => MOST_FILES,
            _ => quantile(random, &FILES),
        };
        let files = script::write(random, folder, files)?;
        let size = match self.bytes[number] {
            Bytes::Largest => LARGEST,
            _ => quantile(random, &SIZES),
        };
        let front =
            manifest::front(random, number, self.front[number], self.names[number], &self.fields[number]);
        let body = manifest::body(random, &files, size.saturating_sub(front.len()));
        let text = encode(front + &body, self.bytes[number]);
        let length = text.len() as u64;
        match self.place[number] {
            Place::Plain => fs::write(folder.join("SKILL.md"), text)?,
            Place::LowerCase => fs::write(folder.join("skill.md"), text)?,
            Place::OtherCase => fs::write(folder.join("SKILL.MD"), text)?,
            Place::Both => {
                fs::write(folder.join("SKILL.md"), &text)?;
                fs::write(folder.join("skill.md"), text)?;
            }
            Place::Linked => {
                fs::write(folder.join("README.md"), text)?;
                symlink("README.md", folder.join("SKILL.md"))?;
            }
            Place::Dangling => symlink("../../moved/SKILL.md", folder.join("SKILL.md"))?,
        }
        Ok(length)
    }
}

fn encode(text: String, how: Bytes) -> Vec<u8> {
    match how {
        Bytes::Plain | Bytes::Largest => text.into_bytes(),
        Bytes::ByteOrderMark => format!("\u{feff}{text}").into_bytes(),
        Bytes::Crlf => text.replace('\n', "\r\n").into_bytes(),
        Bytes::Nul => (text + "\0\n").into_bytes(),
        Bytes::Control => (text + "\u{8}\n").into_bytes(),
        Bytes::NotUtf8 => [text.as_bytes(), b"caf\xe9\n"].concat(),
        Bytes::Empty => Vec::new(),
        Bytes::LongLine => (text + &"x".repeat(LONGEST_LINE) + "\n").into_bytes(),
    }
}

/// A number with the given distribution: (share, value), between two of them interpolated on a logarithmic scale.
fn quantile(random: &mut Random, table: &[(f64, f64)]) -> usize {
    let share = random.fraction();
    let next = table.iter().position(|(at, _)| *at > share).unwrap_or(table.len() - 1).max(1);
    let ((from, low), (to, high)) = (table[next - 1], table[next]);
    (low * (high / low).powf((share - from) / (to - from))) as usize
}
