//! Front matter with every quirk of YAML that authors hit upon, by a grammar: for comparing readers.

use std::fmt::Write as _;

use super::random::Random;
use super::words::{ESCAPES, KEYS, ODD, PLAIN, TAGS, TRAPS, TYPED, UNICODE};

/// A block of `key: value` lines, most of them sound YAML.
pub fn front_matter(random: &mut Random) -> String {
    let mut writer = Writer { random, anchors: Vec::new(), mappings: Vec::new(), text: String::new() };
    let pairs = 1 + writer.random.below(7);
    for number in 0..pairs {
        writer.pair(0, number, 0);
    }
    if writer.random.percent(4) {
        writer.slip();
    }
    let fence = |line: &&str| matches!(line.trim_end(), "---" | "...");
    let line_end = if writer.random.percent(3) { "\r\n" } else { "\n" };
    writer.text.lines().filter(|line| !fence(line)).fold(String::new(), |text, line| text + line + line_end)
}

struct Writer<'a> {
    random: &'a mut Random,
    /// Names of anchors so far, and of those that stand for mappings.
    anchors: Vec<String>,
    mappings: Vec<String>,
    text: String,
}

impl Writer<'_> {
    fn chance(&mut self, percent: usize) -> bool {
        self.random.percent(percent)
    }

    /// A value that has a type; one in ten of the last ones, which are errors or have no JSON.
    fn typed(&mut self) -> &'static str {
        let end = if self.chance(90) { TYPED.len() - ODD } else { TYPED.len() };
        self.random.pick(&TYPED[..end])
    }

    fn key(&mut self, number: usize) -> String {
        let key = self.random.pick(&KEYS);
        match self.random.below(40) {
            // `0` and `false` are one key to Python.
            0 => self.random.pick(&TYPED[..15]).to_owned(),
            1 => format!("\"{key}\""),
            2 => format!("'{key}'"),
            3 => key.to_owned(),
            // The same key twice only now and then.
            _ => format!("{key}{number}"),
        }
    }

    /// One pair of a mapping in block style.
    fn pair(&mut self, indent: usize, number: usize, depth: usize) {
        let margin = " ".repeat(indent);
        if self.chance(5) {
            let _ = writeln!(self.text, "{margin}# a comment: {number}");
        }
        if self.chance(4) {
            self.text.push('\n');
        }
        if !self.mappings.is_empty() && self.chance(15) {
            let name = self.mappings[self.random.below(self.mappings.len())].clone();
            let list = if self.chance(30) { format!("[*{name}, *{name}]") } else { format!("*{name}") };
            let _ = writeln!(self.text, "{margin}<<: {list}");
            return;
        }
        let key = self.key(number);
        let _ = write!(self.text, "{margin}{key}:");
        self.value(indent, number, depth);
    }

    /// What stands behind `key:` or `-`, with the line's end.
    fn value(&mut self, indent: usize, number: usize, depth: usize) {
        let gap = match self.random.below(600) {
            0 => "\t",
            1 => " \t",
            2 | 3 => "   ",
            _ => " ",
        };
        let shape = Some(self.random.below(5)).filter(|_| depth < 3 && self.chance(30));
        let mapping = matches!(shape, Some(0 | 1 | 3));
        let mut before = String::new();
        let anchored = self.chance(6);
        if anchored {
            let name = format!("a{number}_{}", self.anchors.len());
            let _ = write!(before, "{gap}&{name}");
        }
        if self.chance(3) {
            let tag = if self.chance(85) {
                match shape {
                    Some(_) if mapping => "!!map",
                    Some(_) => "!!seq",
                    None => "!!str",
                }
            } else {
                self.random.pick(&TAGS)
            };
            let _ = write!(before, "{gap}{tag}");
        }
        self.text += &before;
        if let Some(shape) = shape {
            self.collection(shape, indent, depth);
        } else if self.chance(4) && !self.anchors.is_empty() && before.is_empty() {
            let name = self.anchors[self.random.below(self.anchors.len())].clone();
            let _ = writeln!(self.text, "{gap}*{name}");
        } else {
            self.scalar(gap, indent);
        }
        if anchored {
            let name =
                before.trim_start().trim_start_matches('&').split_whitespace().next().unwrap_or_default();
            self.anchors.push(name.to_owned());
            if mapping {
                self.mappings.push(name.to_owned());
            }
        }
    }

    /// A mapping in block style (0, 1), a list (2), a mapping (3) or a list in brackets.
    fn collection(&mut self, shape: usize, indent: usize, depth: usize) {
        let items = 1 + self.random.below(3);
        match shape {
            0 | 1 => {
                self.text.push('\n');
                let indent = indent + 1 + self.random.below(4);
                (0..items).for_each(|number| self.pair(indent, number, depth + 1));
            }
            2 => {
                self.text.push('\n');
                // At the level of the key, as many write it, or below it.
                let indent = if self.chance(40) && indent == 0 { indent } else { indent + 2 };
                for number in 0..items {
                    let _ = write!(self.text, "{}-", " ".repeat(indent));
                    if depth < 2 && self.chance(15) {
                        let key = self.key(number);
                        let _ = write!(self.text, " {key}:");
                        self.scalar(" ", indent + 2);
                        self.pair(indent + 2, number + 1, depth + 2);
                    } else {
                        self.value(indent, number, depth + 1);
                    }
                }
            }
            _ => {
                let flow = self.flow(depth, shape == 3);
                let comment = if self.chance(10) { " # behind" } else { "" };
                let flow = if self.chance(10) { flow.replace(", ", ",\n   ") } else { flow };
                let _ = writeln!(self.text, " {flow}{comment}");
            }
        }
    }

    fn flow(&mut self, depth: usize, mapping: bool) -> String {
        let items = self.random.below(4);
        let mut parts = Vec::new();
        for number in 0..items {
            let mapping_inside = self.chance(50);
            let deeper = depth < 2 && self.chance(20);
            let value = if deeper { self.flow(depth + 1, mapping_inside) } else { self.flow_scalar() };
            let key = self.key(number);
            parts.push(match self.random.below(30) {
                _ if !mapping => value,
                // With a bracket behind the colon readers differ.
                0 if !value.starts_with(['[', '{']) => format!("{key}:{value}"),
                1 => key,
                2 if !key.starts_with(['"', '\'']) => format!("\"{key}\":{value}"),
                _ => format!("{key}: {value}"),
            });
        }
        let tail = if self.chance(5) { "," } else { "" };
        let joined = parts.join(", ");
        if mapping { format!("{{{joined}{tail}}}") } else { format!("[{joined}{tail}]") }
    }

    fn flow_scalar(&mut self) -> String {
        match self.random.below(5) {
            0 => self.typed().to_owned(),
            1 => self.double_quoted(false, 0),
            2 => self.single_quoted(false, 0),
            // In brackets `?` and `,` have a meaning.
            3 if self.chance(92) => {
                self.random.pick(&["two words", "a:b", "it's", "-dash", "50%", "x#y"]).to_owned()
            }
            3 => self.random.pick(&PLAIN[..12]).to_owned(),
            _ => "word".to_owned(),
        }
    }

    fn scalar(&mut self, gap: &str, indent: usize) {
        let line_break = self.chance(25);
        let written = match self.random.below(20) {
            0..=3 => self.typed().to_owned(),
            4..=6 if self.chance(4) => self.random.pick(&TRAPS).to_owned(),
            4..=6 => self.random.pick(&PLAIN).to_owned(),
            7 => format!("{}{}", self.random.pick(&KEYS), self.random.pick(&UNICODE)),
            8..=10 => self.double_quoted(line_break, indent),
            11 | 12 => self.single_quoted(line_break, indent),
            13 | 14 => return self.block(gap, indent),
            15 => String::new(),
            _ => self.plain(line_break, indent),
        };
        let comment = match self.random.below(30) {
            0 => " # comment",
            1 if self.chance(10) => "\t# comment",
            1 | 2 => "  ",
            _ => "",
        };
        let gap = if written.is_empty() { "" } else { gap };
        let _ = writeln!(self.text, "{gap}{written}{comment}");
    }

    fn plain(&mut self, several: bool, indent: usize) -> String {
        let mut text = String::from("Use it for things");
        for _ in 0..if several { 1 + self.random.below(3) } else { 0 } {
            let blank = if self.chance(20) { "\n" } else { "" };
            let more = self.random.below(3);
            let words = self.random.pick(&["and more", "with 'quotes'", "a #hash", "end.", "- dash", "1.5"]);
            let _ = write!(text, "{blank}\n{}{words}", " ".repeat(indent + 1 + more));
        }
        text
    }

    fn double_quoted(&mut self, several: bool, indent: usize) -> String {
        let mut text = String::from("\"");
        for _ in 0..self.random.below(5) {
            text += match self.random.below(6) {
                // The last three are no escapes of YAML or no text.
                0 if self.chance(98) => self.random.pick(&ESCAPES[..21]),
                0 => self.random.pick(&ESCAPES[21..]),
                1 => self.random.pick(&UNICODE),
                2 => ": ",
                3 => " # ",
                _ => "word ",
            };
            if several && self.chance(50) {
                let margin = if self.chance(5) { 0 } else { indent + 1 + self.random.below(4) };
                let fold = self.random.pick(&["\n", "\n\n", "\\\n", "  \n"]);
                let _ = write!(text, "{fold}{}next", " ".repeat(margin));
            }
        }
        text + "\""
    }

    fn single_quoted(&mut self, several: bool, indent: usize) -> String {
        let mut text = String::from("'");
        for _ in 0..self.random.below(4) {
            text += self.random.pick(&["''", "word ", "\\n", "\"", ": ", "# ", "é"]);
            if several && self.chance(50) {
                let blank = if self.chance(30) { "\n" } else { "" };
                let _ = write!(text, "{blank}\n{}next", " ".repeat(indent + 1 + self.random.below(3)));
            }
        }
        text + "'"
    }

    fn block(&mut self, gap: &str, indent: usize) {
        let style = self.random.pick(&["|", ">"]);
        let chomp = self.random.pick(&["", "", "-", "+"]);
        let deeper = 1 + self.random.below(4);
        let explicit = self.chance(20);
        let indicator = if explicit { deeper.to_string() } else { String::new() };
        let head =
            if self.chance(50) { format!("{indicator}{chomp}") } else { format!("{chomp}{indicator}") };
        let comment = if self.chance(8) { " # note" } else { "" };
        let _ = writeln!(self.text, "{gap}{style}{head}{comment}");
        let margin = " ".repeat(indent + deeper);
        for number in 0..self.random.below(5) {
            let more = if (number > 0 || explicit) && self.chance(20) { "  " } else { "" };
            let line = match self.random.below(8) {
                0 => String::new(),
                1 => format!("{margin}{more}# no comment"),
                2 => format!("{margin}{more}key: value"),
                3 => format!("{margin}{more}- item\twith tab"),
                _ => format!("{margin}{more}Text of the block."),
            };
            let _ = writeln!(self.text, "{line}");
        }
    }

    /// One character too many, too few, or another.
    fn slip(&mut self) {
        let places: Vec<usize> = self.text.char_indices().map(|(at, _)| at).collect();
        let at = places[self.random.below(places.len())];
        match self.random.below(3) {
            0 => drop(self.text.remove(at)),
            1 => self.text.insert_str(
                at,
                self.random.pick(&[":", "\"", "'", "#", " ", "\t", "[", "}", "-", "\u{7}", "\n"]),
            ),
            _ => {
                self.text.remove(at);
                self.text.insert_str(at, self.random.pick(&[" ", ":", ",", "*", "&", "\n"]));
            }
        }
    }
}
