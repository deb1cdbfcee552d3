# The server is killed every 0.5 to 1 s while four threads change names: each result is what a model says, nothing is
# done twice. By hand, for longer: KEEPER_OPS_SECONDS=600, KEEPER_OPS_SEED=N.
. "$(dirname "$0")/lib.sh"
ops=$(dirname "$brainy")/tests/keeper_ops
[ -x "$ops" ] || { echo "no program at $ops: build first"; exit 1; }
start
"$ops" "$mnt" "$vol/lock" "${KEEPER_OPS_SECONDS:-12}" ${KEEPER_OPS_SEED:-} >"$work/said" 2>&1 || fail "$(cat "$work/said")"
cat "$work/said"
# Who may read the keeper's table sees that kills met requests, and that some of those had been executed.
if [ "$(id -u)" = 0 ]; then
    ! grep -q '^0 kills\|, 0 of them hit' "$work/said" || fail "no kill met a request: $(cat "$work/said")"
    ! grep -q '; 0 came again' "$work/said" || fail "no request came again: $(cat "$work/said")"
fi
stop
"$brainy" fsck "$vol" || fail "fsck"
