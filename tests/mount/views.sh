# .tags, .dates, .by and .find: what is listed there, and what changes when files come, go and move there. The same once more
# behind a server that was killed, and after another mount.
# Waits: for what is indexed.
. "$(dirname "$0")/lib.sh"
start
cat >"$work/views.py" <<'PY'
import checks, contextlib, errno, functools, os, shutil, subprocess, sys, time, unicodedata
from checks import ls, same, write
work, top, phase = sys.argv[1:]
os.chdir(top)
TAGS = "user.xdg.tags"
refused = functools.partial(checks.refused, unasked=(errno.EPERM,))

def run(*command, fails=False):
    p = subprocess.run(command, capture_output=True)
    assert (p.returncode != 0) == fails, f"{command}: {p.returncode} {p.stderr.decode()}"
    return p.stdout

def put(path, text):
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)

def tagged(path):
    try:
        return os.fsdecode(os.getxattr(path, TAGS))
    except OSError as e:
        assert e.errno == errno.ENODATA, e
        return None

def tag(path, text):
    os.setxattr(path, TAGS, os.fsencode(text))

def gone(path):
    return not os.path.lexists(path)

def soon(condition, *args):
    """What the kernel believes for a moment."""
    end = time.monotonic() + 5
    while not condition(*args):
        assert time.monotonic() < end, (condition, args)
        time.sleep(0.01)

# ---- .tags

def folders():
    for name in "a.txt", "b.txt", "c.md":
        write("notes/" + name)
    tag("notes/a.txt", "red,project/alpha")
    tag("notes/b.txt", "red,project")
    tag("notes/c.md", " red ,, green")
    assert {"red", "green", "project"} <= ls(".tags"), ls(".tags")
    sizes = [os.stat(".tags/" + t).st_size for t in ("red", "green", "project", "project/alpha")]
    same(sizes, [3, 1, 2, 1])
    same(ls(".tags/project"), {"alpha", "a.txt", "b.txt"})
    same(ls(".tags/project/alpha"), {"a.txt"})
    same(ls(".tags/red"), {"a.txt", "b.txt", "c.md", "project", "project%2Falpha", "green"})
    same(os.readlink(".tags/red/green"), "../red,green")
    same(ls(".tags/red/project") & {"a.txt", "b.txt", "c.md"}, {"a.txt", "b.txt"})
    same(ls(".tags/red/project%2Falpha"), {"a.txt"})
    same(ls(".tags/red/-project"), {"c.md"})
    same(ls(".tags/red,project,-project%2Falpha"), {"b.txt"})
    same(ls(".tags/red,green"), {"c.md"})
    same(ls(".tags/green,project"), set())
    for name in ".tags/blue", ".tags/-red", ".tags/red,blue", ".tags/red/blue", ".tags/red/nothing.txt", ".tags/,", ".tags/red,":
        refused(errno.ENOENT, os.stat, name)
    same(os.stat(".tags/project/alpha/a.txt").st_ino, os.stat("notes/a.txt").st_ino)
    os.mkdir("notes/folder")
    tag("notes/folder", "green")
    folder, = ls(".tags/green") - {"c.md", "red"}
    same((folder.split("~")[0], os.path.islink(".tags/green/" + folder)), ("folder", True))
    same(os.stat(".tags/green/" + folder).st_ino, os.stat("notes/folder").st_ino)
    os.removexattr("notes/folder", TAGS)
    same(ls(".tags/green") - {"red"}, {"c.md"})
    tag("notes/c.md", "green") # at the next look
    same(ls(".tags/red") & {"a.txt", "b.txt", "c.md"}, {"a.txt", "b.txt"})
    os.rename("notes/a.txt", "notes/a2.txt")
    same(ls(".tags/project/alpha") - {"red"}, {"a2.txt"})
    os.unlink("notes/a2.txt")
    refused(errno.ENOENT, os.stat, ".tags/project/alpha")
    same(ls(".tags/project") - {"red"}, {"b.txt"})
    shutil.rmtree("notes")
    assert not ls(".tags") & {"red", "green", "project"}, ls(".tags")

def tagging():
    for name in "one.txt", "two.txt", "three.txt", "four.txt", "five.txt", "six.txt":
        write("papers/" + name, name)
    os.mkdir(".tags/new")
    refused(errno.EEXIST, os.mkdir, ".tags/new")
    same((ls(".tags/new"), os.stat(".tags/new").st_size), (set(), 0))
    run("ln", "papers/one.txt", ".tags/new/")
    same((tagged("papers/one.txt"), os.stat("papers/one.txt").st_nlink), ("new", 1))
    for target in f"{top}/papers/two.txt", "../../papers/two.txt", "papers/two.txt", "/papers/two.txt":
        if target == "/papers/two.txt": # of another filesystem, or of none
            run("ln", "-s", target, ".tags/new/two.txt", fails=True)
            continue
        run("ln", "-s", target, ".tags/new/two.txt")
        same(tagged("papers/two.txt"), "new")
        same(os.stat(".tags/new/two.txt").st_ino, os.stat("papers/two.txt").st_ino)
        same(os.lstat(".tags/new/two.txt").st_mode >> 12, 8)
        os.unlink(".tags/new/two.txt")
        same((tagged("papers/two.txt"), open("papers/two.txt").read()), (None, "two.txt"))
    run("ln", "-s", "papers/nothing.txt", ".tags/new/", fails=True)
    run("ln", "-s", "/etc/passwd", ".tags/new/", fails=True)
    ino = os.stat("papers/three.txt").st_ino
    run("mv", "papers/three.txt", ".tags/new/")
    same((os.stat("papers/three.txt").st_ino, tagged("papers/three.txt")), (ino, "new"))
    os.rename("papers/four.txt", ".tags/new/another name")
    same(tagged("papers/four.txt"), "new")
    soon(gone, ".tags/new/another name")
    run("cp", "--link", "papers/five.txt", ".tags/new/")
    same(tagged("papers/five.txt"), "new")
    refused(errno.EISDIR, os.rename, "papers", ".tags/new/papers")
    assert os.path.isdir("papers")
    run("mv", "papers", ".tags/new/", fails=True)
    same(ls(".tags/new"), {"one.txt", "three.txt", "four.txt", "five.txt"})
    same(os.stat(".tags/new").st_size, 4)

    # Between tags, out of them, within one
    os.mkdir(".tags/other")
    run("mv", ".tags/new/one.txt", ".tags/other/")
    same(tagged("papers/one.txt"), "other")
    run("mv", ".tags/new/three.txt", "papers/moved.txt")
    same((tagged("papers/moved.txt"), os.stat("papers/moved.txt").st_ino), (None, ino))
    soon(gone, "papers/three.txt")
    assert gone("papers/vier.txt")
    os.rename(".tags/new/four.txt", ".tags/new/vier.txt")
    soon(os.path.exists, "papers/vier.txt")
    soon(gone, "papers/four.txt")
    same((ls("papers"), tagged("papers/vier.txt")),
         ({"one.txt", "two.txt", "moved.txt", "vier.txt", "five.txt", "six.txt"}, "new"))
    refused(errno.ENOTEMPTY, os.rmdir, ".tags/new")
    run("rm", ".tags/new/vier.txt", ".tags/new/five.txt")
    assert {"vier.txt", "five.txt"} <= ls("papers")
    same(tagged("papers/five.txt"), None)
    same(ls(".tags/new"), set())
    os.rmdir(".tags/new")
    refused(errno.ENOENT, os.stat, ".tags/new")
    refused(errno.ENOENT, os.rmdir, ".tags/new")
    run("rm", "-r", ".tags/other")
    same((gone(".tags/other"), open("papers/one.txt").read(), tagged("papers/one.txt")), (True, "one.txt", None))

    # What other places do not take
    for place in ".tags", ".dates", ".by", ".find", ".find/saved":
        for call in (lambda p: os.link("papers/one.txt", p), lambda p: os.symlink("papers/one.txt", p),
                     lambda p: os.rename("papers/one.txt", p), lambda p: open(p, "w")):
            with contextlib.suppress(PermissionError, FileExistsError, IsADirectoryError): # all may be searched for
                call(place + "/x.txt")
                raise SystemExit(f"{place} takes a file")
    same(open("papers/one.txt").read(), "one.txt")
    shutil.rmtree("papers")

def new_files():
    os.mkdir(".tags/todo")
    assert gone("inbox") and gone("inbox/fresh.txt") # and the kernel may know that
    write(".tags/todo/fresh.txt", "first")
    soon(os.path.exists, "inbox/fresh.txt")
    same((open("inbox/fresh.txt").read(), tagged("inbox/fresh.txt")), ("first", "todo"))
    write(".tags/todo/fresh.txt", "again") # the same one
    same((open("inbox/fresh.txt").read(), ls(".tags/todo")), ("again", {"fresh.txt"}))
    os.unlink(".tags/todo/fresh.txt")
    assert gone("inbox/fresh (2).txt")
    write(".tags/todo/fresh.txt", "second")
    soon(os.path.exists, "inbox/fresh (2).txt")
    same((open("inbox/fresh.txt").read(), open("inbox/fresh (2).txt").read()), ("again", "second"))
    same(ls(".tags/todo"), {"fresh (2).txt"})
    os.unlink(".tags/todo/fresh (2).txt")
    same(ls("inbox"), {"fresh.txt", "fresh (2).txt"})
    # By an editor: written beside, and put in the place of what was there.
    write("papers/text.txt", "old")
    tag("papers/text.txt", "todo")
    ino = os.stat("papers/text.txt").st_ino
    write(".tags/todo/.text.txt.swp", "new")
    os.rename(".tags/todo/.text.txt.swp", ".tags/todo/text.txt")
    soon(lambda: os.stat("papers/text.txt").st_ino != ino)
    same((open("papers/text.txt").read(), tagged("papers/text.txt"), ls(".tags/todo")), ("new", "todo", {"text.txt"}))
    shutil.rmtree("papers")
    shutil.rmtree("inbox")
    os.rmdir(".tags/todo")

def renaming():
    for k in range(5):
        write(f"r/{k}")
        tag(f"r/{k}", ["old", " old ,, x", "old/deep/er", "x,old/deep", "y"][k])
    os.rename(".tags/old", ".tags/new")
    same([tagged(f"r/{k}") for k in range(5)], ["new", " new ,, x", "new/deep/er", "x,new/deep", "y"])
    os.rename(".tags/new/deep", ".tags/y/flat")
    same([tagged(f"r/{k}") for k in range(5)], ["new", " new ,, x", "y/flat/er", "x,y/flat", "y"])
    refused(errno.ENOTEMPTY, os.rename, ".tags/x", ".tags/new")
    refused(errno.EINVAL, os.rename, ".tags/y", ".tags/y/flat/y")
    refused(errno.EINVAL, os.rename, ".tags/y", ".tags/a,b")
    refused(errno.EINVAL, os.rename, ".tags/y", ".tags/-y")
    os.mkdir(".tags/empty")
    os.rename(".tags/x", ".tags/empty")
    same((tagged("r/1"), ls(".tags/empty") & {"1", "3"}), (" new ,, empty", {"1", "3"}))
    run("mv", "-T", ".tags/empty", ".tags/y/full")
    same(tagged("r/1"), " new ,, y/full")
    # Below another one, in which no file has both; where some have, by its whole name
    tag("r/4", "apart")
    run("mv", ".tags/new", ".tags/apart/")
    same([tagged(f"r/{k}") for k in (0, 1)], ["apart/new", " apart/new ,, y/full"])
    tag("r/4", "apart,y")
    refused(errno.ENOTDIR, os.rename, ".tags/y", ".tags/apart/y")
    os.rename(".tags/y", ".tags/apart%2Fy")
    same(tagged("r/4"), "apart,apart/y")
    refused(errno.ENOENT, os.rename, ".tags/apart", ".tags/never%2Fapart")
    refused(errno.EINVAL, os.rename, ".tags/apart", ".tags/apart%2Fy%2Fapart")
    os.rename(".tags/apart/y", ".tags/y")
    os.rename(".tags/apart/new", ".tags/new")
    same([tagged(f"r/{k}") for k in (0, 4)], ["new", "apart,y"])
    tag("r/4", "y")
    with contextlib.suppress(FileNotFoundError):
        os.rmdir(".tags/apart")
    # A tag that no file has beside another is an empty folder there, which files can be put into.
    write("r/5")
    tag("r/5", "lone")
    assert "lone" not in ls(".tags/new"), ls(".tags/new")
    same((os.path.islink(".tags/new/lone"), ls(".tags/new/lone")), (False, set()))
    os.link("r/5", ".tags/new/lone/5")
    same((tagged("r/5"), os.readlink(".tags/new/lone"), ls(".tags/new/lone")), ("lone,new", "../new,lone", {"5"}))
    os.unlink("r/5")
    os.rmdir(".tags/lone") if not gone(".tags/lone") else None
    # While a program is in there
    inside = os.open(".tags/new", os.O_PATH)
    os.chdir(".tags/new")
    os.rename(f"{top}/.tags/new", f"{top}/.tags/newer")
    same((set(os.listdir(".")) & {"0", "1"}, open("0").read()), ({"0", "1"}, "text\n"))
    os.unlink("0")
    same(tagged(f"{top}/r/0"), None)
    os.chdir(top)
    same(os.stat(inside).st_ino, os.stat(".tags/newer").st_ino)
    os.close(inside)
    shutil.rmtree("r")
    for name in "y/full", "y/flat/er", "y/flat", "y", "newer":
        with contextlib.suppress(FileNotFoundError):
            os.rmdir(".tags/" + name)

def odd_names():
    nfd = unicodedata.normalize("NFD", "\u00e9t\u00e9.txt")
    names = ["100% sure.txt", "%41", "a,b.txt", "new\nline", "-dash", "...", ".hidden", "n" * 251 + ".txt", nfd, "\u00e9t\u00e9.txt",
             "x~1.txt", "~", "tab\t", " blank ", os.fsdecode(b"\xff\xfe"), "\u65e5\u672c"]
    for name in names:
        write("odd/" + name)
        tag("odd/" + name, "odd")
    same(ls(".tags/odd"), set(names))
    for name in names:
        same(os.stat(".tags/odd/" + name).st_ino, os.stat("odd/" + name).st_ino)
    for name in names:
        os.unlink(".tags/odd/" + name)
        same(tagged("odd/" + name), None)
    os.rmdir(".tags/odd")
    tags = {"100%": "100%25", "-dash": "%2Ddash", "..": "%2E%2E", ".": "%2E", "...": "...", "new\nline": "new%0Aline",
            "t" * 255: "t" * 255, nfd: nfd, "a b": "a b", "%2C": "%252C", os.fsdecode(b"\xff"): os.fsdecode(b"\xff"),
            ".dot": ".dot", "~": "~", "\u65e5\u672c": "\u65e5\u672c"}
    file = "odd/100% sure.txt"
    tag(file, ",".join(tags))
    assert set(tags.values()) <= ls(".tags"), set(tags.values()) - ls(".tags")
    for name in tags.values():
        same(os.stat(f".tags/{name}/100% sure.txt").st_ino, os.stat(file).st_ino)
    same(ls(".tags/%2Ddash,100%25,%2E%2E"), {"100% sure.txt"})
    for name in tags.values():
        os.unlink(f".tags/{name}/100% sure.txt")
        os.rmdir(".tags/" + name)
    same(tagged(file), None)
    for name, text in tags.items():
        os.mkdir(".tags/" + text)
        os.link(file, f".tags/{text}/100% sure.txt")
        same(tagged(file), name)
        run("rm", "-r", "./.tags/" + text)
    tag(file, "t" * 300 + ",short") # no folder can be called so
    same(ls(".tags") & {"short", "t" * 300}, {"short"})
    tag(file, "short")
    for bad in "a,b", " a", "a ", "-a", "%2C", "a%2C":
        refused(errno.EINVAL, os.mkdir, ".tags/" + bad)
    # Files that are called as folders are
    write("odd/deep")
    write("odd/50%")
    write("odd/50%25")
    for name in "deep", "50%", "50%25":
        tag("odd/" + name, "short")
    write("odd/x")
    tag("odd/x", "short/deep,short/50%")
    listed = ls(".tags/short")
    assert {"deep", "50%25", "100% sure.txt", "x"} <= listed and len(listed) == 7, listed
    assert os.path.isdir(".tags/short/deep") and os.path.isdir(".tags/short/50%25")
    same({os.stat(".tags/short/" + n).st_ino for n in listed if os.path.isfile(".tags/short/" + n)},
         {os.stat("odd/" + n).st_ino for n in ("deep", "50%", "50%25", "x", "100% sure.txt")})
    shutil.rmtree("odd")

def deep_tags():
    path = ".tags"
    for k in range(16):
        path += f"/s{k}"
        os.mkdir(path)
    refused(errno.ENAMETOOLONG, os.mkdir, path + "/s")
    write("deep.txt")
    os.link("deep.txt", path + "/deep.txt")
    same((tagged("deep.txt"), ls(path), ls(".tags/s0") - {"s1"}), ("/".join(f"s{k}" for k in range(16)), {"deep.txt"}, {"deep.txt"}))
    run("rm", "-r", ".tags/s0")
    same((tagged("deep.txt"), gone(".tags/s0")), (None, True))
    os.unlink("deep.txt")

# ---- names that collide

def by_name(folder):
    return {n: os.stat(f"{folder}/{n}").st_ino for n in ls(folder)}

def collisions():
    for k in range(4):
        write(f"c/{k}/report.pdf", str(k))
        tag(f"c/{k}/report.pdf", "same")
    before = by_name(".tags/same")
    same((len(before), "report.pdf" in before, len(set(before.values()))), (4, True, 4))
    for name, ino in before.items():
        assert name == "report.pdf" or name.startswith("report~") and name.endswith(".pdf"), name
    others = {n: i for n, i in before.items() if n != "report.pdf"}
    for k in range(4): # whoever goes takes no other's name along
        os.removexattr(f"c/{k}/report.pdf", TAGS)
        for name, ino in others.items():
            if ino != os.stat(f"c/{k}/report.pdf").st_ino:
                same(os.stat(".tags/same/" + name).st_ino, ino)
        same(len(by_name(".tags/same")), 3)
        tag(f"c/{k}/report.pdf", "same")
        same(by_name(".tags/same"), before)
    write("c/5/report.pdf")
    tag("c/5/report.pdf", "same")
    now = by_name(".tags/same")
    same({n: now.get(n) for n in before}, before)
    os.unlink(next(f".tags/same/{n}" for n in now if n not in before))
    same(tagged("c/5/report.pdf"), None)
    with open(f"{work}/collisions", "w") as f:
        f.write(repr(before))

def collisions_again():
    same(by_name(".tags/same"), eval(open(f"{work}/collisions").read()))

def called_as_a_tag():
    """A file goes before a tag that no file has beside the folder's."""
    write("lamps/lamp", "light")
    tag("lamps/lamp", "room")
    os.mkdir(".tags/lamp")
    same((ls(".tags/room"), open(".tags/room/lamp").read()), ({"lamp"}, "light"))
    os.unlink(".tags/room/lamp")
    same(tagged("lamps/lamp"), None)
    os.rmdir(".tags/room")
    os.rmdir(".tags/lamp")
    shutil.rmtree("lamps")

# ---- programs

def programs():
    for k in range(3):
        write(f"p/{k}.txt", f"{k}")
        tag(f"p/{k}.txt", f"keep,k{k},sub/keep")
    run("timeout", "20", "find", ".tags")
    run("stat", ".tags", ".tags/keep", ".tags/keep,k1", ".tags/keep/0.txt", ".dates", ".by", ".find/saved") # asks for the time of birth
    run("timeout", "20", "find", ".", "-type", "f", "-name", "*.txt")
    out = run("tar", "-C", ".tags", "-cf", "-", "keep")
    names = subprocess.run(["tar", "-tf", "-"], input=out, capture_output=True).stdout.decode().split()
    assert {f"keep/{k}.txt" for k in range(3)} <= set(names), names
    run("tar", "--xattrs", "--xattrs-include=user.*", "-C", "p", "-cf", f"{work}/p.tar", ".")
    os.mkdir("p2")
    run("tar", "--xattrs", "--xattrs-include=user.*", "-C", "p2", "-xf", f"{work}/p.tar")
    same([tagged(f"p2/{k}.txt") for k in range(3)], [f"keep,k{k},sub/keep" for k in range(3)])
    same(len([n for n in ls(".tags/keep") if n.endswith(".txt")]), 6)
    shutil.rmtree("p2")
    if shutil.which("rsync"):
        run("rsync", "-aX", "p/", "p3/")
        same([tagged(f"p3/{k}.txt") for k in range(3)], [f"keep,k{k},sub/keep" for k in range(3)])
        shutil.rmtree("p3")
        run("rsync", "-a", ".tags/keep/", f"{work}/copy/")
        same(open(f"{work}/copy/2.txt").read(), "2")
        shutil.rmtree(f"{work}/copy")
    run("cp", "-a", ".tags/keep", f"{work}/copied")
    same(open(f"{work}/copied/1.txt").read(), "1")
    shutil.rmtree(f"{work}/copied")
    run("rm", "-r", ".tags/keep")
    same((gone(".tags/keep"), tagged("p/0.txt"), open("p/0.txt").read()), (True, "k0,sub/keep", "0"))
    run("rm", "-rf", ".tags/sub")
    same((gone(".tags/sub"), tagged("p/0.txt")), (True, "k0"))
    shutil.rmtree("p")

def many():
    os.mkdir("m")
    for k in range(3000):
        write(f"m/{k:04}", "")
        tag(f"m/{k:04}", "many,even" if k % 2 == 0 else "many")
    same(len(ls(".tags/many")), 3000 + 1)
    same(os.stat(".tags/many").st_size, 3000)
    same(len(ls(".tags/many,even")), 1500)
    same(len(ls(".tags/many/-even")), 1500)
    # What stays is listed once while other files go.
    seen = []
    with os.scandir(".tags/many") as listing:
        for n, entry in enumerate(listing):
            seen.append(entry.name)
            if n % 10 == 0 and n < 5000:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(f"m/{(n * 7) % 3000:04}")
    left = ls("m")
    assert len(seen) == len(set(seen)) and left <= set(seen), left - set(seen)
    shutil.rmtree("m")
    assert not {"many", "even"} & ls(".tags")

# ---- .dates, .by

def dates():
    for name, when in ("one.txt", "2021-03-04 12:00:00"), ("two.txt", "2021-03-04 23:59:59"), ("three.txt", "2021-03-05 00:00:00"), \
                      ("four.txt", "1969-12-31 12:00:00"), ("five.txt", "2021-11-01 00:00:00"):
        write("dated/" + name)
        at = time.mktime(time.strptime(when, "%Y-%m-%d %H:%M:%S"))
        os.utime("dated/" + name, (at, at))
    assert {"2021", "1969"} <= ls(".dates"), ls(".dates")
    same(ls(".dates/2021"), {"03", "11"})
    same(ls(".dates/2021/03"), {"04", "05"})
    same(ls(".dates/2021/03/04"), {"one.txt", "two.txt"})
    same(ls(".dates/2021/11/01"), {"five.txt"})
    same(ls(".dates/1969/12/31"), {"four.txt"})
    same(os.stat(".dates/2021/03/05/three.txt").st_ino, os.stat("dated/three.txt").st_ino)
    for name in "2021/13", "2021/00", "2021/02/30", "x", "2021/3", "2021/03/04/three.txt":
        refused(errno.ENOENT, os.stat, ".dates/" + name)
    os.utime("dated/one.txt", (0, 4e9))
    same(ls(".dates/2021/03/04"), {"two.txt"})
    for call in (os.unlink, lambda p: os.rename(p, "dated/z"), lambda p: os.rename(p, ".dates/z")):
        with contextlib.suppress(PermissionError):
            call(".dates/2021/03/04/two.txt")
            if call is os.unlink:
                raise SystemExit("a file was removed from a day")
            os.rename("dated/z", "dated/two.txt") # moved out of a view, to where it was told to
    same(open("dated/two.txt").read(), "text\n")
    for place in ".dates/2021", ".dates/2021/03/04":
        refused(errno.EPERM, os.mkdir, place + "/x")
        refused(errno.EPERM, os.link, "dated/two.txt", place + "/x")
    shutil.rmtree("dated")
    assert not {"2021", "1969"} & ls(".dates")

def fields():
    for k, value in enumerate(("Smith", " Smith ", "J\u00f6rg/M\u00fcller", "100%", "..")):
        write(f"f/{k}")
        os.setxattr(f"f/{k}", "user.author", value.encode())
    assert "author" in ls(".by"), ls(".by")
    same(ls(".by/author"), {"Smith", "J\u00f6rg%2FM\u00fcller", "100%25", "%2E%2E"})
    same(ls(".by/author/Smith"), {"0", "1"})
    same((ls(".by/author/100%25"), ls(".by/author/%2E%2E")), ({"3"}, {"4"}))
    refused(errno.ENOENT, os.stat, ".by/author/Jones")
    refused(errno.ENOENT, os.stat, ".by/nothing")
    refused(errno.EPERM, os.unlink, ".by/author/Smith/0")
    refused(errno.EPERM, os.mkdir, ".by/author/Jones")
    os.setxattr("f/0", "user.author", b"Jones")
    same((ls(".by/author/Smith"), ls(".by/author/Jones")), ({"1"}, {"0"}))
    os.removexattr("f/0", "user.author")
    refused(errno.ENOENT, os.stat, ".by/author/Jones")
    shutil.rmtree("f")
    refused(errno.ENOENT, os.stat, ".by/author")

# ---- .find

def searches():
    for k in range(4):
        write(f"s/{k}.txt", "a zebra by the river\n" if k % 2 else "a zebra\n")
    run(os.environ["BRAINY_PROGRAM"], "wait", top)
    same(ls(".find"), {"saved"})
    same(ls(".find/zebra&mode=text"), {f"{k}.txt" for k in range(4)})
    assert os.path.islink(".find/zebra&mode=text/0.txt")
    same(os.stat(".find/zebra&mode=text/0.txt").st_ino, os.stat("s/0.txt").st_ino)
    same(ls(".find/zebra name:1&mode=text"), {"1.txt"})
    refused(errno.ENOENT, os.stat, ".find/zebra&mode=text/none.txt")
    refused(errno.EPERM, os.unlink, ".find/zebra&mode=text/0.txt")
    os.mkdir(".find/saved/zebra")
    controls = {".q", ".limit", ".mode", ".sort"}
    same(ls(".find/saved"), {"zebra"})
    write(".find/saved/zebra/.mode", "text\n")
    same(ls(".find/saved/zebra"), controls | {f"{k}.txt" for k in range(4)})
    same(open(".find/saved/zebra/.q").read(), "zebra\n")
    write(".find/saved/zebra/.limit", "2\n")
    same(len(ls(".find/saved/zebra") - controls), 2)
    write(".find/saved/zebra/.limit", "\n")
    write(".find/saved/zebra/.sort", "name\n")
    same([n for n in os.listdir(".find/saved/zebra") if n not in controls], [f"{k}.txt" for k in range(4)])
    write(".find/saved/zebra/.mode", "text\n")
    for name, text in (".limit", "many"), (".mode", "wild"), (".sort", "up"), (".q", '"zebra'):
        refused(errno.EINVAL, put, f".find/saved/zebra/{name}", text)
        said = open(".query/last-error").read()
        assert name == ".q" or text in said, said
        run("sh", "-c", 'printf "%s" "$1" >"$2"', "sh", text, f".find/saved/zebra/{name}", fails=True)
    # Nothing is the default; what is refused leaves what was there.
    write(".find/saved/zebra/.limit", "3\n")
    run("sh", "-c", "echo many >.find/saved/zebra/.limit", fails=True)
    same(open(".find/saved/zebra/.limit").read(), "3\n")
    for emptied in (lambda p: run("sh", "-c", ': >"$1"', "sh", p), lambda p: os.truncate(p, 0), lambda p: write(p, ""), lambda p: put(p, "\n")):
        for name, text, default in (".limit", "3", ""), (".mode", "vector", ""), (".sort", "size", ""), (".q", "river", "zebra\n"):
            put(f".find/saved/zebra/{name}", text)
            same(open(f".find/saved/zebra/{name}").read(), text + "\n")
            emptied(f".find/saved/zebra/{name}")
            same((name, open(f".find/saved/zebra/{name}").read(), os.stat(f".find/saved/zebra/{name}").st_size), (name, default, len(default)))
    refused(errno.EINVAL, os.truncate, ".find/saved/zebra/.limit", 3)
    write(".find/saved/zebra/.mode", "text\n")
    same(open(".find/saved/zebra/.mode").read(), "text\n")
    os.mkdir(".find/saved/zebra/river")
    write(".find/saved/zebra/river/.mode", "text\n")
    same(ls(".find/saved/zebra/river"), controls | {"1.txt", "3.txt"})
    write("s/9.txt", "only a river\n")
    run(os.environ["BRAINY_PROGRAM"], "wait", top)
    same(ls(".find/saved/zebra/river"), controls | {"1.txt", "3.txt"})
    os.unlink("s/3.txt") # at the next look
    same(ls(".find/saved/zebra/river"), controls | {"1.txt"})
    refused(errno.EEXIST, os.mkdir, ".find/saved/zebra")
    refused(errno.EINVAL, os.mkdir, ".find/saved/.hidden")
    refused(errno.ENOTEMPTY, os.rmdir, ".find/saved/zebra")
    os.rename(".find/saved/zebra", ".find/saved/horse")
    same(open(".find/saved/horse/.q").read(), "zebra\n")
    os.rename(".find/saved/horse/river", ".find/saved/river")
    same(ls(".find/saved/river") - controls, {"1.txt", "9.txt"})
    run("rm", "-r", ".find/saved/horse")
    same(ls(".find/saved"), {"river"})
    os.rmdir(".find/saved/river")
    shutil.rmtree("s")

# ---- what a mount finds that was made by the one before

def leave():
    write("kept/a.txt", "kept")
    tag("kept/a.txt", " stay ,, left/alpha")
    os.mkdir(".tags/stay/folder")
    os.setxattr("kept/a.txt", "user.place", b"Here")
    os.mkdir(".find/saved/stays")
    write(".find/saved/stays/.limit", "7\n")

def find_left():
    same(tagged("kept/a.txt"), " stay ,, left/alpha")
    assert {"folder", "a.txt"} <= ls(".tags/stay"), ls(".tags/stay")
    same(ls(".tags/left/alpha") - {"stay"}, {"a.txt"})
    same((ls(".by/place/Here"), open(".find/saved/stays/.limit").read()), ({"a.txt"}, "7\n"))

def operate():
    for step in folders, tagging, new_files, renaming, odd_names, called_as_a_tag, deep_tags, dates, fields, programs:
        before = ls(".")
        step()
        same((step, ls(".")), (step, before))

# ---- each once, however often the server is killed meanwhile

def busy():
    write("busy/file.txt", "busy")
    n = 0
    while n < 20 or gone(work + "/enough"):
        os.mkdir(".tags/busy")
        os.link("busy/file.txt", ".tags/busy/file.txt")
        same(tagged("busy/file.txt"), "busy")
        os.rename(".tags/busy", ".tags/busier")
        same(tagged("busy/file.txt"), "busier")
        os.mkdir(".tags/busiest")
        os.rename(".tags/busier/file.txt", ".tags/busiest/file.txt")
        same(tagged("busy/file.txt"), "busiest")
        os.unlink(".tags/busiest/file.txt")
        same(tagged("busy/file.txt"), None)
        os.rename("busy/file.txt", ".tags/busiest/file.txt")
        os.rename(".tags/busiest/file.txt", "busy/moved.txt")
        same(tagged("busy/moved.txt"), None)
        os.rename("busy/moved.txt", "busy/file.txt")
        os.symlink("busy/file.txt", ".tags/busiest/link")
        os.unlink(".tags/busiest/file.txt")
        write(".tags/busiest/new.txt", "new")
        soon(lambda: not gone("inbox/new.txt"))
        same((open("inbox/new.txt").read(), tagged("inbox/new.txt")), ("new", "busiest"))
        os.unlink("inbox/new.txt")
        soon(lambda: not ls("inbox"))
        os.rmdir(".tags/busier")
        os.rmdir(".tags/busiest") if not gone(".tags/busiest") else None
        os.mkdir(".find/saved/busy")
        put(".find/saved/busy/.q", "zebra\n")
        os.rename(".find/saved/busy", ".find/saved/busier")
        same(open(".find/saved/busier/.q").read(), "zebra\n")
        os.rmdir(".find/saved/busier")
        n += 1
    shutil.rmtree("busy")
    shutil.rmtree("inbox")

if phase == "busy":
    busy()
elif phase == "first":
    operate()
    collisions()
    many()
    searches()
    leave()
else:
    find_left()
    collisions_again()
    operate()
    collisions_again()
PY
views() { BRAINY_PROGRAM=$brainy python3 "$work/views.py" "$work" "$mnt" "$1" || fail "views, $1"; }
views first
cd "$mnt/.tags/same"
old=$(server)
kill -9 "$old"
expect 4 sh -c 'ls | grep -c report' # by one that was in there
cd "$work"
views killed
( views busy ) >"$work/busy" 2>&1 &
busy=$!
for _ in 1 2 3 4 5 6; do
    sleep 0.35
    kill_server
done
: >"$work/enough"
wait $busy || fail "busy: $(cat "$work/busy")"
again
views again
stop
"$brainy" fsck "$vol" >"$work/fsck" || fail "fsck: $(cat "$work/fsck")"
grep -q 'inodes with their names and tags checked' "$work/fsck" || fail "fsck does not look at tags: $(cat "$work/fsck")"
