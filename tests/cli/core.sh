# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2016,SC2034,SC2154 # a part of tests/run-cli
#
# What every command does, and verify, check-witness, bound, info and eval.

# ---- help, version, usage -------------------------------------------------------

expect '--help' 0 '*' '' --help
expect '--version' 0 '*' '' --version
name='--version names the program'
pass_if 'no version' grep -Eq '^dualcert [0-9]+\.[0-9]+' out
for command in verify suite gate report check-witness bound info eval convert supports; do
  expect "$command --help" 0 '*' '' "$command" --help
  expect "$command --version" 0 '*' '' "$command" --version
  expect "help $command" 0 '*' '' help "$command"
  name="every option of $command is in the manual"
  missing=
  sed -n 's/^ *\(-., \)\{0,1\}--\([a-z-]*\).*/\2/p' out >options
  while read -r option; do
    case $option in help | usage | version) continue ;; esac
    grep -Eq "(Fl |, )-$option( |,|\$)" "$manual" || missing="$missing $option"
  done <options
  pass_if "missing:$missing" test -z "$missing"
done
expect 'help' 0 '*' '' help
expect 'no command' 64 '' '*'
expect 'unknown command' 64 '' 'unknown command .frobnicate' frobnicate
expect 'misspelt command' 64 '' "did you mean 'verify'" verfiy
expect 'help of an unknown command' 64 '' 'unknown command' help frobnicate
expect 'unknown option' 64 '' '*' verify --frobnicate relu.json safe.vnnlib
expect 'no arguments' 64 '' 'NET is missing' verify
expect 'one argument' 64 '' 'SPEC is missing' verify relu.json
expect 'three arguments' 64 '' 'unexpected argument' verify relu.json safe.vnnlib more
expect 'swapped arguments' 64 '' 'looks like a specification' \
  verify safe.vnnlib relu.json
cp safe.vnnlib safe.txt
expect 'swapped arguments, seen by content' 64 '' 'looks like a specification' \
  verify safe.txt relu.json
expect 'a network as specification' 64 '' 'looks like a network' \
  verify relu.onnx relu.onnx
for option in timeout=nan timeout=inf timeout=-1 timeout= timeout=1s timeout=0x10 \
  memory=0 memory=-5 memory=lots threads=0 threads=1.5 seed=-1 \
  seed=99999999999999999999 stages= stages=attack,,lp stages=crwon format=xml \
  attack-steps=-1 lp-neurons=many split=neurons split= split=Input max-nodes=-1 \
  max-nodes=few batch=-1 batch=2.5 look-ahead=65 node-iterations=-1 refine-leaves=1025 \
  retighten=3 retighten=yes split-inputs=-1 semantics=float64 semantics= \
  witness-format=xml; do
  expect "refused: --$option" 64 '' "--${option%%=*}: expected" \
    verify "--$option" relu.json safe.vnnlib
done
expect 'bound without a method' 64 '' 'method is missing' bound relu.json safe.vnnlib
expect 'bound with an unknown method' 64 '' 'method: expected one of' \
  bound --method=magic relu.json safe.vnnlib
expect 'bound with no iterations' 64 '' 'iterations: expected' \
  bound --method=dual --iterations=0 relu.json safe.vnnlib

# ---- verdicts -------------------------------------------------------------------

expect 'verified' 0 verified '' verify -q relu.json safe.vnnlib
expect 'falsified' 1 falsified '' verify -q relu.json unsafe.vnnlib
expect 'unknown' 2 'unknown (incomplete)' '' \
  verify -q --stages=attack relu.json safe.vnnlib
expect 'quiet by default when stderr is no terminal' 0 verified '' \
  verify relu.json safe.vnnlib
expect 'falsified with --exit-zero' 0 falsified '' \
  verify --exit-zero relu.json unsafe.vnnlib
expect 'unknown with --exit-zero' 0 'unknown (incomplete)' '' \
  verify --exit-zero --stages=attack relu.json safe.vnnlib
expect 'options after the arguments' 2 'unknown (incomplete)' '' \
  verify relu.json safe.vnnlib --stages attack --seed 3
expect 'options between the arguments' 0 verified '' \
  verify relu.json --threads 1 safe.vnnlib
expect 'every effort option' 0 verified '' verify --attack-restarts=2 \
  --attack-steps=2 --dual-iterations=2 --slope-iterations=2 relu.json safe.vnnlib
expect 'each stage can prove: ibp' 0 verified '' verify --stages=ibp relu.json safe.vnnlib
expect 'each stage can prove: crown' 0 verified '' \
  verify --stages=crown relu.json safe.vnnlib
expect '-v' 0 verified '*' verify -v relu.json safe.vnnlib
name='-v prints stages on stderr'
pass_if 'no stage' grep -Eq '^(attack|ibp|crown)' err
expect '--stats' 0 verified '*' verify --stats relu.json safe.vnnlib
name='--stats prints a table on stderr'
pass_if 'no table' grep -Eq '^stage +seconds' err
gzip -k safe.vnnlib relu.json
expect 'gzip' 0 verified '' verify relu.json.gz safe.vnnlib.gz
rm safe.vnnlib.gz relu.json.gz

# ---- properties that cannot fail ------------------------------------------------

empty='the unsafe set is empty as written, so the property holds for any network'
note () { # note NAME FILE LINE...: verified, with exactly these lines on stderr
  name=$1
  file=$2
  shift 2
  for line; do echo "note: $file: $line"; done >lines
  run verify relu.json "$file"
  if ! cmp -s lines err; then bad 'other notes'; else judge 0 verified '*'; fi
}
note 'a note about an empty unsafe set' never.vnnlib "$empty"
note 'a note about false disjuncts only' never-2.vnnlib \
  '2 disjuncts can never hold and were left out' "$empty"
note 'a note about some false disjuncts' dropped.vnnlib \
  '2 disjuncts can never hold and were left out'
for file in never never-2 dropped; do
  expect "no note with -q: $file" 0 verified '' verify -q relu.json "$file.vnnlib"
done
expect 'a false property without bounds' 65 '' 'X_0 has no upper bound' \
  verify relu.json never-no-bound.vnnlib
for triple in safe:0:false dropped:2:false never:0:true never-2:2:true; do
  counts=${triple#*:}
  expect "json: a property like ${triple%%:*}" 0 '*' '' \
    verify -q --format=json relu.json "${triple%%:*}.vnnlib"
  name="json: n_dropped and vacuous of ${triple%%:*}"
  tr -d '\n' <out >text
  pass_if 'other values' \
    grep -Eq "\"n_dropped\": *${counts%:*}, *\"vacuous\": *${counts#*:}," text
done

# ---- semantics ------------------------------------------------------------------

onnx Softmax >softmax.onnx
brake="$examples/brake.onnx $examples/brake-narrow.vnnlib"
# shellcheck disable=SC2086 # two files
{
  expect 'float32 semantics' 0 verified '' verify -q --semantics=float32 $brake
  name='the semantics is said in the text'
  pass_if 'not said' grep -qx 'semantics: float32' out
  expect 'real semantics' 0 verified '' verify -q --semantics=real $brake
  name='the usual semantics is not'
  pass_if 'said' test "$(wc -l <out)" = 1
  expect 'float32 semantics in JSON' 0 '*' '' \
    verify -q --semantics=float32 --format=json $brake
  name='json: semantics'
  pass_if 'missing' grep -q '"semantics": "float32", "options"' out
  expect 'float32 bounds' 0 '*' '' bound --method=crown --semantics=float32 $brake
  sed -n 's/^0,crown,\([^,]*\),.*/\1/p' out >below
  expect 'real bounds' 0 '*' '' bound --method=crown $brake
  sed -n 's/^0,crown,\([^,]*\),.*/\1/p' out >above
  name='float32 bounds are lower, but not by much'
  pass_if "$(cat below above)" awk 'NR == 1 { low = $1 } NR == 2 { high = $1 }
    END { exit !(low < high && low > high - 0.01) }' below above
}
expect 'float32 and a counterexample' 1 falsified '' verify -q --semantics=float32 \
  "$examples/brake.onnx" "$examples/brake-wide.vnnlib"
expect 'float32 and a certificate' 0 verified '' verify -q --semantics=float32 \
  --certificate=float32.proof "$examples/brake.onnx" "$examples/brake-narrow.vnnlib"
name='the certificate says float32'
pass_if 'it does not' sh -c 'head -n 2 float32.proof | grep -aq "\"semantics\": \"float32\""'
expect 'float32, checked' 0 verified '*' verify -q --semantics=float32 --check \
  "$examples/brake.onnx" "$examples/brake-narrow.vnnlib"
expect 'float32 of a JSON network' 69 '' 'float32.*use --semantics real' \
  verify --semantics=float32 relu.json safe.vnnlib
expect 'float32 of a softmax' 69 '' 'operator Softmax' \
  verify --semantics=float32 softmax.onnx safe.vnnlib
expect 'float32 bounds of a softmax' 69 '' 'operator Softmax' \
  bound --method=ibp --semantics=float32 softmax.onnx safe.vnnlib

# ---- formats --------------------------------------------------------------------

# The program's own reader says whether a text is JSON: an object is no input.
is_json () {
  cp out text
  run eval relu.json text
  [ "$code" -eq 65 ] && grep -q 'expected an array' err
}
expect 'vnncomp: unsat' 0 unsat '' verify --format=vnncomp relu.json safe.vnnlib
expect 'vnncomp: sat' 1 sat '' verify --format=vnncomp relu.json unsafe.vnnlib
name='vnncomp: sat has a witness'
pass_if 'no witness' grep -Eq '^\(?\(X_0 ' out
cp out first
expect 'vnncomp: sat again' 1 sat '' verify --format=vnncomp relu.json unsafe.vnnlib
name='the same run gives the same witness'
pass_if 'different' cmp -s first out
expect 'vnncomp: unknown' 2 unknown '' \
  verify --format=vnncomp --stages=attack relu.json safe.vnnlib
expect 'vnncomp: timeout' 2 timeout '' \
  verify --format=vnncomp --timeout=0 relu.json safe.vnnlib
for pair in safe:verified:0 unsafe:falsified:1; do
  verdict=${pair#*:}
  expect "json: ${verdict%:*}" "${verdict#*:}" '*' '' \
    verify --format=json relu.json "${pair%%:*}.vnnlib"
  name='json: the verdict'
  pass_if 'no verdict' grep -Eq "\"verdict\": *\"${verdict%:*}\"" out
  name='json: version and options'
  pass_if 'no options' grep -Eq '"version".*"attack_restarts": *64' out
  name='json: well-formed'
  pass_if 'not JSON' is_json
done
expect 'json: timeout' 2 '*' '' verify --format=json --timeout=0 relu.json safe.vnnlib
name='json: the reason'
pass_if 'no reason' grep -Eq '"reason": *"timeout"' out

# ---- witness files --------------------------------------------------------------

expect '--witness' 1 falsified '' verify --witness=cex.txt relu.json unsafe.vnnlib
expect 'the witness replays' 0 '*' '' eval --precision=double relu.json cex.txt
name='the witness violates the property'
pass_if 'it does not' awk '{ good = NR == 1 && $1 >= 0.5 } END { exit !good }' out
rm -f cex.txt
expect 'no witness when verified' 0 verified '' \
  verify --witness=cex.txt relu.json safe.vnnlib
name='no witness file when verified'
pass_if 'cex.txt is there' test ! -e cex.txt
mkfifo pipe
timeout "$patience" cat pipe >piped &
expect 'the witness into a pipe' 1 falsified '' \
  verify --witness=pipe relu.json unsafe.vnnlib
wait $!
name='the pipe is still a pipe and the witness came through'
pass_if 'it was replaced' sh -c '[ -p pipe ] && [ -s piped ]'
expect 'a witness file that cannot be written' 73 falsified 'nowhere' \
  verify --witness=nowhere/cex.txt relu.json unsafe.vnnlib

echo keep >old.txt
expect 'verified with a witness file from before' 0 verified '' \
  verify --witness=old.txt relu.json safe.vnnlib
name='a witness file from before is left alone'
pass_if 'it changed' test "$(cat old.txt)" = keep

expect '--witness FILE.json' 1 falsified '' verify --witness=cex.json relu.json unsafe.vnnlib
name='FILE.json is JSON with the digests of both files'
pass_if 'no digest' sh -c '
  for f in relu.json unsafe.vnnlib; do
    digest=$(sha256sum "$f") && grep -q "{\"sha256\": \"${digest%% *}\"}" cex.json || exit 1
  done'
expect '--witness-format=json' 1 falsified '' \
  verify --witness=cex2 --witness-format=json relu.json unsafe.vnnlib
name='--witness-format=json writes the same'
pass_if 'different' cmp -s cex.json cex2
expect '--witness-format=text' 1 falsified '' \
  verify --witness=cex3.json --witness-format=text relu.json unsafe.vnnlib
name='--witness-format=text writes VNN-COMP text into any name'
pass_if 'no text' grep -q '^((X_0 ' cex3.json
cp cex3.json cex.txt
expect 'the kind on stderr' 1 falsified '*' verify -v relu.json unsafe.vnnlib
name='-v says robust'
pass_if 'not said' grep -q '^witness: robust' err
expect 'the kind in JSON' 1 '*' '' verify --format=json relu.json unsafe.vnnlib
name='--format=json says robust'
pass_if 'not said' grep -q '"kind": "robust"' out

# ---- check-witness --------------------------------------------------------------

for file in cex.txt cex.json; do
  expect "check-witness $file" 0 robust '' check-witness $file relu.json unsafe.vnnlib
  name="check-witness $file: the case, its row and the outputs"
  pass_if 'something is missing' sh -c '
    grep -q "^case 0 (unsafe.vnnlib:6) is violated$" out &&
    grep -q "^row of line 6, <= 0: exact \[-0.5, -0.5\]" out &&
    grep -Eq "^Y_0: exact \[1, 1\], .* left to right 1, pairwise 1, double 1$" out'
done
expect 'check-witness of the vnncomp output' 1 sat '' \
  verify --format=vnncomp relu.json unsafe.vnnlib
cp out sat.txt
expect 'check-witness reads "sat" first' 0 robust '' \
  check-witness sat.txt relu.json unsafe.vnnlib
expect 'check-witness --format=json' 0 '{' '' \
  check-witness --format=json cex.txt relu.json unsafe.vnnlib
name='check-witness --format=json is what verify writes'
pass_if 'different' cmp -s cex.json out
name='check-witness from stdin'
"$program" check-witness - relu.json unsafe.vnnlib <cex.txt >out 2>err
code=$?
judge 0 robust ''
expect 'check-witness of a safe property' 1 'not a witness' '' \
  check-witness cex.txt relu.json safe.vnnlib
name='check-witness: the row that does not hold'
pass_if 'other reason' grep -q '^case 0, row of line 6: its value .* \[4, 4\].* <= 0$' out
echo '((X_0 1.5))' >outside.txt
expect 'check-witness outside the box' 1 'not a witness' '' \
  check-witness outside.txt relu.json unsafe.vnnlib
name='check-witness: the input outside'
pass_if 'other reason' grep -qx 'X_0 = 1.5 is outside its range \[-1, 1\]' out
expect 'check-witness --format=json of no witness' 1 '{' '' \
  check-witness --format=json outside.txt relu.json unsafe.vnnlib
name='check-witness --format=json of no witness: well-formed'
pass_if 'not JSON' is_json
expect 'check-witness with the JSON of another specification' 65 '' \
  'specification.sha256 is not that of safe.vnnlib' \
  check-witness cex.json relu.json safe.vnnlib
cp relu.json relu-2.json
echo >>relu-2.json
expect 'check-witness with the JSON of another network' 65 '' \
  'network.sha256 is not that of relu-2.json' \
  check-witness cex.json relu-2.json unsafe.vnnlib

# Found by benchmarks/examples/make.py, which shares no code with us.
for pair in digits-dense:digits-dense-wide digits-conv:digits-conv-wide brake:brake-wide; do
  spec=$examples/${pair#*:}
  expect "check-witness: ${pair#*:} of the examples" 0 robust '' check-witness \
    --require=robust "$spec.witness" "$examples/${pair%%:*}.onnx" "$spec.vnnlib"
done

# y = 2^24 x0 - 2^24 x1 + x2 is 1 at x = (1, 1, 1), and 0 in float32 when x2 comes second.
cat >cancel.json <<'END'
{"input": 3, "layers": [
  {"type": "dense", "weights": [[16777216, -16777216, 1]], "bias": [0]}]}
END
{
  for i in 0 1 2; do echo "(declare-const X_$i Real)"; done
  echo '(declare-const Y_0 Real)'
  for i in 0 1 2; do echo "(assert (= X_$i 1.0))"; done
  echo '(assert (>= Y_0 0.5))'
} >cancel.vnnlib
expect 'a borderline witness is still falsified' 1 falsified '*' \
  verify -v --witness=cancel.txt cancel.json cancel.vnnlib
name='-v says borderline'
pass_if 'not said' grep -q '^witness: borderline' err
expect 'check-witness: borderline' 0 borderline '' \
  check-witness cancel.txt cancel.json cancel.vnnlib
expect 'check-witness --require=robust: borderline' 1 borderline '' \
  check-witness --require=robust cancel.txt cancel.json cancel.vnnlib
expect 'check-witness --require=robust: robust' 0 robust '' \
  check-witness --require=robust cex.txt relu.json unsafe.vnnlib

for bad in 'empty::expected a witness' 'nan:((X_0 nan)):finite decimal' \
  'inf:((X_0 inf)):finite decimal' 'huge:((X_0 1e999)):finite decimal' \
  'twice:((X_0 1)(X_0 1)):given twice' 'many:((X_0 1)(X_1 1)):has 1 inputs' \
  'few:((Y_0 1)):no value for X_0' 'rest:((X_0 1)) (:end of the file' \
  'json-nan:{"x"\: [NaN]}:not valid JSON' 'json-huge:{"x"\: [1e999]}:finite numbers' \
  'json-many:{"x"\: [1, 1]}:2 numbers, but the network has 1' \
  'json-few:{"x"\: []}:0 numbers, but the network has 1' 'json-none:{}:x is missing' \
  'json-twice:{"x"\: [1], "x"\: [1]}:given twice' \
  'json-digest:{"x"\: [1], "network"\: {"sha256"\: "00"}}:network.sha256 is not'; do
  colons=$(printf '%s' "$bad" | sed 's/\\:/@/g')
  text=${colons#*:}
  printf '%s' "${text%:*}" | tr @ : >bad.txt
  expect "check-witness: ${bad%%:*}" 65 '' "bad.txt.*${text##*:}" \
    check-witness bad.txt relu.json unsafe.vnnlib
done
head -c 100 /dev/urandom >bad.txt
expect 'check-witness: garbage' 65 '' 'bad.txt' check-witness bad.txt relu.json unsafe.vnnlib
for file in cex.txt cex.json; do
  name="check-witness: $file cut anywhere"
  cuts=$(($(wc -c <$file) - 2))
  while [ "$cuts" -ge 0 ]; do
    head -c "$cuts" $file >bad.txt
    run check-witness bad.txt relu.json unsafe.vnnlib
    if [ "$code" -ne 65 ] || [ "$(grep -c "" err)" -ne 1 ]; then break; fi
    cuts=$((cuts - 1 - cuts / 40))
  done
  pass_if "cut to $cuts bytes: exit status $code" test "$cuts" -lt 0
done
expect 'check-witness without files' 64 '' 'WITNESS is missing' check-witness
expect 'check-witness in another order' 64 '' 'looks like a specification' \
  check-witness relu.json unsafe.vnnlib cex.txt
expect 'check-witness of a missing file' 66 '' 'nowhere' \
  check-witness nowhere relu.json unsafe.vnnlib
expect 'check-witness --require=everything' 64 '' 'require: expected one of any, robust' \
  check-witness --require=everything cex.txt relu.json unsafe.vnnlib

# ---- certificates ---------------------------------------------------------------

checker=$(dirname "$program")/dualcert-check
check () { # check ARGUMENTS...: the checker, like run
  timeout "$patience" "$checker" "$@" </dev/null >out 2>err
  code=$?
}
checks () { # checks NAME CODE LINE ERR ARGUMENTS...
  name=$1
  want=$2
  first=$3
  message=$4
  shift 4
  check "$@"
  judge "$want" "$first" "$message"
}

expect '--certificate' 0 verified '' verify --certificate=c relu.json safe.vnnlib
checks 'it is accepted' 0 'certificate accepted' '' c relu.json safe.vnnlib
checks 'exactly' 0 'certificate accepted' '' --exact c relu.json safe.vnnlib
check c relu.json unsafe.vnnlib
name='it is refused for another specification'
pass_if "exit status $code" test "$code" -eq 1
for net in hand.json brake.onnx digits-dense.onnx digits-conv.onnx; do
  spec=$examples/${net%.*}-narrow.vnnlib
  expect "--certificate: $net" 0 verified '' \
    verify --certificate=c "$examples/$net" "$spec"
  checks "accepted: $net" 0 'certificate accepted' '' c "$examples/$net" "$spec"
done

# An l2 ball of radius 0.45 is proved, by a search, though its box has a counterexample.
net=$examples/digits-dense.onnx
ball () { # ball NORM EPSILON
  sed "s/\"linf\"/\"$1\"/; s/\"epsilon\": [0-9.]*/\"epsilon\": $2/" \
    "$examples/digits-dense-robust.json"
}
ball linf 0.45 >ball-box.json
ball l2 0.45 >ball.json
ball l2 3 >ball-wide.json
expect 'l2: the box around the ball' 1 falsified '' \
  verify --witness=box.txt "$net" ball-box.json
expect 'l2: a ball' 0 verified '' verify --certificate=c "$net" ball.json
checks 'l2: the certificate is accepted' 0 'certificate accepted' '' c "$net" ball.json
checks 'l2: exactly' 0 'certificate accepted' '' --exact c "$net" ball.json
check c "$net" ball-wide.json
name='l2: it is refused for another radius'
pass_if "exit status $code" test "$code" -eq 1
for norm in l2:0.3 l1:1 l0:1; do
  ball "${norm%:*}" "${norm#*:}" >ball32.json
  expect "${norm%:*}: float32" 0 verified '' \
    verify --semantics float32 --certificate=c "$net" ball32.json
  checks "${norm%:*}: float32, accepted" 0 'certificate accepted (semantics float32)' '' \
    c "$net" ball32.json
done
expect 'l2: a wide ball' 1 falsified '' \
  verify --witness=ball.txt "$net" ball-wide.json
expect 'l2: convert refuses a ball' 69 '' 'ball.json: a JSON specification; only VNN-LIB is converted' \
  convert --to 2.0 ball.json
expect 'l2: with the network, too' 69 '' 'ball.json: a JSON specification' \
  convert --to 1.0 ball.json "$net"
expect 'l2: check-witness' 0 robust '' check-witness ball.txt "$net" ball-wide.json
run check-witness box.txt "$net" ball.json
name='l2: no witness outside of the ball'
if grep -q 'not proved to be in the l2 ball' out err; then
  pass_if "exit status $code" test "$code" -eq 1
else
  bad 'another reason'
fi
name='l2: the witness is in the ball, by awk'
pass_if 'it is not' sh -c '
  sed -n "s/.*\"center\": \[\([^]]*\)\].*/\1/p" ball-wide.json | tr -d " " | tr , "\n" >centre
  sed -n "s/^(*(X_[0-9]* \([^)]*\)).*/\1/p" ball.txt >point
  paste centre point | awk "{ d = \$1 - \$2; sum += d * d; bad += \$2 < 0 || \$2 > 1 }
    END { exit !(NR == 64 && NF == 2 && !bad && sum > 0.2 && sum <= 9 * (1 + 1e-12)) }"'
expect '--check' 0 verified '' verify --check relu.json safe.vnnlib
run verify --check --certificate=c --format=json relu.json safe.vnnlib
name='json: the certificate and that it was checked'
pass_if 'not said' grep -q '"certificate": "c", "checked": true' out
expect '--check of a search' 0 verified '' verify --check \
  "$examples/digits-dense.onnx" "$examples/digits-dense-between.vnnlib"
expect '--check when falsified' 1 falsified '' verify --check relu.json unsafe.vnnlib
expect '--check: time is up' 2 'unknown (timeout)' '' \
  verify --check --timeout=0 relu.json safe.vnnlib
rm -f c
expect 'no certificate when falsified' 1 falsified '' \
  verify --certificate=c relu.json unsafe.vnnlib
name='no certificate file when falsified'
pass_if 'it is there' test ! -e c
expect 'a certificate that cannot be written' 73 '' 'nowhere' \
  verify --certificate=nowhere/c relu.json safe.vnnlib
run verify --certificate=c relu.json safe.vnnlib
size=$(wc -c <c)
cut_off=0
for n in 1 20 200 $((size - 30)) $((size - 1)); do
  head -c "$n" c >part
  check part relu.json safe.vnnlib
  [ "$code" -ne 0 ] || cut_off=$n
done
name='a certificate that is cut off is refused'
pass_if "$cut_off of $size bytes are accepted" test "$cut_off" -eq 0
checks 'check: no file' 66 '' '*' nowhere relu.json safe.vnnlib
checks 'check: not a certificate' 65 '' '*' relu.json relu.json safe.vnnlib
checks 'check: missing arguments' 64 '' '*' c relu.json

# ---- other commands -------------------------------------------------------------

for method in ibp crown slopes dual lp; do
  expect "bound --method=$method" 0 'case,method,lower,seconds,iterations' '' \
    bound --method="$method" relu.json safe.vnnlib
  name="bound --method=$method is right" # the margin is 5 - y >= 4
  pass_if 'wrong bound' awk -F , -v m="$method" '
    NR == 2 { good = $1 == 0 && $2 == m && $3 > 3.99 && $3 <= 4 }
    END { exit !(good && NR == 2) }' out
done
expect 'info' 0 '*' '' info relu.json
name='info counts'
pass_if 'no neurons' grep -Eq '^neurons +1$' out
expect 'info of ONNX' 0 '*' '' info relu.onnx
name='info shows the shape'
pass_if 'no shape' grep -Eq '^input +1x2 ' out
expect 'info --format=json' 0 '{' '' info --format json relu.json
name='info --format=json is well-formed'
pass_if 'not JSON' is_json
echo '0.75, -2' >input.csv
expect 'eval: CSV' 0 '2.75 2.75' '' eval two.json input.csv
expect 'eval: one precision' 0 '2.75' '' eval --precision=float32 two.json input.csv
echo '[[0.75], [-2]]' >input.json
expect 'eval: JSON' 0 '2.75 2.75' '' eval two.json input.json
printf 'sat\n((X_0 0.75)\n(X_1 -2)\n(Y_0 2.75))\n' >input.txt
expect 'eval: witness' 0 '2.75 2.75' '' eval two.json input.txt
name='eval: stdin'
echo '0.75 -2' | "$program" eval two.json - >out 2>err
code=$?
judge 0 '2.75 2.75' ''
expect 'eval: --format=json' 0 '{' '' eval --format=json two.json input.csv
expect 'eval: too many numbers' 65 '' '2 numbers, but relu.json takes 1' \
  eval relu.json input.csv
echo '1 nan' >nan.csv
expect 'eval: NaN' 65 '' 'nan.csv:1: expected a number' eval two.json nan.csv
expect 'eval: no units' 64 '' 'units' eval --units=physical two.json input.csv

# ---- bad inputs -----------------------------------------------------------------

expect 'missing network' 66 '' 'missing.onnx: No such file' \
  verify missing.onnx safe.vnnlib
expect 'missing specification' 66 '' 'missing.vnnlib: No such file' \
  verify relu.json missing.vnnlib
mkdir folder
expect 'a directory as network' 66 '' 'folder is a folder; expected a [a-z]* in a file' verify folder safe.vnnlib
expect 'a directory as specification' 66 '' 'folder is a folder; expected a [a-z]* in a file' \
  verify relu.json folder
if [ "$(id -u)" -ne 0 ]; then # root may read everything
  cp safe.vnnlib secret.vnnlib
  chmod 0 secret.vnnlib
  expect 'an unreadable file' 66 '' 'secret.vnnlib: Permission denied' \
    verify relu.json secret.vnnlib
fi
expect 'truncated ONNX' 65 '' 'truncated.onnx' verify truncated.onnx safe.vnnlib
expect 'garbage as ONNX' 65 '' 'garbage.onnx' verify garbage.onnx safe.vnnlib
expect 'an empty network' 65 '' 'empty.onnx' verify empty.onnx safe.vnnlib
expect 'an unknown operator' 69 '' 'Einsum' verify einsum.onnx safe.vnnlib
echo '{"input": 1, "layers": [}' >bad.json
expect 'malformed JSON' 65 '' 'bad.json:1:' verify bad.json safe.vnnlib
expect 'an undeclared variable' 65 '' 'undeclared.vnnlib:6' \
  verify relu.json undeclared.vnnlib
expect 'a missing bound' 65 '' 'no-bound.vnnlib' verify relu.json no-bound.vnnlib
expect 'an empty box' 65 '' 'empty-box.vnnlib' verify relu.json empty-box.vnnlib
expect 'an open parenthesis' 65 '' 'open.vnnlib' verify relu.json open.vnnlib
expect 'shapes that do not fit' 65 '' 'safe.vnnlib' verify two.json safe.vnnlib
: >empty.vnnlib
expect 'an empty specification' 65 '' 'empty.vnnlib' verify relu.json empty.vnnlib
head -c 4096 /dev/zero >zeros.vnnlib
expect 'zero bytes as specification' 65 '' 'zeros.vnnlib' verify relu.json zeros.vnnlib
head -c 100000000 /dev/zero | tr '\0' '(' >deep.vnnlib
started=$(date +%s)
expect '100 MB of parentheses' 65 '' 'deep.vnnlib' verify relu.json deep.vnnlib
name='100 MB of parentheses take seconds'
pass_if 'too slow' test $(($(date +%s) - started)) -le 10
expect 'bound on a bad file' 65 '' 'no-bound.vnnlib' \
  bound --method=ibp relu.json no-bound.vnnlib
if [ -e /dev/full ]; then
  name='a full disk'
  timeout "$patience" "$program" verify relu.json safe.vnnlib >/dev/full 2>err
  code=$?
  : >out
  judge 74 '' 'No space left'
fi

# ---- limits and signals ---------------------------------------------------------

expect 'no time at all' 2 'unknown (timeout)' '' verify --timeout=0 relu.json safe.vnnlib
# Reading a pipe that nobody fills never ends: only the watchdog can answer.
started=$(date +%s)
expect 'timeout while reading' 2 'unknown (timeout)' '' \
  verify --timeout=0.2 relu.json pipe.vnnlib
expect 'timeout while reading, vnncomp' 2 timeout '' \
  verify --timeout=0.2 --format=vnncomp relu.json pipe.vnnlib
expect 'timeout while reading, --exit-zero' 0 'unknown (timeout)' '' \
  verify --timeout=0.2 --exit-zero relu.json pipe.vnnlib
expect 'timeout while reading, json' 2 '*' '' \
  verify --timeout=0.2 --format=json relu.json pipe.vnnlib
name='timeout while reading, json is well-formed'
pass_if 'not JSON' is_json
expect 'timeout of bound while reading' 2 'case,method,lower,seconds,iterations' '' \
  bound --method=ibp --timeout=0.2 relu.json pipe.vnnlib
name='timeouts are kept'
pass_if 'too slow' test $(($(date +%s) - started)) -le 8
head -c 8000000 deep.vnnlib >big.vnnlib
rm deep.vnnlib
expect 'no memory for the file' 2 'unknown (memory)' '' \
  verify --memory=4 relu.json big.vnnlib
expect 'no memory for the file, vnncomp' 2 unknown '' \
  verify --memory=4 --format=vnncomp relu.json big.vnnlib
expect 'no memory for anything' 2 'unknown (memory)' '' \
  verify --memory=1 "$examples/digits-conv.onnx" "$examples/digits-conv-narrow.vnnlib"

# x + 2^54 - 2^54 is x over the reals and 0 in doubles, so x = -0.4 violates y <= -0.2
# and no evaluation shows it.
cat >absorbed.json <<'END'
{"input": 1, "layers": [
  {"type": "dense", "weights": [[1]], "bias": [18014398509481984]},
  {"type": "relu"},
  {"type": "dense", "weights": [[1]], "bias": [-18014398509481984]}]}
END
spec absorbed.vnnlib '(>= X_0 -0.4)' '(<= X_0 0.4)' '(<= Y_0 -0.2)'
for options in --split=auto '--split=input --contract=2' '--split=activation --contract=0' \
  --stages=ibp --stages=ibp,crown --stages=ibp,dual --stages=ibp,lp --stages=ibp,split; do
  # shellcheck disable=SC2086 # a list of options
  expect "a violation that doubles do not see, $options" 2 '*' '' \
    verify --max-nodes=100 $options absorbed.json absorbed.vnnlib
done

# Where even address space is short, libraries cannot start threads or wait for memory.
# 127: they could not be loaded.  A sanitizer needs terabytes.
if "$program" --version | grep -q '(release)'; then
  for kilobytes in 40000 60000 80000 120000 200000; do
    name="address space of $kilobytes kB"
    # shellcheck disable=SC3045 # sh of Debian knows ulimit -v
    (ulimit -v $kilobytes && exec timeout -s KILL 20 "$program" verify --timeout=0.3 \
      "$examples/digits-conv.onnx" "$examples/digits-conv-narrow.vnnlib") \
      </dev/null >out 2>err
    code=$?
    # OpenBLAS 0.3.29 waits for ever before main, whatever is asked.
    # shellcheck disable=SC3045
    if [ $code -eq 137 ] &&
      ! (ulimit -v $kilobytes && exec timeout -s KILL 20 "$program" --version) >out 2>err
    then
      echo "skipped: $name (the libraries do not load)"
      continue
    fi
    case $code in
    0 | 2 | 71 | 127) ok ;;
    *) bad "exit status $code" ;;
    esac
  done
fi

# Without timeout(1), which would answer 124; the own limit is the patience.
signal_test () { # signal_test NAME SIGNAL LINE ARGUMENTS...
  name=$1
  signal=$2
  line=$3
  shift 3
  "$program" "$@" "--timeout=$patience" </dev/null >out 2>err &
  pid=$!
  sleep 0.4
  kill "-$signal" $pid 2>/dev/null
  wait $pid
  code=$?
  judge 2 "$line" ''
}
for signal in INT TERM; do
  signal_test "SIG$signal while reading" "$signal" 'unknown (interrupted)' \
    verify relu.json pipe.vnnlib
  signal_test "SIG$signal while searching" "$signal" 'unknown (interrupted)' \
    verify --stages=attack --attack-restarts=1000000 --attack-steps=1000000 \
    relu.json safe.vnnlib
done
signal_test 'SIGTERM, vnncomp' TERM unknown verify --format=vnncomp relu.json pipe.vnnlib
signal_test 'SIGTERM to bound' TERM 'case,method,lower,seconds,iterations' \
  bound --method=ibp relu.json pipe.vnnlib

# ---- branch and bound -----------------------------------------------------------


# What is split changes no verdict.  `verified?` is true, but perhaps too hard.
while IFS=, read -r net spec expected _; do
  case $expected in network | expected | unknown) continue ;; esac
  for kind in auto input activation; do
    run verify -q "--timeout=$patience" --split=$kind "$examples/$net" "$examples/$spec"
    name="$spec with --split=$kind"
    answer=$(head -n 1 out)
    case $expected:$kind in
    verified\?:auto)
      reference=$answer
      [ "$answer" != falsified ] || reference=verified
      ;;
    verified\?:*) ;;
    *) reference=$expected ;;
    esac
    pass_if "'$answer', expected '$reference'" test "$answer" = "$reference"
  done
done <<END
$(tail -n +2 "$examples/examples.csv")
END

# Everything but time, as one line per member; the number of threads itself aside.
outcome () { # outcome ARGUMENTS...
  run verify -q --format=json --split=activation "$@"
  tr -d '\n' <out | sed 's/  */ /g' >text
  grep -o '"verdict": "[a-z]*"' text
  grep -o '"tree": {[^}]*}' text
  grep -o '"bound": [^,]*, "closed": [0-9]*, "steps": [0-9]*' text
  grep -o '"lower": [^,]*, "best": [^,]*' text
}
for pair in digits-dense:digits-dense-between digits-conv:digits-conv-between; do
  spec=${pair#*:}
  outcome --max-nodes=50 --seed=3 --threads=1 "$examples/${pair%:*}.onnx" \
    "$examples/$spec.vnnlib" >one
  outcome --max-nodes=50 --seed=3 --threads=2 "$examples/${pair%:*}.onnx" \
    "$examples/$spec.vnnlib" >two
  name="$spec: two threads search the same tree"
  pass_if 'another outcome' cmp -s one two
  name="$spec: the tree has nodes"
  pass_if 'no nodes' grep -Eq '"tree": \{"nodes": [1-9][0-9]' one
done
expect 'a batch of one' 0 verified '' \
  verify -q --split=activation --stages=split --batch=1 "$examples/brake.onnx" \
  "$examples/brake-between.vnnlib"
name='a limit on nodes, reached with the last proof'
wrong=
for limit in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
  for kind in input activation; do
    run verify -q --stages=split --split=$kind --batch=2 --refine-leaves=0 \
      --max-nodes=$limit "$examples/brake.onnx" "$examples/brake-between.vnnlib"
    case $code:$(head -n 1 out) in
    0:verified | '2:unknown (nodes)') ;;
    *) wrong="$wrong $kind:$limit" ;;
    esac
  done
done
pass_if "wrong:$wrong" test -z "$wrong"

# Stopped at any moment, a search that could only be wrong says unknown, and one that
# is right may have said so before.  The moments are random but always the same.
delays () { # delays N LOW HIGH: N numbers of seconds
  awk -v n="$1" -v low="$2" -v high="$3" \
    'BEGIN { srand(7); while (n-- > 0) printf "%.3f\n", low + (high - low) * rand() }'
}
# A signal before the program is ready for it ends it without a word.
allowed () { # allowed VERDICT: is the last run's answer that or unknown?
  case $code:$(head -n 1 out) in
  0:verified) [ "$1" = verified ] ;;
  1:falsified) [ "$1" = falsified ] ;;
  2:unknown*) ;;
  130: | 143:) [ ! -s out ] ;;
  *) false ;;
  esac
}
stop_anywhere () { # stop_anywhere VERDICT SECONDS ARGUMENTS...: the right verdict
  right=$1
  longest=$2
  shift 2
  wrong=
  unknown=0
  for signal in TERM INT; do
    for delay in $(delays 10 0.01 "$longest"); do
      "$program" verify -q "--timeout=$patience" "$@" </dev/null >out 2>err &
      pid=$!
      sleep "$delay"
      kill "-$signal" $pid 2>/dev/null
      wait $pid
      code=$?
      allowed "$right" || wrong="$wrong $signal:$delay:$(head -n 1 out)"
      [ $code -ne 2 ] || unknown=$((unknown + 1))
    done
  done
  for delay in $(delays 20 0 "$longest"); do
    run verify -q "--timeout=$delay" "$@"
    allowed "$right" || wrong="$wrong timeout:$delay:$(head -n 1 out)"
    [ $code -ne 2 ] || unknown=$((unknown + 1))
  done
}
# Nobody looks for the counterexample, so there is no end to the search.
for triple in input:brake:brake-wide input:digits-dense:digits-dense-wide \
  activation:digits-dense:digits-dense-wide activation:digits-conv:digits-conv-wide; do
  pair=${triple#*:}
  name="${pair#*:}, --split=${triple%%:*}, stopped at any moment: never verified"
  stop_anywhere falsified 0.2 --stages=ibp,crown,dual,split "--split=${triple%%:*}" \
    "$examples/${pair%:*}.onnx" "$examples/${pair#*:}.vnnlib"
  [ $unknown -ge 20 ] || wrong="$wrong only $unknown were stopped"
  pass_if "wrong:$wrong" test -z "$wrong"
done
# This one ends by itself after about half a second, and the other in a hundredth.
for pair in activation:0.6 input:0.02; do
  name="digits-conv-narrow, --split=${pair%:*}, stopped at any moment: never falsified"
  stop_anywhere verified "${pair#*:}" --stages=attack,split "--split=${pair%:*}" \
    "$examples/digits-conv.onnx" "$examples/digits-conv-narrow.vnnlib"
  [ $unknown -gt 0 ] || wrong="$wrong none was stopped"
  pass_if "wrong:$wrong" test -z "$wrong"
done

# ---- documentation that is made --------------------------------------------------

run info --operators
name='docs/operators.md is what info --operators prints'
pass_if 'stale: make -B docs/operators.md' cmp -s out "$root/docs/operators.md"

# ---- benchmark scripts ----------------------------------------------------------

script () { # script COMMAND...: sets code, out, err
  timeout "$patience" "$@" </dev/null >out 2>err
  code=$?
}
line_of () { # line_of FILE LINE: is there such a line, runs of blanks aside?
  tr -s ' ' <"$1" | sed 's/ $//' | grep -qxF -- "$2"
}
has () { # has NAME LINE...: the lines are in out
  name=$1
  shift
  missing=
  for wanted; do line_of out "$wanted" || missing="$missing '$wanted'"; done
  pass_if "missing:$missing" test -z "$missing"
}
bench=$root/benchmarks

mkdir -p data/tiny before after plot
cp relu.json safe.vnnlib unsafe.vnnlib data/tiny
printf '%s\n' relu.json,safe.vnnlib,20 relu.json,unsafe.vnnlib,20 >data/tiny/instances.csv
cat >data/tiny/expected.csv <<'END'
onnx,vnnlib,timeout,expected,best_t,nnenum_t
relu.json,safe.vnnlib,20,unsat,10,
relu.json,unsafe.vnnlib,20,sat,30,30
END
cat >before/results.csv <<'END'
tiny,n,p1,0,unsat,2.0
tiny,n,p2,0,sat,1.0
tiny,n,p3,0,timeout,10.0
tiny,n,p4,0,unsat,1.0
END
cat >after/results.csv <<'END'
tiny,n,p1,0,unsat,1.0
tiny,n,p2,0,sat,0.5
tiny,n,p3,0,unsat,4.0
END
name='benchmarks/compare: a gain'
script "$bench/compare" --timeout 10 before after
judge 0 'gained tiny,n,p3: unsat after timeout' ''
# (2 + 1 + 2 * 10) / 3 and (1 + 0.5 + 4) / 3; twice as fast where both solved
has 'benchmarks/compare: the numbers' 'only in A: 1, only in B: 0 (not counted)' \
  'instances in both 3 3' 'solved 2 3' 'PAR-2, seconds 7.67 1.83' \
  'seconds, both solved 3.0 1.5' 'speed ratio 2.00' 'no verdict lost'
name='benchmarks/compare: names with commas'
printf '%s\n' 'c,"[(""f"", ""a"")]","p, q",0,sat,1' >before/quoted.csv
printf '%s\n' 'c,"[(""f"", ""a"")]","p, q",0,unsat,1' >after/quoted.csv
script "$bench/compare" before/quoted.csv after/quoted.csv
judge 1 'CHANGED c,[(f; a)],p; q: sat became unsat' ''
name='benchmarks/compare: a loss'
script "$bench/compare" --timeout 10 after before
judge 1 'LOST tiny,n,p3: unsat became timeout' ''
name='benchmarks/compare: a missing file'
script "$bench/compare" before nowhere
judge 66 '' '*'

# Half of the width for the first of two instances, a third of the height per decade.
cat >plot/details.csv <<'END'
category,network,property,timeout,result,run_time
tiny,relu.json,safe.vnnlib,20,unsat,1
tiny,relu.json,unsafe.vnnlib,20,sat,0.01
END
name='benchmarks/plot'
script "$bench/plot" --data data --out plots --category tiny plot
judge 0 plots/all.svg ''
cp plots/tiny.svg out
has 'benchmarks/plot: our curve' '301.0,364.0 536.0,156.0"/>'
has 'benchmarks/plot: times above the limit are unsolved' '301.0,52.0"/>'
name='benchmarks/plot: a tool that solved nothing in time is in the legend'
tr -d '\n' <out >text
pass_if 'no nnenum' grep -q '>nnenum</text><text [^>]*>0</text>' text
name='benchmarks/plot: a category that was not run'
script "$bench/plot" --data data --out plots --category other plot
judge 1 plots/all.svg '*'

cat >data/reference-times.csv <<'END'
category,net,spec,tool,verdict,seconds
tiny,relu.json,safe.vnnlib,fast,timeout,60
tiny,relu.json,safe.vnnlib,slow,unsat,500
tiny,relu.json,safe.vnnlib,slower,unsat,600
END
cat >data/reference-bounds.csv <<'END'
category,net,spec,tool,method,bound,seconds
tiny,relu.json,safe.vnnlib,other,clean,5,0
tiny,relu.json,safe.vnnlib,other,loose,-7.5,0.25
END
: >page.md
for section in machine instances plots yardstick bounds startup; do
  printf '%s\n' "by hand: $section" "<!-- begin $section -->" old "<!-- end $section -->"
done >page.md
name='benchmarks/results'
script "$bench/results" --data data --program "$program" --runs 1 --out results --page page.md
judge 0 '*' '*'
tr -s ' ' <page.md >out
name='benchmarks/results: the page'
missing=
while read -r pattern; do
  grep -Eqx -- "$pattern" out || missing="$missing '$pattern'"
done <<'END'
by hand: startup
[|] tiny [|] 2 [|] 2 [|] 2 [|] 1 [|] 1 [|] 0 [|] 0 [|] 0 [|] 0 [|] [0-9.]+ [|] 20.00 [|] [0-9.]+ [|] 40.0 [|].*
solved 2 of 2 known, 0 contradictions; 2 of all 2 solved
[|] tiny [|] relu [|] safe [|] unsat [|] slow [|] 500 [|] [0-9.]+ [|] [0-9.e+]+ [|]
Solved 1 of 1, 0 of them more slowly; the geometric mean of the ratios is [0-9.e+]+[.]
[|] -7.5 [|] other [|] loose [|] 0.25 [|] [|]
END
pass_if "missing:$missing" test -z "$missing"
name='benchmarks/results: nothing old is left'
pass_if 'old text' test "$(grep -cx old page.md)" -eq 0
sed -i '/begin plots/d' page.md
name='benchmarks/results: a page without a place for the plots'
script "$bench/results" --data data --program "$program" --out results --page page.md
judge 66 '' '*'

# The margin of safe.vnnlib is 4 for every method but ibp's; the other tool is a script.
cat >other <<'END'
#!/bin/sh
printf '%s\n' method,case,lower,seconds crown,0,3.9,0.1 fixed,0,4.1,0.5 joint,0,4,2
END
chmod +x other
printf '%s\n' category,net,spec tiny,relu,safe tiny,relu,none >list.csv
printf '%s\n' 'by hand' '<!-- begin tightness -->' old '<!-- end tightness -->' >page.md
name='benchmarks/tightness'
script "$bench/tightness" --data data --program "$program" --python ./other --runs 1 \
  --list list.csv --out tight --page page.md
judge 0 '' '*'
name='benchmarks/tightness: the page'
number='[0-9.e+]+'
pass_if 'another row' grep -Eqx "[|] relu [|] safe [|] 1 [|] 0 [|] 3.9 [|] 4.1 [|] 0.5 [|]\
 4 [|] 2 [|] 4 [|] 4 [|] $number [|] 4 [|] $number [|] $number [|] $number [|] 1, 2.4 % [|] 0 [|]" \
  page.md
name='benchmarks/tightness: nothing old is left'
pass_if 'old text' test "$(grep -cx old page.md)" -eq 0
name='benchmarks/tightness: no Python'
script "$bench/tightness" --data data --program "$program" --python ./none --page page.md
judge 66 '' '*'

micro=$(dirname "$program")/micro
if [ -x "$micro" ]; then # make check builds it
  name='micro'
  script sh -c 'cd "$1" && exec "$2" --once brake' sh "$root" "$micro"
  judge 0 'net,pass,unit,count' ''
  has 'micro: every pass' brake,ibp,boxes,1 brake,crown,boxes,1 brake,bound,rows,128 \
    brake,gradient,rows,128
  name='micro: an unknown network'
  script "$micro" frobnicate
  judge 64 '' '*'
  # callgrind in its place: profiles 1 to 4 with 100, 200, 300 and 400 instructions.
  mkdir fake
  cat >fake/valgrind <<'END'
#!/bin/sh
for word; do case $word in --callgrind-out-file=*) profile=${word#*=} ;; esac; done
printf '%s\n' net,pass,unit,count brake,ibp,boxes,1 brake,crown,boxes,2
for i in 1 2; do echo "totals: ${i}00000000" >"$profile.$i"; done
END
  chmod +x fake/valgrind
  name='benchmarks/count: more instructions than the baseline'
  PATH=$PWD/fake:$PATH MICRO=$micro script "$bench/count" brake
  judge 1 '*' ''
  name='benchmarks/count: it says where'
  pass_if 'nothing is slower' grep -Eq '^brake +crown +[0-9]+ +100000000 .*SLOWER' out
fi

checker=$(dirname "$program")/dualcert-check
if [ -x "$checker" ]; then # make check builds it
  byte () { # byte N...: bytes, from decimal numbers
    for number; do
      # shellcheck disable=SC2059 # the format is the byte
      printf "\\$(printf %o "$number")"
    done
  }
  block () { # block TAG N...: a block of these bytes, in stored zlib data
    printf %s "$1"
    shift
    a=1 b=0
    for number; do a=$((a + number)) b=$((b + a)); done
    byte $# 0 0 0 $(($# + 11)) 0 0 0 120 1 1 $# 0 $((255 - $#)) 255 "$@" \
      $((b / 256)) $((b % 256)) $((a / 256)) $((a % 256))
  }
  certificate () { # certificate NET SPEC: its first lines, about one case
    printf 'dualcert-certificate 1\n{"program": "run-cli", '
    printf '"network": {"sha256": "%s"}, ' "$(sha256sum <"$1" | cut -d ' ' -f 1)"
    printf '"specification": {"sha256": "%s"}, ' "$(sha256sum <"$2" | cut -d ' ' -f 1)"
    printf '"semantics": "real", "queries": 1, "cases": 1}\n'
  }
  body () { # a pass from node 1, then the row of the case alone
    block Q 0 5 1 && block C 1 && block B 0 0 0 && block E && block Z 1
  }
  net=$examples/hand.json
  for size in narrow between wide; do
    { certificate "$net" "$examples/hand-$size.vnnlib" && body; } >$size.cert
  done
  name='check: a proof'
  script "$checker" narrow.cert "$net" "$examples/hand-narrow.vnnlib"
  judge 0 'certificate accepted' ''
  name='check: a proof, with details'
  script "$checker" -v narrow.cert "$net" "$examples/hand-narrow.vnnlib"
  judge 0 '*' ''
  name='check: details'
  pass_if 'a line is missing' grep -Eq '^checked +1 of 1 queries, 1 of 1 cases$' out
  name='check: a proof without rounding'
  script "$checker" -v --exact narrow.cert "$net" "$examples/hand-narrow.vnnlib"
  judge 0 '*' ''
  name='check: which arithmetic'
  pass_if 'a line is missing' grep -q '^arithmetic  *exact$' out
  name='check: no proof without rounding'
  script "$checker" --exact between.cert "$net" "$examples/hand-between.vnnlib"
  judge 1 '*' ''
  for size in between wide; do
    name="check: no proof ($size)"
    script "$checker" $size.cert "$net" "$examples/hand-$size.vnnlib"
    judge 1 '*' ''
    name="check: the reason ($size)"
    pass_if 'the reason is missing' \
      grep -q '^certificate refused: query 0, case 0: bound -.* is not above 0$' out
  done
  name='check: a proof of something else'
  script "$checker" narrow.cert "$net" "$examples/hand-wide.vnnlib"
  judge 1 '*' ''
  name='check: half of a proof'
  dd if=narrow.cert of=half.cert bs=1 count=$(($(wc -c <narrow.cert) - 21)) 2>/dev/null
  script "$checker" half.cert "$net" "$examples/hand-narrow.vnnlib"
  judge 1 'certificate refused: the file ends without block Z' ''
  name='check: not a certificate'
  script "$checker" "$net" "$net" "$examples/hand-narrow.vnnlib"
  judge 65 '' '*'
  name='check: it says so'
  pass_if 'another message' grep -q '^dualcert-check: .*: not a certificate; expected' err
  name='check: no such file'
  script "$checker" missing "$net" "$examples/hand-narrow.vnnlib"
  judge 66 '' '*'
  name='check: it names the file'
  pass_if 'another message' grep -qx 'dualcert-check: missing: No such file or directory' err
  name='check: an argument is missing'
  script "$checker" "$net" "$examples/hand-narrow.vnnlib"
  judge 64 '' '*'
  name='check: --dump'
  script "$checker" --dump "$net" "$examples/hand-narrow.vnnlib"
  judge 0 "network sha256 $(sha256sum <"$net" | cut -d ' ' -f 1)" ''
  name='check: the margin node and the box'
  pass_if 'another text' test "$(grep -c -e '^  W -1$' -e '^  b 3.5$' -e '^  lo -1 -1$' \
    -e '^case 0: elements 0 to 0 of node 4$' out)" -eq 4
fi
