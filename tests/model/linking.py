"""Links that a user sets, user.brainy.link.VERB.

What is not there is waited for, and what is gone is looked for anew, some time after the operation that changed it. So each
line of a list is the set of what it may stand for: a node, or a path that is waited for."""
import errno as E, os, re

from refused import refuse_if

# What changes something whenever it succeeds, or syncs.
DURABLE_AFTER = ("create", "mkdir", "symlink", "unlink", "setxattr", "settags", "setlinks", "fsync", "writesync", "durable")


def escape(path):
    return re.sub(rb"[\0-\x1f%\x7f]", lambda m: b"%%%02X" % m[0][0], os.fsencode(path))


def unescape(line):
    return os.fsdecode(re.sub(rb"%([0-9A-Fa-f]{2})", lambda m: bytes([int(m[1], 16)]), os.fsencode(line)))


class Linking:
    """A part of Tree."""

    def resolve(self, path):
        node, above = self.root, []
        for step in path.split("/"):
            if step in ("", "."):
                continue
            if step == "..":
                node = above.pop() if above else None
            else:
                above.append(node)
                node = node.names.get(step)
            if not node:
                return None
        return node

    def do_setlinks(self, path, verb, text, flags):
        node = self.find(path)
        refuse_if(flags == 1 and verb in node.links, E.EEXIST)
        refuse_if(flags == 2 and verb not in node.links, E.ENODATA)
        paths = [unescape(line) for line in text.split("\n") if line]
        node.links[verb], node.ctime = [{self.resolve(p) or p} for p in paths], None

    def do_removelinks(self, path, verb):
        node = self.find(path)
        refuse_if(verb not in node.links, E.ENODATA)
        del node.links[verb]
        node.ctime = None

    def lines(self):
        """All that stand in a list of a file that is there."""
        return [line for node in self.named() for lines in node.links.values() for line in lines]

    def do_settle(self):
        """What was waited for and is a file has been found, unless it is open: somebody may be writing it. That is as durable
        as what comes after it."""
        waiting = [(line, path) for line in self.lines() for path in line if isinstance(path, str)]
        for line, path in waiting:
            target = self.resolve(path)
            if target and target.kind == "f" and all(target is not node for node in self.handles.values()):
                self.settled.append((line, path))

    def links_found(self, kind):
        if kind in DURABLE_AFTER:
            for line, path in self.settled:
                line.discard(path)
            self.settled = []

    # -- what becomes of them
    def targets(self):
        """By id: those that something may be linked to, and their names."""
        if not any(node.links for node in self.named()):
            return {}
        names = {}
        for path, node in self.walk():
            names.setdefault(id(node), (node, []))[1].append(path)
        return names

    def follow_links(self, before):
        """`before`: targets() before the operation."""
        if not before and not any(node.links for node in self.named()):
            return
        alive = {id(node) for node in self.named()}
        for node, names in before.values():
            if id(node) not in alive:
                node.last_path = names[-1]
        self.look_again(alive)

    def look_again(self, alive):
        """What may have become of each line by now, or will at any time."""
        for line in self.lines():
            for what in list(line):
                if isinstance(what, str) or id(what) not in alive:
                    path = what if isinstance(what, str) else what.last_path
                    line.add(self.resolve(path) or path)

    # -- comparing
    def readings(self, what, names):
        if isinstance(what, str):
            return {escape(what)}
        paths = names.get(id(what), (what, [what.last_path]))[1]
        return {escape(path or "/") for path in paths}

    def links_differ(self, path, node, found, names):
        if found.keys() != node.links.keys():
            return [f"{path}: links: {list(found)}, wanted {list(node.links)}"]
        different = []
        for verb, lines in node.links.items():
            read = found[verb].split(b"\n") if found[verb] else []
            wanted = [set().union(*(self.readings(what, names) for what in line)) for line in lines]
            if len(read) != len(wanted) or not all(r in w for r, w in zip(read, wanted)):
                different.append(f"{path}: links {verb}: {read}, wanted {wanted}")
        return different

    def believe_links(self, dump):
        """Of all that a line may stand for, what was seen is left."""
        names = self.targets()
        for path, node in self.walk():
            for verb, lines in node.links.items():
                for line, read in zip(lines, dump[path]["links"][verb].split(b"\n")):
                    line.intersection_update({what for what in line if read in self.readings(what, names)})
        self.look_again({id(node) for node in self.named()})
