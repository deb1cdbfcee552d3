# The time of day jumps ten years on, fifty back, and home again, at rest and during work: nothing stops, nothing is lost,
# times that were set stay, and the query answers.
. "$(dirname "$0")/../mount/lib.sh"
[ -n "${FAULTY_LIBRARY:-}" ] || { echo "FAULTY_LIBRARY names no library"; exit 77; }
export FAULTY="$work/fault"
echo "clock 0" >"$FAULTY"
"$brainy" init "$vol" >/dev/null || fail init
printf '[wal]\ncheckpoint_ms = 100\n' >"$vol/brainy.conf"
LD_PRELOAD=$FAULTY_LIBRARY "$brainy" mount "$vol" "$mnt" || fail mount
touch -d '2020-02-02 02:02:02.123456789 UTC' "$mnt/set"
for jump in 0 315360000 -1576800000 5 -3600; do
    echo "clock $jump" >"$FAULTY"
    echo "jump$jump of the clock" >"$mnt/file$jump" && sync "$mnt/file$jump" || fail "$jump: write"
    sleep 0.3
    expect "jump$jump of the clock" cat "$mnt/file$jump"
    now=$(($(date +%s) + jump)) time=$(stat -c %Y "$mnt/file$jump")
    [ $((now - time)) -le 30 ] && [ $((time - now)) -le 30 ] || fail "$jump: mtime $time, now $now"
    within 30 "$brainy" wait "$mnt" --for index --timeout 20 || fail "$jump: wait"
done
expect file315360000 find_paths jump315360000 mode=text
expect 1580608922 stat -c %Y "$mnt/set"
stop
unset FAULTY
"$brainy" mount "$vol" "$mnt" || fail "mount"
for jump in 0 315360000 -1576800000 5 -3600; do expect "jump$jump of the clock" cat "$mnt/file$jump"; done
expect 1580608922 stat -c %Y "$mnt/set"
stop
"$brainy" fsck "$vol" || fail fsck
