# Saved searches are followed: a thousand changes of files in five of them, as fast as they go, each told by .brainy/events and by
# inotify once and in order, with servers killed while they tell; `brainy follow`; cursors.
. "$(dirname "$0")/lib.sh"
start
python3 - "$mnt" "$brainy" <<'PY' || fail "live searches"
import collections, ctypes, json, os, random, struct, subprocess, sys, threading, time
top = sys.argv[1]
libc = ctypes.CDLL(None, use_errno=True)
names = ["ash", "beech", "cedar", "elm", "fir"]
FILES, CHANGES = 24, 1000

for n in names:
    folder = f"{top}/.find/saved/{n}"
    os.mkdir(folder)
    for setting, value in ((".limit", "1000"), (".mode", "text"), (".q", f"tag:{n}")):
        with open(f"{folder}/{setting}", "w") as f:
            f.write(value)

def until(what, seconds=10):
    end = time.time() + seconds
    while not what():
        assert time.time() < end, "it took too long"
        time.sleep(0.002)

fd = libc.inotify_init1(os.O_CLOEXEC)
CREATE, DELETE, OVERFLOW = 0x100, 0x200, 0x4000
watched = {libc.inotify_add_watch(fd, f"{top}/.find/saved/{n}".encode(), CREATE | DELETE): n for n in names}
assert -1 not in watched
heard = []

def listen():
    while True:
        data, at = os.read(fd, 1 << 16), 0
        while at < len(data):
            wd, mask, _, length = struct.unpack_from("iIII", data, at)
            name = data[at + 16:at + 16 + length].rstrip(b"\0").decode()
            heard.append((watched.get(wd), "enter" if mask & CREATE else "leave" if mask & DELETE else hex(mask), name))
            at += 16 + length

threading.Thread(target=listen, daemon=True).start()

def events(since=0):
    with open(f"{top}/.brainy/events?since={since}") as f:
        return [json.loads(line) for line in f]

def server():
    with open(f"{top}/.brainy/status.json") as f:
        return json.load(f)["server"]["pid"]

seed = int.from_bytes(os.urandom(4), "little")
print("seed", seed)
rng = random.Random(seed)
files = [f"{top}/f{i}.txt" for i in range(FILES)]
has = {path: set() for path in files}
want = []

def make(path):
    with open(path, "w") as f:
        f.write("a tree\n")

def kill_soon(pid):
    """Within the time that it takes to look, to commit, to announce."""
    time.sleep(rng.random() * 0.012)
    os.kill(pid, 9)

def change():
    """Gives a file a tag, takes it, or deletes the file and makes it anew."""
    path, n = rng.choice(files), rng.choice(names)
    if has[path] and rng.random() < 0.05:
        want.extend((n, "leave", os.path.basename(path)) for n in names if n in has[path])
        has[path] = set()
        os.unlink(path)
        return make(path)
    has[path] ^= {n}
    if has[path]:
        os.setxattr(path, "user.xdg.tags", ",".join(sorted(has[path])).encode())
    else:
        os.removexattr(path, "user.xdg.tags")
    want.append((n, "enter" if n in has[path] else "leave", os.path.basename(path)))

def is_wanted(what, got):
    if got == want:
        return
    at = next(k for k, (a, b) in enumerate(zip(got + [None], want + [None])) if a != b)
    missing = collections.Counter(want) - collections.Counter(got)
    more = collections.Counter(got) - collections.Counter(want)
    sys.exit(f"{what}: lacks {list(missing.elements())}, has {list(more.elements())} more; from {at} on "
             f"{got[at:at + 5]}, wanted {want[at:at + 5]}")

def compare(begin):
    end = time.time() + 30
    while len(heard) < len(want) and time.time() < end:
        time.sleep(0.01)
    is_wanted("events", [(e["search"], e["event"], e["name"]) for e in events(begin)])
    is_wanted("inotify", list(heard))

for path in files:
    make(path)
time.sleep(0.3)
begin = len(events())

# One after the other: how long it takes to hear of it.
times = []
for step in range(200):
    pid = server() if step % 20 == 10 else None
    began = time.time()
    change()
    if pid:
        kill_soon(pid)
    until(lambda: len(heard) >= len(want))
    times.append(time.time() - began)
times.sort()
print(f"p50 {times[100] * 1000:.0f} ms, p95 {times[190] * 1000:.0f} ms")
assert times[190] < 1
compare(begin)

# As quickly as files can be changed.
for step in range(CHANGES):
    if step % 150 == 75:
        threading.Thread(target=kill_soon, args=[server()]).start()
    change()
compare(begin)
numbers = [e["seq"] for e in events()]
assert numbers == list(range(1, len(numbers) + 1))

# Words that come and go with the text, a file that goes, one that is renamed: that one stays.
os.mkdir(f"{top}/.find/saved/words")
for setting, value in ((".mode", "text"), (".q", "kingfisher")):
    with open(f"{top}/.find/saved/words/{setting}", "w") as f:
        f.write(value)
last = len(events())

def next_event():
    global last
    until(lambda: len(events(last)) > 0)
    e = events(last)[0]
    last += 1
    print(e)
    return e["search"], e["event"], e["path"]

def write(name, text):
    with open(f"{top}/{name}", "w") as f:
        f.write(text)

write("a.txt", "a kingfisher\n")
assert next_event() == ("words", "enter", "a.txt")
os.rename(f"{top}/a.txt", f"{top}/b.txt")
write("c.txt", "another kingfisher\n")
assert next_event() == ("words", "enter", "c.txt")
write("b.txt", "a heron\n")
assert next_event() == ("words", "leave", "b.txt")
os.unlink(f"{top}/c.txt")
assert next_event()[:2] == ("words", "leave")

# A file that is written anew and is found as before tells nothing, nor does a server that has to read files again.
write("e.txt", "a kingfisher\n")
assert next_event() == ("words", "enter", "e.txt")
for step in range(40):
    write("e.txt", f"the kingfisher {step}\n")
    time.sleep(rng.random() * 0.02)
    if step % 10 == 9:
        kill_soon(server())
write("stays.txt", "a kingfisher\n")
assert next_event() == ("words", "enter", "stays.txt")
os.unlink(f"{top}/e.txt")
assert next_event()[:2] == ("words", "leave")

# A search that is gone tells nothing any more.
os.rmdir(f"{top}/.find/saved/words")
write("d.txt", "a kingfisher\n")
os.setxattr(f"{top}/d.txt", "user.xdg.tags", b"ash")
assert next_event() == ("ash", "enter", "d.txt")

# The file that grows holds what the cursor gives.
with open(f"{top}/.brainy/events") as f:
    assert [json.loads(line) for line in f] == events()
try:
    os.stat(f"{top}/.brainy/events?since=x")
    raise SystemExit("a cursor that is no number")
except OSError:
    assert b"since=N" in open(f"{top}/.query/last-error", "rb").read()

follow = subprocess.Popen([sys.argv[2], "follow", "--in", top, "tag:larch"], stdout=subprocess.PIPE, text=True)
until(lambda: any(n.startswith("follow-") for n in os.listdir(f"{top}/.find/saved")))
time.sleep(0.3)
os.setxattr(f"{top}/d.txt", "user.xdg.tags", b"larch")
line = json.loads(follow.stdout.readline())
assert (line["event"], line["path"]) == ("enter", "d.txt"), line
follow.terminate()
assert follow.wait() == 0
assert not any(n.startswith("follow-") for n in os.listdir(f"{top}/.find/saved"))
PY
# What was told is told once, also over a mount.
before=$(wc -l <"$mnt/.brainy/events")
again
sleep 1
expect "$before" sh -c 'wc -l <"$1"' - "$mnt/.brainy/events"
stop
"$brainy" fsck "$vol" >"$work/fsck" || { cat "$work/fsck"; fail "fsck"; }
