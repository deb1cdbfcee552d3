#!/bin/sh
# watch.sh [DIR] - a watched folder that is changed at random for a long time, with lost news and kills; then an import that is
# interrupted; beside it what cp needs for the same. Prints what happened, and exits with 1 when the trees are not equal or a
# bar is missed. DIR (default /var/tmp) holds both trees meanwhile. FILES (100000), SECONDS (600).
set -eu
cd "$(dirname "$0")/.."
[ -x build/brainy ] || { echo "build first: meson setup build && ninja -C build" >&2; exit 1; }
exec python3 bench/watch.py "${1:-/var/tmp}"
