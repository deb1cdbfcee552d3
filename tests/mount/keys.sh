# Key file, passphrase, recovery key; both ciphers.
. "$(dirname "$0")/lib.sh"
for cipher in xchacha20 auto; do
    "$brainy" init "$vol" --key-file "$work/k" --cipher $cipher >"$work/init" || fail "init with a key file"
    grep -q 'recovery key' "$work/init" || fail "no recovery key was printed"
    expect 600 stat -c %a "$work/k"
    "$brainy" mount "$vol" "$mnt" --key-file "$work/k" || fail "mount"
    echo secret >"$mnt/f"
    stop
    recovery=$(sed -n 's/^recovery key.*: //p' "$work/init")
    printf '%s\n' "$recovery" | "$brainy" mount "$vol" "$mnt" --passphrase-fd 0 || fail "mount with the recovery key"
    expect secret cat "$mnt/f"
    stop
    rm -rf "$vol" "$work/k"
done
echo "correct horse" | "$brainy" init "$vol" --passphrase-fd 0 >/dev/null || fail "init with a passphrase"
echo "wrong horse" | refuse 'no keyslot accepts this passphrase' "$brainy" mount "$vol" "$mnt" --passphrase-fd 0
echo "correct horse" | "$brainy" mount "$vol" "$mnt" --passphrase-fd 0 || fail "mount with the passphrase"
echo x >"$mnt/f" && stop
echo "correct horse" | "$brainy" fsck "$vol" --passphrase-fd 0 || fail "fsck"
