# Verifying what is stored: in shares by the clock, on request, over a restart; damage in each tier is found and named, other
# files are fine; a pack that is whole elsewhere is mended.
. "$(dirname "$0")/lib.sh"
mkdir "$work/nas"
"$brainy" init "$vol" >/dev/null || fail "init"
printf '[cold]\nurl = file://%s\nscrub_days = 7\n' "$work/nas" >"$vol/brainy.conf"
"$brainy" mount "$vol" "$mnt" || fail "mount"
run() { "$brainy" tier run "$mnt" "$@" >"$work/said" 2>&1 || fail "tier run $*: $(cat "$work/said")"; }
said() { grep -qE -- "$1" "$work/said" || fail "said '$(cat "$work/said")', wanted '$1'"; }
tiers() { grep -E -- "$1" "$mnt/.brainy/tiers"; }
problems() { "$brainy" status "$mnt" --json | python3 -c '
import json, sys
for p in json.load(sys.stdin)["problems"]: print(p["what"], "|", p["way_out"], "|", *p.get("files", []))'; }
metric() { sed -n "s/^brainy_$1 //p" "$mnt/.brainy/metrics"; }
# flip FILE PLACE - another bit there
flip() { python3 -c '
import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(int(sys.argv[2])); b = f.read(1); f.seek(-1, 1); f.write(bytes([b[0] ^ 1]))' "$1" "$2"; }

mkdir "$work/src" "$mnt/hot" "$mnt/warm" "$mnt/cold"
"$brainy" pin "$mnt/hot" || fail "pin"
for n in 1 2 3; do head -c 400000 /dev/urandom >"$work/src/$n"; done
cp "$work/src"/* "$mnt/hot"; cp "$work/src"/* "$mnt/warm"; cp "$work/src"/* "$mnt/cold"
touch -d '12 days ago' "$mnt/warm"/*; touch -d '90 days ago' "$mnt/cold"/*
same() { diff -r "$work/src" "$mnt/$1" >"$work/diff" || fail "$1: $(head -c 300 "$work/diff")"; }

# the first look at a volume begins the round; nothing is due until its days are over
run
grep -q verified "$work/said" && fail "verified at once: $(cat "$work/said")"
tiers '^verified	last round: none yet' >/dev/null || fail "status: $(cat "$mnt/.brainy/tiers")"
before=$(sed -n 's/^brainy_bucket_requests_total{cause="scrub",op="get"} //p' "$mnt/.brainy/metrics")
run --now +1d
grep -q verified "$work/said" && fail "a share of nearly nothing was read: $(cat "$work/said")"
run --now +7d
said '[0-9]{7} bytes verified, 0 damaged'
tiers '^verified	last round ended .*	[0-9]{7} bytes verified, 0 damaged' >/dev/null || fail "status: $(cat "$mnt/.brainy/tiers")"
after=$(sed -n 's/^brainy_bucket_requests_total{cause="scrub",op="get"} //p' "$mnt/.brainy/metrics")
[ "$after" -gt "$before" ] || fail "the bucket was asked $after times for verifying, $before before"
expect 0 metric scrub_damaged
again
tiers '^verified	last round ended' >/dev/null || fail "a restart forgets the round"
run --now +8d
grep -q verified "$work/said" && fail "verified twice: $(cat "$work/said")"

# damage here and there
warm=$(find "$vol/warm" -type f | head -n 1); cold=$(find "$work/nas/packs" -type f | head -n 1)
flip "$warm" 500000; flip "$cold" 900000
refuse 'damaged.*tier status' "$brainy" scrub "$mnt"
tiers '^damaged	pack [0-9]* in warm/	bytes [0-9]* to [0-9]* of	warm/2' >/dev/null || fail "warm: $(cat "$mnt/.brainy/tiers")"
tiers '^damaged	pack [0-9]* in the bucket	bytes [0-9]* to [0-9]* of	cold/3' >/dev/null || fail "cold: $(cat "$mnt/.brainy/tiers")"
[ "$(tiers '^damaged' | wc -l)" = 2 ] || fail "more: $(cat "$mnt/.brainy/tiers")"
problems | grep -q 'verifying found damaged bytes.*backup.*|.*warm/2' || fail "problems: $(problems)"
problems | grep -q 'cold/3' || fail "problems: $(problems)"
expect 2 metric scrub_damaged
grep -q 'warm/2' "$work/log" && fail "the log has a name"
same hot
cmp "$work/src/1" "$mnt/warm/1" || fail "a file beside the damage"
cmp "$work/src/1" "$mnt/cold/1" || fail "a file beside the damage, in the bucket"
again
refuse 'Input/output error' cat "$mnt/warm/2"
expect 2 metric scrub_damaged
# restored, and removed: nothing is left to be said
cp "$work/src/2" "$mnt/warm/2"; rm "$mnt/cold/3"
becomes '^0$' metric scrub_damaged # what is removed is freed a moment later
problems | grep -q verifying && fail "problems: $(problems)"

# an object that is gone
run
mv "$cold" "$work/away"
refuse 'damaged' "$brainy" scrub "$mnt"
[ "$(tiers '^damaged.*	cold/[12]$' | wc -l)" = 2 ] || fail "gone: $(cat "$mnt/.brainy/tiers")"
# and is there again: the damaged bytes were those of a file that was removed
mv "$work/away" "$cold"
"$brainy" scrub "$mnt" >"$work/said" 2>&1 || fail "scrub: $(cat "$work/said"); $(tiers '^damaged')"
said '0 damaged'
expect 0 metric scrub_damaged
# what a pack says of itself is there for a volume that must be rebuilt from packs
flip "$cold" 3
refuse 'damaged' "$brainy" scrub "$mnt"
tiers "^damaged	pack [0-9]* in the bucket	what it says of itself" >/dev/null || fail "head: $(cat "$mnt/.brainy/tiers")"
problems | grep -q 'what pack [0-9]* says of itself' || fail "problems: $(problems)"
flip "$cold" 3
"$brainy" scrub "$mnt" >/dev/null || fail "scrub: $(tiers '^damaged')"

# an outage is no damage
stop; mv "$work/nas" "$work/away"
"$brainy" mount "$vol" "$mnt" || fail "mount without the bucket"
refuse 'bucket could not be read' "$brainy" scrub "$mnt"
tiers '^verified.*[0-9] in the bucket not read' >/dev/null || fail "outage: $(cat "$mnt/.brainy/tiers")"
expect 0 metric scrub_damaged
stop; mv "$work/away" "$work/nas"
"$brainy" mount "$vol" "$mnt" || fail "mount with the bucket"
# never: only when it is asked for
printf '[cold]\nurl = file://%s\n[tiers]\nscrub_days = never\n' "$work/nas" >"$vol/brainy.conf"; sleep 1.5
run --now +300d
grep -q verified "$work/said" && fail "verified though it never should: $(cat "$work/said")"
tiers "by 'brainy scrub' only" >/dev/null || fail "never: $(cat "$mnt/.brainy/tiers")"
"$brainy" scrub "$mnt" >/dev/null || fail "scrub on request"

# hot bytes: those of a file that was written anew are nobody's
stop
for segment in "$vol/hot"/*; do
    for place in 300000 700000 1100000; do
        [ "$(stat -c %s "$segment")" -gt $place ] && flip "$segment" $place
    done
done
"$brainy" mount "$vol" "$mnt" || fail "mount"
refuse 'damaged' "$brainy" scrub "$mnt"
tiers '^damaged	segment [0-9a-f]*	bytes [0-9]* to [0-9]* of	hot/[123]' >/dev/null || fail "hot: $(cat "$mnt/.brainy/tiers")"
tiers '^damaged' | grep -v '	hot/' && fail "more than hot files"
for n in $(tiers '^damaged' | sed 's/.*hot.//'); do cp "$work/src/$n" "$mnt/hot/$n"; done
same hot
becomes '^0$' metric scrub_damaged
"$brainy" scrub "$mnt" >/dev/null || fail "scrub after all was restored"
