#!/usr/bin/env bash
# Generates a Python and a TypeScript client from docs/openapi.yaml, and places a call in the demo
# with each of them: what a user of the API does first. Needs python3, npm and, the first time, the
# network.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python_client=openapi-python-client==0.29.1
outdial=${CARGO_TARGET_DIR:-$PWD/target}/debug/outdial
work=$(mktemp -d)
gateway=
stop() {
    if [[ -n $gateway ]]; then kill "$gateway" 2>/dev/null && wait "$gateway" || true; fi
    rm -rf "$work"
}
trap stop EXIT

cargo build --quiet --locked --workspace --bins --examples
(cd "$work" && OUTDIAL_BIND=127.0.0.1:0 OUTDIAL_LOG=error exec "$outdial" serve >"$work/greeting") &
gateway=$!
for ((tries = 0; tries < 200; tries++)); do
    if grep -q /docs "$work/greeting" 2>/dev/null; then break; fi
    sleep 0.1
done
BASE_URL=$(grep -om 1 'http://[0-9.:]*' "$work/greeting")
TOKEN=$(grep -om 1 'Bearer [^'"'"']*' "$work/greeting" | cut -d ' ' -f 2)
export BASE_URL TOKEN

echo "== TypeScript: openapi-typescript and openapi-fetch"
modules=$(scripts/node-tools.sh)
cp tests/clients/place_call.ts tests/clients/package.json "$work"
ln -s "$modules" "$work/node_modules"
"$modules/.bin/openapi-typescript" docs/openapi.yaml --output "$work/schema.d.ts" >/dev/null
"$modules/.bin/tsc" --strict --noEmitOnError --target es2022 --module nodenext --types node --typeRoots "$modules/@types" \
    --skipLibCheck "$work/place_call.ts"
node "$work/place_call.js"

echo "== Python: $python_client"
venv=.tools/$python_client
if [[ ! -e $venv/complete ]]; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "$python_client"
    touch "$venv/complete"
fi
"$venv/bin/openapi-python-client" generate --path docs/openapi.yaml --output-path "$work/outdial_client" \
    --meta none --fail-on-warning --config tests/clients/python.yaml
PYTHONPATH=$work "$venv/bin/python" tests/clients/place_call.py
