# The catalog, the log and all that was hot are lost: what was warm or cold is in the packs, and becomes a new volume.
# Nobody's packs know of empty files, of empty folders and of what was hot.
. "$(dirname "$0")/lib.sh"
mkdir "$work/nas"
key=$work/key
"$brainy" init "$vol" --key-file "$key" >/dev/null || fail "init"
printf '[cold]\nurl = file://%s\n' "$work/nas" >"$vol/brainy.conf"
"$brainy" mount "$vol" "$mnt" --key-file "$key" || fail "mount"

run() { "$brainy" tier run "$mnt" "$@" >"$work/said" 2>&1 || fail "tier run $*: $(cat "$work/said")"; }
# facts FOLDER - each name below it, with what stat(2), getfattr(1) and sha256sum(1) say
facts() {
    (cd "$1" && find . -mindepth 1 -printf '%p %y %m %U:%G %s %n %T@ %C@ %A@\n' | LC_ALL=C sort &&
        find . -mindepth 1 -print0 | LC_ALL=C sort -z | xargs -0 getfattr -h -d -e hex -m '^user\.[^b]' &&
        find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum &&
        find . -type f -links +1 -printf '%i %p\n' | LC_ALL=C sort | awk '{ if (!($1 in n)) n[$1] = ++k; print n[$1], $2 }')
}

made() { mkdir -p "$mnt/$1" && for n in 1 2 3 4 5; do seq $((n * n * n * 150)) >"$mnt/$1/numbers$n"; done; }
made warm/deep/er; made cold; made cold/in
head -c 41943040 /dev/urandom >"$mnt/cold/in/large"
cp "$mnt/cold/in/large" "$work/large"
truncate -s 3000000 "$mnt/warm/sparse"
printf 'in the middle' | dd of="$mnt/warm/sparse" bs=1 seek=1500000 conv=notrunc status=none
ln "$mnt/warm/deep/er/numbers1" "$mnt/warm/hard link"
odd=$(printf 'new\nline \377 "odd" \\ name')
echo odd >"$mnt/warm/$odd"
long=$(printf '%0250d' 7)
echo long >"$mnt/cold/$long"
setfattr -n user.colour -v green "$mnt/warm/deep/er/numbers2"
setfattr -n user.xdg.tags -v 'one,two' "$mnt/cold/numbers3"
setfattr -n user.of.folder -v yes "$mnt/warm/deep"
head -c 5000 /dev/zero | tr '\0' v >"$work/value"
setfattr -n user.long -v "$(cat "$work/value")" "$mnt/cold/numbers1"
chmod 4751 "$mnt/warm/deep/er/numbers3"; chmod 0 "$mnt/cold/numbers2"
chmod 2751 "$mnt/warm/deep"; chmod 1777 "$mnt/cold/in"
[ "$(id -u)" != 0 ] || chown 12345:23456 "$mnt/cold/numbers4" "$mnt/warm/deep/er"
find "$mnt/warm" -type f -exec touch -d '12 days ago' {} +
find "$mnt/cold" -type f -exec touch -d '90 days ago' {} +
touch -d '2001-02-03 04:05:06.123456789' "$mnt/warm/deep" "$mnt/cold"
sleep 0.3; run
expect warm tier_of warm/sparse
expect cold tier_of cold/in/large
[ "$(find "$vol/warm" -type f | wc -l)" -ge 1 ] || fail "no pack in warm/"
[ "$(find "$work/nas/packs" -type f | wc -l)" -ge 2 ] || fail "not several objects in the bucket"
facts "$mnt" >"$work/before" 2>&1
# What no pack knows of.
echo hot >"$mnt/hot"; : >"$mnt/empty"; mkdir "$mnt/empty folder"
"$brainy" umount "$mnt" || fail "umount"

# ---- a pack explains itself
pack=$(find "$vol/warm" -type f | head -n 1)
"$brainy" pack ls "$pack" --key-file "$key" >"$work/ls" || fail "pack ls"
grep -q '^-rwsr-x--x	.*	warm/deep/er/numbers3$' "$work/ls" || fail "pack ls: $(cat "$work/ls")"
grep -q '	warm/deep/er/numbers1	warm/hard link$\|	warm/hard link	warm/deep/er/numbers1$' "$work/ls" || fail "pack ls, links: $(cat "$work/ls")"
"$brainy" pack ls "$pack" --key-file "$key" --json | python3 -c '
import json, sys
p = json.load(sys.stdin)
assert p["file_count"] == len(p["files"]) > 5
assert [f for f in p["files"] if f["paths"] == ["warm/sparse"]][0]["bytes_in_pack"] < 1000000
' || fail "pack ls --json"
"$brainy" pack verify "$pack" --key-file "$key" >/dev/null || fail "pack verify"
"$brainy" pack cat "$pack" warm/deep/er/numbers5 --key-file "$key" >"$work/cat" || fail "pack cat"
seq 18750 | cmp - "$work/cat" || fail "pack cat gave other bytes"
"$brainy" pack cat "$pack" warm/sparse --key-file "$key" | wc -c | grep -qx 3000000 || fail "pack cat of a sparse file"
refuse 'no file' "$brainy" pack cat "$pack" warm/none --key-file "$key"
refuse 'name it with --volume|Name it with --volume' "$brainy" pack ls "$(find "$work/nas/packs" -type f | head -n 1)" --key-file "$key"
parts=0
for object in $(find "$work/nas/packs" -type f -printf "%s %p\n" | sort -n | cut -d" " -f2); do
    "$brainy" pack verify "$object" --volume "$vol" --key-file "$key" >/dev/null || fail "pack verify of an object"
    "$brainy" pack ls "$object" --volume "$vol" --key-file "$key" | grep -q '	cold/in/large$' || continue
    refuse 'lie in other packs' "$brainy" pack cat "$object" --volume "$vol" --key-file "$key" cold/in/large
    parts=$((parts + 1)); part=$object
done
[ $parts -ge 2 ] || fail "the large file lies in $parts packs"

# ---- the loss
rm -rf "$vol/catalog" "$vol/wal" "$vol/hot" "$vol/index"
head -c 64 /dev/urandom >"$work/wrong"
refuse 'no keyslot accepts this key' "$brainy" rebuild "$vol" "$work/new" --key-file "$work/wrong"
[ ! -e "$work/new/volume.json" ] || fail "a volume was made with the wrong key"

# rebuilt STATUS - into a new volume, mounted
rebuilt() {
    ! mounted || "$brainy" umount "$mnt" || fail "umount"
    rm -rf "$work/new"
    "$brainy" rebuild "$vol" "$work/new" --from-bucket --key-file "$key" >"$work/said" 2>"$work/errors"
    status=$?
    [ $status = "$1" ] || fail "rebuild: status $status: $(cat "$work/said" "$work/errors")"
    "$brainy" fsck "$work/new" --key-file "$key" >"$work/fsck" 2>&1 || fail "fsck: $(cat "$work/fsck")"
    "$brainy" mount "$work/new" "$mnt" --key-file "$key" || fail "mount of the new volume"
}
cp -a "$work/nas" "$work/nas.good"; cp -a "$vol/warm" "$work/warm.good"
rebuilt 0
facts "$mnt" >"$work/after" 2>&1
diff "$work/before" "$work/after" >"$work/diff" || fail "not the same: $(head -c 2000 "$work/diff")"
expect "cold/numbers3" find_paths 'tag:two'
refuse 'not empty|volume already' "$brainy" rebuild "$vol" "$work/new" --key-file "$key"
expect "$(cd "$work/warm.good" && sha256sum ./*)" sh -c "cd '$vol/warm' && sha256sum ./*"

# ---- damage costs only what lay there, and is told
printf 'xxxxxxxxxxxxxxxx' | dd of="$part" bs=1 seek=16000000 conv=notrunc status=none
refuse 'damaged' "$brainy" pack verify "$part" --volume "$vol" --key-file "$key"
rebuilt 1
grep -q '^problem: .* bytes are lost' "$work/said" || fail "nothing told of damaged bytes: $(cat "$work/said")"
! [ -e "$mnt/cold/in/large" ] || fail "a file without all of its bytes is in its place"
large=$(echo "$mnt"/lost+found/#*-large)
expect 41943040 stat -c %s "$large"
refuse 'Input/output error' sh -c "cat '$large' >/dev/null"
python3 - "$large" "$work/large" "$work/said" <<'END' || fail "not all that is left of the large file is there"
import errno, os, re, sys
lost, first = map(int, re.search(r"large: (\d+) of 41943040 bytes are lost, from byte (\d+) on", open(sys.argv[3]).read()).groups())
assert 0 < lost <= 1 << 20
got, want = os.open(sys.argv[1], os.O_RDONLY), os.open(sys.argv[2], os.O_RDONLY)
for at in range(0, 41943040, 65536):
    if first <= at < first + lost:
        try:
            os.pread(got, 65536, at)
        except OSError as e:
            assert e.errno == errno.EIO
            continue
        assert False, at
    assert os.pread(got, 65536, at) == os.pread(want, 65536, at), at
END
facts "$mnt" >"$work/after" 2>&1
diff "$work/before" "$work/after" | grep '^[<>] ./' | grep -v '^. \./\(cold/in/large\|lost+found\)' >"$work/diff" && fail "others suffered: $(head -c 2000 "$work/diff")"

# A pack whose table does not open: its bytes are lost, what others have is there.
cp "$work/nas.good/packs/$(basename "$part")" "$part"
size=$(stat -c %s "$part")
printf 'xxxxxxxx' | dd of="$part" bs=1 seek=$((size - 50)) conv=notrunc status=none
refuse 'table is damaged' "$brainy" pack ls "$part" --volume "$vol" --key-file "$key"
rebuilt 1
grep -q "^problem: pack packs/$(basename "$part") cannot be read (damaged" "$work/said" || fail "$(cat "$work/said")"
grep -q '^problem: cold/in/large: .*(no pack has them)' "$work/said" || fail "$(cat "$work/said")"
expect 5 sh -c "ls '$mnt/warm/deep/er' | wc -l"

# Only the warm ones, when there is no bucket.
: >"$work/none.conf"
refuse 'no bucket is configured' "$brainy" rebuild "$vol" "$work/other" --from-bucket --config "$work/none.conf" --key-file "$key"
mv "$vol/volume.json" "$work/volume.json" # its copy does
"$brainy" rebuild "$vol" "$work/other" --config "$work/none.conf" --key-file "$key" >"$work/said" || fail "without a bucket"
grep -q 'out of 1 packs' "$work/said" || fail "without a bucket: $(cat "$work/said")"
mv "$work/volume.json" "$vol/volume.json"; mv "$work/nas" "$work/away"
refuse 'the bucket cannot be opened' "$brainy" rebuild "$vol" "$work/third" --key-file "$key"
