"""A filesystem in memory: what random operations should have done to the mount, and which errors they should have met.

An operation is a tuple: a name, paths ("" is the root) or numbers of handles, and plain values. do(operation) answers 0
or the number of an error. Times are what the mount said after an operation, or None while nobody looked."""
import errno as E, os, stat

from linking import Linking
from refused import Refused, refuse_if
from saving import Saved, Saving
from tagging import Tagging
from tags import Label, decode

EXCHANGE, NOREPLACE, WHITEOUT = 2, 1, 4
KEEP_SIZE, PUNCH, ZERO = 1, 2, 16


class Node:
    def __init__(self, kind, mode):
        self.kind, self.mode = kind, mode
        self.data, self.target, self.names = bytearray(), "", {}
        self.xattrs, self.tags, self.links = {}, None, {}
        self.last_path = None
        self.owner, self.device = (os.geteuid(), os.getegid()), 0
        self.linkable = False
        self.ino = self.mtime = self.ctime = None

    def touch(self):
        self.mtime = self.ctime = None

    def observe(self, st):
        if self.ino not in (None, st.st_ino):
            raise AssertionError(f"inode {self.ino} became {st.st_ino}")
        self.ino, self.mtime, self.ctime = st.st_ino, st.st_mtime_ns, st.st_ctime_ns


class Tree(Tagging, Linking, Saving):
    def __init__(self):
        self.root = Node("d", 0o755)
        self.handles = {}
        self.tags, self.saved, self.settled = Label(), Saved(), []

    def do(self, op):
        before = self.targets()
        try:
            getattr(self, "do_" + op[0])(*op[1:])
            self.links_found(op[0])
            self.tidy_tags()
            self.follow_links(before)
            return 0
        except Refused as e:
            return e.args[0]

    # -- finding
    def find(self, path):
        node = self.root
        for name in path.split("/") if path else ():
            refuse_if(node.kind != "d", E.ENOTDIR)
            refuse_if(name not in node.names, E.ENOENT)
            node = node.names[name]
        return node

    def get(self, path):
        try:
            return self.find(path)
        except Refused:
            return None

    def place(self, path):
        folder, _, name = path.rpartition("/")
        parent = self.find(folder)
        refuse_if(parent.kind != "d", E.ENOTDIR)
        return parent, name

    def file(self, where):
        return self.handles[where] if isinstance(where, int) else self.find(where)

    def folders(self):
        return [p for p, n in self.walk() if n.kind == "d"]

    def walk(self):
        todo = [("", self.root)]
        while todo:
            path, node = todo.pop()
            yield path, node
            todo += [(f"{path}/{n}" if path else n, c) for n, c in sorted(node.names.items())]

    # -- names
    def add(self, path, node):
        parent, name = self.place(path)
        refuse_if(name in parent.names, E.EEXIST)
        parent.names[name] = node
        parent.touch()
        return node

    def do_create(self, path, mode, handle):
        self.handles[handle] = self.add(path, Node("f", mode))

    def do_open(self, path, truncate, handle):
        node = self.find(path)
        refuse_if(node.kind == "d", E.EISDIR)
        self.handles[handle] = node
        if truncate:
            node.data.clear()
            node.touch()

    def do_close(self, handle):
        del self.handles[handle]

    def do_mkdir(self, path, mode):
        self.add(path, Node("d", mode))

    def do_mknod(self, path, kind, mode, device):
        self.add(path, Node(kind, mode)).device = device

    def do_tmpfile(self, path, mode, handle):
        self.handles[handle] = node = Node("f", mode)
        node.linkable = True

    def do_linkhandle(self, handle, new):
        node = self.handles[handle]
        parent, name = self.place(new)
        refuse_if(name in parent.names, E.EEXIST)
        refuse_if(not node.linkable and all(n is not node for _, n in self.walk()), E.ENOENT)
        self.add(new, node).ctime = None
        if node.linkable:
            self.adopt_tags(node)
        node.linkable = False

    def do_symlink(self, target, path):
        self.add(path, Node("l", 0o777)).target = target

    def do_link(self, old, new):
        node = self.find(old)
        parent, name = self.place(new)
        refuse_if(name in parent.names, E.EEXIST)
        refuse_if(node.kind == "d", E.EPERM)
        self.add(new, node).ctime = None

    def do_unlink(self, path):
        parent, name = self.place(path)
        refuse_if(name not in parent.names, E.ENOENT)
        refuse_if(parent.names[name].kind == "d", E.EISDIR)
        parent.names.pop(name).ctime = None
        parent.touch()

    def do_rmdir(self, path):
        parent, name = self.place(path)
        refuse_if(name not in parent.names, E.ENOENT)
        node = parent.names[name]
        refuse_if(node.kind != "d", E.ENOTDIR)
        refuse_if(node.names, E.ENOTEMPTY)
        del parent.names[name]
        parent.touch()

    def do_rename(self, old, new, flags):
        old_parent, old_name = self.place(old)
        new_parent, new_name = self.place(new)
        refuse_if(old_name not in old_parent.names, E.ENOENT)
        node, other = old_parent.names[old_name], new_parent.names.get(new_name)
        refuse_if(flags & NOREPLACE and other, E.EEXIST)
        refuse_if(flags & EXCHANGE and not other, E.ENOENT)
        refuse_if(new.startswith(old + "/"), E.EINVAL)
        refuse_if(old.startswith(new + "/"), E.EINVAL if flags & EXCHANGE else E.ENOTEMPTY)
        if node is other:
            return
        if other and not flags & EXCHANGE:
            refuse_if(node.kind == "d" and other.kind != "d", E.ENOTDIR)
            refuse_if(node.kind != "d" and other.kind == "d", E.EISDIR)
            refuse_if(other.names, E.ENOTEMPTY)
        old_parent.names.pop(old_name)
        new_parent.names[new_name] = node
        if flags & EXCHANGE:
            old_parent.names[old_name] = other
        elif flags & WHITEOUT:
            old_parent.names[old_name] = Node("c", 0)
        for touched in (old_parent, new_parent):
            touched.touch()
        for touched in (node, other):
            if touched:
                touched.ctime = None

    # -- bytes
    def do_write(self, handle, offset, data):
        node = self.handles[handle]
        offset = len(node.data) if offset is None else offset
        node.data.extend(bytes(max(0, offset - len(node.data))))
        node.data[offset:offset + len(data)] = data
        node.touch()

    do_writesync = do_write

    def do_append(self, handle, data):
        self.do_write(handle, None, data)

    def do_truncate(self, where, size):
        node = self.file(where)
        refuse_if(node.kind == "d", E.EISDIR)
        refuse_if(node.kind != "f", E.EINVAL)
        del node.data[size:]
        node.data.extend(bytes(size - len(node.data)))
        node.touch()

    def do_fallocate(self, handle, mode, offset, length):
        node = self.handles[handle]
        if not mode & KEEP_SIZE:
            node.data.extend(bytes(max(0, offset + length - len(node.data))))
        if mode & (PUNCH | ZERO):
            end = min(offset + length, len(node.data))
            if end > offset:
                node.data[offset:end] = bytes(end - offset)
        node.touch()

    def do_copy(self, source, source_offset, handle, offset, length):
        data = bytes(self.handles[source].data[source_offset:source_offset + length])
        if data:
            self.do_write(handle, offset, data)

    # -- attributes
    def do_chmod(self, path, mode):
        node = self.find(path)
        node.mode, node.ctime = mode, None

    def do_chown(self, path, uid, gid):
        node = self.find(path)
        node.owner = tuple(old if new == -1 else new for old, new in zip(node.owner, (uid, gid)))
        node.ctime = None

    def do_utime(self, path, mtime):
        self.find(path).touch()

    def do_setxattr(self, path, name, value, flags):
        node = self.find(path)
        refuse_if(flags == 1 and name in node.xattrs, E.EEXIST)
        refuse_if(flags == 2 and name not in node.xattrs, E.ENODATA)
        node.xattrs[name], node.ctime = value, None

    def do_removexattr(self, path, name):
        node = self.find(path)
        refuse_if(name not in node.xattrs, E.ENODATA)
        del node.xattrs[name]
        node.ctime = None

    # -- what changes nothing that can be seen
    def do_fsync(self, *_):
        pass

    do_fdatasync = do_fsyncdir = do_durable = do_syncfs = do_killserver = do_fsync

    # -- the mount dies, and with it what was open
    def do_crash(self):
        self.handles = {}

    # -- comparing
    def differs(self, dump):
        """What dump() saw otherwise; empty when nothing."""
        mine, names = dict(self.walk()), self.targets()
        links = {}
        for node in mine.values():
            links[id(node)] = links.get(id(node), 0) + 1
        different = [f"missing: {p}" for p in mine.keys() - dump.keys()] + [f"too much: {p}" for p in dump.keys() - mine.keys()]
        for path in mine.keys() & dump.keys():
            node, found = mine[path], dump[path]
            subfolders = sum(c.kind == "d" for c in node.names.values())
            wanted = {"kind": node.kind, "mode": node.mode, "nlink": 2 + subfolders if node.kind == "d" else links[id(node)],
                      "ino": node.ino, "mtime": node.mtime, "ctime": node.ctime, "xattrs": node.xattrs,
                      "tags": None if node.tags is None else decode(node.tags),
                      "target": node.target, "data": node.data, "owner": node.owner, "device": node.device}
            different += [f"{path}: {what}: {describe(found[what], value)}" for what, value in wanted.items()
                          if value != found[what] and not (value is None and what in ("ino", "mtime", "ctime"))]
            different += self.links_differ(path, node, found["links"], names)
        return different + self.tags_differ(dump) + self.saved_differs(dump)

    def believe(self, dump):
        """It is this state that was seen."""
        for path, node in self.walk():
            node.ino = dump[path]["ino"]
        self.believe_links(dump)


def describe(found, wanted):
    if not isinstance(wanted, (bytes, bytearray)):
        return f"{found}, wanted {wanted}"
    at = next((i for i, (a, b) in enumerate(zip(found, wanted)) if a != b), min(len(found), len(wanted)))
    return f"{len(found)} bytes, wanted {len(wanted)}, different from {at}"


def kind_of(mode):
    return {stat.S_IFREG: "f", stat.S_IFDIR: "d", stat.S_IFLNK: "l", stat.S_IFCHR: "c",
            stat.S_IFIFO: "p"}.get(stat.S_IFMT(mode), "?")
