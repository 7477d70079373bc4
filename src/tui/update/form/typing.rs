//! What is typed and pasted into the three modes.

use tui_input::Input;

use super::step;
use crate::tui::key::{Code, Key};
use crate::tui::state::State;
use crate::tui::state::form::{Form, Mode};
use crate::tui::update::typing;

/// Fields that a page of the form has.
const PAGE: isize = 8;

pub(super) fn type_field(form: &mut Form, key: Key) {
    match key.code {
        Code::PageDown => return step(form, PAGE, true),
        Code::PageUp => return step(form, -PAGE, true),
        _ => {}
    }
    let Some(field) = form.field_mut() else { return };
    if field.is_choice() {
        match key.code {
            Code::Backspace | Code::Delete => {
                field.clear();
                field.touched = true;
            }
            Code::Char(c) if !key.ctrl && !key.alt => field.jump(c),
            _ => {}
        }
        return;
    }
    if key == Key::plain(Code::Char(',')) && field.splits_at_comma() {
        let any = field.input().is_some_and(|input| !input.value().is_empty());
        if any {
            field.add_item();
        }
        return;
    }
    let empty = field.input().is_none_or(|input| input.value().is_empty());
    if key.code == Code::Backspace && empty {
        // An empty text that JSON gave becomes nothing; an empty item goes.
        if field.is_list() {
            field.remove_item();
        } else {
            field.clear();
            field.touched = true;
        }
        return;
    }
    let Some(input) = field.input_mut() else { return };
    let before = input.value().to_owned();
    typing::edit(input, key);
    if input.value() != before {
        field.typed();
    }
}

pub(super) fn type_line(form: &mut Form, key: Key) {
    match key.code {
        Code::Up => step_example(form, -1),
        Code::Down => step_example(form, 1),
        _ => {
            typing::edit(&mut form.line, key);
        }
    }
}

/// Put the next or the one before of the examples into the line.
fn step_example(form: &mut Form, step: isize) {
    let count = form.examples.len();
    if count == 0 {
        return;
    }
    let next = match form.example {
        None if step > 0 => 0,
        None => count - 1,
        Some(at) => (at as isize + step).rem_euclid(count as isize) as usize,
    };
    form.example = Some(next);
    form.line = Input::new(form.examples[next].clone());
}

pub(super) fn type_json(form: &mut Form, key: Key) {
    let json = &mut form.json;
    match (key.code, key.ctrl || key.alt) {
        (Code::Enter, _) => json.newline(),
        (Code::Tab, _) if key.shift => {}
        (Code::Tab, _) => {
            json.insert("  ");
        }
        (Code::Up, _) => json.rows(-1),
        (Code::Down, _) => json.rows(1),
        (Code::PageUp, _) => json.rows(-PAGE),
        (Code::PageDown, _) => json.rows(PAGE),
        (Code::Home, true) => json.go(0, 0),
        (Code::End, true) => json.go(usize::MAX, usize::MAX),
        (Code::Left, false) => json.left(),
        (Code::Right, false) => json.right(),
        (Code::Backspace, false) => json.backspace(),
        (Code::Delete, _) => json.delete(),
        _ => json.edit(|line| {
            typing::edit(line, key);
        }),
    }
}

/// A pasted text: several lines are lines of JSON, items of a list, and blanks elsewhere.
pub(in crate::tui::update) fn paste(state: &mut State, text: &str) {
    let Some(form) = state.form_mut() else { return };
    form.note = None;
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    match form.mode {
        Mode::Json => {
            let tabs = text.replace('\t', "  ");
            if !form.json.insert(&tabs) {
                form.note = Some("too long to be edited here; give the script a file instead".to_owned());
            }
        }
        Mode::Arguments => typing::paste(&mut form.line, &text),
        Mode::Form => paste_field(form, &text),
    }
    form.judge();
}

fn paste_field(form: &mut Form, text: &str) {
    let Some(field) = form.field_mut() else { return };
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    for (index, line) in lines.iter().enumerate() {
        let all = if field.is_list() { line } else { text.trim_end_matches('\n') };
        if index > 0 && field.is_list() {
            field.add_item();
        }
        if let Some(input) = field.input_mut() {
            typing::paste(input, all);
            field.typed();
        }
        if !field.is_list() {
            return;
        }
    }
}
