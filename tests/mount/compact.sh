# Everything cold, and then the volume is small: nothing is kept behind but what the catalog says of the files. Beside
# programs that write, and after kills in the middle.
. "$(dirname "$0")/lib.sh"
files=5000
mkdir "$work/nas" "$work/src"
"$brainy" init "$vol" >/dev/null || fail "init"
printf '[cold]\nurl = file://%s\n[index]\nexclude = *.txt\n' "$work/nas" >"$vol/brainy.conf"
"$brainy" mount "$vol" "$mnt" || fail "mount"

python3 - "$work/src" $files <<'PY'
import os, random, sys
r = random.Random(5)
words = ["".join(r.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(r.randrange(2, 10))) for _ in range(2000)]
for n in range(int(sys.argv[2])):
    os.makedirs(f"{sys.argv[1]}/{n % 10}", exist_ok=True)
    with open(f"{sys.argv[1]}/{n % 10}/{n}.txt", "w") as f:
        f.write(" ".join(r.choice(words) for _ in range(r.randrange(80, 160))))
PY
cp -r "$work/src/." "$mnt" || fail "cp"
same() { diff -r "$work/src" "$mnt" >"$work/diff" || fail "$1: $(head -c 300 "$work/diff")"; }
size() { du -sb --exclude=wal --exclude=reserve --exclude=index "$vol" | cut -f 1; }
# small WHEN - the bar: 0.02 of the bytes, and 400 bytes a file
plain=$(find "$work/src" -type f -exec cat {} + | wc -c)
small() { [ "$(size)" -le $((plain / 50 + 400 * files)) ] || fail "$1: $(size) bytes for $files files of $plain: $(du -ab "$vol")"; }
"$brainy" tier run "$mnt" --now +40d >/dev/null || fail "tier run"

# programs go on
(while [ ! -e "$work/enough" ]; do
    n=$((${n:-0} + 1)); echo $n >"$mnt/beside" || echo "write $n" >>"$work/wrong"
    [ "$(cat "$mnt/beside")" = $n ] || echo "read $n" >>"$work/wrong"
done) &
beside=$!
for n in 1 2 3; do "$brainy" compact "$mnt" >"$work/said" || fail "compact: $(cat "$work/said")"; done
: >"$work/enough"; wait $beside
[ ! -e "$work/wrong" ] || fail "beside a compaction: $(head -n 3 "$work/wrong")"
rm "$mnt/beside"

# kills at any moment
for n in 1 2 3 4 5 6; do
    touch "$mnt/new" && rm "$mnt/new" || fail "after kill $n"
    "$brainy" compact "$mnt" >/dev/null 2>&1 &
    sleep 0.0$n; kill -KILL "$(server)"
    wait $!
done

# what waits to be indexed is in the catalog, too
"$brainy" wait "$mnt" --for index || fail "wait"
"$brainy" compact "$mnt" >"$work/said" || fail "compact: $(cat "$work/said")"
grep -q 'the catalog has [0-9]* KiB' "$work/said" || fail "compact says: $(cat "$work/said")"
[ -z "$(ls "$vol/hot")" ] || fail "left in hot/: $(ls -l "$vol/hot")"
stop
small "after a compaction"
[ ! -e "$vol/catalog/new" ] || fail "a copy was left"
"$brainy" fsck "$vol" >"$work/said" 2>&1 || fail "fsck: $(cat "$work/said")"
"$brainy" mount "$vol" "$mnt" || fail "mount again"
same "after kills and compactions"
