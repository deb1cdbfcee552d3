# .related-to, .similar-to, .by/concept and .links: what a path leads to there, options, links that are made, moved and removed
# by programs, and changes at the next look. The same once more behind a server that was killed.
# Waits: for what is indexed.
. "$(dirname "$0")/lib.sh"
start
cat >"$work/paths.py" <<'PY'
import checks, errno, functools, os, shutil, subprocess, sys, urllib.parse
from checks import ls, same, write
top = sys.argv[1]
os.chdir(top)
refused = functools.partial(checks.refused, unasked=(errno.EPERM, errno.EISDIR))

def leads(path):
    """From each symlink there, to the file that it leads to."""
    return {n: os.path.relpath(os.path.join(path, os.readlink(f"{path}/{n}"))) for n in ls(path)}

def asked(query):
    with open(f".query/{query}&format=paths&wait=10000") as f:
        return f.read().splitlines()

def links(path, verb):
    try:
        return os.fsdecode(os.getxattr(path, "user.brainy.link." + verb)).split("\n")
    except OSError as e:
        assert e.errno == errno.ENODATA, e
        return []

def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout

def last_error():
    return open(".query/last-error").read()

def prepare():
    write("n/boat.md", "# Boats\nA boat with a sail crosses the sea, see [the harbour](in/harbour.md).\n")
    write("n/in/harbour.md", "# Harbours\nShips and boats come to the harbour when the sea is rough. [[knots]]\n")
    write("n/knots.md", "# Knots\nA sailor ties ropes on a boat with a bowline.\n")
    write("n/bread.md", "# Bread\nFlour, water and salt; the dough rises in the oven.\n")
    write("n/depth-2.md", "Of the sea bed.\n")
    os.makedirs("n/depth-7", exist_ok=True)
    write("n/depth-7/depth-3", "A folder that is called as an option is a folder.\n")
    write("n/a b%25.md", "A name with signs.\n")
    os.setxattr("n/boat.md", "user.brainy.link.cites", b"n/bread.md")
    os.setxattr("n/in", "user.brainy.link.about", b"n/boat.md")

def paths():
    for root in ".related-to", ".similar-to", ".links":
        assert root not in os.listdir(".")
        assert {"n"} <= ls(root)
        same(ls(root + "/n"), {"boat.md", "in", "knots.md", "bread.md", "depth-2.md", "depth-7", "a b%25.md"})
        same(ls(root + "/n/depth-7"), {"depth-3"})
        assert os.path.isdir(root + "/n/depth-7/depth-3")
        for nothing in "none", "n/none.md", "n/none/x", ".hidden", "n/boat.md/none.md", ".query", ".tags":
            refused(errno.ENOENT, os.stat, f"{root}/{nothing}")
        refused(errno.EEXIST, os.mkdir, root)
        for place in root, root + "/n":
            refused(errno.EPERM, os.mkdir, place + "/x")
            refused(errno.EPERM, os.link, "n/boat.md", place + "/x")
            same(os.stat(place).st_nlink, 1)
        refused(errno.EISDIR, os.unlink, root + "/n/boat.md")

def related():
    near = leads(".related-to/n/boat.md")
    same(set(near.values()), set(asked("related?to=n/boat.md".replace("/", "%2F"))))
    assert {"n/in/harbour.md", "n/bread.md"} <= set(near.values()), near
    for options, query in (("depth-2", "&depth=2"), ("depth-2/types-cites", "&depth=2&verb=cites"), ("types-cites,links/depth-2", "&depth=2&verb=cites,links"),
            ("dir-out", "&dir=out"), ("dir-in", "&dir=in"), ("limit-1", "&limit=1"), ("types-never", "&verb=never"), ("depth-3/dir-out/limit-2", "&depth=3&dir=out&limit=2")):
        same((options, set(leads(".related-to/n/boat.md/" + options).values())),
             (options, set(asked("related?to=n%2Fboat.md" + query))))
    same(leads(".related-to/n/boat.md/types-cites"), {"bread.md": "n/bread.md"})
    assert "knots.md" in ls(".related-to/n/boat.md/depth-2")
    for bad in "depth-x", "depth-", "depth-99", "types-", "types-a b", "dir-up", "depth-2/depth-3", "threshold-0.5", "limit-0x1":
        refused(errno.ENOENT, os.stat, ".related-to/n/boat.md/" + bad)
    refused(errno.ENOENT, os.stat, ".related-to/n/boat.md/depth-x")
    assert last_error().startswith("depth=x"), last_error()
    # Of a folder the options are reached that are no names in it.
    same(leads(".related-to/n/in/types-about"), {"boat.md": "n/boat.md"})
    refused(errno.ENOENT, os.stat, ".related-to/depth-1")
    # What is called as an option is, is shown by its number.
    os.setxattr("n/bread.md", "user.brainy.link.likes", b"n/depth-7/depth-3")
    got = leads(".related-to/n/bread.md/types-likes")
    same(list(got.values()), ["n/depth-7/depth-3"])
    assert next(iter(got)).startswith("depth-3~"), got
    os.removexattr("n/bread.md", "user.brainy.link.likes")

def similar():
    near = leads(".similar-to/n/boat.md")
    assert "n/boat.md" not in near.values()
    same(set(near.values()), set(asked("similar?to=n%2Fboat.md")))
    for options, query in ("threshold-0.5", "&threshold=0.5"), ("threshold-0.3/limit-1", "&threshold=0.3&limit=1"), ("limit-2", "&limit=2"):
        same((options, set(leads(".similar-to/n/boat.md/" + options).values())), (options, set(asked("similar?to=n%2Fboat.md" + query))))
    for bad in "threshold-2", "threshold-", "threshold-x", "depth-2", "limit-1/limit-2":
        refused(errno.ENOENT, os.stat, ".similar-to/n/boat.md/" + bad)
    refused(errno.ENOENT, os.stat, ".similar-to/n/in/threshold-0.5")
    write("n/empty", "")
    same(ls(".similar-to/n/empty"), set()) # what is like nothing
    os.unlink("n/empty")

def concept():
    assert "concept" in ls(".by")
    same(ls(".by/concept"), set())
    same(list(leads(".by/concept/sailing on the sea&limit=3").values())[0] in asked("similar?text=sailing on the sea&limit=3"), True)
    same(set(leads(".by/concept/baking").values()), set(asked("similar?text=baking")))
    refused(errno.ENOENT, os.stat, ".by/concept/.hidden")
    refused(errno.EINVAL, os.stat, ".by/concept/baking&never=2")
    # A field of that name goes first.
    os.setxattr("n/bread.md", "user.concept", b"baking")
    same(ls(".by/concept"), {"baking"})
    same(os.stat(".by/concept/baking/bread.md").st_ino, os.stat("n/bread.md").st_ino)
    os.removexattr("n/bread.md", "user.concept")

def linking():
    at = ".links/n/knots.md"
    same(ls(at), set())
    same(ls(".links/n/boat.md"), {"cites", "links"})
    same(leads(".links/n/boat.md/cites"), {"bread.md": "n/bread.md"})
    same(leads(".links/n/boat.md/links"), {"harbour.md": "n/in/harbour.md"})
    same(open(".links/n/boat.md/cites/bread.md").read(), open("n/bread.md").read())
    same(leads(".links/n/in/about"), {"boat.md": "n/boat.md"}) # of a folder: reached, not listed
    same(ls(".links/n/in"), {"harbour.md"})
    refused(errno.ENOENT, os.stat, ".links/n/in/never")
    refused(errno.ENOENT, os.stat, at + "/not a verb")
    refused(errno.ENOENT, os.stat, at + "/a.b")
    # Any verb; targets as from the folder, from the top and by the mount
    os.symlink("../../../../n/boat.md", at + "/ties-up/x")
    os.symlink("n/bread.md", at + "/ties-up/y")
    run("ln", "-s", top + "/n/in/harbour.md", at + "/usedIn/")
    same(ls(at), {"ties-up", "usedIn"})
    same(leads(at + "/ties-up"), {"boat.md": "n/boat.md", "bread.md": "n/bread.md"})
    same(links("n/knots.md", "ties-up"), ["n/boat.md", "n/bread.md"])
    same(set(asked("related?to=n%2Fknots.md&verb=ties-up,usedIn&dir=out")), {"n/boat.md", "n/bread.md", "n/in/harbour.md"})
    os.link("n/in/harbour.md", at + "/ties-up/harbour.md")
    same(os.stat("n/in/harbour.md").st_nlink, 1)
    same(leads(at + "/ties-up")["harbour.md"], "n/in/harbour.md")
    refused(errno.EEXIST, os.symlink, "n/boat.md", at + "/ties-up/boat.md")
    refused(errno.EXDEV, os.symlink, "/etc/passwd", at + "/ties-up/z")
    refused(errno.EINVAL, os.symlink, "../../../../", at + "/ties-up/z")
    # Renamed files keep their links, and are called as they are now.
    os.rename("n/boat.md", "n/in/ship.md")
    same(leads(at + "/ties-up"), {"ship.md": "n/in/ship.md", "bread.md": "n/bread.md", "harbour.md": "n/in/harbour.md"})
    refused(errno.ENOENT, os.stat, ".links/n/boat.md")
    same(leads(".links/n/in/ship.md/cites"), {"bread.md": "n/bread.md"})
    os.rename("n/in/ship.md", "n/boat.md")
    # Two of one name
    write("o/bread.md", "Other bread.\n")
    os.symlink("o/bread.md", at + "/ties-up/other")
    same(sorted(leads(at + "/ties-up").values()), ["n/boat.md", "n/bread.md", "n/in/harbour.md", "o/bread.md"])
    number = [n for n in ls(at + "/ties-up") if "~" in n]
    same(number, ["bread~%x.md" % max(os.stat(p).st_ino for p in ("n/bread.md", "o/bread.md"))])
    os.unlink(f"{at}/ties-up/{number[0]}")
    shutil.rmtree("o")
    same(leads(at + "/ties-up"), {"boat.md": "n/boat.md", "bread.md": "n/bread.md", "harbour.md": "n/in/harbour.md"})
    # What is not there yet
    os.symlink("p/later.md", at + "/waitsFor/x")
    same(leads(at + "/waitsFor"), {"later.md": "p/later.md"})
    refused(errno.ENOENT, open, at + "/waitsFor/later.md")
    write("p/later.md", "Here it is.\n")
    same(open(at + "/waitsFor/later.md").read(), "Here it is.\n")
    os.unlink(at + "/waitsFor/later.md")
    os.symlink("p/never.md", at + "/waitsFor/x")
    os.unlink(at + "/waitsFor/never.md")
    same(links("n/knots.md", "waitsFor"), [])
    shutil.rmtree("p")
    # Moved to another verb, and to another file
    os.rename(at + "/ties-up/bread.md", at + "/usedIn/bread.md")
    same((links("n/knots.md", "ties-up"), links("n/knots.md", "usedIn")), (["n/boat.md", "n/in/harbour.md"], ["n/in/harbour.md", "n/bread.md"]))
    run("mv", at + "/usedIn/bread.md", ".links/n/bread.md/self/")
    same((links("n/knots.md", "usedIn"), links("n/bread.md", "self")), (["n/in/harbour.md"], ["n/bread.md"]))
    os.unlink(".links/n/bread.md/self/bread.md")
    refused(errno.EPERM, os.rename, at + "/ties-up/boat.md", at + "/ties-up/other.md")
    # What the text says is not removed here; what is set goes.
    refused(errno.EPERM, os.unlink, ".links/n/boat.md/links/harbour.md")
    refused(errno.EPERM, os.rename, ".links/n/boat.md/links/harbour.md", ".links/n/boat.md/cites/harbour.md")
    refused(errno.ENOENT, os.unlink, at + "/ties-up/none.md")
    refused(errno.ENOTEMPTY, os.rmdir, at + "/ties-up")
    run("rm", "-r", at + "/ties-up", at + "/usedIn")
    same((links("n/knots.md", "ties-up"), ls(at)), ([], set()))
    refused(errno.EPERM, lambda p: open(p, "w"), at + "/ties-up/new")
    # Changes of the text are there at the next look.
    write("n/knots.md", "Now [bread](bread.md).\n")
    same(leads(at + "/links"), {"bread.md": "n/bread.md"})
    write("n/knots.md", "# Knots\nA sailor ties ropes on a boat with a bowline.\n")
    same(ls(at), set())

def inverses():
    at = ".links/n/bread.md"
    same(ls(at), {"citedBy"})
    same(leads(at + "/citedBy"), {"boat.md": "n/boat.md"})
    same(set(leads(at + "/citedBy").values()), set(asked("related?to=n%2Fbread.md&verb=citedBy&dir=out")))
    os.symlink("n/knots.md", at + "/contradicts/x")
    same((ls(".links/n/knots.md"), leads(".links/n/knots.md/contradicts")), ({"contradicts"}, {"bread.md": "n/bread.md"}))
    os.symlink("n/bread.md", ".links/n/knots.md/contradicts/x2")
    same(leads(at + "/contradicts"), {"knots.md": "n/knots.md"}) # both say so: once
    os.unlink(".links/n/knots.md/contradicts/bread.md")
    same((links("n/bread.md", "contradicts"), links("n/knots.md", "contradicts"), ls(".links/n/knots.md")), ([], [], set()))
    os.unlink(at + "/citedBy/boat.md") # from the other end
    same((links("n/boat.md", "cites"), ls(at)), ([], set()))
    os.symlink("n/boat.md", at + "/citedBy/x") # as it is said
    same((links("n/bread.md", "citedBy"), leads(".links/n/boat.md/cites")), (["n/boat.md"], {"bread.md": "n/bread.md"}))
    refused(errno.EPERM, os.rename, ".links/n/boat.md/cites/bread.md", ".links/n/boat.md/other/bread.md")
    os.unlink(".links/n/boat.md/cites/bread.md")
    same(links("n/bread.md", "citedBy"), [])
    os.setxattr("n/boat.md", "user.brainy.link.cites", b"n/bread.md")

def signs():
    name = "n/a b%25.md"
    os.symlink(name, ".links/n/bread.md/odd/x")
    same(leads(".links/n/bread.md/odd"), {"a b%25.md": name})
    same(leads(".related-to/" + name), {"bread.md": "n/bread.md"})
    os.symlink("n/bread.md", f".links/{name}/odd/y")
    same(leads(f".links/{name}/odd"), {"bread.md": "n/bread.md"})
    os.unlink(".links/n/bread.md/odd/a b%25.md")

def deep():
    # Deeper than a number of a view has room for
    path = "n/deep" + "/d" * 70
    write(path + "/far.md", "Far [away](/n/bread.md).\n")
    os.symlink("n/boat.md", f".links/{path}/far.md/sees/x")
    same(leads(f".links/{path}/far.md/sees"), {"boat.md": "n/boat.md"})
    assert path + "/far.md" in leads(".related-to/n/boat.md").values()
    same(ls(f".links/{path}"), {"far.md"})
    shutil.rmtree("n/deep")

def many():
    for k in range(700):
        write(f"m/{k:03}.txt", "x")
    same(ls(".links/m"), {f"{k:03}.txt" for k in range(700)})
    for k in range(700):
        os.symlink(f"m/{k:03}.txt", ".links/m/000.txt/has/x%d" % k)
    same(ls(".links/m/000.txt/has"), {f"{k:03}.txt" for k in range(700)})
    shutil.rmtree("m")

prepare()
paths()
related()
similar()
concept()
linking()
inverses()
signs()
deep()
many()
shutil.rmtree("n")
same(ls(".links"), {"kept"})
PY
run() { timeout 120 python3 "$work/paths.py" "$mnt" || fail "paths, $1"; }
mkdir "$mnt/kept"
echo "A file that stays." >"$mnt/kept/a.md"
run first
cd "$mnt/.links/kept/a.md"
kill -9 "$(server)"
expect "" ls "$mnt/.links/kept/a.md"
ln -s kept/a.md itself/ || fail "a link from a folder of before the kill"
expect "kept/a.md" getfattr --absolute-names --only-values -n user.brainy.link.itself "$mnt/kept/a.md"
cd "$work"
run killed
again
run again
expect "a.md" ls "$mnt/.links/kept/a.md/itself"
stop
