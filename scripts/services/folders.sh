# shellcheck shell=bash
# Where a stack keeps its things. Sourced by scripts/stack.
#   $stack   settings, ports, passwords and client certificates; belongs to the caller
#   $data    the services' own folders; elsewhere when the services' users cannot reach $stack or dislike its name

stack=${SENTINODE_STACK_DIR:-$here/../.stack}
stack=$(realpath -m "$stack")

# Root never runs the services itself: PostgreSQL refuses it, and RabbitMQ need not.
if ((EUID == 0)); then
    rabbitmq_user=rabbitmq
    postgres_user=postgres
else
    rabbitmq_user=$(id -un)
    postgres_user=$rabbitmq_user
fi

# True when a stack was made in this folder.
stack_exists() { [[ -f $stack/ports ]]; }

# Refuses a folder that belongs to somebody else: its ports and passwords are not the caller's to read.
require_ownership() {
    [[ ! -e $stack || -O $stack ]] ||
        fail "$stack belongs to another user; set SENTINODE_STACK_DIR to a folder of your own" 78
}

# Makes the stack's folder, or refuses one that belongs to somebody else.
claim_stack() {
    mkdir -p "$stack" || fail "cannot make $stack; set SENTINODE_STACK_DIR to a folder you may write to" 78
    require_ownership
}

# Runs a command as a service's user, from a folder that user can be in, keeping the process id. It takes none of the
# caller's open files along: a service would hold whatever lock somebody started the stack under.
as_user() {
    local user=$1 descriptor
    shift
    cd /
    for descriptor in /proc/self/fd/*; do
        descriptor=${descriptor##*/}
        ((descriptor < 3 || descriptor == 255)) || exec {descriptor}>&-
    done
    if ((EUID == 0)); then
        exec setpriv --reuid="$user" --regid="$user" --init-groups "$@"
    else
        exec "$@"
    fi
}

# True when both services' users can walk into the folder and every tool can spell its name:
# the broker's start script splits at spaces, and a Unix socket's path may have 107 bytes at most.
suits_services() {
    [[ $1 =~ ^[A-Za-z0-9/._+-]+$ ]] && ((${#1} <= 70)) || return 1
    local user
    for user in "$rabbitmq_user" "$postgres_user"; do
        (as_user "$user" test -x "$1") || return 1
    done
}

# Prints the folder of the services' data, or nothing where there is none yet.
data_folder() {
    if [[ -f $stack/data-folder ]]; then
        cat "$stack/data-folder"
    elif [[ -d $stack/data ]]; then
        echo "$stack/data"
    fi
}

# Finds or makes $data, and each service's folder in it. A folder under the temporary directory may be gone after a
# reboot; then the stack starts afresh.
prepare_folders() {
    chmod 711 "$stack"
    data=$(data_folder)
    if [[ -z $data || ! -d $data || ! -O $data ]]; then
        rm -f "$stack/data-folder"
        if suits_services "$stack"; then
            data=$stack/data
            mkdir -p "$data"
        else
            data=$(new_data_folder)
            echo "$data" >"$stack/data-folder"
            say "the services cannot work below $stack; their data go to $data"
        fi
        chmod 711 "$data"
    fi
    install -d -m 700 -o "$rabbitmq_user" "$data/rabbitmq"
    install -d -m 700 -o "$postgres_user" "$data/postgres"
}

# Makes a folder that the services can reach, outside the stack's.
new_data_folder() {
    local parent
    for parent in "${TMPDIR:-/tmp}" /tmp /var/tmp; do
        if [[ -w $parent ]] && suits_services "$parent"; then
            realpath "$(mktemp -d "$parent/sentinode-stack-XXXXXX")"
            return
        fi
    done
    fail "no temporary folder can be reached by the services' users; set SENTINODE_STACK_DIR to one that can" 78
}

# Removes what the stack made, and its folder if nothing else is in it.
remove_folders() {
    local data
    data=$(data_folder)
    if [[ -n $data && -O $data ]]; then rm -rf "$data"; fi
    rm -rf "$stack/data-folder" "$stack/ports" "$stack/secrets" "$stack/tls" "$stack/lock"
    rmdir --ignore-fail-on-non-empty "$stack"
}

# Makes the passwords once; hexadecimal, so that they can stand in a URL as they are.
make_secrets() {
    local name
    mkdir -p "$stack/secrets"
    chmod 700 "$stack/secrets"
    for name in amqp database database-admin; do
        [[ -s $stack/secrets/$name ]] || (umask 077 && openssl rand -hex 24 >"$stack/secrets/$name")
    done
}

# Prints a password.
secret() { cat "$stack/secrets/$1"; }
