#!/usr/bin/env python3
"""Sign and verify webhook payloads with HMAC-SHA256."""

import argparse
import hashlib
import hmac
import os
import sys


def secret():
    value = os.environ.get("WEBHOOK_SECRET")
    if not value:
        raise ValueError("WEBHOOK_SECRET is not set; this skill needs env: [WEBHOOK_SECRET]")
    return value.encode()


def read(path):
    if path == "-":
        return sys.stdin.buffer.read()
    with open(path, "rb") as stream:
        return stream.read()


def signature(payload):
    return "sha256=" + hmac.new(secret(), payload, hashlib.sha256).hexdigest()


def sign(args):
    print("X-Hub-Signature-256:", signature(read(args.payload)))
    return 0


def verify(args):
    payload = read(args.payload)
    wanted = args.signature if args.signature.startswith("sha256=") else "sha256=" + args.signature
    if hmac.compare_digest(signature(payload), wanted):
        print("the signature fits")
        return 0
    print("the signature does not fit")
    unix = payload.replace(b"\r\n", b"\n")
    changes = {
        "without the final newline": payload.rstrip(b"\r\n"),
        "with a final newline": payload + b"\n",
        "with Unix line ends": unix,
        "with Windows line ends": unix.replace(b"\n", b"\r\n"),
    }
    for name, changed in changes.items():
        if hmac.compare_digest(signature(changed), wanted):
            print(f"  it would fit {name}: the payload was changed on the way")
    return 1


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    one = commands.add_parser("sign", help="print the signature header of a payload")
    one.add_argument("payload", help="file with the body, - for standard input")
    one.set_defaults(run=sign)
    one = commands.add_parser("verify", help="check a payload against its signature")
    one.add_argument("payload", help="file with the body, - for standard input")
    one.add_argument("--signature", required=True, help="value of the header, with or without sha256=")
    one.set_defaults(run=verify)
    args = parser.parse_args()
    try:
        return args.run(args)
    except (OSError, ValueError) as error:
        print(f"webhook: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
