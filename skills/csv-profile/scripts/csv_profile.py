#!/usr/bin/env python3
"""Profile, check and convert CSV and TSV files."""

import argparse
import collections
import csv
import datetime
import io
import json
import math
import re
import sys

INTEGER = re.compile(r"[+-]?(0|[1-9][0-9]*)\Z")


def is_number(cell):
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def is_date(cell):
    try:
        datetime.datetime.fromisoformat(cell)
    except ValueError:
        return False
    return len(cell) >= 10 and cell[4] == "-"


TYPES = [
    ("boolean", lambda cell: cell.lower() in ("true", "false", "yes", "no")),
    ("integer", INTEGER.match),
    ("number", lambda cell: not cell.lstrip("+-").startswith("00") and is_number(cell)),
    ("date", is_date),
]


def type_of(cells):
    """The narrowest type that every cell fits; see references/types.md."""
    if not cells:
        return "empty"
    return next((name for name, fits in TYPES if all(map(fits, cells))), "text")


def read_table(path, delimiter):
    """Header and rows of a file; short rows are filled up, cells beyond the header dropped."""
    stream = sys.stdin if path == "-" else open(path, newline="", encoding="utf-8-sig")
    with stream:
        text = stream.read()
    if not delimiter:
        try:
            delimiter = csv.Sniffer().sniff(text[:8192], delimiters=",;\t|").delimiter
        except csv.Error:
            delimiter = ","
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]
    if not rows:
        raise ValueError(f"{path}: no rows")
    header = rows[0]
    return header, [(row + [""] * len(header))[: len(header)] for row in rows[1:]]


def profile(name, cells, top):
    filled = [cell for cell in cells if cell.strip()]
    kind = type_of(filled)
    key = float if kind in ("integer", "number") else str
    frequent = collections.Counter(filled).most_common(top)
    return {
        "column": name,
        "type": kind,
        "empty": len(cells) - len(filled),
        "distinct": len(set(filled)),
        "min": min(filled, key=key, default=None),
        "max": max(filled, key=key, default=None),
        "frequent": [{"value": value, "count": count} for value, count in frequent if count > 1],
    }


def describe(args):
    header, rows = read_table(args.file, args.delimiter)
    columns = [profile(name, [row[i] for row in rows], args.top) for i, name in enumerate(header)]
    if args.format == "json":
        print(json.dumps({"rows": len(rows), "columns": columns}, indent=2, ensure_ascii=False))
        return 0
    print(f"{len(rows)} rows, {len(header)} columns\n")
    table = [["column", "type", "empty", "distinct", "min", "max", "most frequent"]]
    for column in columns:
        frequent = ", ".join(f"{f['value']} ({f['count']})" for f in column["frequent"])
        fixed = [column[key] for key in ("column", "type", "empty", "distinct", "min", "max")]
        table.append(["" if cell is None else str(cell) for cell in fixed] + [frequent])
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    return 0


def pick(header, wanted):
    """Positions of the wanted columns, all when none is named."""
    if not wanted:
        return list(range(len(header)))
    missing = [name for name in wanted if name not in header]
    if missing:
        raise ValueError(f"no such column: {', '.join(missing)} (there are: {', '.join(header)})")
    return [header.index(name) for name in wanted]


def as_number(cell):
    if INTEGER.match(cell):
        return int(cell)
    return float(cell) if is_number(cell) else cell


def convert(args):
    header, rows = read_table(args.file, args.delimiter)
    places = pick(header, args.columns)
    names = [header[i] for i in places]
    if args.to == "markdown":
        print("| " + " | ".join(names) + " |")
        print("|" + " --- |" * len(names))
        for row in rows:
            print("| " + " | ".join(row[i].replace("|", "\\|") for i in places) + " |")
        return 0
    value = as_number if args.numbers else str
    records = [{header[i]: value(row[i]) for i in places} for row in rows]
    if args.to == "jsonl":
        for record in records:
            print(json.dumps(record, ensure_ascii=False))
    else:
        print(json.dumps(records, indent=2, ensure_ascii=False))
    return 0


def check(args):
    header, rows = read_table(args.file, args.delimiter)
    findings = []
    for i in pick(header, args.required) if args.required else []:
        findings += [f"row {n}: {header[i]} is empty" for n, row in enumerate(rows, 2) if not row[i].strip()]
    for i in pick(header, args.unique) if args.unique else []:
        seen = {}
        for n, row in enumerate(rows, 2):
            if row[i] in seen:
                findings.append(f"row {n}: {header[i]} repeats {row[i]!r} of row {seen[row[i]]}")
            seen.setdefault(row[i], n)
    print("\n".join(findings) or f"{len(rows)} rows, nothing wrong")
    return 1 if findings else 0


def names(text):
    return [name.strip() for name in text.split(",") if name.strip()]


def parser():
    top = argparse.ArgumentParser(description=__doc__)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("file", help="CSV or TSV file, - for standard input")
    shared.add_argument("--delimiter", help="character between cells (default: found by itself)")

    one = commands.add_parser("describe", parents=[shared], help="say what each column holds")
    one.add_argument("--format", choices=["text", "json"], default="text", help="output form (default: text)")
    one.add_argument("--top", type=int, default=2, metavar="N", help="frequent values to show (default: 2)")
    one.set_defaults(run=describe)

    one = commands.add_parser("convert", parents=[shared], help="write the rows in another form")
    one.add_argument("--to", choices=["json", "jsonl", "markdown"], default="json", help="output form (default: json)")
    one.add_argument("--columns", type=names, metavar="A,B", help="only these columns, in this order")
    one.add_argument("--numbers", action="store_true", help="write cells that are numbers as JSON numbers")
    one.set_defaults(run=convert)

    one = commands.add_parser("check", parents=[shared], help="find empty and repeated values")
    one.add_argument("--required", type=names, metavar="A,B", help="columns that must not be empty")
    one.add_argument("--unique", type=names, metavar="A,B", help="columns that must not repeat a value")
    one.set_defaults(run=check)
    return top


def main():
    args = parser().parse_args()
    try:
        return args.run(args)
    except (OSError, ValueError) as error:
        print(f"csv_profile: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
