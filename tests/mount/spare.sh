# The next server waits beside the one that serves: whenever that one is killed, another is there at once, with the
# volume's folder open from its birth. One that waits and is killed is followed by another; nobody notices.
. "$(dirname "$0")/lib.sh"
start
# under_keeper - process numbers and names of the keeper's children, oldest first
under_keeper() { ps -o pid=,comm= --ppid "$(keeper)"; }
spare() { under_keeper | awk '$2 == "brainy-spare" { print $1 }'; }
newest() { spare | tail -n 1; }
await_other none newest; waits=$now
echo kept >"$mnt/file"
for _ in 1 2 3 4; do
    old=$(server)
    kill -9 "$old"
    for _ in 1 2 3 4 5; do
        under_keeper | grep -qv "^ *$old " || fail "the keeper has no other server"
    done
    expect kept cat "$mnt/file"
    [ "$(server)" = "$waits" ] || fail "$(server) serves, and $waits has waited"
    await_other "$waits" newest; waits=$now
done
serves=$(server)
kill -9 "$waits"
await_other "$waits" newest; waits=$now
kill -9 "$waits"
expect kept cat "$mnt/file"
[ "$(server)" = "$serves" ] || fail "the server has gone with one that waited"
await_other "$waits" newest
# Only root may look; the extractor must not have it.
if [ "$(id -u)" = 0 ]; then
    readlink "/proc/$now"/fd/* | grep -qxF "$(realpath "$vol")" || fail "the volume's folder is not open"
    ! readlink "/proc/$(ps -o pid= --ppid "$serves" | tr -d ' ' | head -n 1)"/fd/* | grep -qF "$(realpath "$vol")" ||
        fail "the extractor has a part of the volume open"
fi
k=$(keeper)
stop
! kill -0 "$now" 2>/dev/null || ! grep -q brainy-spare "/proc/$now/comm" 2>/dev/null || fail "one waits after the end"
