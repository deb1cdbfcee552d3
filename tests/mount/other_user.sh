# Until visibility is exact, everything below .query and .brainy is for the one who mounted.
# Root only: it becomes two users.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || { echo "needs root, to become two users"; exit 77; }
chmod 755 "$work" "$mnt"
start -o allow_other
echo "a public word" >"$mnt/public.txt"
chmod 755 "$mnt"
as() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
expect "a public word" as cat "$mnt/public.txt"
refuse 'Permission denied' as cat "$mnt/.query/find?q=word"
refuse 'Permission denied' as cat "$mnt/.brainy/status.json"
refuse 'Permission denied' as sh -c "echo 'find?q=word' >'$mnt/.query/ask'"
expect "public.txt" find_paths word mode=text
refuse 'Permission denied' as cat "$mnt/.query/find?q=word&mode=text&format=paths" # the answer lies ready
