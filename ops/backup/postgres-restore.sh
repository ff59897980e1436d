#!/usr/bin/env bash
# Restores a backup of postgres-backup.sh into an empty database. All gateways must be stopped.
#
#   OUTDIAL_DATABASE_URL=postgres://... postgres-restore.sh DUMP
#
# It is done as a whole or not at all, and refuses a database that has tables. Then run
# `outdial after-restore`. PG_BIN names the folder of pg_restore and psql if it is not in PATH.
# docs/operations/backup-and-restore.md
set -euo pipefail
if (($# != 1)) || [[ -z ${OUTDIAL_DATABASE_URL:-} ]]; then
    echo 'usage: OUTDIAL_DATABASE_URL=postgres://... postgres-restore.sh DUMP' >&2
    exit 64
fi
bin=${PG_BIN:+$PG_BIN/}

# Every user of the machine sees arguments, so the password goes into the environment.
url=$OUTDIAL_DATABASE_URL
if [[ $url =~ ^([a-z]+://[^:/@]*):([^/@]*)@(.*)$ ]]; then
    url=${BASH_REMATCH[1]}@${BASH_REMATCH[3]} password=${BASH_REMATCH[2]}
    PGPASSWORD=$(printf '%b' "${password//%/\\x}")
    export PGPASSWORD
fi
# The role of the gateway may have limits for the statements of calls.
export PGOPTIONS='-c statement_timeout=0 -c idle_in_transaction_session_timeout=0'

sql() { "${bin}psql" --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 --dbname="$url" --command="$1"; }

tables=$(sql "select count(*) from pg_tables where schemaname = 'public'")
if [[ $tables != 0 ]]; then
    echo "the database has $tables tables: restore into an empty one, and keep this one" >&2
    exit 1
fi
"${bin}pg_restore" --single-transaction --exit-on-error --no-owner --no-acl --dbname="$url" "$1"
sql analyze
echo 'restored; next: outdial after-restore'
