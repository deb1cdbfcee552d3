#!/usr/bin/env python3
"""Queries as files, from Python: a function, and a command that prints what it finds.

    for hit in find("~/mnt", "engine noise", tag="harbour", limit=5):
        print(hit["path"], hit["snippet"])

    brainy_query.py DIR WORDS..
"""
import json
import os
import sys


def encoded(text):
    """Only what the name of a query file cannot hold as it is."""
    return "".join(f"%{b:02X}" if b < 32 or chr(b) in "%/&=" else chr(b) if b < 128 else f"%{b:02X}" for b in text.encode())


def ask(folder, verb, **keys):
    """The bytes of an answer; OSError with the mount's own words when it cannot be asked."""
    folder = os.path.expanduser(folder)
    name = verb + "?" + "&".join(f"{key}={encoded(str(value))}" for key, value in keys.items())
    fd = os.open(os.path.join(folder, ".query/ask"), os.O_RDWR)  # names of files are short, a written line is not
    try:
        try:
            os.write(fd, name.encode() + b"\n")
        except OSError as error:
            with open(os.path.join(folder, ".query/last-error"), encoding="utf-8") as f:
                raise OSError(error.errno, f.read().strip() or error.strerror) from None
        return b"".join(iter(lambda: os.read(fd, 1 << 16), b""))
    finally:
        os.close(fd)


def find(folder, words="", tag=None, **keys):
    """Results as dictionaries, the best first: path (below `folder`), title, snippet, score, tags, tier .."""
    query = words + (f' tag:"{tag}"' if tag else "")
    answer = ask(folder, "find", q=query, format="jsonl", **keys)
    return [json.loads(line) for line in answer.splitlines()]


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    try:
        for hit in find(sys.argv[1], " ".join(sys.argv[2:])):
            print(hit["path"], hit["snippet"].replace("\n", " ")[:100], sep="\t")
    except OSError as error:
        sys.exit(f"brainy_query: {error.strerror}")


if __name__ == "__main__":
    main()
