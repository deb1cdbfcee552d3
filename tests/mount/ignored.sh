# [tiers] ignore: what those programs open was not used by that; what others open was.
. "$(dirname "$0")/lib.sh"
"$brainy" init "$vol" >/dev/null || fail "init"
printf '[tiers]\nignore = updatedb, a-name-longer-than-the-kernel-keeps\n' >"$vol/brainy.conf"
"$brainy" mount "$vol" "$mnt" || fail "mount"
cp "$(command -v cat)" "$work/updatedb"
cp "$(command -v cat)" "$work/a-name-longer-than-the-kernel-keeps"
cp "$(command -v cat)" "$work/update"
# age NAME - seconds since its atime, over a day
old() { [ $(($(date +%s) - $(stat -c %X "$mnt/$1"))) -gt 86400 ]; }
for name in a b c; do echo "what $name holds" >"$mnt/$name"; done
sleep 0.3; touch -d '9 days ago' "$mnt/a" "$mnt/b" "$mnt/c"
expect "what a holds" "$work/updatedb" "$mnt/a"
expect "what b holds" "$work/a-name-longer-than-the-kernel-keeps" "$mnt/b"
expect "what c holds" "$work/update" "$mnt/c"
for _ in 1 2 3 4 5 6 7 8 9; do old c || break; sleep 0.2; done
old c && fail "an open by another program did not count"
old a || fail "an open by updatedb counted"
old b || fail "an open by a program with a long name counted"
stop
