#!/usr/bin/env python3
"""Turn headings into file names."""

import argparse
import re
import unicodedata


def slug(heading, longest):
    plain = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:longest].rstrip("-") or "untitled"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("heading", nargs="+", help="words of the heading")
    parser.add_argument("--extension", default=".md", help="put at the end (default: .md)")
    parser.add_argument("--longest", type=int, default=60, metavar="N", help="cut after N characters (default: 60)")
    args = parser.parse_args()
    print(slug(" ".join(args.heading), args.longest) + args.extension)


if __name__ == "__main__":
    main()
