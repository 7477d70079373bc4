//! Arbitrary text as keys, and arbitrary bytes as what a terminal sends: no answer of the terminal becomes a key, and
//! pieces make no difference.

use skilldeck::tui::Action;
use skilldeck::tui::input::split::{Splitter, Unit};
use skilldeck::tui::input::translate;
use skilldeck::tui::key::Key;

pub(crate) fn check(data: &[u8]) {
    if let Ok(keys) = Key::parse_all(&String::from_utf8_lossy(data)) {
        for key in keys {
            let shown = key.to_string();
            assert!(!shown.is_empty(), "{key:?}");
        }
    }
    let Some((size, bytes)) = data.split_first() else { return };
    let units = units(&[bytes]);
    let pieces: Vec<&[u8]> = bytes.chunks(1 + usize::from(*size)).collect();
    assert_eq!(units, self::units(&pieces));
    for unit in units {
        let answer = matches!(unit, Unit::Private(_) | Unit::Command(_));
        let action = translate(unit.clone());
        let fits = match action {
            None => true,
            Some(Action::Ground(_)) => answer,
            Some(Action::Key(_) | Action::Mouse(_)) => !answer,
            Some(Action::Paste(_)) => matches!(unit, Unit::Paste(_)),
            Some(_) => false,
        };
        assert!(fits, "{unit:?}");
    }
}

fn units(pieces: &[&[u8]]) -> Vec<Unit> {
    let mut splitter = Splitter::default();
    let mut units: Vec<Unit> = pieces.iter().flat_map(|piece| splitter.feed(piece)).collect();
    units.extend(splitter.give_up());
    assert!(splitter.patience().is_none());
    units
}
