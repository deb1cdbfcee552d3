#!/bin/sh
# brainy-rofi.sh DIR - a query from anywhere on the desktop, in rofi:
#   rofi -modi 'brainy:brainy-rofi.sh /home/ada/mnt' -show brainy
# First it shows what was changed last; words, then Return, ask; Return on a file opens it.
set -eu
dir=$1
rows() { # path and snippet of each, with an icon and what rofi is to give back
    python3 -c '
import json, os, sys
from html import escape
for line in sys.stdin:
    hit = json.loads(line)
    snippet = escape(" ".join(hit["snippet"].split())[:80])
    icon, path = hit["mime"].replace("/", "-"), os.path.join(sys.argv[1], hit["path"])
    print(escape(hit["path"]) + f"  <small>{snippet}</small>\0icon\x1f{icon}\x1finfo\x1f{path}")' "$dir"
}
find_files() {
    found=$(brainy find -n 30 --in "$dir" --format jsonl "$@" 2>&1) || { printf '\0message\037%s\n' "$found"; return; }
    [ -z "$found" ] || printf '%s\n' "$found" | rows
}
printf '\0prompt\037brainy\n\0markup-rows\037true\n\0no-custom\037false\n'
case ${ROFI_RETV:-0} in
0) find_files "after:$(date -d '30 days ago' +%F)" ;;
1) setsid xdg-open "$ROFI_INFO" >/dev/null 2>&1 & ;;
2) find_files -- "${2:-}" ;;
esac
