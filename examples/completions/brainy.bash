# Completion of brainy for bash: source it, or put it into /usr/share/bash-completion/completions/brainy. What may come next is
# known by brainy itself. To have queries in paths completed for other programs, too: complete -o default -F _brainy_paths cat jq

# The words up to the cursor as the shell will understand them, the quote that is open, and as much of the last word as readline
# takes for another one: what is before the last of its breaks.
_brainy_words() {
    local line=${COMP_LINE:0:COMP_POINT} i c word= any=
    _brainy_line=() _brainy_quote= _brainy_before=
    for ((i = 0; i < ${#line}; i++)); do
        c=${line:i:1}
        if [[ $_brainy_quote && $c == "$_brainy_quote" ]]; then
            _brainy_quote=
        elif [[ $c == \\ && $_brainy_quote != \' ]]; then
            ((i++)); word+=${line:i:1} any=1
        elif [[ ! $_brainy_quote && $c == [\'\"] ]]; then
            _brainy_quote=$c any=1
        elif [[ ! $_brainy_quote && $c == [$' \t'] ]]; then
            [[ ! $any ]] || _brainy_line+=("$word")
            word= any= _brainy_before=
        else
            word+=$c any=1
            [[ $_brainy_quote || $c != [:=\&] ]] || _brainy_before=$word
        fi
    done
    _brainy_line+=("$word")
}

# _brainy_offer WORD.. - what `brainy complete WORD..` says
_brainy_offer() {
    local current=${_brainy_line[-1]} what= line
    COMPREPLY=()
    while IFS= read -r line; do
        if [[ ! $what ]]; then
            what=$line
            [[ $what == words ]] || compopt -o filenames 2>/dev/null
            continue
        fi
        line=${line%%$'\t'*}
        [[ $line != *[:=?/] ]] || compopt -o nospace 2>/dev/null
        line=${line#"$_brainy_before"}
        [[ $what != words || $_brainy_quote ]] || printf -v line %q "$line"
        COMPREPLY+=("$line")
    done < <(command brainy complete "$@" 2>/dev/null)
    case $what in
    files) mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$current") ;;
    folders) mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -d -- "$current") ;;
    esac
}
_brainy() {
    local _brainy_line _brainy_quote _brainy_before
    _brainy_words
    _brainy_offer -- "${_brainy_line[@]:1}"
}
_brainy_paths() {
    local _brainy_line _brainy_quote _brainy_before
    _brainy_words
    _brainy_offer --path "${_brainy_line[-1]}"
}
complete -F _brainy brainy
