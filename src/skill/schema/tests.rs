//! Schemas of whole scripts, and the way back to the command line.

use std::collections::HashSet;
use std::fs;

use serde_json::{Value, json};

use super::names::unique;
use super::*;
use crate::skill;

/// A skill with these scripts.
fn skill_with(scripts: &[(&str, &str)], front: &str, body: &str) -> (tempfile::TempDir, Skill) {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("demo");
    fs::create_dir_all(folder.join("scripts")).unwrap();
    let text = format!("---\nname: demo\ndescription: A demo.\n{front}---\n# Demo\n{body}");
    fs::write(folder.join("SKILL.md"), text).unwrap();
    for (name, text) in scripts {
        fs::write(folder.join("scripts").join(name), text).unwrap();
    }
    let skill = skill::read(&folder, dir.path());
    (dir, skill)
}

fn python(script: &str) -> Vec<Tool> {
    let (_dir, skill) = skill_with(&[("main.py", script)], "", "");
    tools(&skill)
}

/// The only tool's schema.
fn schema(script: &str) -> Value {
    let tools = python(script);
    assert_eq!(tools.len(), 1, "{tools:?}");
    tools[0].schema()
}

/// Arguments of the only entry, or what is wrong, a line each.
fn call(script: &str, input: &Value) -> Result<Vec<String>, String> {
    let (_dir, skill) = skill_with(&[("main.py", script)], "", "");
    invoke(&skill, input).map(|call| call.argv)
}

fn invoke(skill: &Skill, input: &Value) -> Result<Invocation, String> {
    let lines = |wrong: Vec<Mismatch>| wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    invocation(&entry_tool(skill, &skill.entries[0]), input).map_err(lines)
}

const RICH: &str = r#"
"""Counts words.

More text.
"""
import argparse
from enum import Enum
from pathlib import Path

FORMATS = ("text", "json")
LEVELS = {"low": 1, "high": 2}
class Mode(str, Enum):
    FAST = "fast"
    SLOW = "slow"

def positive(text):
    value = int(text)
    if value < 1: raise ValueError
    return value

def add_common(p, *, label="name"):
    p.add_argument("--verbose", "-v", action="count", default=0, help=f"say more ({label})")
    p.add_argument("--config", type=Path, default=Path("conf.toml"), metavar="FILE")

def build():
    parser = argparse.ArgumentParser(prog="x", description=__doc__)
    add_common(parser)
    parser.add_argument("files", nargs="+", help="files to read (also `-`), \"quoted\" too")
    parser.add_argument(
        "--format", choices=FORMATS, default=FORMATS[0],
        help="output form (default: %(default)s), 100%% sure",
    )
    parser.add_argument("--level", choices=list(LEVELS.keys()))
    parser.add_argument("--mode", choices=[m.value for m in Mode], default=Mode.FAST.value)
    parser.add_argument("-n", "--top-words", type=positive, dest="top", required=True)
    parser.add_argument("--ratio", type=float, default=-0.5)
    parser.add_argument("--tag", action="append", default=[])
    parser.add_argument("--pair", nargs=2, type=int)
    parser.add_argument("--color", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--no-cache", dest="cache", action="store_false")
    parser.add_argument("--secret", help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, default=60 * 60)
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--all", action="store_true")
    group.add_argument("--some", metavar="X")
    for name in ("alpha", "beta"):
        parser.add_argument("--" + name, help="option " + name)
    parser.add_argument("--version", action="version", version="1")
    return parser

def main(argv=None):
    args = build().parse_args(argv)
    return 0

if __name__ == "__main__":
    raise SystemExit(main())
"#;

#[test]
fn argparse_is_read_whole() {
    let tools = python(RICH);
    assert_eq!((tools[0].name.as_str(), tools[0].source), ("demo", Source::Argparse));
    let schema = tools[0].schema();
    let properties = json!({
        "verbose": {"type": "integer", "minimum": 0, "maximum": 100, "description": "say more (name)", "default": 0},
        "config": {"type": "string", "default": "conf.toml"},
        "files": {
            "type": "array", "items": {"type": "string"}, "minItems": 1,
            "description": "files to read (also `-`), \"quoted\" too"
        },
        "format": {
            "type": "string", "enum": ["text", "json"],
            "description": "output form (default: text), 100% sure", "default": "text"
        },
        "level": {"type": "string", "enum": ["low", "high"]},
        "mode": {"type": "string", "enum": ["fast", "slow"], "default": "fast"},
        "top": {"type": "integer"},
        "ratio": {"type": "number", "default": -0.5},
        "tag": {"type": "array", "items": {"type": "string"}, "default": []},
        "pair": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
        "color": {"type": "boolean", "default": true},
        "cache": {"type": "boolean", "default": true},
        "size": {"type": "integer", "default": 3600},
        "all": {
            "type": "boolean", "default": false,
            "description": "(not together with some; one of them is required)"
        },
        "some": {"type": "string", "description": "(not together with all; one of them is required)"},
        "alpha": {"type": "string", "description": "option alpha"},
        "beta": {"type": "string", "description": "option beta"},
    });
    for (name, wanted) in properties.as_object().unwrap() {
        assert_eq!(&schema["properties"][name], wanted, "{name}");
    }
    assert_eq!(schema["properties"].as_object().unwrap().len(), properties.as_object().unwrap().len());
    assert_eq!(schema["required"], json!(["files", "top"]));
    let Input::Arguments { parameters, .. } = &tools[0].input else { panic!() };
    let line = 1 + RICH.lines().position(|line| line.contains("\"--ratio\"")).unwrap();
    assert_eq!(parameters.iter().find(|p| p.name == "ratio").unwrap().line, line);
}

#[test]
fn an_input_becomes_the_command_line() {
    let argv = call(
        RICH,
        &json!({
            "files": ["a b", "c"], "top": 3, "all": true, "verbose": 2, "ratio": -1.5, "tag": ["x", "-y"],
            "pair": [1, 2], "color": false, "cache": false, "format": "json", "some": null
        }),
    );
    let wanted = [
        "--verbose",
        "--verbose",
        "--format",
        "json",
        "--top-words",
        "3",
        "--ratio=-1.5",
        "--tag",
        "x",
        "--tag=-y",
        "--pair",
        "1",
        "2",
        "--no-color",
        "--no-cache",
        "--all",
        "a b",
        "c",
    ];
    assert_eq!(argv.unwrap(), wanted);
    let argv = call(RICH, &json!({"files": ["-"], "top": 1, "all": true, "cache": true})).unwrap();
    assert_eq!(argv, ["--top-words", "1", "--all", "--", "-"]);
}

#[test]
fn an_input_that_does_not_fit_is_named() {
    let wrong = |input: Value| call(RICH, &input).unwrap_err();
    let base = |key: &str, value: Value| {
        let mut input = json!({"files": ["a"], "top": 1, "all": true});
        input[key] = value;
        input
    };
    assert_eq!(
        wrong(json!({"top": 1, "all": true})),
        "/files: found nothing, expected a list, each item text (required)"
    );
    assert!(wrong(base("formt", json!("json"))).ends_with("did you mean `format`?"));
    assert_eq!(
        wrong(base("format", json!("xml"))),
        "/format: found the text \"xml\", expected one of \"text\", \"json\""
    );
    assert_eq!(wrong(base("top", json!("3"))), "/top: found the text \"3\", expected a whole number");
    assert_eq!(
        wrong(base("some", json!("x"))),
        "/some: found a value, expected nothing: `all` is given, and excludes it"
    );
    assert_eq!(
        wrong(base("all", json!(false))),
        "the input: found none of a group, expected one of all, some"
    );
    assert_eq!(wrong(base("pair", json!([1]))), "/pair: found 1 value, expected exactly 2");
    assert!(wrong(base("config", json!("a\u{0}"))).contains("without a NUL character"));
    assert_eq!(wrong(json!([1])), "the input: found a list of 1 value, expected an object");
    let several = json!({"files": ["a", 2], "top": 1.5, "all": true, "some": "x", "mode": "", "x/~": 1});
    let several = wrong(several);
    let places: Vec<&str> = several.lines().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(places, ["/files/1", "/top", "/mode", "/x~1~0", "/some"], "{several}");
}

const SUBCOMMANDS: &str = r#"
import argparse
class App:
    def __init__(self):
        self.parser = argparse.ArgumentParser(description="Manages notes.")
        self.parser.add_argument("--store", default="notes.db", help="where")
        sub = self.parser.add_subparsers(dest="command", required=True)
        self._add(sub)
        common = argparse.ArgumentParser(add_help=False)
        common.add_argument("--limit", type=int, default=10)
        p = sub.add_parser("list", help="list notes", parents=[common], aliases=["ls"])
        p.set_defaults(func=self.list, limit=20)
        remote = sub.add_parser("remote").add_subparsers()
        for verb in ["push", "pull"]:
            remote.add_parser(verb, help=f"{verb} notes").add_argument("url")
    def _add(self, sub):
        p = sub.add_parser("add", help="add a note")
        p.add_argument("text")
        p.add_argument("--tag", choices=sorted({"b", "a"}))
    def list(self): pass
if __name__ == "__main__":
    app = App()
    app.parser.parse_args()
"#;

#[test]
fn every_subcommand_is_a_tool() {
    let tools = python(SUBCOMMANDS);
    let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["demo__add", "demo__list", "demo__remote__push", "demo__remote__pull"]);
    assert_eq!(tools[0].description, "add a note");
    assert_eq!(tools[0].schema()["properties"]["tag"]["enum"], json!(["a", "b"]));
    assert_eq!(tools[0].schema()["required"], json!(["text"]));
    assert_eq!(tools[1].schema()["properties"]["limit"]["default"], json!(20));
    assert_eq!(tools[3].description, "pull notes");
    let argv =
        call(SUBCOMMANDS, &json!({"command": "add", "store": "x", "text": "-hi", "tag": "a"})).unwrap();
    assert_eq!(argv, ["--store", "x", "add", "--tag", "a", "--", "-hi"]);
    let argv = call(SUBCOMMANDS, &json!({"command": "remote push", "url": "u"})).unwrap();
    assert_eq!(argv, ["remote", "push", "u"]);
    let error = call(SUBCOMMANDS, &json!({"text": "x"})).unwrap_err();
    assert_eq!(
        error,
        "/command: found nothing, expected the name of a subcommand: one of add, list, remote push, remote pull"
    );
}

#[test]
fn json_on_standard_input() {
    let script = "import sys, json\ndata = json.loads(sys.stdin.read() or '{}')\nname = data['name']\nn = data.get('n', 3)\n";
    let tools = python(script);
    assert_eq!(tools[0].source, Source::Stdin);
    let wanted = json!({
        "type": "object",
        "properties": {"name": {"description": "read on line 3"}, "n": {"description": "read on line 4", "default": 3}},
        "required": ["name"]
    });
    assert_eq!(tools[0].schema(), wanted);
    let (_dir, skill) = skill_with(&[("main.py", script)], "", "");
    let call = invoke(&skill, &json!({"name": "x"})).unwrap();
    assert_eq!(call, Invocation { argv: vec![], stdin: b"{\"name\":\"x\"}".to_vec() });
    assert!(invoke(&skill, &json!({})).is_err());
}

#[test]
fn an_explicit_schema_comes_first() {
    let front = "metadata:\n  input_schema: '{\"properties\": {\"q\": {\"type\": \"string\"}}, \"required\": [\"q\"]}'\n";
    let (_dir, skill) = skill_with(&[("main.py", "print(1)")], front, "");
    let found = tools(&skill);
    assert_eq!(found[0].source, Source::Explicit);
    assert_eq!(found[0].schema()["type"], "object");
    let body = "\n## Runtime\n\n```yaml\nentry_point: scripts/b.py\ninput_schema:\n  type: object\n  properties:\n    x: {type: integer}\n```\n";
    let (_dir, skill) = skill_with(&[("a.py", "print(1)"), ("b.py", "print(2)")], "", body);
    let found = tools(&skill);
    assert_eq!((found[0].source, found[1].source), (Source::Free, Source::Explicit));
    assert_eq!(found[1].schema()["properties"]["x"]["type"], "integer");
}

#[test]
fn a_free_script_takes_args_and_any_input() {
    let (_dir, skill) = skill_with(&[("main.py", "import sys\nprint(sys.argv)")], "", "");
    let call = invoke(&skill, &json!({"args": ["a", "1"], "k": true})).unwrap();
    assert_eq!(call, Invocation { argv: vec!["a".into(), "1".into()], stdin: b"{\"k\":true}".to_vec() });
    let call = invoke(&skill, &json!([1, 2])).unwrap();
    assert_eq!(call.stdin, b"[1,2]");
}

#[test]
fn tool_names_fit_all_providers_and_differ() {
    let mut taken = HashSet::new();
    let long = "x".repeat(100);
    let names = ["näme", "名前", "名称", "a b", "a_b", &long, &format!("{long}y"), ""];
    let made: Vec<String> = names.iter().map(|name| unique(name, &mut taken)).collect();
    for name in &made {
        assert!((1..=64).contains(&name.len()), "{name}");
        assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'), "{name}");
    }
    assert_eq!(made.iter().collect::<HashSet<_>>().len(), names.len());
    // Two scripts with one stem.
    let (_dir, skill) = skill_with(&[("x.py", "print(1)"), ("x.sh", "echo")], "", "");
    let names: Vec<String> = tools(&skill).into_iter().map(|tool| tool.name).collect();
    assert_eq!(names, ["demo__x", "demo__x_2"]);
}

#[test]
fn all_forms_hold_name_description_and_schema() {
    let tools = python(SUBCOMMANDS);
    let open_ai = render(&tools, Form::OpenAi);
    assert_eq!(open_ai[0]["type"], "function");
    assert_eq!(open_ai[0]["function"]["parameters"], tools[0].schema());
    assert_eq!(render(&tools, Form::Anthropic)[0]["input_schema"], tools[0].schema());
    assert_eq!(render(&tools, Form::Mcp)[0]["inputSchema"], tools[0].schema());
    let own = &render(&tools, Form::Json)[0];
    assert_eq!((&own["source"], &own["subcommand"]), (&json!("argparse"), &json!(["add"])));
    assert_eq!(own["places"]["text"], "scripts/main.py:18");
    assert_eq!(render(&tools, Form::JsonSchema)[0]["title"], "demo__add");
}

#[test]
fn hostile_scripts_end() {
    let deep = format!("import argparse\nx = {}1{}\n", "(".repeat(50_000), ")".repeat(50_000));
    let sums = format!("x = {}\n", vec!["'a'"; 30_000].join(" + "));
    let recursion = "def f(p):\n    f(p)\n    g(p)\ndef g(p):\n    f(p)\nf(1)\n";
    let loops = "L = list('abcdefgh')\nfor a in L:\n for b in L:\n  for c in L:\n   for d in L:\n    for e in L:\n     for g in L:\n      for h in L:\n       x = a\n";
    let doubling = format!("x = ['a']\n{}", "x = x + x\n".repeat(200));
    let parsers = "import argparse\np = argparse.ArgumentParser()\ns = p.add_subparsers()\nfor a in range(200):\n  q = s.add_parser(str(a))\n  for b in range(200):\n    q.add_argument(f'--x{b}')\n";
    for script in [deep.as_str(), &sums, recursion, loops, &doubling, parsers, "\u{0}\u{feff}def", ""] {
        let begin = std::time::Instant::now();
        let found = python(script);
        assert!(found.len() <= MAX_TOOLS);
        assert!(begin.elapsed() < std::time::Duration::from_secs(20), "{script:.40}");
    }
}

#[test]
fn scripts_cut_anywhere_are_read() {
    for script in [RICH, SUBCOMMANDS] {
        for end in (0..script.len()).step_by(7) {
            let _ = super::python::read(&script[..end]);
        }
    }
}

#[test]
fn the_only_tool_speaks_for_the_skill() {
    assert_eq!(python(RICH)[0].description, "A demo.");
    assert!(schema("print(1)")["properties"]["args"].is_object());
}

#[test]
fn options_of_shell_scripts() {
    let getopts = "#!/bin/sh\n# Lists things.\nusage() {\n  echo '  -n COUNT  lines to print'\n}\n\
        while getopts :n:eqh option; do case $option in\n n) COUNT=$OPTARG ;;\n e) errors=yes ;;\n h) usage ;;\n esac; done\n";
    let (_dir, skill) = skill_with(&[("main.sh", getopts)], "", "");
    let tool = &tools(&skill)[0];
    assert_eq!(tool.source, Source::Shell);
    let schema = tool.schema();
    assert_eq!(schema["properties"]["count"], json!({"type": "string", "description": "lines to print"}));
    assert_eq!(schema["properties"]["errors"], json!({"type": "boolean", "default": false}));
    assert_eq!(schema["properties"]["q"]["type"], "boolean");
    assert_eq!(schema["properties"].as_object().unwrap().len(), 4);
    let input = json!({"count": "3", "errors": true, "q": false, "args": ["a b"]});
    let argv = invoke(&skill, &input).unwrap().argv;
    assert_eq!(argv, ["-n", "3", "-e", "a b"]);
    let case = "#!/bin/bash\nwhile [[ $# -gt 0 ]]; do\n  case \"$1\" in\n    -o|--out-dir) out=\"$2\"; shift 2 ;;\n    \
        --level=*) level=${1#*=}; shift ;;\n    --dry-run) dry=1; shift ;;\n    -h|--help) usage ;;\n    --) shift; break ;;\n    \
        -*) exit 2 ;;\n    *) break ;;\n  esac\ndone\n";
    let (_dir, skill) = skill_with(&[("main.sh", case)], "", "");
    let input = json!({"out_dir": "x", "level": "-3", "dry_run": true});
    let argv = invoke(&skill, &input).unwrap().argv;
    assert_eq!(argv, ["--out-dir", "x", "--level=-3", "--dry-run"]);
    let (_dir, skill) = skill_with(&[("main.sh", "echo \"$1\"\n")], "", "");
    assert_eq!(tools(&skill)[0].source, Source::Free);
}

#[test]
fn options_of_node_scripts() {
    let script = "// Compares.\nimport { parseArgs } from 'node:util';\nconst U = `\n  --key NAME    match by this`;\n\
        const options = { key: { type: 'string' }, 'dry-run': { type: \"boolean\", default: true },\n\
        tag: { type: 'string', multiple: true, default: ['a'] }, v: { type: 'boolean', multiple: true }, help: { type: 'boolean' } };\n\
        const { values } = parseArgs({ allowPositionals: true, options });\n";
    let (_dir, skill) = skill_with(&[("main.mjs", script)], "", "");
    let tool = &tools(&skill)[0];
    assert_eq!(tool.source, Source::ParseArgs);
    let properties = &tool.schema()["properties"];
    assert_eq!(properties["key"], json!({"type": "string", "description": "match by this"}));
    assert_eq!(properties["dry-run"], json!({"type": "boolean", "enum": [true], "default": true}));
    let tag = json!({"type": "array", "items": {"type": "string"}, "minItems": 1, "default": ["a"]});
    assert_eq!(properties["tag"], tag, "an empty list would leave the default in force");
    assert_eq!(properties["v"]["type"], "integer");
    let input = json!({"key": "k", "tag": ["x", "y"], "v": 2, "args": ["f"]});
    let argv = invoke(&skill, &input).unwrap().argv;
    assert_eq!(argv, ["--key", "k", "--tag", "x", "--tag", "y", "--v", "--v", "f"]);
    let script = "const text = require('fs').readFileSync(0, 'utf8');\nconst data = JSON.parse(text);\n";
    let (_dir, skill) = skill_with(&[("main.js", script)], "", "");
    assert_eq!(tools(&skill)[0].source, Source::Stdin);
}

#[test]
fn hostile_shell_and_node_scripts_end() {
    let deep = "(".repeat(20_000);
    for text in [
        deep.as_str(),
        "getopts",
        "case $1 in",
        "parseArgs(",
        "parseArgs({options: options})",
        "const options = options;",
    ] {
        let _ = (super::shell::read(text), super::node::read(text));
    }
}

#[test]
fn two_options_for_one_variable_are_two_properties() {
    let script = "import argparse\np = argparse.ArgumentParser()\np.add_argument('--indent', type=int, default=4)\n\
        p.add_argument('--no-indent', dest='indent', action='store_const', const=None)\n\
        p.add_argument('--all', dest='all', action='store_true')\np.parse_args()\n";
    let properties = schema(script)["properties"].clone();
    let names: Vec<&String> = properties.as_object().unwrap().keys().collect();
    assert_eq!(names, ["indent", "no_indent", "all"]);
    assert_eq!(call(script, &json!({"no_indent": true})).unwrap(), ["--no-indent"]);
    assert_eq!(call(script, &json!({"indent": 2})).unwrap(), ["--indent", "2"]);
}
