//! Tests that no script, however broken or hostile, stops or crashes a reader.

use std::path::Path;
use std::time::{Duration, Instant};

use super::{MAX_SCRIPT, Script, node, python, shell};

/// Far more than a reader needs in a debug build on a busy machine, far less than without end.
const LONG: Duration = Duration::from_secs(30);

type Read = fn(&str) -> Script;

fn assert_ends(read: Read, text: &str) {
    let begin = Instant::now();
    read(text);
    assert!(begin.elapsed() < LONG, "{:?} for {:.200}", begin.elapsed(), text);
}

/// Texts of the fixtures, and the reader for each.
fn fixtures() -> Vec<(Read, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found: Vec<(Read, String)> = Vec::new();
    for folder in ["tests/fixtures/argparse", "tests/fixtures/click", "tests/fixtures/typer"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "py") {
                found.push((python::read, std::fs::read_to_string(path).unwrap()));
            }
        }
    }
    for (read, file) in [
        (shell::read as Read, "log-digest/scripts/digest.sh"),
        (node::read, "json-diff/scripts/json-diff.mjs"),
    ] {
        found.push((read, std::fs::read_to_string(root.join("skills").join(file)).unwrap()));
    }
    assert!(found.len() > 25);
    found
}

#[test]
fn scripts_cut_anywhere_are_read() {
    for (read, text) in fixtures() {
        for end in (0..text.len()).step_by(1 + text.len() / 40).filter(|end| text.is_char_boundary(*end)) {
            assert_ends(read, &text[..end]);
            assert_ends(read, &text[end..]);
        }
    }
}

#[test]
fn scripts_with_lines_in_any_order_are_read() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    for (read, text) in fixtures() {
        let lines: Vec<&str> = text.lines().collect();
        for _ in 0..8 {
            let mixed: Vec<&str> = (0..lines.len()).map(|_| lines[random(lines.len())]).collect();
            assert_ends(read, &mixed.join("\n"));
            // Some characters exchanged for others of the script.
            let mut chars: Vec<char> = text.chars().collect();
            for _ in 0..20 {
                let (from, to) = (random(chars.len()), random(chars.len()));
                chars[to] = chars[from];
            }
            assert_ends(read, &chars.into_iter().collect::<String>());
        }
    }
}

#[test]
fn hostile_python_ends() {
    let many = |line: &str, count: usize| line.repeat(count);
    let parser = "import argparse\np = argparse.ArgumentParser()\n";
    let scripts = [
        format!("x = {}1{}\n", many("(", 50_000), many(")", 50_000)),
        format!("x = [1]\n{}", many("x = [x, x]\n", 5000)),
        format!("x = [1]\n{}", many("x = [x]\n", 20_000)),
        format!("d = {{'a': 1}}\n{}", many("d['b'] = d\n", 5000)),
        format!("x = 'a'\n{}", many("x = x * 1000 + f'{x}{x}'\n", 2000)),
        "def f(x):\n    return lambda: f(lambda: f(x))\nf(f(f))()()\n".to_owned(),
        "def f(g):\n    def h():\n        return g\n    return h\nv = 1\n".to_owned() + &many("v = f(v)\n", 20_000),
        "class A(B): pass\nclass B(A): pass\nclass A(B): pass\nB().x.y\n".to_owned(),
        "class A:\n    @property\n    def x(self): return self.x\n    def __init__(self): self.x.x; A()\nA()\n".to_owned(),
        "from functools import partial\np = partial(print)\n".to_owned() + &many("p = partial(p, p, p)\n", 3000) + "p()\n",
        format!("{parser}s = p.add_subparsers()\nfor a in range(200):\n  q = s.add_parser(str(a))\n  for b in range(200):\n    q.add_argument(f'--x{{b}}')\n"),
        format!("{parser}f = lambda t: (lambda t: int(t))(t)\nfor a in range(200):\n  p.add_argument(f'--x{{a}}', type=f)\n"),
        format!("{parser}def c(t):\n    x = x + x\n    return x + x * x\np.add_argument('--x', type=c)\n"),
        format!("{parser}p.add_argument('--x', default='a', help='{}')\n", many("%(default)s %(x)s %%", 5000)),
        format!("{parser}p.add_argument('--x', help=f'{{1:>999999999}} {{1:.999999999f}}')\n"),
        "import click\n@click.group()\ndef a(): pass\n@click.group()\ndef b(): pass\n".to_owned()
            + &many("a.add_command(b, 'b')\nb.add_command(a, 'a')\n", 200)
            + "a()\n",
        "import typer\na = typer.Typer()\nb = typer.Typer()\n".to_owned()
            + &many("a.add_typer(b)\nb.add_typer(a)\n", 200)
            + "a()\n",
        format!("import typer\nfrom typing import *\nX = int\n{}def f(x: X): pass\ntyper.run(f)\n", many("X = Union[List[X], X]\n", 500)),
        format!("L = list('abcdefgh')\nx = [{} for z in L]\n", many("[a for a in L for b in L for c in L for d in L]+", 50) + "L"),
        many("@", 50_000),
        many("if x:\n", 20_000),
        "\u{0}\u{feff}def".to_owned(),
        many("import argparse; p = argparse.ArgumentParser(); ", 10_000),
    ];
    for script in scripts {
        assert_ends(python::read, &script[..script.len().min(MAX_SCRIPT as usize)]);
    }
}

#[test]
fn hostile_shell_ends() {
    let many = |line: &str, count: usize| line.repeat(count);
    let scripts = [
        many("$(", 20_000),
        many("case $1 in -", 5000),
        format!("getopts {} x\n", many("a:", 50_000)),
        format!("while :; do case $1 in {} esac; done", many("-a) A=$2; shift 2;; ", 10_000)),
        many("[ -z \"$A\" ] && exit 1\n", 10_000) + "while :; do case $1 in --a) A=$2;; esac; done",
        many("f() { shift; x=$1; }\n", 5000) + &many("x=$1; shift\n", 5000),
        many("case $1 in a) case $1 in b) ", 5000),
        many("${1:-", 20_000),
    ];
    for script in scripts {
        assert_ends(shell::read, &script[..script.len().min(MAX_SCRIPT as usize)]);
    }
}

#[test]
fn hostile_node_ends() {
    let many = |line: &str, count: usize| line.repeat(count);
    let commander = "const { program, Command } = require('commander');\n";
    let scripts = [
        many("(", 20_000),
        "const options = options; parseArgs({ options: options })".to_owned(),
        "const a = b; const b = a; parseArgs(a)".to_owned(),
        format!("{commander}program{}", many(".option('-a, --b <c>', 'd', parseInt, 1)", 8000)),
        format!("{commander}program{}", many(".command('a <b>')", 8000)),
        format!(
            "{commander}const a = new Command('a'), b = new Command('b');{}",
            many("a.addCommand(b);b.addCommand(a);program.addCommand(a);", 500)
        ),
        format!("{commander}{}program{}", many("program.addCommand(", 2000), many(")", 2000)),
        format!(
            "import yargs from 'yargs';yargs{}",
            many(".command('a', 'b', y => y.option('c', {}))", 2000)
        ),
        format!("import 'yargs';{}{}", many("x.command('a', 'b', y => ", 1000), many(")", 1000)),
        format!(
            "const d = JSON.parse(require('fs').readFileSync(0));{}",
            many("const {a, b = 1} = d; d.c ?? d.e;", 5000)
        ),
        format!("const x = [{}];", many("[", 20_000)),
    ];
    for script in scripts {
        assert_ends(node::read, &script[..script.len().min(MAX_SCRIPT as usize)]);
    }
}
