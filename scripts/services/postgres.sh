# shellcheck shell=bash
# The database. Sourced by scripts/stack; every function needs $stack and $preloaded, and $data once `prepare_folders` was
# called.

# What makes the database's clock go as a file says, where a test asks for that.
postgres_clock=()
if [[ -n ${SENTINODE_STACK_CLOCK_FILE:-} ]]; then
    postgres_clock=(LD_PRELOAD="/usr/lib/$(uname -m)-linux-gnu/faketime/libfaketime.so.1"
        FAKETIME_TIMESTAMP_FILE="$SENTINODE_STACK_CLOCK_FILE" FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1)
fi

# Prints the database's folder.
postgres_folder() { echo "$(data_folder)/postgres"; }

# Prints the process id of the postmaster, or nothing.
postgres_pid() { head -n 1 "$(postgres_folder)/cluster/postmaster.pid" 2>/dev/null || true; }

# True when the postmaster lives.
postgres_running() { process_is "$(postgres_pid)" "$(postgres_folder)/cluster"; }

# Prints the folder of PostgreSQL's programs: the version that made the cluster, else the newest.
postgres_programs() {
    local version=/usr/lib/postgresql folder
    folder=$(postgres_folder)/cluster
    if [[ -f $folder/PG_VERSION ]]; then
        echo "$version/$(cat "$folder/PG_VERSION")/bin"
    else
        for folder in "$version"/*/bin; do
            [[ -x $folder/initdb ]] && echo "$folder"
        done | sort -V | tail -n 1
    fi
}

# Runs one of PostgreSQL's programs with nothing of the caller's environment but what is asked to be preloaded. It replaces
# the shell: call it in ( ).
postgres_exec() {
    local program=$1
    shift
    as_user "$postgres_user" env -i PATH=/usr/bin:/bin LANG=C.UTF-8 LC_ALL=C.UTF-8 HOME="$(postgres_folder)" \
        "${preloaded[@]}" "${postgres_clock[@]}" "$(postgres_programs)/$program" "$@"
}

# Makes the cluster: passwords everywhere, checksums, loopback and a socket in the folder. fsync stays on, so that
# what tests say about durability is true.
postgres_create() {
    local folder=$1
    say "making a PostgreSQL cluster"
    rm -rf "$folder/cluster" "$folder/password"
    install -m 400 -o "$postgres_user" "$stack/secrets/database-admin" "$folder/password"
    if ! (postgres_exec initdb --pgdata="$folder/cluster" --username=postgres --pwfile="$folder/password" \
        --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --data-checksums) >"$folder/initdb.log" 2>&1; then
        show_log postgres "$folder/initdb.log"
        fail "PostgreSQL's initdb failed"
    fi
    rm -f "$folder/password"
    echo "include 'stack.conf'" >>"$folder/cluster/postgresql.conf"
}

# Prints the settings that differ from PostgreSQL's own.
postgres_settings() {
    cat <<TEXT
listen_addresses = '127.0.0.1'
port = $(port postgres)
unix_socket_directories = '$1'
max_connections = 100
log_line_prefix = '%m [%p] %q%u@%d '
TEXT
}

# Starts the postmaster and waits until it takes connections.
postgres_start() {
    local folder
    folder=$(postgres_folder)
    if postgres_running; then
        say "postgres runs already"
        return
    fi
    [[ -f $folder/complete ]] || postgres_create "$folder"
    postgres_settings "$folder" >"$folder/cluster/stack.conf"
    postgres_clear "$folder"
    say "starting postgres on 127.0.0.1:$(port postgres)"
    if ! (postgres_exec pg_ctl start --wait --timeout=60 --silent --pgdata="$folder/cluster" \
        --log="$folder/postgres.log") </dev/null >/dev/null 2>&1; then
        show_log postgres "$folder/postgres.log"
        fail "postgres did not start"
    fi
    [[ -f $folder/complete ]] || postgres_populate "$folder"
    say "postgres is ready"
}

# Prints the ids of all processes that work in the cluster, also those whose postmaster is gone. The question is asked
# as their own user: not every root may look into another user's processes.
postgres_processes() {
    (as_user "$postgres_user" find /proc -maxdepth 2 -name cwd -lname "$(postgres_folder)/cluster" 2>/dev/null || true) |
        cut -d / -f 3
}

# True when no process works in the cluster.
postgres_gone() { [[ -z $(postgres_processes) ]]; }

# Ends what a killed postmaster left behind, then the lock files that name it: PostgreSQL would take a zombie, or a
# stranger that has the number after a reboot, for a postmaster.
postgres_clear() {
    local -a orphans
    mapfile -t orphans < <(postgres_processes)
    ((${#orphans[@]} == 0)) || kill -KILL "${orphans[@]}" 2>/dev/null || true
    wait_until 20 postgres_gone || fail "processes of an earlier PostgreSQL do not end: $(postgres_processes | xargs)"
    rm -f "$1/cluster/postmaster.pid" "$1"/.s.PGSQL.*
}

# Makes the role and the database. The role may make roles and databases but is no superuser, as where a hospital's
# database administrator grants no more. It is not called sentinode: names without a schema would land in that schema.
# The passwords travel on standard input, not on a command line.
postgres_populate() {
    # shellcheck disable=SC2086  # ${!PG@} is a list of names
    unset ${!PG@}
    PGPASSWORD=$(secret database-admin) psql -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$(port postgres)" -U postgres \
        -d postgres <<TEXT || fail "the stack's database could not be made"
CREATE ROLE operator LOGIN CREATEROLE CREATEDB PASSWORD '$(secret database)';
GRANT pg_monitor, pg_signal_backend TO operator;
GRANT SET ON PARAMETER deadlock_timeout TO operator;
CREATE DATABASE sentinode OWNER operator;
TEXT
    touch "$1/complete"
}

# Stops the postmaster: SIGINT ends sessions and writes a checkpoint; after 30 seconds SIGKILL.
postgres_stop() {
    postgres_running || return 0
    say "stopping postgres"
    kill -INT "$(postgres_pid)"
    wait_until 30 postgres_gone || postgres_kill
}

# Ends the postmaster and its children at once, as a power cut would.
postgres_kill() {
    postgres_running || return 0
    local -a processes
    say "killing postgres"
    mapfile -t processes < <(postgres_processes)
    kill -KILL "$(postgres_pid)" "${processes[@]}" 2>/dev/null || true
    wait_until 10 postgres_gone
}

# Runs psql as the stack's role in the stack's database, in the caller's folder.
postgres_psql() {
    postgres_running || fail "postgres does not run; start it with scripts/stack start" 3
    PGPASSWORD=$(secret database) PGHOST=127.0.0.1 PGPORT=$(port postgres) PGUSER=operator \
        PGDATABASE=${PGDATABASE:-sentinode} exec psql "$@"
}
