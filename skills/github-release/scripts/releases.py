#!/usr/bin/env python3
"""Show the latest releases of a GitHub repository."""

import argparse
import json
import re
import sys
import urllib.error
import urllib.request

HOST = "api.github.com"
LARGEST_ANSWER = 4 * 1024 * 1024


def fetch(repository, count):
    request = urllib.request.Request(
        f"https://{HOST}/repos/{repository}/releases?per_page={count}",
        headers={"Accept": "application/vnd.github+json", "User-Agent": "github-release-skill"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read(LARGEST_ANSWER))


def short(release, notes):
    found = {
        "version": release["tag_name"],
        "name": release["name"] or release["tag_name"],
        "published": (release["published_at"] or "")[:10],
        "prerelease": release["prerelease"],
        "address": release["html_url"],
        "assets": [
            {"name": asset["name"], "bytes": asset["size"], "address": asset["browser_download_url"]}
            for asset in release["assets"]
        ],
    }
    if notes:
        found["notes"] = (release["body"] or "").strip()
    return found


def show(release, assets):
    mark = "  (pre-release)" if release["prerelease"] else ""
    print(f"{release['version']}  {release['published']}  {release['name']}{mark}")
    for asset in release["assets"] if assets else []:
        print(f"    {asset['bytes']:>12,}  {asset['address']}")
    if release.get("notes"):
        print("    " + release["notes"].replace("\n", "\n    "))


def repository(text):
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form owner/name")
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repository", type=repository, help="owner/name")
    parser.add_argument("--count", type=int, default=1, metavar="N", help="releases to show, newest first (default: 1)")
    parser.add_argument("--assets", action="store_true", help="list the files of each release")
    parser.add_argument("--notes", action="store_true", help="print the release notes")
    parser.add_argument("--format", choices=["text", "json"], default="text", help="output form (default: text)")
    args = parser.parse_args()

    try:
        releases = [short(release, args.notes) for release in fetch(args.repository, args.count)]
    except urllib.error.HTTPError as error:
        reason = {404: "no such repository", 403: "no questions left for this hour", 429: "asked too often"}
        print(f"releases: {args.repository}: {reason.get(error.code, error)}", file=sys.stderr)
        return 1
    except OSError as error:
        cause = getattr(error, "reason", error)
        print(f"releases: cannot reach {HOST}:443: {cause}", file=sys.stderr)
        print(f"  this skill needs the network: net: [\"{HOST}:443\"]", file=sys.stderr)
        return 3

    if args.format == "json":
        print(json.dumps(releases, indent=2, ensure_ascii=False))
    elif not releases:
        print(f"{args.repository} has no releases")
    else:
        for release in releases:
            show(release, args.assets)
    return 0


if __name__ == "__main__":
    sys.exit(main())
