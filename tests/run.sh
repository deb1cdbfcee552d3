#!/bin/sh
# run.sh [PATTERN] - installs what it needs, builds, runs every test (or those whose name matches PATTERN);
# the last line is `N passed, N failed, N skipped`. Logs lie in build/test-logs.
set -u
cd "$(dirname "$0")/.."
pattern=${1:-}
sh tools/deps.sh test || { echo "0 passed, 1 failed, 0 skipped"; exit 1; }

logs=$PWD/build/test-logs
mkdir -p "$logs" && rm -f "$logs"/*.status "$logs"/*.log # of a run before
# The S3 server of some tests takes minutes to build, the first time: it begins now. They wait for it.
case $pattern in '' | *s3* | *tiers* | *client*) sh tests/s3/server.sh get >"$logs/s3_server.log" 2>&1 & ;; esac
passed=0 failed=0 skipped=0 begun=
export LC_ALL=C.UTF-8
export CCACHE_NOHASHDIR=1 # most of what two folders build is the same

# report NAME STATUS SECONDS LOG - counts and prints one result: 0 passed, 77 skipped (the log's last line says why)
report() {
    case $2 in
    0) passed=$((passed + 1)); echo "PASS $1 ($3)" ;;
    77) skipped=$((skipped + 1)); echo "SKIP $1: $(grep -v '^=*$' "$4" | tail -n 1)" ;;
    *) failed=$((failed + 1)); echo "FAIL $1 ($3, status $2)"; tail -n 25 "$4" | sed 's/^/    /' ;;
    esac
}

# begin NAME COMMAND.. - starts one test; finish NAME waits for it, and reports it
begin() {
    case $1 in build/* | *"$pattern"*) ;; *) return 0 ;; esac
    begin_name=$1 begin_log=$logs/$(echo "$1" | tr / _).log; shift
    {
        begin_at=$(date +%s)
        "$@" >"$begin_log" 2>&1
        echo "$? $(($(date +%s) - begin_at))s" >"$begin_log.status"
    } &
    begun="$begun $begin_name:$!"
}
finish() {
    for finish_job in $begun; do
        case $finish_job in "$1":*) wait "${finish_job##*:}" ;; esac
    done
    finish_log=$logs/$(echo "$1" | tr / _).log
    [ -f "$finish_log.status" ] || return 0
    read -r finish_status finish_seconds <"$finish_log.status"
    rm "$finish_log.status"
    report "$1" "$finish_status" "$finish_seconds" "$finish_log"
    return "$finish_status"
}

# try NAME COMMAND.. - one test
try() { begin "$@"; finish "$1"; }

# A test on a mount runs as an ordinary user and as root, side by side. Its first lines may say "Root only", because it needs
# root to become two users; "Alone", because the other one would disturb what it measures; or "Waits", when it does little
# else, so that others may go on beside it.
begin_both() {
    both_name=$(basename "$1" .sh) both_head=$(head -n 6 "$1")
    case $both_head in *'# Root only'*) ;; *) begin "mount/user/$both_name" sh tests/as_user.sh sh "$1" ;; esac
    case $both_head in *'# Alone'*) finish "mount/user/$both_name" ;; esac
    [ "$(id -u)" != 0 ] || begin "mount/root/$both_name" sh "$1"
}
finish_both() {
    finish "mount/user/$(basename "$1" .sh)"
    finish "mount/root/$(basename "$1" .sh)"
}
# marked WORD - the tests on a mount whose first lines say so; unmarked - those that say neither Alone nor Waits
marked() {
    for marked_case in tests/mount/*.sh; do
        case $(head -n 6 "$marked_case") in *"# $1"*) echo "$marked_case" ;; esac
    done
}
unmarked() { ls tests/mount/*.sh | grep -vxF "$(marked Alone; marked Waits; echo tests/mount/lib.sh)"; }
# waiting - those that wait, one after the other
waiting() { for waiting_case in $(marked Waits); do begin_both "$waiting_case"; wait; done; }

# build FOLDER [MESON OPTIONS..] with CC from the environment
build() {
    build_dir=$1; shift
    [ -f "$build_dir/build.ninja" ] || meson setup "$build_dir" -Dwerror=true "$@" || return 1
    ${nice:-} ninja -C "$build_dir" ${targets:-}
}

# names FOLDER SUITE [PATTERN] - of the test programs of a build folder
names() { meson test -C "$1" --list --suite "$2" 2>/dev/null | sed -n 's/^.* \/ //p' | grep -E "${3:-.}"; }

# files_of SUITE.. [=PATTERN] - what a build needs to run these tests
files_of() {
    meson introspect build --tests | python3 -c '
import json, os, re, sys
suites, pattern = {a for a in sys.argv[1:] if a[0] != "="}, next((a[1:] for a in sys.argv[1:] if a[0] == "="), "")
for t in json.load(sys.stdin):
    if suites & {s.split(":")[-1] for s in t["suite"]} and re.search(pattern, t["name"]):
        print(*(os.path.relpath(c, "build") for c in t["cmd"] if c.startswith(os.path.abspath("build") + "/") and os.access(c, os.X_OK)))' "$@"
}

# others - what the other compiler says, and the builds with sanitizers, as far as they are run. Those make gcc warn of much
# that is not so.
threaded='^(announcing|recent|requests|wal_threads|catalog|s3|bucket|compaction|recall|impatient|sealed_cache)'
others() {
    nice=nice
    CC=clang build build-clang -Doptimization=0 -Ddebug=false
    others_failed=$?
    targets="brainy brainy-extract $(files_of unit fuzz)"
    build build-asan -Dwerror=false -Doptimization=1 -Db_sanitize=address,undefined -Db_lundef=false || others_failed=1
    targets=$(files_of unit "=$threaded")
    build build-tsan -Dwerror=false -Doptimization=1 -Db_sanitize=thread -Db_lundef=false || others_failed=1
    return $others_failed
}
# sanitized RUN - what these builds run
sanitized() {
    [ ! -f build-asan/brainy ] || { "$1" build-asan asan unit; "$1" build-asan asan fuzz; }
    [ ! -f build-tsan/tests/unit/test_catalog ] || "$1" build-tsan tsan unit "$threaded"
}
# beside - both, beside tests that wait
beside() {
    begin build/others others
    wait
    unset BRAINY BRAINY_NONCE_LOG
    # By itself UBSan says what it found, and goes on.
    export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 nice=nice
    sanitized run_programs
}

# programs FOLDER LABEL SUITE PATTERN - the test programs of a build folder, two at a time, each counted as one test
programs() { run_programs "$@"; report_programs "$@"; }
run_programs() {
    case $2/$3 in *"$pattern"*) ;; *) return 0 ;; esac
    list=$(names "$1" "$3" "${4:-}")
    [ -n "$list" ] || return 0
    ${nice:-} meson test -C "$1" --no-rebuild --num-processes 2 --timeout-multiplier 5 --suite "$3" $list \
        >"$logs/$2_$3.log" 2>&1
    cp "$1/meson-logs/testlog.txt" "$logs/$2_$3.all.log"
}
report_programs() {
    programs_log=$logs/$2_$3.log
    [ -f "$programs_log" ] || return 0
    sed -n 's/^ *[0-9]*\/[0-9]* [^/]*\/ \([^ ]*\) *\(OK\|FAIL\|TIMEOUT\|ERROR\|SKIP\) *\([0-9.]*s\).*/\1 \2 \3/p' "$programs_log" >"$programs_log.results"
    while read -r program result seconds; do
        awk -v name="$program" '/^=+ [0-9]+\/[0-9]+ =+$/ { text = ""; mine = 0 } { text = text $0 "\n" }
            $1 == "test:" { mine = index($0, "/ " name) && $NF == name } mine { kept = text } END { printf "%s", kept }' \
            "$logs/$2_$3.all.log" >"$logs/$2_$3_$program.log"
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
    for case in tests/s3/sigv4.sh tests/s3/client.sh; do
        try "s3/$(basename "$case" .sh)" sh "$case"
    done
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
    beside &
    beside_pid=$!
    waiting &
    waiting_pid=$!
    for case in $(unmarked); do begin_both "$case"; finish_both "$case"; done
    wait $waiting_pid
    for case in $(marked Waits); do finish_both "$case"; done
    wait $beside_pid
    finish build/others
    for case in $(marked Alone); do begin_both "$case"; finish_both "$case"; done
    for case in tests/format/*.sh; do
        [ -f "$case" ] && try "format/$(basename "$case" .sh)" sh "$case"
    done
}
[ -n "$pattern" ] || try nonces python3 tests/nonce_check.py "$BRAINY_NONCE_LOG"
sanitized report_programs

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
