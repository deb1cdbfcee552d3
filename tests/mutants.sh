#!/bin/sh
# mutants.sh [NAME..] - applies the one-line faults of tests/mutants.txt, or those named, one at a time, to a copy of the
# tree, builds what is needed, and runs the tests that should notice, in the order of the table (quickest first) until
# one does; prints for each fault the test that caught it. By hand and before each release.
# The last line is `N of N caught`.
set -u
cd "$(dirname "$0")/.."
unset BRAINY BRAINY_NONCE_LOG
export LC_ALL=C.UTF-8
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
trap 'exit 1' INT TERM
git ls-files -z | xargs -0 cp --parents -t "$copy"
cd "$copy" || exit 1
# Tests that become other users enter it.
chmod 711 "$copy" && mkdir -m 1777 tmp && export TMPDIR="$copy/tmp" || exit 1
log=$copy/mutant.log

# targets TEST.. - what ninja has to build for these
targets() {
    for t in "$@"; do
        case $t in
        mount/*) echo brainy ;;
        faults/*) echo brainy tests/faults/faulty.so ;;
        unit/sandbox) ;;
        unit/*) echo "tests/unit/test_${t#*/}" ;;
        model/*) echo "tests/$t" tests/model/powercut.so ;;
        *) echo "tests/$t" ;;
        esac
    done
    echo brainy-extract
}

# Ends what a test has left behind. A program that waits for a mount cannot be killed: the mount's server must be.
reap() {
    for p in /proc/[0-9]*; do
        case $(readlink "$p/exe") in "$copy"/build/*) kill -KILL "${p#/proc/}" 2>/dev/null ;; esac
    done
    grep -o " $copy/tmp[^ ]* fuse.brainy " /proc/self/mounts | while read -r m _; do umount -l "$m"; done
}

# run_test NAME: unit/wal, crash/wal_kill or mount/kill. The machine may be busy: slow is not failed, but a fault may also
# make a mount wait for ever.
limit=${MUTANT_LIMIT:-300}
run_test() {
    (sleep $limit; reap) >/dev/null 2>&1 &
    guard=$!
    case $1 in
    mount/*) timeout -k 20 $limit sh "tests/$1.sh" ;;
    *) timeout -k 20 $limit meson test -C build --no-rebuild -t 4 --suite "${1%%/*}" "${1#*/}" ;;
    esac >"$log" 2>&1
    status=$?
    kill $guard 2>/dev/null
    reap
    return $status
}

# A test that fails anyway, or is skipped, would notice nothing: each passes on the unchanged tree first.
check_tests() {
    meson setup build >"$log" 2>&1 && ninja -C build $(targets "$@") >"$log" 2>&1 ||
        { echo "the unchanged tree does not build: $(grep -m 1 -i error "$log")"; exit 1; }
    for t in "$@"; do
        case $t in
        mount/*) ;;
        *) meson test -C build --list --suite "${t%%/*}" 2>/dev/null | grep -qx ".* / ${t#*/}" ||
            { echo "there is no test $t"; exit 1; } ;;
        esac
        run_test "$t" || { echo "$t does not pass on the unchanged tree:"; tail -n 20 "$log"; exit 1; }
    done
}

# try NAME FILE SCRIPT TEST.. - says what became of the fault; false when nothing caught it
try() {
    name=$1 file=$2 change=$3; shift 3
    start=$(date +%s)
    cp "$file" "$copy/unchanged"
    sed -i -E "$change" "$file"
    if cmp -s "$file" "$copy/unchanged"; then
        echo "$name: the change no longer fits $file: mend tests/mutants.txt"
        return 1
    fi
    by=
    for t in "$@"; do
        ninja -C build $(targets "$t") >"$log" 2>&1 || { by="no test, as it does not build"; break; }
        run_test "$t" || { by=$t; break; }
    done
    cat "$copy/unchanged" >"$file" # with a new time, so that it is built again
    case $by in
    '') echo "$name: NOT CAUGHT by $*"; return 1 ;;
    no*) echo "$name: caught by $by: $(grep -m 1 error: "$log")"; return 1 ;;
    esac
    echo "$name: caught by $by ($(($(date +%s) - start)) s)"
}

# rows NAME.. - the table without comments, or these rows of it
rows() {
    grep -v -e '^ *#' -e '^ *$' tests/mutants.txt | while IFS= read -r row; do
        name=${row%%|*}
        case " $* " in '  ' | *" ${name%% *} "*) printf '%s\n' "$row" ;; esac
    done
}

rows "$@" >"$copy/rows"
check_tests $(sed 's/.*|//' "$copy/rows" | tr ' ' '\n' | sort -u)
all=0 caught=0
while IFS='|' read -r name file change tests; do
    all=$((all + 1))
    change=$(printf '%s\n' "$change" | sed 's/^ *//; s/ *$//')
    try ${name} ${file} "$change" ${tests} </dev/null && caught=$((caught + 1))
done <"$copy/rows"
echo "$caught of $all caught"
[ "$caught" = "$all" ] && [ "$all" -gt 0 ]
