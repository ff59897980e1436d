#!/usr/bin/env bash
# Writes the query data that lets `query!` check SQL without a database: crates/adapter-*/.sqlx.
#
#   scripts/sqlx-prepare.sh            writes it
#   scripts/sqlx-prepare.sh --check    lists stale files, and fails if there are any
#
# sqlx-cli does the same, but cannot handle two databases in one workspace: this script compiles
# the crates against databases that contain only the result of the migrations. Needs psql, and
# sqlite3 or python3.
set -euo pipefail

# When cargo calls this script as the wrapper of rustc (see below): each crate writes its query data
# to its own folder, because a file is named only by its SQL, and both crates may contain the same.
if [[ -n ${SQLX_PREPARE_FOLDER:-} ]]; then
    case ${CARGO_PKG_NAME:-} in
        adapter-postgres | adapter-sqlite)
            export SQLX_OFFLINE=false SQLX_OFFLINE_DIR=$SQLX_PREPARE_FOLDER/$CARGO_PKG_NAME
            ;;
    esac
    exec "$@"
fi

cd "$(dirname "${BASH_SOURCE[0]}")/.."
crates=(adapter-postgres adapter-sqlite)
case ${1:-} in
    '' | --check) ;;
    *) echo 'usage: scripts/sqlx-prepare.sh [--check]' >&2 && exit 64 ;;
esac
if [[ -z ${TEST_DATABASE_URL:-} ]]; then
    exec scripts/with-services.sh scripts/sqlx-prepare.sh "$@"
fi

psql() { "${TEST_PSQL:-psql}" -X -q -v ON_ERROR_STOP=1 "$@"; }

migrations_of() { find "crates/$1/migrations" -name '*.sql' ! -name '*.down.sql' 2>/dev/null | sort -V; }

migrate_postgres() {
    local file single
    psql "$TEST_DATABASE_URL" -c "create database $database"
    for file in $(migrations_of adapter-postgres); do
        single=-1
        if head -n 1 "$file" | grep -q '^-- no-transaction'; then single=; fi
        psql "$SQLX_POSTGRES_URL" $single -f "$file"
    done
}

migrate_sqlite() {
    local file
    for file in $(migrations_of adapter-sqlite); do
        if command -v sqlite3 >/dev/null; then
            sqlite3 -bail "$folder/schema.db" <"$file" >/dev/null
        else
            python3 -c 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(open(sys.argv[2]).read())' \
                "$folder/schema.db" "$file"
        fi
    done
}

cleanup() {
    local crate
    for crate in "${crates[@]}"; do
        if [[ -e $folder/$crate.mtime ]]; then touch -r "$folder/$crate.mtime" "crates/$crate/src/lib.rs"; fi
    done
    # A server that the user provided continues after this run, so remove the database.
    psql "$TEST_DATABASE_URL" -c "drop database if exists $database with (force)" 2>/dev/null || true
    rm -rf "$folder"
}

folder=$(mktemp -d)
database=sqlx_prepare_$$
base=${TEST_DATABASE_URL%%\?*}
export SQLX_POSTGRES_URL=${base%/*}/$database${TEST_DATABASE_URL#"$base"}
export SQLX_SQLITE_URL=sqlite://$folder/schema.db
trap cleanup EXIT
migrate_postgres
migrate_sqlite

for crate in "${crates[@]}"; do
    mkdir "$folder/$crate"
    # The macros write their data while they compile, so the crate must look changed. Its time is
    # restored afterwards, so that cargo does not compile every dependent crate again.
    touch -r "crates/$crate/src/lib.rs" "$folder/$crate.mtime"
    touch "crates/$crate/src/lib.rs"
done
# With a wrapper, cargo keeps separate artifacts for the crates of the workspace. It reuses the
# dependencies that clippy compiled, because `--examples` makes it select the same features.
# Libraries only: the SQL of tests is not checked at compile time.
SQLX_PREPARE_FOLDER=$folder RUSTC_WORKSPACE_WRAPPER=$PWD/scripts/sqlx-prepare.sh \
    cargo check --quiet --locked --workspace --lib --examples

status=0
word=written
if [[ -n ${1:-} ]]; then word=stale; fi
for crate in "${crates[@]}"; do
    committed=crates/$crate/.sqlx
    for name in $(find "$folder/$crate" "$committed" -name 'query-*.json' -printf '%f\n' 2>/dev/null | sort -u); do
        if ! cmp -s "$folder/$crate/$name" "$committed/$name"; then
            echo "$word: $committed/$name"
            if [[ $word == stale ]]; then status=1; fi
        fi
    done
    if [[ $word == written ]]; then
        rm -f "$committed"/query-*.json
        mkdir -p "$committed"
        find "$folder/$crate" -name 'query-*.json' -exec cp {} "$committed/" \;
    fi
done
if [[ $status != 0 ]]; then
    echo "query data is stale: run 'make generate' and commit the result" >&2
fi
exit "$status"
