"""Values of every type."""
import argparse
import json

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("name", help="a text")
parser.add_argument("--count", type=int, default=3)
parser.add_argument("--ratio", type=float, default=-0.5)
parser.add_argument("--file", type=str, default="a.txt")
parser.add_argument("--data", type=json.loads)
parser.add_argument("--form", choices=["text", "json", "-"], default="text")
parser.add_argument("--level", type=int, choices=[-1, 0, 1, 10])
parser.add_argument("--step", type=int, choices=range(3), required=True)
parser.add_argument("--maybe", nargs="?", const="set", default="unset")
print(json.dumps(vars(parser.parse_args())))
