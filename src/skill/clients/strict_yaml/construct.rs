//! From the tree to values, with the rules about keys.

use std::collections::{HashMap, VecDeque};

use super::node::{Content, Node};
use super::reader::{Step, Stop};
use super::token::Comments;

/// A value. All scalars are text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::skill::clients) enum Value {
    Text(String),
    /// A plain `=` or `<<`, which is an object of its own to the library.
    Tagged,
    List,
    Mapping(Vec<(String, Value)>),
}

/// The value of a document's root.
pub(super) fn value(root: Option<Node>) -> Step<Option<Value>> {
    let Some(root) = root else { return Ok(None) };
    // Lists are filled after what holds them, a mapping's values before it.
    let mut waiting = VecDeque::from([&root]);
    while let Some(node) = waiting.pop_front() {
        match &node.content {
            Content::Sequence(items) => waiting.extend(items),
            _ => check(node)?,
        }
    }
    if has_list_key(&root) {
        return Err(Stop::Crash("AssertionError"));
    }
    Ok(Some(read(root)))
}

fn has_list_key(node: &Node) -> bool {
    match &node.content {
        Content::Scalar { .. } => false,
        Content::Sequence(items) => items.iter().any(has_list_key),
        Content::Mapping(pairs) => pairs
            .iter()
            .filter(|(key, _)| !is_merge(key))
            .any(|(key, value)| matches!(key.content, Content::Sequence(_)) || has_list_key(value)),
    }
}

fn is_merge(key: &Node) -> bool {
    matches!(&key.content, Content::Scalar { text, plain: true } if text == "<<")
}

/// Rules about the mappings of a value.
fn check(node: &Node) -> Step<()> {
    match &node.content {
        Content::Scalar { .. } => Ok(()),
        Content::Sequence(items) => items.iter().try_for_each(check),
        Content::Mapping(pairs) => mapping(node, pairs),
    }
}

fn mapping(node: &Node, pairs: &[(Node, Node)]) -> Step<()> {
    merges(node, pairs)?;
    let pairs = || pairs.iter().filter(|(key, _)| !is_merge(key));
    let mut seen: HashMap<&str, (Option<Comments>, Option<Comments>)> = HashMap::new();
    for (key, value) in pairs() {
        check(key)?;
        if matches!(key.content, Content::Mapping(_)) {
            let context = "while constructing a mapping";
            return Err(Stop::during(context, node.start, "found unhashable key", key.start));
        }
        check(value)?;
        let Content::Scalar { text, .. } = &key.content else { continue };
        if let Some((of_key, of_value)) = seen.insert(text, (key.comments, value.comments)) {
            let overlaps = |first: Option<Comments>, second: Option<Comments>| {
                first.is_some_and(|comments| comments.before) && second.is_some()
            };
            if overlaps(of_key, key.comments) || overlaps(of_value, value.comments) {
                return Err(Stop::Crash("TypeError"));
            }
            let problem = format!("Duplicate key '{text}' found");
            return Err(Stop::during("While parsing", key.start, problem, key.end));
        }
    }
    let mut inner =
        pairs().map(|(_, value)| value).filter(|value| matches!(value.content, Content::Mapping(_)));
    let Some(first) = inner.next() else { return Ok(()) };
    match inner.find(|value| value.start.column != first.start.column) {
        None => Ok(()),
        Some(other) => {
            let problem = "Found mapping with indentation inconsistent with previous mapping";
            Err(Stop::during("While parsing", other.start, problem, other.end))
        }
    }
}

/// `<<` keys: only mappings can be merged, and what they bring does not count as a field.
fn merges(node: &Node, pairs: &[(Node, Node)]) -> Step<()> {
    const CONTEXT: &str = "while constructing a mapping";
    let mut any = false;
    for (_, value) in pairs.iter().filter(|(key, _)| is_merge(key)) {
        if any {
            return Err(Stop::Crash("DuplicateKeyError"));
        }
        match &value.content {
            Content::Mapping(_) => {
                check(value)?;
                any = true;
            }
            Content::Sequence(items) => {
                for item in items {
                    let Content::Mapping(_) = item.content else {
                        let found = item.content.name();
                        let problem = format!("expected a mapping for merging, but found {found}");
                        return Err(Stop::during(CONTEXT, node.start, problem, item.start));
                    };
                    check(item)?;
                    any = true;
                }
            }
            Content::Scalar { .. } => {
                let problem = "expected a mapping or list of mappings for merging, but found scalar";
                return Err(Stop::during(CONTEXT, node.start, problem, value.start));
            }
        }
    }
    Ok(())
}

fn read(node: Node) -> Value {
    match node.content {
        Content::Scalar { text, plain: true } if text == "=" || text == "<<" => Value::Tagged,
        Content::Scalar { text, .. } => Value::Text(text),
        Content::Sequence(_) => Value::List,
        Content::Mapping(pairs) => Value::Mapping(
            pairs
                .into_iter()
                .filter(|(key, _)| !is_merge(key))
                .filter_map(|(key, value)| match key.content {
                    Content::Scalar { text, .. } => Some((text, read(value))),
                    _ => None,
                })
                .collect(),
        ),
    }
}
