# retention = delete removes exactly the files that nobody used or changed for retention_days: never one that is held by a
# tag, pinned, set to a tier or open; with all their names; the dry run lists them before; programs see that they are gone.
. "$(dirname "$0")/lib.sh"
"$brainy" init "$vol" >/dev/null || fail "init"
printf '[tiers]\nretention = delete\nhold_tags = legal\n' >"$vol/brainy.conf"
"$brainy" mount "$vol" "$mnt" || fail "mount"

run() { "$brainy" tier run "$mnt" "$@" >"$work/said" 2>&1 || fail "tier run $*: $(cat "$work/said")"; }
# aged FILE DAYS - a file last used so many days ago
aged() {
    mkdir -p "$(dirname "$mnt/$1")"
    echo "what $1 holds" >"$mnt/$1"
    touch -d "$2 days ago" "$mnt/$1"
}

for days in 1 29 364 366 800; do aged "plain/$days" $days; done
: >"$mnt/plain/empty"; touch -d '366 days ago' "$mnt/plain/empty"
head -c 200000 /dev/urandom >"$mnt/plain/large"; touch -d '400 days ago' "$mnt/plain/large"
aged kept/held 800; setfattr -n user.xdg.tags -v 'x,legal' "$mnt/kept/held"
aged kept/pinned 800; "$brainy" pin "$mnt/kept/pinned"
aged kept/set 800; "$brainy" tier "$mnt/kept/set" warm
aged pinned/below/file 800; "$brainy" pin "$mnt/pinned"
aged names/one 800; ln "$mnt/names/one" "$mnt/names/two"; ln "$mnt/names/one" "$mnt/plain/three"
aged names/other 800; ln "$mnt/names/other" "$mnt/pinned/other"
aged kept/open 800
sleep 1; touch -d '800 days ago' "$mnt/kept/"* "$mnt/names/"*
exec 7<"$mnt/kept/open"
# The kernel knows the names, and that they are there.
find "$mnt" -type f | sort >"$work/before"; cat "$mnt/plain/800" >/dev/null; touch -d '800 days ago' "$mnt/plain/800"

run --dry-run
grep '	delete	' "$work/said" | sed 's/.*	//' | sort >"$work/listed"
find "$mnt" -type f | sort | diff - "$work/before" || fail "the dry run changed something"
run
find "$mnt" -type f | sort >"$work/after"
sed "s|^$mnt/||" "$work/before" >"$work/b"; sed "s|^$mnt/||" "$work/after" >"$work/a"
comm -23 "$work/b" "$work/a" >"$work/gone"
cat >"$work/wanted" <<END
names/one
names/two
plain/366
plain/800
plain/empty
plain/large
plain/three
END
diff "$work/wanted" "$work/gone" || fail "other files were deleted than wanted"
grep -vE 'names/two|plain/three' "$work/wanted" | diff - "$work/listed" || fail "the dry run listed others"
for name in $(cat "$work/wanted"); do refuse 'No such file' cat "$mnt/$name"; done
expect 0 sh -c "ls '$mnt/plain' | grep -c '^366$'"
expect "what kept/open holds" cat "$mnt/kept/open"
exec 7<&-
# Another file may have the name at once.
echo new >"$mnt/plain/366"; expect new cat "$mnt/plain/366"

# Closed and as old as before, it goes, too.
sleep 0.3; touch -d '800 days ago' "$mnt/kept/open"; sleep 0.3
run
refuse 'No such file' cat "$mnt/kept/open"
# What was held goes with the tag.
setfattr -x user.xdg.tags "$mnt/kept/held"; run
refuse 'No such file' cat "$mnt/kept/held"
expect "what kept/pinned holds" cat "$mnt/kept/pinned"
expect "what names/other holds" cat "$mnt/names/other"
stop
"$brainy" fsck "$vol" >"$work/said" 2>&1 || fail "fsck: $(cat "$work/said")"
