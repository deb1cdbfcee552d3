# EIO from the disk: the write that meets it fails and leaves what was there; after a failed sync every sync fails, the
# mount only reads, and says so. Short writes are gone on with. What was synced before is there afterwards.
. "$(dirname "$0")/../mount/lib.sh"
[ -n "${FAULTY_LIBRARY:-}" ] || { echo "FAULTY_LIBRARY names no library"; exit 77; }
export FAULTY="$work/fault"
faulty_mount() { LD_PRELOAD=$FAULTY_LIBRARY "$brainy" mount "$vol" "$mnt" || fail "mount"; }
same() { cmp "$work/random" "$1" || fail "$1 has other bytes"; }

"$brainy" init "$vol" >/dev/null || fail init
printf '[wal]\nno_mmap = yes\ncheckpoint_ms = 100\n' >"$vol/brainy.conf"
head -c 1500000 /dev/urandom >"$work/random"

echo short >"$FAULTY"
faulty_mount
cp "$work/random" "$mnt/large" && sync "$mnt/large" || fail "short writes are not gone on with"
i=0; while [ $i -lt 100 ]; do echo "small $i" >"$mnt/f$i" || fail "short writes"; i=$((i + 1)); done
sleep 0.5
again
same "$mnt/large"
i=0; while [ $i -lt 100 ]; do expect "small $i" cat "$mnt/f$i"; i=$((i + 1)); done
stop

echo >"$FAULTY"
faulty_mount
echo synced >"$mnt/synced" && sync "$mnt/synced" || fail sync
echo write >"$FAULTY"
refuse 'Input/output error|Read-only|No space' sh -c "cat '$work/random' >'$mnt/large2'"
echo >"$FAULTY"
same "$mnt/large"
expect synced cat "$mnt/synced"
"$brainy" umount "$mnt" >/dev/null 2>&1
! mounted || umount -l "$mnt" 2>/dev/null || fusermount3 -u -z "$mnt"
"$brainy" mount "$vol" "$mnt" || fail "mount after failed writes"
same "$mnt/large"
expect synced cat "$mnt/synced"
stop

faulty_mount
echo before >"$mnt/before" && sync "$mnt/before" || fail sync
echo unsure >"$mnt/unsure"
echo sync >"$FAULTY"
echo more >>"$mnt/unsure" || fail "a write that need not be durable"
refuse 'Input/output error' dd if=/dev/zero of="$mnt/unsure" bs=1 count=1 oflag=dsync conv=notrunc
refuse 'Input/output error' sync "$mnt/unsure"
echo >"$FAULTY"
refuse 'Input/output error|Read-only' sync "$mnt/unsure"
refuse 'Input/output error|Read-only' sh -c "echo new >'$mnt/new'"
"$brainy" status "$mnt" --json | grep -q '"what":"[^"]*sync' || fail "problems: $("$brainy" status "$mnt" --json)"
expect before cat "$mnt/before"
same "$mnt/large"
"$brainy" umount "$mnt" >/dev/null 2>&1 && fail "umount says that all is durable"
! mounted || umount -l "$mnt" 2>/dev/null || fusermount3 -u -z "$mnt"
"$brainy" mount "$vol" "$mnt" || fail "mount after a failed sync"
expect before cat "$mnt/before"
same "$mnt/large"
stop
"$brainy" fsck "$vol" || fail fsck
