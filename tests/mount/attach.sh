# `brainy cold attach` gives a running mount a bucket, moves it to another and says what is missing there; a prefix is one
# volume's, and one copy's of it. The bucket is a folder here; mount/attach_s3 has a server.
. "$(dirname "$0")/lib.sh"
for n in one two three; do mkdir "$work/$n"; done
start
conf=$vol/brainy.conf
printf '# kept\n[tiers]\nhot_days = 5 ; kept, too\n\n[cold]\ngrace_hours = 1\n# the end\n' >"$conf"
chmod 640 "$conf"

said() { "$brainy" "$@" >"$work/said" 2>&1; }
attach() { said cold attach "$@" "$mnt" || fail "attach $*: $(cat "$work/said")"; }
# no PATTERN ATTACH ARGUMENTS.. - it is refused, and brainy.conf is as before
no() {
    pattern=$1; shift
    cp "$conf" "$work/conf"
    said cold attach "$@" "$mnt" && fail "attach $* succeeded: $(cat "$work/said")"
    grep -qE -- "$pattern" "$work/said" || fail "attach $*: said '$(cat "$work/said")', wanted '$pattern'"
    cmp -s "$conf" "$work/conf" || fail "attach $*: brainy.conf was changed"
}
run() { said tier run "$mnt" "$@" || fail "tier run $*: $(cat "$work/said")"; }
same() { diff -r "$work/src" "$mnt" >"$work/diff" || fail "$1: $(head -c 300 "$work/diff")"; }
problems() { "$brainy" status "$mnt" --json | python3 -c 'import json, sys
for p in json.load(sys.stdin)["problems"]: print(p["what"])'; }

mkdir "$work/src"
for n in 1 2 3 4 5; do seq $((n * 3000)) >"$work/src/numbers$n"; done
head -c 2000000 /dev/urandom >"$work/src/noise"
cp "$work/src"/* "$mnt"
run --now +40d; expect warm tier_of noise

# What makes no sense changes nothing.
no 'neither|allowed' ftp://somewhere/else
no 'cannot be opened' "file://$work/nowhere"
no 'addressing.*allowed' --addressing sideways "file://$work/one"
refuse 'URL is wanted' "$brainy" cold attach
refuse 'attach or detach' "$brainy" cold
[ "$(ls -A "$work/one")" = "" ] || fail "something was left in the bucket: $(ls -A "$work/one")"

# Attached, in use at once, and written down where a person would.
attach "file://$work/one"
for word in 'list  *works' 'write  *works' 'look  *works' 'read  *works' 'write if absent  *works' 'delete  *works' 'not kept' 'attached file:'; do
    grep -q "^$word\|$word" "$work/said" || fail "attach did not say '$word': $(cat "$work/said")"
done
expect "$(printf '# kept\n[tiers]\nhot_days = 5 ; kept, too\n\n[cold]\ngrace_hours = 1\nurl = file://%s\n# the end' "$work/one")" cat "$conf"
expect 640 stat -c %a "$conf"
run --now +40d; expect cold tier_of noise
same "cold"
[ "$(ls "$work/one")" = "$(printf 'owner\npacks')" ] || fail "in the bucket: $(ls "$work/one")"
again; same "after a mount"

# Another place: it must be our owner's, and have everything.
no "no object 'owner'" "file://$work/two"
cp "$work/one/owner" "$work/two"
no 'packs of this volume are missing there' "file://$work/two"
grep -q '^packs  *0 of 1 are there' "$work/said" || fail "packs are not counted: $(cat "$work/said")"
cp -r "$work/one/packs" "$work/two"
pack=$(find "$work/two/packs" -type f); cp "$pack" "$work/pack"; echo x >>"$pack"
no '1 have another size' "file://$work/two"
cp "$work/pack" "$pack"
same "still from the first"
attach "file://$work/two"
rm -r "$work/one"
again; same "from the second place"
"$brainy" tier "$mnt/noise" hot; run; expect hot tier_of noise
"$brainy" tier "$mnt/noise" auto; run --now +40d; expect cold tier_of noise
grep -q "url = file://$work/two" "$conf" || fail "brainy.conf: $(cat "$conf")"

# A hand that changes the url is believed, and looked at: the place is not the one.
mkdir "$work/one"
sed -i "s|$work/two|$work/one|" "$conf"
becomes "is it mounted|not this mount's|no object 'owner'|is that the place" sh -c "'$brainy' tier run '$mnt' 2>&1; '$brainy' tier status '$mnt'"
[ "$(ls -A "$work/one")" = "" ] || fail "something was written to a place that is not ours"
sed -i "s|$work/one|$work/two|" "$conf"
becomes 'ok' sh -c "'$brainy' tier run '$mnt' >/dev/null 2>&1 && echo ok"
same "back again"

# Another volume, in words that name ours.
"$brainy" init "$work/vol2" >/dev/null; mkdir "$work/mnt2"
"$brainy" mount "$work/vol2" "$work/mnt2" || fail "mount of a second volume"
end_second() { second_status=$?; "$brainy" umount "$work/mnt2" >/dev/null 2>&1; (exit $second_status); finish; }
trap end_second EXIT
id=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["volume_id"])' "$vol/volume.json" 2>/dev/null)
refuse "belongs to volume $id" "$brainy" cold attach "file://$work/two" "$work/mnt2"
refuse "belongs to volume $id" "$brainy" cold attach --take-over "file://$work/two" "$work/mnt2"
[ ! -e "$work/vol2/brainy.conf" ] || fail "a brainy.conf was made"
"$brainy" cold attach "file://$work/three" "$work/mnt2" >/dev/null || fail "attach of a second volume"

# A copy of the volume: who is mounted first goes on; the other reads and changes nothing, until it takes over.
stop
cp -a "$vol" "$work/copy"
again_first() { "$brainy" mount "$vol" "$mnt" || fail "mount again"; run --now +40d; stop; }
again_first
"$brainy" mount "$work/copy" "$mnt" || fail "mount of the copy"
vol_of_first=$vol vol=$work/copy
same "the copy reads"
becomes 'another copy of this volume' "$brainy" tier status "$mnt"
becomes "not this mount's to change.*another copy" problems
seq 100000 >"$mnt/fresh"; "$brainy" tier "$mnt/fresh" cold; "$brainy" tier "$mnt/numbers1" hot
refuse 'another copy' "$brainy" tier run "$mnt"
expect hot tier_of fresh
find "$work/two" -type f | sort | xargs sha256sum >"$work/before"
rm "$mnt/noise"; for days in 1 40 80; do "$brainy" tier run "$mnt" --now +${days}d >/dev/null 2>&1; done
find "$work/two" -type f | sort | xargs sha256sum >"$work/after"
cmp -s "$work/before" "$work/after" || fail "the copy changed the bucket: $(diff "$work/before" "$work/after")"
refuse 'another copy' "$brainy" cold attach "file://$work/two" "$mnt"
attach --take-over "file://$work/two"
run --now +1d; expect cold tier_of fresh
[ -z "$(problems | grep bucket)" ] || fail "taken over, and still a problem: $(problems)"
stop
vol=$vol_of_first
"$brainy" mount "$vol" "$mnt" || fail "mount of the first"
becomes 'another copy of this volume' "$brainy" tier status "$mnt"
attach --take-over "file://$work/two"

# Detached when nothing is there any more.
refuse 'lie in the bucket' "$brainy" cold detach "$mnt"
rm "$mnt"/*
becomes 'wait to be deleted' sh -c "'$brainy' tier run '$mnt' --now +40d; '$brainy' cold detach '$mnt'"
run --now +43d; run --now +46d
"$brainy" cold detach "$mnt" >"$work/said" 2>&1 || fail "detach: $(cat "$work/said")"
expect "$(printf '# kept\n[tiers]\nhot_days = 5 ; kept, too\n\n[cold]\ngrace_hours = 1\n# the end')" cat "$conf"
[ ! -e "$work/two/owner" ] || fail "the bucket is still owned"
expect 'no bucket was attached' "$brainy" cold detach "$mnt"
"$brainy" tier status "$mnt" | grep -q '^bucket	none' || fail "still a bucket: $("$brainy" tier status "$mnt")"
seq 1000 >"$mnt/last"; run --now +80d; expect warm tier_of last
stop
"$brainy" fsck "$vol" >"$work/said" 2>&1 || fail "fsck: $(cat "$work/said")"
