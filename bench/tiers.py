"""The work of tiers.sh: demotes, reads, measures programs beside it, prints the table."""
import gc
import json
import mmap
import os
import random
import statistics
import subprocess
import sys
import threading
import time

from figures import Table, timed
from tiers_data import large_text, small_documents
from tiers_mount import Bucket, TieredVolume, drop
from volume import folder

QUICK = os.environ.get("QUICK", "0") not in ("", "0")
MB = 1000000
LARGE = (64 if QUICK else 192) << 20   # bytes of one large file
ROUNDS = 2 if QUICK else 4             # of demotions and sequential reads
READS = 150 if QUICK else 600          # of 4 KiB, of warm files
COLD_FILES, COLD_BYTES = 64, (1 if QUICK else 4) << 20
NOISE_BYTES = (1 if QUICK else 2) << 20
PARALLEL_ROUNDS = 2 if QUICK else 5
BUSY_ROUNDS, BUSY_BYTES = (2, 256 << 20) if QUICK else (4, 512 << 20)
WARM_DAYS, COLD_DAYS = 10, 40
median = statistics.median


def span(values, form="{:.3g}"):
    return f"{form.format(min(values))} .. {form.format(max(values))}"


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))]


def cut(text, size, at):
    """`size` bytes of a text that begins anew at its end; frames of a pack are compressed one by one, so nothing gains."""
    at %= len(text)
    return (text[at:] + text * (size // len(text) + 1))[:size]


# ---- to warm

def packing_alone(top, text, documents):
    """MB a processor second of packing in memory, which is most of a move: (text, documents)."""
    place = os.path.join(top, "packs")
    os.makedirs(f"{place}/documents")
    for n, document in enumerate(documents):
        with open(f"{place}/documents/{n}", "wb") as f:
            f.write(document)
    with open(f"{place}/text", "wb") as f:
        f.write(text[:16 << 20])

    def once():
        out = subprocess.run(["build/bench/packs", f"{place}/text", f"{place}/documents", "packing"], check=True, stdout=subprocess.PIPE, text=True)
        said = dict(line.split("\t") for line in out.stdout.splitlines())
        return float(said["text_pack_mb_s"]), float(said["small_pack_mb_s"])
    return once


def demote(v):
    """One run: (wall, processor) seconds."""
    v.settle()
    cpu = v.cpu()
    wall = timed(lambda: v.run("tier", "run", v.mnt))
    return wall, v.cpu() - cpu


def demotion_rows(t, name, size, rounds, bar, alone):
    walls, cpus = zip(*rounds)
    rates = [size / MB / s for s in cpus]
    t.row(f"to warm, {name}: a processor second", median(rates), "MB", bar, True, f"{span(rates)}; packing alone {median(alone):.0f}")
    rates = [size / MB / s for s in walls]
    t.row(f"to warm, {name}: a second", median(rates), "MB", note=span(rates))


def stored_row(t, name, stored, plain, real, bar):
    t.row(f"stored of plain, {name}", stored / plain, "", bar if real else None, note="" if real else "made-up text, not a language")


def warm_text(t, v, text, real, packing):
    before, rounds, alone = v.tiers()["warm"], [], []
    for n in range(ROUNDS):
        v.write(f"text/{n}", cut(text, LARGE, n * 999983), WARM_DAYS)
        rounds.append(demote(v))
        alone.append(packing()[0])
    demotion_rows(t, "large text", LARGE, rounds, 100, alone)
    stored_row(t, "large text", v.tiers()["warm"]["stored_bytes"] - before["stored_bytes"], ROUNDS * LARGE, real, 0.36)


def warm_documents(t, v, documents, real, packing):
    size = sum(map(len, documents))
    rounds, sizes, alone = [], [], []
    for n in range(ROUNDS + 1):
        before = v.tiers()["warm"]
        for k, document in enumerate(documents):
            v.write(f"documents{n}/{k % 50:02}/{k}.txt", document, WARM_DAYS)
        rounds.append(demote(v))
        alone.append(packing()[1])
        sizes.append(v.tiers()["warm"]["stored_bytes"] - before["stored_bytes"])
    demotion_rows(t, f"{len(documents)} documents", size, rounds[1:], 60, alone)
    first, later = rounds[0][1], median(cpu for _, cpu in rounds[1:])
    t.row("first such run, which makes a dictionary, more", first - later, "s", note="processor time, once for a volume")
    # The bar leaves the table of contents out, which is allowed 120 bytes for each.
    stored_row(t, "documents, with table", sizes[0], size, real, 0.45 + 120 * len(documents) / size)


def warm_size(t, v):
    stored, found = v.tiers()["warm"]["stored_bytes"], v.warm_bytes()
    t.row("files in warm/, of what the status says", found / stored, "", 1.02, note="and at least 0.98")


# ---- reads of warm files

def read_through(path):
    """MB/s of a file that nobody has in a cache."""
    space = bytearray(1 << 20)
    drop(path)
    with open(path, "rb", buffering=0) as f:
        size = os.fstat(f.fileno()).st_size
        took = timed(lambda: [None for _ in iter(lambda: f.readinto(space), 0)])
    return size / MB / took


def warm_sequential(t, v, text):
    """Interleaved with a hot file, and with one beside the volume. Of each warm file not a frame was read before."""
    hot, native = v.write("hot", cut(text, LARGE, 5)), f"{v.path}.native"
    with open(native, "wb") as f:
        f.write(cut(text, LARGE, 5))
    v.settle()
    rates = {"warm": [], "hot": [], "native": []}
    for n in range(ROUNDS):
        v.drop_packs()
        for name, path in ("native", native), ("hot", hot), ("warm", f"{v.mnt}/text/{n}"):
            rates[name].append(read_through(path))
    os.unlink(native)
    t.row("warm, read through", median(rates["warm"]), "MB/s", 400, True,
          f"{span(rates['warm'])}; hot {median(rates['hot']):.0f}, native {median(rates['native']):.0f}")


def read_at(fd, offset, size=4096):
    """Seconds."""
    return timed(lambda: os.pread(fd, size, offset))


def warm_random(t, v):
    chance, times, fds = random.Random(4), [], []
    v.again()
    v.drop_packs()
    for n in range(ROUNDS):
        fds.append(os.open(f"{v.mnt}/text/{n}", os.O_RDONLY))
        os.posix_fadvise(fds[n], 0, 0, os.POSIX_FADV_RANDOM)
    for n in range(READS):
        times.append(read_at(fds[n % ROUNDS], chance.randrange(LARGE >> 12) << 12) * 1000)
    for fd in fds:
        os.close(fd)
    t.row("warm, 4 KiB anywhere, p50", median(times), "ms", 1.5, note=f"p99 {percentile(times, 0.99):.2f}")


# ---- reads of cold files

class Curl:
    """curl(1) that reads ranges of the packs in the bucket."""

    def __init__(self, bucket, place):
        self.objects, self.place, self.chance = list(bucket.objects().items()), place, random.Random(5)
        env = bucket.env
        self.common = (f'silent\nfail\nnoproxy = "*"\naws-sigv4 = "aws:amz:{env["AWS_REGION"]}:s3"\n'
                       f'user = "{env["AWS_ACCESS_KEY_ID"]}:{env["AWS_SECRET_ACCESS_KEY"]}"\n'
                       'header = "x-amz-content-sha256: UNSIGNED-PAYLOAD"\n')

    def one(self, size):
        url, length = self.chance.choice([o for o in self.objects if o[1] >= size])
        at = self.chance.randrange(length - size + 1)
        return f'{self.common}url = "{url}"\nrange = {at}-{at + size - 1}\noutput = "/dev/null"\nwrite-out = "%{{time_total}}\\n"\n'

    def run(self, sizes, *options):
        """([seconds of each transfer], seconds of all)"""
        with open(self.place, "w") as f:
            f.write("next\n".join(map(self.one, sizes)))
        start = time.perf_counter()
        done = subprocess.run(["curl", *options, "--config", self.place], check=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
        return [float(line) for line in done.stdout.split()], time.perf_counter() - start

    def start_up(self):
        """What curl needs besides transfers."""
        runs = [self.run([65536]) for _ in range(3)]
        return median(all_of_it - times[0] for times, all_of_it in runs)

    def parallel(self, sizes):
        return self.run(sizes, "--parallel", "--parallel-max", "64", "--parallel-immediate")[1] - self.start_up()


def cold_names(v, folder="cold"):
    return [f"{v.mnt}/{folder}/{n:02}" for n in range(COLD_FILES)]


def make_cold(t, v, text):
    for n, path in enumerate(cold_names(v)):
        v.write(os.path.relpath(path, v.mnt), cut(text, COLD_BYTES, n * 1299709), COLD_DAYS)
        v.write(f"noise/{n:02}", os.urandom(NOISE_BYTES), COLD_DAYS)
    wall, cpu = demote(v)
    size = COLD_FILES * (COLD_BYTES + NOISE_BYTES) / MB
    t.row("to cold, text and noise: a processor second", size / cpu, "MB", note=f"{size / wall:.0f} MB a second")


def cold_single(t, v, curl):
    """Alternates between eight reads of ours and eight of curl's, of as many bytes each as ours asked for."""
    ours, theirs, gets, down = [], [], [], []
    v.again()
    fds = open_all(cold_names(v), os.POSIX_FADV_RANDOM)
    read_at(fds[0], 0)  # opens a connection
    for first in range(1, COLD_FILES - 8, 8):
        for fd in fds[first:first + 8]:
            before = v.recalled()
            ours.append(read_at(fd, COLD_BYTES // 2) * 1000)
            gets.append(v.recalled()[0] - before[0])
            down.append(v.recalled()[1] - before[1])
        theirs += [s * 1000 for s in curl.run([down[-1], *down[-8:]])[0][1:]]
    for fd in fds:
        os.close(fd)
    t.row("cold, GETs for 4 KiB", max(gets), "", 1, note=f"of {len(gets)} reads; {median(down) / 1024:.0f} KiB each")
    t.row("cold, 4 KiB beyond curl's GET", median(a - b for a, b in zip(ours, theirs)), "ms", 2,
          note=f"ours {median(ours):.2f}, curl {median(theirs):.2f} of as many bytes")


def in_parallel(jobs):
    """Seconds of all, each by a thread of its own that waits ready."""
    gate = threading.Barrier(len(jobs) + 1)
    threads = [threading.Thread(target=lambda job=job: (gate.wait(), job())) for job in jobs]
    for thread in threads:
        thread.start()
    return timed(lambda: (gate.wait(), [thread.join() for thread in threads]))


def read_pieces(fd, space, offsets):
    for offset in offsets:
        os.preadv(fd, [space], offset)


def open_all(paths, advice):
    fds = [os.open(path, os.O_RDONLY) for path in paths]
    for fd in fds:
        os.posix_fadvise(fd, 0, 0, advice)
    return fds


def cold_parallel(t, v, curl, name, paths, size, piece, bar, per_file=False):
    """64 threads, a file each. curl reads as many bytes, in as many requests or, if `per_file`, one a file."""
    ratios, rates = [], []
    for _ in range(PARALLEL_ROUNDS):
        v.again()
        fds = open_all(paths, os.POSIX_FADV_SEQUENTIAL if per_file else os.POSIX_FADV_RANDOM)
        before, offsets = v.recalled(), range(0, size, 1 << 20)
        ours = in_parallel([lambda fd=fd, space=bytearray(piece): read_pieces(fd, space, offsets) for fd in fds])
        gets, down = (b - a for a, b in zip(before, v.recalled()))
        for fd in fds:
            os.close(fd)
        requests = len(paths) if per_file else gets
        theirs = curl.parallel([down // requests] * requests)
        ratios.append(theirs / ours)
        rates.append(down / MB / ours)
    t.row(f"cold, {name}, of curl's rate", median(ratios), "", bar, True,
          f"{span(ratios, '{:.2f}')}; {gets} GETs, {down / MB:.0f} MB, {median(rates):.0f} MB/s")


def cold_rows(t, v, bucket, text):
    make_cold(t, v, text)
    curl = Curl(bucket, f"{v.path}.curl")
    if not curl.objects:
        t.skip("cold reads beside curl", "the server does not keep its objects as files")
        return
    cold_single(t, v, curl)
    cold_parallel(t, v, curl, "64 at a time, 4 KiB", cold_names(v), COLD_BYTES, 4096, 0.8)
    # To open their seals, to unpack them and to hand them to programs is no work of curl's: of a bucket on the same processors
    # as much comes as these leave.
    cold_parallel(t, v, curl, "64 files of noise", cold_names(v, "noise"), NOISE_BYTES, 1 << 20, None, True)
    cold_parallel(t, v, curl, "64 files of text", cold_names(v), COLD_BYTES, 1 << 20, None, True)
    os.unlink(curl.place)


# ---- programs meanwhile

class Foreground:
    """A program that makes files of 4 KiB and reads 4 KiB of a hot file, which the kernel does not keep."""

    def __init__(self, v, text):
        self.folder, self.made, self.data, self.chance = f"{v.mnt}/made", 0, text[:4096], random.Random(6)
        os.mkdir(self.folder)
        self.fd = os.open(v.write("read", cut(text, 64 << 20, 9)), os.O_RDONLY | os.O_DIRECT)
        self.space = mmap.mmap(-1, 4096)  # where O_DIRECT wants it

    def create(self):
        fd = os.open(f"{self.folder}/{self.made}", os.O_WRONLY | os.O_CREAT, 0o644)
        os.write(fd, self.data)
        os.close(fd)
        self.made += 1

    def read(self):
        os.preadv(self.fd, [self.space], self.chance.randrange((64 << 20) >> 12) << 12)

    def until(self, is_over):
        """Times in ms, of creating and of reading; a millisecond lies between two pairs."""
        creates, reads = [], []
        while not is_over():
            creates.append(timed(self.create) * 1000)
            reads.append(timed(self.read) * 1000)
            time.sleep(0.001)
        return creates, reads

    def end(self):
        os.close(self.fd)


def busy_rows(t, v, text):
    """Without and with a run, in turn, each as long as a run takes."""
    program, seconds = Foreground(v, text), 1.0
    times = {"create": ([], []), "read": ([], [])}
    ratios = {"create": [], "read": []}
    for n in range(BUSY_ROUNDS):
        v.write(f"busy/{n}", cut(text, BUSY_BYTES, n * 1500007), WARM_DAYS)
        v.settle()
        end = time.perf_counter() + seconds
        without = program.until(lambda: time.perf_counter() > end)
        mover, start = v.start("tier", "run", v.mnt), time.perf_counter()
        meanwhile = program.until(lambda: mover.poll() is not None)
        seconds = time.perf_counter() - start
        mover.wait()
        for k, what in enumerate(times):
            times[what][0].extend(without[k])
            times[what][1].extend(meanwhile[k])
            ratios[what].append(percentile(meanwhile[k], 0.99) / percentile(without[k], 0.99))
    program.end()
    for what, (without, meanwhile) in times.items():
        t.row(f"{what} while files move, p99 of without", percentile(meanwhile, 0.99) / percentile(without, 0.99), "", 2,
              note=f"{span(ratios[what], '{:.2f}')}; p50 {median(without):.3f} -> {median(meanwhile):.3f}, p99 {percentile(without, 0.99):.3f} -> "
                   f"{percentile(meanwhile, 0.99):.3f} ms of {len(meanwhile)}")
    t.row("moved meanwhile, a second", BUSY_BYTES / MB / seconds, "MB")


def measure(t, v, bucket):
    text, real_text = large_text()
    documents, real_documents = small_documents()
    packing = packing_alone(os.path.dirname(v.path), text, documents)
    v.mount()
    warm_text(t, v, text, real_text, packing)
    warm_sequential(t, v, text)
    warm_random(t, v)
    warm_documents(t, v, documents, real_documents, packing)
    warm_size(t, v)
    busy_rows(t, v, text)
    if bucket.why:
        t.skip("cold", bucket.why)
    else:
        cold_rows(t, v, bucket, text)


def main():
    gc.disable()
    started, t = time.monotonic(), Table("tiers")
    with folder("tiers", sys.argv[1]) as top, Bucket(top) as bucket, TieredVolume(top, bucket) as v:
        t.title(notes="reference, range")
        measure(t, v, bucket)
    print(json.dumps({"bench": "tiers", "quick": QUICK, "seconds": round(time.monotonic() - started), "missed": t.missed, "rows": t.rows}))
    t.end()


main()
