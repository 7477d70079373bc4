//! Blocks: headings, paragraphs, lists, quotes, code, rules. Walks the parser's events and lays lines down.

use pulldown_cmark::{BlockQuoteKind, CodeBlockKind, Event, LinkType, Options, Parser, Tag, TagEnd};

use super::code::Code;
use super::flow::Flow;
use super::lay::Prefix;
use super::table::Table;
use super::{Colour, Face, Frame, Ink, Line, MAX_LINES, Piece, Rendered};
use crate::run::log::clean::clean;

/// A link or image that is open.
#[derive(Debug)]
struct Target {
    url: String,
    /// Where its text starts in the flow.
    from: usize,
}

pub(super) struct Walker<'a> {
    text: &'a str,
    pub(super) frame: Frame,
    pub(super) colour: &'a mut Colour<'a>,
    /// Byte offsets at which source lines start.
    starts: Vec<usize>,
    pub(super) lines: Vec<Line>,
    pub(super) prefixes: Vec<Prefix>,
    pub(super) flow: Flow,
    faces: Vec<Face>,
    /// A blank line is due before the next block.
    gap: bool,
    /// Numbers of the lists that are open; `None` for bullets.
    lists: Vec<Option<u64>>,
    pub(super) code: Option<Code>,
    targets: Vec<Target>,
    table: Option<Table>,
    pub(super) has_code: bool,
}

impl<'a> Walker<'a> {
    pub(super) fn new<'b>(text: &'a str, frame: Frame, colour: &'a mut Colour<'b>) -> Self
    where
        'b: 'a,
    {
        let starts =
            std::iter::once(0).chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1)).collect();
        Self {
            text,
            frame,
            colour,
            starts,
            lines: Vec::new(),
            prefixes: Vec::new(),
            flow: Flow::default(),
            faces: Vec::new(),
            gap: false,
            lists: Vec::new(),
            code: None,
            targets: Vec::new(),
            table: None,
            has_code: false,
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.lines.len() >= MAX_LINES
    }

    pub(super) fn finish(self) -> Rendered {
        Rendered { lines: self.lines, has_code: self.has_code }
    }

    pub(super) fn ascii(&self) -> bool {
        self.frame.ascii
    }

    /// The source line (from 0) of a byte.
    pub(super) fn source(&self, byte: usize) -> usize {
        self.starts.partition_point(|start| *start <= byte).saturating_sub(1)
    }

    /// Walk the text from a byte on.
    pub(super) fn walk(&mut self, from: usize) {
        let options = Options::ENABLE_TABLES
            | Options::ENABLE_FOOTNOTES
            | Options::ENABLE_STRIKETHROUGH
            | Options::ENABLE_TASKLISTS
            | Options::ENABLE_GFM;
        let text = self.text;
        for (event, range) in Parser::new_ext(&text[from..], options).into_offset_iter() {
            if self.is_full() {
                return;
            }
            let source = self.source(from + range.start);
            match event {
                Event::Start(tag) => self.start(tag, source),
                Event::End(tag) => self.end(tag, source),
                event => self.inline(event, source),
            }
        }
        self.flush();
    }

    fn start(&mut self, tag: Tag<'_>, source: usize) {
        match tag {
            Tag::Paragraph => self.begin(),
            Tag::Heading { level, .. } => self.heading(level as usize, source),
            Tag::BlockQuote(kind) => self.quote(kind, source),
            Tag::CodeBlock(kind) => self.code_block(&kind),
            Tag::HtmlBlock => {
                self.begin();
                self.code = Some(Code::html());
            }
            Tag::List(number) => {
                self.begin_list();
                self.lists.push(number);
            }
            Tag::Item => self.item(),
            Tag::FootnoteDefinition(label) => self.footnote(&label),
            Tag::Table(alignments) => {
                self.begin();
                self.table = Some(Table::new(alignments));
            }
            Tag::TableHead => self.push_face(|face| Face { bold: true, ..face }),
            Tag::TableRow | Tag::TableCell => {}
            Tag::Emphasis => self.push_face(|face| Face { italic: true, ..face }),
            Tag::Strong => self.push_face(|face| Face { bold: true, ..face }),
            Tag::Strikethrough => self.push_face(|face| Face { strike: true, ..face }),
            Tag::Link { dest_url, link_type, .. } => {
                let own = matches!(link_type, LinkType::Autolink | LinkType::Email);
                self.target(if own { String::new() } else { dest_url.into_string() });
            }
            Tag::Image { dest_url, .. } => {
                self.flow.push("image:", Face::of(Ink::Faint), source);
                self.flow.blank(Face::of(Ink::Faint), source);
                self.target(dest_url.into_string());
            }
            // Not asked for.
            Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::Superscript
            | Tag::Subscript
            | Tag::MetadataBlock(_) => {}
        }
    }

    fn heading(&mut self, level: usize, source: usize) {
        self.begin();
        if level > 2 {
            self.flow.push(&"#".repeat(level), Face::of(Ink::Faint), source);
            self.flow.blank(Face::of(Ink::Faint), source);
        }
        self.push_face(|face| Face { ink: Ink::Heading, bold: true, ..face });
    }

    fn quote(&mut self, kind: Option<BlockQuoteKind>, source: usize) {
        self.begin();
        let bar = if self.frame.ascii { "| " } else { "▌ " };
        self.push_prefix(None, Some(Piece::new(Ink::Marker, bar)));
        if let Some(kind) = kind {
            let face = Face { bold: true, ..Face::of(Ink::Warning) };
            self.flow.push(kind_name(kind), face, source);
            self.flush();
        }
        let muted = |face: Face| if face.ink == Ink::Text { Face { ink: Ink::Muted, ..face } } else { face };
        self.push_face(muted);
    }

    fn code_block(&mut self, kind: &CodeBlockKind<'_>) {
        self.begin();
        let language = match kind {
            CodeBlockKind::Fenced(info) => {
                let name = info.split([' ', '\t', ',', '{']).next().unwrap_or_default();
                name.chars().take(40).collect()
            }
            CodeBlockKind::Indented => String::new(),
        };
        self.code = Some(Code::of(language));
    }

    fn footnote(&mut self, label: &str) {
        self.begin();
        let label = format!("[^{label}]: ");
        self.push_prefix(Some(Piece::new(Ink::Link, clean(&label))), None);
    }

    fn target(&mut self, url: String) {
        self.targets.push(Target { url, from: self.flow.len() });
        self.push_face(|face| Face { ink: Ink::Link, ..face });
    }

    fn end_table(&mut self) {
        if let Some(table) = self.table.take() {
            let most = MAX_LINES.saturating_sub(self.lines.len());
            for (source, pieces) in table.lay_out(self.room(), self.frame.ascii, most) {
                self.lay(source, pieces);
            }
        }
        self.gap = true;
    }

    fn end(&mut self, tag: TagEnd, source: usize) {
        match tag {
            TagEnd::Paragraph => {
                self.flush();
                self.gap = true;
            }
            TagEnd::Heading(level) => {
                self.faces.pop();
                self.flush();
                if level as usize <= 2 {
                    self.underline(level as usize, source);
                }
                self.gap = true;
            }
            TagEnd::BlockQuote(_) | TagEnd::FootnoteDefinition => {
                self.flush();
                if matches!(tag, TagEnd::BlockQuote(_)) {
                    self.faces.pop();
                }
                self.prefixes.pop();
                self.gap = true;
            }
            TagEnd::CodeBlock | TagEnd::HtmlBlock => {
                if let Some(code) = self.code.take() {
                    self.put_code(&code, source);
                }
                self.gap = true;
            }
            TagEnd::List(_) => {
                self.flush();
                self.lists.pop();
                self.gap |= self.lists.is_empty();
            }
            TagEnd::Item => {
                self.flush();
                // An item without anything in it is still one.
                if self.prefixes.last().is_some_and(|prefix| prefix.first.is_some()) {
                    self.lay(source, Vec::new());
                }
                self.prefixes.pop();
            }
            TagEnd::TableHead => {
                self.faces.pop();
                self.end_row(source);
            }
            TagEnd::TableRow => self.end_row(source),
            TagEnd::TableCell => {
                let cell = std::mem::take(&mut self.flow);
                if let Some(table) = &mut self.table {
                    table.cell(cell);
                }
            }
            TagEnd::Table => self.end_table(),
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough => {
                self.faces.pop();
            }
            TagEnd::Link | TagEnd::Image => {
                self.faces.pop();
                self.end_target(source);
            }
            TagEnd::DefinitionList
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition
            | TagEnd::Superscript
            | TagEnd::Subscript
            | TagEnd::MetadataBlock(_) => {}
        }
    }

    fn inline(&mut self, event: Event<'_>, source: usize) {
        let face = self.face();
        match event {
            Event::Text(text) | Event::Html(text) if self.code.is_some() => self.take_code(&text, source),
            Event::Text(text) => self.flow.push(&text, face, source),
            Event::Code(text) => self.flow.push(&text, Face { ink: Ink::Code, ..face }, source),
            Event::InlineHtml(html) | Event::Html(html) => {
                let tag = html.trim_matches(['<', '>', '/', ' ']);
                if tag.eq_ignore_ascii_case("br") {
                    self.flow.hard_break(source);
                } else {
                    self.flow.push(&html, Face::of(Ink::Faint), source);
                }
            }
            Event::FootnoteReference(label) => {
                self.flow.push(&format!("[^{label}]"), Face::of(Ink::Link), source);
            }
            Event::SoftBreak => self.flow.blank(face, source),
            Event::HardBreak => self.flow.hard_break(source),
            Event::Rule => {
                self.begin();
                self.rule(if self.frame.ascii { "-" } else { "─" }, source);
                self.gap = true;
            }
            Event::TaskListMarker(done) => {
                self.flow.push(if done { "[x]" } else { "[ ]" }, Face::of(Ink::Marker), source);
                self.flow.blank(Face::of(Ink::Marker), source);
            }
            // Not asked for.
            Event::InlineMath(_) | Event::DisplayMath(_) | Event::Start(_) | Event::End(_) => {}
        }
    }

    fn face(&self) -> Face {
        self.faces.last().copied().unwrap_or_default()
    }

    fn push_face(&mut self, change: impl Fn(Face) -> Face) {
        self.faces.push(change(self.face()));
    }

    /// A block begins: what came before is laid down.
    fn begin(&mut self) {
        self.flush();
        if std::mem::take(&mut self.gap) && !self.lines.is_empty() {
            let source = self.lines.last().map_or(0, |line| line.source);
            let pieces = self.prefixes.iter().filter_map(|prefix| prefix.rest.clone()).collect();
            self.push_line(source, pieces);
        }
    }

    /// A list that belongs to the text of an item above follows it at once.
    fn begin_list(&mut self) {
        if self.lists.is_empty() { self.begin() } else { self.flush() }
    }

    fn item(&mut self) {
        self.begin();
        let depth = self.lists.len().saturating_sub(1) % 3;
        let marker = match self.lists.last_mut() {
            Some(Some(number)) => {
                let text = format!("{number}. ");
                *number = number.saturating_add(1);
                text
            }
            _ if self.frame.ascii => ["* ", "- ", "+ "][depth].to_owned(),
            _ => ["• ", "◦ ", "▪ "][depth].to_owned(),
        };
        self.push_prefix(Some(Piece::new(Ink::Marker, marker)), None);
    }

    fn end_row(&mut self, source: usize) {
        if let Some(table) = &mut self.table {
            table.end_row(source);
        }
    }

    /// Where a link leads, unless its text says so.
    fn end_target(&mut self, source: usize) {
        let Some(Target { url, from }) = self.targets.pop() else { return };
        if url.is_empty() || self.flow.text_since(from).trim() == url {
            return;
        }
        let face = Face::of(Ink::Faint);
        self.flow.blank(face, source);
        self.flow.push(&format!("({url})"), face, source);
    }

    /// The next block is set off from what was laid down.
    pub(super) fn set_gap(&mut self) {
        self.gap = true;
    }

    pub(super) fn width(&self) -> usize {
        self.frame.width
    }
}

fn kind_name(kind: BlockQuoteKind) -> &'static str {
    match kind {
        BlockQuoteKind::Note => "Note",
        BlockQuoteKind::Tip => "Tip",
        BlockQuoteKind::Important => "Important",
        BlockQuoteKind::Warning => "Warning",
        BlockQuoteKind::Caution => "Caution",
    }
}
