//! A SKILL.md of arbitrary bytes: front matter and YAML with their places.

use skilldeck::yaml;

pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match yaml::parse(text) {
        Ok(document) => {
            if let Some(root) = &document.root {
                assert!(root.span.start <= root.span.end && root.span.end <= text.len(), "{root:?}");
                let _ = root.to_json();
            }
        }
        Err(error) => {
            let span = error.span();
            assert!(span.start <= span.end && span.end <= text.len(), "{error:?}");
        }
    }
}
