# fsck --repair mends altered places: each copy of a volume gets one, fsck sees it (or it has no effect), --repair mends
# it, fsck then says 0, the volume mounts, and every file outside of what the report names is as it was.
# REPAIR_SEED and REPAIR_RUNS choose others than the dozen of every run.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || { echo "there is no python3"; exit 77; }
seed=${REPAIR_SEED:-41} runs=${REPAIR_RUNS:-12}
echo "seed $seed"

start
python3 - "$mnt" <<'PY'
import os, random, sys, time
top, chance = sys.argv[1], random.Random(7)
for n in range(60):
    d = f"{top}/small{n % 4}"
    os.makedirs(d, exist_ok=True)
    with open(f"{d}/{n}", "wb") as f:
        f.write(b"word%d of it\n" % n * (n + 1))
os.mkdir(f"{top}/large")
os.setxattr(f"{top}/large", "user.brainy.quota-bytes", b"1G")
os.setxattr(f"{top}/small1", "user.brainy.quota-bytes", b"2G")
for n in range(4):
    with open(f"{top}/large/{n}", "wb") as f:
        f.write(chance.randbytes(90_000 + 700_000 * n))
os.mkdir(f"{top}/old")  # these go to a pack
for n in range(40):
    with open(f"{top}/old/{n}", "wb") as f:
        f.write(b"line %d of what nobody reads\n" % n * (n * n + 1))
    os.utime(f"{top}/old/{n}", (time.time() - 12 * 86400,) * 2)
os.symlink("small1/1", f"{top}/pointer")
os.link(f"{top}/small2/2", f"{top}/small3/again")
os.setxattr(f"{top}/small1/5", "user.colour", b"blue")
os.setxattr(f"{top}/small1/9", "user.xdg.tags", b"a,b")
PY
"$brainy" wait "$mnt" --for index --timeout 60
again
"$brainy" tier run "$mnt" >/dev/null || fail "tier run"
expect warm getfattr --absolute-names --only-values -n user.brainy.tier-now "$mnt/old/7"
again
python3 "$(dirname "$0")/repair_tree.py" list "$mnt" >"$work/before"
stop
cp -a "$vol" "$work/good"
"$brainy" fsck "$vol" >"$work/said" || { cat "$work/said"; fail "fsck of an unharmed volume"; }

# a volume of a time before there were copies gets one, and one that differs is renewed
for spoil in 'rm -f' 'truncate -s 9'; do
    $spoil "$vol/volume.json.copy"
    "$brainy" mount "$vol" "$mnt" || fail "mount without a copy of volume.json"
    stop
    cmp "$vol/volume.json" "$vol/volume.json.copy" || fail "volume.json has no copy"
done

# packs can be read where nothing can be written; what a stop left in warm/ is no damage
echo left >"$vol/warm/new-0123456789abcdef"
"$brainy" fsck "$vol" >"$work/said" || { cat "$work/said"; fail "fsck with a file that was left over"; }
grep -q '^1 files in warm/ are left over' "$work/said" || { cat "$work/said"; fail "a file that was left over is not told"; }
"$brainy" mount "$vol" "$mnt" -o ro || fail "mount read-only"
python3 "$(dirname "$0")/repair_tree.py" list "$mnt" | diff "$work/before" - >/dev/null || fail "read-only, other files"
stop
rm "$vol/warm/new-0123456789abcdef"

n=0
while [ $n -lt "$runs" ]; do
    rm -rf "$vol"
    cp -a "$work/good" "$vol"
    what=$(python3 "$(dirname "$0")/repair_tree.py" alter "$vol" "$seed" "$n")
    "$brainy" fsck "$vol" >"$work/said" 2>&1
    first=$?
    # every third repair is killed somewhere first
    : >"$work/killed"
    if [ $((n % 3)) = 1 ]; then
        timeout -s KILL "0.0$((n * 7 % 10))" "$brainy" fsck --repair "$vol" >"$work/killed" 2>&1
    fi
    "$brainy" fsck --repair "$vol" >"$work/mended" 2>&1
    status=$?
    cat "$work/killed" "$work/said" >>"$work/mended"
    if [ $status -ne $first ] && { [ $status -ne 0 ] || [ ! -s "$work/killed" ]; }; then cat "$work/said" "$work/mended"; fail "$what: fsck says $first, --repair $status"; fi
    "$brainy" fsck "$vol" >"$work/said" 2>&1 || { cat "$work/mended" "$work/said"; fail "$what: fsck after repair"; }
    "$brainy" mount "$vol" "$mnt" || fail "$what: mount"
    python3 "$(dirname "$0")/repair_tree.py" compare "$mnt" "$work/before" "$work/mended" ||
        { cat "$work/mended"; fail "$what: the files"; }
    stop
    "$brainy" fsck "$vol" >"$work/said" 2>&1 || { cat "$work/said"; fail "$what: fsck after a mount"; }
    [ -z "${REPAIR_VERBOSE:-}" ] || { echo "$what: $first"; grep problem "$work/mended" | head -n 4; }
    n=$((n + 1))
done
