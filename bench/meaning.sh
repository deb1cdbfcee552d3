#!/bin/sh
# meaning.sh [DIR] - one table: tags, views, links and counts on many files. DIR (default /var/tmp) holds the volume
# meanwhile: some 4 KB a file. FILES (1000000), TAGS (100000), LINKS (5000000, set by xattr, five targets a call). Files are
# empty: what is measured is the catalog. The bars stand beside the figures; the exit status is 1 when one of them is missed.
set -eu
cd "$(dirname "$0")/.."
[ -x build/brainy ] || { echo "build first: meson setup build && ninja -C build" >&2; exit 1; }
exec python3 bench/meaning.py "${1:-/var/tmp}"
