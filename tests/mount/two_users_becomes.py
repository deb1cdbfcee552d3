# Run by two-users.sh: one process that changes who it is, descriptors that change hands, moves while queries run. Prints probes and leaks.
import array, ctypes, multiprocessing, os, socket, sys, threading
top, mark = sys.argv[1:]
B, GROUP = 54321, 54322
probes = leaks = 0
serial = 0

def probe(what, got, wanted=0):
    global probes, leaks
    probes += 1
    if got != wanted:
        leaks += 1
        print(f"LEAK: {what}: {got}, not {wanted}")

def name():
    """A query that nobody has asked yet."""
    global serial
    serial += 1
    return f"find?q=zebra&mode=text&format=paths&limit={1000 + serial % 9000}"

def count(text):
    return text.count(mark.encode())

def asked(path=None):
    with open(path or f"{top}/.query/{name()}", "rb") as f:
        return count(f.read())

def stream(fd):
    os.write(fd, name().encode() + b"\n")
    return count(os.read(fd, 1 << 20))

def child(work):
    """What `work` returns in a process of its own, -1 for an error."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            got = work()
        except OSError as e:
            print(e, flush=True)
            got = -1
        os.write(write, str(got).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    return int(os.read(read, 20))

def become(groups=()):
    os.setgroups(groups)
    os.setresgid(B, B, B)
    os.setresuid(B, B, B)

def becomes_b(work):
    def run():
        become()
        return work()
    return child(run)

assert asked() > 10, "A finds nothing"
same = f"{top}/.query/{name()}"
assert asked(same) > 10
probe("the same query, by a process that became B", becomes_b(lambda: asked(same)))
ask = os.open(f"{top}/.query/ask", os.O_RDWR)
probe("a query of B through A's handle of ask", becomes_b(lambda: stream(ask)))
held = os.open(same, os.O_RDONLY)
probe("A's answer opened again by B", becomes_b(lambda: asked(f"/proc/self/fd/{held}")), -1)
path = os.open(top + "/.query", os.O_PATH)
probe("B below A's handle of .query", becomes_b(lambda: asked(f"/proc/self/fd/{path}/{name()}")))
inner = os.open(top + "/closed/inner", os.O_PATH)
probe("B from A's handle of a closed folder", becomes_b(lambda: asked(f"/proc/self/fd/{inner}/.query/{name()}")))

# Sent to B over a socket: not more than the descriptor itself
ours, theirs = socket.socketpair()
socket.send_fds(ours, [b"x"], [ask])
def receive():
    return stream(socket.recv_fds(theirs, 1, 1)[1][0])
probe("ask received over a socket", becomes_b(receive))

# Groups that come and go within one process
def groups():
    become([GROUP])
    return asked(f"{top}/.query/find?q=zebra&mode=text&format=paths&limit=77")
assert child(groups) == 1, "a member finds nothing"
def loses():
    os.setgroups([GROUP])
    os.setresgid(B, B, B)
    os.setresuid(B, B, 0)
    before = asked(f"{top}/.query/find?q=zebra&mode=text&format=paths&limit=78")
    os.setresuid(0, 0, 0)
    os.setgroups([])
    os.setresuid(B, B, B)
    after = asked(f"{top}/.query/find?q=zebra&mode=text&format=paths&limit=78")
    return before * 100 + after
probe("a group that was given back", child(loses), 100)
def wrong_group():
    os.setgroups([])
    os.setresgid(GROUP, B, B)
    os.setresuid(B, B, B)
    return asked()
probe("a real group that is not the effective one", child(wrong_group))
probe("B as its effective id only", child(lambda: (os.setgroups([]), os.setegid(B), os.seteuid(B), asked())[-1]))

# A thread of A's with another id for files: the kernel asks for the thread
libc = ctypes.CDLL(None)
def thread():
    got = []
    def run():
        libc.syscall(116, 0, None)  # setgroups, of this thread
        libc.setfsgid(B)
        libc.setfsuid(B)
        got.append(asked())
    t = threading.Thread(target=run)
    t.start()
    t.join()
    got.append(asked())
    return (got[0] > 0) * 10 + (got[1] > 10)
if os.uname().machine == "x86_64":
    probe("a thread with another id", child(thread), 1)

# Root of a user namespace of B's own has no more to say
def namespace():
    become()
    if libc.unshare(0x10000000) < 0:
        return 0
    return asked()
probe("B in a user namespace", child(namespace))

# Files come and go between an open and a closed folder while B asks: never shown once the move is done.
turn = multiprocessing.Value("L", 0)
moving = f"{top}/open/{mark}-moving.txt", f"{top}/closed/{mark}-moving.txt"
open(moving[0], "w").write("a zebra that moves")
os.chmod(moving[0], 0o644)
def mover():
    for n in range(20):
        with turn.get_lock():
            turn.value += 1 # odd: on its way in, or there
        os.rename(*moving)
        with turn.get_lock():
            turn.value += 1
        for _ in range(3):
            asked()
        with turn.get_lock():
            turn.value += 2
        os.rename(*moving[::-1])
    return 0
# 4n+2: it is closed. Else somebody moves it, or it is open.
def watch():
    become()
    bad = looks = 0
    while turn.value < 20 * 4:
        before = turn.value
        shown = asked()
        if before % 4 == 2 and turn.value == before:
            looks += 1
            bad += shown > 0
    return bad if looks else -2
worker = multiprocessing.Process(target=mover)
worker.start()
probe("a file that was moved into a closed folder", child(watch))
worker.join()
os.unlink(moving[0])
print(probes, leaks)
