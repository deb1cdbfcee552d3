"""stir.py DIR OUTSIDE SEED SECONDS|N - changes a tree at random, as programs do, for a time ("3s") or so many times ("5000").
What is moved out of it goes to OUTSIDE, and comes back from there."""
import os, random, shutil, sys, time

top, outside, seed, much = sys.argv[1:]
r = random.Random(int(seed))
# What there is; some of it may have gone with a folder.
folders, files, serial = [top], [], int(seed) * 1000000
for at, inner, names in os.walk(top):
    folders += [os.path.join(at, n) for n in inner]
    files += [os.path.join(at, n) for n in names]

def name():
    global serial
    serial += 1
    return f"{'abcdefgh'[r.randrange(8)]}{serial}"
def some(list_): return list_[r.randrange(len(list_))]
def below(list_, folder): return [p for p in list_ if p != folder and not p.startswith(folder + "/")]
def small_folder():
    # what has gone at once would soon be all
    p = some(folders[1:])
    if sum(f.startswith(p + "/") for f in files) > 30: raise ValueError
    return p
def new(): return os.path.join(some(folders), name())
def size(): return r.choice([0, 1, 100, 3000, 5000, 5000, 20000, 150000])

def create():
    p = new()
    with open(p, "wb") as f:
        for _ in range(r.randrange(3) + 1): f.write(r.randbytes(size())); f.flush()
    files.append(p)
def twin():
    p = new(); shutil.copyfile(some(files), p, follow_symlinks=False); files.append(p)
def append():
    with open(some(files), "ab") as f: f.write(r.randbytes(size() + 1))
def save():
    # as an editor does
    p = some(files)
    if os.path.islink(p): return
    with open(p + "~", "wb") as f: f.write(r.randbytes(size()))
    os.rename(p + "~", p)
def truncate(): os.truncate(some(files), size())
def delete():
    p = some(files); os.unlink(p); files.remove(p)
def rename():
    a, b = some(files), new(); os.rename(a, b); files.remove(a); files.append(b)
def over():
    a, b = some(files), some(files); os.rename(a, b)
    if a != b and not os.path.lexists(a): files.remove(a)
def make_folder():
    p = new(); os.mkdir(p); folders.append(p)
def make_deep():
    p = os.path.join(new(), name(), name()); os.makedirs(p)
    folders.extend([os.path.dirname(os.path.dirname(p)), os.path.dirname(p), p])
    with open(p + "/at once", "wb") as f: f.write(b"x")
    files.append(p + "/at once")
def move_folder():
    a, b = some(folders[1:]), new()
    if b.startswith(a + "/"): return
    os.rename(a, b)
    for list_ in folders, files: list_[:] = [b + p[len(a):] if p == a or p.startswith(a + "/") else p for p in list_]
def remove_folder():
    p = small_folder(); shutil.rmtree(p)
    folders[:] = below(folders, p); files[:] = below(files, p)
def out():
    p = small_folder() if r.random() < 0.3 else some(files)
    os.rename(p, os.path.join(outside, name()))
    folders[:] = below(folders, p); files[:] = below(files, p)
def back():
    q = os.path.join(outside, some(sorted(os.listdir(outside)))); p = new(); os.rename(q, p)
    if os.path.isdir(p) and not os.path.islink(p): folders.append(p)
    else: files.append(p)
def symlink():
    p = new(); os.symlink(name(), p); files.append(p)
def link():
    p = new(); os.link(some(files), p, follow_symlinks=False); files.append(p)
def modes(): os.chmod(some(files + folders[1:]), r.choice([0o700, 0o755, 0o770]))
def attribute(): os.setxattr(some(files + folders), "user.note", r.randbytes(5), follow_symlinks=False)
def times(): os.utime(some(files + folders), ns=(0, r.randrange(10**18)), follow_symlinks=False)
def swap():
    # a folder that becomes a file
    p = small_folder(); shutil.rmtree(p)
    folders[:] = below(folders, p); files[:] = below(files, p)
    with open(p, "wb") as f: f.write(b"was a folder")
    files.append(p)

often = [create] * 8 + [twin] * 2 + [append] * 4 + [save] * 4 + [truncate] + [delete] * 6 + [rename] * 4 + [over, make_folder,
         make_folder, make_folder, make_deep, move_folder, move_folder, remove_folder, out, back, back, symlink, link, modes, attribute, times, swap]
end, left = (time.time() + float(much[:-1]), 1 << 60) if much.endswith("s") else (1e18, int(much))
done = 0
while time.time() < end and done < left:
    do = some(often)
    try: do()
    except (OSError, IndexError, ValueError): pass
    done += 1
print(done)
