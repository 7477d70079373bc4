#!/usr/bin/env python3
"""Find relative links in Markdown files that lead nowhere."""

import argparse
import os
import re
import sys
import urllib.parse

LINK = re.compile(r"!?\[[^\]\n]*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
SKIP = {".git", "node_modules", "target", ".venv", "venv"}


def blank(match):
    """Code is not a link, but its lines still count."""
    return re.sub(r"[^\n]", " ", match.group())


def text_of(path):
    with open(path, encoding="utf-8", errors="replace") as stream:
        return CODE.sub(blank, FENCE.sub(blank, stream.read()))


def anchors_of(path):
    """The names that a renderer gives to the headings of a file."""
    for heading in re.findall(r"^#{1,6}\s+(.+?)\s*#*$", text_of(path), re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def broken(path, check_anchors):
    for match in LINK.finditer(text := text_of(path)):
        target, _, anchor = match[1].partition("#")
        if urllib.parse.urlsplit(target).scheme or target.startswith("//"):
            continue
        place = os.path.join(os.path.dirname(path), urllib.parse.unquote(target)) if target else path
        line = text.count("\n", 0, match.start()) + 1
        if not os.path.exists(place):
            yield line, match[1], "no such file"
        elif check_anchors and anchor and place.endswith(".md") and anchor not in anchors_of(place):
            yield line, match[1], "no such heading"


def markdown_files(folder):
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in SKIP)
        yield from (os.path.join(here, name) for name in sorted(files) if name.endswith(".md"))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", default=".", help="folder to look through (default: .)")
    parser.add_argument("--anchors", action="store_true", help="check the part after # as well")
    args = parser.parse_args()
    if not os.path.isdir(args.folder):
        print(f"links: {args.folder} is not a folder", file=sys.stderr)
        return 2
    files = findings = 0
    for path in markdown_files(args.folder):
        files += 1
        for line, target, reason in broken(path, args.anchors):
            findings += 1
            print(f"{path}:{line}: {target}: {reason}")
    print(f"{files} files, {findings} broken links", file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
