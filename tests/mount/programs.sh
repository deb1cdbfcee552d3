# Programs that people run, compared by bytes: git, rsync, tar, cp, sqlite3, gcc, mmap.
. "$(dirname "$0")/lib.sh"
src=$(cd "$(dirname "$0")/../.." && pwd)
start
cd "$mnt" || exit 1
mkdir "$work/tree" && cp -r "$src/base" "$src/docs" "$src/tests" "$work/tree" && ln "$work/tree/base/buf.c" "$work/tree/hard"
ln -s base/buf.c "$work/tree/soft" && setfattr -n user.k -v v "$work/tree/hard" 2>/dev/null
truncate -s 20M "$work/tree/sparse"
rsync -aHX "$work/tree/" r/ || fail rsync
[ -z "$(rsync -aHXnc --itemize-changes --delete "$work/tree/" r/)" ] || fail "rsync sees differences"
cp -a r c && diff -r --no-dereference r c || fail "cp -a"
tar -cf - -C "$work/tree" . | (mkdir t && tar -xf - -C t) && diff -r --no-dereference "$work/tree" t || fail tar
git init -q g && cp -r r/base g/ && cd g && git add -A && git -c user.name=t -c user.email=t@t commit -qm one &&
    git gc -q && git fsck --strict --no-progress && [ -z "$(git status --porcelain)" ] || fail git
cd .. || exit 1
sqlite3 s.db 'pragma journal_mode=wal; create table t(a); with recursive c(x) as (select 1 union all select x+1 from c where x<2000) insert into t select x from c;' >/dev/null
expect "ok
2001000" sqlite3 s.db 'pragma integrity_check; select sum(a) from t'
printf '#include <stdio.h>\nint main(void) { puts("built here"); return 0; }\n' >m.c
gcc -o m m.c && expect "built here" ./m
python3 - <<'PY' || fail mmap
import mmap, os
with open("map", "w+b") as f:
    f.truncate(1 << 20)
    with mmap.mmap(f.fileno(), 0) as m:
        m[5000:5005] = b"hello"; m.flush()
    f.seek(5000); assert f.read(5) == b"hello"
fd = os.open("sp", os.O_RDWR | os.O_CREAT)
os.pwrite(fd, b"a" * 4096, 1 << 20)
assert os.lseek(fd, 0, os.SEEK_DATA) == 1 << 20 and os.lseek(fd, 1 << 20, os.SEEK_HOLE) == (1 << 20) + 4096
os.posix_fallocate(fd, 0, 1 << 20); assert os.fstat(fd).st_blocks >= 2048
out = os.open("cp", os.O_RDWR | os.O_CREAT)
src = os.open("map", os.O_RDONLY)
assert os.copy_file_range(src, out, 1 << 20) == 1 << 20 and os.pread(out, 5, 5000) == b"hello"
PY
