#!/bin/sh
# quickstart.sh - from a fresh checkout to answers: installs what is needed, builds, makes a volume, mounts it,
# copies documents in, asks four questions, and says what to try next. Each command is printed before it runs.
# It may be run again, and by an ordinary user. BRAINY_DEMO: where volume and mount point lie (default ~/brainy-demo).
set -eu
cd "$(dirname "$0")/.."
demo=${BRAINY_DEMO:-$HOME/brainy-demo}
volume=$demo/volume
mnt=$demo/mnt
brainy=$PWD/build/brainy

run() { printf '\n$ %s\n' "$*"; "$@"; }

run sh tools/deps.sh run
[ -f build/build.ninja ] || run meson setup build --buildtype=release
run ninja -C build brainy brainy-extract

mkdir -p "$mnt"
if [ ! -e "$volume/volume.json" ]; then
    run "$brainy" init "$volume" </dev/null
fi
if ! grep -q " $mnt fuse.brainy " /proc/self/mounts; then
    run "$brainy" mount "$volume" "$mnt"
fi

run mkdir -p "$mnt/notes"
run cp -r examples/documents README.md ARCHITECTURE.md docs "$mnt"

# A word that nobody has written before: it proves that the answer is fresh.
word=heron$(date +%s | tr 0-9 a-j)
printf '\n$ echo "The secret word of this minute is %s." > %s\n' "$word" "$mnt/notes/minute.txt"
echo "The secret word of this minute is $word." >"$mnt/notes/minute.txt"
run setfattr -n user.xdg.tags -v demo,fresh "$mnt/notes/minute.txt"

echo; echo "1. A word, a second after it was written:"
run cat "$mnt/.query/find?q=$word&mode=text"
echo; echo "2. A meaning: none of these words need stand in the text:"
run cat "$mnt/.query/find?q=a strange sound from the machine&limit=3"
echo; echo "3. A phrase, below one folder:"
run cat "$mnt/documents/.query/find?q=\"breeches buoy\"&format=paths"
echo; echo "4. A tag, with the command that does the same:"
run "$brainy" find --in "$mnt" tag:fresh

run "$brainy" wait "$mnt" --for index --timeout 60
run "$brainy" status "$mnt"
cat <<END

The volume is mounted at $mnt; all of it lies sealed in $volume.
Try next:
  cp -r ~/Documents "$mnt"                        your own files
  cat '$mnt/.query/find?q=words&mode=text'        only files with these words
  cat '$mnt/.query/find?q=tag:demo&format=json'   for programs
  $brainy --help                                  all commands
  $brainy umount "$mnt"                           when you are done
END
