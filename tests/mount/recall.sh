# Coming back: results of queries say where each file lies and what reading it would cost, and ask the bucket nothing;
# `brainy tier DIR hot` brings all below DIR back at once, in few requests, with progress, and an end when it is broken
# off (what a full disk does is in capacity.sh); `brainy wait --for tiers` waits for what is due.
. "$(dirname "$0")/lib.sh"
mkdir "$work/nas"
"$brainy" init "$vol" >/dev/null || fail "init"
conf() {
    printf '[cold]\nurl = file://%s\n[prices]\nget = 0.4\nout_gb = 0.09\ncurrency = EUR\n[tiers]\n%b' "$work/nas" "$1" >"$vol/brainy.conf"
    # Where nobody notices changes of files, and to know that it is in use.
    [ -z "$(sed -n "s: $mnt fuse.*:x:p" /proc/self/mounts)" ] ||
        python3 -c 'import os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
os.write(fd, b"reload\n")
sys.exit(os.read(fd, 1000) != b"ok\n")' "$mnt/.brainy/control" || fail "reload"
}
conf ''
"$brainy" mount "$vol" "$mnt" || fail "mount"
asked() { sed -n "s/^brainy_bucket_requests_total{cause=\"recall\",op=\"get\"} //p" "$mnt/.brainy/metrics"; }
run() { "$brainy" tier run "$mnt" "$@" >"$work/said" 2>&1 || fail "tier run $*: $(cat "$work/said")"; }
field() { python3 -c 'import json, sys
for h in json.load(open(sys.argv[1]))["results"]: print(h["path"], h["tier"], eval(sys.argv[2], {}, h))' "$mnt/.query/find?format=json&q=$1" "$2"; }

mkdir -p "$mnt/in/deep" "$mnt/in/cold" "$work/src/in/deep" "$work/src/in/cold"
for n in $(seq 200); do seq "$n" 900 >"$work/src/in/deep/small$n"; done
seq 10000000 10900000 >"$work/src/in/large"; head -c 3000000 /dev/urandom >"$work/src/in/noise"
seq 4000 >"$work/src/in/cold/stays"; seq 5000 >"$work/src/young"
cp -r "$work/src/." "$mnt"; ln "$mnt/in/noise" "$mnt/in/deep/linked"; ln "$work/src/in/noise" "$work/src/in/deep/linked"
"$brainy" wait "$mnt" --for index --timeout 60 || fail "wait"
find "$mnt/in" -type f -exec touch -d '90 days ago' {} +
setfattr -n user.brainy.tier -v cold "$mnt/in/cold"
run
expect cold tier_of in/large

# results
again
before=$(asked)
expect "young hot (0, 0, 0.0)" field 'name:young' '(recall["bytes"], recall["requests"], recall["cost"])'
field 'name:noise' 'recall["bytes"] > 3000000 and recall["requests"] >= 1 and recall["cost"] > 0.00027 and recall["currency"] == "EUR"' |
    grep -q 'cold True' || fail "the price: $(cat "$mnt/.query/find?format=json&q=name:noise")"
expect "in/noise" sh -c "cat '$mnt/.query/find?format=paths&q=name:noise' | sed 's:deep/linked:noise:'"
cat "$mnt/.query/explain?q=901 tier:cold" >"$work/said" || fail "explain"
grep -q '^tiers	hot 0	warm 0	cold ' "$work/said" && grep -q '^bucket	0 requests' "$work/said" &&
    grep -q '^snippets	from the local index' "$work/said" && grep -q '^to read them all	[1-9].*EUR' "$work/said" || fail "explain: $(cat "$work/said")"
cat "$mnt/.query/explain?q=name:young" | grep -q '^tiers	hot 1	warm 0	cold 0' || fail "explain of a hot file"
refuse 'Invalid' cat "$mnt/.query/explain?q="
expect "$before" asked
# What was read is here, and costs nothing more.
cat "$mnt/in/noise" >/dev/null
field 'name:noise' '(recall["bytes"], recall["seconds"])' | grep -q 'cold (0, 0.0)' || fail "what is in cache/ costs: $(field name:noise recall)"
again

# a file that is written to piece by piece is read again when it has been left alone for a while, and then once
mkdir "$mnt/log"; seq 3000000 3100000 >"$mnt/log/book"; touch -d '90 days ago' "$mnt/log/book"; run; again
expect cold tier_of log/book
before=$(asked)
for n in 1 2 3 4 5 6; do echo "piecemeal$n" >>"$mnt/log/book"; now=$(asked); sleep 0.1; done
expect "$before" echo "$now"
"$brainy" wait "$mnt" --for index --timeout 20 || fail "wait"
expect log/book find_paths '"piecemeal6"'
[ $(($(asked) - before)) -le 4 ] || fail "$(($(asked) - before)) requests for one file that was appended to"
rm -r "$mnt/log"

# the directory comes back: everything below it, but for what was set otherwise, in few requests
before=$(asked)
"$brainy" tier "$mnt/in" hot || fail "tier hot"
expect hot tier_of in/large; expect hot tier_of in/deep/small7; expect hot tier_of in/deep/linked
expect cold tier_of in/cold/stays
[ $(($(asked) - before)) -le 12 ] || fail "$(($(asked) - before)) requests for one directory"
diff -r "$work/src" "$mnt" || fail "contents"
expect "hot	hot	$mnt/in/large" sh -c "'$brainy' tier '$mnt/in/large' | sed 's/auto/hot/'"
run
expect hot tier_of in/large
expect cold tier_of in/cold/stays

# again, slowly: progress in .brainy/tiers, and an end by a signal, which takes the setting back
away() { "$brainy" tier "$mnt/in" auto || fail "auto"; find "$mnt/in" -type f -exec touch -d '90 days ago' {} +; run; expect cold tier_of in/large; }
away
conf 'move_rate = 300K\n'
begin() {
    "$brainy" tier "$mnt/in" hot >"$work/said" 2>&1 & recall=$!
    for _ in $(seq 100); do
        grep -qE '^recall	inode [0-9]+	[0-9]+ of [0-9]+ files	[1-9][0-9]* of [0-9]+ bytes	[0-9.]+ s so far	[0-9.]+ s to go' "$mnt/.brainy/tiers" && return
        sleep 0.1
    done
    fail "no progress: $(cat "$mnt/.brainy/tiers" "$work/said")"
}
begin
refuse 'brought back' "$brainy" wait "$mnt" --for tiers --timeout 0.3
kill -INT $recall; wait $recall && fail "broken off, and 0"
grep -q 'broken off' "$work/said" || fail "$(cat "$work/said")"
expect auto getfattr --absolute-names --only-values -n user.brainy.tier "$mnt/in"
for _ in $(seq 50); do grep -q '^recall	' "$mnt/.brainy/tiers" || break; sleep 0.1; done
! grep -q '^recall	' "$mnt/.brainy/tiers" || fail "it goes on"
expect cold tier_of in/large
# .. and by somebody else
begin
"$brainy" tier "$mnt/in" auto || fail "auto"
wait $recall && fail "stopped, and 0"
grep -q 'it was stopped' "$work/said" || fail "$(cat "$work/said")"
# .. and through a crash of the server
begin
kill -KILL "$(server)"
conf ''; kill -KILL "$(server)"
wait $recall || fail "after a crash: $(cat "$work/said")"
expect hot tier_of in/large
diff -r "$work/src" "$mnt" || fail "contents after a crash"

away
# waiting: what is due is done when it returns, by the configuration that is written now
conf 'hot_days = 5\n'
"$brainy" pin "$mnt/in/large" && "$brainy" wait "$mnt" --for tiers --timeout 60 || fail "wait for a pin"
expect hot tier_of in/large
touch -d '4 days ago' "$mnt/young"
"$brainy" wait "$mnt" --for tiers --timeout 60 || fail "wait for nothing"
expect hot tier_of young
printf '[cold]\nurl = file://%s\n[tiers]\nhot_days = 3\n' "$work/nas" >"$vol/brainy.conf"
"$brainy" wait "$mnt" --for tiers --timeout 60 || fail "wait"
expect warm tier_of young
# a window that is not open
printf '[cold]\nurl = file://%s\n[tiers]\nhot_days = 3\nwindow_timezone = UTC\nwindow = %s\n' "$work/nas" \
    "$(date -u -d '+2 hours' +%H:%M)-$(date -u -d '+3 hours' +%H:%M)" >"$vol/brainy.conf"
"$brainy" unpin "$mnt/in/large"; "$brainy" tier "$mnt/young" cold
refuse 'files are still to move between tiers: window' "$brainy" wait "$mnt" --for tiers --timeout 1
diff -r "$work/src" "$mnt" || fail "contents at the end"
stop
"$brainy" fsck --cold "$vol" >"$work/said" 2>&1 || fail "fsck: $(cat "$work/said")"
