"""The work of scale.sh: fills a volume, mounts it in its several states, prints the table."""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

BRAINY = os.path.abspath("build/brainy")
FILES, WIDE, INDEX = (int(os.environ.get(k, d)) for k, d in (("FILES", 1000000), ("WIDE", 100000), ("INDEX", 0)))
MOUNT_MS, RECOVER_MS, MEMORY_MB = 300, 2000, 200  # the bars
PER_FOLDER = 1000
ROUNDS = 3
# What was written before the crash stands in the log only, which is as full as it gets before a checkpoint has to come:
# the overlay takes 300k records.
CRASHED = 45000
CONFIG = "[wal]\ncheckpoint_ms = 600000\n"
missed = []


def row(name, value, unit, bar=None):
    late = bar is not None and value > bar
    missed.extend([name] * late)
    limit = "" if bar is None else f"{bar:10.0f}" + (" missed" if late else "")
    print(f"{name:38}{value:12.1f} {unit:6}{limit}", flush=True)


def timed_ms(call):
    start = time.monotonic()
    call()
    return (time.monotonic() - start) * 1000


class Volume:
    def __init__(self, top):
        self.path, self.mnt, self.key = (os.path.join(top, n) for n in ("volume", "mnt", "key"))
        self.env = os.environ | {"HOME": top, "XDG_CONFIG_HOME": top}
        os.mkdir(self.mnt)
        self.run("init", self.path, "--key-file", self.key)

    def run(self, *words):
        done = subprocess.run([BRAINY, *words], check=True, env=self.env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, text=True)
        return done.stdout

    def fill(self, files, folders, into):
        self.run("bench", "fill", self.path, "--key-file", self.key, "--files", str(files), "--folders", str(folders),
                 "--into", into)

    def mount(self):
        """Until the mount answers: milliseconds."""
        return timed_ms(lambda: self.run("mount", self.path, self.mnt, "--key-file", self.key))

    def umount(self):
        self.run("umount", self.mnt)

    def status(self):
        return json.loads(self.run("status", self.mnt, "--json"))

    def configure(self, text):
        with open(f"{self.path}/brainy.conf", "w") as f:
            f.write(text)

    def keeper(self):
        with open(f"{self.path}/lock") as f:
            return int(next(line.split()[1] for line in f if line.startswith("pid ")))

    def crash(self):
        """Kills the keeper and its children, all at once."""
        keeper = self.keeper()
        with open(f"/proc/{keeper}/task/{keeper}/children") as f:
            pids = [keeper, *map(int, f.read().split())]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        subprocess.run(["umount", "-l", self.mnt], check=True)
        while any(os.path.exists(f"/proc/{pid}") for pid in pids):
            time.sleep(0.01)


def median(values):
    return sorted(values)[len(values) // 2]


def mount_clean(v):
    times = []
    for n in range(ROUNDS):
        times.append(v.mount())
        memory = v.status()["memory"]["rss_bytes"] / 1e6
        if n < ROUNDS - 1:
            v.umount()
    row(f"mount, clean, median of {ROUNDS}", median(times), "ms", MOUNT_MS)
    row("memory after it", memory, "MB", MEMORY_MB)


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
    row(f"first entry of {WIDE}, new folder", timed_ms(lambda: next(os.scandir(wide))), "ms")
    row(f"list {WIDE} entries", timed_ms(lambda: os.listdir(wide)), "ms")
    row(f"list with stat, {WIDE} entries", timed_ms(lambda: [e.stat() for e in os.scandir(wide)]), "ms")


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
    took = v.mount()
    status = v.status()
    row(f"mount after a crash, {CRASHED} files in the log", took, "ms", RECOVER_MS)
    row("records that were replayed", status["wal"]["replayed"], "")
    row("memory after it", status["memory"]["rss_bytes"] / 1e6, "MB", MEMORY_MB)
    if len(os.listdir(f"{v.mnt}/crash")) != CRASHED:
        sys.exit(f"scale: of {CRASHED} files some are lost")


def measure(v):
    print(f"{FILES} files, {'indexed' if INDEX else 'waiting to be indexed'}{'':20}{'':6}{'':7}bar")
    row("fill", timed_ms(lambda: v.fill(FILES, (FILES + PER_FOLDER - 1) // PER_FOLDER, "fill")) / 1000, "s")
    v.fill(WIDE, 1, "wide")
    if INDEX:
        v.mount()
        row("indexing", timed_ms(lambda: v.run("wait", v.mnt, "--for", "index")) / 1000, "s")
        v.umount()
    mount_clean(v)
    find_names(v)
    v.umount()
    mount_crashed(v)
    v.umount()


def main():
    top = tempfile.mkdtemp(prefix="brainy-scale.", dir=sys.argv[1])
    v = Volume(top)
    try:
        measure(v)
    finally:
        subprocess.run([BRAINY, "umount", v.mnt], env=v.env, stderr=subprocess.DEVNULL)
        shutil.rmtree(top, ignore_errors=True)
    if missed:
        sys.exit(f"scale: missed: {', '.join(missed)}")


main()
