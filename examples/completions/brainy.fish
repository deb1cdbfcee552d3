# Completion of brainy for fish, and of queries in paths for some programs that read them: put it into ~/.config/fish/completions.
# What may come next is known by brainy itself.
function __brainy_word
    set -l word (commandline -ct)
    string unescape -- $word; or string replace -r '^[\'"]' '' -- $word
end
function __brainy_offer
    set -l lines (command brainy complete $argv 2>/dev/null)
    printf '%s\n' $lines[2..]
    switch "$lines[1]"
        case files
            __fish_complete_path (commandline -ct)
        case folders
            __fish_complete_directories (commandline -ct) ''
    end
end
function __brainy_arguments
    set -l words (commandline -opc | string unescape)
    __brainy_offer -- $words[2..] (__brainy_word)
end
function __brainy_asks
    string match -q '*.query/*' -- (__brainy_word)
end
complete -c brainy -f -a '(__brainy_arguments)'
for program in cat head less jq dot
    complete -c $program -n __brainy_asks -f -a '(__brainy_offer --path (__brainy_word))'
end
