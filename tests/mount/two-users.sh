# On a mount with allow_other nobody learns through a query what they could not open: B asks in every way for what
# is A's. Answers to B that are asked again must be those of before A had secrets, byte for byte.
# Root only: it becomes two users. Waits: for what is indexed, most of its time.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || { echo "needs root, to become two users"; exit 77; }
chmod 755 "$work"
cp "$TESTS/two_users_views.py" "$TESTS/two_users_becomes.py" "$work"
start -o allow_other
chmod 755 "$mnt"
probes=0 leaks=0
mark=MarkOfA
as_b() { setpriv --reuid=54321 --regid=54321 --clear-groups "$@"; }
as_member() { setpriv --reuid=54321 --regid=54321 --groups=54322 "$@"; }
leak() { leaks=$((leaks + 1)); echo "LEAK: $*"; }
# denied COMMAND.. - B fails, and hears nothing of A's but what it said itself
denied() {
    probes=$((probes + 1))
    got=$(as_b "$@" 2>/dev/null) && leak "$* succeeded: $got"
    case $got in *$mark*) leak "$*: $got" ;; esac
}
# silent COMMAND.. - B hears nothing of A's
silent() {
    probes=$((probes + 1))
    got=$(as_b "$@" 2>&1)
    case $got in *$mark*) leak "$*: $got" ;; esac
}
# gets WANTED COMMAND.. - B hears exactly that
gets() {
    wanted=$1; shift
    probes=$((probes + 1))
    got=$(as_b "$@" 2>&1)
    [ "$got" = "$wanted" ] || leak "$*: '$got', not '$wanted'"
}
ask_script='exec 3<>"$1"; echo "$2" >&3 && cat <&3'
found() { as_b cat "$mnt/.query/find?q=zebra&mode=text&format=paths" 2>&1; }

# ---- what everybody may read
mkdir "$mnt/open" "$mnt/open/deep" "$mnt/hidden" "$mnt/half" "$mnt/listless"
chmod 711 "$mnt/listless"
chmod 700 "$mnt/hidden"
echo "before all that B sees" >"$mnt/hidden/one.txt" # its number is lower
echo "a zebra and a quagga at the river" >"$mnt/open/one.txt"
echo "the river has a heron, a heron, a zebra" >"$mnt/open/deep/two.txt"
echo "nothing of that kind, but the river" >"$mnt/three.txt"
setfattr -n user.xdg.tags -v striped "$mnt/open/one.txt"
setfattr -n user.xdg.tags -v striped,plain "$mnt/open/deep/two.txt"
setfattr -n user.author -v Known "$mnt/open/one.txt"
setfattr -n user.brainy.link.cites -v three.txt "$mnt/open/one.txt"
touch -d '2019-05-06 12:00' "$mnt/open/one.txt"
echo "see [the heron](deep/two.txt) and [nothing](../hidden/one.txt)" >"$mnt/open/note.md"
setfattr -n user.brainy.link.cites -v open/deep/two.txt "$mnt/open/one.txt"
setfattr -n user.brainy.link.about -v three.txt "$mnt/open/note.md"
cp "$mnt/open/one.txt" "$mnt/open/deep/copy.txt"
"$brainy" wait "$mnt" >/dev/null || fail "wait"
cat >"$work/queries" <<'Q'
q=zebra
q=zebra&format=json
q=zebra&format=jsonl
q=zebra&format=md
q=zebra&mode=text&format=json
q=zebra&mode=vector&format=json
q=river quagga&format=json
q=river&limit=2&offset=1&format=json
q=river&sort=newest&format=json
q=river&sort=name&format=json
q="zebra and"&format=json
q=-zebra type:text&format=json
q=type:txt&format=json
q=name:o&format=json
q=path:open&format=json
q=tag:striped&format=json
q=tag:red&format=json
q=size:>0&format=json
q=after:2000&format=json
q=lang:en&format=json
q=river&in=open&format=json
q=river&in=open%2Fdeep&format=json
q=merger&format=json
q=zebra&alpha=1&format=json
q=author:known&format=json
q=-author:known&format=json
q=author:*o*&format=json
q=pages:>1&format=json
q=date:2000..2030&format=json
q=title:river&format=json
q=related:three.txt&format=json
q=related:three.txt&depth=9&format=json
q=zebra related:open%2Fone.txt&depth=9&format=json
q=-related:three.txt&depth=9&format=json
q=link:three.txt&format=json
q=-link:three.txt&format=json
explain?q=zebra river
explain?q=zebra related:three.txt&depth=5
explain?q=author:known -tag:red size:>0
similar?to=open%2Fone.txt&format=json
similar?to=open%2Fone.txt&to=three.txt&mode=text&format=json
similar?to=open%2Fone.txt&mode=vector&threshold=0.1&format=json
similar?text=a zebra at the river&q=tag:striped&format=json
count?by=tag&format=json
count?by=tag&q=zebra
count?by=type
count?by=lang
count?by=tier
count?by=month
count?by=day&format=jsonl
count?by=year&q=river
count?by=author
count?by=topic
count?by=pages
related?to=three.txt&format=json
related?to=three.txt&depth=9&format=json
related?to=three.txt&verb=citedBy&dir=out&depth=5&format=json
related?to=open%2Fone.txt&dir=in&depth=3&format=json
path?from=three.txt&to=open%2Fdeep%2Ftwo.txt&format=json
path?from=open%2Fone.txt&to=three.txt&format=json
path?from=open%2Fone.txt&to=three.txt&weights=cites:5&format=json
graph?format=json
graph
graph?op=pagerank
graph?op=components
graph?op=communities&format=graphml
graph?op=degree&q=zebra&format=dot
graph?verb=citedBy&format=json
duplicates?kind=all&format=json
duplicates?to=three.txt&kind=all
Q
cat >"$work/others" <<'Q'
related?to=open/one.txt&depth=9&format=json
related?to=open/deep/two.txt&depth=9&dir=in
related?to=open/note.md&verb=links,cites
related?to=three.txt&depth=2
path?from=open/one.txt&to=three.txt&format=json
path?from=open/note.md&to=open/deep/two.txt&format=json
graph?format=json
graph?format=dot
graph?op=degree
graph?op=pagerank
graph?op=components
graph?op=communities&format=json
graph?q=zebra&format=graphml
count?by=tag
count?by=type&format=json
count?by=lang
count?by=tier
count?by=year
count?by=month&q=zebra
count?by=day
count?by=author
count?by=topic
duplicates?kind=all&format=json
duplicates?to=open/one.txt
similar?to=open/one.txt&format=json
similar?to=open/note.md&threshold=0.1
similar?text=zebra merger&format=json
Q
cat >"$work/views" <<V
.tags
.tags/striped
.tags/striped/plain
.tags/striped/-plain
.tags/striped,plain
.tags/striped/red
.tags/striped/-red
.tags/striped,red
.tags/red
.tags/-red
.tags/secret
.tags/secret/deep
.tags/striped/secret
.tags/striped/one.txt
.tags/striped/two.txt
.dates
.dates/2019
.dates/2019/05
.dates/2019/05/06
.dates/2019/05/06/one.txt
.dates/2019/05/07
.dates/2018
.by
.by/author
.by/author/Known
.by/author/Known/one.txt
.by/author/$mark
.by/topic
.by/topic/$mark
.find
.find/zebra
.find/zebra&mode=text
.find/river heron
.find/tag:red
.find/tag:striped
.find/saved
.find/saved/$mark
.find/saved/$mark/.q
.find/saved/$mark/.limit
.by
.by/type
.by/type/text
.by/type/html
.by/lang
.by/lang/de
.by/tier
.by/tier/hot
.by/concept
.by/concept/zebra
.by/concept/merger
.links
.links/open
.links/open/one.txt
.links/open/one.txt/cites
.links/open/one.txt/$mark
.links/open/note.md
.links/open/note.md/links
.links/open/${mark}1.txt
.links/open/deep
.links/hidden
.links/hidden/one.txt
.links/closed
.links/closed/inner
.links/listless
.related-to
.related-to/open
.related-to/open/one.txt
.related-to/open/one.txt/depth-9
.related-to/open/one.txt/types-$mark
.related-to/open/deep/two.txt/dir-in/depth-3
.related-to/open/deep/depth-2
.related-to/open/${mark}1.txt
.related-to/hidden
.related-to/closed/inner
.similar-to
.similar-to/open
.similar-to/open/one.txt
.similar-to/open/note.md/threshold-0.1
.similar-to/hidden/one.txt
.similar-to/open/${mark}1.txt
V
cat >"$work/named" <<N
open/one.txt
open/note.md
open/deep/two.txt
three.txt
N
see_view='echo "== $1" && { stat -c "%s %a %F" "$2/$1"; ls -1A "$2/$1"; ls -1AL "$2/$1"; readlink "$2/$1"; [ -d "$2/$1" ] || cat "$2/$1"; }'
answers() { # answers FOLDER - B's, a file a query, and what views show
    mkdir "$1"
    while read -r name; do as_b getfattr --absolute-names -d -m '^user.brainy' "$mnt/$name"; done <"$work/named" >"$1/attributes" 2>&1
    while read -r name; do as_b getfattr --absolute-names --only-values -n user.brainy.found-links "$mnt/$name"; done <"$work/named" >>"$1/attributes" 2>&1
    n=0
    while read -r query; do
        n=$((n + 1))
        name=$(echo "$query" | sed 's,/,%2F,g')
        as_b cat "$mnt/.query/$name" >"$1/other$n" 2>&1
        as_b sh -c "$ask_script" ask "$mnt/.query/ask" "$name" >"$1/other$n.ask" 2>&1
    done <"$work/others"
    while read -r view; do as_b sh -c "$see_view" see "$view" "$mnt"; done <"$work/views" >"$1/views" 2>&1
    n=0
    while read -r query; do
        n=$((n + 1))
        case $query in q=*) query="find?$query" ;; esac
        as_b cat "$mnt/.query/$query" 2>&1 | sed 's/^took	.*//' >"$1/$n"
        as_b sh -c "$ask_script" ask "$mnt/.query/ask" "$query" 2>&1 | sed 's/^took	.*//' >"$1/$n.ask"
    done <"$work/queries"
}
answers "$work/before"
grep -q '"path":"open/one.txt"' "$work/before/2" || fail "B does not find what is open: $(cat "$work/before/2")"
grep -q '"total":5' "$work/before/8" || fail "B finds less than all: $(cat "$work/before/8")"

# ---- A's secrets: by mode, by folder, by group
mkdir "$mnt/closed" "$mnt/closed/inner"
for i in 1 2 3 4 5 6 7 8; do
    echo "$mark zebra zebra quagga heron, a merger $i" >"$mnt/open/$mark$i.txt"
    chmod 600 "$mnt/open/$mark$i.txt"
    echo "$mark river zebra and the merger $i" >"$mnt/closed/inner/$mark$i.txt"
done
echo "$mark zebra of the group" >"$mnt/half/$mark.txt"
chgrp 54322 "$mnt/half/$mark.txt"
chmod 640 "$mnt/half/$mark.txt"
setfattr -n user.xdg.tags -v red,striped "$mnt/open/$mark"1.txt "$mnt/closed/inner/$mark"1.txt
chmod 700 "$mnt/closed"
"$brainy" wait "$mnt" >/dev/null || fail "wait"
found_by_a=$(find_paths zebra mode=text | wc -l)
[ "$found_by_a" = 20 ] || fail "A finds $found_by_a of 20"

# Links that would be ways, by either verb; copies of what is open
setfattr -n user.brainy.link.cites -v "open/${mark}1.txt" "$mnt/three.txt"
setfattr -n user.brainy.link.citedBy -v "open/deep/two.txt" "$mnt/open/${mark}1.txt"
setfattr -n user.brainy.link.knows -v "closed/inner/${mark}1.txt" "$mnt/open/one.txt"
setfattr -n user.brainy.link.cites -v three.txt "$mnt/closed/inner/${mark}1.txt"
setfattr -n user.brainy.link.citedBy -v "open/${mark}2.txt" "$mnt/three.txt"
cp "$mnt/three.txt" "$mnt/closed/inner/${mark}copy.txt"
setfattr -n user.pages -v 9 "$mnt/open/${mark}7.txt"
setfattr -n user.date -v 2020-01-01 "$mnt/closed/inner/${mark}2.txt"

# In views: other tags and one below, fields, days, collisions, saved searches
setfattr -n user.xdg.tags -v striped,secret/deep "$mnt/hidden/one.txt"
setfattr -n user.xdg.tags -v red,striped,plain,striped/one.txt,striped/$mark "$mnt/open/${mark}2.txt"
for i in 3 4; do setfattr -n user.author -v "$mark" "$mnt/open/${mark}$i.txt"; done
setfattr -n user.author -v Known "$mnt/hidden/one.txt"
setfattr -n user.topic -v "$mark" "$mnt/open/${mark}5.txt"
touch -d '2019-05-06 12:00' "$mnt/open/${mark}"[34].txt "$mnt/hidden/one.txt"
touch -d '2019-05-07 12:00' "$mnt/open/${mark}5.txt"
touch -d '2018-05-07 12:00' "$mnt/open/${mark}6.txt"
mkdir "$mnt/.find/saved/$mark" "$mnt/.tags/kept"
echo "zebra $mark" >"$mnt/.find/saved/$mark/.q"
"$brainy" wait "$mnt" >/dev/null || fail "wait"
ls "$mnt/.tags/striped" | grep -q 'one~.*txt' || fail "names do not collide for A: $(ls "$mnt/.tags/striped")"

# Links from what is open, to it, and ways through what is not; other kinds of files; what would be a copy
setfattr -n user.brainy.link.cites -v "open/deep/two.txt
closed/inner/${mark}1.txt
closed/${mark}-later.txt" "$mnt/open/one.txt"
setfattr -n "user.brainy.link.$mark" -v "hidden/one.txt" "$mnt/open/one.txt"
setfattr -n "user.brainy.link.$mark" -v "open" "$mnt/closed"
for i in 1 2 3; do
    setfattr -n "user.brainy.link.$mark" -v "three.txt" "$mnt/closed/inner/${mark}$i.txt"
    setfattr -n user.brainy.link.cites -v "open/one.txt" "$mnt/closed/inner/${mark}$i.txt"
done
setfattr -n user.brainy.link.cites -v "open/note.md" "$mnt/open/${mark}1.txt"
setfattr -n user.brainy.link.about -v "three.txt
open/${mark}1.txt" "$mnt/open/note.md"
echo "[one](../open/one.txt) [[two.txt]] $mark" >"$mnt/closed/$mark.md"
printf '<html lang="de"><body><p>der Hund und die Katze liegen im Garten, %s</p></body></html>' "$mark" >"$mnt/closed/$mark.html"
cp "$mnt/open/one.txt" "$mnt/closed/twin.txt"
mkdir "$mnt/listless/$mark"
"$brainy" wait "$mnt" >/dev/null || fail "wait"
cat "$mnt/.query/path?from=open%2Fone.txt&to=three.txt" | grep -q "$mark" || fail "no way for A through what is closed"
getfattr --absolute-names -n user.brainy.link.cites "$mnt/open/one.txt" | grep -q "$mark" || fail "A does not read A's links"

answers "$work/after"
for n in $(seq "$(wc -l <"$work/others")"); do
    probes=$((probes + 2))
    cmp "$work/before/other$n" "$work/after/other$n" || leak "$(sed -n "${n}p" "$work/others"): $(diff "$work/before/other$n" "$work/after/other$n")"
    cmp "$work/before/other$n.ask" "$work/after/other$n.ask" || leak "ask $(sed -n "${n}p" "$work/others")"
done
probes=$((probes + 2 * $(wc -l <"$work/named")))
cmp "$work/before/attributes" "$work/after/attributes" || leak "attributes: $(diff "$work/before/attributes" "$work/after/attributes")"
for n in $(seq "$(wc -l <"$work/queries")"); do
    probes=$((probes + 2))
    cmp "$work/before/$n" "$work/after/$n" || leak "$(sed -n "${n}p" "$work/queries"): $(cat "$work/after/$n")"
    cmp "$work/before/$n.ask" "$work/after/$n.ask" || leak "ask $(sed -n "${n}p" "$work/queries"): $(cat "$work/after/$n.ask")"
done
probes=$((probes + $(wc -l <"$work/views")))
cmp "$work/before/views" "$work/after/views" || leak "views: $(diff "$work/before/views" "$work/after/views")"
grep -q '"took_ms":0.0,' "$work/after/2" || leak "took: $(cat "$work/after/2")"
grep -q '"rank":1,"score":1.0,' "$work/after/2" || leak "score: $(cat "$work/after/2")"

# ---- other folders, and ways that lead through closed ones
gets "" cat "$mnt/half/.query/find?q=zebra&mode=text&format=paths"
denied cat "$mnt/closed/.query/find?q=zebra"
cd "$mnt/closed/.query" # B has a closed folder's .query open
gets "" cat "find?q=zebra&mode=text&format=paths"
gets '{"query":"zebra","took_ms":0.0,"total":0,"pending":0,"results":[]}' cat "find?q=zebra&mode=text&format=json"
gets "" sh -c "$ask_script" ask ask "find?q=zebra&mode=text&format=paths"
cd "$work"
why() { as_b cat "$mnt/.query/find?q=zebra&in=$1" >/dev/null 2>&1; as_b cat "$mnt/.query/last-error" | sed 's/^in=[^:]*//'; }
none=$(why "nowhere")
for way in closed closed%2Finner closed%2Finner%2F.. closed%2F..%2Fopen closed%2Finner%2F..%2F..%2Fopen "open%2F${mark}1.txt" \
    "closed%2Finner%2F${mark}1.txt"; do
    probes=$((probes + 1))
    [ "$(why "$way")" = "$none" ] || leak "in=$way is another error than in=nowhere: $(why "$way")"
done

# ---- attributes, errors, the server's own files
for name in state title mime lang passages model indexed-at tier-now; do
    denied getfattr --only-values -n "user.brainy.$name" "$mnt/open/${mark}1.txt"
done
denied getfattr --only-values -n user.xdg.tags "$mnt/open/${mark}1.txt"
denied getfattr --only-values -n user.brainy.state "$mnt/closed/inner/${mark}1.txt"
as_b cat "$mnt/.query/find?q=zebra&own=1" >/dev/null 2>&1
own=$(as_b cat "$mnt/.query/last-error")
cat "$mnt/.query/find?q=zebra&$mark=1" >/dev/null 2>&1
grep -q "$mark" "$mnt/.query/last-error" || fail "A's last error is not A's: $(cat "$mnt/.query/last-error")"
silent cat "$mnt/.query/last-error"
gets "$own" cat "$mnt/.query/last-error"
for name in status.json queue version control events "events?since=0" metrics audit; do
    denied cat "$mnt/.brainy/$name"
done
denied ls "$mnt/.brainy"
denied sh -c "echo status >'$mnt/.brainy/control'"

# ---- handles: answers belong to who asked
cat >"$work/hold.sh" <<'H'
exec 4<"$1/.query/find?q=zebra&format=paths"
echo ready
read -r _
H
mkfifo "$work/go" "$work/ready"
sh "$work/hold.sh" "$mnt" <"$work/go" >"$work/ready" &
holder=$!
exec 5>"$work/go"
read -r _ <"$work/ready"
denied cat "/proc/$holder/fd/4"
gets "400 54321" stat -c '%a %u' "$mnt/.query/find?q=zebra"
silent cat "$mnt/.query/find?q=zebra&format=paths"
echo >&5
wait "$holder"
exec 5>&-
# B opens ask and has a program of A's privileges write to it: the answer is B's all the same.
cp "$(command -v cat)" "$work/cat0"
chmod 4755 "$work/cat0"
gets "$(cat "$work/before/5.ask")" sh -c 'exec 3<>"$1"; echo "$2" | "$3" >&3; cat <&3' ask "$mnt/.query/ask" \
    "find?q=zebra&mode=text&format=json" "$work/cat0"

# ---- views: names by number, what may be changed there, and errors that would tell
mkdir "$mnt/mine-b" "$mnt/sticky" "$mnt/.find/saved/HiddenSearch"
echo own >"$mnt/mine-b/own.txt"
for name in of-a of-all; do echo "$name" >"$mnt/sticky/$name.txt"; setfattr -n user.xdg.tags -v sticky "$mnt/sticky/$name.txt"; done
setfattr -n user.xdg.tags -v sticky "$mnt/mine-b/own.txt"
chmod 1777 "$mnt/sticky"
chmod 666 "$mnt/sticky/of-all.txt"
chown -R 54321:54321 "$mnt/mine-b"
setfattr -n user.brainy.link.shared -v "closed/inner/${mark}1.txt" "$mnt/sticky/of-all.txt"
searches=$(ls "$mnt/.find/saved")
got=$(as_b timeout 100 python3 "$work/two_users_views.py" "$mnt" "$mark" HiddenSearch 2>&1) || fail "two_users_views.py: $got"
echo "$got" | sed '$d'
probes=$((probes + $(echo "$got" | tail -n 1 | cut -d' ' -f1)))
leaks=$((leaks + $(echo "$got" | tail -n 1 | cut -d' ' -f2)))
expect "$searches" ls "$mnt/.find/saved"
expect "open/one.txt
closed/inner/${mark}1.txt" getfattr --absolute-names --only-values -n user.brainy.link.shared "$mnt/sticky/of-all.txt"
expect "zebra $mark" cat "$mnt/.find/saved/$mark/.q"
[ "$(getfattr --absolute-names --only-values -n user.xdg.tags "$mnt/open/one.txt")" = striped ] || leak "B changed a tag of A's"

# ---- what waits to be indexed
"$brainy" wait "$mnt" >/dev/null || fail "wait"
# No descriptor of the file is closed, so it waits while it is open.
sh -c 'echo "$1 zebra"; exec sleep 60' write "$mark" >"$mnt/closed/inner/$mark-held.txt" &
writer=$!
while [ ! -s "$mnt/closed/inner/$mark-held.txt" ]; do sleep 0.05; done
cat "$mnt/.query/find?q=zebra&format=json&wait=0" | grep -q '"pending":[1-9]' || fail "nothing is pending for A"
gets 1 sh -c "cat '$mnt/.query/find?q=zebra&format=json&wait=0' | grep -c '\"pending\":0,'"
gets 0 getfattr --absolute-names --only-values -n user.brainy.pending "$mnt/.query/find?q=zebra&wait=0"
silent cat "$mnt/.query/find?q=size:>0&format=paths&wait=0"
kill "$writer"
rm "$mnt/closed/inner/$mark-held.txt"

# ---- changes: found exactly while it may be opened
shows() { # shows N WHEN - so many of A's are found by B now
    probes=$((probes + 1))
    got=$(found | grep -c "$mark")
    [ "$got" = "$1" ] || leak "after $2 B finds $got of A's files, not $1"
}
shows 0 nothing
chmod 644 "$mnt/open/${mark}1.txt"; shows 1 "chmod 644"
chmod 600 "$mnt/open/${mark}1.txt"; shows 0 "chmod 600"
chmod 755 "$mnt/closed"; shows 8 "opening the folder"
chmod 700 "$mnt/closed/inner"; shows 0 "closing the folder below"
chmod 711 "$mnt/closed/inner"; shows 8 "opening it to those who know names"
chmod 700 "$mnt/closed"; shows 0 "closing the folder"
mv "$mnt/closed/inner" "$mnt/inner"; shows 8 "moving out"
mv "$mnt/inner" "$mnt/closed/inner"; shows 0 "moving in"
chown 54321 "$mnt/open/${mark}1.txt"; shows 1 "chown"
chown 0 "$mnt/open/${mark}1.txt"; shows 0 "chown back"
chmod 644 "$mnt/open/${mark}1.txt"
ln "$mnt/open/${mark}1.txt" "$mnt/closed/secondname.txt"
gets "" cat "$mnt/.query/find?q=secondname&mode=text&format=paths"
rm "$mnt/closed/secondname.txt"
gets "" cat "$mnt/.query/find?q=secondname&mode=text&format=paths"
chmod 600 "$mnt/open/${mark}1.txt"

# ---- groups; the same user without the group gets no answer of the one with it
by_group() { as_member cat "$mnt/.query/find?q=zebra&mode=text&format=paths" | grep -c "$mark"; }
[ "$(by_group)" = 1 ] || fail "a member of the group finds $(by_group) of its files"
shows 0 "a member asked the same"
[ "$(by_group)" = 1 ] || fail "a member finds nothing after B"
as_member getfattr --absolute-names --only-values -n user.brainy.state "$mnt/half/$mark.txt" >/dev/null || fail "a member reads no state"
chmod 600 "$mnt/half/$mark.txt"
probes=$((probes + 1))
[ "$(by_group)" = 0 ] || leak "a member finds what the group may not read"

# ---- one process that changes who it is, descriptors that change hands, moves while queries run
chmod 640 "$mnt/half/$mark.txt"
got=$(timeout 100 python3 "$work/two_users_becomes.py" "$mnt" "$mark") || fail "two_users_becomes.py: $got"
echo "$got" | sed '$d'
probes=$((probes + $(echo "$got" | tail -n 1 | cut -d' ' -f1)))
leaks=$((leaks + $(echo "$got" | tail -n 1 | cut -d' ' -f2)))
chmod 600 "$mnt/half/$mark.txt"

# ---- access lists, where the mount has them
if setfacl -m u:54321:r "$mnt/open/${mark}2.txt" 2>/dev/null; then
    shows 1 "an access list for B"
    setfacl -m m::--- "$mnt/open/${mark}2.txt"; shows 0 "an empty mask"
    setfacl -m m::r,g:54322:- "$mnt/open/${mark}2.txt"; shows 1 "a mask"
    setfacl -b "$mnt/open/${mark}2.txt"; shows 0 "no access list"
    setfacl -m u:54321:x "$mnt/closed"; shows 8 "a folder's access list"
    setfacl -m u:54321:0 "$mnt/open"; probes=$((probes + 1))
    found | grep -q '^open/' && leak "a folder's access list that shuts B out"
else
    echo "this mount has no access lists: not probed"
fi

echo "$probes probes, $leaks leaks"
[ "$leaks" = 0 ]
