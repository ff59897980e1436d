#!/usr/bin/env bash
# The committed files that are generated from the code: sqlx's query data, the OpenAPI document, the
# list of settings, the code that the guide for adapters prints, and the table of calling rules.
#
#   scripts/generated.sh --write    writes them
#   scripts/generated.sh --check    fails if they differ from what the code generates
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case ${1:-} in
    --write) scripts/sqlx-prepare.sh ;;
    --check) scripts/sqlx-prepare.sh --check ;;
    *) echo 'usage: scripts/generated.sh --check | --write' >&2 && exit 64 ;;
esac

document=$(mktemp)
trap 'rm -f "$document"' EXIT
# Not `cargo run`: with `--examples`, cargo selects the same features as for the tests, so that this
# build and theirs can reuse each other.
cargo build --quiet --locked --workspace --bins --examples
for generated in openapi:docs/openapi.yaml openapi,--provider:docs/openapi-provider.yaml settings:.env.example code:docs/adapters.md rules:docs/calling-rules-data.md; do
    file=${generated#*:}
    # shellcheck disable=SC2046 # each word is an argument
    case ${generated%%:*} in
        code) scripts/printed-code.sh "$file" ;;
        rules) "${CARGO_TARGET_DIR:-target}/debug/examples/rule-table" "$file" ;;
        *) "${CARGO_TARGET_DIR:-target}/debug/outdial" $(tr , ' ' <<<"${generated%%:*}") ;;
    esac >"$document"
    if [[ $1 == --write ]]; then
        cat "$document" >"$file"
    elif ! diff -u "$file" "$document"; then
        echo "$file is stale: run 'make generate' and commit the result" >&2
        exit 1
    fi
done
