//! Shell scripts as they are published, and what is read of them.

use super::super::summary::summary;
use super::read;

#[track_caller]
fn assert_reads(script: &str, wanted: &[&str]) {
    assert_eq!(summary(&read(script)), wanted, "{script}");
}

#[test]
fn a_loop_over_options() {
    let script = r#"#!/usr/bin/env bash
# Makes a report.
set -euo pipefail
FORMAT="text"
COUNT=10
OUT=
VERBOSE=0
FILES=()
usage() {
  cat <<USAGE
Usage: report [options] FILE...
  -f, --format FORM    text or json
  -n, --count N        how many rows
      --verbose        say more
USAGE
}
while [[ $# -gt 0 ]]; do
  case "$1" in
    -f|--format) FORMAT="$2"; shift 2 ;;
    -n|--count)
      COUNT="$2"
      shift 2
      ;;
    --out=*) OUT="${1#*=}"; shift ;;
    --key|-k) shift; KEY="$1"; shift ;;
    --both) BOTH=$2; shift 2 ;;
    --both=*) BOTH=${1#--both=}; shift ;;
    --verbose) VERBOSE=1; shift ;;
    --no-color) COLOR=never; shift ;;
    -h|--help) usage; exit 0 ;;
    --) shift; break ;;
    -*) echo "unknown $1" >&2; exit 2 ;;
    *) FILES+=("$1"); shift ;;
  esac
done
[[ -z "${KEY:-}" ]] && { echo "key is missing" >&2; exit 1; }
if [[ ! "$COUNT" =~ ^[0-9]+$ ]]; then exit 1; fi
case "$FORMAT" in
  text|json) ;;
  *) echo "bad format"; exit 2 ;;
esac
"#;
    assert_reads(
        script,
        &[
            "format --format text =\"text\" [\"text\",\"json\"] | text or json @19",
            "count --count integer =10 | how many rows @20",
            "out --out= text @24",
            "key --key text required @25",
            "both --both text @26",
            "verbose --verbose=true boolean =false | say more @28",
            "no_color --no-color=true boolean =false @29",
            "files positional text 0.. @33",
        ],
    );
}

#[test]
fn a_loop_over_all_arguments() {
    let script = "for arg in \"$@\"; do\n  case $arg in\n    --name=*) NAME=\"${arg#*=}\" ;;\n    -q|--quiet) QUIET=yes ;;\n    *) TARGET=$arg ;;\n  esac\ndone\n: \"${TARGET:?which one}\"\n";
    assert_reads(
        script,
        &[
            "name --name= text @3",
            "quiet --quiet=true boolean =false @4",
            "target positional text required @5",
        ],
    );
}

#[test]
fn getopts_and_what_follows() {
    let script = "#!/bin/sh\nn=5\nwhile getopts ':n:o:vxh' opt; do\n  case \"$opt\" in\n    n) n=$OPTARG ;;\n    o) out=$OPTARG ;;\n    v) verbose=1 ;;\n    h) usage ;;\n    ?) exit 2 ;;\n  esac\ndone\nshift $((OPTIND - 1))\nfile=${1:?file}\nkind=${2:-plain}\n[ -z \"$out\" ] && exit 1\ncat \"$file\"\n";
    assert_reads(
        script,
        &[
            "n -n text =\"5\" @5",
            "out -o text required @6",
            "verbose -v=true boolean =false @7",
            "x -x=true boolean =false @3",
            "file positional text required @13",
            "kind positional text =\"plain\" @14",
        ],
    );
}

#[test]
fn positionals_only() {
    assert_reads("echo hello\n", &[]);
    assert_reads(
        "grep x \"$1\" | sort > \"${2:-/tmp/out}\"\n",
        &["arg1 positional text required @1", "arg2 positional text =\"/tmp/out\" @1"],
    );
    assert_reads(
        "if [ $# -lt 2 ]; then echo usage; exit 1; fi\nsrc=$1\ndst=$2\nmode=$3\n",
        &["src positional text required @2", "dst positional text required @3", "mode positional text @4"],
    );
    assert_reads("f() { echo \"$1\" \"$2\"; }\nf a b\ncat -- \"$@\"\n", &[]);
    assert_reads(
        "main() {\n  local input=\"$1\"\n  if [ -n \"$2\" ]; then echo \"$2\"; fi\n}\nmain \"$@\"\n",
        &["input positional text required @2", "arg2 positional text @3"],
    );
    assert_reads(
        "cmd=$1; shift\nname=${1:-all}\nshift\nexec run \"$cmd\" \"$name\" \"$@\"\n",
        &[
            "cmd positional text required @1",
            "name positional text =\"all\" @2",
            "args positional text 0.. @4",
        ],
    );
    assert_reads(
        "case \"$1\" in\n  start|stop) run \"$1\" ;;\n  status) show ;;\n  *) exit 2 ;;\nesac\n",
        &["command positional text required [\"start\",\"stop\",\"status\"] @1"],
    );
    assert_reads("[ \"$#\" -ge 1 ] || exit 1\nfor f in \"$@\"; do echo $f; done\n", &[]);
}

#[test]
fn scripts_cut_anywhere_are_read() {
    let script = "while [ $# -gt 0 ]; do case \"$1\" in -a|--all=*) A=${1#*=}; shift;; *) F+=(\"$1\");; esac; done; x=${2:-y}\n";
    for end in 0..script.len() {
        let _ = read(&script[..end]);
    }
}
