# What cannot work is refused with a reason, and changes nothing.
. "$(dirname "$0")/lib.sh"
mkdir "$work/empty"
refuse 'not a volume' "$brainy" mount "$work/empty" "$mnt"
refuse 'No such file' "$brainy" mount "$work/none" "$mnt"
"$brainy" init "$vol" >/dev/null || fail init
refuse 'already' "$brainy" init "$vol"
refuse 'not empty' "$brainy" init "$work/home"
refuse 'does not exist' "$brainy" mount "$vol" "$work/no-such-folder"
mkdir "$vol/inner"
refuse 'inside the volume' "$brainy" mount "$vol" "$vol/inner"
rmdir "$vol/inner"
head -c 40 /dev/urandom | od -An -tx1 >"$work/other.key"
refuse 'no keyslot accepts this key file' "$brainy" mount "$vol" "$mnt" --key-file "$work/other.key"
refuse 'cannot read the key file' "$brainy" mount "$vol" "$mnt" --key-file "$work/none.key"
refuse "'frobnicate' is not known" "$brainy" mount "$vol" "$mnt" -o rw,frobnicate
printf '[index]\nmax_fiel = 3\n' >"$vol/brainy.conf"
refuse 'brainy.conf:2: unknown key .max_fiel.*max_file' "$brainy" mount "$vol" "$mnt"
rm "$vol/brainy.conf"
"$brainy" mount "$vol" "$mnt" || fail mount
mkdir "$work/mnt2"
refuse "in use by process [0-9]+, mounted at $mnt" "$brainy" mount "$vol" "$work/mnt2"
refuse 'in use' "$brainy" fsck "$vol"
refuse 'busy' "$brainy" mount "$vol" "$mnt"
( cd "$mnt" && refuse 'in use by' "$brainy" umount "$mnt" ) || exit 1
mounted || fail "a busy mount was unmounted"
stop
refuse 'no brainyfs is mounted' "$brainy" umount "$mnt"
