# Hard links, unlinked open files, renames with flags, and names of any bytes.
. "$(dirname "$0")/lib.sh"
start
cd "$mnt" || exit 1
echo x >a && ln a b && mkdir d && ln a d/c
expect 3 stat -c %h b
rm a
expect 2 stat -c %h d/c
mv d/c e
expect x cat e
mkdir full && touch full/f
refuse 'not empty|exists' mv -T d full
mv -T full d && expect f ls d
python3 - <<'PY' || fail "renames and odd names"
import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
def rename2(a, b, flags):
    if libc.renameat2(-100, a.encode(), -100, b.encode(), flags) < 0:
        return ctypes.get_errno()
    return 0
open("p", "w").write("p"); open("q", "w").write("q")
assert rename2("p", "q", 1) == errno.EEXIST
assert rename2("p", "q", 2) == 0 and open("p").read() == "q" and open("q").read() == "p"
os.mkdir("m"); os.mkdir("m/n")
try: os.rename("m", "m/n/x"); raise SystemExit("moved below itself")
except OSError as e: assert e.errno == errno.EINVAL
odd = b"new\nline\xff\x80 \\ \t'\""
open(odd, "wb").write(b"odd")
assert odd in os.listdir(b".") and open(odd, "rb").read() == b"odd"
os.unlink(odd)
long = "n" * 255
open(long, "w").close(); os.unlink(long)
try: open("n" * 256, "w"); raise SystemExit("256 bytes")
except OSError as e: assert e.errno == errno.ENAMETOOLONG
os.symlink("t" * 4095, "long link"); assert len(os.readlink("long link")) == 4095
f = open("gone", "w+b"); f.write(b"still here"); f.flush(); os.unlink("gone")
f.seek(0); assert f.read() == b"still here" and os.fstat(f.fileno()).st_nlink == 0
assert "gone" not in os.listdir(".")
# cookies stay valid while entries come and go
os.mkdir("many")
for i in range(500): open(f"many/{i}", "w").close()
seen = []
with os.scandir("many") as it:
    for n, e in enumerate(it):
        seen.append(e.name)
        if n % 2 == 0: os.unlink("many/" + e.name)
        else: open(f"many/new{n}", "w").close()
old = [s for s in seen if not s.startswith("new")]
assert len(old) == len(set(seen) & set(map(str, range(500)))) == 500, (len(old), len(seen))
PY
