"""Saved searches: folders below .find/saved, and what their control files say."""
import errno as E

from refused import Refused, refuse_if

CONTROLS = ".q", ".limit", ".mode", ".sort"


class Saved:
    def __init__(self, name=""):
        self.texts, self.below = dict.fromkeys(CONTROLS, ""), {}
        self.texts[".q"] = name


class Saving:
    """A part of Tree. A place is a path below .find/saved."""

    def saved_at(self, path):
        at = self.saved
        for name in path.split("/") if path else ():
            refuse_if(name not in at.below, E.ENOENT)
            at = at.below[name]
        return at

    def saved_place(self, path):
        above, _, name = path.rpartition("/")
        return self.saved_at(above), name

    def get_saved(self, path):
        try:
            return self.saved_at(path)
        except Refused:
            return None

    def walk_saved(self, path="", at=None):
        for name, search in (at or self.saved).below.items():
            below = f"{path}/{name}" if path else name
            yield below, search
            yield from self.walk_saved(below, search)

    def do_save(self, path):
        above, name = self.saved_place(path)
        refuse_if(name in above.below, E.EEXIST)
        above.below[name] = Saved(name)

    def do_unsave(self, path):
        refuse_if(self.saved_at(path).below, E.ENOTEMPTY)
        above, name = self.saved_place(path)
        del above.below[name]

    def do_resave(self, old, new, flags):
        above, name = self.saved_place(new)
        search, other = self.saved_at(old), above.below.get(name)
        refuse_if(flags and other, E.EEXIST)
        refuse_if(new.startswith(old + "/"), E.EINVAL)
        refuse_if(old.startswith(new + "/"), E.ENOTEMPTY)
        if other is search:
            return
        refuse_if(other, E.EEXIST)
        old_above, old_name = self.saved_place(old)
        del old_above.below[old_name]
        above.below[name] = search

    def do_control(self, path, control, text):
        search = self.saved_at(path)
        refuse_if(control == ".q" and not text, E.EINVAL)
        refuse_if(control == ".limit" and text and not text.isdigit(), E.EINVAL)
        search.texts[control] = text

    def saved_differs(self, dump):
        """`dump`.saved: by path the texts of the control files."""
        mine = {path: search.texts for path, search in self.walk_saved()}
        different = [f"missing: search {p}" for p in mine.keys() - dump.saved.keys()]
        different += [f"too much: search {p}" for p in dump.saved.keys() - mine.keys()]
        return different + [f".find/saved/{p}: {c}: {dump.saved[p][c]!r}, wanted {text!r}"
                            for p in mine.keys() & dump.saved.keys() for c, text in mine[p].items()
                            if dump.saved[p][c] != (text and text + "\n")]
