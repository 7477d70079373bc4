//! Builds the tree from the events of `granit-parser`, the YAML 1.2 parser that keeps places.

use std::collections::HashMap;

use granit_parser::{ErrorKind, Event, Marker, Parser, ScalarStyle, ScanError, StructureStyle};

use super::{Comment, Document, Node, Span, Style, Value, YamlError, YamlErrorKind, breaks};

/// Longest text that is read.
pub const MAX_BYTES: usize = 1024 * 1024;
/// Most nodes of one document. Real front matter has fewer than 300.
pub const MAX_NODES: usize = 20_000;
/// Deepest nesting.
pub const MAX_DEPTH: usize = 48;

/// Where in its file a text begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// Line of the file (1-based) that holds the first line of the text.
    pub line: usize,
    /// Byte offset of the text in the file.
    pub offset: usize,
}

impl Default for Start {
    fn default() -> Self {
        Self { line: 1, offset: 0 }
    }
}

/// Read one document that begins at the first byte of its file.
pub fn parse(text: &str) -> Result<Document, YamlError> {
    parse_at(text, Start::default())
}

/// Read one document that is a part of a file (front matter begins on line 2); all places are those of
/// the file.
pub fn parse_at(text: &str, start: Start) -> Result<Document, YamlError> {
    parse_with(text, start, Aliases::Refused)
}

/// What becomes of an alias (`*name`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aliases {
    /// An error: where places are edited, two values must not share one.
    Refused,
    /// The value that has the anchor stands there again. What an alias repeats counts towards
    /// [`MAX_NODES`].
    Expanded,
}

/// [`parse_at`] with a choice.
pub(super) fn parse_with(text: &str, start: Start, aliases: Aliases) -> Result<Document, YamlError> {
    let mut builder = Builder {
        text,
        start,
        aliases,
        document: Document::default(),
        open: Vec::new(),
        nodes: 0,
        anchors: HashMap::new(),
        kept: 0,
    };
    if text.len() > MAX_BYTES {
        let message = format!("the text is longer than {MAX_BYTES} bytes");
        return Err(builder.error(Marker::new(0, 1, 0), YamlErrorKind::TooLarge, message));
    }
    let options = granit_parser::options! {
        emit_unresolved_aliases: true,
        flow_nesting_limit: MAX_DEPTH + 8,
        block_nesting_limit: MAX_DEPTH + 8,
        max_buffered_comment_events: 4096,
    };
    let mut documents = 0;
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| builder.scan_error(&error))?;
        match event {
            Event::DocumentStart(..) => {
                documents += 1;
                if documents > 1 {
                    let message = "a second document begins here".to_owned();
                    return Err(builder.error(span.start, YamlErrorKind::Syntax, message));
                }
            }
            event => builder.take(event, span)?,
        }
    }
    Ok(builder.document)
}

/// A collection whose end has not come yet.
struct Open {
    node: Node,
    /// Number of its anchor, 0 for none.
    anchor: usize,
    /// The key that waits for its value.
    key: Option<Node>,
}

struct Builder<'a> {
    text: &'a str,
    start: Start,
    aliases: Aliases,
    document: Document,
    open: Vec<Open>,
    nodes: usize,
    /// Finished values by the number of their anchor.
    anchors: HashMap<usize, Node>,
    /// How many nodes these have.
    kept: usize,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, span: granit_parser::Span) -> Result<(), YamlError> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                // The parser writes `~` for a value that is not there.
                let absent = span.is_empty() && style == ScalarStyle::Plain;
                let text = if absent { String::new() } else { text.into_owned() };
                let value = Value::Scalar { text, style: style_of(style) };
                let mut node = self.node(value, span, anchor, tag.as_deref())?;
                self.fold(&mut node);
                if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
                    self.trim_block(&mut node.span);
                }
                self.finish(node, anchor)?;
            }
            Event::SequenceStart(style, anchor, tag) => {
                let node = self.node(Value::Sequence(Vec::new()), span, anchor, tag.as_deref())?;
                self.begin(node, anchor, style, span)?;
            }
            Event::MappingStart(style, anchor, tag) => {
                let node = self.node(Value::Mapping(Vec::new()), span, anchor, tag.as_deref())?;
                self.begin(node, anchor, style, span)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(Open { mut node, anchor, .. }) = self.open.pop() {
                    if node.flow {
                        let end = self.span(span);
                        (node.span.end, node.span.end_line, node.span.end_column) =
                            (end.end, end.end_line, end.end_column);
                    }
                    self.finish(node, anchor)?;
                }
            }
            Event::Alias(anchor)
                if self.aliases == Aliases::Expanded && self.anchors.contains_key(&anchor) =>
            {
                self.repeat(anchor, span)?;
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                let message = match self.aliases {
                    Aliases::Refused => "an alias (*name) stands here; aliases are not read",
                    Aliases::Expanded => {
                        "an alias (*name) stands here, and nothing before it has that anchor"
                    }
                };
                let message = message.to_owned();
                return Err(self.error(span.start, YamlErrorKind::Alias, message));
            }
            Event::Comment(text, _) => {
                let span = self.span(span);
                self.document.comments.push(Comment { text: text.into_owned(), span });
            }
            _ => {}
        }
        Ok(())
    }

    fn node(
        &mut self,
        value: Value,
        span: granit_parser::Span,
        anchor: usize,
        tag: Option<&granit_parser::Tag>,
    ) -> Result<Node, YamlError> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            let message = format!("more than {MAX_NODES} values");
            return Err(self.error(span.start, YamlErrorKind::TooLarge, message));
        }
        let tag = tag.map(|tag| {
            let (handle, suffix) = tag.parts();
            format!("{handle}{suffix}")
        });
        Ok(Node { value, span: self.span(span), flow: false, tag, anchored: anchor != 0 })
    }

    fn begin(
        &mut self,
        mut node: Node,
        anchor: usize,
        style: StructureStyle,
        span: granit_parser::Span,
    ) -> Result<(), YamlError> {
        if self.open.len() >= MAX_DEPTH {
            let message = format!("nested more than {MAX_DEPTH} levels deep");
            return Err(self.error(span.start, YamlErrorKind::TooLarge, message));
        }
        node.flow = style == StructureStyle::Flow;
        self.open.push(Open { node, anchor, key: None });
        Ok(())
    }

    /// Fold line breaks of YAML 1.1, for readers of it.
    fn fold(&self, node: &mut Node) {
        let range = node.span.start - self.start.offset..node.span.end - self.start.offset;
        if let (Aliases::Expanded, Value::Scalar { text, style }) = (self.aliases, &mut node.value)
            && let Some(folded) = self.text.get(range).and_then(|written| breaks::folded(written, *style))
        {
            *text = folded;
        }
    }

    /// A value is complete.
    fn finish(&mut self, node: Node, anchor: usize) -> Result<(), YamlError> {
        if anchor != 0 && self.aliases == Aliases::Expanded {
            self.kept += node.extent().0;
            if self.kept > MAX_NODES {
                let message = format!("anchors have more than {MAX_NODES} values");
                return Err(self.error(Marker::new(0, node.span.line, 0), YamlErrorKind::TooLarge, message));
            }
            self.anchors.insert(anchor, node.clone());
        }
        self.attach(node);
        Ok(())
    }

    /// Put the value of an anchor here once more.
    fn repeat(&mut self, anchor: usize, span: granit_parser::Span) -> Result<(), YamlError> {
        let Some(node) = self.anchors.get(&anchor) else { return Ok(()) };
        let (nodes, depth) = node.extent();
        self.nodes += nodes;
        if self.nodes > MAX_NODES || self.open.len() + depth > MAX_DEPTH {
            let message =
                format!("with its aliases this has more than {MAX_NODES} values, or {MAX_DEPTH} levels");
            return Err(self.error(span.start, YamlErrorKind::TooLarge, message));
        }
        let node = Node { anchored: false, span: self.span(span), ..node.clone() };
        self.attach(node);
        Ok(())
    }

    /// Put a finished node where it belongs, and let its parent reach to the end of it.
    fn attach(&mut self, node: Node) {
        let Some(parent) = self.open.last_mut() else {
            self.document.root = Some(node);
            return;
        };
        if node.span.end > parent.node.span.end {
            let span = &mut parent.node.span;
            (span.end, span.end_line, span.end_column) =
                (node.span.end, node.span.end_line, node.span.end_column);
        }
        match (&mut parent.node.value, parent.key.take()) {
            (Value::Sequence(items), _) => items.push(node),
            (Value::Mapping(pairs), Some(key)) => pairs.push((key, node)),
            (Value::Mapping(_), None) => parent.key = Some(node),
            (Value::Scalar { .. }, _) => {}
        }
    }

    fn span(&self, span: granit_parser::Span) -> Span {
        let start = span.start.byte_offset().unwrap_or(0).min(self.text.len());
        let end = span.end.byte_offset().unwrap_or(start).clamp(start, self.text.len());
        Span {
            line: self.start.line + span.start.line().saturating_sub(1),
            column: span.start.col() + 1,
            end_line: self.start.line + span.end.line().saturating_sub(1),
            end_column: span.end.col() + 1,
            start: self.start.offset + start,
            end: self.start.offset + end,
        }
    }

    /// The span of a block scalar reaches to the next token; cut it back to its last character.
    fn trim_block(&self, span: &mut Span) {
        let (from, to) = (span.start - self.start.offset, span.end - self.start.offset);
        let Some(written) = self.text.get(from..to) else { return };
        let kept = written.trim_end();
        let lines = kept.replace("\r\n", "\n").matches(['\n', '\r']).count();
        let last = kept.rsplit(['\n', '\r']).next().unwrap_or(kept).chars().count();
        span.end = span.start + kept.len();
        span.end_line = span.line + lines;
        span.end_column = if lines == 0 { span.column + last } else { last + 1 };
    }

    fn scan_error(&self, error: &ScanError) -> YamlError {
        let kind = match error.kind() {
            ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => {
                YamlErrorKind::UnquotedColon
            }
            ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabInPlainScalar
            | ErrorKind::TabAtBlockScalarStart => YamlErrorKind::Tab,
            ErrorKind::UnknownAnchor | ErrorKind::MissingAnchorOrAliasName => YamlErrorKind::Alias,
            ErrorKind::UnclosedQuotedScalar => YamlErrorKind::UnclosedQuote,
            ErrorKind::CommentNotSeparated => YamlErrorKind::CommentTouches,
            ErrorKind::RecursionLimitExceeded => YamlErrorKind::TooLarge,
            _ => YamlErrorKind::Syntax,
        };
        let message = match kind {
            YamlErrorKind::UnquotedColon => "a `: ` stands inside an unquoted value".to_owned(),
            YamlErrorKind::Tab => "a tab is used for indentation; YAML allows only spaces".to_owned(),
            YamlErrorKind::UnclosedQuote => "this quote is never closed".to_owned(),
            YamlErrorKind::TooLarge => format!("nested more than {MAX_DEPTH} levels deep"),
            _ => error.info(),
        };
        self.error(*error.marker(), kind, message)
    }

    fn error(&self, at: Marker, kind: YamlErrorKind, message: String) -> YamlError {
        let help = match kind {
            YamlErrorKind::UnquotedColon => "put the value in quotes",
            YamlErrorKind::Tab => "indent with spaces",
            YamlErrorKind::Alias => "write the value out; if it begins with `*` or `&`, put it in quotes",
            YamlErrorKind::UnclosedQuote => "add the closing quote",
            YamlErrorKind::CommentTouches => "write a blank before `#`",
            YamlErrorKind::TooLarge => "make it smaller",
            YamlErrorKind::Syntax => "correct the YAML at this place",
        };
        let offset = at.byte_offset().unwrap_or(0).min(self.text.len());
        YamlError {
            kind,
            message,
            help: help.to_owned(),
            line: self.start.line + at.line().saturating_sub(1),
            column: at.col() + 1,
            offset: self.start.offset + offset,
        }
    }
}

fn style_of(style: ScalarStyle) -> Style {
    match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted => Style::SingleQuoted,
        ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
        ScalarStyle::Literal => Style::Literal,
        ScalarStyle::Folded => Style::Folded,
    }
}
