//! The commands of a shell script and where they stand, out of its syntax tree.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tree_sitter::{Node, ParseOptions, Parser, Tree};

use super::pattern::Word;

/// Largest script that is read, and most commands that are kept of one.
const MAX_SCRIPT: usize = 512 * 1024;
const MAX_SITES: usize = 20_000;

/// What is known of one script.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Script {
    pub sites: Vec<Site>,
    /// Names of its functions: a call of one starts no program.
    pub functions: HashSet<Arc<str>>,
    /// Further scripts that it reads: `.`, `source`.
    pub sourced: Vec<Word>,
    /// Runs text as commands (`eval`, `trap`), or could not be read in full: anything may come from there.
    pub opaque: bool,
}

/// Something that a script does at one place.
#[derive(Debug, PartialEq)]
pub(super) struct Site {
    pub line: u32,
    pub last: u32,
    /// The function that it stands in.
    pub function: Arc<str>,
    pub deed: Deed,
}

#[derive(Debug, PartialEq)]
pub(super) enum Deed {
    /// A command of these words. `program`: it is no function, whatever its name.
    Command { words: Vec<Word>, program: bool },
    /// `> word` and its like; for reading or for writing.
    Redirect { word: Word, reads: bool, writes: bool },
    /// The shell itself looks for this path: `cd`, `test`, `.`.
    Look(Word),
    /// The shell itself looks for files that fit.
    Search(Word),
}

pub(super) fn parse(text: &str) -> Script {
    let mut script = Script::default();
    let tree = if text.len() > MAX_SCRIPT { None } else { tree(text) };
    let Some(tree) = tree else {
        script.opaque = true;
        return script;
    };
    let mut open = vec![(tree.root_node(), Arc::from(""))];
    while let Some((node, function)) = open.pop() {
        if script.sites.len() >= MAX_SITES {
            script.opaque = true;
            break;
        }
        let inner = Reader { text, script: &mut script, function: &function }.node(node);
        let function = inner.unwrap_or(function);
        let mut cursor = node.walk();
        open.extend(node.children(&mut cursor).map(|child| (child, Arc::clone(&function))));
    }
    script
}

/// The syntax tree of a script; `None` when it takes too long to make.
fn tree(text: &str) -> Option<Tree> {
    const PATIENCE: Duration = Duration::from_millis(300);
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_bash::LANGUAGE.into()).ok()?;
    let begun = Instant::now();
    let mut too_long = |_: &tree_sitter::ParseState| begun.elapsed() > PATIENCE;
    let options = ParseOptions::new().progress_callback(&mut too_long);
    let mut rest = |at: usize, _| text.as_bytes().get(at..).unwrap_or_default();
    parser.parse_with_options(&mut rest, None, Some(options))
}

struct Reader<'a> {
    text: &'a str,
    script: &'a mut Script,
    function: &'a Arc<str>,
}

impl<'a> Reader<'a> {
    /// Take in one node. Returns the name of the function that begins with it.
    fn node(&mut self, node: Node<'_>) -> Option<Arc<str>> {
        // `<>` is not in the grammar, and nothing else is read differently for it.
        let read_write =
            || self.of(node) == ">" && node.parent().is_some_and(|above| above.kind() == "file_redirect");
        if node.is_missing() || (node.is_error() && !read_write()) {
            self.script.opaque = true;
        }
        match node.kind() {
            "function_definition" => {
                let name: Arc<str> = self.of(node.child_by_field_name("name")?).into();
                self.script.functions.insert(Arc::clone(&name));
                return Some(name);
            }
            "command" => self.command(node),
            "file_redirect" => self.redirect(node),
            "test_command" => self.looks(node),
            "for_statement" => {
                let mut cursor = node.walk();
                let words: Vec<Word> =
                    node.named_children(&mut cursor).map(|child| self.word(child)).collect();
                self.searches(node, &words);
            }
            _ => {}
        }
        None
    }

    fn add(&mut self, node: Node<'_>, deed: Deed) {
        let (line, last) = (node.start_position().row as u32 + 1, node.end_position().row as u32 + 1);
        self.script.sites.push(Site { line, last, function: Arc::clone(self.function), deed });
    }

    fn command(&mut self, node: Node<'_>) {
        let mut cursor = node.walk();
        let children = node.named_children(&mut cursor);
        let words = children.filter(|child| {
            !matches!(
                child.kind(),
                "variable_assignment" | "file_redirect" | "herestring_redirect" | "heredoc_redirect"
            )
        });
        let mut words: Vec<Word> = words.map(|child| self.word(child)).collect();
        self.searches(node, &words);
        let mut program = false;
        // Words that only say how the command behind them is to be run. Behind `time` and `!` the grammar takes the
        // beginning of a compound command for a simple one.
        while let Some(first) = words.first().and_then(Word::literal) {
            match first {
                "command" | "exec" | "builtin" => program = true,
                "time" | "!" | "if" | "then" | "else" | "elif" | "while" | "until" | "do" | "{" => {}
                "for" | "case" | "select" | "function" | "in" | "fi" | "done" | "esac" | "}" => return,
                _ => break,
            }
            words.remove(0);
            let options = words.iter();
            let options =
                options.take_while(|word| word.literal().is_some_and(|word| word.starts_with('-'))).count();
            if options > 0 {
                // An option may have a value.
                let mut any = Word { many: true, ..Word::default() };
                any.gap();
                words.splice(..options, [any]);
            }
        }
        match words.first().and_then(Word::literal) {
            Some("." | "source") => {
                self.script.sourced.extend(words.get(1).cloned());
                self.script.opaque |= words.len() < 2;
                self.look_at(node, &words);
            }
            Some("eval" | "alias" | "coproc") => self.script.opaque = true,
            Some("trap") => {
                let action = words.get(1).map(Word::literal);
                self.script.opaque |= !matches!(action, None | Some(Some("" | "-" | "-p" | "-l")));
            }
            Some("cd" | "chdir" | "pushd" | "test" | "[") => self.look_at(node, &words),
            _ => {}
        }
        if !words.is_empty() {
            self.add(node, Deed::Command { words, program });
        }
    }

    fn look_at(&mut self, node: Node<'_>, words: &[Word]) {
        for word in words.iter().skip(1) {
            self.add(node, Deed::Look(word.clone()));
        }
    }

    fn searches(&mut self, node: Node<'_>, words: &[Word]) {
        for word in words.iter().filter(|word| word.glob) {
            self.add(node, Deed::Search(word.clone()));
        }
    }

    fn looks(&mut self, node: Node<'_>) {
        let mut open = vec![node];
        while let Some(inner) = open.pop() {
            let mut cursor = inner.walk();
            for child in inner.named_children(&mut cursor) {
                if is_word(child.kind()) {
                    let word = self.word(child);
                    self.add(node, Deed::Look(word));
                } else {
                    open.push(child);
                }
            }
        }
    }

    fn redirect(&mut self, node: Node<'_>) {
        let mut cursor = node.walk();
        let operators = node.children(&mut cursor).filter(|child| !child.is_named() || child.is_error());
        let operator: String = operators.map(|child| self.of(child)).collect();
        let Some(word) = node.child_by_field_name("destination").map(|word| self.word(word)) else { return };
        // Without a word: `<&-`. Digits behind `&` are descriptors; they name no path anyway.
        self.add(
            node,
            Deed::Redirect { word, reads: operator.contains('<'), writes: operator.contains('>') },
        );
    }

    fn word(&self, node: Node<'_>) -> Word {
        let mut word = Word::default();
        self.fill(node, &mut word, false);
        word
    }

    fn fill(&self, node: Node<'_>, word: &mut Word, quoted: bool) {
        match node.kind() {
            "command_name" => {
                let mut cursor = node.walk();
                for child in node.named_children(&mut cursor) {
                    self.fill(child, word, quoted);
                }
            }
            "word" | "number" | "extglob_pattern" | "regex" => plain(self.of(node), word),
            "raw_string" => word.text(self.of(node).trim_matches('\'')),
            "string" => self.string(node, word),
            "concatenation" => {
                if self.of(node).contains('{') {
                    (word.many, word.glob) = (true, true);
                    return word.gap();
                }
                let mut cursor = node.walk();
                for child in node.named_children(&mut cursor) {
                    self.fill(child, word, quoted);
                }
            }
            "ansi_c_string" | "translated_string" | "arithmetic_expansion" | "process_substitution" => {
                word.gap();
            }
            _ => {
                word.gap();
                let text = self.of(node);
                word.many |= !quoted || text.contains('@');
                // What is filled in may be a pattern.
                word.glob |= !quoted;
            }
        }
    }

    /// Text in double quotes: what lies between the nodes is as it stands.
    fn string(&self, node: Node<'_>, word: &mut Word) {
        let (mut at, end) = (node.start_byte() + 1, node.end_byte().saturating_sub(1));
        let mut cursor = node.walk();
        for child in node.named_children(&mut cursor) {
            word.text(&unescaped(self.text.get(at..child.start_byte()).unwrap_or_default()));
            if child.kind() == "string_content" {
                word.text(&unescaped(self.of(child)));
            } else {
                self.fill(child, word, true);
            }
            at = child.end_byte();
        }
        word.text(&unescaped(self.text.get(at..end).unwrap_or_default()));
    }

    fn of(&self, node: Node<'_>) -> &'a str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }
}

fn is_word(kind: &str) -> bool {
    matches!(
        kind,
        "word"
            | "string"
            | "raw_string"
            | "concatenation"
            | "simple_expansion"
            | "expansion"
            | "command_substitution"
    )
}

/// A word without quotes.
fn plain(text: &str, word: &mut Word) {
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => {
                let next = characters.next().map(|(_, next)| next).filter(|next| *next != '\n');
                word.text(&next.map(String::from).unwrap_or_default());
            }
            '*' | '?' | '[' | '{' => {
                // The command `[` is no pattern.
                if text == "[" {
                    return word.text(text);
                }
                (word.many, word.glob) = (true, true);
                word.gap();
                if matches!(character, '[' | '{') {
                    return;
                }
            }
            '~' if at == 0 => word.gap(),
            _ => word.text(character.encode_utf8(&mut [0; 4])),
        }
    }
}

/// Inside double quotes a backslash counts only before these.
fn unescaped(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, characters.peek()) {
            ('\\', Some('\n')) => {
                characters.next();
            }
            ('\\', Some(next @ ('$' | '`' | '"' | '\\'))) => {
                clean.push(*next);
                characters.next();
            }
            _ => clean.push(character),
        }
    }
    clean
}
