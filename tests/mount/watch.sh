# brainy watch: a folder follows one outside, through renames, lost news and its own end.
. "$(dirname "$0")/lib.sh"
start
src=$work/src out=$work/out in=$mnt/in
mkdir "$src" "$out"
watcher=
# watch_it OPTIONS.. - begins, and returns when both are the same
watch_it() {
    : >"$work/said"
    "$brainy" watch "$src" "$in" "$@" >"$work/said" 2>>"$work/why" 3>&- & watcher=$!
    becomes follows cat "$work/said"
}
end_it() { kill "-${1:-TERM}" $watcher; wait $watcher 2>/dev/null; }
same() { python3 "$TESTS/same_tree.py" "$src" "$in" && echo same; }
ino() { stat -c %i "$@"; }
count() { python3 -c 'import json, sys; print(json.load(open(sys.argv[2]))[sys.argv[1]])' "$@"; }

# storm - too much news for the queue: what comes after it is lost
storm() {
    python3 - "$src" <<'P'
import os, sys
a, b = sys.argv[1] + "/storm a", sys.argv[1] + "/storm b"
for p in a, b: open(p, "w").close()
for n in range(int(open("/proc/sys/fs/inotify/max_queued_events").read()) // 2 + 10):
    for p in a, b: os.chmod(p, 0o600 + n % 64)
P
}

# ---- one thing after the other
mkdir -p "$src/d/e"; echo old >"$src/d/old"; echo deep >"$src/d/e/deep"
exec 3>"$src/half"; echo half >&3
watch_it --ignore '*.log' --ignore 'd/private/'
[ -e "$in/half" ] && fail "a file that is written to was copied"
echo rest >&3; exec 3>&-
becomes same same
# before there are links, for which all is looked at, too
kill -STOP $watcher; storm; echo "too late" >"$src/lost"; kill -CONT $watcher
becomes "too late" cat "$in/lost"
echo new >"$src/new"; chmod 640 "$src/d/old"; ln -s new "$src/link"; mkfifo "$src/d/fifo"
setfattr -n user.note -v x "$src/new"; ln "$src/d/old" "$src/d/another"
becomes same same
before="$(ino "$in/new") $(ino "$in/d/e")"
mv "$src/new" "$src/d/renamed"; mv "$src/d/e" "$src/f"
becomes same same
[ "$(ino "$in/d/renamed") $(ino "$in/f")" = "$before" ] || fail "renames were not recognised"
echo more >>"$src/f/deep" && echo of it >"$src/f/new in moved"
becomes same same
mkdir -p "$out/whole/tree"; echo 1 >"$out/whole/tree/1"; mv "$out/whole" "$src/"
becomes same same
echo 2 >>"$src/whole/tree/1"
becomes same same
echo no >"$src/x.log"; echo no >"$src/x.part"; mkdir "$src/d/private"; echo no >"$src/d/private/x"; echo yes >"$src/y"
becomes "^yes$" cat "$in/y"
[ ! -e "$in/x.log" ] && [ ! -e "$in/x.part" ] && [ ! -e "$in/d/private" ] || fail "ignored names: $(find "$in")"
mv "$src/x.part" "$src/x"
becomes "^no$" cat "$in/x"
rm "$src/x.log"; rm -r "$src/d/private"
# without --delete what goes stays
rm "$src/y"; mv "$src/whole" "$out/"
echo after >"$src/after"; becomes "^after$" cat "$in/after"
[ -e "$in/y" ] && [ -e "$in/whole/tree/1" ] || fail "something was deleted"
# a name that is only one of several
echo changed >>"$src/d/old"
becomes 'old changed' sh -c "paste -sd' ' '$in/d/another'"
kill -0 $watcher || fail "it has ended"
end_it; [ ! -s "$work/why" ] || fail "it complained: $(cat "$work/why")"

# ---- at random, with lost news and kills
watch_it --delete --all-names
becomes same same
stir() { python3 "$TESTS/stir.py" "$src" "$out" "$1" "$2" >/dev/null; }
stir 1 600; stir 2 600
becomes same same
kill -STOP $watcher
storm
stir 3 400
kill -CONT $watcher
becomes same same
stir 4 300 & stirring=$!
sleep 0.1; end_it KILL
wait $stirring
stir 5 200
watch_it --delete --all-names
becomes same same
stir 6 400
becomes same same
end_it; wait $watcher 2>/dev/null
grep -vE 'changes while|No such file' "$work/why" && fail "it complained"

# ---- an empty source, two that lie in each other, a source that goes
mkdir "$work/empty"
refuse 'is empty and .* is not' "$brainy" watch "$work/empty" "$in" --delete
refuse 'the destination lies in it' "$brainy" watch "$mnt" "$in"
refuse 'No such file' "$brainy" watch "$work/none" "$in"
"$brainy" watch --drop --delete "$src" "$in" 2>/dev/null; [ $? = 2 ] || fail "--drop --delete is not 2"
watch_it
mv "$src" "$work/away"
wait $watcher && fail "it did not notice that its source has gone"
grep -q 'the source was moved, removed or unmounted' "$work/why" || fail "$(cat "$work/why")"
mv "$work/away" "$src"

# ---- once
rm -rf "$src" "$in"; mkdir -p "$src/d"; echo 1 >"$src/d/1"
"$brainy" watch "$src" "$in" --once --json >"$work/report" || fail "--once"
same >/dev/null || fail "--once: $(same)"
rm -r "$src/d"; echo 2 >"$src/2"
"$brainy" watch "$src" "$in" --once --delete --json >"$work/report" || fail "--once"
same >/dev/null || fail "--once --delete: $(same)"
[ "$(count removed "$work/report")" = 2 ] && [ "$(count files "$work/report")" = 1 ] || fail "$(cat "$work/report")"

# ---- moving in
echo here >"$in/same name"
mkdir "$src/d"; echo drop >"$src/d/drop"; echo other >"$src/same name"; cp -p "$in/2" "$src/2"
echo these >"$in/alike"; echo those >"$src/alike"; touch -r "$in/alike" "$src/alike"
ln "$src/alike" "$src/alike too"; echo two >"$src/one name"; ln "$src/one name" "$src/two names"
exec 3>"$src/long"; echo begun >&3
watch_it --drop
becomes "^drop$" cat "$in/d/drop"
becomes 'No such' ls "$src/d/drop"; becomes 'No such' ls "$src/2"
expect here cat "$in/same name"; expect other cat "$src/same name"
becomes 'No such' ls "$src/alike too"; becomes 'No such' ls "$src/two names"; becomes 'No such' ls "$src/one name"
expect "those
two
two" cat "$in/alike too" "$in/one name" "$in/two names"
expect these cat "$in/alike"; expect those cat "$src/alike"
grep -q 'same name: kept' "$work/why" && grep -q 'alike: kept' "$work/why" || fail "$(cat "$work/why")"
[ -e "$src/long" ] && [ ! -e "$in/long" ] || fail "a file that is written to was taken"
echo ended >&3; exec 3>&-
becomes "begun
ended" cat "$in/long"
becomes 'No such' ls "$src/long"
end_it

# ---- no more watches
mkdir -p "$work/three/a/b"
if unshare -Ur sh -c 'echo 2 >/proc/sys/user/max_inotify_watches' 2>/dev/null; then
    refuse 'raise the limit: sysctl fs.inotify.max_user_watches' unshare -Ur sh -c \
        'echo 2 >/proc/sys/user/max_inotify_watches; exec "$0" watch "$1" "$2"' "$brainy" "$work/three" "$work/copy"
fi
exit 0
