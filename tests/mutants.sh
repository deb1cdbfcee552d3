#!/bin/sh
# mutants.sh [NAME] - applies the one-line faults of tests/mutants.txt, one at a time, to a copy of the tree, builds it,
# and runs the tests that should notice; prints for each the test that caught it. By hand and before each release.
# The last line is `N of N caught`.
set -u
cd "$(dirname "$0")/.."
src=$PWD
only=${1:-}
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z | xargs -0 cp --parents -t "$copy"
cd "$copy" || exit 1
meson setup build >/dev/null && ninja -C build >/dev/null || { echo "the unchanged tree does not build"; exit 1; }

# run_test NAME: unit/wal, crash/wal_kill or mount/kill
run_test() {
    case $1 in
    mount/*) timeout 300 sh "tests/$1.sh" ;;
    *) timeout 300 meson test -C build --no-rebuild --suite "${1%%/*}" "${1#*/}" ;;
    esac >build/mutant.log 2>&1
}

all=0 caught=0
while IFS='|' read -r name file change tests; do
    case $name in ''|'#'*) continue ;; esac
    name=$(echo $name) file=$(echo $file) change=$(echo "$change" | sed 's/^ *//; s/ *$//')
    [ -z "$only" ] || [ "$only" = "$name" ] || continue
    all=$((all + 1))
    cp "$file" "$file.orig"
    sed -i -E "$change" "$file"
    if cmp -s "$file" "$file.orig"; then
        echo "$name: the change no longer fits $file: mend tests/mutants.txt"
    elif ! ninja -C build >build/mutant.log 2>&1; then
        echo "$name: does not build: $(grep -m 1 error: build/mutant.log)"
    else
        by=
        for t in $tests; do
            run_test "$t"; status=$?
            [ $status = 0 ] || [ $status = 77 ] || { by=$t; break; }
        done
        if [ -n "$by" ]; then caught=$((caught + 1)); echo "$name: caught by $by"; else echo "$name: NOT CAUGHT by $tests"; fi
    fi
    mv "$file.orig" "$file"
done <"$src/tests/mutants.txt"
echo "$caught of $all caught"
[ "$caught" = "$all" ] && [ "$all" -gt 0 ]
