#!/bin/sh
# quickstart.sh - from a fresh checkout to answers: installs what is needed, builds, makes a volume, mounts it,
# copies documents in, asks four questions, sends a folder to a bucket, and says what to try next. Each command is printed before it runs.
# It may be run again, and by an ordinary user; then sudo is asked for if packages are missing. BRAINY_DEMO: where volume and mount point lie (default ~/brainy-demo).
set -eu
cd "$(dirname "$0")/.."
# A container or a service may have no HOME; brainy keeps the key file below it.
[ -n "${HOME:-}" ] || { HOME=$(getent passwd "$(id -u)" | cut -d : -f 6); export HOME; }
demo=${BRAINY_DEMO:-$HOME/brainy-demo}
volume=$demo/volume
mnt=$demo/mnt
brainy=$PWD/build/brainy

# The arguments as one would type them.
quoted() {
    for word; do
        case $word in
        '' | *[!A-Za-z0-9_./:=@%+,-]*) printf " '%s'" "$(printf %s "$word" | sed "s/'/'\\\\''/g")" ;;
        *) printf ' %s' "$word" ;;
        esac
    done
}
run() { printf '\n$%s\n' "$(quoted "$@")"; "$@"; }

run sh tools/deps.sh run
if [ ! -e build ] || [ -w build ]; then
    [ -f build/build.ninja ] || run meson setup build --buildtype=release
    run ninja -C build brainy brainy-extract
else
    echo; echo "build/ is another user's: what is built there is used as it is"
fi

if findmnt -t fuse.brainy --mountpoint "$mnt" >/dev/null && ! ls "$mnt" >/dev/null 2>&1; then
    run "$brainy" umount "$mnt" # its server was killed
fi
[ -d "$mnt" ] || run mkdir -p "$mnt"
[ -e "$volume/volume.json" ] || run "$brainy" init "$volume" </dev/null
findmnt -t fuse.brainy --mountpoint "$mnt" >/dev/null || run "$brainy" mount "$volume" "$mnt"

run mkdir -p "$mnt/notes"
run cp -r examples/documents README.md ARCHITECTURE.md docs "$mnt"

# A word that nobody has written before: it proves that the answer is fresh.
word=heron$(date +%s | tr 0-9 a-j)
printf '\n$ echo "The secret word of this minute is %s." >%s\n' "$word" "$(quoted "$mnt/notes/minute.txt")"
echo "The secret word of this minute is $word." >"$mnt/notes/minute.txt"
run setfattr -n user.xdg.tags -v demo,fresh "$mnt/notes/minute.txt"

echo; echo "1. A word, a moment after it was written:"
run cat "$mnt/.query/find?q=$word&mode=text"
echo; echo "2. A meaning: none of these words stands in the file that comes first:"
run cat "$mnt/documents/.query/find?q=how to bake bread at home&limit=2"
echo; echo "3. A phrase, below one folder:"
run cat "$mnt/documents/.query/find?q=\"breeches buoy\"&format=paths"
echo; echo "4. A tag, with the command that does the same:"
run "$brainy" find --in "$mnt" tag:fresh

run "$brainy" wait "$mnt" --for index --timeout 60
run "$brainy" status "$mnt"

echo; echo "5. What nobody uses goes to a bucket: here a folder, mostly s3://.. One folder goes now, as if it were tomorrow:"
run mkdir -p "$demo/bucket"
run "$brainy" cold attach "file://$demo/bucket" "$mnt"
run "$brainy" tier "$mnt/docs" cold
run "$brainy" tier run "$mnt" --now +1d
run "$brainy" tier status "$mnt"
run getfattr --absolute-names --only-values -n user.brainy.tier-now "$mnt/docs/privacy.md"; echo
echo "It is found without the bucket, and read from it:"
run cat "$mnt/docs/.query/find?q=what the disk shows&limit=1"
run head -n 1 "$mnt/docs/privacy.md"
cat <<END

The volume is mounted at $mnt; all of it lies sealed in $volume.
Try next:
  cp -r ~/Documents$(quoted "$mnt")
        # your own files
  cat$(quoted "$mnt/.query/find?q=words&mode=text")
        # only files with these words
  cat$(quoted "$mnt/.query/find?q=tag:demo&format=json")
        # for programs
  ls$(quoted "$mnt/.tags/demo")
        # the files of a tag: what you drag there in a file manager gets it
  mkdir$(quoted "$mnt/.find/saved/bread at home")
        # a folder that shows what a search finds, from now on
 $(quoted "$brainy" tier run "$mnt" --dry-run --now +40d)
        # where files will lie in forty days, and what that costs
 $(quoted "$brainy" --help)
        # all commands
 $(quoted "$brainy" umount "$mnt")
        # when you are done
END
