# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2016,SC2034,SC2154 # a part of tests/run-cli
#
# The scripts of benchmarks/vnncomp/ as a competition calls them, scored by its rules.

scripts=$root/benchmarks/vnncomp
score () { # score SPEC NET: of results.txt
  "$root/tests/score-result" results.txt "$examples/$1" "$program" "$examples/$2"
}
instance () { # instance NET SPEC TIMEOUT: sets code, out, err; writes results.txt
  echo no_result_in_file >results.txt
  DUALCERT_PROGRAM=$program timeout $((patience + 60)) "$scripts/run_instance.sh" v1 any \
    "$examples/$1" "$examples/$2" results.txt "$3" >out 2>err </dev/null
  code=$?
}
scored () { # scored NAME WORD NET SPEC TIMEOUT
  name=$1
  instance "$3" "$4" "$5"
  word=$(score "$4" "$3")
  if [ "$code" -ne 0 ]; then bad "exit status $code"; else pass_if "scored $word" test "$word" = "$2"; fi
  name="$1: nothing is left behind"
  pass_if "$(echo results.txt*)" test "$(echo results.txt*)" = results.txt
}
scored 'vnncomp: a property that holds' holds brake.onnx brake-narrow.vnnlib 60
scored 'vnncomp: a counterexample of two inputs' correct brake.onnx brake-wide.vnnlib 60
scored 'vnncomp: a counterexample of an image' correct digits-conv.onnx digits-conv-wide.vnnlib 60
scored 'vnncomp: a fractional timeout' timeout digits-conv.onnx digits-conv-between.vnnlib 0.4
scored 'vnncomp: a file that is no specification' error brake.onnx make.py 60
scored 'vnncomp: no such network' error nothing.onnx brake-wide.vnnlib 60

# The scorer must see what is wrong with a counterexample.
instance brake.onnx brake-wide.vnnlib 60
cp results.txt good
changed () { # changed NAME WORD SED-COMMAND
  name="scorer: $1"
  sed "$3" good >results.txt
  word=$(score brake-wide.vnnlib brake.onnx)
  pass_if "scored $word" test "$word" = "$2"
}
changed 'unchanged' correct ''
changed 'upper case and blanks' correct '1s/sat/ SAT /'
changed 'an input outside' spec_not_violated 's/X_0 [^)]*/X_0 20.000001/'
changed 'outputs that are safe' spec_not_violated 's/X_1 [^)]*/X_1 25/'
changed 'no point' no_ce '2,$d'
changed 'no parenthesis' malformed_ce '$s/)*$//'
changed 'no outputs' malformed_ce 's/(Y_0 [^)]*)/ /'
changed 'inputs in another order' malformed_ce 's/X_0/X_9/; s/X_1/X_0/; s/X_9/X_1/'
changed 'no number' malformed_ce 's/X_0 [^)]*/X_0 nan/'
changed 'another word' abort '1s/sat/maybe/'
changed 'unsat' holds '1s/sat/unsat/'

# Killed from outside, and a solver that crashes.
name='vnncomp: terminated'
echo no_result_in_file >results.txt
DUALCERT_PROGRAM=$program "$scripts/run_instance.sh" v1 any "$examples/digits-conv.onnx" \
  "$examples/digits-conv-between.vnnlib" results.txt 60 >out 2>err </dev/null &
sleep 0.5
kill "$!"
wait "$!"
code=$?
pass_if "exit status $code, $(head -n 1 results.txt)" \
  test "$code:$(cat results.txt)" = 0:timeout
printf '#!/bin/sh\necho sat\nkill -SEGV $$\n' >crash
chmod +x crash
name='vnncomp: a crash is no verdict'
DUALCERT_PROGRAM=$PWD/crash "$scripts/run_instance.sh" v1 any "$examples/brake.onnx" \
  "$examples/brake-wide.vnnlib" results.txt 60 >out 2>err </dev/null
code=$?
pass_if "exit status $code, $(head -n 1 results.txt)" test "$code:$(cat results.txt)" = 0:error

name='vnncomp: prepare an instance that is there'
"$scripts/prepare_instance.sh" v1 any "$examples/brake.onnx" "$examples/brake-wide.vnnlib" \
  >out 2>err
code=$?
if [ -x "$root/build/dualcert" ]; then judge 0 '' ''; else ok; fi
name='vnncomp: prepare an instance that is not there'
"$scripts/prepare_instance.sh" v1 any "$examples/nothing.onnx" "$examples/brake-wide.vnnlib" \
  >out 2>err
pass_if 'no failure' test $? -ne 0
for tool in prepare_instance run_instance install_tool; do
  name="vnncomp: $tool wants version v1"
  "$scripts/$tool.sh" v2 any a b c 1 >out 2>err
  pass_if 'no failure' test $? -ne 0
done
