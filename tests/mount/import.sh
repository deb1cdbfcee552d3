# brainy import: everything about a tree is copied, an interrupted one is gone on with, and nothing is half there.
. "$(dirname "$0")/lib.sh"
start
src=$work/src
same() { python3 "$TESTS/same_tree.py" "$@" || fail "the trees differ: $*"; }
# count NAME FILE - a number of a report
count() { python3 -c 'import json, sys; print(json.load(open(sys.argv[2]))[sys.argv[1]])' "$@"; }
import() { "$brainy" import "$@" || fail "import $*"; }

# ---- a tree with one of everything
mkdir -p "$src/d/empty" "$src/d/closed" "$src/with space"
echo one >"$src/d/one"; : >"$src/d/nothing"
ln "$src/d/one" "$src/with space/same as one"
ln -s ../d/one "$src/with space/to one"; ln -s /nowhere "$src/nowhere"
ln "$src/nowhere" "$src/d/nowhere too"
mkfifo -m 640 "$src/d/fifo"
printf 'caf\303\251 \001 \377' >"$src/$(printf 'n\303\266 \377 \n')"
echo x >"$src/d/modes"; chmod 4751 "$src/d/modes"
echo secret >"$src/d/closed/read only"; chmod 400 "$src/d/closed/read only"
setfattr -n user.note -v hello "$src/d/closed" && chmod u+w "$src/d/closed/read only" &&
    setfattr -n user.note -v "of mine" "$src/d/closed/read only" && chmod 400 "$src/d/closed/read only"
setfacl -m u:12:rw,g:34:r "$src/d/one" && setfacl -d -m u:12:rwx "$src/d" || fail "no access lists here"
echo inherits >"$src/d/inherits"
truncate -s 40M "$src/sparse"
echo middle | dd of="$src/sparse" bs=1M seek=20 conv=notrunc status=none
head -c 3000000 /dev/urandom >"$src/large"
[ "$(id -u)" != 0 ] || { chown -h 12:34 "$src/d/one" "$src/nowhere"; mknod "$src/null" c 1 3
    cp /bin/true "$src/d/capable"
    # cap_net_raw=ep, as vfs_cap_data of revision 2
    setfattr -n security.capability -v 0x0100000200200000000000000000000000000000 "$src/d/capable"
    setfattr -n trusted.x -v y "$src/d/fifo"; }
touch -d '2001-02-03 04:05:06.123456789' "$src/d/one" "$src/large"
touch -h -d '1999-01-01 00:00:00.5' "$src/nowhere"
touch -d '2003-01-01 00:00:00.7' "$src/d/empty" "$src/d/fifo"
chmod 555 "$src/d/closed"
touch -d '2002-01-01' "$src/d" "$src"

expect "" ls "$mnt"
"$brainy" import "$src" "$mnt/in" --dry-run >"$work/said" || fail "dry run"
grep -qx 'copy src/d/one' "$work/said" && grep -qx 'link src/with space/same as one' "$work/said" || fail "dry run: $(cat "$work/said")"
[ ! -e "$mnt/in" ] || fail "a dry run made something"
import "$src" "$mnt/in" --json >"$work/report"
expect "$(stat -c %x-%X "$src/large")" stat -c %x-%X "$mnt/in/src/large"
same "$src" "$mnt/in/src"
[ "$(count links "$work/report")" = 2 ] && [ "$(count failed "$work/report")" = 0 ] || fail "report: $(cat "$work/report")"
[ "$(stat -c %b "$mnt/in/src/sparse")" -lt 1000 ] || fail "the holes were filled"
[ "$(id -u)" != 0 ] || { expect y getfattr --absolute-names --only-values -n trusted.x "$mnt/in/src/d/fifo"; }

# Nothing of it is copied again; what changed is, and a link stays one.
import "$src" "$mnt/in" --json >"$work/report"
[ "$(count files "$work/report")" = 0 ] && [ "$(count bytes "$work/report")" = 0 ] && [ "$(count folders "$work/report")" = 0 ] ||
    fail "copied again: $(cat "$work/report")"
echo changed >"$src/large"
chmod 600 "$src/d/nothing"; chmod u+w "$src/d/closed/read only"
setfattr -n user.note -v other "$src/d/closed/read only"; chmod 444 "$src/d/closed/read only"
ln "$src/d/nothing" "$src/another"
[ "$(id -u)" != 0 ] || setfattr -n trusted.x -v z "$src/d/fifo"
chmod 755 "$src/d/closed"; echo new >"$src/d/closed/new"; chmod 555 "$src/d/closed"
tagged=$mnt/in/src/large
setfattr -n user.xdg.tags -v sea "$tagged"
touch -d 2001-01-01 "$tagged"
import "$src/" "$mnt/in/src" --json >"$work/report"
expect sea getfattr --absolute-names --only-values -n user.xdg.tags "$tagged"
setfattr -x user.xdg.tags "$tagged"
same "$src" "$mnt/in/src"
[ "$(count files "$work/report")" = 3 ] && [ "$(count links "$work/report")" = 1 ] || fail "changed: $(cat "$work/report")"

# What is newer in the volume is kept.
echo older >"$src/edited"; touch -d 2010-01-01 "$src/edited"
import "$src" "$mnt/in" >/dev/null
echo newer >"$mnt/in/src/edited"
"$brainy" import "$src" "$mnt/in" >"$work/said" 2>"$work/why" || fail "a kept file is no failure"
expect newer cat "$mnt/in/src/edited"
grep -q 'src/edited: kept: .* newer' "$work/why" || fail "kept: $(cat "$work/why")"
import "$src" "$mnt/in" --overwrite >/dev/null
same "$src" "$mnt/in/src"

chmod 755 "$src/d/closed" "$mnt/in/src/d/closed"

# ---- the same bytes
head -c 500000 /dev/urandom >"$work/bytes"
mkdir "$work/twins" "$work/more"
cp "$work/bytes" "$work/twins/a"; cp "$work/bytes" "$work/twins/b"; cp "$work/bytes" "$work/more/c"
head -c 499999 "$work/bytes" >"$work/more/other"; echo >>"$work/more/other"
import "$work/twins" "$mnt" --json >"$work/report"
[ "$(count shared "$work/report")" = 1 ] || fail "b does not share: $(cat "$work/report")"
import "$work/twins" "$work/more" "$mnt" --json >"$work/report"
[ "$(count shared "$work/report")" = 1 ] && [ "$(count files "$work/report")" = 2 ] || fail "c and an earlier run: $(cat "$work/report")"
same "$work/twins" "$mnt/twins"; same "$work/more" "$mnt/more"
[ "$(stat -c %h "$mnt/twins/a")" = 1 ] || fail "twins are links"
echo more >>"$mnt/twins/a"
cmp "$work/bytes" "$mnt/twins/b" || fail "a write to one copy is seen in the other"
# the volume has them once
mkdir "$work/thrice"; head -c 12000000 /dev/urandom >"$work/thrice/1"; cp "$work/thrice/1" "$work/thrice/2"; cp "$work/thrice/1" "$work/thrice/3"
before=$(du -sk "$vol/hot" | cut -f1)
import "$work/thrice" "$mnt" >/dev/null
grown=$(($(du -sk "$vol/hot" | cut -f1) - before))
[ $grown -lt 20000 ] || fail "three times the same bytes take $grown KiB"
import "$work/more" "$mnt/apart" --no-share --json >"$work/report"
[ "$(count shared "$work/report")" = 0 ] || fail "--no-share"

# ---- names, patterns, what cannot be
import "$src/d/one" "$mnt/single"; expect one cat "$mnt/single/one"
import "$src" "$mnt/some" --exclude '*arge' --exclude 'src/d/' --exclude 'src/with*/to one' >/dev/null
[ -e "$mnt/some/src/with space/same as one" ] && [ ! -e "$mnt/some/src/large" ] && [ ! -e "$mnt/some/src/d" ] &&
    [ ! -L "$mnt/some/src/with space/to one" ] || fail "--exclude: $(find "$mnt/some")"
refuse 'the destination lies in it' "$brainy" import "$mnt" "$mnt/in"
refuse 'it lies in the destination' "$brainy" import "$mnt/in" "$mnt"
refuse 'same name' "$brainy" import "$src/d/one" "$mnt/single/one" "$mnt/in"
refuse 'No such file' "$brainy" import "$work/none" "$mnt"
refuse 'Not a directory' "$brainy" import "$src/d/one/" "$mnt"
"$brainy" import "$src" 2>/dev/null; [ $? = 2 ] || fail "one argument is not 2"
mkdir "$work/bad" "$mnt/bad" "$mnt/bad/bad"
echo 1 >"$work/bad/fine"; echo 2 >"$work/bad/folder"; mkdir "$mnt/bad/bad/folder"; mkdir "$work/bad/file"; echo x >"$mnt/bad/bad/file"
mkdir -m 0 "$work/bad/shut"
"$brainy" import "$work/bad" "$mnt/bad" >/dev/null 2>"$work/why"; [ $? = 1 ] || fail "failures are not 1"
expect 1 cat "$mnt/bad/bad/fine"
grep -q '^brainy: import: bad/file: making the folder: Not a directory' "$work/why" || fail "$(cat "$work/why")"
grep -q 'bad/folder: replacing the folder there: Is a directory' "$work/why" || fail "$(cat "$work/why")"
[ "$(id -u)" = 0 ] || grep -q 'bad/shut: opening: Permission denied' "$work/why" || fail "$(cat "$work/why")"
rmdir "$work/bad/shut"
setfattr -n user.brainy.quota-bytes -v 1M "$mnt/bad"
head -c 3000000 /dev/urandom >"$work/bad/big"
refuse 'big: writing: .*quota.* run the same command again' "$brainy" import "$work/bad/big" "$mnt/bad"
[ ! -e "$mnt/bad/big" ] || fail "half of a file has its name"

# ---- killed three times
mkdir "$work/many"
python3 - "$work/many" <<'P'
import os, random, sys
r = random.Random(7)
for n in range(4000):
    d = f"{sys.argv[1]}/{n % 40}"
    os.makedirs(d, exist_ok=True)
    with open(f"{d}/{n}", "wb") as f: f.write(r.randbytes(r.choice([10, 3000, 9000, 100000]) if n % 9 else 5000))
    if n % 50 == 0: os.link(f"{d}/{n}", f"{sys.argv[1]}/link{n}")
P
# everything that has a name is whole
whole() { python3 - "$work/many" "$mnt/many" <<'P'
import os, sys
a, b = sys.argv[1:]
n = 0
for folder, _, files in os.walk(b):
    for f in files:
        p = os.path.join(folder, f)
        q = os.path.join(a, os.path.relpath(p, b))
        assert f.startswith(".brainy-partial-") or open(p, "rb").read() == open(q, "rb").read(), p
        n += 1
print(n)
P
}
last=0
for k in 1 2 3; do
    "$brainy" import "$work/many" "$mnt" >/dev/null & pid=$!
    for _ in $(seq 500); do
        [ "$(find "$mnt/many" -type f 2>/dev/null | wc -l)" -lt $((last + 300)) ] || break
        sleep 0.01
    done
    [ $k = 2 ] && kill -INT $pid || kill -KILL $pid
    wait $pid 2>/dev/null && fail "it was over before it was killed"
    now=$(whole) || fail "half of a file has its name"
    [ "$now" -ge "$last" ] || fail "files have gone"
    last=$now
done
: >"$mnt/many/.brainy-partial-2147483647-1"
import "$work/many" "$mnt" --json >"$work/report"
same "$work/many" "$mnt/many"
[ "$(count present "$work/report")" -ge "$last" ] || fail "what was there was copied again: $last, $(cat "$work/report")"
expect "" find "$mnt" -name '.brainy-partial*'
find_paths caf | grep -q . || fail "what was imported is not found"
