#!/usr/bin/env bash
# Sets up what is missing on this machine, builds, and runs the demo. Arguments go to it: npm run demo -- --exit
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh
npm run --silent build
exec node dist/cli.js demo "$@"
