# A reader written from docs/format.md alone sees in a pack what ours sees, in both ciphers; and the pack of an earlier
# version of the program is still read.
set -u
here=$(cd "$(dirname "$0")" && pwd)
brainy=${BRAINY:-$here/../../build/brainy}
packs=$(dirname "$brainy")/tests/packs
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1
fail() { echo "$1"; exit 1; }
for python in python3 /usr/bin/python3 ''; do # the distribution's modules are not seen by another Python
    [ -n "$python" ] || { echo "Python's nacl, cryptography or lmdb is missing"; exit 77; }
    "$python" -c 'import nacl, cryptography, lmdb' 2>/dev/null && break
done

compare() { # PACK
    "$packs" list "$1" >"$work/want" || fail "our own reader failed"
    "$python" "$here/read_pack.py" "$1" >"$work/got" || fail "the reader failed"
    cmp -s "$work/want" "$work/got" ||
        fail "the reader sees something else: $(diff "$work/want" "$work/got" | cut -c 1-300 | head -n 6)"
    [ "$(wc -l <"$work/want")" -gt 140 ] || fail "the pack is too small to prove anything"
}

for cipher in xchacha20 aes; do
    "$packs" make "$work/pack" $cipher
    case $? in 0) ;; 77) continue ;; *) fail "making a pack" ;; esac
    compare "$work/pack"
    printf 'X' | dd of="$work/pack" bs=1 seek=300 conv=notrunc 2>/dev/null
    "$python" "$here/read_pack.py" "$work/pack" 2>"$work/said" >/dev/null && fail "an altered pack was read"
    grep -q 'damaged: a seal does not open' "$work/said" || fail "it said: $(cat "$work/said")"
done
compare "$here/../assets/packs/known"
sed -n 2,5p "$work/want" | cmp -s - "$here/../assets/packs/known.txt" || fail "the known pack has changed: $(sed -n 2,5p "$work/want")"
