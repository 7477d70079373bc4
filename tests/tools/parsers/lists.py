"""Lists of every length."""
import argparse
import json

parser = argparse.ArgumentParser()
parser.add_argument("files", nargs="*", default=["-"])
parser.add_argument("--words", nargs="+")
parser.add_argument("--any", nargs="*", default=["x"])
parser.add_argument("--pair", nargs=2, type=int)
parser.add_argument("--one", nargs=1)
parser.add_argument("--numbers", nargs="+", type=float)
parser.add_argument("--more", action="extend", nargs="+")
parser.add_argument("--modes", nargs="+", choices=["a", "b", "c"], required=True)
print(json.dumps(vars(parser.parse_args())))
