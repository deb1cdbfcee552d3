# .by/type, .by/lang and .by/tier: each value has the files that a query of it finds and a count counts, a change is there at
# the next look, and long listings come page by page, each file once, while others come and go.
# Waits: for what is indexed.
. "$(dirname "$0")/lib.sh"
start
cat >"$work/computed.py" <<'PY'
import checks, errno, functools, json, os, shutil, sys, urllib.parse
from checks import ls, same, write
top, phase = sys.argv[1:]
os.chdir(top)
refused = functools.partial(checks.refused, unasked=(errno.EPERM,))

def inodes(path):
    return {os.stat(f"{path}/{n}").st_ino for n in ls(path)}

def found(query):
    with open(f".query/find?q={urllib.parse.quote(query)}&format=json&limit=10000&wait=10000") as f:
        return {r["inode"] for r in json.load(f)["results"]}

def counted(by):
    with open(f".query/count?by={by}&format=json&wait=10000") as f:
        return {c["value"]: c["count"] for c in json.load(f)["counts"]}

ENGLISH = b"the sea is wide and blue, and the wind comes from the west in the evening\n"
GERMAN = "der Hund liegt im Garten, und die Katze schl\u00e4ft auf dem warmen Dach des alten Hauses\n".encode()
HTML = b"<html><body><p>the sea is wide, and the wind comes from the west in the evening</p></body></html>\n"

def agree():
    same(sorted(ls(".by") & {"type", "lang", "tier"}), ["lang", "tier", "type"])
    for field in "type", "lang", "tier":
        groups = counted(field)
        for value in ls(".by/" + field):
            same((field, value, inodes(f".by/{field}/{value}")), (field, value, found(f'{field}:"{value}"')))
        for value, n in groups.items():
            same((value, len(ls(f".by/{field}/{value.replace('/', '%2F')}"))), (value, n))
        halves = {g.split("/")[-1].removeprefix("x-") for g in groups} if field == "type" else set(groups)
        same((field, ls(".by/" + field)), (field, halves))

def kinds():
    write("k/a.md", ENGLISH)
    write("k/b.md", GERMAN)
    write("k/c.html", HTML)
    write("k/d/a.md", ENGLISH + b"once more\n")
    write("k/e.tar.zst~", os.urandom(2000))
    write("k/f.c", b"#include <stdio.h>\nint main(void) { puts(\"one\"); return 0; }\n")
    write("k/empty", b"")
    agree()
    assert {"markdown", "html"} <= ls(".by/type"), ls(".by/type")
    names = ls(".by/type/markdown")
    same((len(names), {"a.md", "b.md"} <= names), (3, True))
    assert {"de", "en"} <= ls(".by/lang"), ls(".by/lang")
    same(ls(".by/lang/de"), {"b.md"})
    same(ls(".by/tier"), {"hot"})
    # What queries take for a type, too
    for name in "md", "MARKDOWN", "text%2Fmarkdown":
        same((name, ls(".by/type/" + name)), (name, names))
    assert names <= ls(".by/type/text")
    same(os.stat(".by/type/html/c.html").st_ino, os.stat("k/c.html").st_ino)
    same(os.lstat(".by/type/html/c.html").st_mode >> 12, 8)
    same(open(".by/lang/de/b.md", "rb").read(), GERMAN)
    for name in ("type/pdf", "type/.hidden", "type/a\"b", "type/markdown/c.html", "lang/fi", "lang/xx", "tier/warm", "tier/lukewarm",
                 "type/application%2Fpdf", "lang/de/a.md"):
        refused(errno.ENOENT, os.stat, ".by/" + name)
    # A field of that name is not reached: `type:` does not mean it either.
    os.setxattr("k/a.md", "user.type", b"strange")
    refused(errno.ENOENT, os.stat, ".by/type/strange")
    os.removexattr("k/a.md", "user.type")
    # Nothing can be changed there.
    for place in ".by/type", ".by/type/html":
        refused(errno.EPERM, os.mkdir, place + "/x")
        refused(errno.EPERM, os.link, "k/a.md", place + "/x")
    refused(errno.EPERM, os.unlink, ".by/type/html/c.html")

def changes():
    write("k/b.md", ENGLISH) # at the next look
    refused(errno.ENOENT, os.stat, ".by/lang/de")
    os.rename("k/c.html", "k/g.html")
    same(ls(".by/type/html"), {"g.html"})
    write("k/g.html", GERMAN)
    same(ls(".by/lang/de"), {"g.html"})
    os.unlink("k/g.html")
    assert "de" not in ls(".by/lang")
    agree()
    shutil.rmtree("k")
    same((ls(".by/type"), ls(".by/lang"), ls(".by/tier")), (set(), set(), set()))

MANY = 1400
def many():
    for k in range(MANY):
        write(f"m/{k % 7}/{k // 2:04}.md", b"%d\n" % k + ENGLISH)
    wanted = {os.stat(f"m/{k % 7}/{k // 2:04}.md").st_ino for k in range(MANY)}
    same(inodes(".by/type/markdown"), wanted)
    same(inodes(".by/tier/hot"), wanted)
    # What stays is listed once while others come and go.
    seen = []
    with os.scandir(".by/type/markdown") as listing:
        for n, entry in enumerate(listing):
            seen.append(entry.inode())
            if n % 25 == 0:
                k = (n * 7) % MANY
                if os.path.exists(f"m/{k % 7}/{k // 2:04}.md"):
                    os.unlink(f"m/{k % 7}/{k // 2:04}.md")
                write(f"m/new{n}.md", ENGLISH)
    left = {i for i in wanted if i in inodes_below("m")}
    assert len(seen) == len(set(seen)), "a file twice"
    assert left <= set(seen), f"{len(left - set(seen))} files are missing"
    same(inodes(".by/type/markdown"), inodes_below("m"))
    shutil.rmtree("m")

def inodes_below(path):
    return {os.stat(f"{at}/{n}").st_ino for at, _, names in os.walk(path) for n in names}

kinds()
changes()
if phase == "first":
    many()
PY
run() { timeout 120 python3 "$work/computed.py" "$mnt" "$1" || fail "computed, $1"; }
run first
old=$(server)
cd "$mnt/.by"
kill -9 "$old"
run killed
cd "$work"

# Tiers, as files move.
echo "a file that is old" >"$mnt/old.txt"
echo "a file that is new" >"$mnt/new.txt"
touch -d '20 days ago' "$mnt/old.txt"
"$brainy" wait "$mnt" >/dev/null || fail "wait"
"$brainy" tier "$mnt/old.txt" warm >/dev/null || fail "tier"
"$brainy" tier run "$mnt" >/dev/null || fail "tier run"
expect "warm" tier_of old.txt
expect "old.txt" ls "$mnt/.by/tier/warm"
expect "new.txt" ls "$mnt/.by/tier/hot"
stop
