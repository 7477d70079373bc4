"""Nothing but the command line of another program."""
import argparse
import json

parser = argparse.ArgumentParser()
parser.add_argument("--times", type=int, default=1)
parser.add_argument("--env", nargs="+")
parser.add_argument("rest", nargs="...")
print(json.dumps(vars(parser.parse_args())))
