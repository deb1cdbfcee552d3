# Completion of brainy for fish: put it into ~/.config/fish/completions.
function __brainy_commands
    brainy --help 2>/dev/null | string match -rg '^ +([a-z]+) '
end
function __brainy_tags
    set -l top (findmnt -n -o TARGET -t fuse.brainy -T . 2>/dev/null); and ls $top/.tags 2>/dev/null
end
complete -c brainy -n '__fish_use_subcommand' -f -a '(__brainy_commands)'
complete -c brainy -n '__fish_seen_subcommand_from tag link; and not __fish_seen_subcommand_from add rm ls' -f -a 'add rm ls'
complete -c brainy -n '__fish_seen_subcommand_from tag; and __fish_seen_subcommand_from add rm' -a '(__brainy_tags)'
complete -c brainy -n '__fish_seen_subcommand_from tier' -a 'run status auto hot warm cold'
