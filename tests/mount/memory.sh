# What status.json says of memory: no part exceeds its bound under load, and together they are what the server takes.
. "$(dirname "$0")/lib.sh"
"$brainy" init "$vol" >/dev/null || fail "init"
printf '[index]\nmemory_segment = 4M\n' >"$vol/brainy.conf"
"$brainy" mount "$vol" "$mnt" || fail "mount"
cat >"$work/load.py" <<'PY'
import json, os, sys, threading, time

mnt = sys.argv[1]
MB = 1 << 20
stop = threading.Event()
failures = []
most = {}


def memory():
    with open(f"{mnt}/.brainy/status.json", "rb") as f:
        return json.loads(f.read())["memory"]


def look(m):
    for name, part in m["parts"].items():
        most[name] = max(most.get(name, 0), part["bytes"])
        if part["bound"] is not None and part["bytes"] > part["bound"]:
            failures.append(f"{name}: {part['bytes']} bytes of {part['bound']}")


def watch():
    while not stop.is_set():
        look(memory())
        time.sleep(0.05)


def write_small(n):
    os.mkdir(f"{mnt}/small{n}")
    for k in range(6000):
        with open(f"{mnt}/small{n}/{k}.txt", "w") as f:
            f.write(f"pump valve river sluice item{k} " * 20)


def write_large():
    for k in range(8):
        with open(f"{mnt}/large{k}", "wb") as f:
            for _ in range(16):
                f.write(os.urandom(MB))
    for k in range(8):
        with open(f"{mnt}/large{k}", "rb") as f:
            os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            while f.read(MB):
                pass


def ask():
    for k in range(60):
        with open(f"{mnt}/.query/find?wait=0&format=json&limit=2000&q=pump%20item{k}", "rb") as f:
            f.read()


jobs = [threading.Thread(target=t, args=a) for t, a in (
    (write_small, (0,)), (write_small, (1,)), (write_large, ()), (ask, ()))]
watcher = threading.Thread(target=watch)
watcher.start()
for j in jobs:
    j.start()
for j in jobs:
    j.join()
held = [os.open(f"{mnt}/small0/{k}.txt", os.O_RDONLY) for k in range(500)]
look(memory())
stop.set()
watcher.join()
m = memory()
for name in most:
    print(f"{name}: at most {most[name]} of {m['parts'][name]['bound']}, now {m['parts'][name]['bytes']}")
print({k: v for k, v in m.items() if k != "parts"})
if failures:
    sys.exit(failures[0])
for name in "overlay", "objects", "staging", "answers", "index_growing", "index_places", "waiting", "handles":
    if most[name] == 0:
        sys.exit(f"{name} is not counted")
if m["counted_bytes"] != sum(p["bytes"] for p in m["parts"].values()):
    sys.exit("counted_bytes is not the sum of the parts")
# What is not counted: stacks, the program's own data, the model's words, requests under way, and what the allocator
# keeps of what was given back.
if not m["counted_bytes"] * 0.8 - 4 * MB <= m["server_bytes"] <= m["counted_bytes"] * 1.2 + 24 * MB:
    sys.exit(f"{m['counted_bytes']} bytes are counted, and {m['server_bytes']} are taken")
PY
python3 "$work/load.py" "$mnt" || fail "memory"
