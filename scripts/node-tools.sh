#!/usr/bin/env bash
# Prints the folder with the tools of tests/clients/package.json, in the versions of its lock file.
# Installs them into .tools/ first, if they are not there (a few seconds; needs npm and the network).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if ! command -v npm >/dev/null; then
    echo 'npm is not installed: install Node.js 20 or newer (https://nodejs.org)' >&2
    exit 69
fi
folder=$PWD/.tools/node
lock=tests/clients/package-lock.json
if ! cmp -s "$lock" "$folder/package-lock.json" || [[ ! -e $folder/complete ]]; then
    echo "installing the tools of tests/clients/package.json into .tools/node" >&2
    rm -rf "$folder" && mkdir -p "$folder"
    cp tests/clients/package.json "$lock" "$folder"
    npm ci --prefix "$folder" --silent --no-fund --no-audit --ignore-scripts >&2
    touch "$folder/complete"
fi
echo "$folder/node_modules"
