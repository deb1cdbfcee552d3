# Links that a user sets follow their targets, wait for what is not there, and are there after a kill and another mount.
. "$(dirname "$0")/lib.sh"

link=user.brainy.link.cites
targets() { getfattr --only-values -n "$1" "$2"; }

start
cd "$mnt" || fail "cd"
mkdir notes archive
echo '# Wind' >notes/wind.md
echo text >src.md
printf '%s\n' 'See [[wind]] and [later](notes/later.md).' >notes/plan.md
setfattr -n $link -v 'notes/wind.md
notes/later%2C%20100%25.md
archive' src.md || fail "setting links"
expect 'notes/wind.md
notes/later, 100%25.md
archive' targets $link src.md
getfattr -m - src.md | grep -q "^$link\$" || fail "the links are not listed"

# Targets move, and folders above them.
mv notes/wind.md 'notes/wind 2.md' && mv notes papers && mv archive old || fail "mv"
expect 'papers/wind 2.md
notes/later, 100%25.md
old' targets $link src.md

# What is waited for comes, and is followed from then on.
mkdir notes && echo >'notes/later, 100%.md' || fail "mkdir"
"$brainy" wait "$mnt" --for index || fail "wait"
mv 'notes/later, 100%.md' there.md || fail "mv"
expect 'papers/wind 2.md
there.md
old' targets $link src.md

# An editor saves by putting another file in the place of the target.
echo new >.save && mv .save there.md || fail "mv"
expect 'papers/wind 2.md
there.md
old' targets $link src.md
sleep 2 # what has lost its name may be opened for a second
mv there.md here.md && rm 'papers/wind 2.md' && rmdir old || fail "mv, rm"
expect 'papers/wind 2.md
here.md
old' targets $link src.md

kill -9 "$(server)"
expect 'papers/wind 2.md
here.md
old' targets $link src.md
cd / && again && cd "$mnt" || fail "again"
mv here.md 'with
newline' || fail "mv"
expect 'papers/wind 2.md
with%0Anewline
old' targets $link src.md

cp -a src.md copy.md && expect "$(targets $link src.md)" targets $link copy.md
setfattr -x $link src.md || fail "removing links"
refuse 'No such attribute' targets $link src.md
refuse 'Invalid argument' setfattr -n 'user.brainy.link.no verb' -v x src.md
head -c 61441 /dev/zero | tr '\0' a >"$work/long"
refuse 'Argument list too long' setfattr -n $link -v "$(cat "$work/long")" src.md
# Without a file, nothing is left of its links.
setfattr -n $link -v copy.md copy.md && rm copy.md src.md || fail "rm"

# What files say themselves: notes, pages, mails; moved, replaced, taken away, and back again.
related() { cut -f 2 ".query/related?to=$1&dir=out" | sort | tr '\n' ' '; }
mkdir said && printf '%s\n' 'See [[Wind Meter]], [log](../there/log.txt) and [[Missing]].' >said/plan.md || fail "plan"
mkdir there && echo '# Wind' >'there/wind meter.md' && echo log >there/log.txt || fail "there"
printf '%s\n' '<a href="../said/plan.md">plan</a>' >there/page.html
printf '%s\n' 'From: a@b' 'Subject: one' 'Message-ID: <one@b>' '' 'one' >said/one.eml
printf '%s\n' 'From: b@b' 'Subject: two' 'In-Reply-To: <one@b>' '' 'two' >there/two.eml
"$brainy" wait "$mnt" --for index || fail "wait"
expect 'there/log.txt there/wind meter.md ' related 'said%2Fplan.md'
expect 'said/plan.md ' related 'there%2Fpage.html'
expect 'said/one.eml ' related 'there%2Ftwo.eml'
mv 'there/wind meter.md' far.md && mv there said/here && echo '# M' >missing.md || fail "mv"
"$brainy" wait "$mnt" --for index || fail "wait"
expect 'far.md missing.md said/here/log.txt ' related 'said%2Fplan.md'
rm missing.md
expect 'far.md said/here/log.txt ' related 'said%2Fplan.md'
kill -9 "$(server)"
echo '# M' >said/missing.md && echo new >.new && mv .new far.md || fail "mv"
"$brainy" wait "$mnt" --for index || fail "wait"
becomes '^far.md said/here/log.txt said/missing.md $' related 'said%2Fplan.md'
printf '%s\n' 'Nothing but [[one.eml]].' >said/plan.md
"$brainy" wait "$mnt" --for index || fail "wait"
expect 'said/one.eml ' related 'said%2Fplan.md'

# Many files that link to one another, through a kill while they are found, forgotten and found again.
mkdir web && cd web || fail "mkdir web"
for i in $(seq 60); do
    for j in $(seq 60); do echo "[[n$j]] [x](../web/n$(((i * j) % 60 + 1)).md)"; done >n$i.md
done
kill -9 "$(server)"
for i in $(seq 1 2 60); do rm n$i.md; done
mv ../web ../net && kill -9 "$(server)"
for i in $(seq 1 3 60); do echo "[[n$((i + 1))]]" >n$i.md; done
"$brainy" wait "$mnt" --for index || fail "wait"
cd / && stop
"$brainy" fsck "$vol" >"$work/fsck" 2>&1 || fail "fsck: $(cat "$work/fsck")"
