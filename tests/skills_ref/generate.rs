//! Front matter out of a grammar of quirks: mostly sound, here and there broken in the ways that people break it.

#![allow(clippy::format_collect, clippy::format_push_string, reason = "the grammar reads best so")]

use crate::oracle::Case;

/// xorshift64*: the same cases for the same seed, everywhere.
pub(crate) struct Generator(u64);

impl Generator {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end
    }

    fn one_in(&mut self, odds: usize) -> bool {
        self.below(odds) == 0
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    pub(crate) fn case(&mut self) -> Case {
        let folder = self.pick(&["demo", "demo", "demo", "red-team", "Übung", "a"]).to_owned();
        let yaml = if self.one_in(4) { self.soup() } else { self.fields(0, 4) };
        let open = self.pick(&["---\n", "---\n", "---\n", "---\n", "---", "---  \n", "\n---\n", "----\n"]);
        let close = self.pick(&["---\n", "---\n", "---\n", "---\n", "\n---\n", "---x\n", "--\n", "...\n"]);
        let mut text = format!("{open}{yaml}{close}# Body\n");
        match self.below(30) {
            0 => text = text.replace('\n', "\r\n"),
            1 => text = text.replace('\n', "\r"),
            2 => text.insert(0, '\u{feff}'),
            3 => self.insert(
                &mut text,
                &["\u{0}", "\u{80}", "\u{7f}", "\u{85}", "\u{2028}", "\u{feff}", "\t", "\u{ffff}"],
            ),
            4..=8 => self.insert(&mut text, SCRAPS),
            _ => {}
        }
        let mut bytes = text.into_bytes();
        if self.one_in(60) {
            let at = self.below(bytes.len());
            bytes[at] = 0xff;
        }
        if self.one_in(20) {
            let end = self.below(bytes.len());
            bytes.truncate(end);
        }
        Case::Bytes { folder, bytes }
    }

    fn insert(&mut self, text: &mut String, what: &[&str]) {
        let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        let (at, what) = (places[self.below(places.len())], self.pick(what));
        text.insert_str(at, what);
    }

    /// Lines of `key: value`.
    fn fields(&mut self, indent: usize, most: usize) -> String {
        let mut text = String::new();
        if indent == 0 && !self.one_in(10) {
            let name = self.pick(&[
                "demo",
                "demo",
                "demo",
                "red-team",
                "Demo",
                "de_mo",
                "-demo",
                "de--mo",
                "ﬁne",
                "हिन्दी",
                "5",
                "~",
            ]);
            text += &format!("name: {name}\ndescription: ");
            text += &self.value(0);
        }
        for _ in 0..self.below(most + 1) {
            let pad = " ".repeat(if self.one_in(20) { indent + 1 } else { indent });
            if self.one_in(9) {
                text += self.pick(&[
                    "\n",
                    "# note\n",
                    "  # note\n",
                    "\n\n",
                    " \n",
                    "\t\n",
                    "...\n",
                    "%YAML 1.2\n",
                    "# a\n\n# b\n",
                ]);
            }
            let key = self.pick(KEYS);
            let sign = self.pick(&[": ", ": ", ": ", ": ", ": ", ":", " : ", ":\t"]);
            text += &format!("{pad}{key}{sign}");
            text += &self.value(indent);
        }
        text
    }

    /// A value and the end of its line.
    fn value(&mut self, indent: usize) -> String {
        let pad = " ".repeat(indent + 2);
        match self.below(26) {
            0..=8 => format!("{}\n", self.pick(PLAIN)),
            9 => format!("{} # note\n", self.pick(PLAIN)),
            10 => format!("{}\n{pad}{}\n", self.pick(PLAIN), self.pick(PLAIN)),
            11 | 12 => {
                let head =
                    self.pick(&["|", ">", "|-", ">+", "|2", ">-", "|+1", "> # note", "|0", "|x", ">2-"]);
                let mut text = format!("{head}\n");
                for _ in 0..self.below(4) {
                    let more = self.pick(&["", "", "  ", "\t"]);
                    text += &match self.below(5) {
                        0 => "\n".to_owned(),
                        _ => format!("{pad}{more}{}\n", self.pick(PLAIN)),
                    };
                }
                text
            }
            13 | 14 => format!("{}\n", self.pick(QUOTED)),
            15 => format!("{}\n", self.pick(FLOW)),
            16 => format!("{}\n", self.pick(PROPERTIES)),
            17 | 18 if indent < 8 => format!("\n{}", self.fields(indent + 2, 3)),
            19 | 20 if indent < 8 => {
                let pad = " ".repeat(indent + 2 * self.below(2));
                let mut text = self.pick(&["\n", " # note\n", "\n\n"]).to_owned();
                for _ in 0..=self.below(3) {
                    text += &format!("{pad}{}", self.pick(&["- ", "- ", "-", "-\n"]));
                    text += &self.value(indent + 2);
                }
                text
            }
            21 => format!("{}\n", self.pick(&["word ", "more text "]).repeat(1 + self.below(300))),
            22 => "\n".to_owned(),
            23 => format!("{}{}\n", self.pick(PLAIN), self.pick(SCRAPS)),
            _ => format!("{}\n", self.pick(ODD)),
        }
    }

    /// Scraps of YAML in any order.
    fn soup(&mut self) -> String {
        (0..self.below(25)).map(|_| self.pick(SCRAPS).to_owned()).collect()
    }
}

const KEYS: &[&str] = &[
    "name",
    "description",
    "license",
    "compatibility",
    "metadata",
    "allowed-tools",
    "version",
    "author",
    "a",
    "b",
    "a b",
    "\"quoted\"",
    "'it''s'",
    "? complex",
    "<<",
    "=",
    "12",
    "é",
    "- a",
    "[a, b]",
    "{a: b}",
    "&anchor key",
    "*alias",
    "!tag key",
    "key with \"quotes\"",
    "\"tab\\tbed\"",
    "~",
    "null",
    "|",
    "@at",
    "#hash",
];

const PLAIN: &[&str] = &[
    "text",
    "Shows a thing. Use when asked.",
    "Use when: x",
    "a:b",
    "a : b",
    "1.0",
    "true",
    "null",
    "2020-01-01",
    "=",
    "<<",
    "it's",
    "say \"so\"",
    "a #b",
    "a# b",
    "ends with:",
    "- dash",
    "-dash",
    "? ask",
    "?ask",
    ":colon",
    ", comma",
    "é ü ß",
    "中文 文本",
    "emoji 😀",
    "a\u{a0}b",
    "<b>bold</b>",
    "https://example.org:80/x",
    "MIT",
    "x — y",
    "50 %",
    "tab\tin",
    "tail  ",
];

const QUOTED: &[&str] = &[
    "\"text\"",
    "'text'",
    "\"a: b\"",
    "\"\"",
    "''",
    "\" \"",
    "\"open",
    "'open",
    "\"a\\nb\"",
    "\"\\x41\\u0042\\U00000043\"",
    "\"\\q\"",
    "\"\\xZZ\"",
    "\"a\" b",
    "'a' b",
    "'it''s'",
    "\"\\ud83d\\ude00\"",
    "\"two\n  lines\"",
    "'two\n\n  lines'",
    "\"cut \\\n  here\"",
    "\"a\n...\nb\"",
    "\"\\UFFFFFFFF\"",
    "\"\\U00110000\"",
    "\"\\0\"",
    "\"\\u12\"",
];

const FLOW: &[&str] = &[
    "[a, b]",
    "{a: b}",
    "[",
    "{",
    "]",
    "}",
    "[a",
    "{a: b",
    "[a]: b",
    "{a: b}: c",
    "[a, b] # note",
    "[\n  a\n]",
    "{\"a\":1}",
    "[[[]]]",
    "[a: b]",
    "[?]",
    "[a,, b]",
    "[!t x]",
    "[*a]",
    "[@]",
    "[\"open]",
    "{a: [b}",
];

const PROPERTIES: &[&str] = &[
    "&anchor x",
    "*alias",
    "**bold**",
    "!tag x",
    "!!str x",
    "!<uri> x",
    "!",
    "!h!x y",
    "&",
    "*",
    "& x",
    "!<x",
    "!%zz",
    "!%ff",
    "!a%41 x",
    "&a &b x",
    "&a !b x",
    "!b &a x",
    "*a b",
    "*a: b",
    "&a: b",
    "!a: b",
    "!a,b x",
];

const ODD: &[&str] = &[
    "@at",
    "`tick`",
    "%percent",
    "| text",
    "> text",
    "\tx",
    "-",
    "- ",
    "?",
    "? ",
    ":",
    ": ",
    "~",
    "#",
    " # note",
    "--",
    "-- x",
    "---x",
    "a --- b",
    "...",
    "... x",
    "..",
    "\u{85}",
    "\u{2028}x",
    "\u{feff}x",
];

const SCRAPS: &[&str] = &[
    "a",
    "b",
    ":",
    ": ",
    " ",
    "  ",
    "\n",
    "\n",
    "\n  ",
    "\n\n",
    "- ",
    "-",
    "? ",
    "?",
    "#",
    " #c",
    "\"",
    "'",
    "[",
    "]",
    "{",
    "}",
    ",",
    "&x",
    "*x",
    "!t",
    "|",
    ">",
    "|\n",
    ">-\n",
    "%Y",
    "@",
    "\t",
    "...",
    "a: b",
    "name: demo\n",
    "description: x\n",
    "\\",
    "\n...\n",
    "\n# c\n",
    "<<",
    "=",
    "%YAML 1.1\n",
    "%TAG ! x\n",
    "\n%YAML 2.0\n",
    "~",
    "\u{2028}",
    "é",
];
