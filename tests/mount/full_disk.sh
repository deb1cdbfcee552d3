# A full disk: writes get ENOSPC before anything is harmed, it stands in the log and in `problems`, deleting works and
# makes room.
# Root only: it mounts a small disk.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || { echo "needs root, to mount a small disk"; exit 77; }
mkdir "$work/disk" && mount -t tmpfs -o size=400M none "$work/disk" || { echo "tmpfs cannot be mounted here"; exit 77; }
vol=$work/disk/vol
start
echo kept >"$mnt/kept"
head -c 50000000 /dev/urandom >"$mnt/first"
sum=$(md5sum <"$mnt/first")
i=0; while head -c 20000000 /dev/urandom >"$mnt/fill$i" 2>/dev/null; do i=$((i + 1)); [ $i -lt 40 ] || fail "the disk does not fill"; done
refuse 'No space left' sh -c "head -c 20000000 /dev/urandom >'$mnt/more'"
expect kept cat "$mnt/kept"
expect "$sum" sh -c "md5sum <'$mnt/first'"
"$brainy" status "$mnt" --json | grep -q '"what":"the disk below the volume is full' || fail "problems: $("$brainy" status "$mnt" --json)"
sleep 1.2
grep -q 'disk below the volume is full' "$work/log" || fail "the log says nothing of the full disk"
rm "$mnt"/fill* "$mnt/more" || fail "rm on a full disk"
n=0
until head -c 20000000 /dev/zero >"$mnt/again" 2>/dev/null; do sleep 0.3; n=$((n + 1)); [ $n -lt 100 ] || fail "deleting makes no room"; done
stop
"$brainy" fsck "$vol" || fail "fsck after a full disk"
umount "$work/disk"
