# Rules that programs seldom meet: what fallocate leaves of the size, locks between processes, times of mapped writes,
# sticky and setgid directories, exchanges of directories, O_TMPFILE with O_EXCL, stale handles.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || { echo "python3 is missing"; exit 77; }
if [ "$(id -u)" = 0 ]; then
    chmod 755 "$work"
    start -o allow_other
    chmod 777 "$mnt"
else
    start
fi
cat >"$work/probe.py" <<'PY'
import errno as E, fcntl, mmap, os, signal, stat, struct, subprocess, sys, time
top = sys.argv[1]
from calls import call, libc
from checks import refused
KEEP, PUNCH, COLLAPSE, ZERO, INSERT = 1, 2, 8, 16, 32
ROOT = os.getuid() == 0

def allocate(fd, mode, offset, size):
    call(libc.fallocate(fd, mode, offset, size))

def rename(a, b, flags=0):
    call(libc.renameat2(-100, os.fsencode(a), -100, os.fsencode(b), flags))

def later(before, path):
    """Both times of a change moved."""
    st = os.stat(path)
    return st.st_mtime_ns > before.st_mtime_ns and st.st_ctime_ns > before.st_ctime_ns

def fallocate():
    p = top + "/fallocate"
    data = bytes(range(1, 251)) * 40
    fd = os.open(p, os.O_RDWR | os.O_CREAT)
    def fresh():
        os.ftruncate(fd, 0)
        os.pwrite(fd, data, 0)
    def is_now(size, wanted):
        assert os.fstat(fd).st_size == size and os.pread(fd, size + 1, 0) == wanted, (os.fstat(fd).st_size, size)
    n = len(data)
    for mode, at, length, size in ((0, n, 500, n + 500), (KEEP, n, 500, n), (0, 10, 100, n), (KEEP, 10, 100, n)):
        fresh()
        allocate(fd, mode, at, length)
        is_now(size, data + bytes(size - n))
    for mode, at, length, size in ((ZERO, 100, 5000, n), (ZERO | KEEP, 100, 5000, n), (ZERO, n - 10, 100, n + 90),
                                   (ZERO | KEEP, n - 10, 100, n), (ZERO, n + 50, 50, n + 100), (ZERO | KEEP, n + 50, 50, n),
                                   (PUNCH | KEEP, 100, 5000, n), (PUNCH | KEEP, n - 10, 100, n), (PUNCH | KEEP, n, 50, n)):
        fresh()
        before = os.fstat(fd)
        time.sleep(0.01)
        allocate(fd, mode, at, length)
        zeroed = data[:at] + bytes(max(0, min(length, n - at))) + data[at + length:]
        is_now(size, zeroed + bytes(size - n))
        assert later(before, p), "fallocate moved no times"
        os.ftruncate(fd, size + 20)
        is_now(size + 20, zeroed + bytes(size - n + 20))
    for mode in PUNCH, PUNCH | ZERO | KEEP, COLLAPSE, INSERT, 64:
        refused(E.EOPNOTSUPP, allocate, fd, mode, 0, 4096)
    refused(E.EINVAL, allocate, fd, 0, 0, 0)
    refused(E.EINVAL, allocate, fd, 0, -1, 5)
    refused(E.EFBIG, allocate, fd, 0, 2**63 - 10, 100)
    refused(E.EBADF, allocate, os.open(p, os.O_RDONLY), 0, 0, 5)

def child(code):
    """Runs it in another process; what it prints."""
    return subprocess.check_output([sys.executable, "-c", f"import fcntl, os, struct\ntop = {top!r}\n{code}"]).decode().strip()

TRY = """
try:
    f = open(top + "/locked", "r+")
    fcntl.%s(f, %s)
    print("got it")
except OSError as e:
    print(e.errno)
"""

def locks():
    open(top + "/locked", "w").write("x" * 100)
    f = open(top + "/locked", "r+")
    fcntl.flock(f, fcntl.LOCK_SH)
    assert child(TRY % ("flock", "fcntl.LOCK_SH | fcntl.LOCK_NB")) == "got it"
    assert child(TRY % ("flock", "fcntl.LOCK_EX | fcntl.LOCK_NB")) == str(E.EAGAIN)
    fcntl.flock(f, fcntl.LOCK_EX)
    assert child(TRY % ("flock", "fcntl.LOCK_SH | fcntl.LOCK_NB")) == str(E.EAGAIN)
    fcntl.flock(f, fcntl.LOCK_UN)
    assert child(TRY % ("flock", "fcntl.LOCK_EX | fcntl.LOCK_NB")) == "got it"
    # by record: bytes 10 to 19 of this process
    fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 10)
    assert child(TRY % ("lockf", "fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 20")) == "got it"
    assert child(TRY % ("lockf", "fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 19")) in (str(E.EAGAIN), str(E.EACCES))
    holder = child("f = open(top + '/locked', 'r+')\nl = fcntl.fcntl(f, fcntl.F_GETLK, struct.pack('hhlli4x', fcntl.F_WRLCK, 0, 0, 0, 0))\n"
                   "print(*struct.unpack('hhlli4x', l))")
    assert holder.split()[2:] == ["10", "10", str(os.getpid())], holder
    # a lock of the process goes with any descriptor of the file, one of the description does not
    open(top + "/locked").close()
    assert child(TRY % ("lockf", "fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 19")) == "got it"
    ofd = struct.pack("hhlli4x", fcntl.F_WRLCK, 0, 10, 10, 0)
    fcntl.fcntl(f, fcntl.F_OFD_SETLK, ofd)
    open(top + "/locked").close()
    assert child(TRY % ("lockf", "fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 19")) in (str(E.EAGAIN), str(E.EACCES))
    second = open(top + "/locked", "r+")
    refused(E.EAGAIN, fcntl.fcntl, second, fcntl.F_OFD_SETLK, ofd)
    f.close()
    fcntl.fcntl(second, fcntl.F_OFD_SETLK, ofd)
    second.close()
    # one that waits gets it when the holder ends
    held = subprocess.Popen([sys.executable, "-c", f"import fcntl, time\nf = open({top!r} + '/locked', 'r+')\nfcntl.lockf(f, 2)\nprint(1, flush=True)\n"
                             "time.sleep(100)"], stdout=subprocess.PIPE)
    held.stdout.read(1)
    waiter = subprocess.Popen([sys.executable, "-c", f"import fcntl\nf = open({top!r} + '/locked', 'r+')\nfcntl.lockf(f, 2)\nprint('mine')"],
                              stdout=subprocess.PIPE)
    time.sleep(0.2)
    assert waiter.poll() is None
    held.kill()
    assert waiter.communicate(timeout=20)[0] == b"mine\n"

def leases():
    p = top + "/leased"
    open(p, "w").close()
    f = open(p)
    told = []
    signal.signal(signal.SIGIO, lambda *_: told.append(1))
    fcntl.fcntl(f, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    assert fcntl.fcntl(f, fcntl.F_GETLEASE) == fcntl.F_RDLCK
    refused(E.EAGAIN, os.open, p, os.O_WRONLY | os.O_NONBLOCK)
    time.sleep(0.1)
    assert told, "nobody told the holder of the lease"
    fcntl.fcntl(f, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    os.close(os.open(p, os.O_WRONLY | os.O_NONBLOCK))

def mapped():
    p = top + "/mapped"
    open(p, "wb").write(bytes(3 * 4096))
    fd = os.open(p, os.O_RDWR)
    m = mmap.mmap(fd, 0)
    m[0] = 1
    m.flush()
    before = os.stat(p)
    time.sleep(0.02)
    m[5000:5005] = b"hello"
    m.flush()
    assert later(before, p), "a mapped write moved no times"
    assert os.pread(fd, 5, 5000) == b"hello" and os.stat(p).st_size == 3 * 4096
    before = os.stat(p)
    time.sleep(0.02)
    assert m[5000:5005] == b"hello"
    m.flush()
    assert not later(before, p), "a mapped read moved times"
    m.close()
    before = os.stat(p)
    time.sleep(0.02)
    m = mmap.mmap(fd, 0)
    m[1] = 2
    m.close()
    os.close(fd)
    os.sync()
    end = time.monotonic() + 10
    while not later(before, p):
        assert time.monotonic() < end, "a mapped write without msync moved no times"
        time.sleep(0.05)

def written_beside_a_mapping():
    """Through a descriptor that cannot read, which passes the cache by, and through one that the cache serves."""
    p = top + "/beside"
    open(p, "wb").write(bytes(3 * 4096))
    fd, alone = os.open(p, os.O_RDWR), os.open(p, os.O_WRONLY)
    m = mmap.mmap(fd, 0)
    for n in range(200):
        at = n * 37
        m[at:at + 5] = b"mmap%d" % (n % 10)
        assert os.pwrite(alone, b"alone%03d" % n, at + 5) == 8
        assert m[at:at + 13] == b"mmap%dalone%03d" % (n % 10, n), (n, m[at:at + 13])
        assert os.pwrite(fd, b"cached", at + 13) == 6
        assert os.pread(fd, 19, at) == m[at:at + 19] == b"mmap%dalone%03dcached" % (n % 10, n)
    wanted = m[:]
    m.flush()
    m.close()
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    assert os.pread(fd, 3 * 4096, 0) == wanted, "what was mapped overwrote what was written"
    os.close(fd)
    os.close(alone)

def nlink(path):
    return os.stat(path).st_nlink

def exchange():
    a, b = top + "/xa", top + "/xb"
    os.makedirs(a + "/dir/sub")
    os.makedirs(b + "/other")
    open(a + "/dir/f", "w").write("in dir")
    open(b + "/file", "w").write("file")
    assert (nlink(a), nlink(b)) == (3, 3)
    rename(a + "/dir", b + "/file", 2)
    assert stat.S_ISREG(os.stat(a + "/dir").st_mode) and os.listdir(b + "/file") in (["f", "sub"], ["sub", "f"])
    assert (nlink(a), nlink(b)) == (2, 4)
    fd = os.open(b + "/file/sub", os.O_RDONLY)
    assert os.stat("../..", dir_fd=fd).st_ino == os.stat(b).st_ino
    rename(b + "/file", a + "/dir", 2)
    assert os.stat("../..", dir_fd=fd).st_ino == os.stat(a).st_ino and (nlink(a), nlink(b)) == (3, 3)
    inos = os.stat(a + "/dir").st_ino, os.stat(b + "/other").st_ino
    rename(a + "/dir", b + "/other", 2)
    assert (os.stat(b + "/other").st_ino, os.stat(a + "/dir").st_ino) == inos and (nlink(a), nlink(b)) == (3, 3)
    assert os.stat(b + "/other/..").st_ino == os.stat(b).st_ino and os.stat(a + "/dir/..").st_ino == os.stat(a).st_ino
    for x, y in ((a, a + "/dir"), (b + "/other", b), (b, b + "/other/sub")):
        refused(E.EINVAL, rename, x, y, 2)
    refused(E.ENOENT, rename, a, top + "/none", 2)
    refused(E.EEXIST, rename, a, b, 1)
    refused(E.EINVAL, rename, a, b, 3)
    os.symlink("t", a + "/link")
    rename(a + "/link", b + "/file", 2)
    assert os.readlink(b + "/file") == "t" and open(a + "/link").read() == "file"
    os.link(a + "/link", a + "/hard")
    rename(a + "/link", a + "/hard", 2)
    rename(a + "/link", a + "/hard")
    assert nlink(a + "/hard") == 2, "rename of a name onto one of the same file does nothing"
    if ROOT:
        rename(a + "/hard", b + "/new", 4)
        assert stat.S_ISCHR(os.lstat(a + "/hard").st_mode) and open(b + "/new").read() == "file"
        refused(E.EINVAL, rename, a + "/link", b + "/new", 6)
        refused(E.EEXIST, rename, a + "/link", b + "/new", 5)

def as_user(uid, gid, code, groups=()):
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups(groups)
            os.setgid(gid)
            os.setuid(uid)
            code()
            os._exit(0)
        except BaseException as e:
            print(repr(e), file=sys.stderr)
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0, code

def sticky():
    d = top + "/sticky"
    os.mkdir(d)
    os.chmod(d, 0o1777)
    for who in 70001, 70002:
        def make():
            open(f"{d}/{who}", "w").close()
            os.mkdir(f"{d}/d{who}")
        as_user(who, who, make)
    def stranger():
        for do in ((os.unlink, d + "/70002"), (os.rmdir, d + "/d70002"), (os.rename, d + "/70002", d + "/x"),
                   (os.rename, d + "/70001", d + "/70002"), (rename, d + "/70001", d + "/70002", 2),
                   (os.rename, d + "/d70002", d + "/y")):
            try:
                do[0](*do[1:])
                raise AssertionError(do)
            except OSError as e:
                assert e.errno in (E.EPERM, E.EACCES), (do, e)
        os.rename(d + "/70001", d + "/mine")
        os.unlink(d + "/mine")
        os.rmdir(d + "/d70001")
    as_user(70001, 70001, stranger)
    os.chown(d, 70001, 70001)
    as_user(70001, 70001, lambda: os.unlink(d + "/70002"))  # the directory's owner may

def setgid():
    d = top + "/setgid"
    os.mkdir(d)
    os.chown(d, 0, 70003)
    os.chmod(d, 0o2777)
    def make():
        os.umask(0)
        open(d + "/f", "w").close()
        os.mkdir(d + "/d", 0o775)
        os.symlink("x", d + "/l")
        os.mkfifo(d + "/p")
        os.close(os.open(d + "/s", os.O_CREAT | os.O_WRONLY, 0o2775))
        fd = os.open(d, os.O_TMPFILE | os.O_RDWR, 0o644)
        assert os.fstat(fd).st_gid == 70003
        os.mkdir(d + "/d/dd", 0o700)
    as_user(70001, 70001, make)
    for name in "f", "d", "l", "p", "s", "d/dd":
        st = os.lstat(f"{d}/{name}")
        assert st.st_gid == 70003 and st.st_uid == 70001, (name, st)
        assert bool(st.st_mode & 0o2000) == stat.S_ISDIR(st.st_mode), (name, oct(st.st_mode))
    # chmod g+s by somebody who is not in the group does nothing, by a member it does
    def chmods():
        os.chmod(d + "/f", 0o2755)
        assert not os.stat(d + "/f").st_mode & 0o2000
    as_user(70001, 70001, chmods)
    as_user(70001, 70001, lambda: os.chmod(d + "/f", 0o2755), [70003])
    assert os.stat(d + "/f").st_mode & 0o7777 == 0o2755
    # a file that is brought in keeps its group
    open(top + "/brought", "w").close()
    os.rename(top + "/brought", d + "/brought")
    assert os.stat(d + "/brought").st_gid == 0

def unnamed():
    link = lambda fd, path: call(libc.linkat(-100, b"/proc/self/fd/%d" % fd, -100, os.fsencode(path), 0x400))
    fd = os.open(top, os.O_TMPFILE | os.O_RDWR, 0o640)
    os.write(fd, b"unnamed")
    link(fd, top + "/named")
    st = os.stat(top + "/named")
    assert st.st_nlink == 1 and st.st_mode & 0o777 == 0o640 and open(top + "/named").read() == "unnamed"
    refused(E.EEXIST, link, fd, top + "/named")
    os.unlink(top + "/named")
    assert os.pread(fd, 9, 0) == b"unnamed" and os.fstat(fd).st_nlink == 0
    refused(E.ENOENT, link, fd, top + "/again")
    fd = os.open(top, os.O_TMPFILE | os.O_RDWR | os.O_EXCL)
    os.write(fd, b"never")
    refused(E.ENOENT, link, fd, top + "/never")
    refused(E.ENOTDIR, os.open, top + "/mapped", os.O_TMPFILE | os.O_RDWR)
    refused(E.EINVAL, os.open, top, os.O_TMPFILE | os.O_RDONLY)

def privileges():
    """Without group execution or with: what a stranger's change leaves, also by a mapping."""
    p = top + "/sets"
    def truncate(fd): os.ftruncate(fd, 5)
    def mapping(fd):
        m = mmap.mmap(fd, 0)
        m[0] = 65
        m.flush()
        m.close()
    for do in (lambda fd: os.write(fd, b"x"), truncate, lambda fd: allocate(fd, 0, 0, 9000),
               lambda fd: allocate(fd, PUNCH | KEEP, 0, 10), lambda fd: allocate(fd, ZERO, 0, 10), mapping):
        open(p, "wb").write(b"y" * 5000)
        os.chmod(p, 0o6777)
        def change():
            fd = os.open(p, os.O_RDWR)
            do(fd)
            os.close(fd)
        as_user(70001, 70001, change)
        end = time.monotonic() + 5
        while os.stat(p).st_mode & 0o6000 and time.monotonic() < end:
            time.sleep(0.01)
        assert os.stat(p).st_mode & 0o7777 == 0o777, (do, oct(os.stat(p).st_mode))
        os.unlink(p)

for rule in [fallocate, locks, leases, mapped, written_beside_a_mapping, exchange, unnamed] + [sticky, setgid, privileges] * ROOT:
    try:
        rule()
    except BaseException:
        print("in", rule.__name__)
        raise
PY
timeout 120 python3 "$work/probe.py" "$mnt" || fail "a rule does not hold"
