"""Operations by way of tags, links and saved searches. As the paths of files, folders are likely to be there."""
from saving import CONTROLS
from tags import Label, labels_of
from tagging import Folder, NOREPLACE

TAG_NAMES = ["t0", "t1", "t2", "t3", "gr\xfcn", "n0"]
LISTS = "{}", "{}", "{},{}", " {} ,, {},", "{}/{}", "{}, {}/{} ,{}", "", ",", "{},{},{},{}"
VERBS = "cites", "likes"
SEARCHES = "s0", "s1", "s2"
KINDS = {"settags": 8, "removetags": 1, "taglink": 5, "tagsymlink": 3, "untag": 5, "tagmove": 4, "retag": 4, "tagrename": 3,
         "untagmove": 3, "tagcreate": 3, "mktag": 3, "rmtag": 3, "renametag": 6, "setlinks": 8, "removelinks": 1, "settle": 0.3,
         "save": 2, "unsave": 1, "resave": 2, "control": 2}


class ViewChooser:
    """A part of Chooser."""

    # -- places
    def tag_name(self):
        return self.rng.choice(TAG_NAMES)

    def old_tag(self):
        labels = list(self.tree.tags.walk())
        return self.rng.choice(labels).whole() if labels else None

    def new_tag(self):
        """Below a tag that is there, or beside all."""
        above, name = self.old_tag() if self.rng.random() < 0.4 else None, self.tag_name()
        sure = above and self.certain(Folder(self.tree, above), [name])
        return f"{above}/{name}" if sure and above.count("/") < 3 else name

    def folder(self):
        """Whose files can be changed."""
        folder, other = self.old_tag(), self.old_tag()
        if folder and folder != other and "/" not in folder + other and self.rng.random() < 0.2:
            return f"{folder},{self.rng.choice(('', '-'))}{other}"
        return folder

    def shown(self, kinds="f"):
        """A folder, a name there, and the path of the file: of one that has a single name."""
        folder = self.folder()
        if not folder:
            return None
        paths = {}
        for path, node in self.tree.walk():
            paths.setdefault(id(node), []).append(path)
        names = [(name, paths[id(node)][0]) for name, node in self.tree.names_in(Folder(self.tree, folder)).items()
                 if node.kind in kinds and len(paths[id(node)]) == 1]
        return (folder, *self.rng.choice(names)) if names else None

    def unsure(self, folder):
        """What a file there may be called, or not."""
        certain, called = self.tree.names_in(folder), self.tree.basenames()
        return set().union(*(called[id(n)] for n in folder.nodes if all(n is not c for c in certain.values())))

    def certain(self, folder, names):
        """Those of which it is certain what they are there."""
        unsure = self.unsure(folder)
        return [name for name in names if name not in unsure and not self.tree.is_unlisted(folder, name)]

    def certain_names(self, folder):
        folder = Folder(self.tree, folder)
        return self.certain(folder, self.plain_names() + self.rng.sample(TAG_NAMES, 1) + list(self.tree.names_in(folder)))

    def into(self, name):
        """A folder, and what a file may be called there, mostly as it is."""
        folder = self.folder()
        names = self.certain_names(folder) if folder else []
        if not names:
            return None
        return folder, name if name in names and self.rng.random() < 0.7 else self.rng.choice(names)

    def flags(self):
        return self.rng.choice((0, 0, 0, NOREPLACE))

    # -- lists
    def settags(self):
        where = self.handle() if self.rng.random() < 0.15 else self.old("fd")
        if not where or (isinstance(where, str) and not self.has(where)):
            return None
        form = self.rng.choice(LISTS)
        text = form.format(*(self.rng.choice(TAG_NAMES) for _ in range(4)))
        return where, text, self.rng.choice((0, 0, 0, 1, 2))

    def removetags(self):
        path = self.old("fd")
        return (path,) if self.has(path) else None

    # -- files
    def taglink(self):
        path = self.old("fp")
        place = self.into(path.rpartition("/")[2])
        return (path, *place) if place else None

    def tagsymlink(self):
        path = self.old("fdp")
        place = self.into(path.rpartition("/")[2])
        node = self.tree.get(path)
        return (path, *place) if place and (not node or node.kind in "fdp") else None

    def untag(self):
        return self.shown("fd")

    def tagmove(self):
        path = self.old("fdp")
        place = self.into(path.rpartition("/")[2])
        return (path, *place, self.flags()) if place and self.has(path, "fdp") else None

    def retag(self):
        shown = self.shown()
        place = shown and self.into(shown[1])
        if not place or place[0] == shown[0]:
            return None
        return (*shown[:2], *place, self.flags(), shown[2])

    def tagrename(self):
        shown = self.shown()
        if not shown:
            return None
        folder, name, path = shown
        new_name = self.rng.choice(self.certain_names(folder) or [name])
        other = self.tree.look_up(Folder(self.tree, folder), new_name)
        if not other or isinstance(other, Label):
            new_path = "/".join(path.split("/")[:-1] + [new_name])
        else:
            paths = [p for p, n in self.tree.walk() if n is other]
            new_path = paths[0]
            if len(paths) > 1:
                return None
        return folder, name, new_name, self.flags(), path, new_path

    def untagmove(self):
        shown = self.shown()
        if not shown:
            return None
        new = self.old("fl") if self.rng.random() < 0.3 else self.name()
        return (*shown[:2], new, self.flags(), shown[2])

    def tagcreate(self):
        place = self.into("")
        if not place or len(self.tree.handles) > 11 or not self.inbox_is_good():
            return None
        path = self.tree.inbox_name(place[1])
        return (*place, 0o644, self.fresh(), path) if len(path.encode()) < 200 else None

    def inbox_is_good(self):
        inbox = self.tree.get("inbox")
        return not inbox or inbox.kind == "d"

    # -- tags
    def mktag(self):
        return (self.new_tag(),)

    def rmtag(self):
        tag = self.old_tag() if self.rng.random() < 0.9 else self.new_tag()
        return (tag,) if tag else None

    def renametag(self):
        old = self.old_tag()
        new = self.old_tag() if self.rng.random() < 0.3 else self.new_tag()
        return (old, new, self.flags()) if old else None

    # -- links
    def setlinks(self):
        path = self.old("fd")
        if not self.has(path):
            return None
        lines = [self.target() for _ in range(self.rng.choice((0, 1, 1, 2, 4)))]
        return path, self.rng.choice(VERBS), "\n".join(lines), self.rng.choice((0, 0, 0, 1, 2))

    def target(self):
        path = self.rng.choice((self.old(), self.old("fd"), self.name()))
        path = path.replace("%", "%25").replace("\n", "%0A")
        return self.rng.choice(("", "", "", "/", "./", "../")) + path

    def removelinks(self):
        path = self.old("fd")
        return (path, self.rng.choice(VERBS)) if self.has(path) else None

    def settle(self):
        return ()

    # -- searches
    def old_search(self):
        paths = [path for path, _ in self.tree.walk_saved()]
        return self.rng.choice(paths) if paths else None

    def new_search(self):
        above = self.old_search() if self.rng.random() < 0.2 else None
        name = self.rng.choice(SEARCHES)
        return f"{above}/{name}" if above and "/" not in above else name

    def save(self):
        return (self.new_search(),)

    def unsave(self):
        path = self.old_search()
        return (path,) if path else None

    def resave(self):
        old = self.old_search()
        return (old, self.new_search(), self.flags()) if old else None

    def control(self):
        path, control = self.old_search(), self.rng.choice(CONTROLS)
        texts = {".q": (*self.words(), "tag:t0"), ".limit": ("", "7", "many"), ".mode": ("", "text"), ".sort": ("", "name")}
        return (path, control, self.rng.choice(texts[control])) if path else None
