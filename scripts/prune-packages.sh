#!/bin/sh
# Takes out of installed packages what a running program never reads: types, source maps, sources that maps point at,
# readmes. Licences stay. Also the TypeScript compiler, which npm leaves in because a package names it as an optional peer.
#
#   sh scripts/prune-packages.sh node_modules
set -eu

packages="$1"
test -d "$packages"
rm -rf "$packages/typescript" "$packages/.bin"
find "$packages" -type f \( \
  -name '*.map' -o -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.md' -o -name '*.markdown' \
  \) ! -iname 'licen[cs]e*' ! -iname 'copying*' ! -iname 'notice*' -exec rm -f {} +
