# Saved searches of other users: each sees its own, and inotify tells it of the files that it may see, when it may; the journal
# of events has those of the owner.
# Root only: it becomes two users. Waits: for what is followed.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || { echo "needs root, to become two users"; exit 77; }
chmod 755 "$work"
start -o allow_other
chmod 755 "$mnt"
cat >"$work/listen.py" <<'PY'
# A line for each entry that comes or goes in a folder: "+ name", "- name".
import ctypes, os, struct, sys
fd = ctypes.CDLL(None).inotify_init1(os.O_CLOEXEC)
assert ctypes.CDLL(None).inotify_add_watch(fd, sys.argv[1].encode(), 0x300) > 0
print("ready", flush=True)
while True:
    data, at = os.read(fd, 1 << 16), 0
    while at < len(data):
        _, mask, _, n = struct.unpack_from("iIII", data, at)
        print("+" if mask & 0x100 else "-", data[at + 16:at + 16 + n].rstrip(b"\0").decode(), flush=True)
        at += 16 + n
PY
as_b() { setpriv --reuid=54321 --regid=54321 --clear-groups "$@"; }
as_member() { setpriv --reuid=54323 --regid=54323 --groups=54322 "$@"; }
search=.find/saved/bird
listen() { # listen AS NAME - what it is told goes to the file $work/NAME
    "$1" timeout 100 python3 "$work/listen.py" "$mnt/$search" >"$work/$2" &
    listeners="${listeners:-} $!"
    becomes ready cat "$work/$2"
}
as_a() { "$@"; }
told() { # told NAME LINE.. - exactly these, by now or soon
    name=$1; shift
    wanted=$(printf '%s\n' ready "$@")
    for _ in $(seq 100); do
        [ "$(cat "$work/$name")" = "$wanted" ] && return
        sleep 0.1
    done
    fail "$name was told: $(cat "$work/$name"), and not: $wanted"
}
for who in as_a as_b as_member; do
    $who mkdir "$mnt/$search" || fail "$who: mkdir"
    $who sh -c 'echo text >"$1/.mode"; echo heron >"$1/.q"' - "$mnt/$search" || fail "$who: settings"
done
mkdir "$mnt/.find/saved/of-a"
as_b mkdir "$mnt/.find/saved/of-b" "$mnt/$search/inner"
expect "bird
of-a" ls -A "$mnt/.find/saved"
expect "bird
of-b" as_b ls -A "$mnt/.find/saved"
expect bird as_member ls -A "$mnt/.find/saved"
refuse "No such file" ls "$mnt/.find/saved/of-b"
refuse "No such file" as_b ls "$mnt/.find/saved/of-a"
refuse "No such file" ls "$mnt/$search/inner"
listen as_a a
listen as_b b
listen as_member member

# Each file is made unseen, and then shown: to all, to a group, to nobody.
mkdir "$mnt/closed"
chmod 700 "$mnt/closed"
bird() { echo "a heron" >"$mnt/closed/$1"; chmod "$2" "$mnt/closed/$1"; mv "$mnt/closed/$1" "$mnt/$1"; }
bird all.txt 644
told a "+ all.txt"
told b "+ all.txt"
told member "+ all.txt"
echo "a heron of the group" >"$mnt/closed/group.txt"
chgrp 54322 "$mnt/closed/group.txt"
chmod 640 "$mnt/closed/group.txt"
mv "$mnt/closed/group.txt" "$mnt/group.txt"
told a "+ all.txt" "+ group.txt"
bird secret.txt 600
told a "+ all.txt" "+ group.txt" "+ secret.txt"
told member "+ all.txt" "+ group.txt"
told b "+ all.txt"
chmod 644 "$mnt/secret.txt"
told b "+ all.txt" "+ secret.txt"
told member "+ all.txt" "+ group.txt" "+ secret.txt"
# What goes out of sight leaves by the name that it was seen by.
chmod 700 "$mnt/closed"
mv "$mnt/secret.txt" "$mnt/closed/renamed.txt"
told b "+ all.txt" "+ secret.txt" "- secret.txt"
told member "+ all.txt" "+ group.txt" "+ secret.txt" "- secret.txt"
expect "all.txt
inner" as_b ls "$mnt/$search"
expect "all.txt
group.txt" as_member ls "$mnt/$search"
rm "$mnt/group.txt"
told member "+ all.txt" "+ group.txt" "+ secret.txt" "- secret.txt" "- group.txt"
told b "+ all.txt" "+ secret.txt" "- secret.txt"

# The journal is the owner's, and of the owner's searches.
grep -q '"search":"bird"' "$mnt/.brainy/events" || fail "no events"
expect 0 grep -c '54321\|54323\|of-b\|inner' "$mnt/.brainy/events"
refuse "ermission denied" as_b cat "$mnt/.brainy/events"

# Another server follows for all of them, and says what the one before could not say any more.
bird edge.txt 644
kill -9 "$(server)"
told b "+ all.txt" "+ secret.txt" "- secret.txt" "+ edge.txt"
bird late.txt 644
bird hidden.txt 600
told b "+ all.txt" "+ secret.txt" "- secret.txt" "+ edge.txt" "+ late.txt"
told member "+ all.txt" "+ group.txt" "+ secret.txt" "- secret.txt" "- group.txt" "+ edge.txt" "+ late.txt"
as_b rm -r "$mnt/$search"
expect of-b as_b ls -A "$mnt/.find/saved"
expect "bird
of-a" ls -A "$mnt/.find/saved"
kill $listeners
stop
