#!/bin/sh
# The client against a real server (server.sh): what every bucket promises, and what people are told when something is set
# up wrongly.
cd "$(dirname "$0")/../.." || exit 1
ask=build/tests/s3/ask test_bucket=build/tests/unit/test_bucket
[ -x "$ask" ] && [ -x "$test_bucket" ] || { echo "no programs in build: build first"; exit 1; }
work=$(mktemp -d)
stop_all() {
    for server in "$work"/server*; do [ ! -d "$server" ] || sh tests/s3/server.sh stop "$server"; done
    umount "$work/server-full/data" 2>/dev/null
    rm -rf "$work"
}
trap stop_all EXIT
export HOME="$work" XDG_CACHE_HOME="${XDG_CACHE_HOME:-$HOME/.cache}" PYTHONDONTWRITEBYTECODE=1
unset AWS_SESSION_TOKEN AWS_PROFILE AWS_SHARED_CREDENTIALS_FILE
failed=0

# start NAME - a server, in our environment
start() {
    sh tests/s3/server.sh start "$work/server$1" >"$work/exports" 2>"$work/said" || { status=$?; cat "$work/said"; exit "$status"; }
    . "$work/exports"
}

# says WHAT COMMAND.. - its output must hold WHAT
says() {
    want=$1; shift
    got=$("$@" 2>&1)
    case $got in
    *"$want"*) ;;
    *) echo "'$*' says '$got', not '$want'"; failed=1 ;;
    esac
}

start ""
"$test_bucket" || { echo "the bucket does not do as promised"; failed=1; }
says done "$ask" put k
says "not versioned" "$ask" versioned k
says "ENOENT" "$ask" head nothing

# Uploads that nobody ended.
for key in left behind; do
    curl -s -o "$work/upload" --noproxy '*' --aws-sigv4 "aws:amz:$AWS_REGION:s3" --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \
        -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' -X POST "$S3_ENDPOINT/$S3_BUCKET/$key?uploads="
done
sleep 2
says "2 aborted" "$ask" abort k
says "0 aborted" "$ask" abort k

says "EKEYREJECTED: the secret key is wrong" env AWS_SECRET_ACCESS_KEY=wrong "$ask" get k
says "EKEYREJECTED: the access key is not known" env AWS_ACCESS_KEY_ID=NOBODY "$ask" put k
says "EKEYREJECTED: the access key is not known" env AWS_ACCESS_KEY_ID=NOBODY "$ask" head k
says "EKEYREJECTED: no credentials" env AWS_ACCESS_KEY_ID= "$ask" get k
says "ENXIO: there is no bucket elsewhere" env S3_BUCKET=elsewhere "$ask" put k
says "ENXIO: there is no bucket elsewhere" env S3_BUCKET=elsewhere "$ask" head k
says "ENXIO: there is no bucket elsewhere" env S3_BUCKET=elsewhere "$ask" list k
says "EHOSTUNREACH: nothing answers at 127.0.0.1:1" env S3_ENDPOINT=http://127.0.0.1:1 "$ask" get k
says "EPROTO: " env S3_ENDPOINT="https://${S3_ENDPOINT#http://}" "$ask" get k
says "EINVAL: bucket 'no/good'" env S3_BUCKET=no/good "$ask" get k
if [ "$(cat "$work/server/server")" = versitygw ]; then # Ceph's has one region
    says "EREMOTE: wrong region: the bucket brainy is in us-east-1; set [cold] region = us-east-1" env AWS_REGION=eu-west-1 "$ask" get k
    says "region = us-east-1" env AWS_REGION=eu-west-1 "$ask" head k
fi

# The profile file.
mkdir -p "$work/.aws"
printf '[default]\naws_access_key_id = WRONG\naws_secret_access_key = WRONG\n[mine]\naws_access_key_id = %s\naws_secret_access_key = %s\n' \
    "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" >"$work/.aws/credentials"
says done env AWS_ACCESS_KEY_ID= AWS_PROFILE=mine "$ask" get k
says EKEYREJECTED env AWS_ACCESS_KEY_ID= "$ask" get k

if [ "$(cat "$work/server/server")" = versitygw ]; then
    # Read-only.
    sh tests/s3/server.sh stop "$work/server"
    S3_READONLY=1 start ""
    says done "$ask" get k
    says "EACCES: the access key may not write to (s3:PutObject) the bucket brainy" "$ask" put k
    says "EACCES: the access key may not write to" "$ask" putif other
    says "EACCES: the access key may not delete from" "$ask" remove k

    # TLS, with a certificate of our own.
    if command -v openssl >/dev/null && openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/key.pem" -out "$work/cert.pem" -days 2 \
        -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 >"$work/openssl.log" 2>&1; then
        S3_CERT=$work/cert.pem S3_KEY=$work/key.pem start -tls
        says "EPROTO: the certificate of 127.0.0.1" "$ask" put k
        says "[cold] ca_file names the authority" "$ask" put k
        says done env S3_CA="$work/cert.pem" "$ask" put k
        says "EPROTO: [cold] ca_file cannot be used" env S3_CA=/nonexistent/ca.pem "$ask" put k
        says "EPROTO: the certificate" env S3_CA="$work/cert.pem" S3_ENDPOINT="https://localhost:${S3_ENDPOINT##*:}" "$ask" get k
    fi

    # A full disk.
    mkdir -p "$work/server-full/data"
    if mount -t tmpfs -o size=4m tmpfs "$work/server-full/data" 2>/dev/null; then
        start -full
        says done "$ask" put k 1000000
        says "ENOSPC: the bucket brainy" "$ask" put k2 8000000
        says done "$ask" get k
    fi
fi
exit $failed
