#!/usr/bin/env bash
# Sets up what is missing on this machine, builds, and measures. Arguments go to the benchmark:
# npm run bench -- deliver --json
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# Standard output is for results.
bash scripts/setup.sh >&2
npm run --silent build >&2
exec node --import ./scripts/loader/register.mjs bench/main.ts "$@"
