# mount(8), umount(8), fusermount3 and SIGTERM are as good as brainy's own commands.
. "$(dirname "$0")/lib.sh"
"$brainy" init "$vol" >/dev/null || fail init
clean() { n=0; until grep -q '^state clean' "$vol/lock"; do sleep 0.05; n=$((n + 1)); [ $n -lt 200 ] || fail "not closed cleanly after $1"; done; }
"$brainy" "$vol" "$mnt" -o rw,nosuid,nodev,noatime,x-systemd.automount,nofail || fail "VOLUME MNT -o"
echo 1 >"$mnt/f"
if [ "$(id -u)" = 0 ]; then umount "$mnt"; else fusermount3 -u "$mnt"; fi || fail "umount(8)"
"$brainy" mount "$vol" "$mnt" || fail "a mount that follows at once"
expect 1 cat "$mnt/f"
echo 2 >"$mnt/f"
kill -TERM "$(keeper)"
clean SIGTERM
mounted && fail "SIGTERM leaves the mount"
"$brainy" mount "$vol" "$mnt" -o ro || fail "mount -o ro"
expect 2 cat "$mnt/f"
refuse 'Read-only' touch "$mnt/g"
stop
clean umount
"$brainy" mount "$vol" "$mnt" -f &
front=$!
n=0; until mounted; do sleep 0.05; n=$((n + 1)); [ $n -lt 200 ] || fail "-f does not mount"; done
expect 2 cat "$mnt/f"
stop
wait $front || fail "-f ends with $?"
df "$mnt" >/dev/null && "$brainy" mount "$vol" "$mnt" && [ "$(df --output=itotal "$mnt" | tail -n 1)" -gt 0 ] || fail "df -i is 0"

# mount(8) leaves out the options that are its defaults: what it calls as mount.fuse.brainy may have suid and devices.
[ "$(id -u)" = 0 ] || exit 0
stop
ln -s "$brainy" "$work/mount.fuse.brainy"
options() { grep " $mnt fuse.brainy " /proc/self/mounts | cut -d' ' -f4; }
"$work/mount.fuse.brainy" "$vol" "$mnt" -o rw || fail "as mount(8) calls it"
options | grep -qE 'nosuid|nodev' && fail "mount.fuse.brainy -o rw: $(options)"
stop
"$work/mount.fuse.brainy" "$vol" "$mnt" -o rw,nosuid,nodev || fail "as mount(8) calls it for users"
options | grep -q 'nosuid,nodev' || fail "mount.fuse.brainy -o nosuid,nodev: $(options)"
# What is in the way for a moment only does not keep it mounted.
mkdir -p "$mnt/below"
mount -t tmpfs none "$mnt/below" || fail "a tmpfs below"
{ sleep 0.3; umount "$mnt/below"; } &
stop
wait
