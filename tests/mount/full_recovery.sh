# A disk that others have filled, and deaths in a row: each leaves a log that cannot be given up yet, and the mount comes
# back all the same, on the reserve.
# Root only: it mounts a small disk.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || { echo "needs root, to mount a small disk"; exit 77; }
mkdir "$work/disk" && mount -t tmpfs -o size=300M none "$work/disk" || { echo "tmpfs cannot be mounted here"; exit 77; }
vol=$work/disk/vol

# die - keeper and server, before a checkpoint
die() {
    k=$(keeper) s=$(server)
    kill -KILL "$k" "$s"
    while kill -0 "$k" 2>/dev/null || kill -0 "$s" 2>/dev/null; do sleep 0.05; done
    while mounted; do umount -l "$mnt"; done
}

mkdir "$vol"
"$brainy" init "$vol" >/dev/null || fail "init"
printf '[wal]\ncheckpoint_ms = 600000\n' >"$vol/brainy.conf"
"$brainy" mount "$vol" "$mnt" || fail "mount"
for i in 0 1 2 3 4 5 6 7; do echo "kept $i" >"$mnt/kept$i"; echo gone >"$mnt/gone$i"; done
sync "$mnt/kept7"
cat /dev/zero >"$work/disk/others" 2>/dev/null
cat /dev/zero >"$work/disk/more" 2>/dev/null
for i in 0 1 2 3 4; do
    rm "$mnt/gone$i" || fail "rm on a full disk"
    die
    "$brainy" mount "$vol" "$mnt" || fail "mount after death $i"
done
expect "gone5
gone6
gone7" sh -c "ls '$mnt' | grep gone"
for i in 0 1 2 3 4 5 6 7; do expect "kept $i" cat "$mnt/kept$i"; done
rm "$work/disk/others" "$work/disk/more"
stop
"$brainy" fsck "$vol" || fail "fsck"
umount "$work/disk"
