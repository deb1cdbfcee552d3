# Run by two-users.sh as B: names in views by number, what may be changed there, and errors that would tell. Prints probes and leaks.
import errno, os, sys
top, mark, hidden = sys.argv[1:]
probes = leaks = 0
os.chdir(top)

def probe(what, ok):
    global probes, leaks
    probes += 1
    if not ok:
        leaks += 1
        print("LEAK:", what)

def error(call, *args):
    try:
        call(*args)
    except OSError as e:
        return e.errno
    return 0

def denied(call, *args):
    got = error(call, *args)
    probe(f"{getattr(call, '__name__', call)}{args}: {errno.errorcode.get(got, got)}",
          got in (errno.EACCES, errno.EPERM, errno.ENOENT, errno.EXDEV))

def alike(call, secret, nothing):
    """The same error for what is A's and for what is not there."""
    a, b = error(call, secret), error(call, nothing)
    probe(f"{call}({secret}): {errno.errorcode.get(a, a)}, and {errno.errorcode.get(b, b)} for {nothing}", a == b)

own = "one.txt"
for n in range(1, 300):
    for name in f"one~{n:x}.txt", f"two~{n:x}.txt", f"{mark}1~{n:x}.txt", f"{mark}2~{n:x}.txt":
        for view in ".tags/striped", ".dates/2019/05/06", ".by/author/Known":
            if error(os.stat, f"{view}/{name}") == 0:
                probe(f"{view}/{name}", os.stat(f"{view}/{name}").st_ino in
                      (os.stat("open/one.txt").st_ino, os.stat("open/deep/two.txt").st_ino))
        probes += 3
for name in f"{mark}1.txt", f"{mark}2.txt":
    for view in ".tags/striped", ".tags/red", ".dates/2019/05/06", ".by/author/Known", ".find/zebra", ".find/saved/" + mark:
        denied(os.stat, f"{view}/{name}")

# What B may not write, it may not tag, untag, rename or move by way of a view.
os.symlink("../../open/one.txt", "mine-b/link")
before = os.getxattr("open/one.txt", "user.xdg.tags"), sorted(os.listdir("open/deep"))
for name in "one.txt", "two.txt":
    denied(os.unlink, ".tags/striped/" + name)
    denied(os.rename, ".tags/striped/" + name, ".tags/striped/x.txt")
    denied(os.rename, ".tags/striped/" + name, ".tags/plain/x.txt")
    denied(os.rename, ".tags/striped/" + name, "mine-b/stolen.txt")
    denied(os.rename, ".tags/striped/" + name, "mine-b/link")
    denied(os.unlink, ".dates/2019/05/06/" + name)
    denied(os.rename, ".dates/2019/05/06/" + name, "mine-b/stolen.txt")
    denied(os.unlink, ".by/author/Known/" + name)
    denied(os.rename, ".by/author/Known/" + name, "mine-b/stolen.txt")
denied(os.link, "open/one.txt", ".tags/plain/one.txt")
denied(os.symlink, "../../open/one.txt", ".tags/plain/one.txt")
denied(os.symlink, f"../../open/{mark}1.txt", ".tags/plain/x")
denied(os.rename, "open/one.txt", ".tags/plain/one.txt")
denied(os.rename, "sticky/of-a.txt", "mine-b/x")
denied(os.unlink, ".tags/sticky/of-a.txt")
denied(os.rename, ".tags/sticky/of-all.txt", ".tags/sticky/x.txt")
denied(os.rename, ".tags/sticky/of-all.txt", "mine-b/x.txt")
own_before = open("mine-b/own.txt").read()
denied(os.rename, ".tags/sticky/own.txt", ".tags/sticky/of-all.txt")
probe("files in a sticky folder", sorted(os.listdir("sticky")) == ["of-a.txt", "of-all.txt"])
probe("B changed what is A's", before == (os.getxattr("open/one.txt", "user.xdg.tags"), sorted(os.listdir("open/deep"))))
probe("own", open("mine-b/own.txt").read() == own_before)

# Tags and saved searches of A's
for name in "striped", "red", "secret", "kept", "secret/deep":
    denied(os.rmdir, ".tags/" + name)
    denied(os.rename, ".tags/" + name, ".tags/stolen")
denied(os.rmdir, ".find/saved/" + mark)
denied(os.rename, ".find/saved/" + mark, ".find/saved/mine")
denied(open, f".find/saved/{mark}/.q")
denied(lambda p: os.open(p, os.O_WRONLY), f".find/saved/{mark}/.q")
denied(os.mkdir, f".find/saved/{mark}/mine")
for call in os.stat, os.listdir, os.unlink, os.rmdir, os.readlink, lambda p: os.rename(p, ".tags/stolen"), open:
    for secret, nothing in ((".tags/red", ".tags/never"), (".tags/secret/deep", ".tags/secret/never"), (".tags/striped/red",
            ".tags/striped/never"), (".tags/striped/-red", ".tags/striped/-never"), (".tags/striped,red", ".tags/striped,never"),
            (".tags/kept", ".tags/never"), (".by/topic", ".by/never"), (f".by/author/{mark}", ".by/author/never"), (".dates/2018/05/07/x",
            ".dates/2017/05/07/x"), (f".find/saved/{mark}", ".find/saved/never")):
        alike(call, secret, nothing)
alike(lambda p: os.rename(".tags/striped", p), ".tags/red", ".tags/never")
alike(lambda p: os.rename("mine-b/own.txt", p), ".tags/red/x", ".tags/never/x")
alike(lambda p: os.symlink(p, ".tags/striped/probe"), f"../../hidden/one.txt", "../../hidden/never.txt")
alike(lambda p: os.symlink(p, ".tags/striped/probe"), f"../../closed/inner/{mark}1.txt", "../../closed/never/never.txt")
# Paths in views, and links
for call in os.stat, os.listdir, os.unlink, os.rmdir, os.readlink, os.mkdir, lambda p: os.rename(p, ".links/stolen"), open:
    for secret, nothing in ((".links/closed", ".links/never"), (".links/closed/inner", ".links/never/inner"),
            (".links/hidden/one.txt", ".links/hidden/never.txt"), (f".links/open/{mark}1.txt", ".links/open/never.txt"),
            (f".links/open/{mark}1.txt/cites", ".links/open/never.txt/cites"), (f".links/open/one.txt/{mark}", ".links/open/one.txt/never"),
            (f".links/open/one.txt/cites/{mark}1.txt", ".links/open/one.txt/cites/never.txt"),
            (".related-to/closed/depth-2", ".related-to/never/depth-2"), (f".related-to/open/{mark}1.txt/depth-2", ".related-to/open/never.txt/depth-2"),
            (f".related-to/open/one.txt/depth-9/{mark}1.txt", ".related-to/open/one.txt/depth-9/never.txt"),
            (f".similar-to/open/{mark}1.txt/threshold-0.5", ".similar-to/open/never.txt/threshold-0.5"),
            (".similar-to/hidden/one.txt", ".similar-to/hidden/never.txt"), (".by/type/html", ".by/type/pdf"), (".by/lang/de", ".by/lang/fi")):
        alike(call, secret, nothing)
cites = "user.brainy.link.cites"
# Links that B does not see, of a file that B may write to: nothing tells of them, and they stay.
shared = "user.brainy.link.shared"
probe("a verb that B does not see", error(os.getxattr, "sticky/of-all.txt", shared) == errno.ENODATA and shared not in os.listxattr("sticky/of-all.txt"))
probe("removing it", error(os.removexattr, "sticky/of-all.txt", shared) == errno.ENODATA)
probe("replacing it", error(os.setxattr, "sticky/of-all.txt", shared, b"three.txt", os.XATTR_REPLACE) == errno.ENODATA)
probe("making it", error(os.setxattr, "sticky/of-all.txt", shared, b"three.txt", os.XATTR_CREATE) == 0)
probe("making it again", error(os.setxattr, "sticky/of-all.txt", shared, b"three.txt", os.XATTR_CREATE) == errno.EEXIST)
probe("what B set", os.getxattr("sticky/of-all.txt", shared) == b"three.txt" and os.listdir(".links/sticky/of-all.txt/shared") == ["three.txt"])
os.removexattr("sticky/of-all.txt", shared)
os.setxattr("sticky/of-all.txt", shared, b"open/one.txt")
value = os.getxattr("open/one.txt", cites)
denied(os.symlink, "../../../../three.txt", ".links/open/one.txt/cites/x")
denied(os.link, "three.txt", ".links/open/one.txt/cites/x")
denied(os.unlink, ".links/open/one.txt/cites/two.txt")
denied(os.rename, ".links/open/one.txt/cites/two.txt", ".links/mine-b/own.txt/cites/two.txt")
denied(os.setxattr, "open/one.txt", cites, b"three.txt")
probe("B changed links of A's", os.getxattr("open/one.txt", cites) == value)
os.symlink("../../../../three.txt", ".links/mine-b/own.txt/cites/x")
probe("B links", os.listdir(".links/mine-b/own.txt/cites") == ["three.txt"] and os.getxattr("mine-b/own.txt", cites) == b"three.txt")
denied(os.rename, ".links/mine-b/own.txt/cites/three.txt", ".links/open/one.txt/cites/three.txt")
os.rename(".links/mine-b/own.txt/cites/three.txt", ".links/mine-b/own.txt/of-b/three.txt")
probe("B's verb", os.listdir(".links/mine-b/own.txt") == ["of-b"])
os.unlink(".links/mine-b/own.txt/of-b/three.txt")
# What B links to without seeing it is as what is not there.
def linked(*targets):
    for target in targets:
        os.symlink(target, ".links/mine-b/own.txt/cites/x")
    got = sorted(os.listdir(".links/mine-b/own.txt")), sorted(os.listdir(".links/mine-b/own.txt/cites")), error(os.getxattr, "mine-b/own.txt", cites), os.listxattr("mine-b/own.txt")
    return got
for folder in "hidden", "closed", "closed/inner":
    there = {"hidden": "one.txt", "closed": f"{mark}.md", "closed/inner": f"{mark}1.txt"}[folder]
    b, a = linked(f"../../../../{folder}/never.txt"), linked(f"../../../../{folder}/{there}")
    probe(f"links to {folder}: {a}, {b}", a == b)
    os.setxattr("mine-b/own.txt", cites, f"{folder}/{there}\nthree.txt\n{folder}/never.txt".encode())
    probe("targets that B does not see", os.getxattr("mine-b/own.txt", cites) == b"three.txt" and os.listdir(".links/mine-b/own.txt/cites") == ["three.txt"])
    os.removexattr("mine-b/own.txt", cites)

alike(os.mkdir, ".tags/red", ".tags/never")
alike(os.mkdir, ".tags/kept", ".tags/never2")
alike(os.mkdir, ".tags/striped/" + mark, ".tags/striped/never")
alike(os.mkdir, ".tags/secret", ".tags/never3")
alike(os.mkdir, ".find/saved/" + mark, ".find/saved/own")
os.mkdir(".find/saved/other")
probe("a name that A has, too", error(os.rename, ".find/saved/other", ".find/saved/" + hidden) == 0)
os.rename(".find/saved/" + hidden, ".find/saved/other2")

probe("B's searches are B's", sorted(os.listdir(".find/saved")) == sorted([mark, "own", "other2"]))
os.mkdir(".find/saved/own/inner")
os.rename(".find/saved/own/inner", ".find/saved/outer")
for name in mark, "own", "outer", "other2":
    probe("a search of B's", open(f".find/saved/{name}/.q").read() in (name + "\n", "inner\n", "other\n"))
    os.rmdir(".find/saved/" + name)
probe("B has no searches left", os.listdir(".find/saved") == [])

# What B may write, B may tag; the tag is then there for both.
os.setxattr("mine-b/own.txt", "user.xdg.tags", b"of-b,red")
probe("B's tag", os.listdir(".tags/of-b") == ["own.txt"] and "of-b" in os.listdir(".tags"))
probe("a tag that both have", os.listdir(".tags/red") == ["own.txt"] and os.stat(".tags/red").st_size == 0)
os.unlink(".tags/red/own.txt")
os.link("mine-b/own.txt", ".tags/striped/own.txt")
probe("B tags", os.getxattr("mine-b/own.txt", "user.xdg.tags") == b"of-b,striped")
os.removexattr("mine-b/own.txt", "user.xdg.tags")
print(probes, leaks)
