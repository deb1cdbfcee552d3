# `brainy upgrade` while queries wait, fsyncs are under way and files without names are open: nobody notices.
. "$(dirname "$0")/lib.sh"
mkdir "$work/new"
cp "$brainy" "$(dirname "$brainy")/brainy-extract" "$work/new/"
start
export mnt work brainy
cat >"$work/busy.py" <<'PY'
import fcntl, multiprocessing, os, subprocess, sys, time
top, ROUNDS = os.environ["mnt"], 4
programs = [os.environ["work"] + "/new/brainy", os.environ["brainy"]]
over, said = multiprocessing.Event(), multiprocessing.Queue()

# A process each: a thread's fork would keep the files of the others open for a moment.
def worker(function):
    def run():
        n, error = 0, None
        try:
            while not over.is_set():
                function(n)
                n += 1
        except (OSError, AssertionError, subprocess.SubprocessError) as e:
            error = (repr(e), sys.exc_info()[2].tb_next.tb_lineno)
        said.put((function.__name__, n, error))
    return multiprocessing.Process(target=run, daemon=True)

def find(words, keys=""):
    return open(f"{top}/.query/find?format=paths&mode=text&q={words}{keys}").read().split()

# Each waits for a file of its own to be indexed: nearly always one is parked.
def query(n):
    name = f"doc{n}.txt"
    with open(f"{top}/{name}", "w") as f:
        f.write(f"heron number{n} of the harbour\n")
    assert find(f"number{n}", "&wait=30000") == [name], n

def command(n):
    out = subprocess.run([os.environ["brainy"], "find", "--in", top, "--mode", "text", "first"], check=True, capture_output=True)
    assert out.stdout == os.fsencode(top + "/first.txt\n"), out.stdout

def syncs(n):
    fd = os.open(f"{top}/synced{n % 20}", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    os.write(fd, b"%d" % n * 1000)
    os.fsync(fd)
    os.close(fd)

def synced_write(n):
    fd = os.open(f"{top}/osync", os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_SYNC)
    assert os.write(fd, b"%07d\n" % n) == 8
    os.close(fd)

gone = []
def unnamed_files(n):
    if n < 1500:
        fd = os.open(f"{top}/gone", os.O_CREAT | os.O_EXCL | os.O_RDWR)
        os.write(fd, b"gone %d;" % n * 300)
        os.unlink(f"{top}/gone")
        gone.append(fd)
    m = n % len(gone)
    assert os.fstat(gone[m]).st_nlink == 0
    assert os.pread(gone[m], 10000, 0) == b"gone %d;" % m * 300

with open(f"{top}/first.txt", "w") as f:
    f.write("the first heron\n")
assert find("first", "&wait=30000") == ["first.txt"]
held = os.open(f"{top}/held", os.O_CREAT | os.O_RDWR)
fcntl.flock(held, fcntl.LOCK_EX)
workers = [worker(f) for f in (query, command, syncs, synced_write, unnamed_files)]
for w in workers:
    w.start()
for i in range(ROUNDS):
    time.sleep(0.7)
    answer = open(f"{top}/.query/find?format=paths&mode=text&q=first")
    subprocess.run([programs[i % 2], "upgrade", top], check=True)
    assert answer.read() == "first.txt\n", "an open answer was lost"
    answer.close()
over.set()
results = [said.get(timeout=60) for w in workers]
print(results)
assert all(error is None and n > ROUNDS for name, n, error in results)
written = next(n for name, n, error in results if name == "synced_write")
assert open(f"{top}/osync", "rb").read() == b"".join(b"%07d\n" % i for i in range(written))
PY
python3 "$work/busy.py" || fail "a program noticed"
"$brainy" status "$mnt" --json | tr -d ' ' | grep -q '"upgrades":4' || fail "status does not count them"
stop
"$brainy" fsck "$vol" >/dev/null || fail "fsck"
