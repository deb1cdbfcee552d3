#!/bin/sh
# scale.sh [DIR] - one table: mounting a large volume after a clean stop and after a crash with a full log, the memory
# that it takes then, how fast names are found in it, and whether large folders, deep trees and huge files stay linear. DIR (default /var/tmp) holds the volume meanwhile: some 3 KB
# a file. FILES (1000000); INDEX=1 has all of them indexed first, which takes as long as it takes; WIDE (100000): entries
# of the one large directory; EXTENTS (20000): writes to a file of 100 GiB. The bars stand beside the figures; the exit status is 1 when one of them is missed.
set -eu
cd "$(dirname "$0")/.."
[ -x build/brainy ] || { echo "build first: meson setup build && ninja -C build" >&2; exit 1; }
exec python3 bench/scale.py "${1:-/var/tmp}"
