#!/usr/bin/env bash
# Sets up what is missing on this machine, builds, and makes the pictures of the documentation, docs/images/*.png, from
# deployments with generated records. Arguments name scenes: npm run screenshots -- failures
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/setup.sh --with screenshots
npm run --silent build
exec node --import ./scripts/loader/register.mjs test/screenshots/main.ts "$@"
