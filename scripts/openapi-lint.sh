#!/usr/bin/env bash
# Lints the committed OpenAPI documents with Redocly: its rules find what generators trip over.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

modules=$(scripts/node-tools.sh)
export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
"$modules/.bin/redocly" lint --config tests/clients/redocly.yaml docs/openapi.yaml docs/openapi-provider.yaml
