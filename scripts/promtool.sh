#!/usr/bin/env bash
# Checks the example of Prometheus and the alert rules in ops/prometheus, and runs the unit tests of the rules.
# Debian's promtool knows no Kubernetes, so that the example of a cluster is checked by crates/server/tests/packaging.rs alone.
#
# Takes promtool from PROMTOOL, from the machine, or from the Debian package `prometheus`, which it unpacks into
# .tools/promtool without installing it (needs the network). Without all of these it fails.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

folder=$PWD/.tools/promtool
find_promtool() {
    local candidate
    for candidate in "${PROMTOOL:-}" "$(command -v promtool || true)" "$folder/usr/bin/promtool"; do
        if [[ -n $candidate && -x $candidate ]]; then
            echo "$candidate" && return
        fi
    done
    return 1
}

if ! promtool=$(find_promtool); then
    if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
        echo 'promtool is not installed: install Prometheus, or set PROMTOOL to the path of promtool' >&2
        exit 69
    fi
    echo 'unpacking the Debian package prometheus into .tools/promtool' >&2
    download=$(mktemp -d)
    trap 'rm -rf "$download"' EXIT
    cd "$download"
    # A fresh machine has no list of packages.
    apt-get download -qq prometheus >&2 || { apt-get update -qq && apt-get download -qq prometheus; } >&2
    cd - >/dev/null
    rm -rf "$folder" && mkdir -p "$folder"
    dpkg-deb -x "$download"/prometheus_*.deb "$folder"
    promtool=$(find_promtool)
fi
"$promtool" check config ops/prometheus/prometheus.yaml
"$promtool" test rules ops/prometheus/alerts_test.yaml
