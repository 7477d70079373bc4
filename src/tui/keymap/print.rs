//! The table as text: for `skilldeck keys`, its JSON, a key file to begin with, and `assets/keys.md`.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Binding, Keymap, TABLE};
use crate::tui::key::Key;

/// A heading with its lines and their keys.
pub type Group<'a> = (&'static str, Vec<(&'static Binding, &'a [Key])>);

/// Headings in the order of the table, each with its lines.
pub fn groups(keymap: &Keymap) -> Vec<Group<'_>> {
    let mut groups: Vec<(&'static str, Vec<_>)> = Vec::new();
    for line in keymap.lines() {
        match groups.iter_mut().find(|(name, _)| *name == line.0.group) {
            Some((_, lines)) => lines.push(line),
            None => groups.push((line.0.group, vec![line])),
        }
    }
    groups
}

fn joined(keys: &[Key], between: &str, write: impl Fn(&Key) -> String) -> String {
    keys.iter().map(write).collect::<Vec<_>>().join(between)
}

/// For people at a terminal.
pub fn text(keymap: &Keymap) -> String {
    let keys =
        |keys: &[Key]| if keys.is_empty() { "none".to_owned() } else { joined(keys, " ", |key| key.name()) };
    let widest = keymap.lines().map(|(_, line)| keys(line).chars().count()).max().unwrap_or(0);
    let longest = TABLE.iter().map(|line| line.id.len()).max().unwrap_or(0);
    let mut out = String::new();
    for (group, lines) in groups(keymap) {
        let gap = if out.is_empty() { "" } else { "\n" };
        let _ = writeln!(out, "{gap}{group}");
        for (line, line_keys) in lines {
            let keys = keys(line_keys);
            let pad = widest - keys.chars().count();
            let _ = writeln!(out, "  {keys}{:pad$}  {:longest$}  {}", "", line.id, line.description);
        }
    }
    out
}

/// For programs.
pub fn json(keymap: &Keymap) -> Value {
    let line = |(line, keys): (&Binding, &[Key])| {
        json!({
            "id": line.id,
            "keys": keys.iter().map(|key| key.name()).collect::<Vec<_>>(),
            "default_keys": line.keys,
            "where": line.scope.place(),
            "label": line.label,
            "description": line.description,
            "group": line.group,
        })
    };
    Value::Array(keymap.lines().map(line).collect())
}

/// A key file that says what is in force. `commented`: with every line a comment, to begin with.
pub fn toml(keymap: &Keymap, commented: bool) -> String {
    let mut out = String::from(
        "# Keys of the skilldeck workbench: $XDG_CONFIG_HOME/skilldeck/keys.toml (~/.config/skilldeck/keys.toml).\n\
         # A line gives an action other keys, \"none\" takes them away; what is not named keeps its own.\n\
         # Keys: r, G, f5, ctrl-d, alt-x, shift-tab, enter, esc, space, pageup, up. `skilldeck keys --check` checks.\n\
         \n[keys]\n",
    );
    let mark = if commented { "# " } else { "" };
    for (group, lines) in groups(keymap) {
        let _ = writeln!(out, "\n## {group}");
        for (line, keys) in lines {
            let quoted = |key: &Key| Value::String(key.name()).to_string();
            let keys = if keys.is_empty() {
                "\"none\"".to_owned()
            } else {
                format!("[{}]", joined(keys, ", ", quoted))
            };
            let place = line.scope.place();
            let _ = writeln!(out, "\n# {} ({place})\n{mark}{} = {keys}", line.description, line.id);
        }
    }
    out
}

/// A page of documentation.
pub fn markdown(keymap: &Keymap) -> String {
    let cell = |text: &str| text.replace('|', "\\|");
    let key = |key: &Key| {
        // A code span cannot hold a lone backtick without longer fences.
        let shown = cell(&key.to_string());
        if shown.contains('`') { format!("`` {shown} ``") } else { format!("`{shown}`") }
    };
    let mut out = String::from(
        "# Keys of the workbench\n\n\
         Made from the action table by `skilldeck keys --format markdown`. Every action is also in the palette.\n\
         `keys.toml` in the configuration folder gives actions other keys; `skilldeck keys --defaults` prints one to\n\
         begin with.\n",
    );
    for (group, lines) in groups(keymap) {
        let heading =
            group.chars().next().map(|c| c.to_ascii_uppercase()).into_iter().chain(group.chars().skip(1));
        let heading: String = heading.collect();
        let _ = write!(
            out,
            "\n## {heading}\n\n| keys | action | what it does | where |\n| --- | --- | --- | --- |\n"
        );
        for (line, keys) in lines {
            let keys = joined(keys, " ", key);
            let (what, place) = (cell(line.description), line.scope.place());
            let _ = writeln!(out, "| {keys} | `{}` | {what} | {place} |", line.id);
        }
    }
    out
}
