# shellcheck shell=bash
# A streaming replica of the stack's database, which can be read and not written. Sourced by scripts/stack.

# Prints the standby's folder.
standby_folder() { echo "$(data_folder)/standby"; }

# Prints the process id of the standby's postmaster, or nothing.
standby_pid() { head -n 1 "$(standby_folder)/cluster/postmaster.pid" 2>/dev/null || true; }

# True when the standby's postmaster lives.
standby_running() { process_is "$(standby_pid)" "$(standby_folder)/cluster"; }

# Copies the running database, and lets the copy follow it. The password travels in a file, not on a command line.
standby_create() {
    local folder=$1 login
    say "copying the database for a standby"
    rm -rf "$folder"
    install -d -m 700 -o "$postgres_user" "$folder"
    echo "*:*:*:postgres:$(secret database-admin)" |
        install -m 400 -o "$postgres_user" /dev/stdin "$folder/password"
    login="host=127.0.0.1 port=$(port postgres) user=postgres passfile=$folder/password"
    if ! (postgres_exec pg_basebackup --dbname="$login" --pgdata="$folder/cluster" --checkpoint=fast \
        --wal-method=stream --write-recovery-conf --no-sync) >"$folder/copy.log" 2>&1; then
        show_log standby "$folder/copy.log"
        fail "the database could not be copied"
    fi
}

# Makes a new standby, starts it, and waits until it takes connections; prints its port.
standby_start() {
    local folder number
    postgres_running || fail "postgres does not run; start it with scripts/stack start" 3
    standby_stop
    folder=$(standby_folder)
    standby_create "$folder"
    number=$(free_port)
    say "starting a standby on 127.0.0.1:$number"
    if ! (postgres_exec pg_ctl start --wait --timeout=60 --silent --pgdata="$folder/cluster" \
        --log="$folder/standby.log" --options="-p $number -k $folder") </dev/null >/dev/null 2>&1; then
        show_log standby "$folder/standby.log"
        fail "the standby did not start"
    fi
    echo "$number"
}

# True when the standby's postmaster is gone.
standby_gone() { ! standby_running; }

# Stops the standby and removes it: the next one is made anew.
standby_stop() {
    [[ -n $(data_folder) ]] || return 0
    if standby_running; then
        say "stopping the standby"
        kill -INT "$(standby_pid)"
        wait_until 30 standby_gone || kill -KILL "$(standby_pid)"
    fi
    rm -rf "$(standby_folder)"
}
