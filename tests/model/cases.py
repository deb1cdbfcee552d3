"""cases.py BRAINY POWERCUT.SO - crashes in an order that chance seldom finds."""
import os, random, shutil, sys, tempfile

from volume import Volume


class Nothing(random.Random):
    """Of what was not synced, the disk has nothing."""

    def choice(self, shares):
        return 0


def fsync_file(path, data):
    fd = os.open(path, os.O_CREAT | os.O_RDWR, 0o644)
    os.write(fd, data)
    os.fsync(fd)
    os.close(fd)


def synced_by_the_next_server(volume):
    """What a killed server wrote and did not sync, the next one's fsync makes durable with what came later: the log says
    so, and then the data must be there."""
    data = random.randbytes(300000)
    for name in "ab":
        with open(f"{volume.mnt}/{name}", "wb") as f:
            f.write(data)
    volume.kill()
    volume.bury()
    volume.mount()
    fsync_file(f"{volume.mnt}/c", b"later")
    volume.kill()
    volume.bury()
    volume.cut(Nothing())
    volume.mount()
    for name, wanted in (("a", data), ("b", data), ("c", b"later")):
        with open(f"{volume.mnt}/{name}", "rb") as f:
            assert f.read() == wanted, f"{name} is not what was synced"


def main():
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        print("/dev/fuse cannot be opened")
        sys.exit(77)
    work = tempfile.mkdtemp()
    volume = Volume(*map(os.path.abspath, sys.argv[1:3]), work)
    try:
        for case in (synced_by_the_next_server,):
            print(case.__name__, flush=True)
            volume.make(random.Random(), checkpoint_ms=600000)
            volume.mount()
            case(volume)
            volume.umount()
            volume.fsck()
    finally:
        volume.bury()
        shutil.rmtree(work)


main()
