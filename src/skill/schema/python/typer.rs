//! typer: commands are functions, and their parameters, with annotations and defaults, are the arguments.

use tree_sitter::Node;

use super::super::{How, Kind, Many, Parameter, Source};
use super::calls::{Arguments, keyword};
use super::click::{Item, paragraph};
use super::eval::children;
use super::help::tidy;
use super::hints::Hint;
use super::interpret::Interpreter;
use super::option::{Names, asks, help_of};
use super::tree::{Model, typed};
use super::value::Value;

const MAX_APPS: usize = 64;
const MAX_COMMANDS: usize = 500;
/// Most levels of apps in apps.
const MAX_LEVELS: usize = 5;

/// All `typer.Typer()` of a script.
#[derive(Debug, Default)]
pub(super) struct Apps<'t> {
    all: Vec<App<'t>>,
    built: bool,
}

#[derive(Debug, Default)]
struct App<'t> {
    settings: Arguments<'t>,
    callback: Option<Node<'t>>,
    /// Function, and settings of `app.command(…)`.
    commands: Vec<(Node<'t>, Arguments<'t>)>,
    /// App, and settings of `app.add_typer(…)`.
    groups: Vec<(usize, Arguments<'t>)>,
    called: bool,
    within: bool,
}

impl Apps<'_> {
    pub(super) fn called(&mut self, app: usize) {
        if let Some(app) = self.all.get_mut(app) {
            app.called = true;
        }
    }
}

impl<'t> Interpreter<'t> {
    /// A function of typer by its full name.
    pub(super) fn typer_call(&mut self, name: &str, arguments: &Arguments<'t>) -> Option<Value<'t>> {
        match name {
            "typer.Typer" | "typer.main.Typer" if self.apps.all.len() < MAX_APPS => {
                self.apps.all.push(App { settings: arguments.clone(), ..App::default() });
                Some(Value::App(self.apps.all.len() - 1))
            }
            "typer.run" if self.apps.all.len() < MAX_APPS => {
                if let Some(Value::Function(node, _)) = arguments.positional.first() {
                    let commands = vec![(*node, Arguments::default())];
                    self.apps.all.push(App { commands, called: true, ..App::default() });
                    self.used.insert(node.id());
                }
                Some(Value::Unknown)
            }
            "typer.Option" | "typer.Argument" => {
                let option = name.ends_with("Option");
                Some(self.item(Item::Marker { option, arguments: arguments.clone() }))
            }
            _ => None,
        }
    }

    pub(super) fn app_method(&mut self, app: usize, name: &str, arguments: &Arguments<'t>) -> Value<'t> {
        match name {
            "command" | "callback" => {
                let entry = Item::Entry { app, callback: name == "callback", arguments: arguments.clone() };
                self.item(entry)
            }
            "add_typer" => {
                if let Some(Value::App(inner)) = arguments.get(0, "typer_instance")
                    && self.apps.all[app].groups.len() < MAX_APPS
                {
                    self.apps.all[*inner].within = true;
                    self.apps.all[app].groups.push((*inner, arguments.clone()));
                }
                Value::Unknown
            }
            _ => Value::Unknown,
        }
    }

    /// The function below `@app.command(…)` or `@app.callback(…)`.
    pub(super) fn app_entry(
        &mut self,
        app: usize,
        callback: bool,
        settings: Arguments<'t>,
        function: Value<'t>,
    ) {
        let (Value::Function(node, _), Some(app)) = (function, self.apps.all.get_mut(app)) else { return };
        self.used.insert(node.id());
        let node = self.click.original(node);
        if callback {
            app.callback = Some(node);
        } else if app.commands.len() < MAX_COMMANDS {
            app.commands.push((node, settings));
        }
    }

    /// Put the commands of all apps into the tree, once the module has been walked.
    pub(super) fn typer_commands(&mut self) {
        if std::mem::replace(&mut self.apps.built, true) {
            return;
        }
        for app in 0..self.apps.all.len() {
            if self.apps.all[app].within {
                continue;
            }
            let root = self.app_model(app, false, &Arguments::default(), 0);
            if let Some(root) = root {
                self.tree.model(root).parses = self.apps.all[app].called;
            }
        }
    }

    fn app_model(&mut self, app: usize, inner: bool, outer: &Arguments<'t>, level: usize) -> Option<usize> {
        let this = &self.apps.all[app];
        let (commands, groups, callback) = (this.commands.clone(), this.groups.clone(), this.callback);
        let settings = this.settings.clone();
        if level >= MAX_LEVELS {
            return None;
        }
        if let ([(function, settings)], [], None, 0) = (&commands[..], &groups[..], callback, level) {
            return self.command_model(*function, settings, false);
        }
        if commands.is_empty() && groups.is_empty() {
            return None;
        }
        let help = keyword(&outer.keywords, "help").or(keyword(&settings.keywords, "help"));
        let help = help.and_then(Value::as_str).map(tidy);
        let about = callback.map(|node| self.about_function(node)).unwrap_or_default();
        let parameters = callback.map(|node| self.signature(node)).unwrap_or_default();
        let model = Model {
            source: Some(Source::Typer),
            description: help.unwrap_or(about),
            parameters,
            inner,
            ..Model::default()
        };
        let root = self.tree.push(model)?;
        self.fill(root, app, level);
        Some(root)
    }

    /// Commands and groups of an app below a model.
    fn fill(&mut self, root: usize, app: usize, level: usize) {
        // Apps can be added to each other in a circle.
        if !self.enter() {
            return;
        }
        let (commands, groups) = (self.apps.all[app].commands.clone(), self.apps.all[app].groups.clone());
        for (function, settings) in commands {
            if keyword(&settings.keywords, "hidden").and_then(Value::as_bool) != Some(true)
                && let Some(child) = self.command_model(function, &settings, true)
            {
                let own = function.child_by_field_name("name").map_or("", |name| self.text(name));
                let given = settings.get(0, "name").and_then(Value::as_str);
                let word = given.map_or_else(|| own.to_lowercase().replace('_', "-"), str::to_owned);
                self.tree.nest(root, child, word);
            }
        }
        for (inner, settings) in groups {
            let own = &self.apps.all[inner];
            let name = keyword(&settings.keywords, "name").or(keyword(&own.settings.keywords, "name"));
            let word = name.and_then(Value::as_str).map(str::to_owned);
            let callback = own.callback.and_then(|node| node.child_by_field_name("name"));
            let word = word.or_else(|| callback.map(|name| self.text(name).to_lowercase().replace('_', "-")));
            match word {
                Some(word) => {
                    if let Some(child) = self.app_model(inner, true, &settings, level + 1) {
                        self.tree.nest(root, child, word);
                    }
                }
                // Without a name its commands belong to the outer app.
                None if level < MAX_LEVELS => self.fill(root, inner, level + 1),
                None => {}
            }
        }
        self.leave();
    }

    fn command_model(&mut self, function: Node<'t>, settings: &Arguments<'t>, inner: bool) -> Option<usize> {
        let help = keyword(&settings.keywords, "help").and_then(Value::as_str).map(paragraph);
        let description = help.unwrap_or_else(|| self.about_function(function));
        let parameters = self.signature(function);
        self.tree.push(Model {
            source: Some(Source::Typer),
            description,
            parameters,
            inner,
            ..Model::default()
        })
    }

    fn about_function(&mut self, function: Node<'t>) -> String {
        paragraph(function.child_by_field_name("body").map_or("", |body| self.docstring(body)))
    }

    fn signature(&mut self, function: Node<'t>) -> Vec<Parameter> {
        let parameters = function.child_by_field_name("parameters").map(children).unwrap_or_default();
        parameters.into_iter().take(200).filter_map(|parameter| self.typer_parameter(parameter)).collect()
    }

    fn typer_parameter(&mut self, node: Node<'t>) -> Option<Parameter> {
        let name = match node.kind() {
            "identifier" => node,
            "typed_parameter" => node.named_child(0).filter(|inner| inner.kind() == "identifier")?,
            "default_parameter" | "typed_default_parameter" => node.child_by_field_name("name")?,
            _ => return None,
        };
        let mut hint = node.child_by_field_name("type").map(|hint| self.hint(hint, 0));
        if hint.as_ref().is_some_and(|hint| hint.context) {
            return None;
        }
        let written = node.child_by_field_name("value").map(|value| self.eval(value));
        let mut marker = hint.as_mut().and_then(|hint| hint.marker.take());
        let mut default = written;
        if let Some(Item::Marker { option, arguments }) =
            default.as_ref().and_then(|value| self.click_item(value)).cloned()
        {
            // The default comes first here, and the names behind it.
            let mut arguments = arguments;
            let named = keyword(&arguments.keywords, "default").cloned();
            let first = (!arguments.positional.is_empty()).then(|| arguments.positional.remove(0));
            default = first.or(named);
            marker = Some((option, arguments));
        }
        // `...` says that there is no default.
        let default = default.filter(|value| value.as_name() != Some("..."));
        let required = default.is_none();
        let is_option = marker.as_ref().map_or(!required, |(option, _)| *option);
        let settings = marker.map(|(_, arguments)| arguments).unwrap_or_default();
        let hint = hint.unwrap_or_else(|| Hint::of_default(default.as_ref()));
        let value = Self::json(default.as_ref());
        let own = self.text(name);
        let mut parameter = Parameter {
            name: own.to_owned(),
            help: help_of(&settings.keywords),
            kind: hint.kind,
            choices: hint.choices.clone(),
            required: required || (value.is_none() && asks(&settings.keywords)),
            default: value.map(|value| typed(value, hint.kind)),
            how: How::Positional,
            many: None,
            exclusive: None,
            depth: 0,
            line: name.start_position().row + 1,
        };
        if keyword(&settings.keywords, "hidden").and_then(Value::as_bool) == Some(true) && !required {
            return None;
        }
        if is_option {
            let names = Names::of(settings.positional.iter().filter_map(Value::as_str));
            make_option(&mut parameter, &names, &hint, &settings);
        } else if hint.list {
            parameter.many = Some(Many { least: usize::from(required), most: None });
        } else if let Some(together) = hint.together {
            parameter.many = Some(Many { least: together, most: Some(together) });
        }
        Some(parameter)
    }
}

fn make_option(parameter: &mut Parameter, names: &Names, hint: &Hint<'_>, settings: &Arguments<'_>) {
    let usual = parameter.name.replace('_', "-");
    let option = names.on().cloned().unwrap_or_else(|| format!("--{usual}"));
    let together = hint.together.map(|n| Many { least: n, most: Some(n) });
    if keyword(&settings.keywords, "count").and_then(Value::as_bool) == Some(true) {
        parameter.how = How::Count(option);
        parameter.kind = Kind::Integer;
        return;
    }
    let is_flag = hint.kind == Kind::Boolean && !hint.list && together.is_none();
    parameter.how = match (is_flag, hint.list, together) {
        (true, ..) => {
            match names.off() {
                // Only a way to say no.
                Some(off) if names.on().is_none() => How::Flag(off.clone(), false),
                Some(off) => How::OnOff(option, off.clone()),
                None if names.is_empty() => How::OnOff(option, format!("--no-{usual}")),
                None => How::Flag(option, true),
            }
        }
        (_, true, Some(many)) => How::RepeatedList(option, many),
        (_, true, None) => How::Repeated(option),
        _ => How::Option(option),
    };
    parameter.many = if hint.list { Some(Many { least: 0, most: None }) } else { together };
}
