# A directory whose quota is full: each change that takes room is refused and leaves nothing behind, what was there can
# be read and written anew, others go on, and who deletes can write again at once. So it is after a kill, too.
. "$(dirname "$0")/../mount/lib.sh"
command -v python3 >/dev/null || { echo "python3 is missing"; exit 77; }
start
cat >"$work/probe.py" <<'PY'
import errno, os, sys
top = sys.argv[1]
q, M = top + "/q", 1 << 20

def put(path, size):
    with open(path, "wb", buffering=0) as f:
        for n in range(0, size, M):
            f.write(b"x" * min(M, size - n))

def full(do, *args):
    try:
        do(*args)
    except OSError as e:
        assert e.errno == errno.EDQUOT, (do, args, e)
    else:
        raise AssertionError((do, args, "was not refused"))

def used():
    return tuple(int(os.getxattr(q, "user.brainy.quota-used-" + what)) for what in ("bytes", "inodes"))

if not os.path.exists(q):
    os.mkdir(q)
    os.setxattr(q, "user.brainy.quota-bytes", b"8M")
    os.setxattr(q, "user.brainy.quota-inodes", b"40")
    put(q + "/kept", 4 * M)
    put(top + "/beside", 3 * M)
files = [f"{q}/{n}" for n in range(4)]
for f in files:
    put(f, M)
assert used() == (8 * M, 6), used()
full(put, q + "/more", 1)
full(put, q + "/more", 3 * M)
assert os.stat(q + "/more").st_size == 0
os.unlink(q + "/more")
fd = os.open(files[0], os.O_RDWR)
for change in (lambda: os.pwrite(fd, b"y" * 2 * M, M), lambda: os.pwrite(fd, b"y", 5 * M),
               lambda: os.posix_fallocate(fd, 0, M + 1),
               lambda: os.copy_file_range(os.open(top + "/beside", os.O_RDONLY), fd, 3 * M, 0, M)):
    full(change)
    assert os.fstat(fd).st_size == M and used()[0] == 8 * M, (os.fstat(fd).st_size, used())
assert os.pwrite(fd, b"z" * M, 0) == M and os.pread(fd, M + 1, 0) == b"z" * M
os.close(fd)
put(top + "/beside", 3 * M)
# What one deletes, one can write: also before it was freed behind the request.
for turn in range(60):
    f = files[turn % 4]
    os.unlink(f)
    put(f, M)
os.unlink(q + "/3")
for turn in range(3):
    made = [f"{q}/i{n}" for n in range(35)]
    for f in made:
        open(f, "w").close()
    full(open, q + "/one-too-many", "w")
    full(os.mkdir, q + "/one-too-many")
    full(os.symlink, "x", q + "/one-too-many")
    for f in made:
        os.unlink(f)
put(q + "/3", M)
assert open(q + "/kept", "rb").read() == b"x" * 4 * M
for f in files:
    os.unlink(f)
PY
python3 "$work/probe.py" "$mnt" || fail "a full quota"
kill -KILL "$(server)"
python3 "$work/probe.py" "$mnt" || fail "a full quota after a kill of the server"
stop
"$brainy" fsck "$vol" || fail fsck
