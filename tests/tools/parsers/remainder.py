"""The command line of another program behind its own."""
import argparse
import json

parser = argparse.ArgumentParser()
parser.add_argument("--times", type=int, default=1)
parser.add_argument("--env", nargs="+")
parser.add_argument("program")
parser.add_argument("rest", nargs=argparse.REMAINDER)
print(json.dumps(vars(parser.parse_args())))
