//! Command lines of a body against the scripts beside it.

use std::fs;

use crate::skill::{Diagnostic, apply, read};

const PYTHON: &str = "import argparse\n\
    p = argparse.ArgumentParser()\n\
    p.add_argument('-o', '--output', '--out-file')\n\
    p.add_argument('--verbose', action='store_true')\n\
    p.add_argument('--cache', action=argparse.BooleanOptionalAction)\n\
    p.parse_args()\n";
const SUBCOMMANDS: &str = "import argparse\n\
    p = argparse.ArgumentParser()\n\
    p.add_argument('--config')\n\
    s = p.add_subparsers(dest='command')\n\
    add = s.add_parser('add')\n\
    add.add_argument('-t', '--title')\n\
    rm = s.add_parser('remove')\n\
    rm.add_argument('--force', action='store_true')\n\
    p.parse_args()\n";
const SHELL: &str = "#!/bin/sh\nwhile [ $# -gt 0 ]; do\n  case \"$1\" in\n    --depth) depth=$2; shift 2 ;;\n    *) echo no >&2; exit 2 ;;\n  esac\ndone\n";
const NODE: &str = "import { parseArgs } from 'node:util';\nparseArgs({ options: { 'dry-run': { type: 'boolean', short: 'n' } } });\n";

/// The drift in a skill `demo` with this body and all of the scripts, and its SKILL.md.
fn drift(body: &str) -> (Vec<Diagnostic>, String) {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("demo");
    fs::create_dir_all(folder.join("scripts")).unwrap();
    for (file, text) in [("one.py", PYTHON), ("sub.py", SUBCOMMANDS), ("run.sh", SHELL), ("web.mjs", NODE)] {
        fs::write(folder.join("scripts").join(file), text).unwrap();
    }
    let text = format!("---\nname: demo\ndescription: Shows a thing. Use when asked.\n---\n\n{body}\n");
    fs::write(folder.join("SKILL.md"), &text).unwrap();
    let skill = read(&folder, dir.path());
    let found = skill.diagnostics.into_iter().filter(|found| found.code == "unknown-flag");
    (found.collect(), skill.source)
}

#[test]
fn options_that_the_parser_does_not_know() {
    let table = [
        ("`python3 scripts/one.py --nothing`", "--nothing", "`scripts/one.py`"),
        (
            "```bash\n$ uv run --with x ./scripts/one.py a \\\n    --nothing=3\n```",
            "--nothing",
            "`scripts/one.py`",
        ),
        ("`python ${CLAUDE_SKILL_DIR}/scripts/one.py [-z N]`", "-z", "`scripts/one.py`"),
        ("`python -u .claude/skills/demo/scripts/one.py --nothing`", "--nothing", "`scripts/one.py`"),
        ("`A=1 scripts/run.sh --nothing && ls`", "--nothing", "`scripts/run.sh`"),
        ("`node scripts/web.mjs --nothing`", "--nothing", "`scripts/web.mjs`"),
        ("`python scripts/sub.py add --force`", "--force", "`scripts/sub.py add`"),
        ("`python scripts/sub.py --title x --nothing`", "--nothing", "`scripts/sub.py`"),
    ];
    for (body, option, script) in table {
        let (found, text) = drift(body);
        assert_eq!(found.len(), 1, "{body}: {found:?}");
        let span = found[0].span;
        assert_eq!(&text[span.start..span.end], option, "{body}");
        assert!(found[0].message.contains(script), "{}", found[0].message);
        assert_eq!(found[0].fix, None, "{body}");
        assert!(found[0].help.contains("--"), "{}", found[0].help);
    }
}

#[test]
fn what_is_known_or_not_certain_is_no_finding() {
    let bodies = [
        "`python3 scripts/one.py -o x --out-file=y --verb --no-cache --help -h --version -5`",
        "`python3 scripts/one.py x -- --nothing` `cat scripts/one.py --nothing`",
        "`python3 scripts/one.py $(other --nothing) '--nothing'` python3 scripts/one.py --nothing",
        "`python3 scripts/one.py a | grep --nothing; ls --nothing # --nothing`",
        "`python3 other/scripts/one.py --nothing` `python -m scripts/one.py --nothing`",
        "`python3 scripts/sub.py --config x add -t y` `python3 scripts/sub.py --config x remove --force`",
        "`python3 scripts/sub.py add remove --force --title x`",
        "`scripts/run.sh --depth 3` `node scripts/web.mjs --dry-run -n`",
    ];
    for body in bodies {
        assert_eq!(drift(body).0, [], "{body}");
    }
}

#[test]
fn a_misspelt_option_can_be_corrected() {
    let (found, text) = drift("`python3 scripts/one.py --otput x`");
    let fix = found[0].fix.as_ref().unwrap();
    assert_eq!(found[0].help, "did you mean `--output`?");
    assert_eq!(apply(&text, &fix.edits).unwrap(), text.replace("--otput", "--output"));
}
