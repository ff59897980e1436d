#!/usr/bin/env bash
# Makes the files of the container image: FOLDER/root with the program, the libraries that it is
# linked with, the certificates of public authorities, a user without rights and the licence, and the
# empty FOLDER/data. The Dockerfile runs it on Debian, and so does scripts/image-test.py.
#
#   scripts/image-root.sh PROGRAM FOLDER
set -euo pipefail

if (($# != 2)); then
    echo 'usage: scripts/image-root.sh PROGRAM FOLDER' >&2
    exit 64
fi
program=$1
root=$2/root
licence=$(dirname "${BASH_SOURCE[0]}")/../LICENSE
certificates=/etc/ssl/certs/ca-certificates.crt

if [[ ! -s $certificates ]]; then
    echo "$certificates does not exist: install the package ca-certificates" >&2
    exit 69
fi
install -d "$2" "$2/data" "$root"
install -D -m 755 "$program" "$root/usr/local/bin/outdial"
install -D -m 644 "$licence" "$root/usr/share/doc/outdial/LICENSE"
install -D -m 644 "$certificates" "$root$certificates"

# Each library at the path where the loader looks for it. `ldd` prints the loader without an arrow.
libraries=$(ldd "$program" | grep -oE '/[^ ]+ \(0x' | cut -d ' ' -f 1)
for library in $libraries; do
    install -D -m 755 "$(readlink -f "$library")" "$root$library"
done
if [[ -z $libraries ]]; then
    echo "$program is not a dynamic program of this machine" >&2
    exit 65
fi

echo 'outdial:x:65532:65532:outdial:/var/lib/outdial:/sbin/nologin' >"$root/etc/passwd"
echo 'outdial:x:65532:' >"$root/etc/group"
# Where names of hosts are looked up: a file of the container, then DNS.
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
install -d -m 1777 "$root/tmp"
