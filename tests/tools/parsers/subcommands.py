"""Subcommands, two levels of them."""
import argparse
import json

shared = argparse.ArgumentParser(add_help=False)
shared.add_argument("--limit", type=int, default=10)
parser = argparse.ArgumentParser()
parser.add_argument("--store", default="notes.db")
parser.add_argument("--fields", nargs="+")
parser.add_argument("--quiet", action="store_true")
sub = parser.add_subparsers(dest="command", required=True)
add = sub.add_parser("add", help="add a note")
add.add_argument("text")
add.add_argument("--tag", choices=sorted({"b", "a"}))
show = sub.add_parser("show", parents=[shared], aliases=["ls"])
show.add_argument("names", nargs="*")
show.add_argument("--sort", nargs="+")
show.add_argument("--long", action="store_true")
remote = sub.add_parser("remote").add_subparsers(dest="verb", required=True)
for verb in ("push", "pull"):
    one = remote.add_parser(verb, help=f"{verb} all")
    one.add_argument("url")
    one.add_argument("--force", action="store_true")
print(json.dumps(vars(parser.parse_args())))
