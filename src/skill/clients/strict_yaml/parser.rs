//! From tokens to a tree, refusing what strictyaml does not allow.
//!
//! The order in which the queue is asked is the library's: each question may make the scanner go on, and so meet a fault.

use super::reader::{Mark, Step, Stop};
use super::scanner::Scanner;
use super::token::{Comments, Directive, Kind, Token};
use crate::skill::clients::python;

/// Levels of nesting at which Python's stack ends while the tree is made.
const MAX_DEPTH: usize = 400;

#[derive(Debug)]
pub(super) struct Node {
    pub(super) content: Content,
    pub(super) start: Mark,
    pub(super) end: Mark,
    pub(super) comments: Option<Comments>,
}

#[derive(Debug)]
pub(super) enum Content {
    Scalar { text: String, plain: bool },
    Sequence(Vec<Node>),
    Mapping(Vec<(Node, Node)>),
}

impl Content {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Content::Scalar { .. } => "scalar",
            Content::Sequence(_) => "sequence",
            Content::Mapping(_) => "mapping",
        }
    }
}

impl Scanner {
    /// The only document of the stream; `None` when there is nothing but comments.
    pub(super) fn document(&mut self) -> Step<Option<Node>> {
        let mut start = self.take()?;
        self.move_comments(&mut start)?;
        if self.is_over()? {
            return Ok(None);
        }
        self.peek()?;
        let node = self.node(false, 0)?;
        self.peek()?;
        if self.next_is(|kind| *kind == Kind::DocumentEnd)? {
            self.take()?;
        }
        if self.version == (1, 1) {
            self.explicit_document()?;
        } else if !self.is_over()? {
            let second = self.peek()?.start;
            let context = "expected a single document in the stream";
            return Err(Stop::during(context, node.start, "but found another document", second));
        }
        Ok(Some(node))
    }

    /// Whether the stream ends here, where a document may begin. Directives need a `---` that cannot be there.
    fn is_over(&mut self) -> Step<bool> {
        let begins = |kind: &Kind| matches!(kind, Kind::Directive(_) | Kind::StreamEnd);
        if !self.next_is(begins)? {
            return Ok(false);
        }
        self.explicit_document()?;
        Ok(true)
    }

    /// Nothing, or what would have to be a `---`.
    fn explicit_document(&mut self) -> Step<()> {
        while self.next_is(|kind| *kind == Kind::DocumentEnd)? {
            self.take()?;
        }
        if self.next_is(|kind| *kind == Kind::StreamEnd)? {
            self.take()?;
            return Ok(());
        }
        self.directives()?;
        let found = self.peek()?;
        let problem = format!("expected '<document start>', but found '{}'", found.kind.name());
        Err(Stop::at(found.start, problem))
    }

    fn directives(&mut self) -> Step<()> {
        let (mut version, mut handles) = (false, Vec::new());
        self.peek()?;
        while self.next_is(|kind| matches!(kind, Kind::Directive(_)))? {
            let token = self.take()?;
            let problem = match token.kind {
                Kind::Directive(Directive::Yaml(_)) if version => "found duplicate YAML directive".to_owned(),
                Kind::Directive(Directive::Yaml(major)) if major != 1 => {
                    "found incompatible YAML document (version 1.* is required)".to_owned()
                }
                Kind::Directive(Directive::Yaml(_)) => {
                    version = true;
                    continue;
                }
                Kind::Directive(Directive::Tag(handle)) if handles.contains(&handle) => {
                    format!("duplicate tag handle {}", python::repr(&handle))
                }
                Kind::Directive(Directive::Tag(handle)) => {
                    handles.push(handle);
                    continue;
                }
                _ => continue,
            };
            return Err(Stop::at(token.start, problem));
        }
        Ok(())
    }

    /// A value or key. `indentless`: a list may begin in the column of the key above it.
    fn node(&mut self, indentless: bool, depth: usize) -> Step<Node> {
        if depth > MAX_DEPTH {
            return Err(Stop::Crash("RecursionError"));
        }
        if self.next_is(|kind| matches!(kind, Kind::Alias(_)))? {
            let token = self.take()?;
            let Kind::Alias(name) = token.kind else { return Err(Stop::Crash("AttributeError")) };
            // Anchors are refused, so no alias is ever defined.
            return Err(Stop::at(token.start, format!("found undefined alias {}", python::repr(&name))));
        }
        self.refuse_properties()?;
        let start = self.peek()?.start;
        if indentless && self.next_is(|kind| *kind == Kind::BlockEntry)? {
            let first = self.peek()?;
            let comments = first.comments.filter(|comments| comments.behind);
            if let Some(comments) = &mut first.comments {
                comments.behind = false;
            }
            self.peek()?;
            return self.indentless_sequence(start, comments, depth);
        }
        if self.next_is(|kind| matches!(kind, Kind::Scalar { .. }))? {
            let Token { kind, end, comments, .. } = self.take()?;
            let Kind::Scalar { text, plain } = kind else { return Err(Stop::Crash("AttributeError")) };
            if plain {
                self.resolve()?;
            }
            return Ok(Node { content: Content::Scalar { text, plain }, start, end, comments });
        }
        self.refuse_flow()?;
        if self.next_is(|kind| *kind == Kind::BlockSequenceStart)? {
            self.peek()?;
            let first = self.peek()?;
            let comments = first.comments.filter(|comments| comments.behind || comments.before);
            if comments.is_some_and(|comments| !comments.before) {
                first.comments = None;
            }
            return self.block_sequence(start, comments, depth);
        }
        if self.next_is(|kind| *kind == Kind::BlockMappingStart)? {
            self.peek()?;
            let comments = self.peek()?.comments;
            return self.block_mapping(start, comments, depth);
        }
        let found = self.peek()?;
        let problem = format!("expected the node content, but found {}", python::repr(found.kind.name()));
        Err(Stop::during("while parsing a block node", start, problem, found.start))
    }

    fn refuse_properties(&mut self) -> Step<()> {
        if self.next_is(|kind| *kind == Kind::Anchor)? {
            let token = self.peek()?.clone();
            let problem = "Found confusing disallowed anchor token (surround with ' and ' to make text appear literally)";
            return Err(Stop::during("While scanning", token.start, problem, token.end));
        }
        if self.next_is(|kind| *kind == Kind::Tag)? {
            let token = self.peek()?.clone();
            let problem = "Found disallowed tag tokens (do not specify types in markup)";
            return Err(Stop::during("While scanning", token.end, problem, token.start));
        }
        Ok(())
    }

    fn refuse_flow(&mut self) -> Step<()> {
        for flow in [Kind::FlowSequenceStart, Kind::FlowMappingStart] {
            if self.next_is(|kind| *kind == flow)? {
                let token = self.peek()?.clone();
                let problem = "Found ugly disallowed JSONesque flow mapping (surround with ' and ' to make text \
                               appear literally)";
                return Err(Stop::during("While scanning", token.start, problem, token.end));
            }
        }
        Ok(())
    }

    fn block_sequence(&mut self, start: Mark, comments: Option<Comments>, depth: usize) -> Step<Node> {
        let began = self.take()?.start;
        let mut items = Vec::new();
        while self.next_is(|kind| *kind == Kind::BlockEntry)? {
            let mut entry = self.take()?;
            self.move_comments(&mut entry)?;
            let is_empty = self.next_is(|kind| matches!(kind, Kind::BlockEntry | Kind::BlockEnd))?;
            items.push(if is_empty { self.empty(entry.end, None)? } else { self.node(false, depth + 1)? });
        }
        if !self.next_is(|kind| *kind == Kind::BlockEnd)? {
            return Err(self.expected_end("while parsing a block collection", began)?);
        }
        let end = self.take()?.end;
        Ok(Node { content: Content::Sequence(items), start, end, comments })
    }

    fn indentless_sequence(&mut self, start: Mark, comments: Option<Comments>, depth: usize) -> Step<Node> {
        let mut items = Vec::new();
        while self.next_is(|kind| *kind == Kind::BlockEntry)? {
            let mut entry = self.take()?;
            self.move_comments(&mut entry)?;
            let ends =
                |kind: &Kind| matches!(kind, Kind::BlockEntry | Kind::Key | Kind::Value | Kind::BlockEnd);
            let is_empty = self.next_is(ends)?;
            items.push(if is_empty { self.empty(entry.end, None)? } else { self.node(false, depth + 1)? });
        }
        let end = self.peek()?.start;
        Ok(Node { content: Content::Sequence(items), start, end, comments })
    }

    fn block_mapping(&mut self, start: Mark, comments: Option<Comments>, depth: usize) -> Step<Node> {
        let began = self.take()?.start;
        let mut pairs = Vec::new();
        loop {
            let key = if self.next_is(|kind| *kind == Kind::Key)? {
                let mut token = self.take()?;
                self.move_comments(&mut token)?;
                if self.next_is(ends_pair)? {
                    self.empty(token.end, None)?
                } else {
                    self.node(true, depth + 1)?
                }
            } else if self.version > (1, 1) && self.next_is(|kind| *kind == Kind::Value)? {
                let at = self.peek()?.start;
                self.empty(at, None)?
            } else {
                break;
            };
            let value = self.mapping_value(depth)?;
            pairs.push((key, value));
        }
        if !self.next_is(|kind| *kind == Kind::BlockEnd)? {
            return Err(self.expected_end("while parsing a block mapping", began)?);
        }
        let mut token = self.take()?;
        self.move_comments(&mut token)?;
        Ok(Node { content: Content::Mapping(pairs), start, end: token.end, comments })
    }

    fn mapping_value(&mut self, depth: usize) -> Step<Node> {
        if !self.next_is(|kind| *kind == Kind::Value)? {
            let at = self.peek()?.start;
            return self.empty(at, None);
        }
        let mut token = self.take()?;
        if self.next_is(|kind| *kind == Kind::Value)? || !self.next_is(|kind| *kind == Kind::Key)? {
            self.move_comments(&mut token)?;
        }
        if !self.next_is(ends_pair)? {
            return self.node(true, depth + 1);
        }
        if token.comments.is_some() {
            return self.empty(token.end, token.comments);
        }
        let next = self.peek()?;
        let comments = next.comments.map(|comments| Comments { before: false, ..comments });
        if let Some(comments) = &mut next.comments {
            comments.behind = false;
        }
        let at = next.end;
        self.empty(at, comments)
    }

    fn empty(&self, at: Mark, comments: Option<Comments>) -> Step<Node> {
        self.resolve()?;
        let content = Content::Scalar { text: String::new(), plain: true };
        Ok(Node { content, start: at, end: at, comments })
    }

    /// A plain scalar's type is looked up in the table of the version, and there are two.
    fn resolve(&self) -> Step<()> {
        if matches!(self.version, (1, 1 | 2)) { Ok(()) } else { Err(Stop::Crash("KeyError")) }
    }

    fn expected_end(&mut self, context: &'static str, began: Mark) -> Step<Stop> {
        let found = self.peek()?;
        let problem = format!("expected <block end>, but found {}", python::repr(found.kind.name()));
        Ok(Stop::during(context, began, problem, found.start))
    }

    /// Hand the comments of a token that was taken to the next one.
    fn move_comments(&mut self, token: &mut Token) -> Step<()> {
        let next = self.peek()?;
        if next.kind == Kind::StreamEnd {
            return Ok(());
        }
        let Some(mine) = token.comments.take() else { return Ok(()) };
        match &mut next.comments {
            None => next.comments = Some(mine),
            Some(theirs) if (mine.behind && theirs.behind) || (mine.before && theirs.before) => {
                return Err(Stop::Crash("NotImplementedError"));
            }
            Some(theirs) => {
                *theirs =
                    Comments { behind: mine.behind || theirs.behind, before: mine.before || theirs.before };
            }
        }
        Ok(())
    }
}

fn ends_pair(kind: &Kind) -> bool {
    matches!(kind, Kind::Key | Kind::Value | Kind::BlockEnd)
}
