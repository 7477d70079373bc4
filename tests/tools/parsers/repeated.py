"""Options that are given several times."""
import argparse
import json

parser = argparse.ArgumentParser()
parser.add_argument("--tag", action="append", default=[])
parser.add_argument("-i", "--include", action="append", required=True)
parser.add_argument("-n", action="append", type=int)
parser.add_argument("--header", action="append", default=["accept"])
parser.add_argument("--kind", action="append", choices=["x", "y"])
parser.add_argument("rest", nargs="*")
print(json.dumps(vars(parser.parse_args())))
