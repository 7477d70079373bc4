//! From tokens to a tree, refusing what strictyaml does not allow.
//!
//! The order in which the queue is asked is the library's: each question may make the scanner go on, and so meet a fault.

use super::node::{Collection, Content, Node, Shape};
use super::reader::{Mark, Step, Stop};
use super::scanner::Scanner;
use super::token::{Comments, Directive, Kind, Token};
use crate::skill::clients::python;

/// Levels of nesting at which Python's stack ends: while the tree is made, and while the finished one is copied.
const MAX_DEPTH: usize = 400;
const MAX_DEPTH_OF_COPY: usize = 220;

enum Begun {
    Scalar(Node),
    Collection(Collection),
}

enum Next {
    Node { indentless: bool },
    Empty(Node),
    End(Mark),
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
        let node = self.root()?;
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

    /// A value and all that is in it. Open collections lie on a stack of their own: how deep a text nests is its author's
    /// choice.
    fn root(&mut self) -> Step<Node> {
        let (mut open, mut deepest) = (Vec::new(), 0);
        let mut indentless = false;
        loop {
            let mut done = match self.begin(indentless)? {
                Begun::Scalar(node) => Some(node),
                Begun::Collection(collection) => {
                    open.push(collection);
                    None
                }
            };
            deepest = deepest.max(open.len());
            if deepest > MAX_DEPTH {
                return Err(Stop::Crash("RecursionError"));
            }
            loop {
                match (done.take(), open.last_mut()) {
                    (Some(node), Some(parent)) => parent.attach(node),
                    (Some(_), None) if deepest > MAX_DEPTH_OF_COPY => {
                        return Err(Stop::Crash("RecursionError"));
                    }
                    (Some(node), None) => return Ok(node),
                    (None, _) => {}
                }
                let Some(innermost) = open.last() else { return Err(Stop::Crash("AttributeError")) };
                match self.advance(innermost)? {
                    Next::Node { indentless: may } => {
                        indentless = may;
                        break;
                    }
                    Next::Empty(node) => done = Some(node),
                    Next::End(end) => done = open.pop().map(|collection| collection.close(end)),
                }
            }
        }
    }

    /// The next value or key, or the beginning of one. `indentless`: a list may begin in the column of the key above it.
    fn begin(&mut self, indentless: bool) -> Step<Begun> {
        if self.next_is(|kind| matches!(kind, Kind::Alias(_)))? {
            let token = self.take()?;
            let Kind::Alias(name) = token.kind else { return Err(Stop::Crash("AttributeError")) };
            // Anchors are refused, so no alias is ever defined.
            return Err(Stop::at(token.start, format!("found undefined alias {}", python::repr(&name))));
        }
        self.refuse_properties()?;
        let start = self.peek()?.start;
        let collection = |shape, began, comments| Collection { shape, began, start, comments };
        if indentless && self.next_is(|kind| *kind == Kind::BlockEntry)? {
            let first = self.peek()?;
            let comments = first.comments.filter(|comments| comments.behind);
            if let Some(comments) = &mut first.comments {
                comments.behind = false;
            }
            self.peek()?;
            return Ok(Begun::Collection(collection(Shape::Indentless(Vec::new()), start, comments)));
        }
        if self.next_is(|kind| matches!(kind, Kind::Scalar { .. }))? {
            let Token { kind, end, comments, .. } = self.take()?;
            let Kind::Scalar { text, plain } = kind else { return Err(Stop::Crash("AttributeError")) };
            if plain {
                self.resolve()?;
            }
            return Ok(Begun::Scalar(Node {
                content: Content::Scalar { text, plain },
                start,
                end,
                comments,
            }));
        }
        self.refuse_flow()?;
        if self.next_is(|kind| *kind == Kind::BlockSequenceStart)? {
            self.peek()?;
            let first = self.peek()?;
            let comments = first.comments.filter(|comments| comments.behind || comments.before);
            if comments.is_some_and(|comments| !comments.before) {
                first.comments = None;
            }
            let began = self.take()?.start;
            return Ok(Begun::Collection(collection(Shape::Sequence(Vec::new()), began, comments)));
        }
        if self.next_is(|kind| *kind == Kind::BlockMappingStart)? {
            self.peek()?;
            let comments = self.peek()?.comments;
            let began = self.take()?.start;
            let shape = Shape::Mapping { pairs: Vec::new(), key: None };
            return Ok(Begun::Collection(collection(shape, began, comments)));
        }
        let found = self.peek()?;
        let problem = format!("expected the node content, but found {}", python::repr(found.kind.name()));
        Err(Stop::during("while parsing a block node", start, problem, found.start))
    }

    /// What comes next in an open collection.
    fn advance(&mut self, within: &Collection) -> Step<Next> {
        match &within.shape {
            Shape::Sequence(_) => self.sequence_item(within.began),
            Shape::Indentless(_) => self.indentless_item(),
            Shape::Mapping { key: None, .. } => self.mapping_key(within.began),
            Shape::Mapping { key: Some(_), .. } => self.mapping_value(),
        }
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

    fn sequence_item(&mut self, began: Mark) -> Step<Next> {
        if self.next_is(|kind| *kind == Kind::BlockEntry)? {
            return self.item(|kind| matches!(kind, Kind::BlockEntry | Kind::BlockEnd));
        }
        if !self.next_is(|kind| *kind == Kind::BlockEnd)? {
            return Err(self.expected_end("while parsing a block collection", began)?);
        }
        Ok(Next::End(self.take()?.end))
    }

    fn indentless_item(&mut self) -> Step<Next> {
        if self.next_is(|kind| *kind == Kind::BlockEntry)? {
            return self.item(|kind| *kind == Kind::BlockEntry || ends_pair(kind));
        }
        Ok(Next::End(self.peek()?.start))
    }

    fn item(&mut self, ends: impl Fn(&Kind) -> bool) -> Step<Next> {
        let mut entry = self.take()?;
        self.move_comments(&mut entry)?;
        if self.next_is(ends)? {
            return self.empty(entry.end, None);
        }
        Ok(Next::Node { indentless: false })
    }

    fn mapping_key(&mut self, began: Mark) -> Step<Next> {
        if self.next_is(|kind| *kind == Kind::Key)? {
            let mut token = self.take()?;
            self.move_comments(&mut token)?;
            if self.next_is(ends_pair)? {
                return self.empty(token.end, None);
            }
            return Ok(Next::Node { indentless: true });
        }
        if self.version > (1, 1) && self.next_is(|kind| *kind == Kind::Value)? {
            let at = self.peek()?.start;
            return self.empty(at, None);
        }
        if !self.next_is(|kind| *kind == Kind::BlockEnd)? {
            return Err(self.expected_end("while parsing a block mapping", began)?);
        }
        let mut token = self.take()?;
        self.move_comments(&mut token)?;
        Ok(Next::End(token.end))
    }

    fn mapping_value(&mut self) -> Step<Next> {
        if !self.next_is(|kind| *kind == Kind::Value)? {
            let at = self.peek()?.start;
            return self.empty(at, None);
        }
        let mut token = self.take()?;
        if self.next_is(|kind| *kind == Kind::Value)? || !self.next_is(|kind| *kind == Kind::Key)? {
            self.move_comments(&mut token)?;
        }
        if !self.next_is(ends_pair)? {
            return Ok(Next::Node { indentless: true });
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

    fn empty(&self, at: Mark, comments: Option<Comments>) -> Step<Next> {
        self.resolve()?;
        let content = Content::Scalar { text: String::new(), plain: true };
        Ok(Next::Empty(Node { content, start: at, end: at, comments }))
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
