#!/usr/bin/env python3
"""Collect TODO, FIXME, HACK and XXX comments into a Markdown report."""

import argparse
import collections
import os
import re
import sys

SKIP = {".git", "node_modules", "target", "venv", ".venv", "__pycache__", "dist", "build", "out"}
LARGEST = 1024 * 1024


def notes_in(path, pattern):
    """(line, tag, owner, text) of every note in a text file; none for binary or very large ones."""
    if os.path.getsize(path) > LARGEST:
        return
    with open(path, "rb") as stream:
        data = stream.read()
    if b"\0" in data:
        return
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        found = pattern.search(line)
        if found:
            yield number, found["tag"], found["owner"] or "", found["text"].strip(" -*/#")


def walk(folder):
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in SKIP)
        for name in sorted(files):
            yield os.path.join(here, name)


def collect(folder, tags):
    pattern = re.compile(
        r"(?:#|//|/\*|<!--|--|;|\*)\s*(?P<tag>%s)\b(?:\((?P<owner>[^)]{1,40})\))?:?\s*(?P<text>.*)"
        % "|".join(map(re.escape, tags))
    )
    found = {}
    for path in walk(folder):
        try:
            notes = list(notes_in(path, pattern))
        except OSError as error:
            print(f"skipped: {error}", file=sys.stderr)
            continue
        if notes:
            found[os.path.relpath(path, folder)] = notes
    return found


def render(found):
    yield "# Open ends\n"
    for path, notes in found.items():
        yield f"\n## {path}\n\n| line | kind | owner | note |\n| --- | --- | --- | --- |\n"
        for number, tag, owner, text in notes:
            yield f"| {number} | {tag} | {owner} | {text.replace('|', chr(92) + '|')} |\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", default=".", help="source tree to read (default: .)")
    parser.add_argument("--out", default="out/todos.md", help="report to write (default: out/todos.md)")
    parser.add_argument("--tags", default="TODO,FIXME,HACK,XXX", help="comma-separated words to look for")
    parser.add_argument("--fail-over", type=int, metavar="N", help="end with status 1 when there are more notes")
    args = parser.parse_args()

    found = collect(args.folder, [tag for tag in args.tags.split(",") if tag])
    os.makedirs(os.path.dirname(args.out) or ".", exist_ok=True)
    with open(args.out, "w", encoding="utf-8") as report:
        report.writelines(render(found))

    kinds = collections.Counter(note[1] for notes in found.values() for note in notes)
    total = sum(kinds.values())
    detail = ", ".join(f"{count} {tag}" for tag, count in kinds.most_common())
    print(f"{args.out}: {total} notes in {len(found)} files" + (f" ({detail})" if detail else ""))
    return 1 if args.fail_over is not None and total > args.fail_over else 0


if __name__ == "__main__":
    sys.exit(main())
