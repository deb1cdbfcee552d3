# What was written, truncated, mapped or renamed before a file is opened is what one reads from it, also of small files,
# whose bytes come with the answer to OPEN.
. "$(dirname "$0")/lib.sh"
program=$(dirname "$brainy")/tests/reopened
[ -x "$program" ] || { echo "no program at $program: build first"; exit 1; }
start
"$program" "$mnt" 5 >"$work/said" 2>&1 || fail "$(cat "$work/said")"
cat "$work/said"
