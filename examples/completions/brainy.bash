# Completion of brainy for bash: source it, or put it into /usr/share/bash-completion/completions/brainy.
_brainy() {
    local current=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]:-} words
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        words=$(brainy --help 2>/dev/null | sed -n 's/^  *\([a-z][a-z]*\) .*/\1/p')
    elif [ "$COMP_CWORD" -eq 2 ]; then
        case $command in
        tag | link) words="add rm ls" ;;
        tier) words="run status" ;;
        cold) words="attach detach" ;;
        esac
    fi
    if [ "$command" = tag ] && [ "$COMP_CWORD" -eq 3 ] && [ "${COMP_WORDS[2]}" != ls ]; then
        words=$(_brainy_tags)
    fi
    case $current in
    -*) words=$(brainy "$command" --help 2>/dev/null | grep -o -- '--[a-z-]*' | sort -u) ;;
    esac
    if [ -n "${words:-}" ]; then
        local IFS=$'\n'
        COMPREPLY=($(compgen -W "$(printf '%s\n' $(printf '%s' "$words" | tr ' ' '\n'))" -- "$current"))
    fi
    [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
}
# Of the mount that one stands in.
_brainy_tags() {
    local top
    top=$(findmnt -n -o TARGET -t fuse.brainy -T . 2>/dev/null) && ls "$top/.tags" 2>/dev/null
}
complete -o filenames -F _brainy brainy
