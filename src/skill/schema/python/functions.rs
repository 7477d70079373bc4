//! The script's own functions: calls of them are followed.

use tree_sitter::Node;

use super::calls::Arguments;
use super::eval::children;
use super::interpret::{Interpreter, Scope};
use super::value::Value;

const MAX_CALLS: usize = 12;

/// A function call under way.
#[derive(Debug)]
pub(super) struct Frame<'t> {
    function: usize,
    pub(super) result: Value<'t>,
}

impl<'t> Interpreter<'t> {
    /// Follow a call of a function or lambda of the script.
    pub(super) fn invoke(
        &mut self,
        function: Node<'t>,
        around: usize,
        arguments: &Arguments<'t>,
    ) -> Value<'t> {
        let Some(body) = function.child_by_field_name("body") else { return Value::Unknown };
        let running = self.calls.iter().filter(|frame| frame.function == function.id()).count();
        if running > 1 || self.calls.len() >= MAX_CALLS || !self.enter() {
            return Value::Unknown;
        }
        self.used.insert(function.id());
        let inner = self.parameters(function, around, arguments);
        let outer = std::mem::replace(&mut self.scope, inner);
        self.calls.push(Frame { function: function.id(), result: Value::Unknown });
        let value = if function.kind() == "lambda" {
            Some(self.eval(body))
        } else {
            self.block(body);
            None
        };
        self.scope = outer;
        self.leave();
        let result = self.calls.pop().map(|frame| frame.result).unwrap_or_default();
        value.unwrap_or(result)
    }

    /// A scope that holds the arguments of a call.
    fn parameters(&mut self, function: Node<'t>, around: usize, arguments: &Arguments<'t>) -> usize {
        let mut scope = Scope { around: Some(around), ..Scope::default() };
        let mut positional = arguments.positional.iter().cloned();
        let mut keywords = arguments.keywords.clone();
        let mut only_keywords = false;
        for parameter in function.child_by_field_name("parameters").map(children).unwrap_or_default() {
            let (kind, name) = match parameter.kind() {
                "identifier" => ("identifier", Some(parameter)),
                "typed_parameter" => {
                    let inner = parameter.named_child(0);
                    let kind = inner.map_or("", |inner| inner.kind());
                    let name =
                        if kind == "identifier" { inner } else { inner.and_then(|i| i.named_child(0)) };
                    (kind, name)
                }
                "default_parameter" | "typed_default_parameter" => {
                    ("default", parameter.child_by_field_name("name"))
                }
                kind => (kind, parameter.named_child(0)),
            };
            if kind == "keyword_separator" {
                only_keywords = true;
                continue;
            }
            let Some(name) = name.map(|name| self.text(name).to_owned()) else { continue };
            let value = match kind {
                "list_splat_pattern" => {
                    only_keywords = true;
                    Value::list(positional.by_ref().collect())
                }
                "dictionary_splat_pattern" => {
                    let rest = std::mem::take(&mut keywords).into_iter();
                    Value::dict(rest.map(|keyword| (Value::text(keyword.name), keyword.value)).collect())
                }
                _ => {
                    let named = keywords.iter().position(|keyword| keyword.name == name);
                    let named = named.map(|at| keywords.remove(at).value);
                    let given = named.or_else(|| if only_keywords { None } else { positional.next() });
                    let default = parameter.child_by_field_name("value");
                    given.or_else(|| default.map(|default| self.eval(default))).unwrap_or_default()
                }
            };
            scope.variables.insert(name, value);
        }
        self.scopes.push(scope);
        self.scopes.len() - 1
    }

    /// Look into a function or class that nothing in the script uses.
    pub(super) fn explore(&mut self, value: &Value<'t>) {
        let nothing = Arguments::default();
        match value {
            Value::Function(node, around) => {
                self.invoke(*node, *around, &nothing);
            }
            Value::Class(class) => {
                let Value::Object(object) = self.instance(*class, &nothing) else { return };
                for (_, method) in self.classes.all[*class].methods.clone() {
                    if self.tree.commands().is_some() || self.input.is_read() {
                        return;
                    }
                    if let Value::Function(node, around) = method
                        && !self.used.contains(&node.id())
                    {
                        let own = Arguments::of(vec![Value::Object(object)]);
                        self.invoke(node, around, &own);
                    }
                }
            }
            _ => {}
        }
    }

    /// Put a decorated function or class in its place.
    pub(super) fn decorated(&mut self, node: Node<'t>) {
        let Some(definition) = node.child_by_field_name("definition") else { return };
        let mut value = self.decorated_value(definition);
        let decorators = children(node).into_iter().filter(|child| child.kind() == "decorator");
        let decorators: Vec<Node<'t>> = decorators.collect();
        for decorator in decorators.into_iter().rev() {
            let Some(expression) = decorator.named_child(0) else { continue };
            let function = self.eval(expression);
            let kept = value.clone();
            value = self.apply(&function, Arguments::of(vec![value]), decorator);
            // A decorator that is not known changes nothing that matters here.
            if matches!(value, Value::Unknown | Value::Name(_) | Value::Json(_)) {
                value = kept;
            }
        }
        if let Some(name) = definition.child_by_field_name("name") {
            self.bind(name, value);
        }
    }

    pub(super) fn decorated_value(&mut self, definition: Node<'t>) -> Value<'t> {
        match definition.kind() {
            "class_definition" => self.class(definition),
            _ => Value::Function(definition, self.scope),
        }
    }
}
