//! The tree, and collections that are not complete yet.

use super::reader::Mark;
use super::token::Comments;

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

/// A collection whose end has not come.
#[derive(Debug)]
pub(super) struct Collection {
    pub(super) shape: Shape,
    /// Where the token stands that began it, for messages.
    pub(super) began: Mark,
    pub(super) start: Mark,
    pub(super) comments: Option<Comments>,
}

#[derive(Debug)]
pub(super) enum Shape {
    Sequence(Vec<Node>),
    /// A list in the column of its key; no token ends it.
    Indentless(Vec<Node>),
    Mapping {
        pairs: Vec<(Node, Node)>,
        key: Option<Node>,
    },
}

impl Collection {
    pub(super) fn attach(&mut self, node: Node) {
        match &mut self.shape {
            Shape::Sequence(items) | Shape::Indentless(items) => items.push(node),
            Shape::Mapping { pairs, key } => match key.take() {
                Some(key) => pairs.push((key, node)),
                None => *key = Some(node),
            },
        }
    }

    pub(super) fn close(self, end: Mark) -> Node {
        let content = match self.shape {
            Shape::Sequence(items) | Shape::Indentless(items) => Content::Sequence(items),
            Shape::Mapping { pairs, .. } => Content::Mapping(pairs),
        };
        Node { content, start: self.start, end, comments: self.comments }
    }
}
