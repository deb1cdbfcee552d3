# A volume copied elsewhere is a volume: both are mounted at once, and each has its own later. A volume that was restored as
# a whole to an older state is that older state, complete; only its parts cannot be mixed (tests/mount/rollback.sh). A copy
# taken while it is mounted and written holds what was synced, or is refused; it never shows wrong bytes.
. "$(dirname "$0")/../mount/lib.sh"
other=$work/other
mkdir "$other"
trap 'status=$?; "$brainy" umount "$other" >/dev/null 2>&1; (exit $status); finish' EXIT
start
i=0; while [ $i -lt 50 ]; do echo "common $i" >"$mnt/f$i"; i=$((i + 1)); done
stop
cp -a "$vol" "$work/copy"
"$brainy" mount "$vol" "$mnt" && "$brainy" mount "$work/copy" "$other" || fail "mount of both"
echo here >"$mnt/f1"; echo there >"$other/f1"
echo new >"$mnt/only"
"$brainy" umount "$other" && "$brainy" mount "$work/copy" "$other" || fail "the copy again"
expect there cat "$other/f1"
expect here cat "$mnt/f1"
expect "common 2" cat "$other/f2"
[ ! -e "$other/only" ] || fail "one volume shows in the other"
"$brainy" umount "$other"

cp -a "$vol" "$work/warm"
if "$brainy" mount "$work/warm" "$other" 2>"$work/said"; then
    i=2; while [ $i -lt 50 ]; do expect "common $i" cat "$other/f$i"; i=$((i + 1)); done
    "$brainy" umount "$other"
else
    grep -q '^brainy: ' "$work/said" || fail "a copy of a mounted volume: $(cat "$work/said")"
fi

stop
cp -a "$vol" "$work/newer"
rm -rf "$vol" && cp -a "$work/copy" "$vol"
"$brainy" mount "$vol" "$mnt" || fail "mount of an older state"
expect there cat "$mnt/f1"
echo other >"$mnt/only"
again
expect other cat "$mnt/only"
stop
"$brainy" fsck "$vol" || fail "fsck of the restored volume"
"$brainy" fsck "$work/newer" || fail "fsck of the volume itself"
