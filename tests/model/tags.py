"""Tags: names in a tree, and the lists in user.xdg.tags that give them to files.

A list is kept as pieces: labels, and the text between them. So a label that is renamed has its new name in all lists, and
all else is as it was written."""
import errno as E

from refused import Refused, refuse_if

BLANKS = " \t\n\r\0"


class Label:
    def __init__(self, name="", above=None):
        self.name, self.above, self.below = name, above, {}
        self.kept = not above

    def whole(self):
        return f"{self.above.whole()}/{self.name}" if self.above.above else self.name

    def is_at(self, top):
        """Is it that one, or below it?"""
        return self is top or (self.above is not None and self.above.is_at(top))

    def find(self, whole):
        label = self
        for step in whole.split("/"):
            refuse_if(step not in label.below, E.ENOENT)
            label = label.below[step]
        return label

    def get(self, whole):
        try:
            return self.find(whole)
        except Refused:
            return None

    def make(self, steps):
        label = self
        for step in steps:
            label = label.below.setdefault(step, Label(step, label))
        return label

    def move(self, above, name):
        del self.above.below[self.name]
        self.above, self.name = above, name
        above.below[name] = self

    def walk(self):
        """All below it."""
        for label in self.below.values():
            yield label
            yield from label.walk()

    def tidy(self, used):
        """Those that no file has, with none below them, go unless they were made as folders."""
        for label in list(self.below.values()):
            label.tidy(used)
            if not (label.kept or label.below or id(label) in used):
                del self.below[label.name]


def encode(root, text):
    pieces, begin, at = [], 0, 0
    for part in text.split(","):
        steps = [step for step in part.strip(BLANKS).split("/") if step]
        if steps:
            first = at + len(part) - len(part.lstrip(BLANKS))
            pieces += [text[begin:first], root.make(steps)]
            begin = at + len(part.rstrip(BLANKS))
        at += len(part) + 1
    return [piece for piece in (*pieces, text[begin:]) if piece]


def decode(pieces):
    return "".join(piece if isinstance(piece, str) else piece.whole() for piece in pieces)


def labels_of(pieces):
    return [piece for piece in pieces or () if not isinstance(piece, str)]


def lose(pieces, top):
    """With a tag goes what follows it, up to the next one's comma, and what stands behind the last one."""
    left, dropped = [], False
    for piece in pieces:
        if isinstance(piece, str):
            left.append(piece.partition(",")[2] if dropped else piece)
            dropped = False
        elif piece.is_at(top):
            dropped = True
        else:
            left.append(piece)
            dropped = False
    while left and isinstance(left[-1], str):
        left.pop()
    return [piece for piece in left if piece]


def retag(pieces, without, given):
    """The list without some labels and what is below them, and then with others; None: it is the same list."""
    now = pieces = pieces or []
    for label in without:
        if any(piece.is_at(label) for piece in labels_of(now)):
            now = lose(now, label)
    refuse_if(now is pieces and not given, E.EPERM)
    for label in given:
        if label not in labels_of(now):
            now = now + [","] * bool(now) + [label]
    return None if now is pieces else now
