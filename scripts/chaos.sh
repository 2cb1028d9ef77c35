#!/usr/bin/env bash
# Sets up what is missing on this machine, builds, and runs the chaos harness. Arguments go to it:
# npm run chaos -- --minutes 2 --replicas 3 --seed 7
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/setup.sh
npm run --silent build
exec node --import ./scripts/loader/register.mjs test/chaos/main.ts "$@"
