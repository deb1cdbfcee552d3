# Writers without privilege take suid, sgid and capabilities away; times, O_TMPFILE and unlinked files behave.
# Root only: it becomes two users.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || { echo "needs root, to become two users"; exit 77; }
chmod 755 "$work" "$mnt"
start -o allow_other,suid
chmod 777 "$mnt"
python3 - "$mnt" <<'PY' || fail "privileges"
import ctypes, os, shutil, subprocess, sys, time
top = sys.argv[1]
p = top + "/file"

def as_user(code):
    subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable, "-c",
                    f"import os; p = {p!r}; {code}"], check=True)

for code in ('open(p, "r+").write("x")', 'open(p, "w")', 'os.truncate(p, 1)', 'os.chown(p, 65534, 65534)',
             'os.posix_fallocate(os.open(p, os.O_RDWR), 0, 100)'):
    open(p, "w").write("hello")
    os.chown(p, 65534, 65534)
    os.chmod(p, 0o6775)
    as_user(code)
    assert os.stat(p).st_mode == 0o100775, f"{code}: {os.stat(p).st_mode:o}"
    os.unlink(p)
# setgid that the group may not execute stays for its members
for code in ('open(p, "r+").write("x")', 'open(p, "w")', 'os.truncate(p, 1)',
             'os.posix_fallocate(os.open(p, os.O_RDWR), 0, 100)',
             'f = os.open(p, os.O_RDWR); os.copy_file_range(f, f, 1, 0, 2)'):
    for gid, wanted in (65534, 0o102766), (5, 0o100766):
        open(p, "w").write("hello")
        os.chown(p, 1, gid)
        os.chmod(p, 0o6766)
        as_user(code)
        assert os.stat(p).st_mode == wanted, f"{code}, group {gid}: {os.stat(p).st_mode:o}"
        os.unlink(p)
open(p, "w").write("a")
os.chmod(p, 0o4755)
open(p, "r+").write("b")
assert os.stat(p).st_mode == 0o104755, "a write by root took suid away"
os.chown(p, 5, 5)
assert os.stat(p).st_mode == 0o100755, "chown by root left suid"
os.setxattr(p, "security.capability", bytes.fromhex("01000002000400000000000000000000") + bytes(4))
open(p, "r+").write("c")
assert os.listxattr(p) == [], "a write left the capabilities"

# execve(2) believes the mode that the kernel remembers: nothing may ask for it in between
p = top + "/suid"
for code in ('open(p, "ab").write(b"x")', 'os.posix_fallocate(os.open(p, os.O_RDWR), 0, 10)',
             'f = os.open(p, os.O_RDWR); os.copy_file_range(f, f, 1, 0, os.fstat(f).st_size)',
             'import mmap; m = mmap.mmap(os.open(p, os.O_RDWR), 0); m[-1] = 65; m.flush()'):
    shutil.copy("/usr/bin/id", p)
    os.chmod(p, 0o6777)
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", p]
    assert subprocess.check_output(user + ["-u"]) == b"0\n", "suid does nothing here"
    as_user(code)
    end = time.monotonic() + ("mmap" in code) * 5
    while subprocess.check_output(user + ["-u"]) == b"0\n" and time.monotonic() < end:
        time.sleep(0.01)
    assert subprocess.check_output(user + ["-u"]) == b"65534\n", f"{code}: suid is obeyed"
    assert os.stat(p).st_mode == 0o100777, f"{code}: {os.stat(p).st_mode:o}"
    os.unlink(p)
p = top + "/file"

# our own updates of atime come at the close, once a day, and are no change of the file
os.utime(p, (1, 5))
before = os.stat(p).st_ctime_ns
open(p).read()
end = time.monotonic() + 5
while os.stat(p).st_atime < 10 and time.monotonic() < end:
    time.sleep(0.01)
after = os.stat(p)
assert after.st_atime > 10 and after.st_mtime == 5 and after.st_ctime_ns == before, after
os.utime(p, ns=(7, 8))
assert (os.stat(p).st_atime_ns, os.stat(p).st_mtime_ns) == (7, 8)

libc = ctypes.CDLL(None, use_errno=True)
fd = os.open(top, os.O_TMPFILE | os.O_RDWR)
os.write(fd, b"unnamed")
assert os.fstat(fd).st_nlink == 0
assert libc.linkat(-100, b"/proc/self/fd/%d" % fd, -100, os.fsencode(top + "/named"), 0x400) == 0
assert open(top + "/named").read() == "unnamed" and os.stat(top + "/named").st_nlink == 1
os.close(fd)
os.mkdir(top + "/gone")
fd = os.open(top + "/gone", os.O_RDONLY)
os.rmdir(top + "/gone")
assert os.fstat(fd).st_nlink == 0
PY
