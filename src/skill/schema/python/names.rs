//! Names that come from elsewhere: imports, `global` and `nonlocal`.

use tree_sitter::Node;

use super::eval::children;
use super::interpret::Interpreter;
use super::value::Value;

impl<'t> Interpreter<'t> {
    /// `import a.b as c`, `from a import b as c`: names that stand for others.
    pub(super) fn import(&mut self, node: Node<'t>) {
        let module = node.child_by_field_name("module_name").map(|module| self.text(module));
        let mut cursor = node.walk();
        let names: Vec<Node<'t>> = node.children_by_field_name("name", &mut cursor).collect();
        for name in names {
            let (full, alias) = match (name.child_by_field_name("name"), name.child_by_field_name("alias")) {
                (Some(full), Some(alias)) => (self.text(full), Some(self.text(alias))),
                _ => (self.text(name), None),
            };
            match (module, alias) {
                (Some(module), alias) => {
                    self.set(alias.unwrap_or(full), Value::name(format!("{module}.{full}")));
                }
                (None, Some(alias)) => self.set(alias, Value::name(full)),
                (None, None) => {
                    let first = full.split('.').next().unwrap_or_default();
                    self.set(first, Value::name(first));
                }
            }
        }
    }

    pub(super) fn declare(&mut self, node: Node<'t>, scope: Option<usize>) {
        for name in children(node) {
            if let Some(scope) = scope {
                let name = self.text(name).to_owned();
                self.scopes[self.scope].elsewhere.insert(name, scope);
            }
        }
    }
}
