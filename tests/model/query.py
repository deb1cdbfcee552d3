"""Whether queries agree with what lies in the mount."""
import json

from chooser import WORDS

PLAIN = set(b"abcdefghijklmnopqrstuvwxyz \n")


def ask(mnt, query):
    with open(f"{mnt}/.query/find?q={query}&mode=text&format=jsonl&limit=10000&wait=0") as f:
        rows = [json.loads(line) for line in f]
    found = [int(row["inode"]) for row in rows]
    assert len(found) == len(set(found)), f"{query}: a file twice among {len(found)} results"
    return set(found)


def expect(mnt, query, least, most, when):
    found = ask(mnt, query)
    assert found <= most, f"{query}, {when}: finds {sorted(found - most)[:9]}"
    assert found >= least, f"{query}, {when}: does not find {sorted(least - found)[:9]}"


def with_word(files, word):
    """Inodes that must be found, and those that may be: what is no text all through is found by some of it, or not."""
    most = {ino for ino, data in files.items() if word in data}
    return {ino for ino in most if PLAIN.issuperset(files[ino]) and word in files[ino].split()}, most


def check(volume, dump, rng):
    files = {n["ino"]: n["data"] for n in dump.values() if n["kind"] == "f"}
    words = rng.sample(WORDS, 3)
    for word in words:
        expect(volume.mnt, word, set(), with_word(files, word.encode())[1], "at once")
    volume.wait("index")
    for word in words:
        expect(volume.mnt, word, *with_word(files, word.encode()), "indexed")
    expect(volume.mnt, "name:*", set(files), set(files), "indexed")
    with open(f"{volume.mnt}/.brainy/status.json") as f:
        status = json.load(f)
    folders = sum(n["kind"] == "d" for n in dump.values())
    assert status["directories"] == folders, f"{status['directories']} folders in the status, {folders} there"
