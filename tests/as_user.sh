#!/bin/sh
# as_user.sh COMMAND.. - runs a test as an ordinary user; skips when root cannot become one.
set -u
[ "$(id -u)" != 0 ] && exec "$@"
command -v setpriv >/dev/null || { echo "setpriv is missing"; exit 77; }
command -v fusermount3 >/dev/null || { echo "fusermount3 is missing"; exit 77; }
setpriv --reuid=65534 --regid=65534 --clear-groups sh -c 'exec 3<>/dev/fuse' 2>/dev/null ||
    { echo "/dev/fuse is closed to ordinary users"; exit 77; }
home=$(mktemp -d)
chown 65534:65534 "$home"
HOME=$home TMPDIR=$home setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
status=$?
rm -rf "$home"
exit $status
