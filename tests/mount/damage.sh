# One altered place costs no more than what it says: a record of an index segment, an index file, the log's anchor and
# files without meaning cost no file and no answer; the record of an inode costs that file alone. fsck sees each first.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || { echo "there is no python3"; exit 77; }

# alter FILE OFFSET - flips a bit there
alter() {
    python3 - "$vol/$1" "$2" <<'PY'
import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(int(sys.argv[2]))
    byte = f.read(1)
    f.seek(-1, 1)
    f.write(bytes([byte[0] ^ 4]))
PY
}
# alter_record LETTER NUMBER - flips a bit of the sealed value, in each leaf page that holds the record (its key may stand
# in a branch page too, where other things follow)
alter_record() {
    python3 - "$vol/catalog/data.mdb" "$1" "$2" <<'PY'
import sys
path, letter, number = sys.argv[1:]
key = letter.encode() + int(number).to_bytes(8, "big")
with open(path, "r+b") as f:
    data = f.read()
    at, found = data.find(key), 0
    while at >= 0:
        leaf = data[at // 4096 * 4096 + 10] & 2
        if leaf and data[at - 2:at] == len(key).to_bytes(2, "little"):
            place = at + len(key) + 20 + 8 + 2
            f.seek(place)
            f.write(bytes([data[place] ^ 4]))
            found += 1
        at = data.find(key, at + 1)
sys.exit(found == 0)
PY
}
fresh() { rm -rf "$vol"; cp -a "$work/good" "$vol"; }
pending() { "$brainy" find "$mnt" >/dev/null 2>&1; grep -o '"pending": *[0-9]*' "$mnt/.brainy/status.json" | tr -dc 0-9; }
# all_there - every file can be read and found
all_there() {
    "$brainy" mount "$vol" "$mnt" || fail "$1: mount"
    "$brainy" wait "$mnt" --for index --timeout 30 || fail "$1: wait"
    for i in 0 1 2 3 4 5 6 7 8 9; do
        expect "word$i of it" cat "$mnt/f$i"
        expect "f$i" find_paths "word$i" mode=text
    done
    stop
}

start
for i in 0 1 2 3 4 5 6 7 8 9; do echo "word$i of it" >"$mnt/f$i"; done
"$brainy" wait "$mnt" --for index
ino=$(stat -c %i "$mnt/f3")
again
stop
cp -a "$vol" "$work/good"
idx=$(cd "$vol" && ls index/*.idx | head -n 1)

alter_record M "$(basename "$idx" .idx | sed 's/^0*//')" || fail "no record of the segment"
refuse 'record M' "$brainy" fsck "$vol"
all_there "record of a segment"
"$brainy" fsck "$vol" >/dev/null || fail "the index was made again and fsck complains"

for place in 9 100 "$(($(stat -c %s "$work/good/$idx") - 5))"; do
    fresh
    alter "$idx" "$place"
    refuse 'index segment' "$brainy" fsck "$vol"
    all_there "index at $place"
done

fresh
alter wal/anchor 70
refuse 'anchor' "$brainy" fsck "$vol"
all_there anchor

fresh
for file in reserve lock catalog/lock.mdb; do alter $file 1; done
: >"$vol/reserve"
"$brainy" fsck "$vol" >/dev/null || fail "fsck finds meaning in reserve or locks"
all_there "files without meaning"

fresh
alter_record I "$ino" || fail "no record of the inode"
refuse "record I of $ino" "$brainy" fsck "$vol"
"$brainy" mount "$vol" "$mnt" || fail "inode: mount"
refuse 'Input/output error' cat "$mnt/f3"
for i in 0 1 2 4 5 6 7 8 9; do
    expect "word$i of it" cat "$mnt/f$i"
    expect "f$i" find_paths "word$i" mode=text
done
[ "$(pending)" -gt 0 ] || fail "a file that cannot be indexed is not pending"
stop
