"""What was done to a mount since the last moment of which we know that the disk has it, and what a crash may leave."""
import copy, errno as E

DEAD = (E.ENOTCONN, E.ECONNABORTED, E.EINTR)
# syncfs(2) is not passed on to a FUSE filesystem.
SYNCS = ("fsync", "fdatasync", "fsyncdir", "writesync", "durable")
SILENT = ("fsync", "fdatasync", "fsyncdir", "durable", "syncfs", "killserver", "close",
          "mktag", "rmtag", "renametag", "settle", "save", "unsave", "resave", "control")
BYTES = ("write", "writesync", "append")


def short(op):
    return "(" + ", ".join(f"{len(a)} bytes" if isinstance(a, bytes) and len(a) > 20 else repr(a)[:60] for a in op) + ")"


def touched(op):
    """Paths and handles whose times an operation may change."""
    kind, *args = op
    places = {"copy": args[2:3], "symlink": args[1:2], "linkhandle": args, "create": args[::2], "open": args[::2],
              "tmpfile": args[2:], "link": args, "rename": args[:2], "untag": args[2:], "retag": args[5:],
              "tagrename": args[4:], "untagmove": args[2:3] + args[4:], "tagcreate": args[-2:]}.get(kind, args[:1])
    return places + [p.rpartition("/")[0] for p in places if isinstance(p, str)]


def node_at(tree, place):
    return tree.handles.get(place) if isinstance(place, int) else tree.get(place)


def observe(tree, real, op):
    seen = []
    for place in touched(op) if op[0] not in SILENT else ():
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


class Stat:
    """Of what was seen in a dump."""
    def __init__(self, found):
        self.st_ino, self.st_mtime_ns, self.st_ctime_ns = found["ino"], found["mtime"], found["ctime"]


def half_written(tree, op, dump, different):
    """The kernel cuts a write(2) into requests where pages end: some of them may be done. If so, the tree has them, and
    the part of the write that did it is returned."""
    if not op or op[0] not in BYTES or not all(d.split(": ")[-2] in ("mtime", "ctime", "data") for d in different):
        return None
    handle, offset, data = op[1:] if op[0] != "append" else (op[1], None, op[2])
    node = tree.handles[handle]
    offset = len(node.data) if offset is None else offset
    before, times = bytes(node.data), (node.mtime, node.ctime)
    for length in range(4096 - offset % 4096, len(data), 4096):
        part = ("write", handle, offset, data[:length])
        tree.do(part)
        if not tree.differs(dump):
            return part
        node.data[:] = before
    node.mtime, node.ctime = times
    return None


class History:
    def __init__(self, tree, past=()):
        """`past`: operations that made the tree."""
        self.tree, self.begin, self.past = tree, copy.deepcopy(tree), list(past)
        self.log, self.synced, self.flight = [], 0, None

    def step(self, real, op):
        """False: the mount is dead, and the operation was in flight."""
        self.flight = op
        got = real.do(op)
        if got in DEAD:
            return False
        wanted = self.tree.do(op)
        assert got == wanted, f"{short(op)}: {E.errorcode.get(got, got)}, wanted {E.errorcode.get(wanted, wanted)}"
        seen = observe(self.tree, real, op) if not got else []
        learn(self.tree, seen)
        self.log.append((op, seen))
        if op[0] in SYNCS and not got:
            self.synced = len(self.log)
        self.flight = None
        return True

    def crashed(self, dump, power):
        """The mount was killed, perhaps the power was cut, and now there is `dump`. After a mere kill the history goes
        on, because nothing more is on the disk than before; after a power cut it begins anew."""
        state, done = self.find(dump, self.synced if power else len(self.log))
        state.believe(dump)
        state.do_crash()
        if power:
            return History(state, self.past + done + [("crash",)])
        seen = [(path, Stat(found)) for path, found in dump.items()]
        self.log += [(op, []) for op in done[len(self.log):]] + [(("crash",), seen)]
        self.tree, self.flight = state, None
        return self

    def find(self, dump, first):
        """The state after as many operations, `first` at least, as the dump shows, and those."""
        state, nearest = copy.deepcopy(self.begin), []
        after = [(self.flight, [])] if self.flight else []
        for n, (op, seen) in enumerate(self.log + after + [(None, [])]):
            if n >= first:
                different = state.differs(dump)
                if not different:
                    return state, self.operations()[:n]
                part = half_written(state, op, dump, different)
                if part:
                    return state, self.operations()[:n] + [part]
                nearest.append((len(different), n, different[:5], "next", op and short(op)))
            if op:
                state.do(op)
                learn(state, seen)
        raise AssertionError(f"after {len(self.log)} operations, {first} of them to be there, in flight "
                             f"{self.flight and short(self.flight)}; nearest are\n" +
                             "\n".join(map(str, sorted(nearest, key=lambda d: d[:2])[:3])))

    def operations(self):
        """Those since the last state that is known, and perhaps the one in flight."""
        return [op for op, _ in self.log] + ([self.flight] if self.flight else [])
