# A mount on which nothing happens leaves the processor and the disk alone: no thread wakes, nothing is written.
# Alone: its figures are those of a machine that does nothing else.
. "$(dirname "$0")/lib.sh"

# wakes - how often each thread of the keeper and what is below it has run, and what they have written
wakes() {
    for process in $(keeper) $(server) $(ps -o pid= --ppid "$(server)"); do
        for thread in /proc/"$process"/task/*; do
            echo "$(cat "$thread/comm") $(basename "$thread") $(sed -n 's/^voluntary_ctxt_switches:\t//p' "$thread/status")"
        done
        echo "written $process $(sed -n 's/^syscw: //p' "/proc/$process/io")"
    done
}

start
for n in 1 2 3 4 5 6; do echo "the quick brown fox $n" >"$mnt/$n.txt"; done
head -c 3000000 /dev/urandom >"$mnt/large"
head -c 300000 /dev/urandom | dd of="$mnt/large" conv=notrunc status=none
rm "$mnt/1.txt"
sync "$mnt/large"
find_paths fox >/dev/null
# After a checkpoint, an index segment and a round of cleaning, which a busy machine may take its time for.
for n in 1 2 3 4 5 6 7 8; do
    wakes >"$work/before"
    sleep 8
    wakes >"$work/after"
    diff "$work/before" "$work/after" >"$work/woken" && break
done
[ ! -s "$work/woken" ] || fail "still waking: $(cat "$work/woken")"

# And it still wakes when there is something to do.
echo "a lazy dog" >"$mnt/new.txt"
find_paths lazy | grep -qx new.txt || fail "a new file is not found"
