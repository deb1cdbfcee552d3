#!/bin/sh
# pictures.sh - makes the pictures of the README anew, with build/brainy, as root: tag-folder.png, a file manager that shows the
# folder of a tag, into which one of the files was just dragged, on an X server without a screen; and graph.svg. Beside what tests/run.sh installs it needs, of Debian 12: thunar
# tumbler xfconf xfwm4 papirus-icon-theme arc-theme fonts-inter imagemagick pngquant librsvg2-bin
set -eu
docs=$(cd "$(dirname "$0")" && pwd)
home=/home/ada
fail() { echo "pictures.sh: $*" >&2; exit 1; }

# Paths in the pictures are those of a user ada, who lives in a namespace of mounts.
case ${1:-} in
'')
    for program in thunar xfconf-query xfwm4 convert pngquant rsvg-convert Xvfb xdotool dbus-run-session dot; do
        command -v $program >/dev/null || fail "$program is missing"
    done
    exec unshare --mount sh "$0" namespace
    ;;
namespace)
    mount -t tmpfs none /home
    mkdir -m 777 $home $home/out
    sh "$docs/../tests/as_user.sh" env -u XDG_RUNTIME_DIR XDG_CONFIG_HOME=$home/.config XDG_CACHE_HOME=$home/.cache \
        XDG_DATA_HOME=$home/.data dbus-run-session sh "$0" user
    cp $home/out/* "$docs"
    exit
    ;;
esac

cd $home
HOME=$home work=$home/.work brainy=$docs/../build/brainy
mkdir -p .work .config/gtk-3.0 mnt
. "$docs/../tests/windows.sh"
end() {
    windows_stop
    cd ~
    "$brainy" umount mnt
}
trap end EXIT
"$brainy" init volume >/dev/null
"$brainy" mount volume mnt
python3 "$docs/collection.py" mnt
mkdir mnt/.find/saved/rescue mnt/.find/saved/unread
"$brainy" wait mnt

cat >.config/gtk-3.0/settings.ini <<END
[Settings]
gtk-theme-name=Arc-Lighter
gtk-icon-theme-name=Papirus
gtk-font-name=Inter 10
gtk-xft-antialias=1
gtk-xft-hinting=1
gtk-xft-hintstyle=hintslight
gtk-xft-rgba=none
END
cat >.config/gtk-3.0/bookmarks <<END
file://$home/mnt/inbox Inbox
file://$home/mnt/.tags Tags
file://$home/mnt/.dates/$(date +%Y) This year
file://$home/mnt/.find/saved Saved searches
END
bus=$DBUS_SESSION_BUS_ADDRESS
windows_start 1060 1240
export DBUS_SESSION_BUS_ADDRESS="$bus"
set_to() { xfconf-query -c "$1" -p "$2" -n -t "$3" -s "$4"; }
set_to xfwm4 /general/theme string Arc-Lighter
set_to xfwm4 /general/title_font string 'Inter Semi-Bold 10'
set_to xfwm4 /general/button_layout string '|HMC'
set_to thunar /last-view string ThunarIconView
set_to thunar /last-icon-view-zoom-level string THUNAR_ZOOM_LEVEL_150_PERCENT
set_to thunar /misc-thumbnail-mode string THUNAR_THUMBNAIL_MODE_ALWAYS
windows_run xfwm4 --compositor=off
# show FOLDER Y - in a window of its own
show() {
    if [ -n "${window:-}" ]; then thunar "$1"; else windows_run thunar "$1"; fi
    window=$(window "$(basename "$1") - Thunar")
    xdotool windowmove --sync "$window" 10 "$2" windowsize "$window" 1000 544
}
show mnt/.tags/sea 10
tag=$window
show mnt/photos 610
photos=$window
sleep 3
drag 660 770 930 420 # North bay, into the folder of the tag
for _ in $(seq 50); do
    ! getfattr --only-values -n user.xdg.tags "mnt/photos/North bay.jpg" | grep -q sea || break
    sleep 0.1
done
getfattr --only-values -n user.xdg.tags "mnt/photos/North bay.jpg" | grep -q sea || fail "what was dragged into the tag does not have it"
xdotool windowclose "$photos" mousemove 1059 1239
window=$tag
for _ in $(seq 200); do # until there is a small picture of each
    [ "$(find .cache/thumbnails -name '*.png' 2>/dev/null | wc -l)" -lt 7 ] || break
    sleep 0.1
done
xdotool key --window "$window" Escape
sleep 1
# The window with its frame, whose corners are round, and its shadow; what its icons have in colours goes into 256.
convert "xwd:$work/screen/Xvfb_screen0" -crop 1008x576+10+10 +repage \
    \( +clone -fill black -colorize 100 -fill white -draw 'roundrectangle 0,0 1007,575 6,6' \) \
    -alpha off -compose CopyOpacity -composite -compose Over \
    \( +clone -background black -shadow 45x10+0+5 \) +swap -background none -layers merge +repage png:- |
    pngquant --speed 1 256 - >out/tag-folder.png

# As the README has it.
cd mnt
dot -Tsvg -Nshape=box -Nstyle=rounded,filled -Nfillcolor='#e8f1fb' -Ncolor='#5294e2' -Nfontname=Helvetica \
    -Ecolor='#8a94a6' -Efontname=Helvetica -Efontsize=10 '.query/graph?format=dot' >~/out/graph.svg
