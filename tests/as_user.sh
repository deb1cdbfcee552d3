#!/bin/sh
# as_user.sh COMMAND.. - runs a test as an ordinary user; skips when root cannot become one. Where the machine keeps
# /dev/fuse for root (udev opens it to all, a bare container may not), a mount namespace gets a node of its own.
set -u
[ "$(id -u)" != 0 ] && exec "$@"
command -v setpriv >/dev/null || { echo "setpriv is missing"; exit 77; }
command -v fusermount3 >/dev/null || { echo "fusermount3 is missing"; exit 77; }
user='setpriv --reuid=65534 --regid=65534 --clear-groups'

if ! $user sh -c 'exec 3<>/dev/fuse' 2>/dev/null; then
    [ -z "${AS_USER_NODE:-}" ] || { echo "/dev/fuse cannot be opened by an ordinary user"; exit 77; }
    dev=$(mktemp -d)
    mknod -m 666 "$dev/fuse" c 10 229 || { echo "mknod is not allowed here"; exit 77; }
    AS_USER_NODE=$dev/fuse unshare --mount sh -c 'mount --bind "$AS_USER_NODE" /dev/fuse && exec sh "$@"' sh "$0" "$@"
    status=$?
    rm -rf "$dev"
    exit $status
fi
home=$(mktemp -d)
chown 65534:65534 "$home"
HOME=$home TMPDIR=$home $user "$@"
status=$?
rm -rf "$home"
exit $status
