# Sourced by the mount tests: a throw-away volume, mounted, and checks that say what was wrong.
# A case sets up with `start`; everything is taken away at its end, also after a failure.
set -u
brainy=${BRAINY:-$(cd "$(dirname "$0")/../.." && pwd)/build/brainy}
[ -x "$brainy" ] || { echo "no program at $brainy: build first"; exit 1; }
[ -r /dev/fuse ] && [ -w /dev/fuse ] || { echo "/dev/fuse cannot be opened"; exit 77; }

work=$(mktemp -d)
export TESTS="$(cd "$(dirname "$0")" && pwd)" PYTHONDONTWRITEBYTECODE=1
export HOME="$work/home" XDG_CONFIG_HOME="$work/home/.config" BRAINY_LOG="$work/log"
mkdir -p "$work/mnt" "$HOME"
vol=$work/vol mnt=$work/mnt

# within SECONDS COMMAND.. - its status, or 124 when it has none by then: nobody can kill what waits for a mount.
within() {
    within_left=$(($1 * 10)); shift
    rm -f "$work/within"
    { "$@"; echo $? >"$work/within"; } &
    until [ -s "$work/within" ]; do
        [ $within_left -gt 0 ] || return 124
        within_left=$((within_left - 1))
        sleep 0.1
    done
    return "$(cat "$work/within")"
}
end_mount() {
    pids="$(keeper) $(server)"
    umount -l "$mnt" 2>/dev/null || fusermount3 -u -z "$mnt"
    kill -KILL $pids 2>/dev/null
}
finish() {
    status=$?
    cd /
    # A server that hangs must not hang the test, too, which has something to say.
    if mounted; then
        within 30 "$brainy" umount "$mnt" >/dev/null 2>&1 || end_mount
    fi
    [ $status = 0 ] || [ $status = 77 ] || { echo "-- log of the mount:"; tail -n 20 "$work/log" 2>/dev/null; }
    while umount "$work/disk" 2>/dev/null; do :; done
    rm -rf "$work"
    exit $status
}
trap finish EXIT
trap 'exit 1' INT TERM

mounted() { grep -q " $mnt fuse.brainy " /proc/self/mounts; }
fail() { echo "FAIL: $*"; exit 1; }

# start [MOUNT OPTIONS..] - a new volume, mounted
start() {
    "$brainy" init "$vol" >/dev/null || fail "init"
    "$brainy" mount "$vol" "$mnt" "$@" || fail "mount"
    mounted || fail "mount returned 0 and nothing is mounted"
}
stop() { "$brainy" umount "$mnt" || fail "umount"; ! mounted || fail "still mounted"; }
again() { stop; "$brainy" mount "$vol" "$mnt" "$@" || fail "mount again"; }

# expect WANTED COMMAND.. - its output is exactly that
expect() {
    wanted=$1; shift
    got=$("$@" 2>&1)
    [ "$got" = "$wanted" ] || fail "$*: got '$got', wanted '$wanted'"
}
# refuse PATTERN COMMAND.. - it fails, and says something that matches
refuse() {
    pattern=$1; shift
    got=$("$@" 2>&1) && fail "$* succeeded"
    echo "$got" | grep -qE -- "$pattern" || fail "$*: said '$got', wanted '$pattern'"
}
# find_paths QUERY [KEYS] - the paths that a query gives
find_paths() { cat "$mnt/.query/find?format=paths&q=$1${2:+&$2}"; }

# The processes behind the mount.
keeper() { sed -n 's/^pid //p' "$vol/lock"; }
# server_of KEEPER - the child that serves, or is about to; numbers say nothing of age once they have begun anew
server_of() { ps -o pid=,comm= --ppid "$1" | awk '$2 == "brainy-server" { s = $1 } { any = $1 } END { print s ? s : any }'; }
server() { server_of "$(keeper)"; }
