# .query/duplicates: files of the same bytes and files with nearly the same text, wherever their bytes lie; what changes is
# known at once, nobody learns of files that he may not read, and no file is read for it.
# Waits: for what is indexed.
. "$(dirname "$0")/lib.sh"
mkdir "$work/nas"
"$brainy" init "$vol" >/dev/null || fail "init"
printf '[cold]\nurl = file://%s\n' "$work/nas" >"$vol/brainy.conf"
options=
[ "$(id -u)" != 0 ] || { options="-o allow_other"; chmod 755 "$work"; }
"$brainy" mount "$vol" "$mnt" $options || fail "mount"
ready() { "$brainy" wait "$mnt" --for index --timeout 60 || fail "wait"; }
# groups KEYS - the paths of each group in a line, the first group first
groups() { cat "$mnt/.query/duplicates?format=paths&$1" | awk -v RS= '{ gsub(/\n/, " "); print }'; }
asked() { sed -n 's/^brainy_bucket_requests_total{cause="recall",op="get"} //p' "$mnt/.brainy/metrics"; }
# text SEED N - N different words; the seed says which
text() { seq "$2" | sed "s/.*/$1word&/" | tr '\n' ' '; }

mkdir -p "$mnt/old" "$mnt/mid" "$mnt/new" "$mnt/other"
text sea 300 >"$mnt/old/sea.txt"
text sea 300 >"$mnt/mid/sea copy.txt"
text sea 300 >"$mnt/new/sea again.txt"
{ text sea 290; echo "and an end of its own"; } >"$mnt/new/sea draft.txt"
head -c 200000 /dev/urandom >"$mnt/old/noise.bin"
cp "$mnt/old/noise.bin" "$mnt/mid/noise.bin"
text hill 200 >"$mnt/old/hill.txt"
text hill 200 | sed 's/hillword100/another/' >"$mnt/mid/hill.txt"
text town 50 >"$mnt/other/town.txt"
: >"$mnt/other/none" && : >"$mnt/other/nothing"
ln "$mnt/other/town.txt" "$mnt/other/linked.txt" # one file is no duplicate of itself

same='mid/noise.bin old/noise.bin
mid/sea copy.txt new/sea again.txt old/sea.txt'
near='mid/sea copy.txt new/sea again.txt new/sea draft.txt old/sea.txt
mid/hill.txt old/hill.txt'
sorted() { groups "$1" | while read -r line; do echo "$line" | sed 's/ \(old\|mid\|new\)/\n\1/g' | sort | paste -sd ' '; done; }
check() {
    expect "$same" sorted kind=same
    expect "$near" sorted kind=near
    expect "mid/noise.bin old/noise.bin" sorted 'kind=all&q=name:noise'
    expect "mid/noise.bin" groups 'to=old%2Fnoise.bin'
    expect "old/hill.txt" groups 'to=mid%2Fhill.txt&kind=near'
    expect "" groups 'kind=all&in=other'
}
ready
check
expect '{"total":2,"pending":0,"uncompared":0}' sh -c "python3 -c '
import json, sys
print(json.dumps({k: v for k, v in json.load(open(sys.argv[1])).items() if k != \"groups\"}, separators=(\",\", \":\")))' '$mnt/.query/duplicates?format=json'"
cut -f 2-4 "$mnt/.query/duplicates?to=old%2Fhill.txt&kind=near" >"$work/line"
grep -qE '^near	0\.[89][0-9]*	' "$work/line" || fail "how near: $(cat "$work/line")"
cd "$mnt/old" && expect "" cat ".query/duplicates?format=paths" && cd "$work" || fail "cd"

# Wherever bytes lie.
find "$mnt/old" -type f -exec touch -d '90 days ago' {} + && find "$mnt/mid" -type f -exec touch -d '14 days ago' {} +
"$brainy" tier run "$mnt" >"$work/said" 2>&1 || fail "tier run: $(cat "$work/said")"
for file in old/noise.bin old/sea.txt old/hill.txt; do expect cold tier_of "$file"; done
for file in mid/noise.bin 'mid/sea copy.txt'; do expect warm tier_of "$file"; done
expect hot tier_of "new/sea again.txt"
before=$(asked)
check
expect "old/noise.bin" groups 'q=tier:cold&to=mid%2Fnoise.bin'
expect "$before" asked
again $options
check
kill -9 "$(server)"
becomes . ls "$mnt"
check

# Who is not the owner.
if [ -n "$options" ]; then
    as_other() { setpriv --reuid=54321 --regid=54321 --clear-groups "$@"; }
    other() { as_other cat "$mnt/.query/duplicates?format=paths&$1" | awk -v RS= '{ gsub(/\n/, " "); print }'; }
    chmod 755 "$mnt" "$mnt"/*/ && chmod 644 "$mnt"/*/*
    expect "old/noise.bin mid/noise.bin" other q=name:noise
    chmod 600 "$mnt/mid/noise.bin"
    expect "" other q=name:noise
    expect "" other 'to=old%2Fnoise.bin&kind=all'
    chmod 700 "$mnt/mid"
    expect "new/sea again.txt" other 'to=old%2Fsea.txt'
    expect "" other 'kind=near&q=name:hill'
    as_other cat "$mnt/.query/duplicates?to=mid%2Fhill.txt" 2>/dev/null && fail "a file in a closed folder is compared"
    hidden=$(as_other cat "$mnt/.query/last-error")
    as_other cat "$mnt/.query/duplicates?to=mad%2Fhill.txt" 2>/dev/null && fail "a file that is not there is compared"
    expect "$hidden" sh -c "setpriv --reuid=54321 --regid=54321 --clear-groups cat '$mnt/.query/last-error' | sed s/mad/mid/"
    chmod 755 "$mnt/mid" && chmod 644 "$mnt/mid/noise.bin"
    expect "old/noise.bin mid/noise.bin" other q=name:noise
fi

# Changes.
echo "one more line" >>"$mnt/mid/noise.bin"; rm "$mnt/new/sea again.txt"; mv "$mnt/old/sea.txt" "$mnt/other/sea.txt"
ready
same='mid/sea copy.txt other/sea.txt'
expect "$same" sh -c "cat '$mnt/.query/duplicates?format=paths' | sort | paste -sd ' ' | sed 's/^ //'"
cp "$mnt/other/town.txt" "$mnt/other/town 2.txt" # within a second of its close
expect "other/town 2.txt" groups 'to=other%2Ftown.txt'
