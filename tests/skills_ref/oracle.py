"""Asks the reference validator. A line in: a skill's folder, or a folder's name and the hexadecimal bytes of its
SKILL.md, as JSON. A line out: the list of its messages, or the exception it ends with."""

import json
import pathlib
import sys
import tempfile

from skills_ref.validator import validate

with tempfile.TemporaryDirectory() as scratch:
    for number, line in enumerate(sys.stdin):
        case = json.loads(line)
        if "path" in case:
            folder = pathlib.Path(case["path"])
        else:
            folder = pathlib.Path(scratch) / str(number) / case["folder"]
            folder.mkdir(parents=True)
            (folder / "SKILL.md").write_bytes(bytes.fromhex(case["bytes"]))
        try:
            told = validate(folder)
        except Exception as exception:
            told = ["crashes with " + type(exception).__name__]
        print(json.dumps(told), flush=True)
