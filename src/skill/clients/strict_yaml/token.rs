//! Tokens, in the words of the library's messages.

use super::reader::Mark;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    StreamStart,
    StreamEnd,
    Directive(Directive),
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowMappingStart,
    FlowSequenceEnd,
    FlowMappingEnd,
    Key,
    Value,
    BlockEntry,
    FlowEntry,
    Alias(String),
    Anchor,
    Tag,
    Scalar { text: String, plain: bool },
    Comment,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Directive {
    Yaml(u32),
    Tag(String),
    Other,
}

impl Kind {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Kind::StreamStart => "<stream start>",
            Kind::StreamEnd => "<stream end>",
            Kind::Directive(_) => "<directive>",
            Kind::DocumentEnd => "<document end>",
            Kind::BlockSequenceStart => "<block sequence start>",
            Kind::BlockMappingStart => "<block mapping start>",
            Kind::BlockEnd => "<block end>",
            Kind::FlowSequenceStart => "[",
            Kind::FlowMappingStart => "{",
            Kind::FlowSequenceEnd => "]",
            Kind::FlowMappingEnd => "}",
            Kind::Key => "?",
            Kind::Value => ":",
            Kind::BlockEntry => "-",
            Kind::FlowEntry => ",",
            Kind::Alias(_) => "<alias>",
            Kind::Anchor => "<anchor>",
            Kind::Tag => "<tag>",
            Kind::Scalar { .. } => "<scalar>",
            Kind::Comment => "<comment>",
        }
    }
}

/// Which comments hang on a token. The library keeps their text to write it back; here only their presence counts,
/// because it fails where two meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Comments {
    pub(super) behind: bool,
    pub(super) before: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: Mark,
    pub(super) end: Mark,
    pub(super) comments: Option<Comments>,
}

impl Token {
    pub(super) fn new(kind: Kind, start: Mark, end: Mark) -> Self {
        Self { kind, start, end, comments: None }
    }

    pub(super) fn comment_behind(&mut self) {
        self.comments.get_or_insert(Comments { behind: false, before: false }).behind = true;
    }
}
