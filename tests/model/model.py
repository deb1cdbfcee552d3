"""model.py BRAINY POWERCUT.SO [SEED [RUNS]] - random operations on a mount and on a tree in memory, side by side.

Each run ends with the death of keeper and server, at a random moment. After that alone, a cold mount shows everything
that was completed, and the operation in flight or not. With a power cut (cut.py) it shows what was completed up to some
moment at or after the last sync, and nothing else. Half of the runs go on with what the one before left.
To repeat a failure: give the seed and the runs that it printed. (Where the killer's timer hits is not repeated.)"""
import copy, errno as E, os, random, shutil, signal, subprocess, sys, tempfile, threading, time

import cut
from real import Real
from tree import EXCHANGE, KEEP_SIZE, NOREPLACE, PUNCH, WHITEOUT, ZERO, Node, Tree

DEAD = (E.ENOTCONN, E.ECONNABORTED, E.EINTR)
SIZES = (0, 1, 17, 100, 1000, 4095, 4096, 4097, 9000, 30000, 65535, 65536, 70000, 131072, 200001)
SYNCS = ("fsync", "fdatasync", "fsyncdir", "durable")
NAMES = [f"n{i}" for i in range(7)] + ["x" * 25 + "y" * 230, "\xe4\xf6 \n%2F"]


class Volume:
    """A volume that is mounted, killed, cut, and mounted again."""

    def __init__(self, brainy, powercut, work):
        self.brainy, self.powercut = brainy, powercut
        self.dir, self.mnt, self.durable = f"{work}/vol", f"{work}/mnt", f"{work}/durable"
        self.env = dict(os.environ, HOME=work, XDG_CONFIG_HOME=f"{work}/.config", BRAINY_LOG=f"{work}/log")
        os.makedirs(self.mnt)

    def run(self, *args, env=None):
        done = subprocess.run([self.brainy, *args], env=env or self.env, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, f"brainy {args[0]}: {done.returncode}: {done.stdout[-1500:]}{done.stderr}"

    def make(self, rng):
        shutil.rmtree(self.dir, ignore_errors=True)
        self.run("init", self.dir)
        with open(f"{self.dir}/brainy.conf", "w") as f:
            f.write(f"[wal]\nsegment_size = 4M\ncheckpoint_ms = {rng.choice((10, 50, 200, 2000))}\n"
                    f"no_mmap = {rng.choice(('no', 'no', 'yes'))}\n"
                    f"[tiers]\nsegment_size = 4M\nreserve = 1M\ninline_below = {rng.choice((1, 3000, 65536))}\n")

    def mount(self):
        cut.keep_all(self.dir, self.durable)
        self.run("mount", self.dir, self.mnt, env=dict(self.env, LD_PRELOAD=self.powercut,
                 POWERCUT_VOLUME=self.dir, POWERCUT_DURABLE=self.durable))
        with open(f"{self.dir}/lock") as f:
            keeper = int(f.readline().split()[1])
        self.pids = [keeper] + children(keeper)

    def kill(self):
        for pid in self.pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def bury(self):
        end = time.monotonic() + 30
        while any(alive(pid) for pid in self.pids):
            assert time.monotonic() < end, "killed processes stay"
            time.sleep(0.002)
        while os.system(f"umount -l {self.mnt} 2>/dev/null || fusermount3 -u -z {self.mnt} 2>/dev/null") == 0:
            pass


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return [int(p) for p in f.read().split()]


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Chooser:
    """The next operation; likely to succeed, not sure to."""

    def __init__(self, rng, tree):
        self.rng, self.tree, self.next_handle = rng, tree, 1
        self.kinds = {"create": 10, "open": 6, "close": 8, "write": 24, "truncate": 5, "fallocate": 6, "copy": 3,
                      "mkdir": 5, "rmdir": 3, "unlink": 6, "rename": 9, "link": 4, "symlink": 3, "chmod": 3,
                      "utime": 3, "setxattr": 6, "removexattr": 3, "fsync": 1, "fdatasync": 1, "fsyncdir": 1}
        if rng.random() < 0.3:
            self.kinds.update(fsync=0, fdatasync=0, fsyncdir=0)

    def next(self):
        while True:
            kind = self.rng.choices(*zip(*self.kinds.items()))[0]
            op = getattr(self, kind)()
            if op:
                return (kind, *op)

    def name(self):
        folder = self.rng.choice(self.tree.folders())
        name = self.rng.choice(NAMES)
        if folder.count("/") > 3:
            return name
        return f"{folder}/{name}" if folder else name

    def old(self, kinds="fdlc"):
        found = [p for p, n in self.tree.walk() if p and n.kind in kinds]
        return self.rng.choice(found) if found and self.rng.random() < 0.95 else self.name()

    def handle(self):
        return self.rng.choice(list(self.tree.handles)) if self.tree.handles else None

    def fresh(self):
        self.next_handle += 1
        return self.next_handle

    def offset(self, node):
        return self.rng.choice((0, len(node.data), self.rng.randrange(len(node.data) + 1), self.rng.randrange(300000)))

    def create(self):
        return (self.name(), self.rng.choice((0o644, 0o600, 0o755)), self.fresh()) if len(self.tree.handles) < 12 else None

    def open(self):
        files = [p for p, n in self.tree.walk() if n.kind == "f"]
        if not files or len(self.tree.handles) > 12:
            return None
        return self.rng.choice(files), self.rng.random() < 0.2, self.fresh()

    def close(self):
        h = self.handle()
        return h and (h,)

    fsync = fdatasync = close

    def fsyncdir(self):
        return (self.rng.choice(self.tree.folders()),)

    def write(self):
        h = self.handle()
        if not h:
            return None
        length = max(1, self.rng.choice(SIZES) - self.rng.choice((0, 0, 1, 5)))
        offset = None if self.rng.random() < 0.2 else self.offset(self.tree.handles[h])
        data = self.rng.randbytes(min(length, 50)) * (length // 50 + 1)
        return h, offset, data[:length]

    def truncate(self):
        h = self.handle()
        where = h if h and self.rng.random() < 0.5 else self.old("f")
        node = self.tree.handles[h] if where == h else self.tree.get(where)
        if not node or node.kind != "f":
            return None
        return where, self.rng.choice((0, self.offset(node), self.rng.randrange(len(node.data) + 1)))

    def fallocate(self):
        h = self.handle()
        mode = self.rng.choice((0, KEEP_SIZE, PUNCH | KEEP_SIZE, PUNCH | KEEP_SIZE, ZERO, ZERO | KEEP_SIZE))
        return h and (h, mode, self.offset(self.tree.handles[h]), max(1, self.rng.choice(SIZES)))

    def copy(self):
        a, b = self.handle(), self.handle()
        if not a or self.tree.handles[a] is self.tree.handles[b]:
            return None
        return a, self.offset(self.tree.handles[a]), b, self.offset(self.tree.handles[b]), self.rng.choice(SIZES[1:])

    def mkdir(self):
        return self.name(), self.rng.choice((0o755, 0o700))

    def rmdir(self):
        return (self.old("d"),)

    def unlink(self):
        return (self.old("flc"),)

    def rename(self):
        flags = self.rng.choice((0, 0, 0, NOREPLACE, EXCHANGE) + ((WHITEOUT,) if os.getuid() == 0 else ()))
        old, new = self.old(), self.old() if flags == EXCHANGE or self.rng.random() < 0.4 else self.name()
        return old, new, flags

    def link(self):
        return self.old("fl"), self.name()

    def symlink(self):
        return "t" * self.rng.choice((1, 20, 300, 4000)), self.name()

    def chmod(self):
        path = self.old("fd")
        return (path, self.rng.choice((0o600, 0o640, 0o755, 0o700))) if self.has(path) else None

    def utime(self):
        path = self.old("fd")
        return (path, self.rng.randrange(10**18, 2 * 10**18)) if self.has(path) else None

    def setxattr(self):
        path = self.old("fd")
        value = self.rng.randbytes(self.rng.choice((0, 1, 30, 2000, 50000)))
        return (path, f"user.a{self.rng.randrange(4)}", value, self.rng.choice((0, 0, 1, 2))) if self.has(path) else None

    def removexattr(self):
        path = self.old("fd")
        return (path, f"user.a{self.rng.randrange(4)}") if self.has(path) else None

    def has(self, path):
        node = self.tree.get(path)
        return node and node.kind in "fd"


def touched(op):
    """Paths and handles whose times an operation may change."""
    places = [a for a in op[1:] if isinstance(a, str)] if op[0] in ("create", "mkdir", "symlink", "link", "unlink",
              "rmdir", "rename", "open") else [op[1]]
    if op[0] == "copy":
        places = [op[3]]
    if op[0] in ("create", "open"):
        places.append(op[3])
    if op[0] == "symlink":
        places = [op[2]]
    return [p for p in places if p is not None] + [p.rpartition("/")[0] for p in places if isinstance(p, str)]


def node_at(tree, place):
    return tree.handles.get(place) if isinstance(place, int) else tree.get(place)


def observe(tree, real, op):
    seen = []
    if op[0] in SYNCS or op[0] == "close":
        return seen
    for place in touched(op):
        if node_at(tree, place):
            try:
                seen.append((place, real.stat(place)))
            except OSError as e:
                if e.errno not in DEAD:
                    raise AssertionError(f"{place} is there, and stat says {e}")
    return seen


def learn(tree, seen):
    for place, st in seen:
        node_at(tree, place).observe(st)


def half_written(tree, op, dump, different):
    """The kernel cuts a write(2) into requests where pages end: some of them may be done. If so, the tree has them."""
    if op[0] != "write" or not all(d.split(": ")[-2] in ("mtime", "ctime", "data") for d in different):
        return False
    _, handle, offset, data = op
    node = tree.handles[handle]
    offset = len(node.data) if offset is None else offset
    before, times = bytes(node.data), (node.mtime, node.ctime)
    for length in range(4096 - offset % 4096, len(data), 4096):
        tree.do(("write", handle, offset, data[:length]))
        if not tree.differs(dump):
            return True
        node.data[:] = before
    node.mtime, node.ctime = times
    return False


class Run:
    def __init__(self, volume, tree, rng, power):
        self.volume, self.tree, self.rng, self.power = volume, tree, rng, power
        self.begin = copy.deepcopy(tree)
        self.log, self.synced, self.flight = [], 0, None
        self.real = Real(volume.mnt, lambda: volume.run("wait", volume.mnt, "--for", "durable"))

    def operate(self, count):
        chooser = Chooser(self.rng, self.tree)
        for _ in range(count):
            if not self.step(chooser.next()):
                return

    def step(self, op):
        """False: the mount is dead, and the operation was in flight."""
        got = self.real.do(op)
        if got in DEAD:
            self.flight = op
            return False
        wanted = self.tree.do(op)
        assert got == wanted, f"{short(op)}: {E.errorcode.get(got, got)}, wanted {E.errorcode.get(wanted, wanted)}"
        seen = observe(self.tree, self.real, op) if not got else []
        learn(self.tree, seen)
        self.log.append((op, seen))
        if op[0] in SYNCS and not got:
            self.synced = len(self.log)
        return True

    def killed(self):
        """Operations, a killer that comes between two of them or at any time, and what is found afterwards."""
        count = self.rng.choice((5, 30, 100, 250))
        timer = threading.Timer(self.rng.uniform(0, 0.4), self.volume.kill) if self.rng.random() < 0.6 else None
        if timer:
            timer.start()
        self.operate(count)
        if timer:
            timer.join()
        else:
            assert not self.flight, f"{short(self.flight)}: the mount died by itself"
            self.check(self.tree.differs(self.real.dump()), "before the kill")
            self.volume.kill()
        self.real.forget_handles()
        self.volume.bury()
        share = cut.cut(self.volume.dir, self.volume.durable, self.rng) if self.power else None
        self.volume.mount()
        return self.recovered(self.real.dump(), share)

    def recovered(self, dump, share):
        """The state after as many operations as the dump shows."""
        first = self.synced if self.power else len(self.log)
        state, nearest = self.begin, []
        for n, (op, seen) in enumerate(self.log + [(self.flight, []), (None, [])]):
            if n >= first and n <= len(self.log) + bool(self.flight):
                different = state.differs(dump)
                if not different or (op and half_written(state, op, dump, different)):
                    state.forget_handles()
                    return state
                nearest.append((len(different), n, different[:5], "next", op and short(op)))
            if op:
                state.do(op)
                learn(state, seen)
        raise AssertionError(f"after {len(self.log)} operations, {self.synced} of them synced, in flight "
                             f"{self.flight and short(self.flight)}; power cut: {share}; nearest are\n" +
                             "\n".join(map(str, sorted(nearest, key=lambda d: d[:2])[:3])))

    def check(self, complaint, when):
        if complaint:
            for op, _ in self.log[-12:]:
                print("   ", short(op))
        assert not complaint, f"{when}: {complaint[:5]}"


def short(op):
    return "(" + ", ".join(f"{len(a)} bytes" if isinstance(a, bytes) and len(a) > 20 else repr(a)[:60] for a in op) + ")"


def one(volume, seed, tree):
    """A run; the tree that the volume holds afterwards, or None when the next begins with a new volume."""
    rng = random.Random(seed)
    if tree is None:
        volume.make(rng)
        volume.mount()
        tree = Tree()
        tree.root.mode = os.stat(volume.mnt).st_mode & 0o7777
    tree = Run(volume, tree, rng, rng.random() < 0.6).killed()
    if rng.random() < 0.7:
        return tree
    volume.run("umount", volume.mnt)
    volume.run("fsck", volume.dir)
    return None


def main():
    brainy, powercut = map(os.path.abspath, sys.argv[1:3])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else int(time.time())
    runs = int(sys.argv[4]) if len(sys.argv) > 4 else int(os.environ.get("MODEL_RUNS", "24"))
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        print("/dev/fuse cannot be opened")
        sys.exit(77)
    os.umask(0)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    work = tempfile.mkdtemp()
    volume, tree, status = Volume(brainy, powercut, work), None, 1
    try:
        for n in range(runs):
            print(f"seed {seed} run {n}", flush=True)
            tree = one(volume, f"{seed} {n}", tree)
        status = 0
    except (AssertionError, OSError) as e:
        print(f"FAIL: seed {seed}, run {n}: {e}")
        os.system(f"tail -n 20 {work}/log")
    finally:
        if getattr(volume, "pids", None):
            volume.kill()
            volume.bury()
        if not (status and os.environ.get("MODEL_KEEP")):
            shutil.rmtree(work)
    sys.exit(status)


main()
