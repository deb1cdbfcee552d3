# The cold tier is a folder on a machine that stops answering, so that system calls there wait for ever: reads of cold files
# end with their time-out, .brainy/tiers shows them meanwhile, problems say what is wrong, what is here goes on, and the volume
# can be unmounted and mounted. When the machine is back all is as before. (The machine is played by another mount.)
# Waits: for time-outs, most of its time.
. "$(dirname "$0")/lib.sh"
nas=$work/nas
mkdir "$nas"
"$brainy" init "$work/nasvol" >/dev/null && BRAINY_LOG="$work/naslog" "$brainy" mount "$work/nasvol" "$nas" || fail "mount of the NAS"
nas_keeper=$(sed -n 's/^pid //p' "$work/nasvol/lock")
nas_pids="$nas_keeper $(server_of "$nas_keeper")"
finish_nas() {
    nas_status=$?
    kill -CONT $nas_pids 2>/dev/null
    (exit $nas_status)
    finish_rest
}
eval "finish_rest() {
    status=\$?
    cd /
    if mounted; then within 30 '$brainy' umount '$mnt' >/dev/null 2>&1 || end_mount; fi
    '$brainy' umount '$nas' >/dev/null 2>&1
    [ \$status = 0 ] || { echo '-- log of the mount:'; tail -n 20 '$work/log'; }
    rm -rf '$work'
    exit \$status
}"
trap finish_nas EXIT

mkdir "$nas/bucket"
"$brainy" init "$vol" >/dev/null || fail "init"
conf() { printf '[cold]\nurl = file://%s\nconnect_timeout_ms = 2000\nrequest_timeout_ms = 3000\ntotal_timeout_ms = 5000\n%b' "$nas/bucket" "$1" >"$vol/brainy.conf"; }
conf 'cold_read_timeout_s = 4\n'
"$brainy" mount "$vol" "$mnt" || fail "mount"
for n in 1 2 3; do seq "$n" 300000 >"$mnt/cold$n"; done
touch -d '90 days ago' "$mnt"/cold*; echo here >"$mnt/hot"
"$brainy" wait "$mnt" --for index >/dev/null && "$brainy" tier run "$mnt" >/dev/null || fail "tier run"
# When this is over the mount writes nothing there: a write that hangs is none that SIGKILL reaches.
settled() { "$brainy" tier run "$mnt" >"$work/said" 2>&1 || fail "tier run: $(cat "$work/said")"; }
again; settled
same() { for n in 1 2 3; do seq "$n" 300000 | cmp - "$mnt/cold$n" || fail "cold$n"; done; }
# ended FROM TO COMMAND.. - it fails after so many seconds
ended() {
    from=$1 to=$2; shift 2
    began=$(date +%s)
    within "$to" "$@" >/dev/null 2>"$work/said" && fail "$* succeeded"
    took=$(($(date +%s) - began))
    [ $took -ge "$from" ] && [ $took -le "$to" ] || fail "$*: $took s"
}
problems() { "$brainy" status "$mnt" --json | grep -q 'does not do what it is asked.*does not answer'; }

kill -STOP $nas_pids
cat "$mnt/cold2" >/dev/null 2>&1 & reader=$!
for _ in $(seq 30); do grep -qE "^reading	inode $(stat -c %i "$mnt/cold2")	[1-9][0-9]* bytes	[1-9][0-9.]* s so far" "$mnt/.brainy/tiers" && break; sleep 0.1; done
grep -qE '^reading	' "$mnt/.brainy/tiers" || fail "nobody knows what waits: $(cat "$mnt/.brainy/tiers")"
ended 2 12 cat "$mnt/cold1"
grep -q 'Input/output error' "$work/said" || fail "$(cat "$work/said")"
wait $reader && fail "a reader of what is away got something"
problems || fail "problems say nothing: $("$brainy" status "$mnt" --json)"
expect here cat "$mnt/hot"
echo more >"$mnt/written" || fail "write"
# The kernel had read ahead.
for _ in $(seq 100); do grep -q '^reading	' "$mnt/.brainy/tiers" || break; sleep 0.1; done
! grep -q '^reading	' "$mnt/.brainy/tiers" || fail "it reads on: $(cat "$mnt/.brainy/tiers")"
ended 0 60 "$brainy" tier run "$mnt" --now +400d
ended 0 60 "$brainy" tier "$mnt/cold3" hot
grep -q 'does not answer' "$work/said" || fail "$(cat "$work/said")"
# many readers: no more threads than some are left behind
for n in $(seq 40); do cat "$mnt/cold$((n % 3 + 1))" >/dev/null 2>&1 & done
sleep 6
expect here cat "$mnt/hot"
[ "$(grep -l brainy-folder /proc/"$(server)"/task/*/comm | wc -l)" -le 60 ] || fail "too many threads"

# back
kill -CONT $nas_pids
wait
for _ in $(seq 50); do cat "$mnt/cold1" >/dev/null 2>&1 && break; sleep 0.2; done
same
for _ in $(seq 50); do problems || break; sleep 0.2; done
problems && fail "it is said still"

# unmounted and mounted while it is away, with readers that wait
conf 'cold_read_timeout_s = 600\nrequest_timeout_ms = 600000\n' ; sed -i '/request_timeout_ms = 3000/d' "$vol/brainy.conf"
again; settled
kill -STOP $nas_pids
cat "$mnt/cold2" >/dev/null 2>&1 & reader=$!
sleep 1
began=$(date +%s)
within 40 "$brainy" umount "$mnt" || { kill -KILL $reader; within 40 "$brainy" umount "$mnt" || fail "umount: $?"; }
[ $(($(date +%s) - began)) -le 45 ] || fail "umount took long"
wait $reader
within 30 "$brainy" mount "$vol" "$mnt" || fail "mount while it is away"
expect here cat "$mnt/hot"
refuse 'Input/output error' cat "$mnt/cold1"
"$brainy" status "$mnt" --json | grep -q 'cold tier cannot be used.*does not answer' || fail "$("$brainy" status "$mnt" --json)"
kill -CONT $nas_pids
"$brainy" tier run "$mnt" >/dev/null || fail "tier run when it is back"
same
stop
"$brainy" fsck --cold "$vol" >"$work/said" 2>&1 || fail "fsck: $(cat "$work/said")"
