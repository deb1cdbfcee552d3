#!/bin/sh
# Quotas of directories: limits hold for everything that makes or moves bytes and inodes, df is honest, names do not
# cross, usage is exact after kills, and who may not set one cannot.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || { echo "python3 is missing"; exit 77; }
if [ "$(id -u)" = 0 ]; then
    chmod 755 "$work" "$mnt"
    start -o allow_other
    chmod 777 "$mnt"
else
    start
fi
cat >"$work/probe.py" <<'PY'
import errno as E, os, stat, subprocess, sys, time
top, when = sys.argv[1:]
from calls import call, libc
from checks import refused
K = 1024
M = K * K

def limit(path, which, value):
    os.setxattr(path, f"user.brainy.quota-{which}", str(value).encode())

def ask(path, which):
    return os.getxattr(path, f"user.brainy.quota-{which}").decode()

def used(path):
    return int(ask(path, "used-bytes")), int(ask(path, "used-inodes"))

def freed(path, bytes, inodes=None):
    """What was deleted is freed behind the request."""
    end = time.monotonic() + 30
    while used(path)[0] != bytes or inodes not in (None, used(path)[1]):
        assert time.monotonic() < end, (path, used(path), bytes, inodes)
        time.sleep(0.01)

def settled(path):
    end = time.monotonic() + 60
    while ask(path, "state") != "exact":
        assert time.monotonic() < end, "the walk does not end"
        time.sleep(0.01)

def rename(a, b, flags=0):
    call(libc.renameat2(-100, a.encode(), -100, b.encode(), flags))

def name(fd, path):
    call(libc.linkat(-100, f"/proc/self/fd/{fd}".encode(), -100, path.encode(), 0x400))

def put(path, size, byte=b"x"):
    with open(path, "wb", buffering=0) as f:
        for n in range(0, size, M):
            f.write(byte * min(M, size - n))

def allocate(path, size, mode=0):
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        call(libc.fallocate(fd, mode, 0, size))
    finally:
        os.close(fd)

def truth(path):
    """What counts, by looking at it."""
    bytes, inodes, seen = 0, 1, set()
    for folder, folders, files in os.walk(path):
        for name in folders + files:
            st = os.lstat(f"{folder}/{name}")
            if st.st_ino in seen:
                continue
            seen.add(st.st_ino)
            inodes += 1
            if stat.S_ISREG(st.st_mode):
                bytes += st.st_size
    return bytes, inodes

def bytes_hold():
    q = top + "/q"
    os.mkdir(q)
    limit(q, "bytes", "8M")
    assert ask(q, "bytes") == str(8 * M) and used(q) == (0, 1), used(q)
    assert os.listxattr(q) == [], "cp -a would copy it"
    os.makedirs(q + "/a/b")
    put(q + "/a/b/file", 5 * M)
    assert used(q) == (5 * M, 4), used(q)
    s, whole = os.statvfs(q + "/a/b"), os.statvfs(top)
    assert s.f_blocks * s.f_frsize == 8 * M and s.f_bfree * s.f_frsize == 3 * M == s.f_bavail * s.f_frsize, s
    assert whole.f_blocks * whole.f_frsize > 8 * M, "df of the rest"
    refused(E.EDQUOT, put, q + "/big", 4 * M)
    assert os.stat(q + "/big").st_size == 3 * M
    refused(E.EDQUOT, put, q + "/small", 1)
    put(q + "/a/b/file", 5 * M, b"y")
    f = os.open(q + "/a/b/file", os.O_RDWR)
    os.pwrite(f, b"z" * M, 2 * M)
    refused(E.EDQUOT, os.pwrite, f, b"z" * M, 5 * M)
    os.ftruncate(f, 1 << 30)
    os.ftruncate(f, 5 * M)
    refused(E.EDQUOT, allocate, q + "/small", K)
    refused(E.EDQUOT, os.copy_file_range, f, os.open(q + "/small", os.O_RDWR), 100 * K)
    os.unlink(q + "/big")
    freed(q, 5 * M)
    fd = os.open(q, os.O_TMPFILE | os.O_RDWR)
    os.write(fd, b"t" * M)
    assert used(q)[0] == 6 * M
    allocate(q + "/small", M)
    call(libc.fallocate(f, 3, 0, 4 * M))
    assert used(q)[0] == 3 * M, used(q)
    os.close(fd)
    freed(q, 2 * M)
    os.close(f)
    limit(q, "bytes", M)
    s = os.statvfs(q)
    assert s.f_bfree == 0 == s.f_bavail, s
    fd = os.open(q + "/small", os.O_RDWR)
    assert os.pwrite(fd, b"o" * M, 0) == M, "what is there may be written anew"
    os.close(fd)
    refused(E.EDQUOT, put, q + "/more", 1)

def inodes_hold():
    q = top + "/i"
    os.mkdir(q)
    limit(q, "inodes", 6)
    open(q + "/one", "w").close()
    os.mkdir(q + "/two")
    os.symlink("x", q + "/three")
    os.mkfifo(q + "/four")
    os.link(q + "/one", q + "/two/link")
    assert used(q)[1] == 5
    os.mkdir(q + "/two/five")
    s = os.statvfs(q + "/two")
    assert s.f_files == 6 and s.f_ffree == 0, s
    refused(E.EDQUOT, open, q + "/two/six", "w")
    refused(E.EDQUOT, os.mkdir, q + "/six")
    refused(E.EDQUOT, os.symlink, "x", q + "/six")
    refused(E.EDQUOT, os.mkfifo, q + "/six")
    refused(E.EDQUOT, os.open, q, os.O_TMPFILE | os.O_RDWR)
    if os.getuid() == 0:
        refused(E.EDQUOT, rename, q + "/one", q + "/six", 4)
    rename(q + "/one", q + "/two/moved")
    os.rmdir(q + "/two/five")
    fd = os.open(q, os.O_TMPFILE | os.O_RDWR)
    assert used(q)[1] == 6
    name(fd, q + "/named")
    os.close(fd)
    assert used(q)[1] == 6
    os.unlink(q + "/two/moved")
    assert used(q)[1] == 6, "it has another name"
    os.unlink(q + "/two/link")
    freed(q, 0, 5)

def names_stay():
    a, b = top + "/na", top + "/nb"
    for d in (a, b):
        os.mkdir(d)
        limit(d, "inodes", 100)
        os.mkdir(d + "/dir")
        open(d + "/file", "w").close()
    open(top + "/out", "w").close()
    for source, target in ((a + "/file", top + "/x"), (top + "/out", a + "/x"), (a + "/file", b + "/x"),
                           (a + "/dir", b + "/y")):
        refused(E.EXDEV, rename, source, target)
        if source[-3:] != "dir":
            refused(E.EXDEV, os.link, source, target)
    refused(E.EXDEV, rename, a + "/file", top + "/out", 2)
    refused(E.EXDEV, rename, top + "/out", b + "/file", 2)
    fd = os.open(a, os.O_TMPFILE | os.O_RDWR)
    refused(E.EXDEV, name, fd, b + "/z")
    name(fd, a + "/z")
    os.unlink(a + "/z")
    os.close(fd)
    freed(a, 0, 3)
    rename(a, top + "/nc")
    rename(top + "/nc", a)
    rename(a, b, 2)
    rename(a, b, 2)
    os.mkdir(top + "/plain")
    rename(a, top + "/plain/a")
    refused(E.EXDEV, rename, top + "/plain/a", b + "/a")
    rename(top + "/plain/a", a)
    subprocess.check_call(["mv", a + "/dir", b + "/moved"])
    assert used(a)[1] == 2 and used(b)[1] == 4, (used(a), used(b))

def nested():
    q = top + "/n"
    os.makedirs(q + "/in/deep")
    put(q + "/in/deep/file", 3 * M)
    limit(q + "/in", "bytes", "4M")
    settled(q + "/in")
    limit(q, "bytes", "5M")
    settled(q)
    assert used(q) == (3 * M, 4) and used(q + "/in") == (3 * M, 3), (used(q), used(q + "/in"))
    refused(E.EDQUOT, put, q + "/in/deep/more", 2 * M)
    os.unlink(q + "/in/deep/more")
    freed(q, 3 * M)
    put(q + "/beside", 2 * M - K)
    refused(E.EDQUOT, put, q + "/in/deep/more", 2 * K)
    os.unlink(q + "/in/deep/more")
    freed(q, 5 * M - K)
    s = os.statvfs(q + "/in/deep")
    assert (s.f_blocks, s.f_bfree * s.f_frsize) == (5 * M // s.f_frsize, 0), "the quota that leaves least"
    os.removexattr(q, "user.brainy.quota-bytes")
    refused(E.ENODATA, ask, q, "bytes")
    put(q + "/in/deep/more", M)
    refused(E.EDQUOT, put, q + "/in/deep/again", 1)
    os.removexattr(q + "/in", "user.brainy.quota-bytes")
    end = time.monotonic() + 30
    while True:
        try:
            rename(q + "/in/deep", top + "/deep")
            break
        except OSError as e:
            assert e.errno == E.EXDEV and time.monotonic() < end, e
            time.sleep(0.01)

def wrong():
    os.mkdir(top + "/w")
    for value in ("", "0", "-1", "1x", "M", "9" * 20, "9999999P", "1 ", "0x10"):
        refused(E.EINVAL, limit, top + "/w", "bytes", value)
    refused(E.EINVAL, limit, top + "/w", "inodes", "1K")
    refused(E.EPERM, limit, top + "/w", "used-bytes", "1")
    refused(E.ENODATA, os.removexattr, top + "/w", "user.brainy.quota-bytes")
    open(top + "/w/file", "w").close()
    refused(E.ENOTDIR, limit, top + "/w/file", "bytes", 1)
    refused(E.ENODATA, ask, top + "/w", "bytes")
    limit(top + "/w", "bytes", "1G")
    settled(top + "/w")
    if os.getuid():
        return
    os.chmod(top + "/w", 0o777)
    code = (f"import os; p = {top + '/w'!r}\n"
            "for name in ('bytes', 'inodes'):\n"
            "    try: os.setxattr(p, 'user.brainy.quota-' + name, b'1')\n"
            "    except PermissionError: continue\n"
            "    raise SystemExit('a stranger set a limit')\n"
            "try: os.removexattr(p, 'user.brainy.quota-bytes')\n"
            "except PermissionError: pass\n"
            "else: raise SystemExit('a stranger took a limit away')\n"
            "assert os.getxattr(p, 'user.brainy.quota-bytes') == b'1073741824'\n"
            "try: os.getxattr(p, 'user.brainy.quota-used-bytes')\n"
            "except OSError as e: assert e.errno == 61, e\n"
            "else: raise SystemExit('a stranger saw what counts')\n")
    subprocess.check_call(["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups", "python3", "-c", code])

def tree():
    t = top + "/tree"
    for a in range(20):
        for b in range(10):
            os.makedirs(f"{t}/{a}/{b}")
            for c in range(15):
                put(f"{t}/{a}/{b}/{c}", c)
    os.link(t + "/0/0/1", t + "/1/1/link")

def check(path):
    settled(path)
    freed(path, *truth(path))

if when == "first":
    for test in (bytes_hold, inodes_hold, names_stay, nested, wrong, tree):
        test()
elif when == "limit":
    limit(top + "/tree", "inodes", 1000000)
elif when == "free":
    os.removexattr(top + "/tree", "user.brainy.quota-inodes")
else:
    for path in sys.argv[2].split(","):
        check(f"{top}/{path}")
PY
python3 "$work/probe.py" "$mnt" first || fail "quotas"

# A kill while a tree of 3400 begins to count, and while it ends to
for round in 1 2 3; do
    python3 "$work/probe.py" "$mnt" limit || fail "a quota on a tree"
    sleep 0.0$((round * 2))
    kill -9 "$(server)"
    mkdir "$mnt/tree/3/new$round" "$mnt/tree/19/9/new$round"
    python3 "$work/probe.py" "$mnt" tree || fail "usage after a kill"
    python3 "$work/probe.py" "$mnt" free || fail "no quota on a tree"
    sleep 0.0$((round * 2))
    kill -9 "$(server)"
done
python3 "$work/probe.py" "$mnt" limit || fail "a quota on a tree"
kill -9 "$(keeper)" "$(server)"
while mounted; do umount -l "$mnt" 2>/dev/null || fusermount3 -u -z "$mnt" 2>/dev/null; sleep 0.1; done
"$brainy" mount "$vol" "$mnt" || fail "mount after a kill"
python3 "$work/probe.py" "$mnt" tree,i,na,nb,w || fail "usage after a kill of all"
stop
"$brainy" fsck "$vol" >"$work/fsck" 2>&1 || fail "fsck: $(cat "$work/fsck")"
grep -q '"quotas"' "$vol/volume.json" || fail "older programs would not refuse the volume"
