# What can be wrong with a bucket, on a real S3 server: each is said in one line that names the setting, and stands among the
# problems; nothing is lost, names and marks stay; and when it is mended, all goes on. (Objects: tiers_lost_objects.sh.)
# Waits: for time-outs, most of its time.
. "$(dirname "$0")/lib.sh"
s3_start
id=$AWS_ACCESS_KEY_ID secret=$AWS_SECRET_ACCESS_KEY port=${S3_ENDPOINT##*:} plain=$S3_ENDPOINT
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_REGION
# key SECRET - what the profile file says
key() { mkdir -p "$HOME/.aws"; printf '[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n' "$id" "$1" >"$HOME/.aws/credentials"; }
up() { "$brainy" mount "$vol" "$mnt" || fail "mount"; }
# remount [LINE..] - with these lines in brainy.conf
remount() { stop; s3_conf "$@"; up; }
# restart [VARIABLE=VALUE..] - the server, on the same port
restart() { s3_stop; for word in "$@"; do export "$word"; done; S3_PORT=$port s3_start; unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_REGION S3_READONLY; }

key "$secret"
"$brainy" init "$vol" >/dev/null || fail "init"
s3_conf; up
mkdir "$work/src"
for n in 1 2 3 4 5 6 7 8; do head -c 200000 /dev/urandom >"$work/src/old$n"; done
cp "$work/src"/* "$mnt" || fail "cp"
"$brainy" tier run "$mnt" --now +40d >"$work/said" 2>&1 || fail "the first run: $(cat "$work/said")"
case_number=0

# bad WHAT PATTERN - a run fails with one line that matches, which stands among the problems; nothing else is the worse for it
bad() {
    what=$1 case_number=$((case_number + 1))
    echo "fresh: $what" >"$work/src/fresh$case_number"
    cp "$work/src/fresh$case_number" "$mnt" || fail "$what: cp"
    "$brainy" tier run "$mnt" --now +40d >"$work/said" 2>&1 && fail "$what: the run succeeded: $(cat "$work/said")"
    grep -qE -- "$2" "$work/said" || fail "$what: said '$(cat "$work/said")', wanted '$2'"
    [ "$(wc -l <"$work/said")" = 1 ] || fail "$what: more than one line: $(cat "$work/said")"
    problems >"$work/problems"
    [ "$(grep -cE -- "$2" "$work/problems")" = 1 ] || fail "$what: among the problems: '$(cat "$work/problems")'"
    [ "$(ls "$mnt" | wc -l)" = "$(ls "$work/src" | wc -l)" ] || fail "$what: names are missing"
    expect cold tier_of old1
    [ "$(tier_of "fresh$case_number")" != cold ] || fail "$what: in the bucket, it says"
    cmp -s "$work/src/fresh$case_number" "$mnt/fresh$case_number" || fail "$what: what is here cannot be read"
}
# no_read, read - of a file that nobody has fetched yet
no_read() { cat "$mnt/old$case_number" >/dev/null 2>&1 && fail "$what: a file in the bucket was read"; }
can_read() { cmp "$work/src/old$case_number" "$mnt/old$case_number" || fail "$what: a file in the bucket cannot be read"; }
# mended - the next run moves what waited, and nothing is wrong any more
mended() {
    "$brainy" tier run "$mnt" --now +40d >"$work/said" 2>&1 || fail "$what, mended: $(cat "$work/said")"
    expect cold tier_of "fresh$case_number"
    can_read
    expect "" problems
}

stop; key wrong; up
bad "a wrong secret" 'the secret key is wrong.*AWS_SECRET_ACCESS_KEY'
no_read; key "$secret"; sleep 1.1; mended

remount "region = eu-north-7"
bad "another region" 'set \[cold\] region = us-east-1'
no_read; remount; mended

mv "$S3_DIR/data/$S3_BUCKET" "$S3_DIR/away"
bad "no bucket" 'no bucket brainy.*\[cold\] url'
no_read; mv "$S3_DIR/away" "$S3_DIR/data/$S3_BUCKET"; mended

restart S3_READONLY=1
bad "a bucket that is read-only" 'may not write to.*bucket brainy'
can_read
problems | grep -q 'may not write to' || fail "a read made the problem go away"
restart; mended

# The clock: requests are signed by the server's, and a problem says so.
library=$(dirname "$brainy")/tests/faults/faulty.so
if [ -f "$library" ]; then
    for off in 3600 -3600; do
        stop; echo "clock $off" >"$work/fault"
        FAULTY="$work/fault" LD_PRELOAD="$library" "$brainy" mount "$vol" "$mnt" || fail "mount"
        echo "clock $off" >"$work/src/clock$off"; cp "$work/src/clock$off" "$mnt"
        "$brainy" tier run "$mnt" --now +40d >"$work/said" 2>&1 || fail "the clock is $off off: $(cat "$work/said")"
        expect cold tier_of "clock$off"
        problems | grep -qE 'clock.*it is 3[56][0-9][0-9] seconds (ahead|behind).*set the clock' || fail "the clock is $off off: problems: $(problems)"
    done
    stop; up
    expect "" problems
fi

if command -v openssl >/dev/null && openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/key.pem" -out "$work/cert.pem" -days 2 \
    -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 >"$work/openssl.log" 2>&1; then
    stop; restart "S3_CERT=$work/cert.pem" "S3_KEY=$work/key.pem"; s3_conf; up
    bad "a certificate that nobody trusts" 'certificate of 127.0.0.1.*\[cold\] ca_file'
    no_read
    remount "ca_file = $work/missing.pem"
    bad "a certificate file that is not there" '\[cold\] ca_file.*missing.pem'
    no_read; remount "ca_file = $work/cert.pem"; mended
    remount "endpoint = $plain" "total_timeout_ms = 1500"
    bad "no TLS where TLS is spoken" '\[cold\] endpoint'
    stop; unset S3_CERT S3_KEY; restart; s3_conf; up; mended
fi

# A full disk below it, which takes root.
if [ "$(id -u)" = 0 ]; then
    s3_stop; mkdir "$work/disk"
    mount -t tmpfs -o size=8m tmpfs "$work/disk" && cp -a "$S3_DIR/data/." "$work/disk" || fail "tmpfs"
    rm -r "$S3_DIR/data"; ln -s "$work/disk" "$S3_DIR/data"; restart
    head -c 3000000 /dev/urandom >"$work/src/large"; cp "$work/src/large" "$mnt"
    cat /dev/zero >"$work/disk/ballast" 2>/dev/null
    bad "a full bucket" 'bucket brainy.*takes no more.*make room'
    can_read; rm "$work/disk/ballast"; mended
    expect cold tier_of large
fi

diff -r "$work/src" "$mnt" >"$work/diff" || fail "at last: $(head -c 300 "$work/diff")"
stop
"$brainy" fsck --cold "$vol" >"$work/said" 2>&1 || fail "fsck: $(cat "$work/said")"
