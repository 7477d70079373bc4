"""Positionals of which some may be left out."""
import argparse
import json

parser = argparse.ArgumentParser()
parser.add_argument("first")
parser.add_argument("second", type=int)
parser.add_argument("third", nargs="?", default="none")
parser.add_argument("more", nargs="*")
parser.add_argument("--opt", nargs="*")
print(json.dumps(vars(parser.parse_args())))
