"""model.py BRAINY POWERCUT.SO [SEED [RUNS [FIRST]]] - random operations on a mount and on a tree in memory, side by side.

Each run ends with the death of keeper and server, at a random moment, and often with more deaths while the volume
recovers. After that alone, a cold mount shows everything that was completed, and the operation in flight or not. With a
power cut (cut.py) it shows what was completed up to some moment at or after the last sync, and nothing else; that may be
before the kills of earlier runs. fsck finds nothing wrong before and after, and queries find what is there. In some runs
the server alone is killed, which no operation may notice. Most runs go on with what the one before left.

A difference is printed with its operations; the next run begins with a new volume. To repeat it: give the seed, and runs
from the first one of its volume, as printed. (Where the killer's timer hits is not repeated.) If MODEL_KEEP names a
folder, the volume, its log and all its operations are left there, for again.py. The last line is `N runs, D differences`."""
import os, random, shutil, signal, subprocess, sys, tempfile, threading, time

import query
from chooser import Chooser
from history import History, short
from real import Real
from tree import Tree
from volume import Volume


def kill_server(volume):
    """At any time, which no operation may notice."""
    try:
        volume.kill_server()
    except OSError:
        pass # the mount is dead


def killers(volume, rng):
    """Those of the server alone, and perhaps one of all."""
    timers = [threading.Timer(rng.uniform(0, 0.4), kill_server, (volume,)) for _ in range(rng.choice((0, 0, 1, 3)))]
    end = threading.Timer(rng.uniform(0, 0.4), volume.kill) if rng.random() < 0.6 else None
    return timers + [end] * bool(end), end


def operate(volume, history, rng):
    """Operations, and killers that come between two of them or at any time."""
    count = rng.choice((5, 30, 100, 250))
    timers, end = killers(volume, rng)
    real, chooser = Real(volume), Chooser(rng, history.tree)
    for timer in timers:
        timer.start()
    while count > 0 and history.step(real, chooser.next()):
        count -= 1
    for timer in timers:
        timer.join()
    if not end:
        assert not history.flight, f"{short(history.flight)}: the mount died by itself"
        different = history.tree.differs(real.dump())
        assert not different, f"before the kill: {different[:5]}"
        volume.kill()
    real.forget_handles()
    volume.bury()


def crash_again(volume, rng, power):
    """Perhaps. More deaths while it recovers; with a power cut what the last one left is all there is."""
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2, 3))):
        volume.mount_and_kill(rng.uniform(0, 0.15))
        if power:
            volume.cut(rng)


def stop_clean(volume, history, rng):
    """After a clean stop the disk has everything."""
    volume.umount()
    if rng.random() < 0.5:
        volume.cut(rng)
    volume.fsck()
    volume.mount()
    different = history.tree.differs(Real(volume).dump())
    assert not different, f"after a clean stop: {different[:5]}"
    return History(history.tree, history.past + history.operations() + [("crash",)])


def begin(volume, rng):
    volume.make(rng)
    crash_again(volume, rng, rng.random() < 0.6)
    volume.mount()
    tree = Tree()
    tree.root.mode = os.stat(volume.mnt).st_mode & 0o7777
    return History(tree)


def one(volume, rng, history):
    """A run; the history goes on, or None does when the next begins with a new volume."""
    power = rng.random() < 0.6
    operate(volume, history, rng)
    if power:
        volume.cut(rng)
    if rng.random() < 0.5:
        volume.fsck()
    crash_again(volume, rng, power)
    volume.mount()
    dump = Real(volume).dump()
    history = history.crashed(dump, power)
    if power or rng.random() < 0.3:
        query.check(volume, dump, rng)
    if rng.random() < 0.2:
        history = stop_clean(volume, history, rng)
    if rng.random() < 0.8:
        return history
    volume.umount()
    volume.fsck()
    return None


class Runs:
    """One after the other, with what differed."""

    def __init__(self, volume, seed):
        self.volume, self.seed = volume, seed
        self.history, self.begun, self.differences = None, 0, 0

    def run(self, n):
        print(f"seed {self.seed} run {n}", flush=True)
        rng = random.Random(f"{self.seed} {n}")
        before = None
        try:
            if not self.history:
                self.begun, self.history = n, begin(self.volume, rng)
            before = self.history
            self.history = one(self.volume, rng, before)
        except (AssertionError, OSError, subprocess.TimeoutExpired) as e:
            self.differs(n, e, before)

    def differs(self, n, error, history):
        self.differences += 1
        self.history = None
        self.volume.bury()
        print(f"FAIL: seed {self.seed}, run {n}, of a volume of run {self.begun}: {error}")
        if history:
            print(f"{len(history.past)} operations, and then", *map(short, history.operations()), sep="\n    ")
        print(self.volume.last_words(), flush=True)
        keep = os.environ.get("MODEL_KEEP")
        if keep:
            self.volume.keep(f"{keep}/{self.seed}-{n}", history.past + history.operations() if history else ())


def main():
    brainy, powercut = map(os.path.abspath, sys.argv[1:3])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else int(time.time())
    runs = int(sys.argv[4]) if len(sys.argv) > 4 else int(os.environ.get("MODEL_RUNS", "24"))
    first = int(sys.argv[5]) if len(sys.argv) > 5 else 0
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        print("/dev/fuse cannot be opened")
        sys.exit(77)
    os.umask(0)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    work = tempfile.mkdtemp()
    volume = Volume(brainy, powercut, work)
    all_of_them = Runs(volume, seed)
    try:
        for n in range(first, first + runs):
            all_of_them.run(n)
    finally:
        volume.bury()
        shutil.rmtree(work)
    print(f"{runs} runs, {all_of_them.differences} differences")
    sys.exit(all_of_them.differences > 0)


main()
