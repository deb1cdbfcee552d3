# The quick start runs, twice, and each command that it says to try next does what it says.
. "$(dirname "$0")/lib.sh"
cd "$TESTS/../.." || exit 1
[ -x build/brainy ] || { echo "build/ has no program"; exit 77; }
demo=$work/demo
mnt=$demo/mnt vol=$demo/volume
for turn in one two; do
    BRAINY_DEMO=$demo sh examples/quickstart.sh >"$work/said" 2>&1 || fail "turn $turn: $(tail -n 5 "$work/said")"
    grep -q '^[0-9.]*	notes/minute.txt	l1	The secret word' "$work/said" || fail "turn $turn does not find what it wrote"
    grep -q '^0.250000	sourdough.txt' "$work/said" || fail "turn $turn does not find a meaning"
    grep -q '^cold$' "$work/said" || fail "turn $turn has nothing cold"
done
mkdir -p "$HOME/Documents" && echo "My own words." >"$HOME/Documents/own.txt"
sed -n '/^Try next/,$s/^  \([a-z/].*\)/\1/p' "$work/said" >"$work/next"
[ "$(wc -l <"$work/next")" -ge 8 ] || fail "what comes next: $(cat "$work/next")"
while read -r command; do
    sh -c "$command" >"$work/answer" 2>&1 || fail "$command: $(cat "$work/answer")"
    case $command in
    *find\?q=words*) grep -q 'own.txt	l1	My own words' "$work/answer" || fail "$command: $(cat "$work/answer")" ;;
    *format=json*) python3 -c 'import json, sys; assert json.load(sys.stdin)["results"]' <"$work/answer" || fail "$command" ;;
    ls*) expect minute.txt cat "$work/answer" ;;
    mkdir*) [ -e "$mnt/.find/saved/bread at home/sourdough.txt" ] || fail "$command: no bread" ;;
    esac
done <"$work/next"
! mounted || fail "it is still mounted"
