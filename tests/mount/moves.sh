# While files move: what is written to brainy.conf is in use within a second, and the run goes on by it; rates change while
# they are obeyed; what a killed server was writing into the bucket's folder goes with the next run, and with compact.
. "$(dirname "$0")/lib.sh"
mkdir "$work/nas"
"$brainy" init "$vol" >/dev/null || fail "init"
# conf LINE.. - of [tiers]
conf() {
    printf '[tiers]\n' >"$work/conf"
    for line in "$@"; do echo "$line" >>"$work/conf"; done
    printf '[cold]\nurl = file://%s\n%s\n' "$work/nas" "${cold:-}" >>"$work/conf"
    mv "$work/conf" "$vol/brainy.conf"
}
# control LINE - what .brainy/control answers
control() { python3 - "$mnt/.brainy/control" "$1" <<'END'
import os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
os.write(fd, sys.argv[2].encode() + b"\n")
print(os.read(fd, 1000).decode(), end="")
END
}
# quick COMMAND.. - within a second (and what starting python takes)
quick() {
    from=$(date +%s%N); "$@"; took=$((($(date +%s%N) - from) / 1000000))
    [ $took -lt 1500 ] || fail "$* took $took ms"
}
# ended PID - within ten seconds, and well
ended() {
    for _ in $(seq 100); do kill -0 "$1" 2>/dev/null || break; sleep 0.1; done
    kill -0 "$1" 2>/dev/null && fail "the run goes on"
    wait "$1" || fail "the run: $(cat "$work/said")"
}
cold_files() { sed -n 's/^brainy_tier_files{tier="cold"} //p' "$mnt/.brainy/metrics"; }
up() { "$brainy" mount "$vol" "$mnt" || fail "mount"; }

conf 'move_rate = 256K'; up
mkdir "$mnt/old"
for n in 1 2 3 4 5 6 7 8 9 10; do head -c 900000 /dev/urandom >"$mnt/old/f$n"; done
touch -d '40 days ago' "$mnt/old/"*; sleep 0.3
md5sum "$mnt/old/"* >"$work/sums"; touch -d '40 days ago' "$mnt/old/"*

# A run of 36 seconds, by 256 K a second; without that rate it is one of a moment.
"$brainy" tier run "$mnt" >"$work/said" 2>&1 & pid=$!
sleep 1.5
kill -0 $pid 2>/dev/null || fail "it has ended already: $(cat "$work/said")"
conf 'hot_days = 39' 'warm_days = 41'
quick expect ok control reload
ended $pid
[ "$(cold_files)" -lt 10 ] || fail "it went on by the rules before"
conf; quick expect ok control reload
"$brainy" tier run "$mnt" >"$work/said" 2>&1 || fail "tier run: $(cat "$work/said")"
expect 10 cold_files
md5sum -c --quiet "$work/sums" || fail "contents"
within 20 "$brainy" wait "$mnt" --for tiers --timeout 10 || fail "wait"

# The bucket's rate: what is sent is 4 MB, after which 40 seconds would pass before the next.
stop; cold='upload_rate = 100K'; conf 'pack_size = 1M'; up
for n in 1 2 3 4; do head -c 900000 /dev/urandom >"$mnt/old/g$n"; done
touch -d '40 days ago' "$mnt/old/"*; sleep 0.3
"$brainy" tier run "$mnt" >"$work/said" 2>&1 & pid=$!
sleep 1.5
kill -0 $pid 2>/dev/null || fail "no rate: $(cat "$work/said")"
cold=; conf 'pack_size = 1M'
quick expect ok control reload
ended $pid
expect 14 cold_files
[ "$(find "$work/nas" -type f -size +1024k | wc -l)" -le 1 ] || fail "pack_size: $(ls -l "$work/nas/packs")"

# What was left in the folder.
: >"$work/nas/packs/.tmp-0123"; : >"$work/nas/.tmp-others"
"$brainy" compact "$mnt" >/dev/null || fail "compact"
[ ! -e "$work/nas/packs/.tmp-0123" ] || fail "compact leaves what a killed server left"
: >"$work/nas/packs/.tmp-4567"
again
"$brainy" tier run "$mnt" >/dev/null || fail "tier run"
[ ! -e "$work/nas/packs/.tmp-4567" ] || fail "the first run leaves what a killed server left"
[ -e "$work/nas/.tmp-others" ] || fail "what is beside the packs may be somebody's"

# What is deleted stays in the bucket for a week, unless something else is said.
rm "$mnt/old/"*
for _ in $(seq 100); do [ "$(cold_files)" != 0 ] || break; sleep 0.1; done
"$brainy" tier run "$mnt" >/dev/null; sleep 1.1; "$brainy" tier run "$mnt" --now +6d >/dev/null
[ "$(find "$work/nas/packs" -type f | wc -l)" -ge 4 ] || fail "no grace"
"$brainy" tier run "$mnt" --now +8d >/dev/null
expect 0 sh -c "find '$work/nas/packs' -type f | wc -l"
stop
"$brainy" fsck "$vol" >"$work/said" 2>&1 || fail "fsck: $(cat "$work/said")"
