# Completion in real shells: commands, options, choices, tags, filters and their values, files, names of queries.
# Waits: for shells.
. "$(dirname "$0")/lib.sh"
for shell in bash zsh fish; do
    command -v $shell >/dev/null || { echo "$shell is missing"; exit 77; }
done
start
mkdir "$mnt/notes" "$mnt/.tags/new-one"
echo "The sluice keeper writes about kingfishers." >"$mnt/notes/river.txt"
echo "Reeds." >"$mnt/notes/lake.txt"
setfattr -n user.xdg.tags -v "water,salt marsh" "$mnt/notes/river.txt"
setfattr -n user.author -v Ada "$mnt/notes/river.txt"
"$brainy" wait "$mnt" || fail "wait"
cd "$mnt" || exit 1
PATH=$(dirname "$brainy"):$PATH
export PATH
for shell in bash zsh fish; do
    python3 "$TESTS/completion.py" $shell "$TESTS/../../examples" "$work" || fail "completion for $shell"
done
