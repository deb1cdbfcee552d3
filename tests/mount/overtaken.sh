# A write past the kernel's cache leaves no old page behind, however many read the file meanwhile.
# Waits: for time-outs, most of its time.
. "$(dirname "$0")/lib.sh"
program=$(dirname "$brainy")/tests/overtaken
[ -x "$program" ] || { echo "no program at $program: build first"; exit 1; }
start
"$program" "$mnt/f" 4 >"$work/said" 2>&1
case $? in
0) cat "$work/said" ;;
77) echo "no asynchronous I/O here"; exit 77 ;;
*) fail "$(cat "$work/said")" ;;
esac
