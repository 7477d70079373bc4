//! ASCII mode: no cell of any screen holds anything else, but for what comes from outside.

use std::collections::BTreeSet;

use ratatui::buffer::Cell;

use super::screens::SCREENS;
use super::{buffer, workbench};

/// What skills say and users type, in these screens.
const FOREIGN: &str = "ü";

#[test]
fn no_cell_of_any_screen_is_anything_but_ascii() {
    let mut wrong = Vec::new();
    for (name, width, height, plot, keys) in SCREENS {
        let mut bench = workbench(*width, *height, *plot);
        bench.driver.state.options.ascii = true;
        bench.keys(keys);
        let cells = buffer(&bench.driver).content;
        let other = cells.iter().map(Cell::symbol).filter(|symbol| !symbol.is_ascii());
        let other: BTreeSet<&str> = other.filter(|symbol| !FOREIGN.contains(symbol)).collect();
        if !other.is_empty() {
            wrong.push(format!("{name}: {other:?}"));
        }
    }
    assert_eq!(wrong, [""; 0]);
}
