#!/bin/sh
# run.sh [PATTERN] - installs what it needs, builds, runs every test (or those whose name matches PATTERN);
# the last line is `N passed, N failed, N skipped`. Logs lie in build/test-logs.
set -u
cd "$(dirname "$0")/.."
pattern=${1:-}
sh tools/deps.sh test || { echo "0 passed, 1 failed, 0 skipped"; exit 1; }

logs=$PWD/build/test-logs
mkdir -p "$logs" && rm -f "$logs"/*.status # of a run that was stopped
passed=0 failed=0 skipped=0
export LC_ALL=C.UTF-8

# report NAME STATUS SECONDS LOG - counts and prints one result: 0 passed, 77 skipped (the log's last line says why)
report() {
    case $2 in
    0) passed=$((passed + 1)); echo "PASS $1 ($3)" ;;
    77) skipped=$((skipped + 1)); echo "SKIP $1: $(grep -v '^=*$' "$4" | tail -n 1)" ;;
    *) failed=$((failed + 1)); echo "FAIL $1 ($3, status $2)"; tail -n 25 "$4" | sed 's/^/    /' ;;
    esac
}

# begin NAME COMMAND.. - starts one test; finish NAME waits for all that were started, and reports this one
begin() {
    case $1 in build/* | *"$pattern"*) ;; *) return 0 ;; esac
    begin_log=$logs/$(echo "$1" | tr / _).log; shift
    {
        begin_at=$(date +%s)
        "$@" >"$begin_log" 2>&1
        echo "$? $(($(date +%s) - begin_at))s" >"$begin_log.status"
    } &
}
finish() {
    wait
    finish_log=$logs/$(echo "$1" | tr / _).log
    [ -f "$finish_log.status" ] || return 0
    read -r finish_status finish_seconds <"$finish_log.status"
    rm "$finish_log.status"
    report "$1" "$finish_status" "$finish_seconds" "$finish_log"
    return "$finish_status"
}

# try NAME COMMAND.. - one test
try() { begin "$@"; finish "$1"; }

# both CASE - a test on a mount, as an ordinary user and as root, side by side. Its first lines may say "Root only", because
# it needs root to become two users, or "Alone", because the other one would disturb what it measures.
both() {
    both_name=$(basename "$1" .sh) both_head=$(head -n 4 "$1")
    case $both_head in *'# Root only'*) ;; *) begin "mount/user/$both_name" sh tests/as_user.sh sh "$1" ;; esac
    case $both_head in *'# Alone'*) finish "mount/user/$both_name" ;; esac
    [ "$(id -u)" != 0 ] || begin "mount/root/$both_name" sh "$1"
    finish "mount/user/$both_name"
    finish "mount/root/$both_name"
}

# build FOLDER [MESON OPTIONS..] with CC from the environment
build() {
    build_dir=$1; shift
    [ -f "$build_dir/build.ninja" ] || meson setup "$build_dir" -Dwerror=true "$@" || return 1
    ninja -C "$build_dir"
}

# programs FOLDER LABEL SUITE PATTERN - the test programs of a build folder, two at a time, each counted as one test
programs() {
    case $2/$3 in *"$pattern"*) ;; *) return 0 ;; esac
    programs_log=$logs/$2_$3.log
    list=$(meson test -C "$1" --list --suite "$3" 2>/dev/null | sed -n 's/^.* \/ //p' | grep -E "${4:-.}")
    [ -n "$list" ] || return 0
    meson test -C "$1" --no-rebuild --num-processes 2 --timeout-multiplier 5 --suite "$3" $list >"$programs_log" 2>&1
    sed -n 's/^ *[0-9]*\/[0-9]* [^/]*\/ \([^ ]*\) *\(OK\|FAIL\|TIMEOUT\|ERROR\|SKIP\) *\([0-9.]*s\).*/\1 \2 \3/p' "$programs_log" >"$programs_log.results"
    while read -r program result seconds; do
        awk -v name="$program" '/^=+ [0-9]+\/[0-9]+ =+$/ { text = ""; mine = 0 } { text = text $0 "\n" }
            $1 == "test:" { mine = index($0, "/ " name) && $NF == name } mine { kept = text } END { printf "%s", kept }' \
            "$1/meson-logs/testlog.txt" >"$logs/$2_$3_$program.log"
        case $result in OK) status=0 ;; SKIP) status=77 ;; *) status=1 ;; esac
        report "$2/$3/$program" "$status" "$seconds" "$logs/$2_$3_$program.log"
    done <"$programs_log.results"
    [ -s "$programs_log.results" ] || report "$2/$3" 1 0s "$programs_log"
}

try build/gcc build build && {
    programs build gcc unit
    programs build gcc fuzz
    programs build gcc package
    try tree/arrows sh tests/tree/arrows.sh
    try tree/headers sh tests/tree/headers.sh
}
# Whatever writes volumes runs in a build that logs each nonce it seals with, so that at the end we know that none was
# used twice. The log is open to the ordinary user of the mount tests too.
nonces=$(mktemp -d)
trap 'rm -rf "$nonces"' EXIT
chmod 711 "$nonces" && : >"$nonces/log" && chmod 666 "$nonces/log"
export BRAINY_NONCE_LOG=$nonces/log
try build/nonces build build-nonces -Dnonce_log=true && {
    export BRAINY=$PWD/build-nonces/brainy
    programs build-nonces nonces crash
    programs build-nonces nonces model
    programs build-nonces nonces faults '^[^m]' # not mount_*, which come below, nor memory_*, which are unit tests too
    for case in tests/mount/*.sh; do
        [ "$case" = tests/mount/lib.sh ] || both "$case"
    done
    for case in tests/format/*.sh; do
        [ -f "$case" ] && try "format/$(basename "$case" .sh)" sh "$case"
    done
}
[ -n "$pattern" ] || try nonces python3 tests/nonce_check.py "$BRAINY_NONCE_LOG"
unset BRAINY BRAINY_NONCE_LOG
CC=clang try build/clang build build-clang
# By itself UBSan says what it found, and goes on.
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
try build/asan build build-asan -Doptimization=2 -Db_sanitize=address,undefined -Db_lundef=false && {
    programs build-asan asan unit
    programs build-asan asan fuzz
}
try build/tsan build build-tsan -Doptimization=2 -Db_sanitize=thread -Db_lundef=false && programs build-tsan tsan unit '^(wal_threads|catalog)'

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
