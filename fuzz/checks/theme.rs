//! A theme file of arbitrary text: mistakes have a place in it, and what is taken for a theme can be used.

use std::path::Path;

use skilldeck::skill::Diagnostic;
use skilldeck::tui::settings;
use skilldeck::tui::theme::{Depth, Kind, Role, Set, contrast, file};

pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let path = Path::new("/nowhere/mine.toml");
    let parsed = file::parse(text, path);
    assert_eq!(parsed.theme.is_none(), !parsed.diagnostics.is_empty());
    in_text(&parsed.diagnostics, text);
    in_text(&settings::parse(text, path).diagnostics, text);
    let Some(theme) = parsed.theme else { return };
    let name = theme.name.clone();
    let set = Set::built_in().with(theme);
    let index = set.position(&name).unwrap_or(usize::MAX);
    in_text(&set.check(&set.themes()[index]), text);
    for depth in [Depth::True, Depth::Ansi256, Depth::Ansi16, Depth::None] {
        let theme = set.resolve(index, depth);
        let _ = contrast::weak(&theme, contrast::TEXT);
        for (role, name) in Role::ALL {
            assert_eq!(role.name(), *name);
            if depth == Depth::None {
                assert!(contrast::weak(&theme, contrast::ENHANCED).is_empty());
            }
        }
    }
    for kind in [Kind::Dark, Kind::Light] {
        if let Some(like) = set.like(index, kind) {
            assert_eq!(set.themes()[like].kind, kind);
        }
    }
}

fn in_text(found: &[Diagnostic], text: &str) {
    for one in found {
        assert!(one.span.line >= 1 && one.span.column >= 1, "{one:?}");
        assert!(one.span.start <= one.span.end && one.span.end <= text.len(), "{one:?}");
        assert!(!one.message.chars().any(char::is_control), "{one:?}");
    }
}
