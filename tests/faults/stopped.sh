# SIGSTOP of keeper and server (FAULTS_STOP seconds): programs wait and see no error; afterwards everything goes on.
. "$(dirname "$0")/../mount/lib.sh"
start
echo before >"$mnt/before"
pids="$(keeper) $(server)"
kill -STOP $pids
( echo during >"$mnt/during" && cat "$mnt/during" >"$work/read" && sync "$mnt/during" && echo ok >"$work/done" ) 2>"$work/errors" &
writer=$!
sleep "${FAULTS_STOP:-3}"
[ ! -e "$work/done" ] || fail "nothing waited"
kill -CONT $pids
wait $writer
expect ok cat "$work/done"
expect during cat "$work/read"
expect before cat "$mnt/before"
again
expect during cat "$mnt/during"
stop
"$brainy" fsck "$vol" || fail fsck
