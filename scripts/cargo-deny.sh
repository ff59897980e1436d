#!/usr/bin/env bash
# Runs cargo-deny in the version that deny.toml is written for, from PATH or from .tools/. If
# neither has that version, builds it into .tools/ first (two minutes on two cores).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=0.20.2
for binary in "$(command -v cargo-deny || true)" .tools/bin/cargo-deny; do
    if [[ -x $binary && $("$binary" --version) == "cargo-deny $version" ]]; then
        exec "$binary" "$@"
    fi
done
echo "cargo-deny $version is not installed: building it into .tools/" >&2
cargo install --quiet --locked --root .tools --version "$version" --force cargo-deny
exec .tools/bin/cargo-deny "$@"
