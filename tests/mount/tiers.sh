# Files that nobody used go to packs and to a bucket, are read from there, and come back; kills in between lose nothing.
# The bucket is a folder; what an S3 server does is tested in unit/s3 and mount/tiers_s3.
. "$(dirname "$0")/lib.sh"
mkdir "$work/nas"
"$brainy" init "$vol" >/dev/null || fail "init"
printf '[cold]\nurl = file://%s\ngrace_hours = 1\n' "$work/nas" >"$vol/brainy.conf"
"$brainy" mount "$vol" "$mnt" || fail "mount"

# made FOLDER AGE - files of some sizes, last used so many days ago
made() {
    mkdir -p "$mnt/$1" "$work/src/$1"
    for n in 1 2 3 4 5 6 7 8; do
        seq $((n * n * n * 200)) >"$work/src/$1/numbers$n"
    done
    head -c 3000000 /dev/urandom >"$work/src/$1/noise"
    : >"$work/src/$1/empty"
    find "$work/src/$1" -type f -exec touch -d "$2 days ago" {} +
    cp -a "$work/src/$1/." "$mnt/$1" || fail "cp"
}
same() { diff -r "$work/src" "$mnt" >"$work/diff" || fail "$1: $(head -c 300 "$work/diff")"; }
run() { "$brainy" tier run "$mnt" "$@" >"$work/said" 2>&1 || fail "tier run $*: $(cat "$work/said")"; }
packs() { find "$work/nas/packs" -type f ! -name '.tmp-*' 2>/dev/null | wc -l; }

made new 1; made some 12; made old 90
touch -d '3 days ago' "$mnt/old/numbers3"
run --dry-run
grep -q 'hot	cold	.*old/noise' "$work/said" || fail "the dry run does not tell: $(cat "$work/said")"
expect hot tier_of some/numbers1
run
expect hot tier_of new/numbers1
expect warm tier_of some/numbers1
expect cold tier_of old/noise
expect hot tier_of old/numbers3
[ "$(packs)" -ge 1 ] || fail "no object in the bucket"
same "after the first run"
expect cold tier_of old/noise
expect "old/noise" find_paths 'tier:cold name:noise'

# nothing but this moves
run; expect "0 to hot, 0 to warm, 0 to cold" sh -c "cut -c1-30 '$work/said'"

# settings, the nearest wins
"$brainy" tier "$mnt/some" cold && "$brainy" tier "$mnt/some/numbers2" hot && "$brainy" pin "$mnt/old" || fail "tier, pin"
run
expect cold tier_of some/numbers1
expect hot tier_of some/numbers2
expect hot tier_of old/noise
same "after settings"
"$brainy" unpin "$mnt/old" || fail "unpin"
exec 7<"$mnt/old/noise"; run
expect hot tier_of old/noise
exec 7<&-; sleep 0.3; run --now +60d
expect cold tier_of old/noise

# changes of cold files
for f in "$mnt" "$work/src"; do
    echo more >>"$f/old/numbers1"
    printf XXX | dd of="$f/old/noise" bs=1 seek=1000000 conv=notrunc status=none
    truncate -s 100 "$f/old/numbers4"
    mv "$f/old/numbers5" "$f/moved"
    ln "$f/old/numbers6" "$f/linked"
    cp "$f/old/numbers7" "$f/copied"
done
same "after changes"
again; same "after a mount"

# kills at any moment
for n in 1 2 3 4 5 6; do
    "$brainy" tier "$mnt/old" $([ $((n % 2)) = 0 ] && echo hot || echo cold)
    "$brainy" tier run "$mnt" --now +90d >/dev/null 2>&1 &
    sleep 0.0$n; kill -KILL "$(server)"
    wait $!
    same "after kill $n"
done
run --now +90d

# a bucket that is away: errors, never zeros; what is here goes on
mv "$work/nas" "$work/away"
stop; "$brainy" mount "$vol" "$mnt" || fail "mount without the bucket"
refuse 'Input/output error' cat "$mnt/some/noise"
cat "$mnt/some/numbers2" >/dev/null || fail "what is here cannot be read"
ls -l "$mnt/some" >/dev/null || fail "names"
refuse 'folder|bucket|url' "$brainy" tier run "$mnt" --now +90d
mv "$work/away" "$work/nas"
again; same "after the bucket came back"

# fsck says what it did not read, reads it when it is told to, and needs the bucket then
stop
"$brainy" fsck "$vol" >"$work/said" 2>&1 || fail "fsck: $(cat "$work/said")"
grep -q 'packs in the bucket were not read' "$work/said" || fail "fsck does not tell what it did not read"
"$brainy" fsck --cold "$vol" >"$work/said" 2>&1 || fail "fsck --cold: $(cat "$work/said")"
! grep -q 'were not read' "$work/said" || fail "fsck --cold left something out"
mv "$work/nas" "$work/away"
refuse 'packs in the bucket cannot be read' "$brainy" fsck --cold "$vol"
"$brainy" fsck "$vol" >/dev/null 2>&1 || fail "fsck wants the bucket"
mv "$work/away" "$work/nas"
"$brainy" mount "$vol" "$mnt" || fail "mount"

# what is deleted leaves the bucket
rm -rf "$mnt"/* "$work/src"/*
for days in 90 95 100; do sleep 0.2; run --now +${days}d; done
expect 0 packs
stop
"$brainy" fsck "$vol" >"$work/said" 2>&1 || fail "fsck: $(cat "$work/said")"
