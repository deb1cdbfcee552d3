# A bucket that takes connections and never answers: reads of cold files wait as long as cold_read_timeout_s says, what is
# here goes on, and the volume can be unmounted soon, also with readers waiting and a run of the policy under way.
# Waits: for time-outs, most of its time.
. "$(dirname "$0")/lib.sh"
silent_start
# took COMMAND.. - seconds until it fails
took() {
    began=$(date +%s)
    "$@" >/dev/null 2>&1 && fail "$* succeeded"
    echo $(($(date +%s) - began))
}

silent_conf 'cold_read_timeout_s = 3'
"$brainy" mount "$vol" "$mnt" || fail "mount with a silent bucket"
expect here cat "$mnt/hot"
t=$(took cat "$mnt/cold1")
[ "$t" -ge 2 ] && [ "$t" -le 15 ] || fail "a read waited $t s"
"$brainy" status "$mnt" --json | grep -q 'bucket does not do what it is asked' || fail "problems say nothing"
expect here cat "$mnt/hot"

# waiting readers, one of them killed, and a run under way do not keep the volume
silent_conf 'cold_read_timeout_s = 600'
again
cat "$mnt/cold2" >/dev/null 2>&1 & reader=$!
"$brainy" tier run "$mnt" --now +400d >/dev/null 2>&1 & runner=$!
# Longer than it takes to find that a server hangs.
sleep 20
kill -KILL $reader $runner; wait $reader $runner 2>/dev/null
grep -q 'server hung' "$work/log" && fail "a wait for the bucket is taken for a hang"
began=$(date +%s)
within 50 "$brainy" umount "$mnt" || fail "umount takes too long: $?"
[ $(($(date +%s) - began)) -le 30 ] || fail "umount took $(($(date +%s) - began)) s"

# lazily, with a reader that goes on waiting
"$brainy" mount "$vol" "$mnt" || fail "mount"
cat "$mnt/cold2" >/dev/null 2>&1 & reader=$!
sleep 1
began=$(date +%s)
within 50 "$brainy" umount --lazy "$mnt" || fail "lazy umount takes too long"
kill -KILL $reader; wait $reader 2>/dev/null
within 40 "$brainy" mount "$vol" "$mnt" || fail "the volume is in use still"
[ $(($(date +%s) - began)) -le 40 ] || fail "the volume was in use for long"
stop

# cold_read = fail: nobody listens, so that it is known at once
kill $silent; wait $silent 2>/dev/null; silent=
silent_conf 'cold_read = fail'
"$brainy" mount "$vol" "$mnt" || fail "mount"
t=$(took cat "$mnt/cold3")
[ "$t" -le 12 ] || fail "cold_read = fail waited $t s"
stop

# All is there.
printf '[cold]\nurl = file://%s\n' "$work/nas" >"$vol/brainy.conf"
"$brainy" mount "$vol" "$mnt" || fail "mount"
for n in 1 2 3; do seq 300000 | cmp - "$mnt/cold$n" || fail "cold$n"; done
stop
"$brainy" fsck "$vol" >"$work/said" 2>&1 || fail "fsck: $(cat "$work/said")"
