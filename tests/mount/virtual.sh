# Virtual files are files: true sizes, refused changes, reserved names, ask and control on one handle, errors, interrupts.
. "$(dirname "$0")/lib.sh"
start
mkdir "$mnt/d"
echo "A word about sluices." >"$mnt/a.txt"
python3 - "$mnt" <<'PY' || fail "virtual files"
import errno, mmap, os, signal, subprocess, sys, time
from checks import refused
top = sys.argv[1]

query = top + "/.query/find?q=sluices"
text = open(query, "rb").read()
st = os.stat(query)
assert (st.st_size, st.st_mode, st.st_uid) == (len(text), 0o100400, os.getuid()), st
assert os.getxattr(query, "user.brainy.pending") == b"0" and os.listxattr(query) == []
with open(query, "rb") as f, mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as m:
    assert m[:] == text
for flags in (os.O_WRONLY, os.O_RDWR, os.O_RDONLY | os.O_TRUNC, os.O_WRONLY | os.O_CREAT | os.O_TRUNC):
    refused(errno.EACCES, os.open, query, flags)
for call in (lambda p: os.truncate(p, 0), lambda p: os.chmod(p, 0o600), os.unlink, lambda p: os.rename(p, top + "/z")):
    refused(errno.EACCES, call, query)
refused(errno.EACCES, os.mkdir, top + "/.query/x")
for name in ".query .brainy .tags .find .dates .by".split():
    refused(errno.EEXIST, os.mkdir, f"{top}/{name}")
    refused(errno.EEXIST, os.symlink, "x", f"{top}/{name}")
refused(errno.EEXIST, os.mkdir, top + "/d/.query")
refused(errno.EEXIST, os.rename, top + "/d", top + "/.by")
refused(errno.ENOENT, os.stat, top + "/.query/seek?q=a")
refused(errno.ENOENT, os.stat, top + "/.brainy/nothing")
refused(errno.EINVAL, os.stat, top + "/.query/find?q=")
assert len(open(top + "/.query/last-error").read()) > 10
assert os.listdir(top + "/.query") == [] and sorted(os.listdir(top)) == ["a.txt", "d"]
assert {"status.json", "queue", "version", "control"} <= set(os.listdir(top + "/.brainy"))

def ask(line, name="/.query/ask", step=1 << 18):
    fd = os.open(top + name, os.O_RDWR)
    try:
        for i in range(0, len(line), step):
            os.write(fd, line[i:i + step])
        return b"".join(iter(lambda: os.read(fd, 7), b""))
    finally:
        os.close(fd)

assert ask(b"find?q=sluices\n") == text
assert ask(b"find?q=sluices\n", step=3) == text
long = b"find?mode=text&format=paths&q=sluices " + b"qwrtzpsdfg " * 90000
assert ask(long + b"\n") == b"a.txt\n"
refused(errno.EFBIG, ask, b"find?q=" + b"w" * (1 << 20) + b"\n")
refused(errno.EINVAL, ask, b"seek?q=a\n")
refused(errno.EINVAL, ask, b"no newline, no answer")
assert b"known are" in ask(b"nonsense\n", "/.brainy/control")

# A query that waits for a file which is not closed can be killed.
big = subprocess.Popen(["sh", "-c", f"while :; do echo more >>'{top}/busy.txt'; done"])
time.sleep(0.2)
waiter = subprocess.Popen(["cat", top + "/.query/find?q=more&wait=60000"], stdout=subprocess.DEVNULL)
time.sleep(0.2)
begun = time.monotonic()
waiter.send_signal(signal.SIGKILL)
waiter.wait(10)
big.kill()
big.wait()
assert time.monotonic() - begun < 1, "a waiting query cannot be killed"
PY
python3 - "$mnt" <<'PY' || fail "names of 1000 bytes and more"
import os, sys
folder = os.open(sys.argv[1] + "/.query", os.O_PATH)
new = tuple(map(int, os.uname().release.split(".")[:2])) >= (6, 14)
for length in (300, 1000) + ((4080,) if new else ()):
    name = b"find?mode=text&format=paths&q=sluices " + b"w" * 5000
    fd = os.open(name[:length], os.O_RDONLY, dir_fd=folder)
    assert os.read(fd, 100) == b"a.txt\n", length
PY
