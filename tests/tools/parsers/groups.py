"""Groups of which one, or at most one, may be given."""
import argparse
import json

parser = argparse.ArgumentParser()
source = parser.add_mutually_exclusive_group(required=True)
source.add_argument("--url")
source.add_argument("--stdin", action="store_true")
source.add_argument("--files", nargs="+")
tone = parser.add_mutually_exclusive_group()
tone.add_argument("--loud", action="store_true")
tone.add_argument("--quiet", action="count", default=0)
output = parser.add_argument_group("output")
output.add_argument("--out", default="-")
parser.add_argument("title", nargs="?")
print(json.dumps(vars(parser.parse_args())))
