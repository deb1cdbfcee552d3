# A volume on a disk that is mounted read-only: refused with the reason, or mounted and only read. Nothing is written, and
# writable again it is as it was.
# Root only: it mounts a folder.
. "$(dirname "$0")/../mount/lib.sh"
[ "$(id -u)" = 0 ] || { echo "needs root, to mount a folder read-only"; exit 77; }
mkdir "$work/disk" && mount --bind "$work/disk" "$work/disk" || { echo "bind mounts are not possible here"; exit 77; }
vol=$work/disk/vol
start
echo kept >"$mnt/file"
stop
before=$(cd "$vol" && find . -type f ! -name lock ! -name lock.mdb -exec md5sum {} + | sort)
mount -o remount,bind,ro "$work/disk" || { echo "a bind mount cannot be made read-only here"; exit 77; }
try_mount() {
    if "$brainy" mount "$vol" "$mnt" "$@" 2>"$work/said"; then
        expect kept cat "$mnt/file"
        refuse 'Read-only' sh -c "echo new >'$mnt/new'"
        stop
    else
        grep -q '[Rr]ead-only' "$work/said" || fail "$*: $(cat "$work/said")"
        mounted && fail "refused and mounted"
    fi
}
try_mount
try_mount -o ro
mount -o remount,bind,rw "$work/disk"
[ "$before" = "$(cd "$vol" && find . -type f ! -name lock ! -name lock.mdb -exec md5sum {} + | sort)" ] || fail "files were written"
"$brainy" mount "$vol" "$mnt" || fail "mount when writable again"
expect kept cat "$mnt/file"
stop
"$brainy" fsck "$vol" || fail fsck
