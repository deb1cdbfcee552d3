# Files, folders, links, attributes: what is written is read, also after a clean remount.
. "$(dirname "$0")/lib.sh"
start
cd "$mnt" || exit 1
echo hello >a
expect hello cat a
echo world >>a
expect "hello
world" cat a
mkdir -p d/e
mv a d/e/b
expect 12 stat -c %s d/e/b
ln d/e/b hard
expect 2 stat -c %h hard
ln -s d/e/b soft
expect "hello
world" cat soft
chmod 640 hard
expect 640 stat -c %a d/e/b
touch -d '2021-03-04 12:00:00.123456789 UTC' hard
expect 1614859200.123456789 stat -c %.9Y d/e/b
head -c 300000 /dev/urandom >big
sum=$(md5sum <big)
truncate -s 1G sparse
printf x | dd of=sparse bs=1 seek=500000000 conv=notrunc status=none
[ "$(stat -c %b sparse)" -lt 1000 ] || fail "a sparse file takes $(stat -c %b sparse) blocks"
exec 3<hard; rm d/e/b hard; echo new >d/e/b
expect "hello
world" cat <&3
exec 3<&-
rmdir d 2>/dev/null && fail "rmdir of a full folder"
cd / && again && cd "$mnt" || exit 1
expect "$sum" sh -c 'md5sum <big'
expect new cat d/e/b
expect 1073741824 stat -c %s sparse
expect "big
d
soft
sparse" ls
rm -r d big soft sparse
expect "" ls -A
