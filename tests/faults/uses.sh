# With noatime, too, a file that is read day by day is in use: retention = delete keeps it, and takes the one beside it that
# nobody reads. Uses survive the end of the server and of the mount; atime shows none of them; a time that a program sets
# takes their place; what stays open is in use; indexing a file, the programs of `ignore` and O_NOATIME are no use.
. "$(dirname "$0")/../mount/lib.sh"
[ -n "${FAULTY_LIBRARY:-}" ] || { echo "FAULTY_LIBRARY names no library"; exit 77; }
export FAULTY="$work/fault"
echo "clock 0" >"$FAULTY"
"$brainy" init "$vol" >/dev/null || fail init
printf '[tiers]\nretention = delete\nretention_days = 4\nignore = saver\nrun_every_s = 2592000\n' >"$vol/brainy.conf"
up() { LD_PRELOAD=$FAULTY_LIBRARY "$brainy" mount "$vol" "$mnt" -o noatime || fail mount; }
run() { LD_PRELOAD=$FAULTY_LIBRARY "$brainy" tier run "$mnt" >"$work/said" 2>&1 || fail "tier run: $(cat "$work/said")"; }
cp "$(command -v cat)" "$work/saver"

up
files="read unread saved noatime touched held"
for name in $files; do echo "what $name holds" >"$mnt/$name"; done
within 30 "$brainy" wait "$mnt" --for index --timeout 20 || fail "wait"
before=$(stat -c %X "$mnt/read")
exec 7<"$mnt/held"
for day in 1 2 3 4 5 6 7 8; do
    echo "clock $((day * 86400 + day))" >"$FAULTY"
    expect "what read holds" cat "$mnt/read"
    if [ $day -lt 4 ]; then
        expect "what saved holds" "$work/saver" "$mnt/saved"
        expect "what noatime holds" dd if="$mnt/noatime" iflag=noatime status=none
    fi
    case $day in
    1) expect "what touched holds" cat "$mnt/touched"; sleep 0.2; touch -d '2 days ago' "$mnt/touched" ;;
    3) kill -KILL "$(server)" ;;
    6) exec 7<&-; stop; up ;;
    esac
    sleep 0.3; run
    # By the time that was set, the second day is the fourth.
    case $day in
    1) expect "$(echo $files | tr ' ' '\n' | sort)" ls "$mnt" ;;
    3) expect "$(echo $files | tr ' ' '\n' | grep -v touched | sort)" ls "$mnt" ;;
    esac
done
expect "held
read" ls "$mnt"
expect "$before" stat -c %X "$mnt/read"
echo "clock $((11 * 86400))" >"$FAULTY"
expect "what held holds" cat "$mnt/held"
echo "clock $((13 * 86400))" >"$FAULTY"
sleep 0.3; run
expect "held" ls "$mnt"
stop
unset FAULTY
"$brainy" fsck "$vol" >"$work/said" 2>&1 || fail "fsck: $(cat "$work/said")"
# Without noatime the same uses count, and atime is newer than they are only when there are more.
"$brainy" mount "$vol" "$mnt" || fail "mount"
expect "what held holds" cat "$mnt/held"
stop
