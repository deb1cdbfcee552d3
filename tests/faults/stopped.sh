# SIGSTOP of keeper and server (FAULTS_STOP seconds): programs wait and see no error; afterwards everything goes on.
. "$(dirname "$0")/../mount/lib.sh"
start
echo before >"$mnt/before"
serving() { ps -o pid=,comm= --ppid "$(keeper)" | sed -n 's/ brainy-server$//p'; }
was=$(serving)
[ -n "$was" ] || fail "nothing serves"
# The server alone, while its keeper looks on: it is not dead.
kill -STOP "$was"
sleep 1
kill -CONT "$was"
echo alone >"$mnt/alone" || fail "write after the server was stopped"
[ "$(serving)" = "$was" ] || fail "a stopped server was taken for a dead one"
pids="$(keeper) $was"
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
[ "$(serving)" = "$was" ] || fail "a stopped server was taken for a dead one"
again
expect during cat "$mnt/during"
stop
"$brainy" fsck "$vol" || fail fsck
