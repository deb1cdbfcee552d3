# The examples: a reader of query files in Python, completion of commands and tags.
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

# What is completed: commands, then what belongs to them, then tags of the mount one stands in.
PATH=$(dirname "$brainy"):$PATH
export PATH
complete() { bash -c '. "$1"; shift; cd "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _brainy; printf "%s " "${COMPREPLY[@]}"' - "$examples/completions/brainy.bash" "$mnt" "$@"; }
expect "tag " complete brainy ta
expect "add rm ls " complete brainy link ""
expect "water " complete brainy tag add wa
expect "notes " complete brainy find no
for shell in zsh fish; do
    command -v $shell >/dev/null || continue
    case $shell in zsh) file=_brainy ;; fish) file=brainy.fish ;; esac
    $shell -n "$examples/completions/$file" || fail "completion for $shell"
done
