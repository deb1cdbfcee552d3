# What programs may expect of a filesystem and seldom see: births, handles that outlive the mount, names of any bytes,
# whiteouts, shared extents, all namespaces of xattrs. Root only: some of it is root's.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || { echo "needs root, for file handles and trusted xattrs"; exit 77; }
start -o dev
cat >"$work/probe.py" <<'PY'
import ctypes, os, stat, sys, time
top, when, keep = sys.argv[1:4]
top = os.fsencode(top)
libc = ctypes.CDLL(None, use_errno=True)

def check(r, what):
    assert r >= 0, f"{what}: {os.strerror(ctypes.get_errno())}"
    return r

def birth(path):
    """btime in ns by statx(2), None when the filesystem does not say."""
    space = ctypes.create_string_buffer(256)
    check(libc.statx(-100, path, 0, 0xfff, space), "statx")
    raw = space.raw
    number = lambda at, n: int.from_bytes(raw[at:at + n], "little")
    assert number(28, 2) == os.stat(path).st_mode and number(40, 8) == os.stat(path).st_size
    return number(80, 8) * 10**9 + number(88, 4) if number(0, 4) & 0x800 else None

class Handle(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_uint), ("type", ctypes.c_int), ("data", ctypes.c_ubyte * 128)]

def handle_of(path):
    h, mount = Handle(bytes=128), ctypes.c_int()
    check(libc.name_to_handle_at(-100, path, ctypes.byref(h), ctypes.byref(mount), 0), "name_to_handle_at")
    return bytes(h)

def open_handle(h, flags):
    fd = os.open(top, os.O_RDONLY)
    try:
        return libc.open_by_handle_at(fd, ctypes.byref(Handle.from_buffer_copy(h)), flags)
    finally:
        os.close(fd)

names = [bytes(b for b in range(1, 256) if b != 47) + b"x", b"\xff" * 255, b"\n", b" ", "\u00e4".encode(),
         "a\u0308".encode(), b"\xc3\x28"]
target = b"t/" * 2047 + b"t"
xattrs = {"user.x": b"1", "trusted.x": b"2\0\xff", "security.x": b"3", "user.empty": b"", "user.long": b"v" * 60000}

def first():
    before = time.time_ns()
    os.mkdir(top + b"/dir")
    open(top + b"/dir/file", "w").write("text")
    born = birth(top + b"/dir/file")
    assert born and before - 10**9 <= born <= time.time_ns() + 10**9, born
    os.utime(top + b"/dir/file", (1, 1))
    open(top + b"/dir/file", "a").write("more")
    assert birth(top + b"/dir/file") == born, "a write moved the birth"
    assert birth(top + b"/.query") is None and birth(top + b"/dir/file") == born
    fd = os.open(top + b"/dir/open", os.O_CREAT | os.O_RDWR)
    os.link(top + b"/dir/open", top + b"/dir/second")
    assert os.fstat(fd).st_nlink == 2
    os.unlink(top + b"/dir/open")
    assert os.fstat(fd).st_nlink == 1
    os.unlink(top + b"/dir/second")
    assert os.fstat(fd).st_nlink == 0
    os.close(fd)

    os.mkdir(top + b"/names")
    for name in names:
        open(top + b"/names/" + name, "wb").write(name)
    try:
        open(top + b"/names/" + b"n" * 256, "wb")
        raise AssertionError("a name of 256 bytes")
    except OSError as e:
        assert e.errno == 36, e
    os.symlink(target, top + b"/symlink")

    for name, value in xattrs.items():
        os.setxattr(top + b"/dir/file", name, value)
    try:
        os.setxattr(top + b"/dir/file", "system.other", b"")
        raise AssertionError("system.other was taken")
    except OSError as e:
        assert e.errno == 95, e

    open(top + b"/low", "w").write("low")
    check(libc.renameat2(-100, top + b"/low", -100, top + b"/moved", 4), "RENAME_WHITEOUT")
    st = os.lstat(top + b"/low")
    assert stat.S_ISCHR(st.st_mode) and st.st_rdev == 0, st
    assert open(top + b"/moved").read() == "low"

    data = os.urandom(1 << 20)
    open(top + b"/data", "wb").write(data)
    os.sync()
    source, copy = os.open(top + b"/data", os.O_RDONLY), os.open(top + b"/copy", os.O_CREAT | os.O_RDWR)
    stored = sum(os.stat(os.path.join(d, f)).st_blocks for d, _, files in os.walk(keep + ".vol/hot") for f in files)
    for n in range(64):
        assert os.copy_file_range(source, copy, 1 << 20, 0, n << 20) == 1 << 20
    os.fsync(copy)
    after = sum(os.stat(os.path.join(d, f)).st_blocks for d, _, files in os.walk(keep + ".vol/hot") for f in files)
    assert after - stored < 8 << 11, f"copies took {(after - stored) >> 11} MiB"
    assert os.pread(copy, 1 << 20, 63 << 20) == data
    os.ftruncate(copy, 1 << 30)
    assert os.lseek(copy, 0, os.SEEK_HOLE) == 64 << 20 and os.lseek(copy, 70 << 20, os.SEEK_HOLE) == 70 << 20
    os.pwrite(copy, b"x", 100 << 20)
    assert 99 << 20 < os.lseek(copy, 65 << 20, os.SEEK_DATA) <= 100 << 20
    libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]
    check(libc.fallocate(copy, 3, 0, 1 << 20), "punch")
    assert os.lseek(copy, 0, os.SEEK_DATA) == 1 << 20

    handles = [handle_of(top + b"/dir/file"), handle_of(top + b"/dir"), handle_of(top + b"/moved")]
    open(keep, "wb").write(b"".join(handles) + str(born).encode())

def second():
    kept = open(keep, "rb").read()
    size = len(bytes(Handle()))
    handles = [kept[n * size:(n + 1) * size] for n in range(3)]
    os.unlink(top + b"/moved")
    assert open_handle(handles[2], os.O_RDONLY) == -1 and ctypes.get_errno() == 116, f"a file that is gone: {ctypes.get_errno()}"
    fd = check(open_handle(handles[0], os.O_RDONLY), "open_by_handle_at")
    assert os.read(fd, 100) == b"textmore"
    fd = check(open_handle(handles[1], os.O_RDONLY | os.O_DIRECTORY), "open_by_handle_at of a directory")
    assert os.listdir(fd) == ["file"]
    assert os.readlink(b"/proc/self/fd/%d" % fd) == top + b"/dir"
    assert os.stat("..", dir_fd=fd).st_ino == os.stat(top).st_ino
    assert birth(top + b"/dir/file") == int(kept[3 * size:])
    assert sorted(os.listdir(top + b"/names")) == sorted(names)
    for name in names:
        assert open(top + b"/names/" + name, "rb").read() == name
    assert os.readlink(top + b"/symlink") == target and os.lstat(top + b"/symlink").st_size == 4095
    for name, value in xattrs.items():
        assert os.getxattr(top + b"/dir/file", name) == value, name
    assert sorted(os.listxattr(top + b"/dir/file")) == sorted(xattrs)

first() if when == "first" else second()
PY
ln -s "$vol" "$work/keep.vol"
python3 "$work/probe.py" "$mnt" first "$work/keep" || fail "first mount"
again -o dev
python3 "$work/probe.py" "$mnt" second "$work/keep" || fail "second mount"
