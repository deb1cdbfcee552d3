# A sparse file of 1 TiB, a file with many names, a folder with many entries, many open files. FAULTS_FULL=1 takes 10 000
# names, a million entries and 100 000 open files.
. "$(dirname "$0")/../mount/lib.sh"
command -v python3 >/dev/null || { echo "there is no python3"; exit 77; }
start
MNT="$mnt" python3 - <<'PY' || fail "large things"
import os, resource
top, full = os.environ["MNT"], os.environ.get("FAULTS_FULL")
entries, handles, names = (1000000, 100000, 10000) if full else (5000, 3000, 10000)

def equal(got, wanted, what):
    assert got == wanted, f"{what}: {got}, wanted {wanted}"

TIB = 1 << 40
fd = os.open(f"{top}/sparse", os.O_CREAT | os.O_RDWR)
os.ftruncate(fd, TIB)
os.pwrite(fd, b"middle", TIB // 2 + 5)
os.pwrite(fd, b"end", TIB - 3)
equal(os.fstat(fd).st_size, TIB, "size")
assert os.fstat(fd).st_blocks * 512 < 1 << 20, "a hole has blocks"
equal(os.pread(fd, 16, TIB // 2), b"\0" * 5 + b"middle" + b"\0" * 5, "bytes in the middle")
equal(os.pread(fd, 9, TIB - 3), b"end", "bytes at the end")
equal(os.pread(fd, 4096, 12345678901), bytes(4096), "bytes of a hole")
data = os.lseek(fd, 0, os.SEEK_DATA)
assert TIB // 2 - 65536 <= data <= TIB // 2 + 5, f"first data at {data}"
os.ftruncate(fd, 10)
equal(os.pread(fd, 100, 0), bytes(10), "what truncate leaves")
os.ftruncate(fd, TIB)
os.pwrite(fd, b"end", TIB - 3)
os.close(fd)

os.mkdir(f"{top}/names")
open(f"{top}/first", "w").write("one file")
for i in range(names):
    os.link(f"{top}/first", f"{top}/names/{i}")
equal(os.stat(f"{top}/first").st_nlink, names + 1, "links")
for i in range(0, names, 2):
    os.unlink(f"{top}/names/{i}")

os.mkdir(f"{top}/folder")
for i in range(entries):
    os.close(os.open(f"{top}/folder/entry{i}", os.O_CREAT | os.O_EXCL | os.O_WRONLY))
with os.scandir(f"{top}/folder") as it:
    found = [e.name for e in it]
equal(len(found), entries, "entries listed")
equal(set(found), {f"entry{i}" for i in range(entries)}, "entries")

soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
handles = min(handles, hard - 50)
fds = [os.open(f"{top}/folder/entry{i % entries}", os.O_RDWR) for i in range(handles)]
for i, fd in enumerate(fds):
    if i < entries:
        os.pwrite(fd, b"%d" % i, 0)
for i, fd in enumerate(fds):
    equal(os.pread(fd, 20, 0), b"%d" % (i % entries), "through one of many handles")
    os.close(fd)
PY
again
expect 5001 stat -c %h "$mnt/first"
expect "one file" cat "$mnt/names/9999"
expect 1099511627776 stat -c %s "$mnt/sparse"
expect end tail -c 3 "$mnt/sparse"
expect 17 cat "$mnt/folder/entry17"
rm -r "$mnt/folder" "$mnt/names" "$mnt/sparse" || fail "rm of large things"
expect 1 stat -c %h "$mnt/first"
stop
"$brainy" fsck "$vol" || fail fsck
