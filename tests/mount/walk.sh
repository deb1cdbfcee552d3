# No walk meets a virtual name, and virtual names cannot be made.
. "$(dirname "$0")/lib.sh"
start
mkdir "$mnt/d"
echo one >"$mnt/a.txt"
echo two >"$mnt/d/b.txt"
expect ".
./a.txt
./d
./d/b.txt" sh -c "cd '$mnt' && find . | LC_ALL=C sort"
expect "a.txt
d" ls -A "$mnt"
expect "a.txt
d/
d/b.txt" sh -c "cd '$mnt' && tar -cf - a.txt d | tar -t | LC_ALL=C sort"
[ -d "$mnt/d/.query" ] && [ -d "$mnt/.brainy" ] || fail "virtual folders cannot be reached"
[ -e "$mnt/d/.brainy" ] && fail ".brainy is in a folder below the root"
refuse 'File exists' mkdir "$mnt/.query"
refuse 'File exists' mkdir "$mnt/d/.query"
refuse 'File exists' mkdir "$mnt/.brainy"
refuse 'File exists' mkdir "$mnt/.tags"
mkdir "$mnt/d/.tags" || fail ".tags below the root is a name like others"
mv "$mnt/a.txt" "$mnt/.query" 2>/dev/null && fail "a file was moved over .query"
[ -e "$mnt/a.txt" ] || fail "a.txt is gone"
refuse 'denied|not permitted|Read-only' sh -c "echo x >'$mnt/.query/find?q=one'"
grep -q '"files":2' "$mnt/.brainy/status.json" || fail "status.json: $(cat "$mnt/.brainy/status.json")"
grep -q '^brainy .*format 1$' "$mnt/.brainy/version" || fail "version: $(cat "$mnt/.brainy/version")"
