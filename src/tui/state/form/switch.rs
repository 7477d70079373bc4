//! From one way to give input to the next, with what can be said in it.

use std::sync::Arc;

use serde_json::Value;
use tui_input::Input;

use super::draft::quoted;
use super::editor::Editor;
use super::{Draft, Form, Mode};

impl Form {
    /// Everything back to the defaults.
    pub fn reset(&mut self) {
        match self.mode {
            Mode::Arguments => self.line = Input::default(),
            Mode::Form | Mode::Json => {
                if let Some(draft) = self.drafts.get_mut(self.draft) {
                    *draft = Draft::new(Arc::clone(&draft.tool));
                }
                self.tried = false;
                if self.mode == Mode::Json {
                    self.json_of = None;
                    self.write_json();
                }
            }
        }
    }

    /// Go to the next mode, with what can be said in it.
    pub fn switch(&mut self) {
        self.switch_to(self.mode.next());
    }

    pub fn switch_to(&mut self, mode: Mode) {
        self.note = None;
        if self.drafts.is_empty() {
            self.note = Some("the schema is still being read".to_owned());
            return;
        }
        if self.mode == Mode::Json && mode != Mode::Json {
            self.read_json();
        }
        let value = self.draft().map(|draft| draft.value().0);
        // From the fields, whichever mode was in front.
        match mode {
            Mode::Form => {}
            Mode::Arguments if self.line_of != value => self.write_line(),
            Mode::Json if self.json_of != value => self.write_json(),
            _ => {}
        }
        if mode != Mode::Form && self.note.is_none() && self.draft().is_some_and(Draft::has_secret) {
            self.note = Some("secrets are not hidden here".to_owned());
        }
        (self.mode, self.chosen, self.top) = (mode, true, 0);
        self.judge();
    }

    /// The line that means the same as the fields.
    fn write_line(&mut self) {
        let Some(draft) = self.draft() else { return };
        let value = draft.value().0;
        match self.judge_fields() {
            Ok(input) => {
                if !input.stdin.is_empty() {
                    self.note = Some("JSON on standard input cannot be written as arguments".to_owned());
                }
                let words = input.arguments.iter().map(|word| quoted(word));
                self.line = Input::new(words.collect::<Vec<_>>().join(" "));
                self.example = None;
                self.line_of = Some(value);
            }
            Err(_) if self.is_untouched() => {}
            Err(_) => {
                self.note = Some("the form is not complete: these arguments are not made from it".to_owned());
            }
        }
    }

    fn write_json(&mut self) {
        let Some(draft) = self.draft() else { return };
        let value = draft.value().0;
        self.json = Editor::new(&format!("{value:#}"));
        self.json_of = Some(value);
    }

    /// What the JSON says goes into the fields, as far as they can say it.
    fn read_json(&mut self) {
        let text = self.json.text();
        let Some(draft) = self.drafts.get_mut(self.draft) else { return };
        match serde_json::from_str::<Value>(&text) {
            Ok(Value::Object(object)) => {
                let left_out = draft.set(object);
                if !left_out.is_empty() {
                    let names = left_out.join(", ");
                    self.note =
                        Some(format!("only JSON can say what it holds for {names}: left out of the form"));
                }
            }
            Ok(_) => self.note = Some("the JSON is no object: the form is as it was before".to_owned()),
            Err(error) => self.note = Some(format!("the form is as it was before: not JSON: {error}")),
        }
        self.json_of = Some(draft.value().0);
    }
}
