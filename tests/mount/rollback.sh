# Each kind of file of the volume, put back alone from two mounts earlier: mount refuses or reads give an error; never
# the older contents, never a missing file.
. "$(dirname "$0")/lib.sh"
start
i=0; while [ $i -lt 30 ]; do echo "old $i" >"$mnt/f$i"; i=$((i + 1)); done
head -c 400000 /dev/zero | tr '\0' o >"$mnt/big"
"$brainy" wait "$mnt" --for index
stop
cp -a "$vol" "$work/older"
for round in middle new; do
    "$brainy" mount "$vol" "$mnt" || fail mount
    i=0; while [ $i -lt 30 ]; do echo "$round $i" >"$mnt/f$i"; i=$((i + 1)); done
    head -c 400000 /dev/zero | tr '\0' n >"$mnt/big"
    echo "$round" >"$mnt/$round"
    "$brainy" wait "$mnt" --for index
    stop
done
cp -a "$vol" "$work/now"
for rel in $(cd "$work/older" && find . -type f ! -name lock ! -name reserve ! -name lock.mdb | sort); do
    rm -rf "$vol"; cp -a "$work/now" "$vol"
    cp -a "$work/older/$rel" "$vol/$rel"
    if ! "$brainy" mount "$vol" "$mnt" 2>"$work/why"; then
        grep -q '^brainy: ' "$work/why" || fail "$rel: mount says $(cat "$work/why")"
        continue
    fi
    i=0; while [ $i -lt 30 ]; do
        got=$(cat "$mnt/f$i" 2>"$work/err") && { [ "$got" = "new $i" ] || fail "$rel: f$i holds '$got'"; }
        grep -q 'No such file' "$work/err" && fail "$rel: f$i is missing"
        i=$((i + 1))
    done
    if cat "$mnt/big" >"$work/big" 2>/dev/null; then
        [ "$(md5sum <"$work/big")" = "$(head -c 400000 /dev/zero | tr '\0' n | md5sum)" ] || fail "$rel: big is wrong"
    fi
    [ -e "$mnt/new" ] || ls "$mnt" >/dev/null 2>&1 && [ ! -e "$mnt/new" ] && ls "$mnt" >/dev/null 2>&1 && fail "$rel: a file is missing"
    stop
done
exit 0
