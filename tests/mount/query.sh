# Query files: words, phrases, filters, formats, errors; what is closed is found, what is gone is not.
. "$(dirname "$0")/lib.sh"
start
mkdir -p "$mnt/pumps/deep" "$mnt/birds"
echo "The pump house stood beside the sluice." >"$mnt/pumps/house.txt"
printf '# Valve\n\nA sluice valve, 40 cm wide. Größe in mm.\n' >"$mnt/pumps/deep/valve.md"
echo "Herons fish at the weir. No machine is near." >"$mnt/birds/heron's & co #1.txt"
expect "pumps/house.txt" find_paths "pump" "mode=text"
expect "pumps/deep/valve.md
pumps/house.txt" sh -c "cat '$mnt/.query/find?q=sluice&mode=text&format=paths' | sort"
expect "pumps/house.txt" find_paths 'sluice -valve' mode=text
expect "pumps/house.txt" find_paths '"beside the sluice"'
expect "" find_paths '"sluice the beside"'
expect "pumps/deep/valve.md" find_paths 'größe' mode=text
expect "deep/valve.md" cat "$mnt/pumps/.query/find?q=valve&mode=text&format=paths"
expect "birds/heron's & co #1.txt" find_paths 'name:heron*'
expect "pumps/deep/valve.md" find_paths 'type:md'
expect "pumps/house.txt" find_paths 'sluice' 'in=pumps%2Fhouse.txt&mode=text'
expect "" find_paths 'qqqnowhere' mode=text

echo "Now about kestrels." >"$mnt/pumps/house.txt"
expect "" find_paths "beside" mode=text
expect "pumps/house.txt" find_paths "kestrels" mode=text
mv "$mnt/pumps" "$mnt/engines"
expect "engines/house.txt" find_paths "kestrels" mode=text
rm "$mnt/engines/house.txt"
expect "" find_paths "kestrels" "mode=text&wait=0"

setfattr -n user.xdg.tags -v 'wet, green' "$mnt/engines/deep/valve.md"
expect "engines/deep/valve.md" find_paths "tag:green"
expect "$mnt/engines/deep/valve.md" "$brainy" find --in "$mnt" tag:wet
touch -d 2020-05-05 "$mnt/engines/deep/valve.md"
expect "engines/deep/valve.md" find_paths "before:2021"
expect "engines/deep/valve.md" find_paths "after:2020-05-01 before:2020-06"

for bad in 'q=' 'q="open' 'q=a&limit=many' 'q=a&mode=psychic' 'q=a&format=clay' 'q=a&nonsense=1' 'q=after:noday'; do
    refuse 'Invalid argument' cat "$mnt/.query/find?$bad"
    [ "$(wc -c <"$mnt/.query/last-error")" -gt 10 ] || fail "last-error is empty after $bad"
done
refuse 'No such file' cat "$mnt/.query/seek?q=a"
expect indexed getfattr --absolute-names --only-values -n user.brainy.state "$mnt/engines/deep/valve.md"
refuse 'Operation not permitted' setfattr -n user.brainy.state -v x "$mnt/engines/deep/valve.md"
getfattr -d -m - "$mnt/engines/deep/valve.md" 2>/dev/null | grep -q brainy.state && fail "a computed xattr is listed"
expect "$(stat -c %s "$mnt/.query/find?q=weir")" sh -c "wc -c <'$mnt/.query/find?q=weir'"
python3 - "$mnt" <<'PY' || fail "json"
import json, os, re, sys
top = sys.argv[1]
text = open(top + "/.query/find?q=weir&mode=text&format=json").read()
whole = json.loads(text)
assert all(len(n) <= 10 for n in re.findall(r"[0-9]+\.[0-9]+", text)), text
assert set(whole) >= {"query", "took_ms", "total", "pending", "results"}, whole
row = whole["results"][0]
assert set(row) >= set("rank score path inode locator snippet title mime tier tags".split()), row
assert row["inode"] == os.stat(top + "/" + row["path"]).st_ino
fd = os.open(top + "/.query/ask", os.O_RDWR)
os.write(fd, b"find?q=weir&mode=text&format=paths\n")
assert os.read(fd, 4096) == os.fsencode(row["path"]) + b"\n"
assert os.read(fd, 4096) == b""
PY
"$brainy" wait "$mnt" --for index || fail "wait"
before=$("$brainy" status "$mnt" --json)
again
after=$("$brainy" status "$mnt" --json)
python3 - "$before" "$after" <<'PY' || fail "indexed again after a mount"
import json, sys
a, b = (json.loads(x)["index"] for x in sys.argv[1:])
assert b["indexed"] == a["indexed"] and b["pending"] == 0, (a, b)
PY
expect "birds/heron's & co #1.txt" find_paths "weir" "mode=text&wait=0"
