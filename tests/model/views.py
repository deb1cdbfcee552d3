"""The same on a mount: operations by way of .tags and .find, and a look at what is listed there."""
import errno as E, os, time

from saving import CONTROLS

TAGS = "user.xdg.tags"
LINK = "user.brainy.link."


def soon(condition):
    """The kernel hears of what a view has changed elsewhere after the reply."""
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "the kernel was not told of a change"
        time.sleep(0.001)


def above(path):
    return path.rpartition("/")[0]


def ino_at(path):
    try:
        return os.lstat(path).st_ino
    except FileNotFoundError:
        return None


class Views:
    """A part of Real."""

    def tag(self, folder, name=""):
        return f"{self.top}/.tags/{folder}/{name}" if folder else f"{self.top}/.tags/{name}"

    def saved(self, path):
        return f"{self.top}/.find/saved/{path}"

    # -- xattrs
    def do_settags(self, where, text, flags):
        os.setxattr(self.fds[where] if isinstance(where, int) else self.path(where), TAGS, os.fsencode(text), flags)

    def do_removetags(self, path):
        os.removexattr(self.path(path), TAGS)

    def do_setlinks(self, path, verb, text, flags):
        os.setxattr(self.path(path), LINK + verb, os.fsencode(text), flags)

    def do_removelinks(self, path, verb):
        os.removexattr(self.path(path), LINK + verb)

    def do_settle(self):
        self.volume.wait("index")

    # -- files in folders of tags
    def do_taglink(self, path, folder, name):
        os.link(self.path(path), self.tag(folder, name), follow_symlinks=False)

    def changed(self, *paths):
        """What changed is another inode to the kernel."""
        for path in map(self.path, paths):
            soon(lambda: os.lstat(path).st_ctime_ns == self.true_ctime_ns(path))

    def do_tagsymlink(self, path, folder, name):
        os.symlink(path, self.tag(folder, name))
        self.changed(path)

    def do_untag(self, folder, name, path):
        os.unlink(self.tag(folder, name))
        self.changed(path)

    def moved_into(self, folder, name):
        """The kernel believes in the name that it moved the file to."""
        place, listed = self.tag(folder, name), os.listdir(self.tag(folder))
        soon(lambda: os.path.islink(place) or (name in listed) == (ino_at(place) is not None))

    def do_tagmove(self, path, folder, name, flags):
        self.rename(self.path(path), self.tag(folder, name), flags)
        self.moved_into(folder, name)

    def do_retag(self, old, name, new, new_name, flags, path):
        self.rename(self.tag(old, name), self.tag(new, new_name), flags)
        self.moved_into(new, new_name)

    def do_tagrename(self, folder, name, new_name, flags, path, new_path):
        ino = os.lstat(self.path(path)).st_ino
        self.rename(self.tag(folder, name), self.tag(folder, new_name), flags)
        soon(lambda: ino_at(self.path(new_path)) == ino and (path == new_path or ino_at(self.path(path)) is None))
        self.moved_into(folder, new_name)
        self.changed(above(path), above(new_path))

    def do_untagmove(self, folder, name, new, flags, path):
        ino = os.lstat(self.path(path)).st_ino
        self.rename(self.tag(folder, name), self.path(new), flags)
        soon(lambda: ino_at(self.path(new)) == ino and (path == new or ino_at(self.path(path)) in (None, ino)))
        self.changed(above(path))

    def do_tagcreate(self, folder, name, mode, handle, path):
        self.fds[handle] = fd = os.open(self.tag(folder, name), os.O_CREAT | os.O_EXCL | os.O_RDWR, mode)
        soon(lambda: ino_at(self.path(path)) == os.fstat(fd).st_ino)
        self.changed(above(path), "")

    # -- tags
    def do_mktag(self, path):
        os.mkdir(self.tag(path))

    def do_rmtag(self, path):
        os.rmdir(self.tag(path))

    def do_renametag(self, old, new, flags):
        self.rename(self.tag(old), self.tag(new), flags)

    # -- searches
    def do_save(self, path):
        os.mkdir(self.saved(path))

    def do_unsave(self, path):
        os.rmdir(self.saved(path))

    def do_resave(self, old, new, flags):
        self.rename(self.saved(old), self.saved(new), flags)

    def do_control(self, path, control, text):
        fd = os.open(self.saved(f"{path}/{control}"), os.O_WRONLY)
        try:
            os.write(fd, os.fsencode(text + "\n"))
        finally:
            os.close(fd)

    # -- looking
    def look_at_tags(self):
        found, todo = {}, [""]
        while todo:
            folder = todo.pop()
            seen, below = self.look_at_folder(folder)
            if folder:
                found[folder] = seen
            else:
                assert not seen["files"] and not seen["sets"], f".tags shows {seen}"
            todo += [f"{folder}/{name}" if folder else name for name in below]
        return found

    def look_at_folder(self, folder):
        seen, below, names = {"files": {}, "sets": set()}, [], set()
        for entry in os.scandir(self.tag(folder)):
            assert entry.name not in names, f".tags/{folder}: {entry.name} is listed twice"
            names.add(entry.name)
            if entry.is_dir(follow_symlinks=False):
                below.append(entry.name)
            elif entry.is_symlink() and "," in os.readlink(entry.path):
                seen["sets"].add(entry.name)
            else:
                seen["files"][entry.name] = self.same_file(entry)
        seen["size"] = os.stat(self.tag(folder)).st_size
        return seen, below

    def same_file(self, entry):
        """What a name leads to is what was listed."""
        ino = entry.stat().st_ino if entry.is_symlink() else ino_at(entry.path)
        assert ino in (entry.inode(), None), f"{entry.path}: inode {ino}, listed as {entry.inode()}"
        return entry.inode()

    def look_at_saved(self, above=""):
        found = {}
        for entry in os.scandir(self.saved(above)):
            path = f"{above}/{entry.name}" if above else entry.name
            if entry.is_dir(follow_symlinks=False):
                found[path] = {control: self.read_control(path, control) for control in CONTROLS}
                found.update(self.look_at_saved(path))
        return found

    def read_control(self, path, control):
        with open(self.saved(f"{path}/{control}")) as f:
            return f.read()
