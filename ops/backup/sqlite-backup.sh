#!/usr/bin/env bash
# Backs up the embedded file of a gateway while it serves, and the recordings in its folder.
#
#   sqlite-backup.sh SETTINGS RECORDINGS FOLDER
#
# SETTINGS is the settings file of the gateway (--config), and RECORDINGS the folder of
# OUTDIAL_RECORDINGS_URL, or '' without one. Creates FOLDER/outdial-TIME with outdial.db and recordings,
# and prints its path. The folder exists only if it is complete. docs/operations/backup-and-restore.md
set -euo pipefail
if (($# != 3)); then
    echo 'usage: sqlite-backup.sh SETTINGS RECORDINGS FOLDER' >&2
    exit 64
fi
umask 077
mkdir -p "$3"
backup=$3/outdial-$(date -u +%Y%m%dT%H%M%SZ)
if [[ -e $backup ]]; then echo "$backup exists already" >&2 && exit 1; fi
trap 'rm -rf "$backup.partial"' EXIT
rm -rf "$backup.partial"
mkdir "$backup.partial"

outdial --config "$1" backup "$backup.partial/outdial.db" >&2
# After the file: a recording is stored before the file names it, so the copy has each one that it names.
# A name with # is a recording that is still being written.
mkdir "$backup.partial/recordings"
if [[ -n $2 && -d $2 ]]; then
    tar --directory "$2" --exclude='*#*' --create --file - . | tar --directory "$backup.partial/recordings" --extract --file -
fi
find "$backup.partial" -type f -exec sync {} +
mv "$backup.partial" "$backup"
echo "$backup"
