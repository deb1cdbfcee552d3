"""What is done by way of .tags, and what is listed there.

A folder is the whole name of a tag ("a/b"), "" for .tags itself, or a set of tags ("a,b,-c"). Names in a folder are those
of its files as they are, unless a tag below it has that name, or a file with a lower inode number: then the number stands
behind it, as it always does behind a directory's. Where files with several names make it uncertain, it is not asked for:
names_in() leaves such names out."""
import errno as E, os

from refused import refuse_if
from tags import Label, decode, encode, labels_of, retag

NOREPLACE = 1
NAME_MAX = 255


class Folder:
    def __init__(self, tree, name):
        root = tree.tags
        self.label = root if not name else None if "," in name else root.find(name)
        terms = [] if not name else [(term.startswith("-"), root.find(term.lstrip("-"))) for term in name.split(",")]
        self.given = [label for negate, label in terms if not negate]
        self.without = [label for negate, label in terms if negate]
        self.below = self.label.below if self.label else {}
        self.nodes = [node for node in tree.named() if self.has(node)] if self.given else []

    def has(self, node):
        mine = labels_of(node.tags)
        return (all(any(label.is_at(top) for label in mine) for top in self.given) and
                not any(label.is_at(top) for label in mine for top in self.without))


def numbered(name, ino):
    """As in view_names.c, of names that have no ending."""
    sign = b"~%x" % ino
    stem = os.fsencode(name)[:NAME_MAX - len(sign)]
    return os.fsdecode(stem.decode(errors="ignore").encode() + sign)


class Tagging:
    """A part of Tree."""

    def named(self):
        """Each once."""
        return list({id(node): node for _, node in self.walk()}.values())

    def basenames(self):
        """By id of a node: all it is called."""
        names = {}
        for path, node in self.walk():
            names.setdefault(id(node), set()).add(path.rpartition("/")[2])
        return names

    def tidy_tags(self):
        if self.tags.below:
            self.tags.tidy({id(label) for node in self.named() for label in labels_of(node.tags)})

    # -- names in folders
    def may_be_called(self, folder, inos):
        """Of each file of the folder, by id: the names that it may have there."""
        called, found = self.basenames(), {}
        for node in folder.nodes:
            found[id(node)] = names = set()
            others = [called[id(n)] for n in folder.nodes if n.kind == "f" and inos[id(n)] < inos[id(node)]]
            for name in called[id(node)]:
                taken = node.kind != "f" or name in folder.below or {name} in others
                if taken or any(name in other for other in others):
                    names.add(numbered(name, inos[id(node)]))
                if not taken:
                    names.add(name)
        return found

    def names_in(self, folder):
        """Names of files there, where they are certain."""
        if any(node.ino is None for node in folder.nodes):
            return {}
        called = self.may_be_called(folder, {id(node): node.ino for node in folder.nodes})
        certain = {}
        for node in folder.nodes:
            others = set().union(*(called[id(n)] for n in folder.nodes if n is not node))
            if len(called[id(node)]) == 1 and not called[id(node)] & others:
                certain[next(iter(called[id(node)]))] = node
        return certain

    def is_unlisted(self, folder, name):
        """A tag that no file has beside those of the folder is an empty folder there, or a symlink for a while."""
        return self.look_up(folder, name) == "" and not any(
            label.is_at(self.tags.get(name)) for node in folder.nodes for label in labels_of(node.tags))

    def look_up(self, folder, name):
        """A label, a node, "" for a symlink to a set of tags, or None."""
        if name in folder.below:
            return folder.below[name]
        if not folder.given:
            return None
        return self.names_in(folder).get(name) or ("" if self.tags.get(name) else None)

    def must_be_new(self, folder, name):
        refuse_if(self.look_up(folder, name) is not None, E.EEXIST)

    def file_in(self, folder, name):
        node = self.look_up(folder, name)
        refuse_if(node is None, E.ENOENT)
        return node

    # -- lists
    def do_settags(self, where, text, flags):
        node = self.file(where)
        refuse_if(flags == 1 and node.tags is not None, E.EEXIST)
        refuse_if(flags == 2 and node.tags is None, E.ENODATA)
        node.tags, node.ctime = encode(self.tags, text) if self.has_name(node) else [text], None

    def do_removetags(self, path):
        node = self.find(path)
        refuse_if(node.tags is None, E.ENODATA)
        node.tags = node.ctime = None

    def has_name(self, node):
        return any(node is n for n in self.named())

    def adopt_tags(self, node):
        """Without a name it had text."""
        if node.tags is not None:
            node.tags = encode(self.tags, decode(node.tags))

    def retag(self, node, without, given):
        now = retag(node.tags, without, given)
        if now is None:
            return
        for label in without:
            label.kept = True
        if now or node.tags:
            node.tags = now or None
        node.ctime = None

    # -- files
    def do_taglink(self, path, folder, name):
        node, folder = self.find(path), Folder(self, folder)
        self.must_be_new(folder, name)
        refuse_if(node.kind != "f", E.EPERM)
        self.retag(node, folder.without, folder.given)

    def do_tagsymlink(self, path, folder, name):
        folder = Folder(self, folder)
        self.must_be_new(folder, name)
        node = self.find(path)
        refuse_if(node.kind not in "fd", E.EPERM)
        self.retag(node, folder.without, folder.given)

    def do_untag(self, folder, name, path):
        folder = Folder(self, folder)
        node = self.file_in(folder, name)
        refuse_if(isinstance(node, Label), E.EISDIR)
        if node != "": # a set of tags goes by itself
            self.retag(node, folder.given[-1:], [])

    def check_target(self, node, folder, name, flags):
        """As the kernel does. True: it is that file, and nothing happens."""
        other = self.look_up(folder, name)
        refuse_if(flags & NOREPLACE and other is not None, E.EEXIST)
        if other is node and node.kind != "d": # which is a symlink there
            return True
        if other is not None:
            refuse_if(node.kind != "d" and isinstance(other, Label), E.EISDIR)
            refuse_if(node.kind == "d" and not isinstance(other, Label), E.ENOTDIR)
        return False

    def do_tagmove(self, path, folder, name, flags):
        folder, node = Folder(self, folder), self.find(path)
        if self.check_target(node, folder, name, flags):
            return
        refuse_if(node.kind == "d", E.EISDIR)
        refuse_if(node.kind != "f", E.EPERM)
        self.retag(node, folder.without, folder.given)

    def do_retag(self, old, name, new, new_name, flags, path):
        source, target = Folder(self, old), Folder(self, new)
        node, above = self.file_in(source, name), f"{old}/".startswith(f"{new}/{new_name}/")
        refuse_if(above, E.EEXIST if flags & NOREPLACE else E.ENOTEMPTY)
        if not self.check_target(node, target, new_name, flags):
            self.retag(node, source.given[-1:] + target.without, target.given)

    def do_tagrename(self, folder, name, new_name, flags, path, new_path):
        """Onto another file's name it takes that one's place; what the folder does not show is not overwritten."""
        folder = Folder(self, folder)
        node, other = self.file_in(folder, name), self.look_up(folder, new_name)
        if not self.check_target(node, folder, new_name, flags):
            self.do_rename(path, new_path, flags if other else NOREPLACE)

    def do_untagmove(self, folder, name, new, flags, path):
        folder = Folder(self, folder)
        node, other = self.file_in(folder, name), self.get(new)
        self.place(new)
        refuse_if(other and flags & NOREPLACE, E.EEXIST)
        refuse_if(other and other.kind == "d", E.EISDIR) # be it the file's own folder
        if node is not other:
            self.do_rename(path, new, flags)
            self.retag(node, folder.given[-1:], [])

    def inbox_name(self, name):
        """Where a new file comes to lie that is made in a folder of tags."""
        inbox, k = self.get("inbox"), 1
        while inbox and name in inbox.names:
            k += 1
            name = f"{name} ({k})" if k == 2 else f"{name[:-len(f' ({k - 1})')]} ({k})"
        return f"inbox/{name}"

    def do_tagcreate(self, folder, name, mode, handle, path):
        folder = Folder(self, folder)
        self.must_be_new(folder, name)
        if not self.get("inbox"):
            self.do_mkdir("inbox", 0o755)
        self.do_create(path, mode, handle)
        self.retag(self.find(path), folder.without, folder.given)

    # -- tags
    def tag_place(self, path):
        above, _, name = path.rpartition("/")
        return Folder(self, above), name

    def do_mktag(self, path):
        folder, name = self.tag_place(path)
        self.must_be_new(folder, name)
        folder.label.make([name]).kept = True

    def tag_at(self, path):
        folder, name = self.tag_place(path)
        label = self.look_up(folder, name)
        refuse_if(label is None, E.ENOENT)
        refuse_if(not isinstance(label, Label), E.ENOTDIR)
        return label

    def check_empty(self, label):
        refuse_if(label.below or any(label in labels_of(node.tags) for node in self.named()), E.ENOTEMPTY)

    def do_rmtag(self, path):
        label = self.tag_at(path)
        self.check_empty(label)
        del label.above.below[label.name]

    def do_renametag(self, old, new, flags):
        folder, name = self.tag_place(new)
        label, other = self.tag_at(old), self.look_up(folder, name)
        refuse_if(flags & NOREPLACE and other is not None, E.EEXIST)
        refuse_if(new.startswith(old + "/"), E.EINVAL)
        refuse_if(old.startswith(new + "/"), E.ENOTEMPTY)
        if other is label:
            return
        if other is not None:
            refuse_if(not isinstance(other, Label), E.ENOTDIR)
            self.check_empty(other)
            del folder.below[name]
            folder.label.kept = True
        label.move(folder.label, name)
        label.kept = True

    # -- comparing
    def sets_in(self, folder):
        """Tags that some of its files have, and not all."""
        mine = [{label for label in labels_of(node.tags) if not label.is_at(folder.label)} for node in folder.nodes]
        some = set().union(*mine)
        return {label.whole().replace("/", "%2F") for label in some if not all(label in tags for tags in mine)}

    def tags_differ(self, dump):
        """`dump`.tags: by whole name what a tag's folder showed."""
        mine = {label.whole(): label for label in self.tags.walk()}
        different = [f"missing: tag {t}" for t in mine.keys() - dump.tags.keys()]
        different += [f"too much: tag {t}" for t in dump.tags.keys() - mine.keys()]
        inos = {id(node): dump[path]["ino"] for path, node in self.walk() if path in dump}
        for whole in mine.keys() & dump.tags.keys():
            different += self.folder_differs(whole, dump.tags[whole], inos)
        return different

    def folder_differs(self, whole, found, inos):
        folder = Folder(self, whole)
        if any(id(node) not in inos for node in folder.nodes):
            return [f".tags/{whole}: files: some are missing"]
        wanted = {inos[i]: names for i, names in self.may_be_called(folder, inos).items()}
        names = set(found["files"])
        sets = self.sets_in(folder) - names - folder.below.keys()
        different = [] if found["sets"] == sets else [f".tags/{whole}: sets: {found['sets']}, wanted {sets}"]
        if found["size"] != len(folder.nodes):
            different.append(f".tags/{whole}: size: {found['size']}, wanted {len(folder.nodes)}")
        if sorted(found["files"].values()) != sorted(wanted) or not all(n in wanted[i] for n, i in found["files"].items()):
            different.append(f".tags/{whole}: files: {found['files']}, wanted {wanted}")
        return different
