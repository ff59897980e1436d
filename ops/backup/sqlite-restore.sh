#!/usr/bin/env bash
# Restores a backup of sqlite-backup.sh to where nothing is yet. The gateway must be stopped.
#
#   sqlite-restore.sh BACKUP FILE RECORDINGS
#
# FILE is the file of OUTDIAL_DATABASE_URL, and RECORDINGS the folder of OUTDIAL_RECORDINGS_URL, or '' without one.
# Both must not exist: move them, with FILE-wal and FILE-shm, and keep them. Then run
# `outdial after-restore`. docs/operations/backup-and-restore.md
set -euo pipefail
if (($# != 3)); then
    echo 'usage: sqlite-restore.sh BACKUP FILE RECORDINGS' >&2
    exit 64
fi
# SQLite would apply a log that is left to the restored file, and damage it.
for existing in "$2" "$2-wal" "$2-shm" ${3:+"$3"}; do
    if [[ -e $existing ]]; then echo "$existing exists: move it, and keep it" >&2 && exit 1; fi
done
umask 077
mkdir -p "$(dirname "$2")"
if [[ -n $3 ]]; then cp -R "$1/recordings" "$3"; fi
# Last, and by renaming: a gateway that starts too early finds the whole file or none.
cp "$1/outdial.db" "$2.partial"
sync "$2.partial"
mv "$2.partial" "$2"
echo 'restored; next: outdial after-restore'
