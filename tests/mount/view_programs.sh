# ls, find, tar, rsync, cp and grep over each kind of view: they end, meet each name once, and copy what is there, symlinks as
# symlinks and, asked to, as the files that they lead to.
# Waits: for what is indexed.
. "$(dirname "$0")/lib.sh"
for program in find tar rsync cp grep; do
    command -v $program >/dev/null || { echo "$program is missing"; exit 77; }
done
start
cat >"$work/programs.py" <<'PY'
import os, shutil, stat, subprocess, sys
from checks import same, write
work, top = sys.argv[1:]
os.chdir(top)
LIMIT_S = 60

def run(*command, allowed=(0,), **more):
    p = subprocess.run(command, capture_output=True, timeout=LIMIT_S, **more)
    assert p.returncode in allowed, f"{command}: {p.returncode} {p.stderr.decode()}"
    assert b"loop" not in p.stderr, f"{command}: {p.stderr.decode()}"
    return p.stdout

def tree(path, follow=False):
    """Everything below: what it is, and what is in it. What is followed only when it is a file."""
    found = {}
    for at, folders, files in os.walk(path):
        for name in folders + files:
            full = os.path.join(at, name)
            key = os.path.relpath(full, path)
            mode = os.lstat(full).st_mode
            assert key not in found, f"{full}: twice"
            if stat.S_ISLNK(mode) and follow:
                if not os.path.isfile(full):
                    continue
                mode = os.stat(full).st_mode
            if stat.S_ISLNK(mode):
                found[key] = "link", os.readlink(full)
            elif stat.S_ISDIR(mode):
                found[key] = "folder", None
            else:
                found[key] = "file", open(full, "rb").read()
    return found

def prepare():
    write("d/sea.md", "---\nauthor: Ada\n---\nThe sea is deep, see [the boat](in/boat.md) #water\n")
    write("d/in/boat.md", "---\nauthor: Ada\n---\nA boat on the sea, see [[sea]] and [itself](boat.md).\n")
    write("d/other/sea.md", "Another sea, with the same name.\n")
    write("d/land.txt", "The land is dry.\n")
    os.setxattr("d/sea.md", "user.xdg.tags", b"blue,blue/deep,wide")
    os.setxattr("d/in/boat.md", "user.xdg.tags", b"blue,wood")
    os.setxattr("d/other", "user.xdg.tags", b"blue")
    os.setxattr("d/land.txt", "user.brainy.link.opposite", b"d/sea.md\nd/later.md\nd/other")
    os.setxattr("d/sea.md", "user.brainy.link.opposite", b"d/land.txt")
    os.utime("d/sea.md", (1500000000, 1500000000))
    os.mkdir(".find/saved/sea")
    os.mkdir(".find/saved/sea/boat")
    run(os.environ["BRAINY_PROGRAM"], "wait", top)

VIEWS = (".tags", ".tags/blue", ".tags/blue/deep", ".tags/blue,wide", ".tags/blue,-wood", ".tags/wood/wide", ".dates", ".dates/2017", ".dates/2017/07/14",
         ".by", ".by/author", ".by/author/Ada", ".by/type", ".by/type/markdown", ".by/lang", ".by/tier/hot", ".by/concept", ".by/concept/ships at sea",
         ".find", ".find/saved", ".find/saved/sea", ".find/saved/sea/boat", ".find/sea", ".related-to", ".related-to/d", ".related-to/d/sea.md",
         ".related-to/d/sea.md/depth-3", ".similar-to", ".similar-to/d/land.txt", ".similar-to/d/sea.md/threshold-0.3", ".links", ".links/d/in",
         ".links/d/sea.md", ".links/d/land.txt/opposite", ".links/d/land.txt/never")

def lists(view, all_of_it):
    names = [line for line in run("ls", "-A1", view).decode().splitlines()]
    same(sorted(names), sorted(k for k in all_of_it if "/" not in k), f"ls {view}")
    run("ls", "-laR", view)
    listed = run("find", view, "-mindepth", "1", "-printf", "%P %y\\n").decode().splitlines()
    kinds = {"link": "l", "folder": "d", "file": "f"}
    same(sorted(listed), sorted(f"{k} {kinds[v[0]]}" for k, v in all_of_it.items()), f"find {view}")
    below = run("find", "-L", view, "-maxdepth", "12", "-print0").split(b"\0")
    same(len(below), len(set(below)), f"find -L {view}")

def remove(out):
    for at, folders, files in os.walk(out):
        os.chmod(at, 0o755) # views are folders that are not written to
    shutil.rmtree(out)

def copied(what, out, wanted):
    same(tree(out), wanted, what)
    remove(out)

def copies(view, all_of_it):
    out = work + "/out"
    os.mkdir(out)
    run("tar", "-C", out, "-x", input=run("tar", "-C", view, "-c", "."))
    copied(f"tar {view}", out, all_of_it)
    run("rsync", "-a", view + "/", out)
    copied(f"rsync -a {view}", out, all_of_it)
    run("cp", "-a", view, out)
    copied(f"cp -a {view}", out, all_of_it)
    if ("link", "../../../../d/later.md") in all_of_it.values() or view in (".links", ".links/d/land.txt"):
        return # what leads nowhere cannot be followed
    run("cp", "-rL", view, out)
    files = {k: v for k, v in tree(view, follow=True).items() if v[0] == "file"}
    same({k: v for k, v in tree(out).items() if k in files}, files, f"cp -rL {view}")
    remove(out)
    run("rsync", "-rL", "--chmod=Du+w", "--exclude=.q", view + "/", out)
    got = tree(out)
    same({k: got.get(k) for k in files if not k.endswith(".q")}, {k: v for k, v in files.items() if not k.endswith(".q")}, f"rsync -rL {view}")
    remove(out)

def greps(view, all_of_it):
    found = run("grep", "-rlF", "sea", view, allowed=(0, 1)).decode().splitlines()
    same(sorted(found), sorted(f"{view}/{k}" for k, v in all_of_it.items() if v[0] == "file" and b"sea" in v[1]), f"grep -r {view}")
    followed = tree(view, follow=True)
    found = set(run("grep", "-RlF", "sea", view, allowed=(0, 1, 2)).decode().splitlines())
    assert {f"{view}/{k}" for k, v in followed.items() if v[0] == "file" and b"sea" in v[1]} <= found, f"grep -R {view}: {found}"

prepare()
for view in VIEWS:
    all_of_it = tree(view)
    assert all_of_it or view in (".by/concept", ".tags/wood/wide", ".links/d/land.txt/never", ".find/saved/sea/boat"), f"{view} is empty"
    lists(view, all_of_it)
    copies(view, all_of_it)
    greps(view, all_of_it)
PY
BRAINY_PROGRAM=$brainy timeout 300 python3 "$work/programs.py" "$work" "$mnt" || fail "programs"
stop
