#!/bin/sh
# server.sh start DIR | stop DIR | get - an S3 server on this machine, for tests and development. All it has lies in DIR; each
# DIR is a server of its own, and the next start serves the same objects again. `start` prints lines for `eval`:
#   export AWS_ACCESS_KEY_ID=.. AWS_SECRET_ACCESS_KEY=.. AWS_REGION=.. S3_ENDPOINT=http://127.0.0.1:PORT S3_BUCKET=brainy S3_SERVER_PID=..
# It is versitygw, from Go's module proxy when there is Go 1.25, or from $VERSITYGW; S3_SERVER=radosgw (or no Go) asks for Ceph's,
# from the distribution's packages, which needs root. 77, with the reason as the last line: neither can be had.
# `get` builds versitygw, which takes minutes the first time, and puts it where every user of this project finds it; start
# does so, too; who comes meanwhile waits.
# S3_BUCKET and S3_PORT choose others; S3_CERT and S3_KEY make it speak TLS (versitygw). S3_READONLY=1: takes no writes.
set -eu
version=v1.8.0 # versions before 1.8 let two If-Match writers win at once
key=AKIATESTBRAINYFS0001 secret=test/secret+brainyfs region=us-east-1 bucket=${S3_BUCKET:-brainy}
bin=${XDG_CACHE_HOME:-$HOME/.cache}/brainy/bin shared=$(cd "$(dirname "$0")/../.." && pwd)/build/test-bin
verb=${1:-} dir=${2:-}

skip() { echo "server.sh: $*" >&2; exit 77; }
fail() { echo "server.sh: $*" >&2; exit 1; }
[ -n "$dir" ] || [ "$verb" = get ] || fail "usage: server.sh start|stop DIR, or get"

go_of() {
    for go_try in "$(command -v go || true)" /usr/local/go/bin/go; do
        [ -x "$go_try" ] || continue
        case $("$go_try" env GOVERSION) in go1.2[5-9]* | go1.[3-9][0-9]*) echo "$go_try"; return 0 ;; esac
    done
    return 1
}

build_versitygw() {
    go=$(go_of) || return 1
    echo "server.sh: building versitygw $version, once, in some minutes" >&2
    CGO_ENABLED=0 GOBIN=$bin/new.$$ nice "$go" install "github.com/versity/versitygw/cmd/versitygw@$version" >"$bin/build.$$" 2>&1 ||
        { tail -n 3 "$bin/build.$$" >&2; rm -f "$bin/build.$$"; return 1; }
    mv "$bin/new.$$/versitygw" "$bin/versitygw-$version" && rmdir "$bin/new.$$" && rm "$bin/build.$$"
}

# share - a copy for users who may not enter this one's home; it appears whole
share() {
    [ ! -x "$shared/versitygw-$version" ] && [ -w "$(dirname "$shared")" ] && mkdir -p "$shared" || return 0
    cp "$bin/versitygw-$version" "$shared/new.$$" && chmod 755 "$shared/new.$$" && mv "$shared/new.$$" "$shared/versitygw-$version"
}

# versitygw_of - prints the program, which one of those who want it builds the first time
versitygw_of() {
    [ -z "${VERSITYGW:-}" ] || { echo "$VERSITYGW"; return 0; }
    [ ! -x "$shared/versitygw-$version" ] || { echo "$shared/versitygw-$version"; return 0; }
    mkdir -p "$bin" || return 1
    (
        flock 9 2>/dev/null || true
        [ -x "$bin/versitygw-$version" ] || build_versitygw
    ) 9>"$bin/lock" || return 1
    share
    echo "$bin/versitygw-$version"
}

scheme() { [ -n "${S3_CERT:-}" ] && echo https || echo http; }
fetch() { curl -s -o /dev/null -k --noproxy '*' --max-time 5 -w '%{http_code}' "$@" || true; }
running() { [ -s "$dir/pid" ] && kill -0 "$(cat "$dir/pid")" 2>/dev/null; }

# start_versitygw PORT - true when it listens there
start_versitygw() {
    mkdir -p "$dir/data" "$dir/iam" "$dir/versions"
    ROOT_ACCESS_KEY=$key ROOT_SECRET_KEY=$secret setsid "$program" --port "127.0.0.1:$1" --region "$region" --quiet --keep-alive --iam-dir "$dir/iam" \
        ${S3_CERT:+--cert "$S3_CERT" --key "$S3_KEY"} ${S3_READONLY:+--readonly} \
        posix --versioning-dir "$dir/versions" "$dir/data" >"$dir/server.log" 2>&1 </dev/null &
    echo $! >"$dir/pid"
    for _ in $(seq 100); do
        running || return 1
        [ "$(fetch "$(scheme)://127.0.0.1:$1/")" != 403 ] || return 0
        sleep 0.1
    done
    return 1
}

start_radosgw() { . "$(dirname "$0")/radosgw.sh"; radosgw_start "$1"; }

# A port that was free a moment ago; somebody may be faster, so it is tried again.
start_somewhere() {
    for start_try in 1 2 3; do
        port=${S3_PORT:-$((20000 + ($$ * 7 + start_try * 1009) % 12000))}
        "start_$server" "$port" && return 0
        stop
    done
    tail -n 5 "$dir/server.log" 2>/dev/null >&2
    fail "$server did not start"
}

make_bucket() {
    case $(fetch --aws-sigv4 "aws:amz:$region:s3" --user "$key:$secret" -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' -X PUT "$1/$bucket") in
    200 | 409) ;;
    *) [ -n "${S3_READONLY:-}" ] || fail "the bucket cannot be made" ;;
    esac
}

start() {
    mkdir -p "$dir"
    dir=$(cd "$dir" && pwd)
    ! running || { cat "$dir/exports"; return 0; }
    command -v curl >/dev/null || skip "needs curl"
    server=${S3_SERVER:-$(cat "$dir/server" 2>/dev/null || echo versitygw)}
    if [ "$server" = versitygw ] && ! program=$(versitygw_of); then
        [ -z "${S3_SERVER:-}" ] && [ "$(id -u)" = 0 ] || skip "no versitygw: needs Go 1.25 and the module proxy, or VERSITYGW=PROGRAM"
        server=radosgw
    fi
    echo "$server" >"$dir/server"
    start_somewhere
    make_bucket "$(scheme)://127.0.0.1:$port"
    echo "export AWS_ACCESS_KEY_ID=$key AWS_SECRET_ACCESS_KEY=$secret AWS_REGION=$region" \
        "S3_ENDPOINT=$(scheme)://127.0.0.1:$port S3_BUCKET=$bucket S3_SERVER_PID=$(cat "$dir/pid")" >"$dir/exports"
    cat "$dir/exports"
}

# Those in DIR/others are helpers of the server (Ceph's).
stop() {
    for stop_pid in $(cat "$dir/pid" "$dir/others" 2>/dev/null); do
        kill "$stop_pid" 2>/dev/null || continue
        for _ in $(seq 60); do kill -0 "$stop_pid" 2>/dev/null || break; sleep 0.05; done
        kill -KILL "$stop_pid" 2>/dev/null || true
    done
    rm -f "$dir/pid" "$dir/others" "$dir/exports"
}

case $verb in
start | stop) $verb ;;
get) versitygw_of || skip "no versitygw: needs Go 1.25 and the module proxy, or VERSITYGW=PROGRAM" ;;
*) fail "usage: server.sh start|stop DIR, or get" ;;
esac
