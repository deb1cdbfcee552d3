# A second daemon on a mounted volume is refused, also through another name of the folder and when the first is stopped;
# the first goes on.
. "$(dirname "$0")/../mount/lib.sh"
start
echo first >"$mnt/file"
mkdir "$work/other"
ln -s "$vol" "$work/name"
refuse 'in use|mounted|busy' timeout 60 "$brainy" mount "$vol" "$work/other"
refuse 'in use|mounted|busy' timeout 60 "$brainy" mount "$work/name" "$work/other"
refuse 'in use|mounted|busy' timeout 60 "$brainy" fsck "$vol"
grep -q " $work/other " /proc/self/mounts && fail "mounted twice"
expect first cat "$mnt/file"
echo more >"$mnt/more" || fail "the first mount does not go on"
again
expect more cat "$mnt/more"
stop
"$brainy" fsck "$vol" || fail fsck
