"""Lists and positionals before a subcommand."""
import argparse
import json

parser = argparse.ArgumentParser()
parser.add_argument("--tags", nargs="+")
parser.add_argument("--ids", nargs="*", type=int)
parser.add_argument("--fast", action="store_true")
parser.add_argument("roots", nargs="+")
sub = parser.add_subparsers(dest="command")
run = sub.add_parser("run")
run.add_argument("script")
run.add_argument("args", nargs="*")
run.add_argument("--env", action="append", required=True)
sub.add_parser("stop").add_argument("--all", action="store_true")
print(json.dumps(vars(parser.parse_args())))
