# Root only: only root may mount without a helper.
# The ceiling that bench/run.sh measures against keeps names and sizes like a filesystem, and ends with its mount.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || { echo "needs root, to mount without a helper"; exit 77; }
null=$(dirname "$brainy")/bench/fuse-null
[ -x "$null" ] || { echo "no program at $null"; exit 77; }
for sealing in "" --seal; do
    "$null" $sealing "$mnt" & server=$!
    for i in 1 2 3 4 5 6 7 8 9 10; do mounted && break; sleep 0.1; done
    mounted || fail "not mounted"
    mkdir "$mnt/d" || fail "mkdir"
    for i in 1 2 3 4 5; do echo "number $i" >"$mnt/d/f$i" || fail "create"; done
    expect "f1 f2 f3 f4 f5" sh -c "ls '$mnt/d' | xargs echo"
    expect 9 stat -c %s "$mnt/d/f3"
    refuse 'No data available|No such attribute' getfattr -n user.x --only-values "$mnt/d/f3"
    refuse 'not empty' rmdir "$mnt/d"
    rm "$mnt/d/f2" || fail "unlink"
    refuse 'No such file' cat "$mnt/d/f2"
    expect "f1 f3 f4 f5" sh -c "ls '$mnt/d' | xargs echo"
    rm -r "$mnt/d" || fail "rm -r"
    expect "" ls -A "$mnt"
    umount "$mnt" || fail "umount"
    wait "$server" || fail "it ended with an error"
done
