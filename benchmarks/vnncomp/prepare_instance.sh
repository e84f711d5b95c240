#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# benchmarks/vnncomp/prepare_instance.sh v1 CATEGORY ONNX VNNLIB -- before an instance; not
# timed.  Non-zero skips the instance, so only what can never work does that.
#
# ONNX may be a list of several networks, [('f', 'a.onnx'), ('g', 'b.onnx')].
set -u
if [ $# -ne 4 ] || [ "$1" != v1 ]; then
  echo "usage: prepare_instance.sh v1 CATEGORY ONNX VNNLIB" >&2
  exit 1
fi
program=$(cd "$(dirname "$0")/../.." && pwd)/build/dualcert
[ -x "$program" ] || { echo "prepare_instance.sh: run install_tool.sh first" >&2; exit 1; }

missing () { # missing FILE: neither it nor FILE.gz
  [ ! -r "$1" ] && [ ! -r "$1.gz" ] && echo "prepare_instance.sh: no file $1" >&2
}
missing "$4" && exit 1
case $3 in
'['*) ;; # verify names what is missing in a list
*) missing "$3" && exit 1 ;;
esac

# A run that was killed from outside may have left its solver behind.  Only ours.
for process in /proc/[0-9]*; do
  [ "$(readlink "$process/exe" 2>/dev/null)" = "$program" ] && kill -KILL "${process#/proc/}"
done
exit 0
