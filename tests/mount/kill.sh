# SIGKILL of the server: programs see a pause and no error, nothing acknowledged is lost; SIGKILL of all: a mount
# brings everything back.
. "$(dirname "$0")/lib.sh"
start
( i=0; while [ $i -lt 2000 ]; do echo "line $i" >"$mnt/f$((i % 50))" || exit 1; i=$((i + 1)); done
  echo ok >"$work/writer" ) &
writer=$!
for _ in 1 2 3; do
    sleep 0.3
    kill_server
done
wait $writer
expect ok cat "$work/writer"
i=1950
while [ $i -lt 2000 ]; do expect "line $i" cat "$mnt/f$((i % 50))"; i=$((i + 1)); done

exec 3>"$mnt/open"
echo kept >&3
k=$(keeper) s=$(server)
kill -9 "$k" "$s"
exec 3>&-
while mounted; do umount -l "$mnt" 2>/dev/null || fusermount3 -u -z "$mnt"; done
"$brainy" mount "$vol" "$mnt" || fail "mount after kill"
expect kept cat "$mnt/open"
expect "line 1999" cat "$mnt/f49"
stop
"$brainy" fsck "$vol" || fail "fsck"
