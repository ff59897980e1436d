#!/usr/bin/env bash
# Runs the commands of docs/operations/first-call.md in their order: the blocks that begin with
# ```sh first-call. It starts with an empty database and ends with a completed call. A simulator of
# ElevenLabs and Sinch takes the vendors' place, so no phone rings.
#
#   scripts/with-services.sh -- scripts/first-call.sh [PAGE]
#
# TEST_DATABASE_URL is an empty database, and TEST_REDIS_URL a Redis. FIRST_CALL_PROGRAM is the program
# (target/debug/outdial). Further settings of the gateway may be in the environment.
#
# A block with `background` is one command that runs until the end. One with `check` may fail with
# `database-durable`: the Postgres of the tests does not wait for its disk.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
page=${1:-$root/docs/operations/first-call.md}
program=${FIRST_CALL_PROGRAM:-$root/target/debug/outdial}

for name in TEST_DATABASE_URL TEST_REDIS_URL; do
    if [[ -z ${!name:-} ]]; then echo "first-call: $name is not set: use scripts/with-services.sh" >&2 && exit 64; fi
done
if [[ ! -x $program ]]; then echo "first-call: $program does not exist: cargo build --bin outdial" >&2 && exit 64; fi

work=$(mktemp -d)
simulator=''
trap 'if [[ $simulator ]]; then kill "$simulator" || true; fi; rm -rf "$work"' EXIT
mkdir "$work/bin" && ln -s "$(realpath "$program")" "$work/bin/outdial"
export PATH=$work/bin:$PATH no_proxy=127.0.0.1 NO_PROXY=127.0.0.1

outdial simulate --bind 127.0.0.1:0 >"$work/simulator" &
simulator=$!
until vendors=$(grep -om 1 'http://127[0-9.:]*' "$work/simulator"); do
    kill -0 "$simulator"
    sleep 0.1
done
# Below 32768, because Linux uses the ports from there on for outgoing connections.
while port=$((20000 + RANDOM % 12000)); (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done

# What differs from a real deployment, apart from the placeholders: where the vendors are, and the port.
export OUTDIAL_BIND=127.0.0.1:$port
export OUTDIAL_ELEVENLABS_BASE_URL=$vendors OUTDIAL_SINCH_AUTH_URL=$vendors OUTDIAL_SINCH_TRUNK_URL=$vendors
placeholders=(
    "YOUR-DATABASE-URL=$TEST_DATABASE_URL"
    "YOUR-REDIS-URL=$TEST_REDIS_URL"
    "YOUR-GATEWAY-URL=http://127.0.0.1:$port"
    "YOUR-ELEVENLABS-API-KEY=a-key-that-the-simulator-accepts"
    "YOUR-SINCH-PROJECT-ID=project-1"
    "YOUR-SINCH-KEY-ID=key-1"
    "YOUR-SINCH-KEY-SECRET=a-secret-that-the-simulator-accepts"
    "YOUR-SINCH-TRUNK-ID=01DEM00TRUNK0SANDB0X000001"
    "YOUR-MOBILE-NUMBER=+14165550190"
)

commands=$(awk '
    /^```/ { if (kind == "" && $2 == "first-call") kind = $3 == "" ? "plain" : $3; else kind = ""; next }
    kind == "plain" { print }
    kind == "background" { print $0 " &" }
    kind == "check" { print $0 " >found || only_durable_failed found" }
' "$page")
for placeholder in "${placeholders[@]}"; do
    commands=${commands//"${placeholder%%=*}"/"${placeholder#*=}"}
done
if [[ -z $commands ]]; then echo "first-call: $page has no commands" >&2 && exit 1; fi
if grep -o 'YOUR-[A-Z-]*' <<<"$commands" >&2; then
    echo 'first-call: the page has placeholders that this script lacks' >&2
    exit 1
fi

cat >"$work/commands" <<'END'
set -euo pipefail
trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT
only_durable_failed() {
    cat "$1"
    ! grep '^failed' "$1" | grep -v database-durable
}
END
cat >>"$work/commands" <<<"$commands"
cd "$work"
timeout 300 bash "$work/commands"

# The last response of the page.
call=$(cat "$work"/*/ended.json)
[[ $call == *'"status":"completed"'* && $call == *'"transcript":[{'* ]]
echo 'first-call: the call is completed, and its transcript can be read'
