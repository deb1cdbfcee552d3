# The extractor stays behind all else while nobody waits for it, and not behind who does.
# Alone: its figures are those of a machine that does nothing else.
. "$(dirname "$0")/lib.sh"
grep -q nice /proc/self/autogroup 2>/dev/null || { echo "this kernel has no autogroups"; exit 77; }
start
# pace - the nice value of the extractor's autogroup
pace() { sed -n 's/.* nice //p' "/proc/$(ps -o pid= --ppid "$(server)" | tr -d ' ' | head -n 1)/autogroup"; }

# The kernel takes changes from ordinary users ten times a second only.
for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    echo "words $n" >"$mnt/background-$n.txt"
    sleep 0.3
    [ "$(pace)" != 19 ] || break
done
[ "$(pace)" = 19 ] || fail "indexing in the background at nice $(pace)"

# A question hurries the document that it waits for, which takes longer from try to try.
for n in 1 2 3 4 5 6; do
    sleep 1.2
    python3 -c "print('<p>a <b>large</b> document</p>\n' * (100000 << $n))" >"$mnt/large-$n.html"
    for tenth in 1 2 3 4 5 6 7 8 9 10; do
        [ "$(pace)" != 19 ] || break
        sleep 0.1
    done
    sleep 0.15
    find_paths large >/dev/null
    [ "$(pace)" != 0 ] || break
done
[ "$(pace)" = 0 ] || fail "a question waits for an extractor at nice $(pace)"
