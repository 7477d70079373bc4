"""Short options, long ones with one hyphen, an option that is a number."""
import argparse
import json

parser = argparse.ArgumentParser()
parser.add_argument("-n", type=int, required=True)
parser.add_argument("-s")
parser.add_argument("-name")
parser.add_argument("-1", dest="once", action="store_true")
parser.add_argument("-l", nargs="+", type=int)
parser.add_argument("words", nargs="*")
print(json.dumps(vars(parser.parse_args())))
