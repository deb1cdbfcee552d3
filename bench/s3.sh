#!/bin/sh
# s3.sh - parallel reads from an S3 server on this machine (tests/s3/server.sh): our client against `curl --parallel`,
# alternating, the best of five each. Prints a line a size: bytes, what both get, and the ratio.
set -eu
cd "$(dirname "$0")/.."
program=build/bench/s3
[ -x "$program" ] || { echo "no program at $program: ninja -C build bench/s3"; exit 1; }
work=$(mktemp -d)
trap 'sh tests/s3/server.sh stop "$work/s3"; rm -rf "$work"' EXIT
sh tests/s3/server.sh start "$work/s3" >"$work/exports"
. "$work/exports"

# by_curl N BYTES - bytes a second of curl, 64 at a time
by_curl() {
    for i in $(seq 0 $(($1 - 1))); do
        printf 'url = "%s/%s/bench/%04d"\noutput = "/dev/null"\n' "$S3_ENDPOINT" "$S3_BUCKET" "$i"
    done >"$work/urls"
    begin=$(date +%s%N)
    curl -s --fail --noproxy '*' --parallel --parallel-max 64 --parallel-immediate --aws-sigv4 "aws:amz:$AWS_REGION:s3" \
        --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" -H "x-amz-content-sha256: UNSIGNED-PAYLOAD" -H "Range: bytes=0-$(($2 - 1))" --config "$work/urls" 2>"$work/progress"
    echo $(($1 * $2 * 1000 / (($(date +%s%N) - begin) / 1000000 + 1)))
}
best() { sort -n | tail -n 1; }

for case in "512 65536" "256 1048576" "64 8388608"; do
    set -- $case
    "$program" put "$1" "$2"
    : >"$work/ours"; : >"$work/theirs"
    for _ in 1 2 3 4 5; do
        "$program" get "$1" "$2" 64 >>"$work/ours"
        by_curl "$1" "$2" >>"$work/theirs"
    done
    awk -v size="$2" -v ours="$(best <"$work/ours")" -v theirs="$(best <"$work/theirs")" \
        'BEGIN { printf "%8d bytes: brainyfs %4.0f MB/s, curl %4.0f MB/s, ratio %.2f\n", size, ours / 1e6, theirs / 1e6, ours / theirs }'
done
