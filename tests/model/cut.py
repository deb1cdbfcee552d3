"""What a power cut leaves of a volume whose mount ran with powercut.so below it: what was synced, and of the rest each
page and each name or not, as chance has it. By itself: cut.py keep VOLUME DURABLE | cut VOLUME DURABLE SEED"""
import ctypes, os, random, shutil, struct, sys

PAGE = 4096
libc = ctypes.CDLL(None, use_errno=True)


def key(path):
    """As powercut.c names an inode."""
    st = ctypes.create_string_buffer(256)
    if libc.statx(-100, os.fsencode(path), 0x100, 0xfff, st) < 0:
        raise OSError(ctypes.get_errno(), path)
    ino, = struct.unpack_from("<Q", st, 32)
    seconds, nanoseconds = struct.unpack_from("<qI", st, 80)
    return f"{ino}-{seconds}.{nanoseconds:09}"


def keep_all(volume, durable):
    """Everything that the volume holds now is durable; no mount may use it."""
    shutil.rmtree(durable, ignore_errors=True)
    os.makedirs(durable)
    for folder, folders, files in os.walk(volume):
        with open(f"{durable}/{key(folder)}", "w") as f:
            f.writelines(f"{key(f'{folder}/{name}')} {name}\n" for name in folders + files)
        for name in files:
            shutil.copyfile(f"{folder}/{name}", f"{durable}/{key(f'{folder}/{name}')}")


def read(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except FileNotFoundError:
        return b""


def names_then(durable, folder):
    lines = read(f"{durable}/{key(folder)}").decode().splitlines()
    return {name: k for k, name in (line.split(" ", 1) for line in lines)}


def torn(then, now, share, rng):
    """`share` of the pages that differ are as now."""
    if then == now:
        return now
    size = len(now) if rng.random() < share else len(then)
    then, now = then.ljust(size, b"\0"), now.ljust(size, b"\0")
    out = bytearray(then[:size])
    for i in range(0, size, PAGE):
        if then[i:i + PAGE] != now[i:i + PAGE] and rng.random() < share:
            out[i:i + PAGE] = now[i:i + PAGE]
    return bytes(out)


def cut_folder(folder, durable, share, rng, share_of_names):
    now = {name: key(f"{folder}/{name}") for name in os.listdir(folder)}
    then = names_then(durable, folder)
    contents = {k: read(f"{folder}/{name}") for name, k in now.items() if not os.path.isdir(f"{folder}/{name}")}
    for name in sorted(now.keys() | then.keys()):
        path, k = f"{folder}/{name}", then.get(name)
        if k != now.get(name) and rng.random() < share_of_names:
            k = now.get(name)
        if name in now and os.path.isdir(path):
            cut_folder(path, durable, share, rng, share_of_names)
        elif k is None:
            if name in now:
                os.unlink(path)
        else:
            old = read(f"{durable}/{k}")
            new = torn(old, contents.get(k, old), share, rng)
            if k != now.get(name) or new != contents[k]:
                with open(path, "wb") as f:
                    f.write(new)


def cut(volume, durable, rng):
    share = rng.choice((0, 0, 1, rng.random(), 0.02, 0.98))
    cut_folder(volume, durable, share, rng, share)
    return share


def cut_apart(volume, durable, rng):
    """The disk has written names first, or bytes."""
    shares = rng.choice(((0, 0), (0, 1), (0, 1), (1, 0), (rng.random(), rng.random())))
    cut_folder(volume, durable, shares[0], rng, shares[1])


if __name__ == "__main__":
    if sys.argv[1] == "keep":
        keep_all(*sys.argv[2:4])
    else:
        cut_apart(*sys.argv[2:4], random.Random(int(sys.argv[4])))
