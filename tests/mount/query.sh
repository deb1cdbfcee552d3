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

# What was found in files, as fields: titles, authors, dates; numbers and dates in ranges; what links bring near.
mkdir "$mnt/found"
printf '%s\n' '---' 'title: The Mill Keeper' 'author: Ann Lee' 'date: 2020-05-06' 'pages: 12' '---' 'Ice on the river.' >"$mnt/found/note.md"
printf '%s\n' '<html><head><title>Mill and Keeper</title></head><body>Ice. <a href="note.md">note</a></body></html>' >"$mnt/found/page.html"
printf '%s\n' 'From: Ann Lee <ann@example.org>' 'Date: Wed, 3 Mar 2021 10:00:00 +0000' 'Subject: ice' 'Message-ID: <1@x>' '' 'Ice again.' >"$mnt/found/mail.eml"
setfattr -n user.baloo.rating -v 7 "$mnt/found/mail.eml"
expect "found/note.md" find_paths 'author:"ann lee"'
expect "brainy: find: autor: there is no such filter, and no such field in .by/" "$brainy" find --in "$mnt" autor:ann
expect "" "$brainy" find --in "$mnt" author:ann
expect "found/note.md" find_paths 'title:"mill keeper"'
expect "found/page.html" find_paths 'title:*and*'
expect "found/note.md
found/page.html" find_paths 'title:keeper' sort=name
expect "found/mail.eml" find_paths 'date:>2020'
expect "found/mail.eml
found/note.md" find_paths 'date:2020..2021' sort=name
expect "found/note.md" find_paths 'ice pages:>10'
expect "found/mail.eml" find_paths 'ice rating:5..8'
expect "found/page.html" find_paths 'related:found%2Fnote.md'
expect "found/page.html" find_paths 'ice link:found%2Fnote.md'
expect "page.html" cat "$mnt/found/.query/find?q=related:note.md type:html&format=paths"
for bad in 'pages:9..' 'date:2021..2020' 'rating:>much' 'related:nowhere' 'title:...'; do
    refuse 'Invalid argument' cat "$mnt/.query/find?q=ice $bad"
    grep -q "${bad%%:*}:" "$mnt/.query/last-error" || fail "last-error after $bad: $(cat "$mnt/.query/last-error")"
done

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
