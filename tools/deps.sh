#!/bin/sh
# deps.sh run|test - installs what brainyfs needs, with the distribution's package manager, as root or with sudo.
#   run   to build and use it
#   test  the same, and what tests/run.sh runs beside it
# The one list of packages is here. When all are there already, nothing is asked of the network.
set -eu

run='gcc libc6-dev meson ninja-build pkg-config fuse3 libfuse3-dev libsodium-dev liblmdb-dev libzstd-dev
     libjansson-dev libstemmer-dev libutf8proc-dev libxml2-dev libarchive-dev libmagic-dev libuchardet-dev
     libmd4c-dev libgmime-3.0-dev libexif-dev libqpdf-dev libseccomp-dev libcurl4-openssl-dev poppler-utils attr git ca-certificates'
test='ccache clang libclang-rt-14-dev python3 python3-venv python3-nacl python3-cryptography python3-lmdb lmdb-utils rsync sqlite3 zstd acl curl openssl procps util-linux e2fsprogs
      pcmanfm xvfb xdotool zsh fish fzf rofi graphviz libglib2.0-bin dbus-daemon python3-gi'

case ${1:-} in
run) want=$run ;;
test) want="$run $test" ;;
*) echo "usage: deps.sh run|test" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null; then
    echo "deps.sh: not a Debian system; install the equivalents of:" $want >&2
    exit 1
fi

missing=
for p in $want; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing="$missing $p"
done
# A bare tree lacks this link, which the first boot makes and fusermount3 needs to unmount.
mtab=
[ -e /etc/mtab ] || [ ! -e /proc/self/mounts ] || mtab=missing
[ -n "$missing$mtab" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || {
        echo "deps.sh: missing, and there is no sudo:$missing${mtab:+ /etc/mtab}" >&2
        echo "deps.sh: run 'sh tools/deps.sh $1' as root once" >&2
        exit 1
    }
    as_root=sudo
fi
run() { echo "+ $*"; "$@"; }
[ -z "$mtab" ] || run $as_root ln -s ../proc/self/mounts /etc/mtab
[ -n "$missing" ] || exit 0
run $as_root apt-get update -qq
run $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
