# The server is killed while three programs make, write, sync, rename and remove files: they see a pause, no error, and
# their open files go on.
. "$(dirname "$0")/lib.sh"
start
export VOL="$vol" MNT="$mnt"
python3 - <<'PY' || fail "programs met an error"
import os, random, signal, subprocess, sys, threading, time
top, seed = os.environ["MNT"], int(time.time())
print("seed", seed)
rng = random.Random(seed)
stop, errors = threading.Event(), []

def server():
    keeper = next(int(l[4:]) for l in open(os.environ["VOL"] + "/lock") if l.startswith("pid "))
    out = subprocess.run(["ps", "-o", "comm=,pid=", "--ppid", str(keeper)], capture_output=True, text=True).stdout.split()
    return int(out[out.index("brainy-server") + 1]) if "brainy-server" in out else None

def life(folder, i, log, lines):
    os.write(log, b"%015d\n" % lines)
    name, other = f"{folder}/f{i % 50}", f"{folder}/x{i}"
    data = os.urandom((10, 5000, 70000)[i % 3])
    fd = os.open(name, os.O_CREAT | os.O_RDWR | os.O_TRUNC)
    os.write(fd, data)
    assert os.pread(fd, len(data), 0) == data
    if i % 3 == 0:
        os.fsync(fd)
    os.close(fd)
    os.mkdir(other)
    os.rename(other, other + "r")
    os.rmdir(other + "r")
    os.symlink("a", other)
    os.unlink(other)
    fd = os.open(other, os.O_CREAT | os.O_EXCL | os.O_RDWR)
    os.unlink(other)
    os.write(fd, b"x" * 100)
    assert os.pread(fd, 200, 0) == b"x" * 100
    os.close(fd)
    os.setxattr(name, "user.a", b"%d" % i)
    assert os.getxattr(name, "user.a") == b"%d" % i

def work(n):
    folder, lines = f"{top}/w{n}", 0
    os.mkdir(folder)
    log = os.open(folder + "/log", os.O_CREAT | os.O_RDWR | os.O_APPEND)
    while not stop.is_set():
        try:
            life(folder, lines, log, lines)
        except (OSError, AssertionError) as e:
            errors.append((n, lines, repr(e), sys.exc_info()[2].tb_next.tb_lineno))
            break
        lines += 1
    os.close(log)
    if open(folder + "/log", "rb").read() != b"".join(b"%015d\n" % k for k in range(lines)) and not errors:
        errors.append((n, "lines were lost or doubled"))

threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
for t in threads:
    t.start()
for _ in range(4):
    time.sleep(rng.uniform(0.2, 1))
    old = server()
    os.kill(old, signal.SIGKILL)
    end = time.monotonic() + 20
    while server() in (None, old):
        assert time.monotonic() < end, "the server does not come back"
        time.sleep(0.02)
time.sleep(0.5)
stop.set()
for t in threads:
    t.join()
assert not errors, errors
PY
stop
"$brainy" fsck "$vol" || fail "fsck"
