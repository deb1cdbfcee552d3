# Objects of the bucket are deleted, or altered, behind our back: their files stay listed, reading them is EIO and a problem
# that names them, and no other file is the worse for it. Put back, they are read again, and the problem goes by itself.
. "$(dirname "$0")/lib.sh"
s3_start
"$brainy" init "$vol" >/dev/null || fail "init"
s3_conf "cold_read_timeout_s = 5"
"$brainy" mount "$vol" "$mnt" || fail "mount"
packs=$S3_DIR/data/$S3_BUCKET/volume-one/packs
run() { "$brainy" tier run "$mnt" --now +40d >"$work/said" 2>&1 || fail "run, $1: $(cat "$work/said")"; }
# pack NAME SIZE - ten files of that name, in an object; packs of one size would be merged
pack() {
    mkdir -p "$work/src/$1"
    for n in 1 2 3 4 5 6 7 8 9 10; do head -c "$2" /dev/urandom >"$work/src/$1/$1$n"; done
    ls "$packs" 2>/dev/null >"$work/before"
    cp -r "$work/src/$1" "$mnt" || fail "cp"
    run "$1"
    object=$packs/$(ls "$packs" | grep -vxFf "$work/before")
    [ -f "$object" ] || fail "$1: it is not one object: $object"
}
# damaged WHAT - reads all; the files that cannot be read are `bad`, and all others are right
damaged() {
    bad='' good=0
    for path in $(cd "$work/src" && find . -type f | sed 's/^..//' | sort); do
        if cat "$mnt/$path" >"$work/got" 2>"$work/why"; then
            cmp -s "$work/got" "$work/src/$path" || fail "$1: $path has other bytes"
            good=$((good + 1))
        else
            grep -q 'Input/output error' "$work/why" || fail "$1: $(cat "$work/why")"
            bad="$bad $path"
        fi
        expect cold tier_of "$path"
    done
    expect 20 sh -c "find '$mnt/one' '$mnt/two' -type f | wc -l"
    problems >"$work/problems"
}
# told WHAT PATTERN - one problem says so, and names the files that cannot be read, and no other
told() {
    [ "$(wc -l <"$work/problems")" = 1 ] && grep -qE -- "$2" "$work/problems" || fail "$1: problems: $(cat "$work/problems")"
    for path in $bad; do grep -qE " $path( |$)" "$work/problems" || fail "$1: $path is not named: $(cat "$work/problems")"; done
    [ "$(sed 's/.* | //' "$work/problems" | wc -w)" = "$(echo $bad | wc -w)" ] || fail "$1: names $(cat "$work/problems"), bad are $bad"
}
# forget - what was fetched before
forget() { stop; rm -rf "$vol/cache"/*; "$brainy" mount "$vol" "$mnt" || fail "mount"; }
# mended WHAT - the next run finds it back
mended() {
    run "$1, mended"
    expect "" problems
    diff -r "$work/src" "$mnt" >"$work/diff" || fail "$1, mended: $(head -c 300 "$work/diff")"
}

pack one 150000; first=$object
pack two 110000

# Gone. Runs go on meanwhile, and move nothing twice.
mv "$first" "$work/kept"; forget
damaged "an object is gone"
[ "$(echo $bad | wc -w)" = 10 ] && [ "$good" = 10 ] || fail "an object is gone: $good files are read, not '$bad'"
told "an object is gone" 'gone or altered.*pack [0-9]+ is gone \(10 files'
"$brainy" status "$mnt" | grep -q '^  one/one3$' || fail "status names no file"
for n in 1 2; do
    ls "$packs" >"$work/before"
    run "an object is gone"
    [ "$(cat "$work/before")" = "$(ls "$packs")" ] || fail "an object is gone: others are packed again"
    told "an object is gone, after a run" 'pack [0-9]+ is gone \(10 files'
done
mv "$mnt/one/one1" "$mnt/one/moved" && ln "$mnt/one/one2" "$mnt/one/link" && rm "$mnt/one/link" && mv "$mnt/one/moved" "$mnt/one/one1" || fail "names"
mv "$work/kept" "$first"; mended "an object is gone"

# Altered: some files of it. What it costs is those, and a read that fails fails again until it is right.
cp -p "$first" "$work/kept"; forget
dd if=/dev/zero of="$first" bs=1000 seek=400 count=100 conv=notrunc status=none
damaged "an object is altered"
[ -n "$bad" ] && [ "$good" -ge 16 ] || fail "an object is altered: $good files are read, not '$bad'"
told "an object is altered" 'gone or altered.*pack [0-9]+ has other bytes than were sent'
cat "$mnt/${bad##* }" >/dev/null 2>&1 && fail "an object is altered: the second read of ${bad##* }"
run "an object is altered"
told "an object is altered, after a run" 'has other bytes'
cp -p "$work/kept" "$first"; mended "an object is altered"

# Another object under its name, and a shorter one.
for what in another shorter; do
    forget
    [ $what = another ] && head -c "$(stat -c %s "$work/kept")" /dev/urandom >"$first" || head -c 1000 "$work/kept" >"$first"
    damaged "$what object"
    [ "$(echo $bad | wc -w)" = 10 ] && [ "$good" = 10 ] || fail "$what object: $good files are read, not '$bad'"
    told "$what object" 'gone or altered'
    cp -p "$work/kept" "$first"; mended "$what object"
done

# What is lost for good goes with its files, and the problem with them.
rm "$first"; forget
cat "$mnt/one/one1" >/dev/null 2>&1 && fail "a lost object was read"
rm -r "$mnt/one" "$work/src/one"
run "files of a lost object are deleted"; run "once more"
mended "files of a lost object are deleted"
stop
"$brainy" fsck --cold "$vol" >"$work/said" 2>&1 || fail "fsck: $(cat "$work/said")"
