#!/usr/bin/env python3
"""Release notes from a template in the project."""
import json
import pathlib
import subprocess
import urllib.request

PROJECT = pathlib.Path(__file__).parents[3]


def main():
    template = (PROJECT / "docs/release.md").read_text()
    command = ["git", "hash-object", "--stdin"]
    revision = subprocess.run(command, input=template, capture_output=True, check=True, text=True).stdout
    with urllib.request.urlopen("http://127.0.0.1:8137/latest.json", timeout=5) as answer:
        latest = json.load(answer)
    print(template.format(version=latest["version"], revision=revision[:7]))


if __name__ == "__main__":
    main()
