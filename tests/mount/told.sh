# What a view has changed elsewhere the kernel is told, and no server that is killed meanwhile keeps another from serving, nor
# programs from hearing that there is none: the kernel cannot be told of a name while somebody changes its folder, who waits
# for an answer.
# Waits: for servers.
. "$(dirname "$0")/lib.sh"
start
cat >"$work/told.py" <<'PY'
import os, sys, threading, time
os.chdir(sys.argv[1])
ending, failures = threading.Event(), []

def neighbour():
    """Has the folder locked, most of the time."""
    while not ending.is_set():
        os.close(os.open("inbox/neighbour", os.O_CREAT | os.O_WRONLY))
        os.unlink("inbox/neighbour")

def soon(condition, what):
    end = time.monotonic() + 20
    while not condition():
        if time.monotonic() > end:
            failures.append(what)
            ending.set()
            return
        time.sleep(0.001)

def through_tags():
    while not ending.is_set():
        assert not os.path.lexists("inbox/new"), "inbox/new is still there" # and the kernel knows so for an hour
        os.close(os.open(".tags/red/new", os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        soon(lambda: os.path.lexists("inbox/new"), "inbox/new is not there")
        os.rename(".tags/red/new", ".tags/red/newer")
        soon(lambda: not os.path.lexists("inbox/new"), "inbox/new is there, and was renamed")
        os.unlink("inbox/newer")

def run(work):
    try:
        work()
    except BaseException as e:
        failures.append(f"{work.__name__}: {e}")
        ending.set()

threads = [threading.Thread(target=run, args=(work,)) for work in (neighbour, through_tags)]
for t in threads:
    t.start()
while not ending.is_set() and not os.path.exists(sys.argv[2]):
    time.sleep(0.05)
ending.set()
for t in threads:
    t.join()
sys.exit(", ".join(failures) or 0)
PY
mkdir "$mnt/.tags/red" "$mnt/inbox"
python3 "$work/told.py" "$mnt" "$work/enough" >"$work/said" 2>&1 &
telling=$!
for _ in $(seq 25); do
    sleep 0.1
    kill_server
done
: >"$work/enough"
wait $telling || fail "$(cat "$work/said")"

# Nobody waits for an answer that nobody can give.
for round in $(seq 5); do
    rm -f "$work/enough"
    python3 "$work/told.py" "$mnt" "$work/enough" >"$work/said" 2>&1 &
    telling=$!
    sleep 0.$((3 + round))
    kill -9 "$(keeper)" "$(server)"
    n=0
    while kill -0 $telling 2>/dev/null; do
        sleep 0.1; n=$((n + 1)); [ $n -lt 200 ] || fail "a program waits for a mount that nobody serves, round $round"
    done
    wait $telling
    umount -l "$mnt" 2>/dev/null || fusermount3 -u -z "$mnt"
    "$brainy" mount "$vol" "$mnt" || fail "mount after round $round"
    rm -rf "$mnt/inbox" && mkdir "$mnt/inbox"
done
stop
"$brainy" fsck "$vol" >"$work/fsck" || fail "fsck: $(cat "$work/fsck")"
