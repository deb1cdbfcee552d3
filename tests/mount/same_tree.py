"""same_tree.py [-d] A B - says where two trees differ: names, types, bytes, modes, owners, mtimes, attributes, which names
are of one file. With -d the times and modes of folders do not matter. Exit 1 when they differ."""
import os, stat, sys

def attributes(path):
    # Of symbolic links only others than user.*, which these trees do not have.
    if os.path.islink(path): return {}
    return {n: os.getxattr(path, n) for n in os.listxattr(path) if n.startswith(("user.", "system.posix_acl", "security.capability"))}

def facts(path, loose):
    s = os.lstat(path)
    if stat.S_ISDIR(s.st_mode) and loose: return ("folder",)
    f = [oct(s.st_mode), s.st_uid, s.st_gid, s.st_mtime_ns, attributes(path)]
    if stat.S_ISLNK(s.st_mode): f.append(os.readlink(path))
    if stat.S_ISREG(s.st_mode): f.append(open(path, "rb").read())
    return tuple(f)

def walk(top):
    names, inodes = {}, {}
    for folder, folders, files in os.walk(top):
        for n in folders + files:
            path = os.path.join(folder, n)
            rel = os.path.relpath(path, top)
            s = os.lstat(path)
            names[rel] = path
            if not stat.S_ISDIR(s.st_mode) and s.st_nlink > 1:
                inodes.setdefault((s.st_dev, s.st_ino), []).append(rel)
    return names, sorted(sorted(v) for v in inodes.values() if len(v) > 1)

loose = sys.argv[1] == "-d"
a, b = sys.argv[-2:]
(an, al), (bn, bl) = walk(a), walk(b)
bad = [f"only in {a}: {n}" for n in sorted(set(an) - set(bn))] + [f"only in {b}: {n}" for n in sorted(set(bn) - set(an))]
for n in sorted(set(an) & set(bn)):
    x, y = facts(an[n], loose), facts(bn[n], loose)
    if x != y:
        bad.append(f"{n}: " + ", ".join(f"{p!r:.80} and {q!r:.80}" for p, q in zip(x, y) if p != q))
if al != bl: bad.append(f"links: {[g for g in al if g not in bl]} and {[g for g in bl if g not in al]}"[:500])
if bad: print("\n".join(bad[:20]))
sys.exit(bool(bad))
