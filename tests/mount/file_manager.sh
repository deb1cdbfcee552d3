# A file manager: files are dragged into the folder of a tag, moved and copied, and deleted there.
# Waits: for windows.
. "$(dirname "$0")/lib.sh"
. "$TESTS/../windows.sh"
windows_need pcmanfm
end() {
    status=$?
    windows_stop
    [ $status = 0 ] || [ $status = 77 ] || { echo "-- log of the windows:"; tail -n 20 "$work/windows.log"; }
    (exit $status)
    finish
}
trap end EXIT
start
mkdir "$mnt/papers" "$mnt/.tags/sea"
echo "The reef at low tide." >"$mnt/papers/reef.txt"
inode=$(stat -c %i "$mnt/papers/reef.txt")

mkdir -p "$XDG_CONFIG_HOME/libfm"
printf '[config]\nconfirm_del=0\nconfirm_trash=0\n' >"$XDG_CONFIG_HOME/libfm/libfm.conf"
windows_start 640 700
windows_run pcmanfm --new-win "$mnt/papers"
window_put papers 0 0 640 340
pcmanfm --new-win "$mnt/.tags/sea" >>"$work/windows.log" 2>&1
window_put sea 0 350 640 340

# Of each window, where its first file is shown, and an empty place.
first='208 105' first_tagged='208 455' empty='400 600'
tags() { getfattr --absolute-names --only-values -n user.xdg.tags "$1" 2>/dev/null; }
# soon WANTED COMMAND.. - whether its output is that within three seconds
soon() {
    soon_wanted=$1; shift
    for _ in $(seq 30); do
        [ "$("$@" 2>&1)" != "$soon_wanted" ] || return 0
        sleep 0.1
    done
    return 1
}
# try WHAT WANTED ACTION COMMAND.. - does it, once more when the machine was too busy for it, until the output is as wanted
try() {
    try_what=$1 try_wanted=$2 try_action=$3; shift 3
    for _ in 1 2 3 4 5; do
        $try_action
        ! soon "$try_wanted" "$@" || return 0
        echo "$try_what: '$("$@" 2>&1)', once more"
    done
    picture=$(xdotool search --onlyvisible --name . getwindowname %@ 2>/dev/null)
    fail "$try_what: '$("$@" 2>&1)', wanted '$try_wanted'; windows: $picture"
}
lies() { # where it lay
    expect "$inode" stat -c %i "$mnt/papers/reef.txt"
    expect "The reef at low tide." cat "$mnt/papers/reef.txt"
    expect "$1" ls -A "$mnt"
}
move() { drag $first $empty; }
copy() { xdotool keydown Control_L; drag $first $empty; xdotool keyup Control_L; }
delete() { xdotool mousemove $first_tagged click 1 sleep 0.1 key shift+Delete; }
throw_away() {
    xdotool mousemove $first_tagged click 1 sleep 0.1 key Delete
    xdotool key --window "$(window Confirm 2)" Return # that this is not possible here, and whether to delete it instead
}

try "dragged" sea move tags "$mnt/papers/reef.txt"
lies papers
try "deleted in the tag" "" delete tags "$mnt/papers/reef.txt" # so it was shown there
lies papers
try "dragged again" sea move tags "$mnt/papers/reef.txt" # so it was still shown in its folder
lies papers
try "thrown away in the tag" "" throw_away tags "$mnt/papers/reef.txt"
lies ".Trash-$(id -u)
papers"
expect "" find "$mnt/.Trash-$(id -u)" -type f
try "copied" sea copy tags "$mnt/inbox/reef.txt"
expect "" tags "$mnt/papers/reef.txt"
cmp "$mnt/papers/reef.txt" "$mnt/inbox/reef.txt" || fail "the copy is another"
expect reef.txt ls "$mnt/.tags/sea"
becomes "^$(stat -c %Y "$mnt/papers/reef.txt")\$" stat -c %Y "$mnt/inbox/reef.txt"
