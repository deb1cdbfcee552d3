# Mounted in a user namespace: ids are those that the mounter's namespace says, on disk, too; what it does not map is
# nobody's; outside nobody looks in. Root only: it maps more ids than an ordinary user may.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || { echo "needs root, to map ids"; exit 77; }
unshare --user true 2>/dev/null || { echo "no user namespaces here"; exit 77; }

base=200000
chmod 755 "$work"
# What a volume from elsewhere has: files of an id that the namespace has, and of one that it has not.
start
echo of 5 >"$mnt/five"; chown 5:6 "$mnt/five"
echo of 70000 >"$mnt/foreign"; chown 70000:70001 "$mnt/foreign"; chmod 644 "$mnt/foreign"
echo private >"$mnt/closed"; chown 70000:70001 "$mnt/closed"; chmod 600 "$mnt/closed"
echo listed >"$mnt/listed"; chown 5:6 "$mnt/listed"
setfacl -m u:7:r "$mnt/five" && setfacl -m u:70000:rw "$mnt/listed" || acl=none
chmod 777 "$mnt"
stop
# A volume is its owner's, who is root of the namespace there.
key=$HOME/.config/brainy
[ -d "$key" ] && chmod -R a+rX "$HOME"
chown -R $base:$base "$vol" "$mnt" "$HOME"

cat >"$work/inside.sh" <<'IN'
. "$1/lib-of.sh"
"$brainy" mount "$vol" "$mnt" -o allow_other || fail "mount in a user namespace"
is() { expect "$1" stat -c %u:%g "$mnt/$2"; }
[ "$(id -u)" = 0 ] || fail "not root in the namespace"
is 5:6 five
expect "of 5" cat "$mnt/five"
# An id without a mapping: nobody's, for root of the namespace, too, who has no power over it.
is 65534:65534 foreign
expect "of 70000" cat "$mnt/foreign"
refuse denied cat "$mnt/closed"
refuse 'not permitted|too large|Invalid' chown 5 "$mnt/closed"
refuse 'not permitted|too large|Invalid' chmod 644 "$mnt/closed"
refuse 'too large|Invalid' chown 70000 "$mnt/five"
# Who makes something owns it, as the namespace names him.
echo root >"$mnt/root"; is 0:0 root
as() { id=$1; shift; setpriv --reuid="$id" --regid="$id" --clear-groups "$@"; }
as 1234 sh -c 'umask 077; echo mine >"$1/mine"; mkdir "$1/dir"; ln -s x "$1/link"' sh "$mnt" || fail "user 1234"
is 1234:1234 mine; is 1234:1234 dir; is 1234:1234 link
chown 4321:99 "$mnt/root"; is 4321:99 root
if [ -z "${acl:-}" ]; then
    getfacl -nc "$mnt/five" 2>/dev/null | grep -qx 'user:7:r--' || fail "an access list lost an id"
    refuse Invalid cat "$mnt/listed" # the kernel cannot name who is in its list, and lets nobody in
fi
# Queries know callers by the same numbers.
echo "a zebra of 1234" >"$mnt/dir/text"; chown 1234 "$mnt/dir/text"
"$brainy" wait "$mnt" --for index --timeout 30 >/dev/null || fail wait
expect dir/text as 1234 cat "$mnt/.query/find?q=zebra&mode=text&format=paths"
expect "" as 1235 cat "$mnt/.query/find?q=zebra&mode=text&format=paths"
expect dir/text cat "$mnt/.query/find?q=zebra&mode=text&format=paths"
refuse denied as 1235 cat "$mnt/mine"
setfattr -n user.brainy.quota-inodes -v 10 "$mnt/dir" || fail "root of the namespace sets no quota"
echo ready >"$work/inside"
while [ ! -e "$work/go" ]; do sleep 0.05; done
"$brainy" umount "$mnt" || fail umount
IN
sed -e '/^work=/d' -e '/^trap/d' -e '/^mkdir/d' "$(dirname "$0")/lib.sh" >"$work/lib-of.sh"
chmod 711 "$work"; chown $base "$work"
# The maps come from outside, as newuidmap(1) does it.
# udev opens /dev/fuse to all; a bare container may not.
mknod -m 666 "$work/fuse" c 10 229 || { echo "mknod is not allowed here"; exit 77; }
env work="$work" brainy="$brainy" BRAINY="$brainy" acl="${acl:-}" unshare --mount sh -c 'mount --bind "$work/fuse" /dev/fuse; exec "$@"' sh \
    setpriv --reuid=$base --regid=$base --clear-groups unshare --user --mount sh -c 'echo here >"$work/up"; while [ "$(cat /proc/self/uid_map | wc -l)" = 0 ]; do sleep 0.05; done
        exec setpriv --reuid=0 --regid=0 --clear-groups sh "$work/inside.sh" "$work"' >"$work/said" 2>&1 &
inside=$!
n=0; until [ -e "$work/up" ]; do sleep 0.05; n=$((n + 1)); [ $n -lt 200 ] || fail "no namespace: $(cat "$work/said")"; done
echo "0 $base 65536" >"/proc/$inside/gid_map" && echo "0 $base 65536" >"/proc/$inside/uid_map" || fail "maps"
n=0; until [ -e "$work/inside" ]; do
    kill -0 $inside 2>/dev/null || { cat "$work/said"; fail "inside"; }
    sleep 0.05; n=$((n + 1)); [ $n -lt 2000 ] || fail "inside hangs: $(cat "$work/said")"
done
# From outside, whoever it is, nobody looks in: to the kernel all of it would be another's.
refuse denied nsenter --mount="/proc/$inside/ns/mnt" cat "$mnt/five"
touch "$work/go"
wait $inside || { cat "$work/said"; fail "inside"; }
cat "$work/said"

# On disk are the numbers of the namespace.
chown -R 0:0 "$vol" "$mnt" "$HOME"
"$brainy" mount "$vol" "$mnt" || fail "mount outside"
for f in 5:6:five 70000:70001:foreign 70000:70001:closed 4321:99:root 1234:1234:mine 1234:1234:dir 1234:1234:link; do
    expect "${f%:*}" stat -c %u:%g "$mnt/${f##*:}"
done
[ -n "${acl:-}" ] || getfacl -nc "$mnt/listed" 2>/dev/null | grep -qx 'user:70000:rw-' || fail "an access list lost an id that the namespace has not"
