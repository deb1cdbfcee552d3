#!/bin/sh
# run.sh [DIR] - one table: each operation through the mount, beside the same on the filesystem that DIR lies on (default
# /var/tmp), in interleaved rounds; medians, and their ratio. As root also beside fuse-null, which does nothing but what
# FUSE and sealing take, in time per operation: ours is to take at most 1 / 0.8 of it. fsync_8, fsync_64: of so many clients
# that write 4 KiB and sync, each its own file. Then indexing, queries, mounting and memory.
# An ext4 without a journal creates files slowly for half a minute after others were unlinked there, so give a DIR on
# another filesystem if / is one, or native `create` looks worse than it is.
# ROUNDS (3), FILES (5000), MEGABYTES (256): more gives steadier figures. Only ratios of one run compare.
set -eu
cd "$(dirname "$0")/.."
[ -x build/brainy ] && [ -x build/bench/ops ] || { echo "build first: meson setup build && ninja -C build" >&2; exit 1; }
exec python3 bench/table.py "${1:-/var/tmp}"
