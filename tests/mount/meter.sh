# The cost meter: what was asked of the bucket stands in .brainy/tiers and .brainy/metrics, with its price, and survives a
# restart; a dry run ends with what it would cost; the limits of a day stop moves first, then reads, and problems say so.
. "$(dirname "$0")/lib.sh"
mkdir "$work/nas"
"$brainy" init "$vol" >/dev/null || fail "init"
conf() {
    printf '[cold]\nurl = file://%s\n[prices]\nput = 5\nget = 0.4\nout_gb = 0.09\nstored_gb_month = 0.02\ncurrency = EUR\n' "$work/nas"
    printf "$1"
}
conf '' >"$vol/brainy.conf"
"$brainy" mount "$vol" "$mnt" || fail "mount"
run() { "$brainy" tier run "$mnt" "$@" >"$work/said" 2>&1 || fail "tier run $*: $(cat "$work/said")"; }
problems() { "$brainy" status "$mnt" --json | python3 -c '
import json, sys
for p in json.load(sys.stdin)["problems"]: print(p["what"], "|", p["way_out"])'; }
# asked METRIC - its value
asked() { sed -n "s/^$1 //p" "$mnt/.brainy/metrics"; }

head -c 3000000 /dev/urandom >"$work/noise"; seq 100000 >"$work/text"
mkdir "$mnt/old"; cp "$work/noise" "$work/text" "$mnt/old"; touch -d '90 days ago' "$mnt/old/"*
"$brainy" wait "$mnt" --for index # which would ask the bucket for what went there unread
run --dry-run
grep -q '^in all: to cold	2 files	3588895 bytes$' "$work/said" || fail "summary: $(cat "$work/said")"
grep -q '^in all: of the bucket	about [1-9][0-9]* requests.*cost 0.[0-9]* EUR' "$work/said" || fail "price: $(cat "$work/said")"
run
puts='brainy_bucket_requests_total{cause="demotion",op="put"}'
gets='brainy_bucket_requests_total{cause="recall",op="get"}'
expect 1 asked "$puts"; expect 0 asked "$gets"
again
expect 1 asked "$puts"
cmp "$work/noise" "$mnt/old/noise" || fail "noise"
[ "$(asked "$gets")" -ge 1 ] || fail "no recall was counted"
grep -q '^today	recall	[1-9]' "$mnt/.brainy/tiers" || fail "tiers: $(cat "$mnt/.brainy/tiers")"
grep -q '^in all	demotion	[1-9].*cost 0.0[0-9]* EUR' "$mnt/.brainy/tiers" || fail "tiers: $(cat "$mnt/.brainy/tiers")"
grep -q '^recalls	none' "$mnt/.brainy/tiers" || fail "tiers: $(cat "$mnt/.brainy/tiers")"
expect 2 asked 'brainy_tier_files{tier="cold"}'
expect 0 asked brainy_problems
python3 - "$mnt/.brainy/metrics" <<'END' || fail "no Prometheus text"
import re, sys
seen = {}
for line in open(sys.argv[1]):
    if line.startswith("# TYPE"):
        seen[line.split()[2]] = line.split()[3]
    elif not line.startswith("#"):
        m = re.fullmatch(r'(\w+)(\{\w+="\w+"(,\w+="\w+")*\})? \d+\n', line)
        assert m and m[1] in seen, line
END

# limits: in use at once, kept over a restart; what is here goes on
used=$(asked brainy_bucket_day_requests)
conf "[limits]\nrequests_per_day = $((used + 6))\n" >"$vol/brainy.conf"
seq 200000 >"$mnt/old/more"; touch -d '90 days ago' "$mnt/old/more"
sleep 1.5
again
[ "$(asked brainy_bucket_day_requests)" -ge "$used" ] || fail "a restart forgets"
refuse "the day's limit is reached" "$brainy" tier run "$mnt"
becomes 'may be asked in a day is used up.*requests_per_day' problems
seq 200000 | cmp - "$mnt/old/more" || fail "more"
cmp "$work/text" "$mnt/old/text" || fail "a recall has the last tenth"
conf '' >"$vol/brainy.conf"; sleep 1.5
# Reading has made it young.
touch -d '90 days ago' "$mnt/old/more"
run
expect 3 asked 'brainy_tier_files{tier="cold"}'
becomes '^$' problems

# a bucket that is not there when the mount begins: problems say so until it is
stop; mv "$work/nas" "$work/away"
"$brainy" mount "$vol" "$mnt" || fail "mount without the bucket"
refuse 'Input/output error' cat "$mnt/old/more"
becomes 'cold tier cannot be used.*folder' problems
mv "$work/away" "$work/nas"
run
becomes '^$' problems
seq 200000 | cmp - "$mnt/old/more" || fail "more, after the bucket came back"
# another volume's
stop; "$brainy" init "$work/other" >/dev/null; cp "$vol/brainy.conf" "$work/other"
"$brainy" mount "$work/other" "$mnt" || fail "mount of another volume"
"$brainy" tier run "$mnt" >/dev/null 2>&1
becomes "not this mount's to change.*belongs to volume" problems
stop
"$brainy" fsck "$vol" >"$work/said" 2>&1 || fail "fsck: $(cat "$work/said")"
