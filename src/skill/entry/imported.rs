//! Files that are no entries because another script of the skill imports them.

use super::Candidate;
use crate::skill::model::Language;

/// Without shebang and main guard, and imported by another script.
pub(super) fn is_module(candidate: &Candidate, all: &[Candidate]) -> bool {
    if candidate.shebang.is_some() || has_main_guard(&candidate.text) {
        return false;
    }
    let Some(stem) = candidate.file.file_stem().and_then(|stem| stem.to_str()) else { return false };
    let Some(name) = candidate.file.file_name().and_then(|name| name.to_str()) else { return false };
    let others = all.iter().filter(|other| other.file != candidate.file && other.language.is_some());
    others.filter(|other| same_family(other.language, candidate.language)).any(|other| {
        String::from_utf8_lossy(&other.text)
            .lines()
            .any(|line| imports(line.trim(), candidate.language, stem, name))
    })
}

fn same_family(a: Option<Language>, b: Option<Language>) -> bool {
    let family = |language| match language {
        Some(Language::Bash) => Some(Language::Sh),
        Some(Language::Uv) => Some(Language::Python),
        Some(Language::Deno) => Some(Language::Node),
        other => other,
    };
    family(a) == family(b)
}

fn has_main_guard(text: &[u8]) -> bool {
    text.split(|b| *b == b'\n')
        .any(|line| line.starts_with(b"if __name__") || line.starts_with(b"if (require.main"))
}

/// Whether a line of code imports the file.
fn imports(line: &str, language: Option<Language>, stem: &str, name: &str) -> bool {
    match language {
        Some(Language::Python) => {
            let (keyword, rest) = line.split_once(' ').unwrap_or((line, ""));
            let word =
                |text: &str| text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == stem);
            // `from a.b import c`: the file may be `b`, or `c` when its package is imported from.
            matches!(keyword, "import" | "from") && word(rest)
        }
        Some(Language::Node) => {
            let import = line.contains("require(") || line.contains("import") || line.contains("from ");
            import
                && ["'", "\"", "`"]
                    .iter()
                    .any(|quote| [stem, name].iter().any(|file| line.contains(&format!("/{file}{quote}"))))
        }
        Some(Language::Sh | Language::Bash) => {
            let source = line.strip_prefix("source ").or_else(|| line.strip_prefix(". "));
            source.is_some_and(|rest| {
                rest.trim_end_matches(['"', '\'']).ends_with(&format!("/{name}")) || rest.trim() == name
            })
        }
        _ => false,
    }
}
