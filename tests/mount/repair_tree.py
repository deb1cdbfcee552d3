#!/usr/bin/env python3
"""What repair.sh asks of a tree: list it, alter one place of a volume, compare it with the list after a repair."""
import hashlib
import os
import random
import re
import sys


def entries(top):
    for folder, dirs, names in os.walk(top):
        for name in dirs + names:
            yield os.path.relpath(os.path.join(folder, name), top)


def quota(path):
    try:
        return os.getxattr(path, "user.brainy.quota-bytes").decode()
    except OSError:
        return "-"


def describe(path):
    st = os.lstat(path)
    if os.path.islink(path):
        content = os.readlink(path)
    elif os.path.isdir(path):
        content = quota(path)
    else:
        try:
            with open(path, "rb") as f:
                content = hashlib.sha256(f.read()).hexdigest()
        except OSError as why:
            content = f"error {why.errno}"
    return f"{st.st_ino}\t{st.st_mode:o}\t{content}"


def listing(top):
    for rel in sorted(entries(top)):
        print(f"{rel}\t{describe(os.path.join(top, rel))}")


def kinds(volume):
    """Files by what they are: the folder, and the name without its numbers."""
    found = {}
    for rel in sorted(entries(volume)):
        path = os.path.join(volume, rel)
        if os.path.isfile(path) and os.path.getsize(path):
            found.setdefault(re.sub(r"[0-9a-f]{4,}", "#", rel), []).append(rel)
    return found


def alter(volume, seed, n):
    """One place of one file, each kind of file in turn: flipped, zeroed, swapped, cut, or the file taken away. The
    catalog comes every other time: most depends on it."""
    chance = random.Random(f"{seed} {n}")
    found = kinds(volume)
    turn = (int(n) // 2 + int(seed)) % len(found)
    kind = found["catalog/data.mdb"] if int(n) % 2 else list(found.values())[turn]
    path = os.path.join(volume, chance.choice(kind))
    with open(path, "rb") as f:
        data = bytearray(f.read())
    used = len(bytes(data).rstrip(b"\0")) or len(data)
    where = chance.choice([lambda: chance.randrange(min(8192, used)), lambda: max(0, used - 1 - chance.randrange(64)),
                           lambda: chance.randrange(used)])
    at = next((p for p in (where() for _ in range(200)) if data[p]), 0)
    what = chance.choices(["flip", "zero", "swap", "cut", "gone"], [14, 3, 2, 3, 2])[0]
    if what == "gone" and not re.search("data.mdb|wal/segment", path):  # nothing else has the names; an older log?
        os.unlink(path)
    elif what == "cut":
        os.truncate(path, at)
    else:
        if what == "zero":
            at = at // 4096 * 4096
            data[at:at + 4096] = bytes(len(data[at:at + 4096]))
        elif what == "swap" and used >= 8192:
            other = (used // 4096 - 1) * 4096
            data[:4096], data[other:other + 4096] = data[other:other + 4096], data[:4096]
        else:
            what = "flip"
            data[at] ^= 1 << chance.randrange(8)
        with open(path, "r+b") as f:
            f.write(data)
    print(f"{os.path.relpath(path, volume)}: {what} at {at}")


def compare(top, before, report):
    """An inode that the report names may have lost what the report says; a file is never silently another."""
    with open(report, errors="replace") as f:
        named = set(map(int, re.findall(r"(?:inode|of) (\d+)", f.read())))
    now = {rel: describe(os.path.join(top, rel)) for rel in entries(top)}
    by_ino = {line.split("\t")[0]: (rel, line) for rel, line in now.items()}
    wrong = []
    with open(before) as f:
        for line in f.read().splitlines():
            rel, was = line.split("\t", 1)
            ino, _, content = was.split("\t")
            if now.get(rel) == was:
                continue
            home, found = (rel, now[rel]) if rel in now else by_ino.get(ino, (None, None))
            if int(ino) not in named:
                wrong.append(f"{rel}: was {was}, is {found} at {home}; nothing was said")
            elif found is None:
                wrong.append(f"{rel}: is gone")
            elif home.startswith("lost+found/") or content.startswith("small"):
                continue  # out of the way, or a symlink
            elif found.split("\t")[2] not in (content, "error 5", "-"):
                wrong.append(f"{rel}: other bytes")
    print("\n".join(wrong), end="\n" if wrong else "")
    return bool(wrong)


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    sys.exit({"list": listing, "alter": alter, "compare": compare}[command](*rest))
