#!/bin/bash
# Installs what the project needs on Debian 12 (or a relative of it). This is the only place that lists packages.
#
#   scripts/install-packages.sh         to build the programs and run the tests
#   scripts/install-packages.sh --dev   also to format, lint, sanitize and fuzz
#
# Packages that are there already are left alone, so a second run needs neither root nor a network.
set -euo pipefail

packages=(
  g++ cmake ninja-build pkg-config
  protobuf-compiler libprotobuf-dev  # the .mlmodel format
  nlohmann-json3-dev                 # .mlmodelc, model.json
  libplist-dev                       # net.plist
  libcli11-dev libfmt-dev            # command lines and text
  libpng-dev libstb-dev              # pictures
  libeigen3-dev                      # matrix products of the reference
  libssl-dev libxxhash-dev           # SHA-256, names of constants
  libgtest-dev libbenchmark-dev      # tests, benchmarks
  graphviz                           # tests: dot judges the graphs
)
development=(clang libclang-rt-14-dev clang-format clang-tidy ccache git)

case "${1:-}" in
  "") ;;
  --dev) packages+=("${development[@]}") ;;
  *) echo "usage: $0 [--dev]" >&2; exit 2 ;;
esac

if ! command -v apt-get >/dev/null; then
  echo "error: this script installs with apt-get; on this system install the equivalents of: ${packages[*]}" >&2
  exit 1
fi

missing=()
for package in "${packages[@]}"; do
  [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
done
if ((${#missing[@]} == 0)); then exit 0; fi

as_root=()
if ((EUID != 0)); then as_root=(sudo); fi
"${as_root[@]}" apt-get update
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
