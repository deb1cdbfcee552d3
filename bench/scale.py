"""The work of scale.sh: fills a volume, mounts it in its several states, prints the table."""
import os
import random
import signal
import statistics
import subprocess
import sys
import threading
import time

import volume
from figures import Table, timed

FILES, WIDE, INDEX, EXTENTS = (int(os.environ.get(k, d)) for k, d in (
    ("FILES", 1000000), ("WIDE", 100000), ("INDEX", 0), ("EXTENTS", 20000)))
HUGE = 100 << 30
DEEP = 1000
NOBODY = 65534
MOUNT_MS, RECOVER_MS, MEMORY_MB = 300, 2000, 200  # the bars
PER_FOLDER = 1000
ROUNDS = 3
# What was written before the crash stands in the log only, which is as full as it gets before a checkpoint has to come:
# the overlay takes 300k records.
CRASHED = 45000
CONFIG = "[wal]\ncheckpoint_ms = 600000\n"
table = Table("scale")
row = table.row


def timed_ms(call):
    return timed(call) * 1000


class Volume(volume.Volume):
    def __init__(self, top):
        os.chmod(top, 0o755)  # somebody else asks, too
        super().__init__(top)

    def fill(self, files, folders, into):
        self.run("bench", "fill", self.path, "--key-file", self.key, "--files", str(files), "--folders", str(folders),
                 "--into", into)

    def mount(self):
        super().mount(*["-o", "allow_other"] if os.geteuid() == 0 else [])

    def load(self):
        """Until all that a mount does after it answers is done."""
        while self.status()["index"]["loading"]:
            time.sleep(0.01)

    def find(self, words):
        return self.ask(f"find?wait=0&q={words}")

    def crash(self):
        """Kills the keeper and its children, all at once."""
        pids = [self.keeper(), *self.children()]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        subprocess.run(["umount", "-l", self.mnt], check=True)
        while any(os.path.exists(f"/proc/{pid}") for pid in pids):
            time.sleep(0.01)


def memory_row(v):
    v.load()
    row("memory after it", v.memory_mb(), "MB", MEMORY_MB)


def mount_clean(v):
    times = []
    for n in range(ROUNDS):
        times.append(timed_ms(v.mount))
        answer = timed_ms(lambda: v.find("pump"))
        v.load()
        memory = v.memory_mb()
        if n < ROUNDS - 1:
            stop = timed_ms(v.umount)
    row(f"mount, clean, median of {ROUNDS}", statistics.median(times), "ms", MOUNT_MS)
    row("first query, asked at once", answer, "ms")
    row("memory after it", memory, "MB", MEMORY_MB)
    row("umount after it", stop, "ms")


def ask_things(v):
    chance = random.Random(2)
    words = "valve pump river sluice engine bearing noise flood".split()
    times = sorted(timed_ms(lambda: v.find(f"{chance.choice(words)}%20item{chance.randrange(FILES)}")) for _ in range(200))
    row("query of two words, median", times[100], "ms")
    row("query of two words, p95", times[190], "ms")
    if os.geteuid() == 0:
        program = ["cat", f"{v.mnt}/.query/find?wait=0&q=harbour"]
        for name in "first", "second":
            row(f"{name} query of another user", timed_ms(lambda: subprocess.run(
                program, check=True, user=NOBODY, stdout=subprocess.DEVNULL)), "ms")
    row("memory after them", v.memory_mb(), "MB", MEMORY_MB)


class Meanwhile:
    """Makes calls that end in an error, one after the other, by another thread."""

    def __init__(self, call):
        self.call, self.worst, self.done = call, 0, False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def once(self):
        try:
            self.call()
        except OSError:
            pass

    def run(self):
        while not self.done:
            self.worst = max(self.worst, timed_ms(self.once))
            time.sleep(0.001)

    def stop(self):
        self.done = True
        self.thread.join()
        return self.worst


def find_names(v):
    chance = random.Random(1)
    folders = (FILES + PER_FOLDER - 1) // PER_FOLDER
    paths = []
    for _ in range(2000):
        n = chance.randrange(FILES // PER_FOLDER * PER_FOLDER or FILES)
        paths.append(f"{v.mnt}/fill/d{n * folders // FILES:05d}/f{n:07d}.txt")
    row("lookup of a random name", timed_ms(lambda: [os.stat(p) for p in paths]) * 1000 / len(paths), "us")
    row("stat once more", timed_ms(lambda: [os.stat(p) for p in paths]) * 1000 / len(paths), "us")
    wide = f"{v.mnt}/wide/d00000"
    worst = Meanwhile(lambda: os.stat(f"{v.mnt}/absent{time.monotonic_ns()}"))
    row(f"first entry of {WIDE}, new folder", timed_ms(lambda: next(os.scandir(wide))), "ms")
    row("longest lookup elsewhere meanwhile", worst.stop(), "ms")
    narrow = f"{v.mnt}/fill/d00000"
    for name, folder in ("small", narrow), ("large", wide):
        n = PER_FOLDER if folder == narrow else WIDE
        row(f"list, an entry of {n}", timed_ms(lambda: os.listdir(folder)) * 1000 / n, "us")
        row(f"list with stat, an entry of {n}", timed_ms(lambda: [e.stat() for e in os.scandir(folder)]) * 1000 / n, "us")
    memory_row(v)


def tenths(name, count, call):
    """Is the last tenth of `count` calls as quick as the first?"""
    part = max(count // 10, 1)
    times = [timed_ms(lambda: [call(n) for n in range(at, min(at + part, count))]) for at in range(0, count, part)]
    row(f"{name}, the first tenth", times[0] * 1000 / part, "us")
    row(f"{name}, the last", times[count // part - 1] * 1000 / part, "us")


def change_wide(v):
    os.mkdir(f"{v.mnt}/made")
    tenths(f"create, one of {WIDE} in a folder", WIDE, lambda n: os.close(os.open(f"{v.mnt}/made/{n}", os.O_CREAT, 0o644)))
    tenths("lookup there", WIDE, lambda n: os.path.exists(f"{v.mnt}/made/-{n}"))
    tenths("unlink there", WIDE, lambda n: os.unlink(f"{v.mnt}/made/{n}"))


def change_deep(v):
    # Step by step: the kernel walks a long path by itself, and that takes as long as the path is.
    back = os.getcwd()
    os.chdir(v.mnt)
    tenths(f"mkdir, one of {DEEP} in each other", DEEP, lambda n: (os.mkdir("d"), os.chdir("d")))
    os.chdir(back)
    v.umount()
    v.mount()
    for part in DEEP // 10, DEEP:
        fresh = timed_ms(lambda: os.stat(v.mnt + "/d" * part)) * 1000
        row(f"stat {part} folders down, a folder", fresh / (part if part < DEEP else DEEP - DEEP // 10), "us")
    row("stat once more, a folder", timed_ms(lambda: os.stat(v.mnt + "/d" * DEEP)) * 1000 / DEEP, "us")
    os.chdir(v.mnt + "/d" * DEEP)
    tenths("rmdir of them", DEEP, lambda n: (os.chdir(".."), os.rmdir("d")))
    os.chdir(back)


def change_huge(v):
    chance = random.Random(3)
    name = f"{v.mnt}/huge"
    places = [chance.randrange(HUGE >> 12) << 12 for _ in range(EXTENTS)]
    fd = os.open(name, os.O_RDWR | os.O_CREAT, 0o644)
    row("truncate to 100 GiB", timed_ms(lambda: os.ftruncate(fd, HUGE)), "ms")
    tenths(f"write, one of {EXTENTS} of 4 KiB in it", EXTENTS, lambda n: os.pwrite(fd, bytes([n % 251]) * 4096, places[n]))
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    tenths("read of them", EXTENTS, lambda n: os.pread(fd, 4096, places[n]))
    row("fsync", timed_ms(lambda: os.fsync(fd)), "ms")
    row("truncate to half", timed_ms(lambda: os.ftruncate(fd, HUGE // 2)), "ms")
    os.close(fd)
    row("unlink, returns after", timed_ms(lambda: os.unlink(name)), "ms")
    memory_row(v)


def write_small_files(v, count):
    os.mkdir(f"{v.mnt}/crash")
    for n in range(count):
        with open(f"{v.mnt}/crash/{n}", "w") as f:
            f.write("pump " * 100)


def mount_crashed(v):
    v.configure(CONFIG)
    v.mount()
    write_small_files(v, CRASHED)
    v.crash()
    row(f"mount after a crash, {CRASHED} files in the log", timed_ms(v.mount), "ms", RECOVER_MS)
    v.load()
    row("records that were replayed", v.status()["wal"]["replayed"], "")
    row("memory after it", v.memory_mb(), "MB", MEMORY_MB)
    if len(os.listdir(f"{v.mnt}/crash")) != CRASHED:
        sys.exit(f"scale: of {CRASHED} files some are lost")


def measure(v):
    table.title(f"{FILES} files, {'indexed' if INDEX else 'waiting to be indexed'}")
    row("fill", timed_ms(lambda: v.fill(FILES, (FILES + PER_FOLDER - 1) // PER_FOLDER, "fill")) / 1000, "s")
    v.fill(WIDE, 1, "wide")
    if INDEX:
        v.mount()
        row("indexing", timed_ms(lambda: v.run("wait", v.mnt, "--for", "index")) / 1000, "s")
        v.umount()
    mount_clean(v)
    if INDEX:
        ask_things(v)
    find_names(v)
    change_wide(v)
    change_deep(v)
    change_huge(v)
    v.umount()
    mount_crashed(v)
    v.umount()


def main():
    with volume.folder("scale", sys.argv[1]) as top, Volume(top) as v:
        measure(v)
    table.end()


main()
