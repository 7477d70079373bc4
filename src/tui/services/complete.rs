//! Paths that begin with what was typed into a field of the run form. On a thread of its own for each question: a
//! folder on a share that is gone must hold up nothing else.

use std::path::{Path, PathBuf};

use super::Mailbox;
use super::loader::spawn;
use crate::tui::action::Action;
use crate::tui::state::FormKey;

/// Most entries of a folder that are looked at, and most that are offered.
const MAX_LOOKED_AT: usize = 10_000;
const MAX_OFFERED: usize = 200;

pub(super) fn ask(form: FormKey, folder: PathBuf, text: String, mailbox: &Mailbox) {
    let mailbox = mailbox.clone();
    spawn("complete", move || {
        let (candidates, more) = complete(&folder, &text);
        mailbox.send(Action::PathsFound { form, text, candidates, more });
    });
}

/// Paths that begin with `text`, a relative one in `folder`; folders end in `/`. And whether there are more.
fn complete(folder: &Path, text: &str) -> (Vec<String>, bool) {
    let (within, start) = text.rsplit_once('/').map_or(("", text), |(within, start)| (within, start));
    let prefix = &text[..text.len() - start.len()];
    let place = match within {
        "" if text.starts_with('/') => PathBuf::from("/"),
        within => folder.join(within),
    };
    let Ok(entries) = std::fs::read_dir(place) else { return (Vec::new(), false) };
    let (mut found, mut looked_at) = (Vec::new(), 0);
    for entry in entries.take(MAX_LOOKED_AT + 1).flatten() {
        looked_at += 1;
        let Ok(name) = entry.file_name().into_string() else { continue };
        // Hidden files are offered to those who ask for them.
        if !name.starts_with(start) || (name.starts_with('.') && !start.starts_with('.')) {
            continue;
        }
        // Of a link, what it leads to.
        let slash = if entry.path().is_dir() { "/" } else { "" };
        found.push(format!("{prefix}{name}{slash}"));
    }
    found.sort();
    let more = looked_at > MAX_LOOKED_AT || found.len() > MAX_OFFERED;
    found.truncate(MAX_OFFERED);
    (found, more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_completed_where_they_are_typed() {
        let dir = tempfile::tempdir().unwrap();
        for path in ["data/a.csv", "data/b.csv", "data/.hidden", "docs/x", "deep/er/y"] {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        std::os::unix::fs::symlink("docs", dir.path().join("link")).unwrap();
        let found = |text: &str| complete(dir.path(), text).0;
        assert_eq!(found("d"), ["data/", "deep/", "docs/"]);
        assert_eq!(found("data/"), ["data/a.csv", "data/b.csv"]);
        assert_eq!(found("data/."), ["data/.hidden"]);
        assert_eq!(found("l"), ["link/"]);
        assert_eq!(found("./docs/x"), ["./docs/x"]);
        assert!(found("nowhere/x").is_empty() && found("docs/x/y").is_empty());
        assert!(found("/et").contains(&"/etc/".to_owned()));
        for number in 0..300 {
            std::fs::write(dir.path().join(format!("docs/n{number}")), "").unwrap();
        }
        assert_eq!(complete(dir.path(), "docs/n").0.len(), MAX_OFFERED);
        assert!(complete(dir.path(), "docs/n").1);
    }
}
