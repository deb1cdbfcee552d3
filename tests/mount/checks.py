"""Checks for the probes of the mount tests, which say what was wrong; and files to check."""
import errno, os, reprlib

def same(a, b, what=""):
    assert a == b, f"{what}{': ' if what else ''}{a!r}, not {b!r}"

def refused(code, do, *args, unasked=()):
    """`unasked`: codes in whose place EACCES will do, as the kernel does not even ask for who is not root."""
    try:
        do(*args)
    except OSError as e:
        assert e.errno == code or (code in unasked and e.errno == errno.EACCES), (do, reprlib.repr(args), e)
    else:
        raise AssertionError((do, reprlib.repr(args), "was not refused"))

def ls(path):
    names = os.listdir(path)
    assert len(names) == len(set(names)), f"{path}: a name twice: {sorted(names)}"
    return set(names)

def write(path, data="text\n"):
    """With the folders that it needs."""
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())
