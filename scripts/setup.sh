#!/usr/bin/env bash
# Prepares this machine for log-courier: Node.js packages, and redis-server for the embedded engines.
# Run it as often as you like: it says nothing when there is nothing to do. It starts no service.
#
#   scripts/setup.sh                      packages and redis-server
#   scripts/setup.sh --with tests         and what tests need: goaccess, chromium, promtool, MariaDB, another reader of
#                                         Avro (python3-avro), zstd and jq
#   scripts/setup.sh --with mariadb       and MariaDB, for the demo of tables
#   scripts/setup.sh --with screenshots   and chromium and pngquant, with which the screenshots are made
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly MINIMUM_NODE=20
# Debian has some servers where only root's PATH leads.
export PATH="$PATH:/usr/sbin"
with_tests=false
with_mariadb=false
with_screenshots=false
policy_file=/usr/sbin/policy-rc.d
policy_is_ours=false

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$@"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

read_arguments() {
  while (($# > 0)); do
    case "$1 ${2:-}" in
      '--with tests') with_tests=true; shift 2 ;;
      '--with mariadb') with_mariadb=true; shift 2 ;;
      '--with screenshots') with_screenshots=true; shift 2 ;;
      '--help '* | '-h '*) sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
      *) fail "unknown argument: $*. Usage: scripts/setup.sh [--with tests] [--with mariadb] [--with screenshots]" ;;
    esac
  done
}

check_node() {
  have node || fail "Node.js is missing. Install version ${MINIMUM_NODE} or later: https://nodejs.org"
  have npm || fail 'npm is missing. It comes with Node.js: https://nodejs.org'
  local major
  major="$(node --print 'process.versions.node.split(".")[0]')"
  ((major >= MINIMUM_NODE)) || fail "Node.js $(node --version) is too old. Install version ${MINIMUM_NODE} or later: https://nodejs.org"
}

install_packages() {
  # npm writes this file at the end of every install.
  local mark=node_modules/.package-lock.json
  if [[ -e $mark && ! package-lock.json -nt $mark ]]; then return; fi
  say 'installing the Node.js packages (npm ci)'
  npm ci --no-audit --no-fund >&2
  touch -c "$mark"
}

# Runs a command as root, or fails when that is not possible without a password.
as_root() {
  if ((EUID == 0)); then "$@"; else sudo -n -- "$@"; fi
}

can_be_root() {
  ((EUID == 0)) || { have sudo && sudo -n true 2>/dev/null; }
}

# Debian starts what it installs, unless this file says no. One that is already there is left alone.
forbid_services() {
  if [[ -e $policy_file ]]; then return; fi
  if printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy_file" >/dev/null 2>&1; then
    policy_is_ours=true
    as_root chmod 755 "$policy_file" || true
  fi
}

allow_services() {
  if $policy_is_ours; then as_root rm -f "$policy_file" || true; fi
  policy_is_ours=false
}
trap allow_services EXIT

apt_install() {
  say "installing $1 (apt-get)"
  forbid_services
  local -a install=(env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install --yes --no-install-recommends "$1")
  if ! as_root "${install[@]}" >&2; then
    as_root apt-get update >&2 || say 'apt-get update failed; trying with the package lists at hand'
    as_root "${install[@]}" >&2 || fail "apt-get could not install $1; its messages are above."
  fi
  allow_services
  # Debian has what it installs started at the next boot too; nobody has asked for that.
  if have systemctl; then as_root systemctl disable --quiet "$1.service" "${1%-server}.service" >/dev/null 2>&1 || true; fi
}

# install_program COMMAND APT-PACKAGE BREW-FORMULA
install_program() {
  local command=$1 apt_package=$2 brew_formula=$3
  if have "$command"; then return; fi
  if have apt-get && can_be_root; then
    apt_install "$apt_package"
  elif have brew; then
    say "installing ${brew_formula} (brew)"
    brew install "$brew_formula" >&2
  elif have apt-get; then
    fail "${command} is missing, and installing it takes root. Run: sudo apt-get install ${apt_package}"
  else
    fail "${command} is missing. Install it with this system's package manager, so that it is on the PATH (Debian: ${apt_package}, Homebrew: ${brew_formula})."
  fi
  have "$command" || fail "${command} is still not on the PATH after its installation."
}

# install_python_module MODULE APT-PACKAGE PIP-PACKAGE
install_python_module() {
  local module=$1 apt_package=$2 pip_package=$3
  # Debian's own Python, as its packages are for no other.
  if /usr/bin/python3 -c "import ${module}" >/dev/null 2>&1; then return; fi
  if have apt-get && can_be_root; then
    apt_install "$apt_package"
  else
    fail "the Python module ${module} is missing. Install it (Debian: ${apt_package}, pip: ${pip_package})."
  fi
}

# The same for what only some tests need: without it they fail, and everything else goes on.
try_program() {
  (trap allow_services EXIT; install_program "$@") || say "going on without $1; the tests that need it will fail"
}
try_python_module() {
  (trap allow_services EXIT; install_python_module "$@") || say "going on without $1; the tests that need it will fail"
}

read_arguments "$@"
check_node
install_packages
install_program redis-server redis-server redis
if $with_tests; then
  try_program goaccess goaccess goaccess
  try_program promtool prometheus prometheus
  try_program chromium chromium chromium
  try_program mariadbd mariadb-server mariadb
  try_program zstd zstd zstd
  try_program jq jq jq
  try_python_module avro python3-avro avro
fi
if $with_mariadb; then install_program mariadbd mariadb-server mariadb; fi
if $with_screenshots; then
  install_program chromium chromium chromium
  install_program pngquant pngquant pngquant
fi
