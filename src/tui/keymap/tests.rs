//! Conflicts and gaps of the table.

use super::*;
use std::collections::BTreeMap;

use crate::tui::key::Key;

#[test]
fn no_key_has_two_meanings_in_one_scope() {
    let mut seen: BTreeMap<(String, String), &str> = BTreeMap::new();
    for binding in TABLE {
        for key in binding.keys {
            let parsed = Key::parse(key).unwrap_or_else(|| panic!("{key} is no key"));
            let place = (format!("{:?}", binding.scope), parsed.to_string());
            if let Some(other) = seen.insert(place, binding.id) {
                panic!("{key} means {other} and {}", binding.id);
            }
        }
    }
}

#[test]
fn every_line_is_complete() {
    let mut ids = std::collections::BTreeSet::new();
    for binding in TABLE {
        assert!(!binding.keys.is_empty() && !binding.description.is_empty(), "{}", binding.id);
        assert!(!binding.group.is_empty(), "{} has no group", binding.id);
        assert!(ids.insert(binding.id), "{} twice", binding.id);
    }
}
