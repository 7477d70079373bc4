//! The text of a SKILL.md: front matter with what goes wrong in it, and a body of Markdown.

use std::fmt::Write as _;
use std::path::Path;

use super::random::Random;

/// How the front matter is, with the number of files for which it is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Front {
    #[default]
    Sound,
    Missing,
    Unclosed,
    /// `description: Use when: …`
    Colon,
    /// `description: **Bold** …`
    Star,
    /// A value that begins with `@` or a backtick.
    Reserved,
    /// A flow collection without an end.
    Flow,
    List,
    NoName,
    NoDescription,
    DescriptionList,
    LongDescription,
    Dashes,
    Duplicate,
    Block,
}

pub(super) const FRONTS: &[(Front, usize)] = &[
    (Front::Missing, 1_984),
    (Front::Unclosed, 134),
    (Front::Colon, 367),
    (Front::Star, 787),
    (Front::Reserved, 6),
    (Front::Flow, 262),
    (Front::List, 3),
    (Front::NoName, 130),
    (Front::NoDescription, 109),
    (Front::DescriptionList, 5),
    (Front::LongDescription, 57),
    (Front::Dashes, 24),
    (Front::Duplicate, 3),
    (Front::Block, 1_972),
];

/// How the name stands to the folder's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Names {
    #[default]
    Same,
    Other,
    /// Capitals, spaces or underscores.
    Characters,
    NotAscii,
}

pub(super) const NAMES: &[(Names, usize)] =
    &[(Names::Other, 6_232 - 1_774 - 75), (Names::Characters, 1_774), (Names::NotAscii, 75)];

/// A further field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    License,
    Version,
    Homepage,
    Author,
    Tags,
    Requires,
    /// `metadata` with a mapping below, as OpenClaw has it, written in JSON.
    FlowMetadata,
    MetadataList,
    MetadataDate,
    ToolsCommas,
    ToolsList,
    ToolsSpaces,
    Hint,
}

pub(super) const FIELDS: &[(Field, usize)] = &[
    (Field::License, 3_000),
    (Field::Version, 4_315),
    (Field::Homepage, 3_013),
    (Field::Author, 1_786),
    (Field::Tags, 1_234),
    (Field::Requires, 1_029),
    (Field::FlowMetadata, 7_465),
    (Field::MetadataList, 393),
    (Field::MetadataDate, 204),
    (Field::ToolsCommas, 248),
    (Field::ToolsList, 229),
    (Field::ToolsSpaces, 294),
    (Field::Hint, 300),
];

const WORDS: [&str; 48] = [
    "agent", "analysis", "archive", "audit", "backup", "browser", "build", "calendar", "chart", "check",
    "client", "cloud", "commit", "compare", "config", "convert", "csv", "data", "deploy", "design",
    "document", "draft", "export", "fetch", "filter", "format", "image", "import", "index", "invoice",
    "issue", "ledger", "log", "mail", "merge", "notes", "parse", "plan", "query", "report", "review",
    "schedule", "search", "summary", "table", "test", "token", "workflow",
];

pub(super) fn folder_name(number: usize) -> String {
    let word = |at: usize| WORDS[at % WORDS.len()];
    format!("{}-{}-{number}", word(number / WORDS.len()), word(number))
}

fn sentence(random: &mut Random, words: usize) -> String {
    let words: Vec<&str> = (0..words).map(|_| random.pick(&WORDS)).collect();
    words.join(" ")
}

pub(super) fn front(
    random: &mut Random,
    number: usize,
    front: Front,
    names: Names,
    fields: &[Field],
) -> String {
    if front == Front::Missing {
        return String::new();
    }
    if front == Front::List {
        return "---\n- name\n- description\n---\n\n".to_owned();
    }
    let folder = folder_name(number);
    let name = match names {
        Names::Same => folder,
        Names::Other => format!("{}-{}", random.pick(&WORDS), random.pick(&WORDS)),
        Names::Characters => folder.replacen('-', random.pick(&[" ", "_"]), 1).to_uppercase(),
        Names::NotAscii => format!("übersicht-{number}"),
    };
    let words = 8 + random.below(30);
    let about = format!("Does {}. Use it for {}.", sentence(random, words), sentence(random, 4));
    let mut text = String::from("---\n");
    if front != Front::NoName {
        let _ = writeln!(text, "name: {name}");
    }
    let _ = match front {
        Front::NoDescription => Ok(()),
        Front::Colon => writeln!(text, "description: Use when: {about}"),
        Front::Star => writeln!(text, "description: **{name}** {about}"),
        Front::Reserved => writeln!(text, "description: @{name} {about}"),
        Front::Flow => {
            writeln!(text, "description: {about}\nmetadata: {{\"openclaw\": {{\"requires\": [\"bins\"}}")
        }
        Front::DescriptionList => writeln!(text, "description:\n  - {about}\n  - more"),
        Front::LongDescription => writeln!(text, "description: {}", sentence(random, 220)),
        Front::Dashes => writeln!(text, "description: Use --- here. {about}"),
        Front::Duplicate => writeln!(text, "description: {about}\nname: {name}"),
        Front::Block => writeln!(text, "description: >\n  {about}\n  Second line.\n\n  {about}"),
        _ => writeln!(text, "description: \"{about}\""),
    };
    for field in fields {
        text += &written(random, *field);
    }
    text + if front == Front::Unclosed { "\n" } else { "---\n\n" }
}

fn written(random: &mut Random, field: Field) -> String {
    let word = random.pick(&WORDS);
    match field {
        Field::License => "license: Apache-2.0\n".into(),
        Field::Version => format!("version: {}.{}.0\n", random.below(4), random.below(20)),
        Field::Homepage => format!("homepage: https://example.org/{word}\n"),
        Field::Author => format!("author: {word}\n"),
        Field::Tags => format!("tags:\n  - {word}\n  - \"{word} two\"\n"),
        Field::Requires => format!("requires:\n  bins: [{word}, curl]\n"),
        Field::FlowMetadata => format!(
            "metadata: {{\"openclaw\": {{\"emoji\": \"📦\", \"requires\": {{\"bins\": [\"{word}\"]}}, \"os\": [\"linux\"]}}}}\n"
        ),
        // A mapping is there once: lists and dates have keys of their own.
        Field::MetadataList => format!("triggers: [{word}, other]\n"),
        Field::MetadataDate => "updated: 2026-02-03\n".into(),
        Field::ToolsCommas => "allowed-tools: Read, Bash, Write\n".into(),
        Field::ToolsList => "allowed-tools:\n  - Read\n  - Bash(git:*)\n".into(),
        Field::ToolsSpaces => "allowed-tools: Bash(git:*) Read\n".into(),
        Field::Hint => "argument-hint: \"[file]\"\n".into(),
    }
}

/// A body of about `size` bytes that speaks of `files`.
pub(super) fn body(random: &mut Random, files: &[String], size: usize) -> String {
    let mut text = format!("# {}\n\n", sentence(random, 3));
    while text.len() < size {
        let length = 12 + random.below(40);
        let line = sentence(random, length);
        let _ = match random.below(8) {
            0 => writeln!(text, "## {}\n", sentence(random, 4)),
            1 => writeln!(text, "- {line}\n- **{}**: {line}\n", sentence(random, 1)),
            2 => writeln!(text, "```bash\n{}\n```\n", command(random, files)),
            3 => writeln!(
                text,
                "| {} | {} |\n| --- | --- |\n| a | {line} |\n",
                random.pick(&WORDS),
                random.pick(&WORDS)
            ),
            4 => match files.iter().find(|file| Path::new(file).extension().is_some_and(|end| end == "md")) {
                Some(file) => writeln!(text, "See [{}]({file}) for {line}.\n", random.pick(&WORDS)),
                None => writeln!(text, "See [{line}](https://example.org/{}).\n", random.pick(&WORDS)),
            },
            _ => writeln!(text, "{line}, `{}`. {line}.\n", random.pick(&WORDS)),
        };
    }
    text
}

fn command(random: &mut Random, files: &[String]) -> String {
    match files.iter().find(|file| file.starts_with("scripts/")) {
        // Options that the script has: few published skills show others.
        Some(file) => {
            let table = random.pick(&WORDS);
            match file.rsplit('.').next() {
                Some("py") => format!("python3 {file} --input {table}.csv"),
                Some("js" | "mjs") => format!("node {file} --input {table}.csv"),
                _ => format!("bash {file} {table}.csv"),
            }
        }
        None => format!("{} --{} input.txt", random.pick(&WORDS), random.pick(&WORDS)),
    }
}
