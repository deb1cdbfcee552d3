# The examples: a reader of query files in Python.
. "$(dirname "$0")/lib.sh"
start
examples=$TESTS/../../examples
mkdir "$mnt/notes"
echo "The sluice keeper writes about kingfishers." >"$mnt/notes/river.txt"
setfattr -n user.xdg.tags -v "water" "$mnt/notes/river.txt"
"$brainy" wait "$mnt" || fail "wait"
python3 "$examples/brainy_query.py" "$mnt" kingfishers >"$work/found" || fail "brainy_query.py"
grep -q "^notes/river.txt	.*sluice keeper" "$work/found" || fail "brainy_query.py found $(cat "$work/found")"
refuse "not closed" python3 "$examples/brainy_query.py" "$mnt" '"kingfishers'
python3 - "$examples" "$mnt" <<'PY' || fail "find() of brainy_query.py"
import sys
sys.path.insert(0, sys.argv[1])
import brainy_query
hits = brainy_query.find(sys.argv[2], tag="water")
assert [h["path"] for h in hits] == ["notes/river.txt"] and hits[0]["tags"] == ["water"], hits
assert brainy_query.ask(sys.argv[2], "count", by="tag") == b"1\twater\n"
PY
sh -n "$examples/brainy-fzf.sh" || fail "brainy-fzf.sh"
