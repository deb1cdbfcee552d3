# `brainy cold attach` with an S3 server: what it is refused for, a bucket that moved, one that only reads, and one that keeps
# old versions.
. "$(dirname "$0")/lib.sh"
s3_start
conf=$vol/brainy.conf
kind=$(cat "$S3_DIR/server")

# serve [SETTING..] - the same server again, where it was
serve() { env HOME="$real_home" S3_PORT="${S3_ENDPOINT##*:}" "$@" sh "$TESTS/../s3/server.sh" start "$S3_DIR" >"$work/env" 2>&1 || fail "server: $(cat "$work/env")"; }
said() { "$brainy" "$@" >"$work/said" 2>&1; }
attach() { said cold attach --endpoint "$S3_ENDPOINT" --region "$AWS_REGION" "$@" "$mnt"; }
# no PATTERN ATTACH ARGUMENTS.. - it is refused
no() {
    pattern=$1; shift
    attach "$@" && fail "attach $* succeeded: $(cat "$work/said")"
    grep -qiE -- "$pattern" "$work/said" || fail "attach $*: said '$(cat "$work/said")', wanted '$pattern'"
}
run() { said tier run "$mnt" "$@" || fail "tier run $*: $(cat "$work/said")"; }
same() { diff -r "$work/src" "$mnt" >"$work/diff" || fail "$1: $(head -c 300 "$work/diff")"; }
signed() { curl -s -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' -o "$work/answer" -w '%{http_code}' --noproxy '*' --aws-sigv4 "aws:amz:$AWS_REGION:s3" --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" "$@"; }

printf '[cold]\ntotal_timeout_ms = 5000\n' >"$work/conf"
"$brainy" init "$vol" >/dev/null || fail "init"
cp "$work/conf" "$conf"
AWS_ACCESS_KEY_ID= "$brainy" mount "$vol" "$mnt" || fail "mount"
no 'AWS_|credential' "s3://$S3_BUCKET/one"
again
no 'no bucket' s3://no-such-bucket-here/one
no 'answer|refused' --endpoint http://127.0.0.1:1 "s3://$S3_BUCKET/one"
[ "$kind" != versitygw ] || no 'region = us-east-1' --region eu-north-7 "s3://$S3_BUCKET/one"
cmp -s "$conf" "$work/conf" || fail "brainy.conf was changed: $(cat "$conf")"

mkdir "$work/src"
for n in 1 2 3 4 5 6; do seq $((n * n * 900)) >"$work/src/numbers$n"; done
cp "$work/src"/* "$mnt"
attach "s3://$S3_BUCKET/one" || fail "attach: $(cat "$work/said")"
for word in list write look read delete; do grep -q "^$word  *works" "$work/said" || fail "attach did not say '$word': $(cat "$work/said")"; done
[ "$kind" != versitygw ] || grep -q '^write if absent  *works' "$work/said" || fail "a conditional PUT: $(cat "$work/said")"
grep -q '^old versions  *are not kept' "$work/said" || fail "versions: $(cat "$work/said")"
run --now +40d
expect 6 sh -c "find '$mnt' -name 'numbers*' -exec getfattr --absolute-names --only-values -n user.brainy.tier-now {} ';' -exec echo ';' | grep -c cold"
same "from the bucket"

if [ "$kind" = versitygw ] && [ -d "$S3_DIR/data/$S3_BUCKET/one" ]; then
    # The bucket moved: here, its objects are files.
    no "no object 'owner'" "s3://$S3_BUCKET/two"
    cp -a "$S3_DIR/data/$S3_BUCKET/one" "$S3_DIR/data/$S3_BUCKET/two"
    attach "s3://$S3_BUCKET/two" || fail "attach of the second place: $(cat "$work/said")"
    rm -r "$S3_DIR/data/$S3_BUCKET/one"
    again; same "from the second place"

    # One that only reads, and says so for each thing that is wanted.
    s3_stop
    serve S3_READONLY=1
    no 'may not write' "s3://$S3_BUCKET/two"
    grep -q '^list  *works' "$work/said" || fail "what works is not told: $(cat "$work/said")"
    s3_stop
    serve
    attach "s3://$S3_BUCKET/two" || fail "attach, writing again: $(cat "$work/said")"
fi

# Old versions are kept.
"$brainy" tier status "$mnt" | grep -q 'old versions' && fail "versions, where there are none"
code=$(signed -X PUT -d '<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>Enabled</Status></VersioningConfiguration>' \
    "$S3_ENDPOINT/$S3_BUCKET?versioning=")
[ "$code" = 200 ] || { echo "this server keeps no versions (HTTP $code: $(head -c 300 "$work/answer"))"; exit 0; }
again; run
"$brainy" tier status "$mnt" | grep -q '^old versions	are kept' || fail "tier status: $("$brainy" tier status "$mnt")"
grep -q '^old versions	are kept' "$mnt/.brainy/tiers" || fail ".brainy/tiers does not say it"
"$brainy" status "$mnt" --json | grep -q 'keeps old versions' || fail "problems: $("$brainy" status "$mnt" --json)"
url=$(sed -n 's/^url = //p' "$conf")
attach "$url" || fail "attach of a versioned bucket: $(cat "$work/said")"
grep -q '^old versions  *are kept' "$work/said" || fail "attach does not say it: $(cat "$work/said")"
same "with versions"
stop
