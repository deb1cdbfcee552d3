"""The work of meaning.sh: fills a volume, asks, prints the table."""
import os
import random
import statistics
import sys

from figures import Table, timed
from volume import Volume, folder

FILES, TAGS, LINKS = (int(os.environ.get(k, d)) for k, d in (("FILES", 1000000), ("TAGS", 100000), ("LINKS", 5000000)))
PER_FOLDER, PER_CALL = 1000, 5
ASKED = 200
table = Table("meaning")
row = table.row


def median_ms(call, arguments):
    return statistics.median(timed(lambda: call(a)) for a in arguments) * 1000


def file(v, n):
    return f"{v.mnt}/d/{n // PER_FOLDER}/f{n}"


def make_files(v):
    for n in range(FILES):
        if n % PER_FOLDER == 0:
            os.makedirs(os.path.dirname(file(v, n)))
        os.mknod(file(v, n), 0o644)


def tag_files(v, rng):
    for n in range(FILES):
        os.setxattr(file(v, n), "user.xdg.tags", b"common,t%d" % rng.randrange(TAGS))


def link_files(v, rng):
    for n in range(LINKS // PER_CALL):
        targets = "".join(f"d/{t // PER_FOLDER}/f{t}\n" for t in (rng.randrange(FILES) for _ in range(PER_CALL)))
        os.setxattr(file(v, n % FILES), f"user.brainy.link.v{n // FILES}", targets.encode())


def first_entry(folder):
    with os.scandir(folder) as entries:
        next(entries)


def name_of(n):
    return f"d%2F{n // PER_FOLDER}%2Ff{n}"


def measure(v):
    rng = random.Random(7)
    table.title(f"{FILES} files")
    v.mount()
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
    row("memory", v.memory_mb(), "MB", 300)
    v.umount()
    row("catalog", os.path.getsize(f"{v.path}/catalog/data.mdb") / 1e6, "MB")


def main():
    with folder("meaning", sys.argv[1]) as top, Volume(top) as v:
        measure(v)
    table.end()


main()
