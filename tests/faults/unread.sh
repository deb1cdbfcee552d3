# A server is killed while the kernel writes a request into its buffer: no program hears of that. Where a page of the buffer has
# to be found first the kernel would give the request up.
. "$(dirname "$0")/../mount/lib.sh"
[ "$(id -u)" = 0 ] || { echo "root only: others may not let a page be absent"; exit 77; }
library=${FAULTY_LIBRARY:-$(dirname "$brainy")/tests/faults/faulty.so}
[ -f "$library" ] || { echo "no $library: build first"; exit 77; }
export FAULTY="$work/fault"
"$brainy" init "$vol" >/dev/null || fail init
LD_PRELOAD="$library" "$brainy" mount "$vol" "$mnt" || fail "mount"
echo absent >"$work/fault"
kill_server
sleep 1
( mkdir "$mnt/made" && head -c 1000000 /dev/urandom >"$mnt/written" ) 2>"$work/errors" &
making=$!
sleep 1
: >"$work/fault"
kill_server
wait $making || fail "$(cat "$work/errors")"
! grep -q userfaultfd "$work/log" || { grep userfaultfd "$work/log"; exit 77; }
expect "made written" sh -c "ls '$mnt' | xargs"
expect 1000000 stat -c %s "$mnt/written"
stop
"$brainy" fsck "$vol" || fail fsck
