#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# benchmarks/vnncomp/run_instance.sh v1 CATEGORY ONNX VNNLIB RESULTS TIMEOUT -- one instance.
#
# Line 1 of RESULTS becomes unsat, sat (then the counterexample), timeout, unknown or error,
# in one piece; RESULTS always has a verdict and the exit status is always 0, because
# anything else costs points.  CATEGORY is not looked at.  The solver's own messages stay
# on stderr.
set -u
if [ $# -ne 6 ] || [ "$1" != v1 ]; then
  echo "usage: run_instance.sh v1 CATEGORY ONNX VNNLIB RESULTS TIMEOUT" >&2
  exit 1
fi
net=$3 spec=$4 results=$5 timeout=$6
program=${DUALCERT_PROGRAM:-$(cd "$(dirname "$0")/../.." && pwd)/build/dualcert}

answer () { # answer WORD: unless the solver has written one
  echo "$1" >"$results.$$" && mv -f "$results.$$" "$results"
}
child=
# shellcheck disable=SC2317,SC2329 # called by trap
stop () {
  [ -z "$child" ] || kill "$child" 2>/dev/null
  wait
  rm -f "$results.part"
  answer timeout
  exit 0
}
trap stop TERM INT HUP

# The clock of the harness started before ours and stops after us.
seconds=$(awk -v t="$timeout" 'BEGIN { t += 0; r = 0.3 + t / 200
  printf "%.3f", (t > 2 * r) ? t - r : t / 2 }')
"$program" verify --quiet --format vnncomp --timeout "$seconds" -- "$net" "$spec" \
  </dev/null >"$results.part" &
child=$!
wait "$child"
code=$?
child=
case $code:$(head -n 1 "$results.part" | tr -d '\r') in
[0-3]:unsat | [0-3]:sat | [0-3]:unknown | [0-3]:timeout)
  mv -f "$results.part" "$results"
  ;;
*)
  rm -f "$results.part"
  answer error
  ;;
esac
exit 0
