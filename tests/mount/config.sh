# brainy.conf is read at mount and again when it changes; what does not make sense changes nothing and says so; what
# cannot change under a mount says when it will.
. "$(dirname "$0")/lib.sh"
start
conf=$vol/brainy.conf

state() { getfattr --absolute-names --only-values -n user.brainy.state "$mnt/$1"; echo; }
problems() { "$brainy" status "$mnt" --json | python3 -c '
import json, sys
for p in json.load(sys.stdin)["problems"]: print(p["what"], "|", p["since"], "|", p["way_out"])'; }
# control LINE - what .brainy/control answers
control() { python3 - "$mnt/.brainy/control" "$1" <<'END'
import os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
os.write(fd, sys.argv[2].encode() + b"\n")
print(os.read(fd, 4096).decode(), end="")
END
}

echo "the kestrel hovers" >"$mnt/a.log"
echo "the kestrel dives" >"$mnt/a.txt"
"$brainy" wait "$mnt" --timeout 20
expect "indexed" state a.log
[ -z "$(problems | grep configuration)" ] || fail "a problem without a file: $(problems)"

# Excluded from now on, and searchable again.
printf '[index]\nexclude = *.log\n' >"$conf"
becomes '^skipped:excluded$' state a.log
expect "a.txt" find_paths kestrel
expect "indexed" state a.txt
echo "the kestrel sleeps" >"$mnt/b.log"
"$brainy" wait "$mnt" --timeout 20
expect "skipped:excluded" state b.log
printf '[index]\nexclude = *.txt\n' >"$conf.new" && mv "$conf.new" "$conf" # as editors do
becomes '^indexed$' state a.log
becomes '^skipped:excluded$' state a.txt
grep -q 'in use from now on: .index. exclude' "$work/log" || fail "the log does not say what changed"

# An error: nothing changes, and it says so until it is mended.
printf '[index]\nexclude = *.none\nmax_fiel = 3\n' >"$conf"
becomes 'brainy.conf:3: unknown key .max_fiel.*allowed are exclude.*\| 20..-.*T.*Z \| mend' problems
expect "skipped:excluded" state a.txt
sleep 1.5
[ "$(grep -c 'max_fiel' "$work/log")" = 1 ] || fail "the log says it $(grep -c max_fiel "$work/log") times"
since=$(problems | grep max_fiel | cut -d '|' -f 2)
# A server that is started after a crash goes on with what was in use.
kill -9 "$(server)"
becomes 'max_fiel' problems
expect "skipped:excluded" state a.txt
expect "indexed" state a.log
# Mended.
printf '[index]\nexclude = *.none\n' >"$conf"
becomes '^indexed$' state a.txt
[ -z "$(problems | grep configuration)" ] || fail "mended, and still a problem: $(problems)"
expect "$(printf 'a.log\na.txt\nb.log')" sh -c "cat '$mnt/.query/find?q=kestrel&format=paths' | sort"

# Keys that wait for the next mount, until they are taken back.
printf '[index]\nexclude = *.none\n[wal]\nsegment_size = 32M\ncheckpoint_ms = 100\n' >"$conf"
becomes 'takes effect at the next mount; .wal. segment_size \|' problems
grep -q 'in use from now on: .wal. checkpoint_ms' "$work/log" || fail "checkpoint_ms is not in use"
printf '[index]\nexclude = *.none\n' >"$conf"
for _ in $(seq 100); do problems | grep -q 'next mount' || break; sleep 0.1; done
[ -z "$(problems | grep 'next mount')" ] || fail "taken back, and still waiting"

# Without waiting for inotify.
printf '[index]\nlanguages = klingon\n' >"$conf"
control reload | grep -q "^error: brainy.conf:2: languages: no stemmer for the language 'klingon'; there are" || fail "reload: $(control reload)"
rm "$conf"
expect "ok" control reload
[ -z "$(problems | grep configuration)" ] || fail "no file, and a problem: $(problems)"

# Tiers: classes and a bucket make sense as they stand; a credential does not, and is not repeated.
printf '[tiers]\nwindow = 01:00-06:00\n[class films]\npath = /Films/\ntier = cold\n' >"$conf"
expect "ok" control reload
grep -q 'in use from now on: .tiers. window, .class.$' "$work/log" || fail "window and class are not in use"
printf '[cold]\nurl = s3://bucket/prefix\nregion = eu-central-1\ncold_read = fail\n' >"$conf"
expect "ok" control reload
grep -q 'in use from now on: .*.cold. url, .cold. region, .cold. cold_read' "$work/log" || fail "the bucket is not in use"
becomes 'the cold tier cannot be used.*(AWS_|credential)' problems
again
[ -z "$(problems | grep configuration)" ] || fail "a problem: $(problems)"
printf '[cold]\nurl = s3://bucket/prefix\nsecret = verysecret\n' >"$conf"
control reload | grep -q "^error: brainy.conf:3: 'secret' does not belong here" || fail "a credential: $(control reload)"
! grep -q verysecret "$work/log" || fail "a credential is in the log"
rm "$conf"
expect "ok" control reload

# A file elsewhere, named by a relative path, behind a link; what changed while nothing was mounted counts too.
mkdir "$work/etc"
printf '[index]\nexclude = *.log\n' >"$work/etc/real.conf"
ln -s real.conf "$work/etc/link.conf"
stop
cd "$work/etc" && "$brainy" mount "$vol" "$mnt" --config link.conf || fail "mount --config"
cd /
"$brainy" wait "$mnt" --timeout 20
expect "skipped:excluded" state a.log
printf '[index]\nexclude = *.txt\n' >"$work/etc/real.conf"
becomes '^skipped:excluded$' state a.txt
becomes '^indexed$' state a.log
stop
