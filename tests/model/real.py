"""The same operations on a real mount, and a look at all that is there."""
import ctypes, errno as E, os, stat, struct, subprocess

from tree import kind_of
from views import LINK, TAGS, Views

libc = ctypes.CDLL(None, use_errno=True)
SYMLINK_FOLLOW, SYMLINK_NOFOLLOW, FORCE_SYNC = 0x400, 0x100, 0x2000
libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]


def checked(result):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class Dump(dict):
    """What lies at each path; beside it what .tags and .find/saved show."""


class Real(Views):
    def __init__(self, volume):
        self.top, self.volume = volume.mnt, volume
        self.fds = {}

    def do(self, op):
        try:
            getattr(self, "do_" + op[0])(*op[1:])
            return 0
        except OSError as e:
            return e.errno

    def path(self, path):
        return f"{self.top}/{path}" if path else self.top

    def stat(self, where):
        return os.fstat(self.fds[where]) if isinstance(where, int) else os.lstat(self.path(where))

    def true_ctime_ns(self, full):
        """Past the kernel's cache."""
        st = ctypes.create_string_buffer(256)
        checked(libc.statx(-100, os.fsencode(full), FORCE_SYNC | SYMLINK_NOFOLLOW, 0xfff, st))
        seconds, nanoseconds = struct.unpack_from("<qI", st, 96)
        return seconds * 10**9 + nanoseconds

    def forget_handles(self):
        for fd in self.fds.values():
            try:
                os.close(fd)
            except OSError:
                pass
        self.fds = {}

    def do_create(self, path, mode, handle):
        self.fds[handle] = os.open(self.path(path), os.O_CREAT | os.O_EXCL | os.O_RDWR, mode)

    def do_open(self, path, truncate, handle):
        self.fds[handle] = os.open(self.path(path), os.O_RDWR | os.O_NOFOLLOW | (os.O_TRUNC if truncate else 0))

    def do_close(self, handle):
        os.close(self.fds.pop(handle))

    def do_mkdir(self, path, mode):
        os.mkdir(self.path(path), mode)

    def do_mknod(self, path, kind, mode, device):
        os.mknod(self.path(path), mode | {"p": stat.S_IFIFO, "c": stat.S_IFCHR}[kind], device)

    def do_tmpfile(self, path, mode, handle):
        self.fds[handle] = os.open(self.path(path), os.O_TMPFILE | os.O_RDWR, mode)

    def do_linkhandle(self, handle, new):
        old = f"/proc/self/fd/{self.fds[handle]}"
        checked(libc.linkat(-100, os.fsencode(old), -100, os.fsencode(self.path(new)), SYMLINK_FOLLOW))

    def do_symlink(self, target, path):
        os.symlink(target, self.path(path))

    def do_link(self, old, new):
        os.link(self.path(old), self.path(new), follow_symlinks=False)

    def do_unlink(self, path):
        os.unlink(self.path(path))

    def do_rmdir(self, path):
        os.rmdir(self.path(path))

    def rename(self, old, new, flags):
        checked(libc.renameat2(-100, os.fsencode(old), -100, os.fsencode(new), flags))

    def do_rename(self, old, new, flags):
        self.rename(self.path(old), self.path(new), flags)

    def do_write(self, handle, offset, data, flags=0):
        """The kernel cuts it into requests: some may be done when the mount dies."""
        fd = self.fds[handle]
        offset = os.fstat(fd).st_size if offset is None else offset
        n = os.pwritev(fd, [data], offset, flags)
        if n < len(data):
            os.pwritev(fd, [data[n:]], offset + n, flags)
        assert n == len(data), f"{n} bytes of {len(data)} were written"

    def do_writesync(self, handle, offset, data):
        self.do_write(handle, offset, data, os.RWF_DSYNC)

    def do_append(self, handle, data):
        fd = os.open(f"/proc/self/fd/{self.fds[handle]}", os.O_WRONLY | os.O_APPEND)
        try:
            n = os.write(fd, data)
            if n < len(data):
                os.write(fd, data[n:])
        finally:
            os.close(fd)
        assert n == len(data), f"{n} bytes of {len(data)} were written"

    def do_truncate(self, where, size):
        os.truncate(self.fds[where] if isinstance(where, int) else self.path(where), size)

    def do_fallocate(self, handle, mode, offset, length):
        checked(libc.fallocate(self.fds[handle], mode, offset, length))

    def do_copy(self, source, source_offset, handle, offset, length):
        os.copy_file_range(self.fds[source], self.fds[handle], length, source_offset, offset)

    def do_chmod(self, path, mode):
        os.chmod(self.path(path), mode)

    def do_chown(self, path, uid, gid):
        os.lchown(self.path(path), uid, gid)

    def do_utime(self, path, mtime):
        os.utime(self.path(path), ns=(mtime, mtime))
        found = os.stat(self.path(path)).st_mtime_ns
        assert found == mtime, f"mtime {found}, set to {mtime}"

    def do_setxattr(self, path, name, value, flags):
        os.setxattr(self.path(path), name, value, flags, follow_symlinks=False)

    def do_removexattr(self, path, name):
        os.removexattr(self.path(path), name, follow_symlinks=False)

    def do_fsync(self, handle):
        os.fsync(self.fds[handle])

    def do_fdatasync(self, handle):
        os.fdatasync(self.fds[handle])

    def do_fsyncdir(self, path):
        fd = os.open(self.path(path), os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def do_durable(self):
        self.volume.wait("durable")

    def do_syncfs(self, handle):
        checked(libc.syncfs(self.fds[handle]))

    def do_killserver(self):
        self.volume.kill_server()

    def dump(self):
        found, todo = Dump(), [""]
        while todo:
            path = todo.pop()
            found[path] = self.look(path)
            if found[path]["kind"] == "d":
                todo += [f"{path}/{n}" if path else n for n in os.listdir(self.path(path))]
        found.tags, found.saved = self.look_at_tags(), self.look_at_saved()
        return found

    def look(self, path):
        full = self.path(path)
        st = os.lstat(full)
        kind, data = kind_of(st.st_mode), b""
        if kind == "f":
            with open(full, "rb") as f:
                data = f.read()
            assert len(data) == st.st_size, f"{path}: {len(data)} bytes read, size {st.st_size}"
        xattrs = {n: os.getxattr(full, n, follow_symlinks=False) for n in os.listxattr(full, follow_symlinks=False)}
        return {"kind": kind, "mode": stat.S_IMODE(st.st_mode), "nlink": st.st_nlink, "ino": st.st_ino,
                "mtime": st.st_mtime_ns, "ctime": st.st_ctime_ns, "data": data,
                "target": os.readlink(full) if kind == "l" else "",
                "owner": (st.st_uid, st.st_gid), "device": st.st_rdev,
                "tags": os.fsdecode(xattrs.pop(TAGS)) if TAGS in xattrs else None,
                "links": {n[len(LINK):]: xattrs.pop(n) for n in list(xattrs) if n.startswith(LINK)},
                "xattrs": xattrs}
