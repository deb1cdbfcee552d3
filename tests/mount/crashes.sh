# Five crashes of the server within a minute end the mount, and the log says why; a server that is killed by hand, however
# often, has not crashed.
. "$(dirname "$0")/lib.sh"
answers() { ls "$mnt" >/dev/null || fail "the mount does not answer"; }

# A copy of the program, so that a part of it can be missing while a package is upgraded.
mkdir "$work/bin"
cp "$brainy" "$(dirname "$brainy")/brainy-extract" "$work/bin/"
brainy=$work/bin/brainy
start
mv "$work/bin/brainy-extract" "$work/bin/away"
old=$(server); kill -KILL "$old"
sleep 1; mv "$work/bin/away" "$work/bin/brainy-extract"
await_other "$old" server
answers
echo kept >"$mnt/file"
for _ in 1 2 3 4 5 6 7; do
    kill_server
    answers
done
for _ in 1 2 3 4; do
    kill_server ABRT
    answers
done
expect kept cat "$mnt/file"
k=$(keeper)
kill -ABRT "$(server)"
n=0
while kill -0 "$k" 2>/dev/null; do
    sleep 0.1; n=$((n + 1)); [ $n -lt 100 ] || fail "the mount goes on after five crashes"
done
! mounted || fail "still mounted"
grep -q "5 crashes within a minute: the mount ends" "$work/log" || fail "the log does not say why"
"$brainy" mount "$vol" "$mnt" || fail "mount after it"
expect kept cat "$mnt/file"
stop
