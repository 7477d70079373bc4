//! The files beside SKILL.md: scripts with argument parsers, references, assets, and what a build left behind.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use super::random::Random;

/// Write about `count` files into the skill's folder. Returns the paths that a body may name.
pub(super) fn write(random: &mut Random, folder: &Path, count: usize) -> io::Result<Vec<String>> {
    let mut named = Vec::new();
    for number in 0..count {
        let (file, text) = match random.below(10) {
            0..=3 => (format!("scripts/tool_{number}.py"), python(random, number)),
            4 => (format!("scripts/run-{number}.sh"), shell(random)),
            5 => (format!("scripts/task-{number}.mjs"), node(random)),
            6..=8 => (format!("references/part-{number}.md"), prose(random)),
            _ => {
                (format!("assets/data-{number}.json"), "{\"rows\": [1, 2, 3]}\n".repeat(random.below(60) + 1))
            }
        };
        put(folder, &file, &text)?;
        named.push(file);
    }
    // Committed by mistake, as published skills have them.
    if count > 0 && random.below(400) == 0 {
        for module in 0..20 {
            put(folder, &format!("node_modules/m{module}/index.js"), "module.exports = {}\n")?;
            put(folder, &format!("scripts/__pycache__/m{module}.cpython-312.pyc"), "x")?;
        }
    }
    Ok(named)
}

fn put(folder: &Path, file: &str, text: &str) -> io::Result<()> {
    let path = folder.join(file);
    if let Some(above) = path.parent() {
        fs::create_dir_all(above)?;
    }
    fs::write(path, text)
}

/// argparse, a fifth with subparsers; the functions around it make up most of a script.
fn python(random: &mut Random, number: usize) -> String {
    let mut text = String::new();
    if random.percent(60) {
        text += "#!/usr/bin/env python3\n";
    }
    text += "\"\"\"A tool.\"\"\"\nimport argparse\nimport json\nimport sys\n\n";
    for function in 0..random.below(30) {
        let _ = writeln!(
            text,
            "def step_{function}(rows, limit={}):\n    \"\"\"Step {function}.\"\"\"\n    out = []\n    for row in rows:\n        \
             if len(out) >= limit:\n            break\n        out.append({{'row': row, 'step': {function}}})\n    return out\n\n",
            random.below(100)
        );
    }
    text += "def main():\n    parser = argparse.ArgumentParser(description='Does it.')\n";
    if random.percent(20) {
        text += "    sub = parser.add_subparsers(dest='command', required=True)\n    show = sub.add_parser('show')\n    \
                 show.add_argument('name')\n";
    }
    text += "    parser.add_argument('--input', help='The table')\n";
    for option in 0..random.below(8) {
        let _ = writeln!(
            text,
            "    parser.add_argument('--option-{option}', type=int, default={}, help='The {option}th')",
            random.below(50)
        );
    }
    let _ = writeln!(text, "    args = parser.parse_args()\n    print(json.dumps(vars(args)), {number})\n");
    if random.percent(90) {
        text += "\nif __name__ == '__main__':\n    main()\n";
    }
    text
}

fn shell(random: &mut Random) -> String {
    let mut text = String::from("#!/bin/bash\nset -euo pipefail\n");
    for _ in 0..random.below(60) {
        text += "echo \"step $1\" | sed 's/a/b/' >> \"$OUT\"\n";
    }
    text
}

fn node(random: &mut Random) -> String {
    let mut text = String::from("import { parseArgs } from 'node:util';\n");
    for line in 0..random.below(80) {
        let _ = writeln!(text, "export const f{line} = (x) => x.map((y) => y + {line});");
    }
    text + "const { values } = parseArgs({ options: { input: { type: 'string' } } });\nconsole.log(values);\n"
}

fn prose(random: &mut Random) -> String {
    "Some reference text that nobody reads at once, but which is there.\n".repeat(10 + random.below(200))
}
