#!/usr/bin/env python3
"""Reads nonce logs (a build with -Dnonce_log=true, BRAINY_NONCE_LOG=FILE) and says whether any pair of
subkey and nonce was used twice. Exit status 1 if one was, or if there is nothing to judge."""
import sys

RECORD = 24  # 16 bytes hash of the subkey, le64 nonce


def main(paths):
    pairs, count = set(), 0
    for path in paths:
        with open(path, "rb") as f:
            data = f.read()
        if len(data) % RECORD:
            sys.exit(f"{path}: torn record at its end")
        for at in range(0, len(data), RECORD):
            pair = data[at:at + RECORD]
            if pair in pairs:
                sys.exit(f"{path}: nonce {int.from_bytes(pair[16:], 'little')} of subkey "
                         f"{pair[:16].hex()} was used twice (record {at // RECORD})")
            pairs.add(pair)
        count += len(data) // RECORD
    if count == 0:
        sys.exit("no seals in the log: nothing proved")
    print(f"{count} seals, {len({p[:16] for p in pairs})} subkeys, no pair twice")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: nonce_check.py LOG...")
    main(sys.argv[1:])
