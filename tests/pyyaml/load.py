"""Reads front matters as PyYAML's safe loader does: blocks on standard input, with NUL between them; one line of JSON
for each on standard output, {"value": ...} or {"error": "..."}.

JSON has no form for three things. Dates and numbers without end stay the text that was written, once PyYAML has made
the value of them; a key that is no text is written as `json.dumps` writes it."""

import json
import sys

import yaml


class Loader(yaml.SafeLoader):
    pass


def as_written(construct):
    def checked(loader, node):
        construct(loader, node)
        return node.value

    return checked


def number(loader, node):
    value = yaml.SafeLoader.construct_yaml_float(loader, node)
    return value if value - value == 0 else node.value


Loader.add_constructor("tag:yaml.org,2002:timestamp", as_written(yaml.SafeLoader.construct_yaml_timestamp))
Loader.add_constructor("tag:yaml.org,2002:float", number)


def load(text):
    try:
        return json.dumps({"value": yaml.load(text, Loader)}, default=lambda value: dict.fromkeys(value))
    # A bad date, number or tag ends PyYAML with an error that is not its own.
    except Exception as error:
        return json.dumps({"error": f"{type(error).__name__}: {error}"})


for block in sys.stdin.buffer.read().split(b"\0"):
    print(load(block.decode("utf-8")))
