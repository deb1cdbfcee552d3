# Others than the one who mounted: queries tell them of what they may read (two-users.sh), .brainy nothing.
# Root only: it becomes two users.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || { echo "needs root, to become two users"; exit 77; }
chmod 755 "$work" "$mnt"
start -o allow_other
echo "a public word" >"$mnt/public.txt"
chmod 755 "$mnt"
as() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
expect "a public word" as cat "$mnt/public.txt"
refuse 'Permission denied' as cat "$mnt/.brainy/status.json"
refuse 'Permission denied' as sh -c "echo status >'$mnt/.brainy/control'"
expect "public.txt" find_paths word mode=text
expect "public.txt" as cat "$mnt/.query/find?q=word&mode=text&format=paths"
expect "public.txt" as sh -c "exec 3<>'$mnt/.query/ask'; echo 'find?q=word&mode=text&format=paths' >&3; cat <&3"
expect "$mnt/public.txt" as "$brainy" find --in "$mnt" --mode text word
refuse 'Permission denied' as sh -c ": >'$mnt/.query/find?q=word'"
chmod 600 "$mnt/public.txt"
expect "" as cat "$mnt/.query/find?q=word&mode=text&format=paths"
