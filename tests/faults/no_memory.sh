# No memory for a mounted server (RLIMIT_AS, set while it runs, in steps): programs may get errors, but no wrong bytes, no
# write that was acknowledged is lost, and with memory everything goes on, without a new mount.
. "$(dirname "$0")/../mount/lib.sh"
command -v python3 >/dev/null || { echo "there is no python3"; exit 77; }
command -v prlimit >/dev/null || { echo "there is no prlimit"; exit 77; }
start
limit() { prlimit --pid "$(server)" --as="$1:unlimited" 2>/dev/null; }
limit unlimited || { echo "the limits of a server cannot be set here"; exit 77; }
cat >"$work/work.py" <<'PY'
# work.py MNT FIRST NOTE - writes, reads and asks; appends to NOTE what was acknowledged; says how much failed
import os, sys, hashlib
top, first, note = sys.argv[1], int(sys.argv[2]), open(sys.argv[3], "a")
failed = done = 0

def content(i):
    seed = hashlib.sha256(b"%d" % i).digest()
    return seed * (1 + (i * 7919) % 20000)

def attempt(call, *args):
    global failed, done
    try:
        r = call(*args)
        done += 1
        return r
    except OSError:
        failed += 1

def write(i):
    fd = os.open(f"{top}/file{i}", os.O_CREAT | os.O_RDWR | os.O_TRUNC, 0o600)
    try:
        data = content(i)
        while data:
            data = data[os.write(fd, data):]
        os.close(os.dup(fd))
        if i % 5 == 0:
            os.fsync(fd)
    finally:
        os.close(fd)
    print(i, file=note, flush=True)

def read(i):
    with open(f"{top}/file{i}", "rb", buffering=0) as f:
        got = f.readall()
    if got != content(i)[:len(got)]:
        sys.exit(f"file{i} has wrong bytes")

def ask(i):
    with open(f"{top}/.query/find?q=nothing{i}", "rb") as f:
        f.read()

def shuffle(i):
    os.mkdir(f"{top}/folder{i}")
    os.rename(f"{top}/folder{i}", f"{top}/renamed{i}")
    os.setxattr(f"{top}/renamed{i}", "user.note", b"x" * 100)

for i in range(first, first + 25):
    attempt(write, i)
    attempt(read, i)
    attempt(ask, i)
    attempt(shuffle, i)
    attempt(os.listdir, top)
print(done, failed)
PY
cat >"$work/check.py" <<'PY'
import sys
whole = [int(line) for line in open(sys.argv[2])]
sys.argv[2:] = ["0", "/dev/null"]
source = open(__file__.replace("check.py", "work.py")).read().split("for i in range")[0]
exec(source)
for i in whole:
    if open(f"{top}/file{i}", "rb").read() != content(i):
        sys.exit(f"file{i} was acknowledged and is not whole")
PY
now() { awk '/^VmSize/ { printf "%.0f", $2 * 1024 }' "/proc/$(server)/status"; }
first=0 failed=0
for room in 16000000 4000000 1000000 0; do
    pid=$(server)
    limit $(($(now) + room)) || fail "prlimit"
    figures=$(timeout 120 python3 "$work/work.py" "$mnt" "$first" "$work/note") || fail "with room for $room bytes: $figures"
    echo "room $room: done and failed $figures"
    failed=$((failed + ${figures#* }))
    [ "$(server)" = "$pid" ] || echo "the server was started again"
    limit unlimited || fail "prlimit"
    sleep 0.2
    echo "with memory again" >"$mnt/again" || fail "no write with memory again"
    first=$((first + 40))
done
timeout 60 python3 "$work/check.py" "$mnt" "$work/note" || fail "with memory again"
timeout 60 "$brainy" wait "$mnt" --for index --timeout 50 || fail "the index does not go on"
again
timeout 60 python3 "$work/check.py" "$mnt" "$work/note" || fail "after a new mount"
stop
"$brainy" fsck "$vol" || fail fsck
