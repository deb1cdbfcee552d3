# A server that stops answering is killed by the keeper and started again; log and status.json say so, programs see a
# pause. One with nothing to do is left alone.
# Waits: for time-outs, most of its time.
. "$(dirname "$0")/lib.sh"
start
echo before >"$mnt/file"
old=$(server)
sleep 2 # what closing files leaves to do is done
kill -STOP "$old"
# Nobody asks for anything: whether it is stopped makes no difference.
sleep 20
[ "$(server)" = "$old" ] || fail "an idle server was taken for one that hangs"
timeout 60 mkdir "$mnt/folder" || fail "the request was not answered"
[ "$(server)" != "$old" ] || fail "the server is still the one that hung"
echo after >>"$mnt/file"
expect "before
after" cat "$mnt/file"
[ -d "$mnt/folder" ] || fail "the folder is missing"
grep -q "the server hung: requests waited and it did nothing for 16 s" "$work/log" || fail "the log does not say why"
"$brainy" status "$mnt" --json | grep -q "had stopped answering and was started again" || fail "status does not say it"
stop
