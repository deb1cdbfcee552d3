# The same life of files with a real S3 server: placed, read, deleted; a setting that is wrong is named, and nothing is lost.
# Waits: for the bucket.
. "$(dirname "$0")/lib.sh"
s3_start
conf() { s3_conf "$@"; }
"$brainy" init "$vol" >/dev/null || fail "init"

up() { "$brainy" mount "$vol" "$mnt" || fail "mount"; }
run() { "$brainy" tier run "$mnt" "$@" >"$work/said" 2>&1 || fail "tier run $*: $(cat "$work/said")"; }
same() { diff -r "$work/src" "$mnt" >"$work/diff" || fail "$1: $(head -c 300 "$work/diff")"; }
cold_files() { find_paths 'tier:cold name:numbers' | wc -l; }

conf; up
mkdir "$work/src"
for n in 1 2 3 4 5 6 7 8 9; do seq $((n * n * n * 300)) >"$work/src/numbers$n"; done
cp "$work/src"/* "$mnt" || fail "cp"
run --now +40d
expect 9 cold_files
same "from the bucket"
again; same "after a mount"

# all of it comes back by request, what lies side by side in one
asked() { sed -n 's/^brainy_bucket_requests_total{cause="recall",op="get"} //p' "$mnt/.brainy/metrics"; }
again; before=$(asked)
"$brainy" tier "$mnt" hot || fail "tier hot"
expect 0 cold_files
[ $(($(asked) - before)) -le 3 ] || fail "$(($(asked) - before)) requests"
same "after a recall"
"$brainy" tier "$mnt" auto; run --now +40d
expect 9 cold_files

# wrong WHAT PATTERN LINE.. - with this configuration nothing moves, and the reason names what to mend
wrong() {
    what=$1 pattern=$2; shift 2
    conf "$@"
    stop; up
    "$brainy" tier "$mnt/numbers1" hot; "$brainy" tier "$mnt/fresh" cold
    "$brainy" tier run "$mnt" --now +1d >"$work/said" 2>&1 && fail "$what: the run succeeded: $(cat "$work/said")"
    grep -qiE -- "$pattern" "$work/said" || fail "$what: said '$(cat "$work/said")', wanted '$pattern'"
    [ "$(ls "$mnt" | wc -l)" = 10 ] || fail "$what: names are missing"
    cmp -s "$work/src/fresh" "$mnt/fresh" || fail "$what: what is here cannot be read"
}
seq 5000 >"$work/src/fresh"; cp "$work/src/fresh" "$mnt"
wrong "another region" 'region' "region = eu-north-7"
wrong "no bucket" 'bucket' "url = s3://no-such-bucket-here/volume-one"
wrong "nobody answers" 'endpoint|answer|refused' "endpoint = http://127.0.0.1:1"
wrong "nobody at the proxy" 'endpoint|answer|refused|proxy' "proxy = http://127.0.0.1:1"
wrong "no such profile" 'profile' "profile = nobody"
wrong "no such host" 'endpoint|host|name' "endpoint = http://nowhere.invalid"
key=$AWS_SECRET_ACCESS_KEY
export AWS_SECRET_ACCESS_KEY=wrong
wrong "wrong credentials" 'AWS_|secret|credential|key'
unset AWS_SECRET_ACCESS_KEY AWS_ACCESS_KEY_ID
export HOME="$work/nobody"
wrong "no credentials" 'AWS_|credential'
export HOME="$work/home"; . "$work/s3_env"; export AWS_SECRET_ACCESS_KEY=$key

# all of it is mended by mending the setting
conf; again
run --now +1d
expect hot getfattr --absolute-names --only-values -n user.brainy.tier-now "$mnt/numbers1"
expect cold getfattr --absolute-names --only-values -n user.brainy.tier-now "$mnt/fresh"
same "with the right settings again"

# a profile that is named is what counts, not the environment
mkdir -p "$HOME/.aws"
printf '[default]\naws_access_key_id = a\naws_secret_access_key = b\n[vault]\naws_access_key_id = %s\naws_secret_access_key = %s\n' \
    "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" >"$HOME/.aws/credentials"
export AWS_SECRET_ACCESS_KEY=wrong
conf "profile = vault"; again
same "by a profile"
export AWS_SECRET_ACCESS_KEY=$key
conf; again

# a prefix is one volume's
"$brainy" init "$work/vol2" >/dev/null; cp "$vol/brainy.conf" "$work/vol2"; mkdir "$work/mnt2"
"$brainy" mount "$work/vol2" "$work/mnt2" || fail "mount of a second volume"
seq 1000 >"$work/mnt2/other"
"$brainy" tier run "$work/mnt2" --now +40d >"$work/said" 2>&1 && fail "two volumes share a prefix"
grep -q 'belongs to volume' "$work/said" || fail "a foreign prefix: $(cat "$work/said")"
"$brainy" umount "$work/mnt2" || fail "umount of the second"

# what is deleted leaves the bucket
rm "$mnt"/*; rm "$work/src"/*
for days in 1 4 7; do sleep 0.2; run --now +${days}d; done
stop
"$brainy" fsck "$vol" >"$work/said" 2>&1 || fail "fsck: $(cat "$work/said")"
