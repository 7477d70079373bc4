//! One pass over a text for what must not stand in it: secrets, paths into somebody's home, programs that are fetched
//! in whatever version is newest. Used for SKILL.md and for the scripts.

use std::collections::HashSet;
use std::ops::Range;
use std::path::{Component, Path};
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

use super::diagnostic::Edit;
use super::findings::Findings;
use super::manifest::shown;
use super::package::{self, Package};
use super::rules;
use super::secret::{self, Secret};

/// Most findings of one text.
const MAX_HITS: usize = 50;
const HOMES: [&str; 2] = ["/home/", "/Users/"];

/// Looks for all beginnings at once. `None` would mean that the fixed list of them is no good.
static BEGINNINGS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let beginnings = secret::prefixes().chain(HOMES).chain(package::COMMANDS.map(|command| command.words));
    AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(beginnings).ok()
});

/// Something that must not stand in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hit {
    Secret(Secret),
    Home(Range<usize>),
    Package(Package),
}

impl Hit {
    pub(super) fn secret(self) -> Option<Secret> {
        if let Hit::Secret(secret) = self { Some(secret) } else { None }
    }

    fn add(&self, text: &str, folder: Option<&Path>, findings: &mut Findings) {
        match self {
            Hit::Secret(secret) => {
                let span = findings.lines().span(secret.range.clone());
                let shown = &text[secret.range.start..secret.range.start + secret.shown];
                let message =
                    format!("`{shown}…` is {}, readable by everybody who gets the skill", secret.what);
                let help =
                    "revoke it, and read it from an environment variable that the policy grants (`env:`)";
                findings.add(rules::SECRET, span, message, help);
            }
            Hit::Home(range) => {
                let span = findings.lines().span(range.clone());
                let path = &text[range.clone()];
                let message = format!("`{}` is somebody's home", shown(path));
                let Some(own) = folder.and_then(|folder| within(path, folder)) else {
                    let help = "use a path relative to the skill, or an argument";
                    return findings.add(rules::HOME_PATH, span, message, help);
                };
                let edit = Edit { start: range.start, end: range.end, text: own.to_owned() };
                let fix = (format!("write `{}`", shown(own)), vec![edit]);
                let help = format!("write `{}`, which is relative to the skill", shown(own));
                findings.add_fix(rules::HOME_PATH, span, message, help, fix);
            }
            Hit::Package(package) => {
                let span = findings.lines().span(package.range.clone());
                let word = shown(&text[package.range.clone()]);
                let message =
                    format!("`{}` fetches and runs whatever `{word}` is newest", package.command.words);
                findings.add(rules::UNPINNED_PACKAGE, span, message, package.help(&word));
            }
        }
    }
}

/// Add the findings that are `wanted`. A package is named once in a text, however often it is fetched. With the
/// skill's `folder` a path into a copy of the skill can be corrected.
pub(super) fn report(
    text: &str,
    wanted: impl Fn(&Hit) -> bool,
    folder: Option<&Path>,
    findings: &mut Findings,
) {
    let mut packages = HashSet::new();
    let mut first = |hit: &Hit| match hit {
        Hit::Package(package) => packages.insert(&text[package.range.clone()]),
        _ => true,
    };
    for hit in hits(text).filter(|hit| wanted(hit) && first(hit)).take(MAX_HITS) {
        hit.add(text, folder, findings);
    }
}

/// What must not stand in `text`, in order.
pub(super) fn hits(text: &str) -> impl Iterator<Item = Hit> + '_ {
    let found = BEGINNINGS.iter().flat_map(move |beginnings| beginnings.find_iter(text));
    let hit = move |found: aho_corasick::Match| {
        let at = found.start();
        let word = &text[found.range()];
        if HOMES.contains(&word) {
            return home(text, at).map(Hit::Home);
        }
        match package::COMMANDS.iter().find(|command| command.words == word) {
            Some(command) => package::unpinned(text, at, command).map(Hit::Package),
            None => secret::at(text, at).map(Hit::Secret),
        }
    };
    found.filter_map(hit)
}

fn is_delimiter(c: char) -> bool {
    c.is_whitespace() || "\"'`()[]<>,;|=:".contains(c)
}

/// `/home/alice/…`, `/Users/alice/…`, but not placeholders such as `/home/user/…` or the user of a container.
fn home(text: &str, at: usize) -> Option<Range<usize>> {
    if text[..at].chars().next_back().is_some_and(|before| !is_delimiter(before)) {
        return None;
    }
    let path = text[at..].split(is_delimiter).next()?.trim_end_matches('.');
    let (owner, _) = HOMES.iter().find_map(|home| path.strip_prefix(home))?.split_once('/')?;
    const NOBODY: [&str; 24] = [
        "user",
        "username",
        "you",
        "yourname",
        "your-name",
        "your_name",
        "me",
        "name",
        "USER",
        "USERNAME",
        "skill",
        "agent",
        "app",
        "claude",
        "coder",
        "node",
        "pi",
        "runner",
        "ubuntu",
        "vscode",
        "Shared",
        "linuxbrew",
        "jovyan",
        "sandbox",
    ];
    let plain = owner.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    let somebody = plain && !owner.is_empty() && !NOBODY.contains(&owner);
    (somebody && !owner.chars().all(|c| "x.".contains(c))).then(|| at..at + path.len())
}

/// The part of a path that names a file of the skill, when the path leads into a folder of the skill's name.
fn within<'p>(path: &'p str, folder: &Path) -> Option<&'p str> {
    let name = format!("/{}/", folder.file_name()?.to_str()?);
    let own = &path[path.rfind(&name)? + name.len()..];
    let plain = Path::new(own).components().all(|part| matches!(part, Component::Normal(_)));
    (plain && folder.join(own).is_file()).then_some(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn homes_of_somebody_and_of_nobody() {
        let homes = |text: &str| -> Vec<String> {
            let range = |hit| if let Hit::Home(range) = hit { Some(text[range].to_owned()) } else { None };
            hits(text).filter_map(range).collect()
        };
        assert_eq!(homes("open('/home/alice/x.txt'), /Users/bob/y."), ["/home/alice/x.txt", "/Users/bob/y"]);
        for text in
            ["/home/user/x", "/home/node/app", "https://x.org/home/alice/", "/home/$USER/x", "/home/alice"]
        {
            assert_eq!(homes(text), [] as [&str; 0], "{text}");
        }
    }

    #[test]
    fn a_text_made_of_beginnings_comes_to_an_end() {
        let key = ["-----BEGIN PRIVATE", " KEY-----"].concat();
        for piece in ["sk-", ";npx a ", " /home/a/", "-----BEGIN ", "ghp_é", "AIza", &key] {
            let text = piece.repeat(20_000);
            let mut findings = Findings::new(Path::new("f"), &text, true);
            report(&text, |_| true, None, &mut findings);
            assert!(findings.count() <= MAX_HITS, "{piece}");
        }
    }
}
