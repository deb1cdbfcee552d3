# The server is killed every 0.5 to 1 s while ordinary programs work: tar, git, fio, a listing of a large folder, stores
# through a mapping, locks, files without names, copies inside the mount, fsync. None of them sees an error, and what
# they have made is what they made. By hand, for longer: KILLS=20 (for each program), FILES=100000 (in the volume).
. "$(dirname "$0")/lib.sh"
tool=$(dirname "$brainy")/tests/killing
[ -x "$tool" ] || { echo "no program at $tool: build first"; exit 1; }
kills=${KILLS:-3}
"$brainy" init "$vol" >/dev/null || fail "init"
[ -z "${FILES:-}" ] || "$brainy" bench fill "$vol" --files "$FILES" || fail "fill"
"$brainy" mount "$vol" "$mnt" || fail "mount"
k=$(keeper)

# killing NAME COMMAND.. - as often as needed for so many kills; the command finds its number in $ROUND
killing() {
    name=$1; shift
    "$tool" "$mnt" "$vol/lock" "$kills" "$@" >"$work/said" 2>&1 || fail "$name: $(tail -n 8 "$work/said")"
    [ "$(keeper)" = "$k" ] && kill -0 "$k" || fail "the keeper has gone"
    sed "s/^/$name: /" "$work/said"
}
export work mnt

mkdir "$work/tree"
i=0; while [ $i -lt 1500 ]; do
    [ $((i % 100)) != 0 ] || mkdir "$work/tree/d$((i / 100))"
    echo "file $i" >"$work/tree/d$((i / 100))/f$i"; i=$((i + 1))
done
head -c 3000000 /dev/urandom >"$work/tree/large"
tar -cf "$work/tree.tar" -C "$work" tree
mkdir "$mnt/untar"
killing untar sh -c 'mkdir "$mnt/untar/$ROUND" && tar -xf "$work/tree.tar" -C "$mnt/untar/$ROUND"'
for d in "$mnt"/untar/*; do diff -r "$work/tree" "$d/tree" || fail "$d differs"; done
rm -r "$mnt/untar"

if command -v git >/dev/null; then
    git init -q "$work/git" && cp -r "$work/tree" "$work/git/" && cd "$work/git" &&
        git add . && git -c user.name=a -c user.email=a@example.org commit -qm first || fail "git"
    cd /
    killing git sh -c 'git clone -q --no-local "$work/git" "$mnt/clone$ROUND"'
    for d in "$mnt"/clone*; do
        git -C "$d" fsck --full --strict >/dev/null 2>&1 || fail "git fsck"
        [ -z "$(git -C "$d" status --porcelain)" ] || fail "$d is not clean"
    done
    rm -r "$mnt"/clone*
fi

if command -v fio >/dev/null; then
    mkdir "$mnt/fio"
    killing fio fio --name=f --directory="$mnt/fio" --rw=randrw --bsrange=4k-128k --size=24m --verify=crc32c --verify_fatal=1 \
        --do_verify=1 --verify_state_save=0 --numjobs=2 --ioengine=psync --fsync=64 --output-format=terse --output="$work/fio"
    rm -r "$mnt/fio"
fi

cat >"$work/programs.py" <<'PY'
import fcntl, mmap, os, time
top = os.environ["mnt"] + "/programs" + os.environ["ROUND"]
os.mkdir(top)

def listing(n):
    got = os.listdir(top + "/many")
    assert len(got) == len(set(got)) == 3000, (len(got), len(set(got)))

def mapping(n):
    fd = os.open(top + "/mapped", os.O_RDWR | os.O_CREAT)
    os.ftruncate(fd, 1 << 20)
    with mmap.mmap(fd, 1 << 20) as m:
        m[:] = bytes([n % 251]) * (1 << 20)
        m.flush()
    assert os.pread(fd, 1 << 20, 0) == bytes([n % 251]) * (1 << 20)
    os.close(fd)

def unnamed(n):
    fd = os.open(top, os.O_TMPFILE | os.O_RDWR, 0o600)
    os.write(fd, b"unnamed %d" % n)
    # Without a src_dir_fd Python calls link(2), which does not follow symlinks.
    os.link(f"/proc/self/fd/{fd}", f"{top}/named{n}", src_dir_fd=fd, follow_symlinks=True)
    assert os.fstat(fd).st_nlink == 1
    os.close(fd)
    assert open(f"{top}/named{n}", "rb").read() == b"unnamed %d" % n
    os.unlink(f"{top}/named{n}")

def copy(n):
    source, target = os.open(top + "/large", os.O_RDONLY), os.open(top + "/copy", os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    size = done = os.fstat(source).st_size
    while done > 0:
        r = os.copy_file_range(source, target, done)
        assert r > 0
        done -= r
    os.fsync(target)
    assert os.pread(target, size, 0) == os.pread(source, size, 0)
    os.close(source)
    os.close(target)

def log(n):
    os.write(kept, b"%07d\n" % n)
    os.fsync(kept)
    assert os.fstat(gone).st_nlink == 0 and os.pread(gone, 100, 0) == b"gone"

os.mkdir(top + "/many")
for i in range(3000):
    os.close(os.open(f"{top}/many/{i}", os.O_CREAT | os.O_WRONLY))
with open(top + "/large", "wb") as f:
    f.write(os.urandom(5000000))
kept = os.open(top + "/log", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
gone = os.open(top + "/gone", os.O_CREAT | os.O_RDWR)
os.write(gone, b"gone")
os.unlink(top + "/gone")
held = os.open(top + "/held", os.O_CREAT | os.O_RDWR)
fcntl.flock(held, fcntl.LOCK_EX)
n, end = 0, time.monotonic() + 3
while time.monotonic() < end:
    for step in (listing, mapping, unnamed, copy, log):
        step(n)
    other = os.open(top + "/held", os.O_RDWR)
    try:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert False, "two hold the lock"
    except BlockingIOError:
        pass
    os.close(other)
    n += 1
assert open(top + "/log", "rb").read() == b"".join(b"%07d\n" % i for i in range(n))
PY
killing programs python3 "$work/programs.py"
! grep -q 'killed by signal [^9]' "$work/log" || fail "a server has crashed"
sed -n 's/.*another server serves \(after .*\)/\1/p' "$work/log" | sort -n -k 2 | tail -n 3
stop
"$brainy" fsck "$vol" || fail "fsck"
