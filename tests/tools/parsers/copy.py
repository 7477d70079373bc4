"""A list before a value, as cp has it."""
import argparse
import json

parser = argparse.ArgumentParser()
parser.add_argument("pair", nargs=2, type=float)
parser.add_argument("source", nargs="+")
parser.add_argument("target")
parser.add_argument("--mode", nargs="+", type=int)
print(json.dumps(vars(parser.parse_args())))
