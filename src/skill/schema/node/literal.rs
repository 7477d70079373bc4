//! Literals, and constants that hold them.

use serde_json::Value as Json;
use tree_sitter::Node;

use super::{Reader, unquoted};

/// Most levels of names that stand for names.
const MAX_LEVELS: usize = 8;

impl<'t> Reader<'t> {
    /// The value of a constant, else the node itself.
    pub(super) fn resolved(&self, node: Node<'t>) -> Node<'t> {
        let mut node = node;
        for _ in 0..MAX_LEVELS {
            if !matches!(node.kind(), "identifier" | "shorthand_property_identifier") {
                break;
            }
            let name = self.of(node);
            let Ok(at) = self.constants.binary_search_by_key(&name, |(known, _)| *known) else { break };
            node = self.constants[at].1;
        }
        node
    }

    /// An object literal, or the constant that holds one.
    pub(super) fn object(&self, node: Node<'t>) -> Option<Node<'t>> {
        Some(self.resolved(node)).filter(|node| node.kind() == "object")
    }

    /// Keys and values of an object; a shorthand is its own value.
    pub(super) fn pairs(&self, object: Node<'t>) -> Vec<(String, Node<'t>, Node<'t>)> {
        let mut cursor = object.walk();
        let children: Vec<Node<'t>> = object.named_children(&mut cursor).collect();
        let pair = |node: Node<'t>| match node.kind() {
            "pair" => {
                let key = unquoted(self.of(node.child_by_field_name("key")?)).to_owned();
                Some((key, node, node.child_by_field_name("value")?))
            }
            "shorthand_property_identifier" => Some((self.of(node).to_owned(), node, node)),
            _ => None,
        };
        children.into_iter().filter_map(pair).collect()
    }

    pub(super) fn property(&self, object: Node<'t>, key: &str) -> Option<Node<'t>> {
        self.pairs(object).into_iter().find(|(name, _, _)| name == key).map(|(_, _, value)| value)
    }

    /// A property by one of several names, as JSON.
    pub(super) fn setting(&self, object: Node<'t>, keys: &[&str]) -> Option<Json> {
        keys.iter().find_map(|key| self.property(object, key)).and_then(|value| self.literal(value))
    }

    /// The characters of a string or of a template without expressions.
    pub(super) fn string(&self, node: Node<'t>) -> Option<String> {
        self.literal(node)?.as_str().map(str::to_owned)
    }

    /// The value of a text, number, boolean or list of them; also behind a constant.
    pub(super) fn literal(&self, node: Node<'t>) -> Option<Json> {
        let node = self.resolved(node);
        match node.kind() {
            "string" => Some(unescaped(self.of(node)).into()),
            "template_string" if !self.of(node).contains("${") => Some(unescaped(self.of(node)).into()),
            "number" => number(self.of(node)),
            "unary_expression" => {
                let text = self.of(node).replace(' ', "");
                text.strip_prefix('-').and_then(|text| number(&format!("-{text}")))
            }
            "true" => Some(true.into()),
            "false" => Some(false.into()),
            "array" => {
                let mut cursor = node.walk();
                let items: Vec<Node<'t>> = node.named_children(&mut cursor).take(200).collect();
                // One level is all that a default can be.
                let simple = items.iter().all(|item| self.resolved(*item).kind() != "array");
                simple
                    .then(|| items.into_iter().map(|item| self.literal(item)).collect::<Option<Vec<_>>>())?
                    .map(Json::Array)
            }
            "call_expression" => {
                // `Object.keys(FORMATS)`
                let (_, name) = self.callee(node)?;
                let object = self.object(*Self::arguments(node).first()?)?;
                let pairs = self.pairs(object).into_iter();
                match name {
                    "keys" => Some(pairs.map(|(key, _, _)| Json::from(key)).collect()),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// A list of texts, or one alone.
    pub(super) fn texts(&self, node: Node<'t>) -> Vec<String> {
        match self.literal(node) {
            Some(Json::Array(items)) => items.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
            Some(Json::String(text)) => vec![text],
            _ => Vec::new(),
        }
    }
}

fn number(text: &str) -> Option<Json> {
    let text = text.replace('_', "");
    text.parse::<i64>().map(Json::from).ok().or_else(|| text.parse::<f64>().ok().map(Json::from))
}

fn unescaped(text: &str) -> String {
    let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('\n') | None => {}
                Some(other) => out.push(other),
            },
            c => out.push(c),
        }
    }
    out
}
