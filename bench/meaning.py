"""The work of meaning.sh: fills a volume, asks, prints the table."""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

BRAINY = os.path.abspath("build/brainy")
FILES, TAGS, LINKS = (int(os.environ.get(k, d)) for k, d in (("FILES", 1000000), ("TAGS", 100000), ("LINKS", 5000000)))
PER_FOLDER, PER_CALL = 1000, 5
ASKED = 200
missed = []


def row(name, value, unit, bar=None, least=False):
    late = bar is not None and (value < bar if least else value > bar)
    missed.extend([name] * late)
    limit = "" if bar is None else f"{'>' if least else '<'}{bar:9.0f}" + (" missed" if late else "")
    print(f"{name:44}{value:12.2f} {unit:8}{limit}", flush=True)


def timed(call):
    start = time.monotonic()
    call()
    return time.monotonic() - start


def median_ms(call, arguments):
    times = sorted(timed(lambda: call(a)) for a in arguments)
    return times[len(times) // 2] * 1000


class Volume:
    def __init__(self, top):
        self.path, self.mnt, self.key = (os.path.join(top, n) for n in ("volume", "mnt", "key"))
        self.env = os.environ | {"HOME": top, "XDG_CONFIG_HOME": top}
        os.mkdir(self.mnt)
        self.run("init", self.path, "--key-file", self.key)
        self.run("mount", self.path, self.mnt, "--key-file", self.key)

    def run(self, *words):
        subprocess.run([BRAINY, *words], env=self.env, check=True, stdout=subprocess.DEVNULL)

    def file(self, n):
        return f"{self.mnt}/d/{n // PER_FOLDER}/f{n}"

    def ask(self, name):
        with open(f"{self.mnt}/.query/{name}", "rb") as f:
            return f.read()

    def status(self):
        with open(f"{self.mnt}/.brainy/status.json") as f:
            return json.load(f)


def make_files(v):
    for n in range(FILES):
        if n % PER_FOLDER == 0:
            os.makedirs(os.path.dirname(v.file(n)))
        os.mknod(v.file(n), 0o644)


def tag_files(v, rng):
    for n in range(FILES):
        os.setxattr(v.file(n), "user.xdg.tags", b"common,t%d" % rng.randrange(TAGS))


def link_files(v, rng):
    for n in range(LINKS // PER_CALL):
        targets = "".join(f"d/{t // PER_FOLDER}/f{t}\n" for t in (rng.randrange(FILES) for _ in range(PER_CALL)))
        os.setxattr(v.file(n % FILES), f"user.brainy.link.v{n // FILES}", targets.encode())


def first_entry(folder):
    with os.scandir(folder) as entries:
        next(entries)


def name_of(n):
    return f"d%2F{n // PER_FOLDER}%2Ff{n}"


def run(top):
    v, rng = Volume(top), random.Random(7)
    row("new files", FILES / timed(lambda: make_files(v)), "files/s")
    row("tagging by setxattr, two tags", FILES / timed(lambda: tag_files(v, rng)), "files/s", 20000, least=True)
    row("renaming a tag of all files", timed(lambda: os.rename(f"{v.mnt}/.tags/common", f"{v.mnt}/.tags/shared")) * 1000, "ms", 50)
    tags = [rng.randrange(TAGS) for _ in range(ASKED)]
    tags = [t for t in tags if os.path.isdir(f"{v.mnt}/.tags/t{t}")]
    row(".tags/a/b, first entry, p50", median_ms(first_entry, [f"{v.mnt}/.tags/shared/t{t}" for t in tags]), "ms", 5)
    row(".tags/a of all files, first entry", median_ms(first_entry, [f"{v.mnt}/.tags/shared"] * 9), "ms")
    row("links by xattr", LINKS / timed(lambda: link_files(v, rng)), "links/s")
    v.run("wait", v.mnt, "--timeout", "7200")
    row("count by month, p50", median_ms(v.ask, ["count?by=month&limit=%d" % n for n in range(1, 10)]), "ms", 50)
    row("count by tag", median_ms(v.ask, ["count?by=tag&limit=%d" % n for n in range(1, 4)]), "ms")
    starts = [rng.randrange(FILES) for _ in range(ASKED)]
    row("related, depth 2, p50", median_ms(v.ask, [f"related?to={name_of(n)}&depth=2" for n in starts]), "ms", 2)
    pairs = [(rng.randrange(FILES), rng.randrange(FILES)) for _ in range(ASKED)]
    row("shortest path, p50", median_ms(v.ask, [f"path?from={name_of(a)}&to={name_of(b)}" for a, b in pairs]), "ms", 10)
    row("components", timed(lambda: v.ask("graph?op=components&limit=10")), "s", 10)
    row("PageRank", timed(lambda: v.ask("graph?op=pagerank&limit=10")), "s", 10)
    row("memory", v.status()["memory"]["rss_bytes"] / 1e6, "MB", 300)
    v.run("umount", v.mnt)
    row("catalog", os.path.getsize(f"{v.path}/catalog/data.mdb") / 1e6, "MB")


def main():
    top = tempfile.mkdtemp(prefix="brainy-meaning-", dir=sys.argv[1])
    try:
        run(top)
    finally:
        subprocess.run([BRAINY, "umount", f"{top}/mnt"], stderr=subprocess.DEVNULL)
        shutil.rmtree(top, ignore_errors=True)
    if missed:
        sys.exit("missed: " + ", ".join(missed))


if __name__ == "__main__":
    main()
