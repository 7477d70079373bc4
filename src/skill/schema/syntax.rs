//! Syntax trees of foreign code, within bounds.

use std::time::{Duration, Instant};

use tree_sitter::{Language, Node, ParseOptions, ParseState, Parser, Tree};

/// Longest time that parsing takes: code that is no code can take very much.
const MAX_TIME: Duration = Duration::from_secs(2);
/// Most nodes of a syntax tree that are looked at.
const MAX_NODES: usize = 500_000;

/// All nodes of a tree in the order of the text.
pub(super) fn all_nodes(root: Node<'_>) -> Vec<Node<'_>> {
    first_nodes(root, MAX_NODES)
}

/// The first nodes of a tree. A loop, because foreign code may be nested without end.
pub(super) fn first_nodes(root: Node<'_>, most: usize) -> Vec<Node<'_>> {
    let mut nodes = Vec::new();
    let mut cursor = root.walk();
    loop {
        nodes.push(cursor.node());
        if nodes.len() >= most {
            return nodes;
        }
        if cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return nodes;
            }
        }
    }
}

/// The tree of a text; `None` when it takes too long.
pub(super) fn parse(language: &Language, text: &str) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(language).ok()?;
    let begin = Instant::now();
    let mut late = |_: &ParseState| begin.elapsed() > MAX_TIME;
    let options = ParseOptions::new().progress_callback(&mut late);
    let bytes = text.as_bytes();
    parser.parse_with_options(&mut |at, _| bytes.get(at..).unwrap_or_default(), None, Some(options))
}
