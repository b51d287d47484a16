# shellcheck shell=bash
# The broker. Sourced by scripts/stack; every function needs $stack and $preloaded, and $data once `prepare_folders` was
# called.

# Prints the broker's folder.
rabbitmq_folder() { echo "$(data_folder)/rabbitmq"; }

# Prints the process id of the broker, or nothing. The broker's own pid file is gone before the broker is.
rabbitmq_pid() { cat "$(data_folder)/rabbitmq.pid" 2>/dev/null || true; }

# True when the broker's process lives.
rabbitmq_running() { process_is "$(rabbitmq_pid)" "$(rabbitmq_folder)"; }

# Writes the broker's settings; they hold its password, so only its user may read them.
rabbitmq_configure() {
    local folder=$1
    install -d -m 700 -o "$rabbitmq_user" "$folder/home" "$folder/log" "$folder/tls"
    install -m 400 -o "$rabbitmq_user" "$stack/tls"/{ca,server,server-key}.pem "$folder/tls"
    [[ -f $folder/home/.erlang.cookie ]] || openssl rand -hex 24 >"$folder/home/.erlang.cookie"
    : >"$folder/rabbitmq-env.conf"
    echo '[].' >"$folder/enabled_plugins"
    echo '[].' >"$folder/advanced.config"
    (umask 077 && rabbitmq_settings "$folder" >"$folder/rabbitmq.conf")
    chmod 600 "$folder/home/.erlang.cookie" "$folder/rabbitmq.conf"
    chown "$rabbitmq_user" "$folder"/{home/.erlang.cookie,rabbitmq-env.conf,enabled_plugins,advanced.config,rabbitmq.conf}
}

# Prints rabbitmq.conf. The message limit is the one of 3.x: 4.x would lower it to 16 MiB.
rabbitmq_settings() {
    cat <<TEXT
listeners.tcp.1 = 127.0.0.1:$(port rabbitmq)
listeners.ssl.1 = 127.0.0.1:$(port rabbitmq-tls)
ssl_options.cacertfile = $1/tls/ca.pem
ssl_options.certfile = $1/tls/server.pem
ssl_options.keyfile = $1/tls/server-key.pem
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = false
default_user = sentinode
default_pass = $(secret amqp)
default_user_tags.administrator = true
max_message_size = 134217728
disk_free_limit.absolute = 100MB
log.console = false
log.file = $1/log/rabbitmq.log
log.file.level = info
TEXT
    [[ -z ${SENTINODE_STACK_CONSUMER_TIMEOUT:-} ]] || echo "consumer_timeout = $SENTINODE_STACK_CONSUMER_TIMEOUT"
}

# Runs a program with the broker's environment, and of the caller's only what is asked to be preloaded. It replaces the
# shell: call it in ( ). The folder on the server's command line is how a running broker is told from a stranger.
rabbitmq_exec() {
    local folder loopback='-kernel inet_dist_use_interface {127,0,0,1}'
    folder=$(rabbitmq_folder)
    as_user "$rabbitmq_user" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        HOME="$folder/home" LANG=C.UTF-8 LC_ALL=C.UTF-8 "${preloaded[@]}" \
        ERL_EPMD_PORT="$(port epmd)" ERL_EPMD_ADDRESS=127.0.0.1 ERL_CRASH_DUMP="$folder/log/erl_crash.dump" \
        RABBITMQ_NODENAME=sentinode@localhost RABBITMQ_DIST_PORT="$(port rabbitmq-distribution)" \
        RABBITMQ_CONF_ENV_FILE="$folder/rabbitmq-env.conf" RABBITMQ_CONFIG_FILE="$folder/rabbitmq.conf" \
        RABBITMQ_ADVANCED_CONFIG_FILE="$folder/advanced.config" \
        RABBITMQ_ENABLED_PLUGINS_FILE="$folder/enabled_plugins" \
        RABBITMQ_MNESIA_BASE="$folder/database" RABBITMQ_LOG_BASE="$folder/log" RABBITMQ_PID_FILE="$folder/rabbitmq.pid" \
        RABBITMQ_ALLOW_INPUT=1 RABBITMQ_CTL_ERL_ARGS="$loopback" \
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="$loopback -sentinode_stack $folder" "$@"
}

# Prints the folder of RabbitMQ's own scripts; those in /usr/sbin only serve root and the system's broker.
rabbitmq_programs() {
    local folder
    for folder in /usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin; do
        [[ -x $folder/rabbitmq-server ]] && echo "$folder"
    done | sort -V | tail -n 1
}

# Starts the broker and waits until it speaks AMQP.
rabbitmq_start() {
    local folder
    folder=$(rabbitmq_folder)
    if rabbitmq_running; then
        say "rabbitmq runs already"
        return
    fi
    # A first start that was cut short leaves a database without the user.
    [[ -f $folder/complete ]] || rm -rf "$folder/database"
    rabbitmq_configure "$folder"
    [[ ! -f $folder/log/rabbitmq.log ]] || mv -f "$folder/log/rabbitmq.log" "$folder/log/rabbitmq.previous.log"
    say "starting rabbitmq on 127.0.0.1:$(port rabbitmq)"
    epmd_start "$folder"
    limit_open_files
    (rabbitmq_exec setsid "$(rabbitmq_programs)/rabbitmq-server" -noinput) \
        </dev/null >"$folder/log/console.log" 2>&1 &
    echo $! >"$data/rabbitmq.pid"
    if ! wait_until 120 rabbitmq_settled || ! rabbitmq_answers; then
        show_log rabbitmq "$folder/log/console.log"
        show_log rabbitmq "$folder/log/rabbitmq.log"
        rabbitmq_stop
        fail "rabbitmq did not start"
    fi
    touch "$folder/complete"
    say "rabbitmq is ready"
}

# Allows the broker many files, but never the thousand million some containers allow: Erlang makes a table that long.
limit_open_files() {
    local hard
    hard=$(ulimit -Hn)
    if [[ $hard == unlimited ]] || ((hard > 65536)); then hard=65536; fi
    ulimit -Sn "$hard"
}

# True when there is nothing left to wait for: the broker answers, or its process has ended.
rabbitmq_settled() { rabbitmq_answers || [[ ! -d /proc/$(rabbitmq_pid) ]]; }

# True when both listeners are open and the plain one greets a client with a frame of AMQP 0-9-1.
rabbitmq_answers() {
    local frame
    if port_is_free "$(port rabbitmq)" || port_is_free "$(port rabbitmq-tls)"; then return 1; fi
    (
        exec 5<>"/dev/tcp/127.0.0.1/$(port rabbitmq)"
        printf 'AMQP\0\0\11\1' >&5
        IFS= read -r -t 5 -N 1 -u 5 frame && [[ $frame == $'\x01' ]]
    ) 2>/dev/null
}

# Starts the stack's own port mapper; Erlang would start one for the whole machine.
epmd_start() {
    epmd_running && return
    (rabbitmq_exec setsid epmd -port "$(port epmd)" -address 127.0.0.1) </dev/null >"$1/log/epmd.log" 2>&1 &
    echo $! >"$data/epmd.pid"
}

# Prints the process id of the port mapper, or nothing.
epmd_pid() { cat "$(data_folder)/epmd.pid" 2>/dev/null || true; }

# True when the stack's port mapper lives.
epmd_running() { process_is "$(epmd_pid)" "epmd -port $(port epmd) "; }

# Ends the port mapper, which holds nothing worth a graceful end.
epmd_stop() {
    epmd_running || return 0
    kill -KILL "$(epmd_pid)"
    wait_until 10 epmd_gone
}

# True when the port mapper's process is gone, and its listener with it.
epmd_gone() { ! epmd_running && port_is_free "$(port epmd)"; }

# True when the broker's process is gone, and its listeners with it: a process that ends loses its command line before
# its sockets, and a start in between would draw other ports.
rabbitmq_gone() {
    local name
    ! rabbitmq_running || return 1
    for name in rabbitmq rabbitmq-tls rabbitmq-distribution; do port_is_free "$(port "$name")" || return 1; done
}

# Stops the broker: SIGTERM closes its queues in order; after 30 seconds SIGKILL.
rabbitmq_stop() {
    if rabbitmq_running; then
        say "stopping rabbitmq"
        kill -TERM "$(rabbitmq_pid)"
        wait_until 30 rabbitmq_gone || rabbitmq_kill
    fi
    epmd_stop
}

# Ends the broker at once.
rabbitmq_kill() {
    rabbitmq_running || return 0
    say "killing rabbitmq"
    kill -KILL "$(rabbitmq_pid)"
    wait_until 10 rabbitmq_gone
}

# Runs one of RabbitMQ's command line programs against the stack's broker.
rabbitmq_tool() {
    rabbitmq_running || fail "rabbitmq does not run; start it with scripts/stack start" 3
    local program=$1
    shift
    (rabbitmq_exec "$(rabbitmq_programs)/$program" "$@")
}

# Makes vhosts that the stack's user may do everything in, and prints their URLs. One call of the slow tool for all.
rabbitmq_vhosts() {
    local name names=
    for name in "$@"; do
        [[ $name =~ ^[A-Za-z0-9._-]+$ ]] || fail "a vhost's name here has letters, digits, dots, dashes and underscores" 64
        names+=${names:+, }"<<\"$name\">>"
    done
    rabbitmq_tool rabbitmqctl --quiet eval "
        lists:foreach(fun(Name) ->
            ok = rabbit_vhost:add(Name, <<\"sentinode\">>),
            ok = rabbit_auth_backend_internal:set_permissions(
                <<\"sentinode\">>, Name, <<\".*\">>, <<\".*\">>, <<\".*\">>, <<\"sentinode\">>)
        end, [$names])." >/dev/null
    for name in "$@"; do echo "amqp://sentinode:$(secret amqp)@127.0.0.1:$(port rabbitmq)/$name"; done
}
