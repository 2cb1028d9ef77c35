#!/usr/bin/env bash
# Sets up what is missing on this machine, builds, and runs the chaos harness. Arguments go to it:
# npm run chaos -- --minutes 2 --replicas 3 --seed 7, or npm run chaos -- tables --kills 50
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
if [[ ${1:-} == tables ]]; then
  bash scripts/setup.sh --with mariadb
else
  bash scripts/setup.sh
fi
npm run --silent build
exec node --import ./scripts/loader/register.mjs test/chaos/main.ts "$@"
