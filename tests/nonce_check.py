#!/usr/bin/env python3
"""Reads nonce logs (a build with -Dnonce_log=true, BRAINY_NONCE_LOG=FILE) and says whether any pair of
subkey and nonce was used twice. Exit status 1 if one was, or if there is nothing to judge."""
import struct
import sys

RECORD = struct.Struct("<16sQQ")  # hash of the subkey, nonce, zero


class Run:
    """Nonces seen of one subkey. They count up, so what matters fits into one number and a few that came early."""

    def __init__(self):
        self.next, self.early = 0, set()

    def add(self, nonce):
        """False when it was there already."""
        if nonce < self.next or nonce in self.early:
            return False
        self.early.add(nonce)
        while self.next in self.early:
            self.early.remove(self.next)
            self.next += 1
        return True


def main(paths):
    runs, count = {}, 0
    for path in paths:
        with open(path, "rb") as f:
            while record := f.read(RECORD.size):
                if len(record) != RECORD.size:
                    sys.exit(f"{path}: torn record at its end")
                name, nonce, zero = RECORD.unpack(record)
                if zero:
                    sys.exit(f"{path}: a torn record before record {count}")
                if not runs.setdefault(name, Run()).add(nonce):
                    sys.exit(f"{path}: nonce {nonce} of subkey {name.hex()} was used twice (record {count})")
                count += 1
    if count == 0:
        sys.exit("no seals in the log: nothing proved")
    print(f"{count} seals under {len(runs)} subkeys, no pair twice")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: nonce_check.py LOG...")
    main(sys.argv[1:])
