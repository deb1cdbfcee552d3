# A write past the kernel's cache waits for who reads one of its pages, perhaps from a bucket that does not answer. No server
# that is killed or replaced meanwhile keeps another from serving, nor programs from hearing that there is none.
# Waits: for time-outs, most of its time.
. "$(dirname "$0")/lib.sh"
silent_start
silent_conf 'cold_read_timeout_s = 8'
"$brainy" mount "$vol" "$mnt" || fail "mount with a silent bucket"

# The write reaches the server before the read, and is executed once the reader has its pages locked.
cat >"$work/late.py" <<'PY'
import os, signal, sys, threading, time
path, server, meeting = sys.argv[1], int(sys.argv[2]), sys.argv[3]
writer, reader = os.open(path, os.O_WRONLY), os.open(path, os.O_RDONLY)
os.posix_fadvise(reader, 0, 0, os.POSIX_FADV_RANDOM)
os.pwrite(writer, b"x" * 4096, 0)
assert os.pread(reader, 4096, 0) == b"x" * 4096 # a page was fetched
said = []

def call(what, *args):
    try:
        what(*args)
        said.append(0)
    except OSError as e:
        said.append(e.errno)

threads = [threading.Thread(target=call, args=args) for args in
           ((os.pwrite, writer, b"y" * 4096, 8192), (os.pread, reader, 65536, 4096))]
os.kill(server, signal.SIGSTOP)
for t in threads:
    t.start()
    time.sleep(0.3)
os.kill(server, signal.SIGCONT)
time.sleep(0.5)
assert not said, f"nobody waits: {said}"
open(meeting, "w").close()
for t in threads:
    t.join()
print(sorted(said))
PY
# meet FILE - both wait
meet() {
    rm -f "$work/meeting"
    python3 "$work/late.py" "$mnt/$1" "$(server)" "$work/meeting" >"$work/said" 2>&1 &
    meeting=$!
    until [ -e "$work/meeting" ]; do kill -0 $meeting 2>/dev/null || fail "$(cat "$work/said")"; sleep 0.1; done
}
# both_end PATTERN - what they hear, as errors
both_end() {
    n=0
    while kill -0 $meeting 2>/dev/null; do
        sleep 0.1; n=$((n + 1)); [ $n -lt 300 ] || fail "programs wait, $1"
    done
    grep -qx "$1" "$work/said" || fail "got $(cat "$work/said"), wanted $1"
}
serves() { within 10 cat "$mnt/hot" >"$work/got" && expect here cat "$work/got" || fail "nobody answers"; }
written() { expect yyyy dd if="$mnt/$1" bs=1 skip=10000 count=4 status=none; }

meet cold1
kill -9 "$(server)"
serves
both_end "\[0, 5]"
written cold1

mkdir "$work/new"
cp "$brainy" "$(dirname "$brainy")/brainy-extract" "$work/new/"
meet cold2
within 15 "$work/new/brainy" upgrade "$mnt" >/dev/null || fail "upgrade"
serves
both_end "\[0, 5]"
written cold2

# ENOTCONN, or ECONNABORTED.
meet cold3
kill -9 "$(keeper)" "$(server)"
both_end "\[10[37], 10[37]]"
umount -l "$mnt" 2>/dev/null || fusermount3 -u -z "$mnt"
