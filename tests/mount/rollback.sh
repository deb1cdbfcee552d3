# Each kind of file of the volume, put back alone from two mounts earlier: mount refuses or reads give an error; never
# the older contents, never a missing file, never an older answer. The catalog is not let back by taking its witness
# away or putting it back as well.
. "$(dirname "$0")/lib.sh"

# fill ROUND - 30 small files, a large one
fill() {
    i=0; while [ $i -lt 30 ]; do echo "$1 $i" >"$mnt/f$i"; i=$((i + 1)); done
    head -c 400000 /dev/zero | tr '\0' "$1" >"$mnt/big"
    "$brainy" wait "$mnt" --for index
}
# put_back FILE.. - the newest volume, but for these files
put_back() {
    rm -rf "$vol"; cp -a "$work/now" "$vol"
    for part; do cp -a "$work/older/$part" "$vol/$part"; done
}
refused() {
    refuse '^brainy: .*(older copy|damaged)' "$brainy" mount "$vol" "$mnt"
    mounted && fail "$1: refused and mounted"
}
# same_or_error FILE CONTENTS
same_or_error() {
    if got=$(cat "$mnt/$1" 2>"$work/err"); then
        [ "$got" = "$2" ] || fail "$rel: $1 holds '$(echo "$got" | head -c 60)'"
    else
        grep -q 'Input/output error' "$work/err" || fail "$rel: $1: $(cat "$work/err")"
    fi
}
check_files() {
    i=0; while [ $i -lt 30 ]; do same_or_error f$i "new $i"; i=$((i + 1)); done
    same_or_error big "$(head -c 400000 /dev/zero | tr '\0' new)"
    if list=$(ls "$mnt"); then
        [ "$(echo "$list" | wc -l)" = 33 ] || fail "$rel: a file is missing: $list"
    fi
    for word in old middle; do
        if got=$(find_paths $word mode=text); then
            [ -z "$got" ] || [ "$got" = middle ] || fail "$rel: an older answer to $word: $got"
        fi
    done
}

start
fill old
stop
cp -a "$vol" "$work/older"
for round in middle new; do
    "$brainy" mount "$vol" "$mnt" || fail mount
    fill $round
    echo of the round >"$mnt/$round"
    "$brainy" wait "$mnt" --for index
    stop
done
cp -a "$vol" "$work/now"

for rel in $(cd "$work/older" && find . -type f ! -name lock ! -name reserve ! -name lock.mdb | sort); do
    put_back "$rel"
    case $rel in */data.mdb | */anchor) refused "$rel"; continue ;; esac
    "$brainy" mount "$vol" "$mnt" || fail "$rel: mount"
    check_files
    stop
done
put_back catalog/data.mdb wal/anchor
refused "catalog and anchor"
put_back catalog/data.mdb
rm "$vol/wal/anchor"
refused "catalog without anchor"
put_back catalog/data.mdb
: >"$vol/wal/anchor"
refused "catalog with an anchor that does not open"
exit 0
