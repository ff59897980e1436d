#!/usr/bin/env bash
# The committed files that are made from the code: sqlx's query data and the OpenAPI document.
#
#   scripts/generated.sh --write    makes them
#   scripts/generated.sh --check    fails if they are not what the code gives
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case ${1:-} in
    --write) scripts/sqlx-prepare.sh ;;
    --check) scripts/sqlx-prepare.sh --check ;;
    *) echo 'usage: scripts/generated.sh --check | --write' >&2 && exit 64 ;;
esac

document=$(mktemp)
trap 'rm -f "$document"' EXIT
# Not `cargo run`: with `--examples`, cargo chooses the features that the tests are built with, so
# that neither build is thrown away.
cargo build --quiet --locked --workspace --bins --examples
"${CARGO_TARGET_DIR:-target}/debug/outdial" openapi >"$document"
if [[ $1 == --write ]]; then
    mkdir -p docs
    cat "$document" >docs/openapi.yaml
elif ! diff -u docs/openapi.yaml "$document"; then
    echo "docs/openapi.yaml is stale: run 'make generate' and commit what it writes" >&2
    exit 1
fi
