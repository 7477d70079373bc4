//! Colours source text and lays out Markdown on a worker thread. Never on the way to the first frame: the first use of a grammar
//! compiles its expressions, which takes longer than everything else at the start.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, mpsc};
use std::time::{Duration, Instant};

use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxReference, SyntaxSet};

use super::Mailbox;
use super::loader::spawn;
use crate::tui::action::Action;
use crate::tui::markdown;
use crate::tui::state::{Highlighted, RenderKey, Syntax};

/// Longer lines stay plain: grammars can take seconds over a line made for it.
const MAX_LINE: usize = 2 * 1024;
/// Texts are coloured up to here, and for no longer than that.
const MAX_BYTES: usize = 512 * 1024;
const MAX_TIME: Duration = Duration::from_millis(1500);

/// A text to be coloured.
#[derive(Debug)]
pub struct Request {
    pub key: u64,
    pub name: PathBuf,
    pub text: Arc<str>,
}

/// What the worker is asked for.
#[derive(Debug)]
pub enum Job {
    Colour(Request),
    /// Lay a Markdown text out.
    Render {
        key: RenderKey,
        text: Arc<str>,
    },
}

/// The worker. Its thread starts with the first request.
#[derive(Debug, Default)]
pub struct Highlighter {
    queue: Option<mpsc::Sender<Job>>,
}

impl Highlighter {
    pub fn ask(&mut self, job: Job, mailbox: &Mailbox) {
        let queue = self.queue.get_or_insert_with(|| {
            let (sender, receiver) = mpsc::channel::<Job>();
            let mailbox = mailbox.clone();
            spawn("highlight", move || {
                while let Ok(first) = receiver.recv() {
                    // Newest first: that is what is on the screen.
                    let mut waiting: Vec<Job> = std::iter::once(first).chain(receiver.try_iter()).collect();
                    while let Some(job) = waiting.pop() {
                        let alive = match job {
                            Job::Colour(Request { key, name, text }) => {
                                mailbox.send(Action::Highlighted(key, Arc::new(highlight(&name, &text))))
                            }
                            Job::Render { key, text } => {
                                // Of these only the newest is waited for.
                                waiting.retain(|job| matches!(job, Job::Colour(_)));
                                render(key, &text, |action| mailbox.send(action))
                            }
                        };
                        if !alive {
                            return;
                        }
                        waiting.extend(receiver.try_iter());
                    }
                }
            });
            sender
        });
        let _ = queue.send(job);
    }
}

/// Lay a text out: at once, and where it holds code once more in colours, for which grammars may have to be compiled first.
pub(crate) fn render(key: RenderKey, text: &str, send: impl Fn(Action) -> bool) -> bool {
    let frame = markdown::Frame { width: usize::from(key.width), ascii: key.ascii };
    let plain = markdown::render(text, frame, &mut |_, _| None);
    let whole = !plain.has_code;
    if !send(Action::Rendered(key, Arc::new(plain), whole)) {
        return false;
    }
    if whole {
        return true;
    }
    let until = Instant::now() + MAX_TIME;
    let coloured = markdown::render(text, frame, &mut |language, code| code_in(language, code, until));
    send(Action::Rendered(key, Arc::new(coloured), true))
}

/// Colour runs of code in a language, by the names that people give to it.
fn code_in(language: &str, code: &str, until: Instant) -> Option<Highlighted> {
    let set = grammars();
    let syntax = set.find_syntax_by_token(language)?;
    (code.len() <= MAX_BYTES).then(|| colour(set, syntax, code, until))
}

fn grammars() -> &'static SyntaxSet {
    static SET: OnceLock<SyntaxSet> = OnceLock::new();
    SET.get_or_init(two_face::syntax::extra_newlines)
}

/// Colour runs of every line. A `SKILL.md` is YAML up to the end of its front matter, then Markdown.
pub fn highlight(name: &Path, text: &str) -> Highlighted {
    let set = grammars();
    let until = Instant::now() + MAX_TIME;
    let mut end = text.len().min(MAX_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = &text[..end];
    if name.file_name().is_some_and(|name| name == "SKILL.md") {
        let split = markdown::front_matter_end(text);
        let mut lines = colour(set, by_extension(set, "yaml"), &text[..split], until);
        lines.extend(colour(set, by_extension(set, "md"), &text[split..], until));
        return lines;
    }
    let extension = name.extension().and_then(|ext| ext.to_str()).unwrap_or_default();
    let first = text.lines().next().unwrap_or_default();
    let syntax = set
        .find_syntax_by_extension(extension)
        .or_else(|| if first.len() <= MAX_LINE { set.find_syntax_by_first_line(first) } else { None })
        .unwrap_or_else(|| set.find_syntax_plain_text());
    colour(set, syntax, text, until)
}

fn by_extension<'a>(set: &'a SyntaxSet, extension: &str) -> &'a SyntaxReference {
    set.find_syntax_by_extension(extension).unwrap_or_else(|| set.find_syntax_plain_text())
}

fn colour(set: &SyntaxSet, syntax: &SyntaxReference, text: &str, until: Instant) -> Highlighted {
    let mut state = ParseState::new(syntax);
    let mut stack = ScopeStack::new();
    let mut lines = Vec::new();
    for line in text.split_inclusive('\n') {
        if line.len() > MAX_LINE || Instant::now() > until {
            lines.push(Vec::new());
            continue;
        }
        lines.push(colour_line(set, &mut state, &mut stack, line));
    }
    lines
}

fn colour_line(
    set: &SyntaxSet,
    state: &mut ParseState,
    stack: &mut ScopeStack,
    line: &str,
) -> Vec<(Range<usize>, Syntax)> {
    let Ok(operations) = state.parse_line(line, set) else { return Vec::new() };
    let mut runs: Vec<(Range<usize>, Syntax)> = Vec::new();
    let mut at = 0;
    let mut push = |range: Range<usize>, stack: &ScopeStack| {
        let Some(syntax) = meaning(stack).filter(|_| range.start < range.end) else { return };
        match runs.last_mut() {
            Some((last, same)) if *same == syntax && last.end == range.start => last.end = range.end,
            _ => runs.push((range, syntax)),
        }
    };
    let length = line.trim_end_matches(['\n', '\r']).len();
    for (offset, operation) in operations {
        let offset = offset.min(length);
        if offset > at {
            push(at..offset, stack);
            at = offset;
        }
        if stack.apply(&operation).is_err() {
            return Vec::new();
        }
    }
    push(at..length, stack);
    runs
}

/// What the innermost known scope stands for.
fn meaning(stack: &ScopeStack) -> Option<Syntax> {
    static TABLE: OnceLock<Vec<(Scope, Syntax)>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        [
            ("markup.heading", Syntax::Heading),
            ("markup.bold", Syntax::Strong),
            ("markup.italic", Syntax::Emphasis),
            ("markup.raw", Syntax::Code),
            ("markup.underline.link", Syntax::Link),
            ("meta.link.inline.description", Syntax::Link),
            ("entity.name.tag", Syntax::Key),
            ("meta.mapping.key", Syntax::Key),
            ("comment", Syntax::Comment),
            ("string", Syntax::String),
            ("constant.numeric", Syntax::Number),
            ("constant.language", Syntax::Number),
            ("constant.character", Syntax::Number),
            ("keyword.operator", Syntax::Punctuation),
            ("keyword", Syntax::Keyword),
            ("storage", Syntax::Keyword),
            ("entity.name.function", Syntax::Function),
            ("support.function", Syntax::Function),
            ("variable.function", Syntax::Function),
            ("entity.name.class", Syntax::Type),
            ("entity.name.type", Syntax::Type),
            ("support.type", Syntax::Type),
            ("support.class", Syntax::Type),
            ("punctuation.definition.list_item", Syntax::Punctuation),
            ("punctuation.separator", Syntax::Punctuation),
            ("punctuation.section", Syntax::Punctuation),
            ("meta.separator", Syntax::Punctuation),
        ]
        .into_iter()
        .filter_map(|(name, syntax)| Some((Scope::new(name).ok()?, syntax)))
        .collect()
    });
    stack.as_slice().iter().rev().find_map(|scope| {
        table.iter().find(|(prefix, _)| prefix.is_prefix_of(*scope)).map(|(_, syntax)| *syntax)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, text: &str) -> Vec<(String, Syntax)> {
        let lines = highlight(Path::new(name), text);
        text.lines()
            .zip(lines)
            .flat_map(|(line, runs)| runs.into_iter().map(|(range, syntax)| (line[range].to_owned(), syntax)))
            .collect()
    }

    #[test]
    fn a_skill_is_yaml_then_markdown() {
        let runs =
            found("SKILL.md", "---\nname: x\ndescription: \"y\"\n---\n# Title\n\n`code` and **bold**\n");
        assert!(runs.contains(&("name".into(), Syntax::Key)), "{runs:?}");
        assert!(runs.contains(&("# Title".into(), Syntax::Heading)), "{runs:?}");
        assert!(runs.iter().any(|(text, s)| text.contains("code") && *s == Syntax::Code), "{runs:?}");
        assert!(runs.iter().any(|(text, s)| text.contains("bold") && *s == Syntax::Strong), "{runs:?}");
    }

    #[test]
    fn scripts_are_known_by_name_or_first_line() {
        let python = found("run.py", "import os\nx = 'a'  # note\n");
        assert!(python.contains(&("import".into(), Syntax::Keyword)), "{python:?}");
        assert!(python.contains(&("# note".into(), Syntax::Comment)), "{python:?}");
        let shell = found("run", "#!/bin/sh\necho \"hi\"\n");
        assert!(shell.iter().any(|(_, syntax)| *syntax == Syntax::String), "{shell:?}");
    }

    #[test]
    fn long_lines_stay_plain_and_cost_nothing() {
        let line = "`".repeat(5000) + "x\n";
        let lines = highlight(Path::new("SKILL.md"), &line.repeat(20));
        assert_eq!(lines.len(), 20);
        assert!(lines.iter().all(Vec::is_empty));
    }
}
