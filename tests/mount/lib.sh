# Sourced by the mount tests: a throw-away volume, mounted, and checks that say what was wrong.
# A case sets up with `start`; everything is taken away at its end, also after a failure.
set -u
brainy=${BRAINY:-$(cd "$(dirname "$0")/../.." && pwd)/build/brainy}
[ -x "$brainy" ] || { echo "no program at $brainy: build first"; exit 1; }
[ -r /dev/fuse ] && [ -w /dev/fuse ] || { echo "/dev/fuse cannot be opened"; exit 77; }

work=$(mktemp -d)
export TESTS="$(cd "$(dirname "$0")" && pwd)" PYTHONDONTWRITEBYTECODE=1
export PYTHONPATH=$TESTS # has what probes share
real_home=$HOME
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
    [ -z "${S3_DIR:-}" ] || s3_stop
    [ -z "${silent:-}" ] || kill "$silent"
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
# becomes PATTERN COMMAND.. - within ten seconds its output matches
becomes() {
    pattern=$1; shift
    for _ in $(seq 100); do
        got=$("$@" 2>&1)
        echo "$got" | grep -qE -- "$pattern" && return
        sleep 0.1
    done
    fail "$*: '$got' does not become '$pattern'"
}
# find_paths QUERY [KEYS] - the paths that a query gives
find_paths() { cat "$mnt/.query/find?format=paths&q=$1${2:+&$2}"; }

# problems - "WHAT | WAY OUT" of each, and then the files that it is about
problems() { "$brainy" status "$mnt" --json | python3 -c '
import json, sys
for p in json.load(sys.stdin)["problems"]: print(p["what"], "|", p["way_out"], *["|"] * ("files" in p), *p.get("files", []))'; }
# tier_of FILE - where its bytes lie
tier_of() { getfattr --absolute-names --only-values -n user.brainy.tier-now "$mnt/$1"; }

# The processes behind the mount.
keeper() { sed -n 's/^pid //p' "$vol/lock"; }
# server_of KEEPER - the child that serves, or is about to; numbers say nothing of age once they have begun anew
server_of() { ps -o pid=,comm= --ppid "$1" | awk '$2 == "brainy-server" { s = $1 } { any = $1 } END { print s ? s : any }'; }
server() { server_of "$(keeper)"; }
# await_other OLD COMMAND.. - within ten seconds its output is not OLD, and not nothing: it is in $now
await_other() {
    await_old=$1 await_left=200; shift
    while now=$("$@"); [ -z "$now" ] || [ "$now" = "$await_old" ]; do
        [ $await_left -gt 0 ] || fail "$*: '$now' does not become another"
        await_left=$((await_left - 1))
        sleep 0.05
    done
}
# kill_server [SIGNAL] - returns when another one serves
kill_server() {
    killed=$(server)
    kill "-${1:-KILL}" "$killed"
    await_other "$killed" server
}

# s3_start - a real S3 server (tests/s3/server.sh) with a bucket of its own; skips when there is none. Its settings in the
# environment are those of server.sh. S3_DIR has its objects in data/BUCKET.
s3_server() { env HOME="$real_home" sh "$TESTS/../s3/server.sh" "$@"; }
s3_start() {
    S3_DIR=${S3_DIR:-$work/s3}
    s3_server start "$S3_DIR" >"$work/s3_env" 2>"$work/s3_why"; s3_status=$?
    [ $s3_status != 77 ] || { tail -n 1 "$work/s3_why"; exit 77; }
    [ $s3_status = 0 ] || fail "the S3 server does not start: $(tail -n 3 "$work/s3_why")"
    . "$work/s3_env"
}
s3_stop() { s3_server stop "$S3_DIR" >/dev/null 2>&1; }
# s3_conf [LINE..] - brainy.conf of $vol with this bucket as its cold tier; the lines come in the place of what works
s3_conf() {
    printf '[cold]\nurl = s3://%s/volume-one\nendpoint = %s\nregion = us-east-1\ngrace_hours = 1\ntotal_timeout_ms = 8000\ncold_read_timeout_s = 4\n' \
        "$S3_BUCKET" "$S3_ENDPOINT" >"$vol/brainy.conf"
    for line in "$@"; do
        sed -i "/^${line%% =*} =/d" "$vol/brainy.conf"
        echo "$line" >>"$vol/brainy.conf"
    done
}

# silent_start - a volume, not mounted, with cold1 to cold3 in a bucket, and `hot`; then a bucket that takes connections and never
# answers, the process $silent. silent_conf LINE - brainy.conf with that one as its cold tier; the true one is the folder $work/nas
silent_start() {
    mkdir "$work/nas"
    "$brainy" init "$vol" >/dev/null || fail "init"
    printf '[cold]\nurl = file://%s\n' "$work/nas" >"$vol/brainy.conf"
    "$brainy" mount "$vol" "$mnt" || fail "mount"
    for n in 1 2 3; do seq 300000 >"$mnt/cold$n"; done
    touch -d '90 days ago' "$mnt"/cold*; echo here >"$mnt/hot"
    "$brainy" tier run "$mnt" >/dev/null || fail "tier run"
    stop
    python3 -c '
import socket
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
held = []
while True: held.append(s.accept()[0])' >"$work/port" &
    silent=$!
    until [ -s "$work/port" ]; do sleep 0.1; done
    export AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b
}
silent_conf() {
    printf '[cold]\nurl = s3://bucket/prefix\nendpoint = http://127.0.0.1:%s\n%s\n' "$(cat "$work/port")" "$1" >"$vol/brainy.conf"
}
