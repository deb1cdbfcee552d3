#!/bin/sh
# run.sh [PATTERN] - installs what it needs, builds, runs every test (or those whose name matches PATTERN);
# the last line is `N passed, N failed, N skipped`. Logs lie in build/test-logs.
set -u
cd "$(dirname "$0")/.."
pattern=${1:-}
sh tools/deps.sh test || { echo "0 passed, 1 failed, 0 skipped"; exit 1; }

logs=$PWD/build/test-logs
mkdir -p "$logs"
passed=0 failed=0 skipped=0
export LC_ALL=C.UTF-8

# try NAME COMMAND.. - one test: exit status 0 passed, 77 skipped (its last line says why), else failed
try() {
    name=$1; shift
    case $name in *"$pattern"*) ;; *) return 0 ;; esac
    start=$(date +%s)
    "$@" >"$logs/$(echo "$name" | tr / _).log" 2>&1
    status=$?
    log=$logs/$(echo "$name" | tr / _).log
    took=$(($(date +%s) - start))
    case $status in
    0) passed=$((passed + 1)); echo "PASS $name (${took}s)" ;;
    77) skipped=$((skipped + 1)); echo "SKIP $name: $(tail -n 1 "$log")" ;;
    *) failed=$((failed + 1)); echo "FAIL $name (${took}s, status $status)"; tail -n 25 "$log" | sed 's/^/    /' ;;
    esac
    return "$status"
}

# build FOLDER [MESON OPTIONS..] with CC from the environment
build() {
    dir=$1; shift
    [ -f "$dir/build.ninja" ] || meson setup "$dir" -Dwerror=true "$@" || return 1
    ninja -C "$dir"
}

# each test program of a build folder as one test, so that the count says what ran
programs() { # FOLDER LABEL SUITE..
    dir=$1 label=$2; shift 2
    for suite in "$@"; do
        for t in $(meson test -C "$dir" --list --suite "$suite" 2>/dev/null | sed -n 's/^.* \/ //p'); do
            try "$label/$suite/$t" meson test -C "$dir" --no-rebuild --print-errorlogs --suite "$suite" "$t"
        done
    done
}

try build/gcc build build && {
    programs build gcc unit fuzz
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
    for case in tests/mount/*.sh; do
        [ "$case" = tests/mount/lib.sh ] && continue
        name=$(basename "$case" .sh)
        [ "$(id -u)" != 0 ] || try "mount/root/$name" sh "$case"
        try "mount/user/$name" sh tests/as_user.sh sh "$case"
    done
    for case in tests/format/*.sh tests/embed/*.sh; do
        [ -f "$case" ] && try "$(basename "$(dirname "$case")")/$(basename "$case" .sh)" sh "$case"
    done
}
[ -n "$pattern" ] || try nonces python3 tests/nonce_check.py "$BRAINY_NONCE_LOG"
unset BRAINY BRAINY_NONCE_LOG
CC=clang try build/clang build build-clang
try build/asan build build-asan -Db_sanitize=address,undefined -Db_lundef=false &&
    programs build-asan asan unit fuzz
try build/tsan build build-tsan -Db_sanitize=thread -Db_lundef=false && {
    for t in $(meson test -C build-tsan --list --suite unit 2>/dev/null | sed -n 's/^.* \/ //p' | grep -E '^(wal|catalog)'); do
        try "tsan/unit/$t" meson test -C build-tsan --no-rebuild --print-errorlogs --suite unit "$t"
    done
}

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
