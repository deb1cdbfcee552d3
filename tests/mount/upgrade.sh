# `brainy upgrade`: another program's server takes over, and no program that uses the mount notices. What cannot take over
# is refused, and one that fails to leaves the old one at work.
# Waits: for servers, most of its time.
. "$(dirname "$0")/lib.sh"

# a_program NAME TEXT.. - a script in $work/NAME
a_program() { name=$1; shift; printf '%s\n' '#!/bin/sh' "$@" >"$work/$name"; chmod 755 "$work/$name"; }
# offer PROGRAM - what the mount says to it
offer() { python3 -c 'import os, sys
fd = os.open(sys.argv[1] + "/.brainy/control", os.O_RDWR)
os.write(fd, ("upgrade " + sys.argv[2] + "\n").encode())
print(os.read(fd, 65536).decode(), end="")' "$mnt" "$1"; }

# serves_new - the server was started from the new program; only root may see that
serves_new() { [ "$(id -u)" != 0 ] || expect "$(realpath "$work/new/brainy")" readlink "/proc/$(server)/exe"; }

# A program of the build that is tested, or of any: it does not depend on it.
for hanging in "$(dirname "$brainy")/tests/hanging" "$TESTS/../../build/tests/hanging" ""; do
    [ ! -x "$hanging" ] || break
done
[ -n "$hanging" ] || { echo "no tests/hanging is built"; exit 77; }
export REAL_BRAINY="$brainy"
mkdir "$work/new"
cp "$brainy" "$(dirname "$brainy")/brainy-extract" "$work/new/"
start
old=$(server) k=$(keeper)
mkdir "$mnt/here"
( cd "$mnt/here" && exec 5>open && i=0 && until [ -e "$work/upgraded" ]; do
    echo "line $i" >&5 && mkdir d && mv d e && rmdir e || exit 1; i=$((i + 1)); done && echo "$i" >"$work/lines" ) &
for _ in 1 2 3; do
    "$work/new/brainy" upgrade "$mnt" || fail "upgrade"
done
: >"$work/upgraded"
wait
[ -s "$work/lines" ] || fail "a program met an error"
expect "$(cat "$work/lines")" grep -c '^line' "$mnt/here/open"
[ "$(keeper)" = "$k" ] && [ "$(server)" != "$old" ] || fail "no other server"
serves_new
"$brainy" status "$mnt" --json | tr -d ' ' | grep -q '"upgrades":3' || fail "status does not count them"
# One that dies is followed by one of the new program.
old=$(server); kill -9 "$old"; ls "$mnt" >/dev/null
serves_new

refuse 'no brainyfs is mounted' "$brainy" upgrade "$work"
now=$(server)
offer /bin/true | grep -q '^error: /bin/true is no brainy' || fail "/bin/true is taken"
offer nowhere | grep -q '^error: the whole path' || fail "a short path is taken"
offer "$work/missing" | grep -q '^error: .*No such file' || fail "a missing program is taken"
offer "$work" | grep -q '^error: .*is not a program' || fail "a folder is taken"
a_program another 'echo "brainy handover 99, format 1"'
offer "$work/another" | grep -q '^error: .*takes over another way (brainy handover 99' || fail "another handover is taken"
chmod 777 "$work/another"
offer "$work/another" | grep -q '^error: .*can be written by' || fail "anybody's program is taken"
a_program silent 'exec sleep 100'
offer "$work/silent" | grep -q '^error: .*does not answer within 5 s' || fail "a program that does not answer is waited for"
a_program endless 'echo "brainy handover 99, format 1"; exec >&-; exec sleep 100'
offer "$work/endless" | grep -q '^error: .*does not answer within 5 s' || fail "a program that does not end is waited for"
a_program talkative 'exec cat /dev/zero'
offer "$work/talkative" | grep -q '^error: .*is no brainy' || fail "a program that talks for ever is listened to"
[ "$(server)" = "$now" ] || fail "a refusal has ended the server"

# It says the right words and cannot serve.
a_program broken "[ \"\$2\" = --handover ] && exec '$brainy' serve --handover" 'exit 3'
expect ok offer "$work/broken"
n=0
until "$brainy" status "$mnt" --json 2>/dev/null | tr -d ' ' | grep -q '"refused":1'; do
    sleep 0.1; n=$((n + 1)); [ $n -lt 100 ] || fail "the old program does not go on"
done
serves_new
# It says the right words and hangs; whoever waits for the mount waits for the old program.
cp "$hanging" "$work/"
chmod 755 "$work/hanging"
expect ok offer "$work/hanging"
n=0
until timeout 60 "$brainy" status "$mnt" --json 2>/dev/null | tr -d ' ' | grep -q '"refused":2'; do
    sleep 0.1; n=$((n + 1)); [ $n -lt 300 ] || fail "the old program does not go on after a hang"
done
serves_new
grep -q "the upgrade failed, the old program goes on" "$work/log" || fail "the log does not say so"
stop
"$brainy" fsck "$vol" >/dev/null || fail "fsck"
