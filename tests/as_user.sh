#!/bin/sh
# as_user.sh COMMAND.. - runs a test as an ordinary user; skips when root cannot become one. A mount namespace of its
# own has what the machine keeps from the user: /dev/fuse (udev opens it to all, a bare container may not), and the
# project, where it lies in a folder like /root that only its owner enters.
set -u
[ "$(id -u)" != 0 ] && exec "$@"
command -v setpriv >/dev/null || { echo "setpriv is missing"; exit 77; }
command -v fusermount3 >/dev/null || { echo "fusermount3 is missing"; exit 77; }
user='setpriv --reuid=65534 --regid=65534 --clear-groups'
project=$(cd "$(dirname "$0")/.." && pwd)

may_open_fuse() { $user sh -c 'exec 3<>/dev/fuse' 2>/dev/null; }
may_enter() { $user sh -c 'cd "$1" && [ -r . ]' sh "$1" 2>/dev/null; }

# Puts an empty folder that all may enter over the outermost one that the user may not, and the project back below it.
open_way() {
    closed='' rest=${project#/}/
    while [ -n "$rest" ]; do
        closed=$closed/${rest%%/*} rest=${rest#*/}
        may_enter "$closed" || break
    done
    [ "$closed" != "$project" ] || { echo "an ordinary user may not read $project"; return 1; }
    mount --bind "$project" "$1" && mount -t tmpfs -o mode=755 none "$closed" && mkdir -p "$project" &&
        mount --bind "$1" "$project" && cd "$project"
}

if ! may_open_fuse || ! may_enter "$project"; then
    if [ -z "${AS_USER_NAMESPACE:-}" ]; then
        place=$(mktemp -d)
        mkdir "$place/project"
        AS_USER_NAMESPACE=$place unshare --mount sh "$project/tests/as_user.sh" "$@"
        status=$?
        rm -rf "$place"
        exit $status
    fi
    umask 022
    may_open_fuse || { mknod -m 666 "$AS_USER_NAMESPACE/fuse" c 10 229 && mount --bind "$AS_USER_NAMESPACE/fuse" /dev/fuse; } ||
        { echo "mknod or mount is not allowed here"; exit 77; }
    may_open_fuse || { echo "/dev/fuse cannot be opened by an ordinary user"; exit 77; }
    may_enter "$project" || open_way "$AS_USER_NAMESPACE/project" || exit 77
fi
home=$(mktemp -d)
chown 65534:65534 "$home"
HOME=$home TMPDIR=$home $user "$@"
status=$?
rm -rf "$home"
exit $status
