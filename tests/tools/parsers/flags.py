"""Options without a value."""
import argparse
import json

parser = argparse.ArgumentParser()
parser.add_argument("-v", "--verbose", action="count", default=0)
parser.add_argument("-d", dest="depth", action="count", default=2)
parser.add_argument("-q", action="store_true")
parser.add_argument("--dry-run", action="store_true")
parser.add_argument("--no-cache", dest="cache", action="store_false")
parser.add_argument("--always", action="store_true", default=True)
parser.add_argument("--color", action=argparse.BooleanOptionalAction, default=True)
parser.add_argument("--wrap", action=argparse.BooleanOptionalAction, required=True)
parser.add_argument("target")
print(json.dumps(vars(parser.parse_args())))
