//! Command lines that a SKILL.md shows for a script: offered when its arguments are typed.

use std::path::Path;

/// Most examples that are offered, and the longest line that is looked at.
const MOST: usize = 20;
const MAX_LINE: usize = 2048;

/// What stands behind the script's path in the text, in order, each once.
pub fn of(source: &str, entry: &Path) -> Vec<String> {
    let Some(path) = entry.to_str() else { return Vec::new() };
    let mut found: Vec<String> = Vec::new();
    for line in source.lines().filter(|line| line.len() <= MAX_LINE) {
        for (at, _) in line.match_indices(path) {
            let rest = &line[at + path.len()..];
            if !rest.starts_with(' ') {
                continue;
            }
            // Up to the end of an inline code span, a comment or a pipe: all of those are not arguments.
            let rest = rest.split(['`', '|', '<', '>', ';']).next().unwrap_or_default();
            let rest = rest.split(" #").next().unwrap_or_default();
            let rest = rest.split(" && ").next().unwrap_or_default().trim().trim_end_matches('\\').trim();
            let is_code = line.starts_with("    ") || line.starts_with('\t') || !line[..at].contains(". ");
            if !rest.is_empty()
                && is_code
                && shlex::split(rest).is_some()
                && !found.iter().any(|one| one == rest)
            {
                found.push(rest.to_owned());
            }
            if found.len() == MOST {
                return found;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_found_in_code() {
        let source = "\
Run it:

    python3 scripts/a.py describe data.csv --top 5   # five rows
    python3 scripts/a.py convert 'my file.csv' | head
    cat x | scripts/a.py -

or `python scripts/a.py --help`, not scripts/a.pyc or `scripts/b.py --other`.
Unclosed: scripts/a.py don't
";
        let found = of(source, Path::new("scripts/a.py"));
        assert_eq!(found, ["describe data.csv --top 5", "convert 'my file.csv'", "-", "--help"]);
    }
}
