"""Which operation comes next, with what: likely to succeed, not sure to."""
import os

from chooser_views import KINDS, ViewChooser
from tree import EXCHANGE, KEEP_SIZE, NOREPLACE, PUNCH, WHITEOUT, ZERO

SIZES = (0, 1, 17, 100, 1000, 4095, 4096, 4097, 9000, 30000, 65535, 65536, 70000, 131072, 200001)
NAMES = [f"n{i}" for i in range(7)] + ["x" * 25 + "y" * 230, "\xe4\xf6 \n%2F"]
WORDS = "acorn badger cedar dingo ember fjord gecko heron iguana jackal kestrel lagoon".split()
ROOT = os.geteuid() == 0


class Chooser(ViewChooser):
    def __init__(self, rng, tree):
        self.rng, self.tree = rng, tree
        self.next_handle, self.queue = max(tree.handles, default=0), []
        self.kinds = {"create": 10, "open": 6, "close": 8, "write": 24, "truncate": 5, "fallocate": 6, "copy": 3,
                      "mkdir": 5, "rmdir": 3, "unlink": 6, "rename": 9, "link": 4, "symlink": 3, "chmod": 3,
                      "utime": 3, "setxattr": 6, "removexattr": 3, "fsync": 1, "fdatasync": 1, "fsyncdir": 1,
                      "append": 4, "text": 6, "mknod": 2, "chown": 3 * ROOT, "tmpfile": 2, "linkhandle": 3,
                      "writesync": 1, "syncfs": 1, "durable": 0.1, "killserver": 0}
        if rng.random() < 0.3:
            self.kinds.update(fsync=0, fdatasync=0, fsyncdir=0, writesync=0, durable=0)
        if rng.random() < 0.3:
            self.kinds["killserver"] = 2
        if rng.random() < 0.7:
            self.kinds.update({kind: weight * rng.choice((1, 1, 3)) for kind, weight in KINDS.items()})
        if rng.random() < 0.2:
            self.kinds[rng.choice(list(KINDS))] = 60

    def next(self):
        while not self.queue:
            kind = self.rng.choices(*zip(*self.kinds.items()))[0]
            op = getattr(self, kind)()
            if op is not None:
                return (kind, *op)
        return self.queue.pop(0)

    def plain_names(self):
        return NAMES[:7]

    def words(self):
        return WORDS

    def name(self):
        folder = self.rng.choice(self.tree.folders())
        name = self.rng.choice(NAMES)
        if folder.count("/") > 3:
            return name
        return f"{folder}/{name}" if folder else name

    def old(self, kinds="fdlpc"):
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
        return (h,) if h else None

    fsync = fdatasync = syncfs = close

    def killserver(self):
        return ()

    durable = killserver

    def fsyncdir(self):
        return (self.rng.choice(self.tree.folders()),)

    def write(self):
        h = self.handle()
        if not h:
            return None
        length = max(1, self.rng.choice(SIZES) - self.rng.choice((0, 0, 1, 5)))
        offset = None if self.rng.random() < 0.2 else self.offset(self.tree.handles[h])
        return h, offset, self.bytes(length)

    writesync = write

    def append(self):
        h = self.handle()
        return (h, self.bytes(max(1, self.rng.choice(SIZES)))) if h else None

    def bytes(self, length):
        return (self.rng.randbytes(min(length, 50)) * (length // 50 + 1))[:length]

    def text(self):
        """What a query can find."""
        h = self.handle()
        words = " ".join(self.rng.choices(WORDS, k=self.rng.choice((1, 5, 30, 9000)))) + "\n"
        self.queue += [("truncate", h, 0), ("write", h, 0, words.encode())] * bool(h)

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
        return (h, mode, self.offset(self.tree.handles[h]), max(1, self.rng.choice(SIZES))) if h else None

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
        return (self.old("flpc"),)

    def rename(self):
        flags = self.rng.choice((0, 0, 0, NOREPLACE, EXCHANGE) + ((WHITEOUT,) if os.getuid() == 0 else ()))
        old, new = self.old(), self.old() if flags == EXCHANGE or self.rng.random() < 0.4 else self.name()
        return old, new, flags

    def link(self):
        return self.old("flp"), self.name()

    def mknod(self):
        kind = self.rng.choice("pc" if ROOT else "p")
        return self.name(), kind, self.rng.choice((0o644, 0o600)), self.rng.choice((259, 1281)) if kind == "c" else 0

    def tmpfile(self):
        return (self.rng.choice(self.tree.folders()), 0o644, self.fresh()) if len(self.tree.handles) < 12 else None

    def linkhandle(self):
        h = self.handle()
        return (h, self.name()) if h else None

    def symlink(self):
        return "t" * self.rng.choice((1, 20, 300, 4000)), self.name()

    def chmod(self):
        path = self.old("fd")
        return (path, self.rng.choice((0o600, 0o640, 0o755, 0o700))) if self.has(path) else None

    def chown(self):
        path = self.old()
        return (path, self.rng.choice((-1, 0, 1, 70000)), self.rng.choice((-1, 0, 2))) if self.has(path, "fdlpc") else None

    def utime(self):
        path = self.old("fd")
        return (path, self.rng.randrange(10**18, 2 * 10**18)) if self.has(path) else None

    def setxattr(self):
        path, name = self.attribute()
        value = self.rng.randbytes(self.rng.choice((0, 1, 30, 2000, 50000)))
        return (path, name, value, self.rng.choice((0, 0, 1, 2))) if name else None

    def removexattr(self):
        path, name = self.attribute()
        return (path, name) if name else None

    def attribute(self):
        path = self.old()
        names = [f"user.a{i}" for i in range(4)] * self.has(path, "fd") + ["trusted.t"] * ROOT
        return path, self.rng.choice(names) if names and self.has(path, "fdlpc") else None

    def has(self, path, kinds="fd"):
        node = self.tree.get(path)
        return bool(node) and node.kind in kinds
