# The examples of searching from a desktop, in the real programs: fzf on a terminal, rofi in a window, a search provider on a bus.
# Waits: for programs.
. "$(dirname "$0")/lib.sh"
. "$TESTS/../windows.sh"
windows_need rofi fzf dbus-run-session gdbus
/usr/bin/python3 -c 'from gi.repository import Gio' 2>/dev/null || { echo "python3-gi is missing"; exit 77; }
examples=$(cd "$TESTS/../../examples" && pwd)
end() {
    status=$?
    windows_stop
    (exit $status)
    finish
}
trap end EXIT
start
mkdir "$mnt/notes" "$work/bin"
echo "The sluice keeper writes about kingfishers & herons." >"$mnt/notes/it's a river.txt"
echo "Bread needs flour." >"$mnt/notes/bread.txt"
"$brainy" wait "$mnt" || fail "wait"
river="$mnt/notes/it's a river.txt"
# What opens files on a desktop says here what it was to open.
for opener in xdg-open open-it; do
    printf '#!/bin/sh\nprintf "%%s\\n" "$1" >>"%s/opened"\n' "$work" >"$work/bin/$opener"
done
chmod +x "$work/bin/"*
PATH=$work/bin:$(dirname "$brainy"):$PATH
export PATH

python3 - "$examples/brainy-fzf.sh" "$mnt" "$river" <<'PY' || fail "brainy-fzf.sh"
import os, pty, select, subprocess, sys, termios, time
terminal, other = pty.openpty()
termios.tcsetwinsize(other, (40, 160))
fzf = subprocess.Popen(["sh", sys.argv[1], sys.argv[2]], stdin=other, stdout=subprocess.PIPE, stderr=other,
                       env=dict(os.environ, TERM="xterm"), start_new_session=True,
                       preexec_fn=lambda: os.close(os.open(os.ttyname(2), os.O_RDWR)))  # which is its terminal from then on
said = b""
def until(*words):
    global said
    end = time.monotonic() + 20
    while not all(w in said for w in words):
        assert time.monotonic() < end, said[-2000:]
        if select.select([terminal], [], [], 0.1)[0]:
            said += os.read(terminal, 65536)
until(b"brainy>")
os.write(terminal, b"kingfish")
until(b"a river.txt", b"sluice keeper")  # in the list, and in the preview
os.write(terminal, b"ers\r")
chosen = fzf.communicate(timeout=20)[0].decode()
assert chosen == sys.argv[3] + "\n", chosen
PY

windows_start 800 600
windows_run rofi -modi "brainy:$examples/brainy-rofi.sh $mnt" -show brainy
xdotool search --sync --onlyvisible --class rofi type --delay 30 kingfishers >/dev/null
sleep 0.3
xdotool key Return sleep 1 key Return
becomes "^$river\$" cat "$work/opened"
ROFI_RETV=2 sh "$examples/brainy-rofi.sh" "$mnt" '"open' | tr '\000\037' '|=' >"$work/rows"
grep -q '^|message=.*not closed' "$work/rows" || fail "rofi is not told what is wrong: $(cat "$work/rows")"

cat >"$work/bus.sh" <<'SH'
mkdir -p "$XDG_DATA_HOME/dbus-1/services" "$XDG_DATA_HOME/applications"
sed "s|@HERE@|$1|" "$1/org.brainyfs.SearchProvider.service" >"$XDG_DATA_HOME/dbus-1/services/org.brainyfs.SearchProvider.service"
printf '[Desktop Entry]\nType=Application\nName=Open\nExec=open-it %%u\nMimeType=text/plain;inode/directory;\n' >"$XDG_DATA_HOME/applications/open-it.desktop"
printf '[Default Applications]\ntext/plain=open-it.desktop\ninode/directory=open-it.desktop\n' >"$XDG_DATA_HOME/applications/mimeapps.list"
ask() { gdbus call --session --dest org.brainyfs.SearchProvider --object-path /org/brainyfs/SearchProvider --method "org.gnome.Shell.SearchProvider2.$@"; }
ask GetInitialResultSet "['kingfishers', 'keeper']"
ask GetSubsearchResultSet "['x']" "['kingfishers', 'sluice']"
ask GetResultMetas "[\"$2\"]"
ask ActivateResult "$2" "['kingfishers']" 0
ask LaunchSearch "['kingfishers', 'a/b']" 0
sleep 1
SH
: >"$work/opened"
XDG_DATA_HOME=$work/data BRAINY_MOUNTS=$mnt dbus-run-session sh "$work/bus.sh" "$examples" "$river" >"$work/said" 2>"$work/bus.log" ||
    fail "the search provider: $(cat "$work/said" "$work/bus.log")"
[ "$(grep -c "^(\[\"$river\"" "$work/said")" = 2 ] || fail "the search provider finds $(cat "$work/said" "$work/bus.log")"
grep -q "'description': <'The sluice keeper writes about kingfishers & herons.'>" "$work/said" || fail "metas: $(cat "$work/said")"
becomes "^$mnt/.find/kingfishers a%2Fb\$" cat "$work/opened"
expect "$river" head -n 1 "$work/opened"
