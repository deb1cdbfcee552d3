# A server is killed while the kernel writes a request into its buffer: no program hears of that. Where a page of the buffer has
# to be found first the kernel would give the request up.
. "$(dirname "$0")/../mount/lib.sh"
[ "$(id -u)" = 0 ] || { echo "root only: others may not let a page be absent"; exit 77; }
library=${FAULTY_LIBRARY:-$(dirname "$brainy")/tests/faults/faulty.so}
[ -f "$library" ] || { echo "no $library: build first"; exit 77; }
export FAULTY="$work/fault"
"$brainy" init "$vol" >/dev/null || fail init
LD_PRELOAD="$library" "$brainy" mount "$vol" "$mnt" || fail "mount"
# killed - the server that serves; returns when the next one does
killed() {
    old=$(server)
    kill -9 "$old"
    n=0
    while now=$(server); [ -z "$now" ] || [ "$now" = "$old" ]; do
        sleep 0.05; n=$((n + 1)); [ $n -lt 200 ] || fail "the server does not come back"
    done
}
echo absent >"$work/fault"
killed
sleep 1
( mkdir "$mnt/made" && head -c 1000000 /dev/urandom >"$mnt/written" ) 2>"$work/errors" &
making=$!
sleep 1
: >"$work/fault"
killed
wait $making || fail "$(cat "$work/errors")"
! grep -q userfaultfd "$work/log" || { grep userfaultfd "$work/log"; exit 77; }
expect "made written" sh -c "ls '$mnt' | xargs"
expect 1000000 stat -c %s "$mnt/written"
stop
"$brainy" fsck "$vol" || fail fsck
