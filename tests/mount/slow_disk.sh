# A disk that stops answering for longer than a server may hang is no hang of the server: here the volume lies on another
# mount, whose processes are stopped for a while. Also: a long wait of a program's is none.
# Root only: nothing of it depends on who mounts, and it takes half a minute.
# Waits: for time-outs, most of its time.
. "$(dirname "$0")/lib.sh"
start
below=$(keeper) disk=$(server)
inner_vol=$mnt/vol inner=$work/inner
mkdir "$inner"
"$brainy" init "$inner_vol" >/dev/null && "$brainy" mount "$inner_vol" "$inner" || fail "a volume on a mount"
above=$(sed -n 's/^pid //p' "$inner_vol/lock")
inner_server() { server_of "$above"; }
old=$(inner_server)
kill -STOP "$below" "$disk"
( echo late >"$inner/file" && sync "$inner/file" && echo done >"$work/done" ) &
sleep 22
now=$(inner_server)
kill -CONT "$disk" "$below"
wait
[ "$now" = "$old" ] || fail "a slow disk was taken for a server that hangs"
expect done cat "$work/done"
expect late cat "$inner/file"
"$brainy" umount "$inner" || fail "umount of the inner one"
stop
