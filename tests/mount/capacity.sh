# A disk that fills: files go down though they are young, until less than capacity_low percent are in use; what is pinned
# stays. And moves keep to move_rate.
# Root only: it mounts a small disk.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || { echo "needs root, to mount a small disk"; exit 77; }
mkdir "$work/disk" "$work/nas" && mount -t tmpfs -o size=500M none "$work/disk" || { echo "tmpfs cannot be mounted here"; exit 77; }
vol=$work/disk/vol
"$brainy" init "$vol" >/dev/null || fail "init"
cat >"$vol/brainy.conf" <<END
[wal]
segment_size = 4M
segments_max = 8
[tiers]
segment_size = 8M
clean_ms = 100
hot_days = never
warm_days = never
capacity_high = 85
capacity_low = 82
[cold]
url = file://$work/nas
END
"$brainy" mount "$vol" "$mnt" || fail "mount"
run() { "$brainy" tier run "$mnt" "$@" >"$work/said" 2>&1 || fail "tier run $*: $(cat "$work/said")"; }
percent() { df --output=pcent "$work/disk" | tr -dc '0-9\n' | tail -n 1; }
mkdir "$mnt/p"; "$brainy" pin "$mnt/p"
head -c 10000000 /dev/urandom >"$mnt/p/pinned"
run
expect hot tier_of p/pinned
aged() { k=0; while [ $k -lt $n ]; do touch -d "$((80 - k)) hours ago" "$mnt/f$k"; k=$((k + 1)); done; }
# Packs make less of it, and it is no text: what the index writes meanwhile would be in use, too.
head -c 7500000 /dev/urandom | tr '\000-\377' '\000-\040' >"$work/plain"
n=0; while [ "$(percent)" -lt 88 ] && [ $n -lt 60 ]; do
    cp "$work/plain" "$mnt/f$n" && echo "$n" >>"$mnt/f$n" || fail "the disk is full"
    n=$((n + 1))
done
[ $n -gt 3 ] || fail "the disk was full before"
sum=$(cat "$mnt"/f* | md5sum)
aged
run --dry-run
grep -q 'hot	warm	.*f0$' "$work/said" || fail "the dry run: $(cat "$work/said")"
# The longest unused first.
grep -q "	f$((n - 1))\$" "$work/said" && fail "the youngest goes, too: $(cat "$work/said")"
run
for _ in $(seq 100); do [ "$(percent)" -lt 83 ] && break; sleep 0.1; done
[ "$(percent)" -lt 83 ] || fail "$(percent) % are in use still"
expect warm tier_of f0
expect hot tier_of "f$((n - 1))"
expect hot tier_of p/pinned
expect "$sum" sh -c "cat '$mnt'/f* | md5sum"
run
grep -q '^0 to hot, 0 to warm, 0 to cold' "$work/said" || fail "it goes on: $(cat "$work/said")"

# what does not fit does not come back, and it is said how much room is missing; the setting stays as it was
sed -i 's/^capacity_high.*/capacity_high = 20/; s/^capacity_low.*/capacity_low = 15/; s/^\[tiers\]/&\nrun_every_s = 36000/' "$vol/brainy.conf"; sleep 1.5
"$brainy" tier "$mnt/f1" auto || fail "tier auto"
refuse 'f0: there is no room: [1-9][0-9]+ bytes are missing' "$brainy" tier "$mnt/f0" hot
refuse 'No such attribute' getfattr --absolute-names --only-values -n user.brainy.tier "$mnt/f0"
refuse 'no room' "$brainy" tier "$mnt/f1" hot
expect auto getfattr --absolute-names --only-values -n user.brainy.tier "$mnt/f1"
expect warm tier_of f0

# 15 MB at 4 MB/s, of which the first second's worth goes at once
sed -i '/^capacity/d; s/^\[tiers\]/&\nmove_rate = 4M/' "$vol/brainy.conf"; sleep 1.5
"$brainy" tier "$mnt/f$((n - 1))" warm; "$brainy" tier "$mnt/f$((n - 2))" warm
before=$(date +%s%N); run; took=$((($(date +%s%N) - before) / 1000000))
expect warm tier_of "f$((n - 1))"
[ $took -ge 2000 ] || fail "15 MB at 4 MB/s took $took ms"
expect "$sum" sh -c "cat '$mnt'/f* | md5sum"
stop
"$brainy" fsck "$vol" >"$work/said" 2>&1 || fail "fsck: $(cat "$work/said")"
umount "$work/disk"
