#!/bin/sh
# tiers.sh [DIR] - one table of what moving files between tiers costs: demotion, reading warm and cold files, and what programs
# feel of it meanwhile. Each figure stands beside its bar and, where something else says what is possible, that, measured in
# turn with ours in the same run. A line of JSON at the end says the same; the exit status is 1 when a bar is missed.
# DIR (default /var/tmp) holds volume and bucket, some 1.5 GB at most. The bucket is an S3 server's on this machine
# (tests/s3/server.sh); rows that need it are left out, with the reason, where it cannot be had. What nobody shall find in the
# kernel's cache is dropped by posix_fadvise(2), file by file: in the mount, and the packs below it. A processor second is one of
# the server's, whichever threads it was spent by; only ratios of one run compare.
# TEXT=FILE (4 MB and more) and DOCUMENTS=FOLDER or =FILE.jsonl ({"title":.., "text":..} a line): real ones, whose compression
# has bars; without them text is made that compresses about as English does. QUICK=1: less of all, in about a minute.
set -eu
cd "$(dirname "$0")/.."
[ -x build/brainy ] && [ -x build/bench/packs ] || { echo "build first: meson setup build && ninja -C build" >&2; exit 1; }
exec python3 bench/tiers.py "${1:-/var/tmp}"
