# What people leave away, or type wrongly: where one stands is enough, and what is said names what was wrong.
. "$(dirname "$0")/lib.sh"
start
mkdir "$mnt/notes"
printf -- '---\ntags: [sea]\n---\nTides.\n' >"$mnt/notes/tides.md"
echo "Ropes." >"$mnt/notes/ropes.txt"
"$brainy" tag add boats "$mnt/notes/ropes.txt" "$mnt/notes/tides.md" || fail "tag add"
cd "$mnt/notes" || exit 1
"$brainy" wait --for index || fail "wait"
"$brainy" status | grep -q "^$mnt: 2 files" || fail "status: $("$brainy" status)"
expect "2	boats
1	sea" "$brainy" tag ls
expect "boats
sea	found" "$brainy" tag ls tides.md
refuse "its content says 'sea'" "$brainy" tag rm sea tides.md
refuse "has no tag 'lakes'" "$brainy" tag rm lakes tides.md
refuse "'a b' is no VERB" "$brainy" link add 'a b' tides.md ropes.txt
refuse "^brainy: /etc/passwd: is not in a mounted volume" "$brainy" link add cites tides.md /etc/passwd
refuse "the number of an inode is wanted" "$brainy" name tides.md
refuse "^brainy: unknown command 'fnd'; 'brainy help' lists them$" "$brainy" fnd tides
expect 1 sh -c '"$1" fnd tides 2>&1 | wc -l' - "$brainy"
cd / || exit 1
refuse "^brainy: this folder: no brainyfs is mounted there; name MNT$" "$brainy" status
refuse "^brainy: $work: no brainyfs is mounted there$" "$brainy" wait "$work"
refuse "not in a mounted volume; name a FILE" "$brainy" tag ls

# The manual knows each command, and each option that its --help names.
sed 's/\\-/-/g; s/\\f[BIR]//g' "$TESTS/../../docs/brainy.1" >"$work/manual"
for command in $("$brainy" help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
    grep -qE "brainy $command|brainy .*[|]$command" "$work/manual" || fail "the manual does not know $command"
    for option in $("$brainy" "$command" --help | grep -o -e '--[a-z-]*' | sort -u); do
        grep -q -e "$option" "$work/manual" || fail "the manual does not know $command $option"
    done
done
