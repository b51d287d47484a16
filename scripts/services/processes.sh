# shellcheck shell=bash
# Ports and processes of a stack. Sourced by scripts/stack.

# Prints a service's port, or nothing while the stack has none.
port() { [[ ! -f $stack/ports ]] || awk -v name="$1" '$1 == name { print $2 }' "$stack/ports"; }

# True when nothing on this machine listens on the TCP port.
port_is_free() {
    local hex
    printf -v hex ':%04X' "$1"
    ! awk -v port="$hex" '$4 == "0A" && substr($2, length($2) - 4) == port { found = 1 } END { exit !found }' \
        /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

# Prints a free port below the range from which the kernel takes ports for outgoing connections.
free_port() {
    local candidate
    while :; do
        candidate=$((12000 + (RANDOM * 32768 + RANDOM) % 19000))
        if port_is_free "$candidate"; then
            echo "$candidate"
            return
        fi
    done
}

# Gives every listener a port. Ports stay the same for the stack's life, so that clients find a restarted service
# again; only those of a stopped service that another program took meanwhile are drawn anew.
choose_ports() {
    local name number
    touch "$stack/ports"
    for name in rabbitmq rabbitmq-tls rabbitmq-distribution epmd postgres; do
        number=$(port "$name")
        if [[ -n $number ]] && { "${name%-*}_running" || port_is_free "$number"; }; then
            echo "$name $number"
        else
            echo "$name $(free_port)"
        fi
    done >"$stack/ports.new"
    mv "$stack/ports.new" "$stack/ports"
}

# True when the process lives and its command line has the given text: a number alone may be another's after a reboot.
process_is() {
    [[ -n $1 && -r /proc/$1/cmdline ]] && tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null | grep -qF -- "$2"
}

# Waits until a condition holds, at most so many seconds. usage: wait_until SECONDS COMMAND...
wait_until() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < deadline)) || return 1
        sleep 0.1
    done
}

# Shows the end of a log, each line behind the service's name.
show_log() { tail -n 25 "$2" 2>/dev/null | sed "s/^/    $1| /" >&2 || true; }
