# SPDX-License-Identifier: GPL-3.0-or-later
# The Python module over the library.  Sourced by tests/run-cli.
# shellcheck shell=sh disable=SC2154,SC2034 # variables of run-cli

library=$(dirname "$program")/libdualcert.so.0
: >out
: >err
if ! command -v python3 >/dev/null ||
  ! python3 -c 'import ctypes, sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null; then
  echo 'skipped: the Python module (no python3)'
elif ! [ -e "$library" ]; then
  echo 'skipped: the Python module (no libdualcert.so.0 beside the program)'
else
  # A library with sanitizers needs their runtime first in the process.
  preload=$(ldd "$library" 2>/dev/null | sed -n 's/.*libasan[^ ]* => \([^ ]*\) .*/\1/p')
  python () { # python ARGUMENTS...: sets code, out, err
    LD_PRELOAD=$preload ASAN_OPTIONS=detect_leaks=0 DUALCERT_LIBRARY=$library \
      PYTHONPATH=$root/python PYTHONDONTWRITEBYTECODE=1 \
      timeout "$patience" python3 "$@" >out 2>err </dev/null
    code=$?
  }
  shows () { # shows NAME CODE LINE ARGUMENTS...: a line of stdout or stderr is LINE
    name=$1
    want=$2
    line=$3
    shift 3
    python "$@"
    if [ $code -ne "$want" ]; then
      bad "exit status $code, expected $want"
    else
      pass_if "no line '$line'" grep -Eq "^$line\$" out err
    fi
  }
  shows 'python: verify.py proves' 0 verified "$root/docs/examples/verify.py" \
    relu.json safe.vnnlib
  shows 'python: verify.py refutes' 0 'input  \[.*\]' "$root/docs/examples/verify.py" \
    relu.json unsafe.vnnlib
  shows 'python: verify.py passes errors on' 65 'verify.py: open.vnnlib:.*' \
    "$root/docs/examples/verify.py" relu.json open.vnnlib
  # Scores x0 and x1: from (0.7, 0.6) the answer changes at a radius of 0.05.
  cat >scores.json <<'END'
{"input": 2, "layers": [{"type": "dense", "weights": [[1, 0], [0, 1]]}]}
END
  echo '0.7, 0.6' >point.csv
  shows 'python: sweep.py proves small radii' 0 '0.03125  verified   0.0[0-9]*' \
    "$root/docs/examples/sweep.py" scores.json point.csv
  shows 'python: sweep.py refutes large ones' 0 '0.0625   falsified .*' \
    "$root/docs/examples/sweep.py" scores.json point.csv
  shows 'python: certify.py proves and checks' 0 'certificate accepted' \
    "$root/docs/examples/certify.py" relu.json safe.vnnlib safe.cert
  shows 'python: certify.py finds no proof where there is none' 1 'falsified ' \
    "$root/docs/examples/certify.py" relu.json unsafe.vnnlib safe.cert
  name='python: the module does what it says'
  python "$root/tests/support/binding.py" "$root/benchmarks/examples"
  pass_if "exit status $code: $(tail -n 1 err)" [ $code -eq 0 ]
fi
