"""The work of run.sh: makes a volume, times rounds of ops(1) beside the native filesystem, prints the table."""
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from figures import timed
from volume import Volume, folder

OPS, NULL = (os.path.abspath(p) for p in ("build/bench/ops", "build/bench/fuse-null"))
SHARE = 0.8  # of the ceiling's rate that ours shall reach
DISK = {"write_seq_mb", "read_cold_mb", "write_fsync", "fsync_8", "fsync_64"}  # wait for a disk, which the ceiling does not have
ROUNDS, FILES, MEGABYTES = (int(os.environ.get(k, d)) for k, d in (("ROUNDS", 3), ("FILES", 5000), ("MEGABYTES", 256)))
WORDS = """valve pump river sluice engine bearing noise flood keeper signal bridge harbour weight spring copper furnace
gauge timber granite kettle ledger margin needle orchard parish quarry rudder saddle turbine upland vessel winter""".split()


def ops(place, cold=None):
    """One round of ops(1) in a new folder: {name: rate}."""
    place = tempfile.mkdtemp(dir=place)
    words = [OPS, place, str(FILES), str(MEGABYTES)] + ([cold] if cold else [])
    out = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout
    shutil.rmtree(place)
    return {name: float(rate) for name, rate in (line.split("\t") for line in out.splitlines())}


class Null:
    """The filesystem that does nothing but seal, mounted; only root can."""

    def __init__(self, mnt):
        self.mnt, self.server = mnt, None

    def __enter__(self):
        if os.geteuid() == 0:
            self.server = subprocess.Popen([NULL, "--seal", self.mnt])
            while not os.path.ismount(self.mnt) and self.server.poll() is None:
                time.sleep(0.01)
        return self

    def __exit__(self, *_):
        if self.server and os.path.ismount(self.mnt):
            subprocess.run(["umount", self.mnt], check=True)
        if self.server:
            self.server.wait()

    def sides(self):
        return [("null", self.mnt, None)] if self.server and self.server.poll() is None else []


def time_of(name, rate):
    """Of one operation, in microseconds; sequential ones count in MiB."""
    return (1048576 if name.endswith("_mb") else 1e6) / rate


def compare(native, mnt, null, volume):
    rows = {}
    for n in range(ROUNDS):
        sides = [("native", native, None), *null.sides(), ("brainyfs", mnt, volume)]
        for side, place, cold in sides if n % 2 else sides[::-1]:
            for name, rate in ops(place, cold).items():
                rows.setdefault(name, {}).setdefault(side, []).append(rate)
    print(f"per second, medians of {ROUNDS} rounds; us: of one operation, or MiB; null: FUSE and sealing alone (fuse_null.c)")
    print(f"{'operation':14}{'native':>12}{'brainyfs':>12}{'ratio':>8}{'us':>10}{'null us':>10}{'bar us':>10}")
    for name, sides in rows.items():
        middle = {side: statistics.median(rates) for side, rates in sides.items()}
        ratio = statistics.median(b / a for a, b in zip(sides["native"], sides["brainyfs"]))
        line = f"{name:14}{middle['native']:12.1f}{middle['brainyfs']:12.1f}{ratio:8.2f}"
        line += f"{time_of(name, middle['brainyfs']):10.1f}"
        if "null" in middle:
            least = time_of(name, middle["null"])
            late = time_of(name, middle["brainyfs"]) > least / SHARE
            line += f"{least:10.1f}"
            if name not in DISK:
                line += f"{least / SHARE:10.1f}{' missed' if late else ''}"
        print(line)


def index(v, chance, count=2000):
    """Files/s and MB/s from the first write until all is indexed; query times."""
    os.mkdir(f"{v.mnt}/texts")
    size, start = 0, time.monotonic()
    for n in range(count):
        text = " ".join(chance.choices(WORDS, k=250)) + f" item{n}\n"
        size += len(text)
        with open(f"{v.mnt}/texts/{n}.txt", "w") as f:
            f.write(text)
    v.run("wait", v.mnt, "--for", "index")
    took = time.monotonic() - start
    print(f"indexing      {count / took:12.1f} files/s {size / 1e6 / took:10.2f} MB/s")
    times = []
    for _ in range(300):
        query = "+".join(chance.sample(WORDS, 3)).replace("+", " ")
        times.append(timed(lambda: v.ask(f"find?q={query} {chance.random()}&literal=1")) * 1000)
    times.sort()
    print(f"query         {times[150]:12.2f} ms p50  {times[285]:10.2f} ms p95  ({count} files, each query new)")


def measure(top, v):
    native, nothing = (os.path.join(top, n) for n in ("native", "null"))
    os.mkdir(native), os.mkdir(nothing)
    v.mount()
    empty = v.memory_mb()
    with Null(nothing) as null:
        compare(native, v.mnt, null, v.path)
    index(v, random.Random(1))
    full = v.memory_mb()
    v.umount()
    print(f"mount         {timed(v.mount) * 1000:12.1f} ms")
    print(f"memory        {empty:12.1f} MB empty {full:10.1f} MB after the work")


def main():
    with folder("bench", sys.argv[1]) as top, Volume(top) as v:
        measure(top, v)


main()
