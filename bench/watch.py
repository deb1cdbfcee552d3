"""See watch.sh."""
import os
import signal
import subprocess
import sys
import time

from figures import timed
from volume import BRAINY, Volume, folder

FILES, SECONDS = int(os.environ.get("FILES", 100000)), int(os.environ.get("SECONDS", 600))
FOLDER_FILES = 100
STIR, SAME = (os.path.abspath(f"tests/mount/{p}") for p in ("stir.py", "same_tree.py"))


class Box(Volume):
    """A volume, mounted; a source and what lies outside of it."""

    def __init__(self, top):
        super().__init__(top)
        self.source, self.outside = (os.path.join(top, n) for n in ("source", "outside"))
        os.mkdir(self.source), os.mkdir(self.outside)
        self.complaints = open(f"{top}/complaints", "w")
        self.mount()

    def fill(self):
        for n in range(FILES):
            if n % FOLDER_FILES == 0:
                place = f"{self.source}/{n // FOLDER_FILES // 10}/{n // FOLDER_FILES}"
                os.makedirs(place)
            with open(f"{place}/file{n}", "wb") as f:
                f.write(os.urandom(200 + n % 4000))

    def differences(self, target):
        """What same_tree.py says; empty when the trees are equal."""
        said = subprocess.run([sys.executable, SAME, self.source, target], capture_output=True, text=True)
        return "" if said.returncode == 0 else said.stdout or said.stderr


class Watcher:
    def __init__(self, box):
        self.box = box
        self.begin()

    def begin(self):
        self.process = self.box.start("watch", self.box.source, f"{self.box.mnt}/in", "--delete", "--all-names",
                                      stdout=subprocess.PIPE, stderr=self.box.complaints, text=True)
        self.process.stdout.readline()  # both are the same

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        self.process.terminate()
        self.process.wait()

    def overflow(self, box):
        """News for which its queue has no room while it sleeps."""
        self.process.send_signal(signal.SIGSTOP)
        paths = [f"{box.source}/storm{n}" for n in range(2)]
        for path in paths:
            open(path, "w").close()
        with open("/proc/sys/fs/inotify/max_queued_events") as f:
            limit = int(f.read())
        for n in range(limit // 2 + 10):
            for path in paths:
                os.chmod(path, 0o600 + n % 64)
        stir(box, 900 + int(time.time()) % 90, "2000")
        self.process.send_signal(signal.SIGCONT)


def stir(box, seed, much):
    said = subprocess.run([sys.executable, STIR, box.source, box.outside, str(seed), much], capture_output=True, text=True)
    return int(said.stdout.split()[-1])


def settle(box, target):
    """Seconds until the trees are equal, as looking shows; a look takes a while."""
    begin = time.time()
    for _ in range(60):
        if not box.differences(target):
            return time.time() - begin
        time.sleep(2)
    sys.exit(f"not equal: {box.differences(target)[:2000]}")


def watch(box):
    begin = time.time()
    watcher = Watcher(box)
    print(f"{FILES} files, first copy: {time.time() - begin:.1f} s", flush=True)
    changes = 0
    for part in range(6):
        changes += stir(box, part + 1, f"{SECONDS / 6}s")
        if part in (1, 3):
            watcher.overflow(box)
        if part in (2, 4):
            watcher.kill()
            changes += stir(box, 50 + part, "500")
            watcher.begin()
    print(f"{changes} changes in {SECONDS} s and more, 2 queues that ran over, 2 kills", flush=True)
    print(f"equal {settle(box, f'{box.mnt}/in'):.1f} s after the last", flush=True)
    watcher.end()


def importing(box):
    """In turns, as the index works on what came before; then three kills, each after a part of what an import takes."""
    import_seconds, cp_seconds = [], []
    for name in "whole", "again":
        target = f"{box.mnt}/{name}"
        first, second = [BRAINY, "import", box.source, target], ["cp", "-a", box.source, f"{target}.cp"]
        if name == "again":
            first, second = second, first
        for command in first, second:
            took = timed(lambda: subprocess.run(command, check=True, env=box.env, stdout=subprocess.DEVNULL))
            (import_seconds if command[0] == BRAINY else cp_seconds).append(took)
    ratio = sum(cp_seconds) / sum(import_seconds)
    print(f"import {sum(import_seconds):.1f} s, cp -a {sum(cp_seconds):.1f} s, two of each in turns: "
          f"{ratio:.2f} of cp's speed (bar 0.7)", flush=True)
    for _ in range(3):
        process = box.start("import", box.source, f"{box.mnt}/parts")
        time.sleep(import_seconds[0] / 4)
        process.kill()
        process.wait()
    box.run("import", box.source, f"{box.mnt}/parts")
    for name in "whole", "again", "parts":
        target = f"{box.mnt}/{name}/{os.path.basename(box.source)}"
        wrong = box.differences(target if os.path.isdir(target) else f"{box.mnt}/{name}")
        if wrong:
            sys.exit(f"{name}: {wrong[:2000]}")
    print("imported whole twice, and in four parts with three kills: equal")
    return ratio


def main():
    with folder("watch", sys.argv[1]) as top, Box(top) as box:
        box.fill()
        watch(box)
        ratio = importing(box)
    sys.exit(0 if ratio >= 0.7 else 1)


main()
