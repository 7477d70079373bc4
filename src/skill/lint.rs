//! The rules of the specification about name, description and body.

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Component, Path};

use pulldown_cmark::{Event, Parser, Tag};

use super::diagnostic::{Edit, Span};
use super::findings::Findings;
use super::frontmatter::Parts;
use super::manifest::shown;
use super::model::{Field, Manifest};
use super::rules;

const MAX_NAME: usize = 64;
const MAX_DESCRIPTION: usize = 1024;
const MAX_BODY_LINES: usize = 500;
/// As the specification's guide counts them: four characters each.
pub(super) const MAX_BODY_TOKENS: usize = 5000;
pub(super) const CHARACTERS_OF_TOKEN: usize = 4;
/// Most of a body that is looked through for links and paths, and most files that are looked up.
const MAX_BODY_READ: usize = 1024 * 1024;
const MAX_LOOKUPS: usize = 500;

/// Name and description.
///
/// `recovered`: the YAML is broken and the fields were read from their lines alone, so what is missing may be
/// there all the same.
pub fn manifest(manifest: &Manifest, folder: &str, fences: Span, recovered: bool, findings: &mut Findings) {
    match &manifest.name {
        Some(field) => name(field, folder, findings),
        None if recovered => return,
        None if manifest.fields.iter().any(|(key, value)| key.value == "name" && !value.value.is_null()) => {}
        None => {
            let slug = slug(folder);
            let edit = Edit { start: fences.start, end: fences.start, text: format!("name: {slug}\n") };
            let help = format!("add `name: {slug}`");
            let fix = (format!("add `name: {slug}`"), vec![edit]);
            findings.add_fix(rules::NAME_MISSING, fences, "the name is missing", help, fix);
        }
    }
    if recovered {
        return;
    }
    let written = |key: &str| manifest.fields.iter().find(|(k, _)| k.value == key);
    let Some(field) = manifest.description.as_ref().filter(|field| !field.value.is_empty()) else {
        let refused = written("description").is_some_and(|(_, v)| v.value.is_array() || v.value.is_object());
        if !refused {
            let span = written("description").map_or(fences, |(key, _)| key.span);
            let message = "the description is missing";
            findings.add(
                rules::DESCRIPTION_MISSING,
                span,
                message,
                "say what the skill does and when to use it",
            );
        }
        return;
    };
    let length = field.value.chars().count();
    if length > MAX_DESCRIPTION {
        let message = format!("the description has {length} characters; {MAX_DESCRIPTION} are allowed");
        findings.add(
            rules::DESCRIPTION_LENGTH,
            field.span,
            message,
            "shorten it; detail belongs in the body",
        );
    }
    // Fields of some clients for this very purpose.
    let elsewhere = ["when_to_use", "read_when", "triggers"].iter().any(|key| written(key).is_some());
    if !elsewhere && says_only_what(&field.value) {
        let message = "the description does not say when to use the skill";
        let help = "add a sentence such as `Use when the user asks for …`";
        findings.add(rules::DESCRIPTION_WHEN, field.span, message, help);
    }
}

/// Whether an English description holds no word that tells an occasion. Other languages are not judged.
fn says_only_what(description: &str) -> bool {
    const ENGLISH: [&str; 8] = ["the", "and", "of", "for", "to", "with", "from", "by"];
    const OCCASIONS: [&str; 26] = [
        "when",
        "whenever",
        "if",
        "while",
        "before",
        "after",
        "during",
        "use",
        "uses",
        "used",
        "using",
        "invoke",
        "invoked",
        "trigger",
        "triggers",
        "triggered",
        "activate",
        "activates",
        "ask",
        "asks",
        "asked",
        "need",
        "needs",
        "want",
        "wants",
        "mentions",
    ];
    const PHRASES: [&str; 8] = [
        "helpful for",
        "ideal for",
        "perfect for",
        "suitable for",
        "useful for",
        "designed for",
        "applies to",
        "apply to",
    ];
    if description.chars().any(|c| c.is_alphabetic() && !c.is_ascii()) {
        return false;
    }
    let lower = description.to_ascii_lowercase();
    let mut words = lower.split(|c: char| !c.is_ascii_alphanumeric());
    lower.split(' ').any(|word| ENGLISH.contains(&word))
        && !words.any(|word| OCCASIONS.contains(&word))
        && !PHRASES.iter().any(|phrase| lower.contains(phrase))
}

fn name(field: &Field<String>, folder: &str, findings: &mut Findings) {
    let (name, span) = (field.value.as_str(), field.span);
    let length = name.chars().count();
    if length == 0 || length > MAX_NAME {
        let message = format!("the name has {length} characters; 1 to {MAX_NAME} are allowed");
        findings.add(rules::NAME_LENGTH, span, message, "choose a shorter name");
    }
    let allowed = |c: char| c == '-' || c.is_ascii_digit() || (c.is_alphanumeric() && !c.is_uppercase());
    let wanted = slug(name);
    let offer = |findings: &mut Findings, rule, message: String| {
        if wanted.is_empty() || wanted == name {
            findings.add(rule, span, message, "use lower-case letters, digits and single hyphens");
        } else {
            let edit = Edit { start: span.start, end: span.end, text: wanted.clone() };
            let fix = (format!("rename to `{wanted}`"), vec![edit]);
            findings.add_fix(rule, span, message, format!("write `{wanted}`"), fix);
        }
    };
    if let Some(bad) = name.chars().find(|c| !allowed(*c)) {
        let message = format!("`{}` holds `{}`", shown(name), shown(&bad.to_string()));
        offer(findings, rules::NAME_CHARACTERS, message);
    } else if !name.is_ascii() {
        let message = format!("`{}` is not in a-z, 0-9 and hyphens", shown(name));
        findings.add(rules::NAME_NOT_ASCII, span, message, "spell the name in a-z");
    } else if name.starts_with('-') || name.ends_with('-') || name.contains("--") {
        let message = format!("`{}` begins, ends or continues with a hyphen too many", shown(name));
        offer(findings, rules::NAME_HYPHENS, message);
    }
    if name != folder && !folder.is_empty() && length > 0 {
        let message = format!("the name `{}` is not that of the folder, `{}`", shown(name), shown(folder));
        if slug(folder) == folder {
            let edit = Edit { start: span.start, end: span.end, text: folder.to_owned() };
            let help = format!("write `name: {folder}`, or rename the folder");
            let fix = (format!("rename to `{folder}`"), vec![edit]);
            findings.add_fix(rules::NAME_MISMATCH, span, message, help, fix);
        } else {
            findings.add(rules::NAME_MISMATCH, span, message, "rename the folder");
        }
    }
}

/// The nearest name that the specification allows.
fn slug(name: &str) -> String {
    let lower = name.to_lowercase();
    let parts = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    let joined = parts.collect::<Vec<_>>().join("-");
    joined.chars().take(MAX_NAME).collect::<String>().trim_end_matches('-').to_owned()
}

/// Length, links and scripts of the body. Returns the places of its code, inline and in blocks.
pub fn body(text: &str, parts: &Parts, folder: &Path, findings: &mut Findings) -> Vec<Range<usize>> {
    let body = &text[parts.body.clone()];
    if body.trim().is_empty() {
        if parts.yaml.is_some() {
            let span = findings.lines().span(text.len()..text.len());
            findings.add(
                rules::BODY_EMPTY,
                span,
                "there are no instructions",
                "write what to do, step by step",
            );
        }
        return Vec::new();
    }
    let lines = body.lines().count();
    if lines > MAX_BODY_LINES {
        let first = findings.lines().line(parts.body.start);
        let span = findings.lines().line_span(first + MAX_BODY_LINES);
        let message = format!("the body has {lines} lines; less than {MAX_BODY_LINES} are recommended");
        findings.add(rules::BODY_LENGTH, span, message, "move detail into files under references/");
    }
    tokens(body, parts.body.start, findings);
    let mut end = body.len().min(MAX_BODY_READ);
    while !body.is_char_boundary(end) {
        end -= 1;
    }
    let mut lookups =
        Lookups { folder, scripts: None, left: MAX_LOOKUPS, known: HashMap::new(), seen: Vec::new() };
    let mut code = Vec::new();
    for (event, range) in Parser::new(&body[..end]).into_offset_iter() {
        let place = parts.body.start + range.start;
        let whole = place..parts.body.start + range.end;
        if matches!(event, Event::Code(_) | Event::Start(Tag::CodeBlock(_))) {
            code.push(whole.clone());
        }
        match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                // Point at the target when it is written as it reads.
                let at = text[whole.clone()]
                    .rfind(&*dest_url)
                    .map_or(whole.clone(), |at| whole.start + at..whole.start + at + dest_url.len());
                lookups.link(&dest_url, at, findings);
            }
            Event::Text(_) | Event::Code(_) => {
                lookups.paths(&text[whole], place, findings);
            }
            _ => {}
        }
    }
    code
}

/// More tokens than are recommended, at the place where they are too many.
fn tokens(body: &str, start: usize, findings: &mut Findings) {
    let most = MAX_BODY_TOKENS * CHARACTERS_OF_TOKEN;
    // A character has at least one byte.
    let Some((at, _)) = (body.len() > most).then(|| body.char_indices().nth(most)).flatten() else { return };
    let count = body.chars().count() / CHARACTERS_OF_TOKEN;
    let span = findings.lines().line_span(findings.lines().line(start + at));
    let message = format!("the body has about {count} tokens; less than {MAX_BODY_TOKENS} are recommended");
    findings.add(rules::BODY_TOKENS, span, message, "move detail into files under references/");
}

/// Files that the body names.
struct Lookups<'a> {
    folder: &'a Path,
    /// The skill has a `scripts` folder, so `scripts/x.py` means a file of its own.
    scripts: Option<bool>,
    left: usize,
    /// Paths that were looked up, with the answer.
    known: HashMap<String, bool>,
    seen: Vec<String>,
}

impl Lookups<'_> {
    fn link(&mut self, target: &str, at: Range<usize>, findings: &mut Findings) {
        let path = target.split(['#', '?']).next().unwrap_or_default();
        let foreign = target.contains("://")
            || target.starts_with(['#', '/', '<', '{', '$', '~'])
            || path.split('/').next().is_some_and(|first| first.contains(':'))
            || path.contains(['{', '<', '*']);
        if path.is_empty() || foreign || self.exists(&percent_decoded(path)) != Some(false) {
            return;
        }
        let message = format!("`{}` does not exist in the skill", shown(path));
        let span = findings.lines().span(at);
        findings.add(rules::BROKEN_LINK, span, message, "add the file, or correct the link");
    }

    /// Script names in running text and in code.
    fn paths(&mut self, text: &str, start: usize, findings: &mut Findings) {
        let mut at = 0;
        // Words with a slash in them.
        while let Some(slash) = memchr::memchr(b'/', &text.as_bytes()[at..]).map(|slash| at + slash) {
            let begin = text[at..slash].char_indices().rev().find(|(_, c)| separates(*c));
            let begin = begin.map_or(at, |(place, c)| at + place + c.len_utf8());
            let end = text[slash..].find(separates).map_or(text.len(), |end| slash + end);
            at = end;
            let (place, token) = (start + begin, text[begin..end].trim_end_matches(['.', ':']));
            if token.len() < 6 || !token.contains('/') {
                continue;
            }
            self.script(token, place, findings);
        }
    }

    fn script(&mut self, token: &str, place: usize, findings: &mut Findings) {
        let anchors = ["./", "${CLAUDE_SKILL_DIR}/", "{baseDir}/", "$SKILL_DIR/", "${SKILL_DIR}/"];
        let anchored = anchors.iter().find_map(|anchor| token.strip_prefix(anchor));
        let path = anchored.unwrap_or(token);
        let plain = path.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/".contains(&b));
        let script = Path::new(path).extension().and_then(|e| e.to_str()).is_some_and(is_script_extension);
        if !plain || !script || !path.starts_with("scripts/") {
            return;
        }
        let folder = self.folder;
        let own = || folder.join("scripts").is_dir();
        if anchored.is_none() && !*self.scripts.get_or_insert_with(own) {
            return;
        }
        if self.seen.iter().any(|seen| seen == path) || self.exists(path) != Some(false) {
            return;
        }
        self.seen.push(path.to_owned());
        let message = format!("`{path}` does not exist in the skill");
        let span = findings.lines().span(place..place + token.len());
        findings.add(rules::MISSING_SCRIPT, span, message, "add the script, or correct its name");
    }

    /// `None` for a path that leaves the skill, or when enough files were looked up.
    fn exists(&mut self, name: &str) -> Option<bool> {
        let path = Path::new(name);
        let inside = path.components().try_fold(0_i32, |depth, component| match component {
            Component::Normal(_) => Some(depth + 1),
            Component::ParentDir => (depth > 0).then_some(depth - 1),
            Component::CurDir => Some(depth),
            _ => None,
        });
        inside?;
        if let Some(known) = self.known.get(name) {
            return Some(*known);
        }
        self.left = self.left.checked_sub(1)?;
        let exists = self.folder.join(path).exists();
        self.known.insert(name.to_owned(), exists);
        Some(exists)
    }
}

/// Whether a character ends a word of running text or code.
fn separates(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '"' | '\'' | '`' | '(' | ')' | '[' | ']' | '<' | '>' | ',' | ';' | '|' | '=')
}

fn is_script_extension(extension: &str) -> bool {
    matches!(extension, "py" | "sh" | "bash" | "js" | "mjs" | "cjs" | "ts" | "rb" | "pl" | "ps1")
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        let byte = code.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        out.push(byte.unwrap_or(bytes[at]));
        at += if byte.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}
