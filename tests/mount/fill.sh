# bench fill: what it makes is a volume like any other; a mounted one is refused, by either of its names.
. "$(dirname "$0")/lib.sh"
"$brainy" init "$vol" >/dev/null || fail "init"
expect "300 files in 7 folders below fill" sh -c "'$brainy' bench fill '$vol' --files 300 --folders 7 --size 2000 | cut -d, -f1"
expect "5 files in 1 folders below big" sh -c "'$brainy' bench fill '$vol' --files 5 --size 3000000 --into big | cut -d, -f1"
refuse 'fill is there already' "$brainy" bench fill "$vol" --files 1
refuse 'VOLUME and --files are wanted' "$brainy" bench fill "$vol"
refuse 'not allowed' "$brainy" bench fill "$vol" --files 1x
expect "$vol is clean" sh -c "'$brainy' fsck '$vol' | tail -n 1"
"$brainy" mount "$vol" "$mnt" || fail "mount"
expect 7 sh -c "ls '$mnt/fill' | wc -l"
expect 300 sh -c "find '$mnt/fill' -type f -size -2001c -size +1999c | wc -l"
expect 5 sh -c "find '$mnt/big' -type f -size 3000000c | wc -l"
expect "item299" sh -c "cut -d' ' -f1 '$mnt/fill/d00006/f0000299.txt' | head -n 1"
"$brainy" wait "$mnt" --for index --timeout 60 || fail "they are not indexed"
expect fill/d00001/f0000042.txt find_paths item42 'mode=text'
refuse 'in use' "$brainy" bench fill "$vol" --files 1 --into other
refuse 'this is a mount' "$brainy" bench fill "$mnt" --files 1 --into other
