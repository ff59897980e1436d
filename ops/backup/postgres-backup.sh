#!/usr/bin/env bash
# Backs up the database of a gateway while it serves: one consistent state of all tables.
#
#   OUTDIAL_DATABASE_URL=postgres://... postgres-backup.sh FOLDER
#
# Writes FOLDER/outdial-TIME.dump, in the custom format of pg_dump, and prints its path. The file exists
# only if it is complete. It has personal data and secrets: only its owner can read it. pg_dump must be
# of the server's release or newer; PG_BIN names its folder if it is not in PATH.
# docs/operations/backup-and-restore.md
set -euo pipefail
if (($# != 1)) || [[ -z ${OUTDIAL_DATABASE_URL:-} ]]; then
    echo 'usage: OUTDIAL_DATABASE_URL=postgres://... postgres-backup.sh FOLDER' >&2
    exit 64
fi
bin=${PG_BIN:+$PG_BIN/}
umask 077
mkdir -p "$1"
dump=$1/outdial-$(date -u +%Y%m%dT%H%M%SZ).dump
if [[ -e $dump ]]; then echo "$dump exists already" >&2 && exit 1; fi
trap 'rm -f "$dump.partial"' EXIT

# Every user of the machine sees arguments, so the password goes into the environment.
url=$OUTDIAL_DATABASE_URL
if [[ $url =~ ^([a-z]+://[^:/@]*):([^/@]*)@(.*)$ ]]; then
    url=${BASH_REMATCH[1]}@${BASH_REMATCH[3]} password=${BASH_REMATCH[2]}
    PGPASSWORD=$(printf '%b' "${password//%/\\x}")
    export PGPASSWORD
fi
# The role of the gateway may have limits for the statements of calls.
export PGOPTIONS='-c statement_timeout=0 -c idle_in_transaction_session_timeout=0'

"${bin}pg_dump" --format=custom --no-owner --no-acl --lock-wait-timeout=60s --file="$dump.partial" --dbname="$url"
# The list is at the beginning of an archive that was not cut off, and names the calls.
"${bin}pg_restore" --list "$dump.partial" | grep 'TABLE DATA public calls ' >/dev/null
sync "$dump.partial"
mv "$dump.partial" "$dump"
echo "$dump"
