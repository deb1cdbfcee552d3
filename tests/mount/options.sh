# Mount options mean what they mean on any filesystem: ro, noatime, relatime, nosuid, nodev, noexec.
. "$(dirname "$0")/lib.sh"
start -o noatime
has() { grep " $mnt fuse.brainy " /proc/self/mounts | cut -d' ' -f4 | tr , '\n' | grep -qx "$1"; }
has noatime || fail "noatime is not set"
echo text >"$mnt/f"
printf '#!/bin/sh\necho ran\n' >"$mnt/program"
chmod 755 "$mnt/program"
touch -a -d @5 "$mnt/f"
expect text cat "$mnt/f"
sleep 0.2
expect 5 stat -c %X "$mnt/f"
expect ran "$mnt/program"

again -o relatime
has noatime && fail "relatime is noatime"
touch -a -d @7 "$mnt/f" # opens it, which is no use
sleep 0.2
expect 7 stat -c %X "$mnt/f"
touch -a -d @5 "$mnt/f"
expect text cat "$mnt/f"
n=0; until [ "$(stat -c %X "$mnt/f")" != 5 ]; do sleep 0.05; n=$((n + 1)); [ $n -lt 100 ] || fail "relatime: no use shows in atime"; done

again -o noexec
refuse denied "$mnt/program"

again -o ro
has ro || fail "ro is not set"
for change in "touch $mnt/new" "rm $mnt/f" "mkdir $mnt/d" "chmod 600 $mnt/f" "mv $mnt/f $mnt/g" "ln -s x $mnt/l" \
    "ln $mnt/f $mnt/g" "truncate -s 0 $mnt/f" "setfattr -n user.x -v 1 $mnt/f" "touch -d @7 $mnt/f"; do
    refuse 'Read-only' $change
done
expect text cat "$mnt/f"
[ "$(id -u)" = 0 ] || exit 0

chmod 755 "$work"
again -o allow_other,suid,dev
chmod 755 "$mnt"
cp /usr/bin/id "$mnt/id"; chmod 4755 "$mnt/id"
mknod "$mnt/null" c 1 3
as_user() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
expect 0 as_user "$mnt/id" -u
expect "" cat "$mnt/null"
again -o allow_other,nosuid,nodev
has nosuid && has nodev || fail "nosuid and nodev are not set"
expect 65534 as_user "$mnt/id" -u
refuse denied cat "$mnt/null"

# mount -o remount: the kernel's flags change, programs stay; what the server was started with does not change.
again -o allow_other
exec 3<"$mnt/f"
"$brainy" mount "$vol" "$mnt" -o ro,relatime,remount,user_id=0,group_id=0,allow_other || fail "remount,ro"
has ro || fail "remount,ro: not ro"
refuse 'Read-only' touch "$mnt/new"
expect text cat /dev/fd/3
"$brainy" mount "$vol" "$mnt" -o remount,rw,noexec || fail "remount,rw"
has noexec && touch "$mnt/new" || fail "remount,rw: not rw"
exec 3>&-
refuse "'noatime' was not given" "$brainy" mount "$vol" "$mnt" -o remount,noatime
exec 3>"$mnt/open"
refuse busy "$brainy" mount "$vol" "$mnt" -o remount,ro
exec 3>&-
again -o ro
refuse 'was mounted read-only' "$brainy" mount "$vol" "$mnt" -o remount,rw
stop
refuse 'no brainyfs is mounted' "$brainy" mount "$vol" "$mnt" -o remount,ro
