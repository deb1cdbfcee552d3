# Sourced by what shows windows: an X server that has no screen, and a hand at its mouse. Callers have $work, a folder for files
# of theirs, and fail(), which ends.

# windows_need PROGRAM.. - skips without them
windows_need() {
    for windows_program in Xvfb xdotool "$@"; do
        command -v "$windows_program" >/dev/null || { echo "$windows_program is missing"; exit 77; }
    done
}
# windows_start WIDTH HEIGHT - sets DISPLAY; whoever shows windows must find nobody else's settings, sockets or bus. The server
# does not begin anew when its last client, xdotool, has gone: that would throw out who comes just then.
windows_start() {
    mkdir -p "$work/screen" "$work/runtime" && chmod 700 "$work/runtime"
    Xvfb -displayfd 3 -screen 0 "$1x$2x24" -fbdir "$work/screen" -nolisten tcp -noreset 3>"$work/display" 2>"$work/xvfb" &
    windows_pids=$!
    for _ in $(seq 100); do
        [ ! -s "$work/display" ] || break
        sleep 0.1
    done
    [ -s "$work/display" ] || fail "Xvfb does not start: $(cat "$work/xvfb")"
    DISPLAY=:$(cat "$work/display") XDG_RUNTIME_DIR=$work/runtime DBUS_SESSION_BUS_ADDRESS=disabled: NO_AT_BRIDGE=1
    export DISPLAY XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS NO_AT_BRIDGE
}
# windows_run PROGRAM.. - that shows some, until windows_stop
windows_run() {
    "$@" >>"$work/windows.log" 2>&1 &
    windows_pids="$! $windows_pids"
}
windows_stop() {
    [ -z "${windows_pids:-}" ] || kill $windows_pids 2>/dev/null
    wait ${windows_pids:-} 2>/dev/null
}
# window TITLE [SECONDS] - the number of the one that has it, once it is shown
window() {
    for _ in $(seq $((${2:-10} * 10))); do
        xdotool search --onlyvisible --name "^$1\$" 2>/dev/null && return
        sleep 0.1
    done
    fail "no window '$1' is shown"
}
# window_put TITLE X Y WIDTH HEIGHT
window_put() {
    windows_number=$(window "$1") || fail "$windows_number"
    xdotool windowmove --sync "$windows_number" "$2" "$3" windowsize "$windows_number" "$4" "$5"
}
# drag X Y X Y - as a hand does: beyond the threshold first, and resting before it lets go
drag() {
    xdotool mousemove "$1" "$2" mousedown 1 mousemove $(($1 + 6)) $(($2 + 6)) sleep 0.05 mousemove $(($1 + 20)) $(($2 + 20)) \
        sleep 0.1 mousemove $((($1 + $3) / 2)) $((($2 + $4) / 2)) sleep 0.1 mousemove "$3" "$4" sleep 0.1 \
        mousemove $(($3 + 4)) $(($4 + 4)) sleep 0.3 mouseup 1
}
