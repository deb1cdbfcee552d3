#!/bin/sh
# brainy-fzf.sh [DIR] - a query while you type, in fzf: each letter asks again, the right half shows the file's text with the words
# marked. Prints the file that is chosen, for `$EDITOR "$(brainy-fzf.sh ~/mnt)"`.
set -eu
dir=${1:-.}
command -v fzf >/dev/null || { echo "brainy-fzf: install fzf" >&2; exit 1; }
# fzf puts the words, quoted for the shell, in the place of {q}; an empty query finds nothing.
ask="brainy find -n 50 --in $(printf %s "$dir" | sed "s/'/'\\\\''/g; s/^/'/; s/\$/'/") -- {q} 2>/dev/null || true"
marked="grep --color=always -iIE -e \"\$(printf %s {q} | tr -cs '[:alnum:]' '|')\" -e '' -- {} | head -n 200"
exec fzf --disabled --prompt 'brainy> ' --bind "start:reload:$ask" --bind "change:reload:$ask" \
    --preview "getfattr --only-values -n user.brainy.title {} 2>/dev/null; echo; $marked"
