#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# benchmarks/vnncomp/install_tool.sh v1 -- install packages and build, once, unattended.
set -eu
[ "${1:-}" = v1 ] || { echo "install_tool.sh: expected version v1, got '${1:-}'" >&2; exit 1; }
cd "$(dirname "$0")/../.."
make packages
# For this machine only: the arithmetic stays the same, docs/numerics.md says why.
make ARCH="${ARCH:--march=native}" all
build/dualcert --version
