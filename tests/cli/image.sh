# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2016,SC2034,SC2154 # a part of tests/run-cli
#
# Specifications about images of a box: y = relu (x0 - x1) around (1, 0), where what every
# parameter does can be said by hand; then the digits.

checker=$(dirname "$program")/dualcert-check
image () { # image FILE IMAGE EPSILON RIGHT-HAND-SIDE [MORE]: unsafe is y >= RIGHT-HAND-SIDE
  cat >"$1" <<END
{"center": [1, 0], "image": $2, "epsilon": $3,
 "unsafe": [{"rows": [{"coef": [-1], "rhs": -$4}]}]${5:-}}
END
}

# check CERTIFICATE SPECIFICATION [OPTION]: sets code, out, err
check () {
  timeout "$patience" "$checker" ${3:+"$3"} "$1" "${net:-two.json}" "$2" </dev/null >out 2>err
  code=$?
}
accepts () { # accepts NAME CERTIFICATE SPECIFICATION [OPTION]
  name=$1
  shift
  check "$@"
  judge 0 'certificate accepted' ''
}

# What y can be:           parameter        y
#   brightness             t                1
#   contrast               t in [-e, e]     1 + t
#   bias field, degree 1   |t_j| <= e       1 + t_0 - t_1, u = -1 and 1
#   blur, size 3           t in [0, e]      1 - t
#   frequency 1            |t| <= e         1 + sqrt(2) t
#   directions             |t_j| <= e       1 + t_0 - 0.5 t_1
hand () { # hand NAME IMAGE EPSILON LIMIT: y stays below LIMIT, by less than 0.02
  image "$1.json" "$2" "$3" "$4"
  image "$1-least.json" "$2" "$3" "$(echo "$4" | awk '{ printf "%.17g", $1 - 0.02 }')"
  expect "$1: verified" 0 verified '' verify --certificate="$1.proof" two.json "$1.json"
  accepts "$1: the certificate is accepted" "$1.proof" "$1.json"
  accepts "$1: exactly" "$1.proof" "$1.json" --exact
  expect "$1: falsified" 1 falsified '' \
    verify -q --witness="$1.json.witness" --witness-format=json two.json "$1-least.json"
  expect "$1: the witness is replayed" 0 robust '' \
    check-witness "$1.json.witness" two.json "$1-least.json"
}
hand brightness '{"kind": "brightness"}' 0.5 1.01
hand contrast '{"kind": "contrast"}' 0.25 1.26
hand bias '{"kind": "bias-field", "shape": [1, 1, 2], "degree": 1}' 0.125 1.26
hand frequency '{"kind": "frequency", "shape": [1, 1, 2], "low": 1, "high": 1}' 0.5 1.71711
hand directions '{"directions": [[1, 0], [0, 0.5]]}' '[0.5, 0.25]' 1.635
hand blur '{"kind": "blur", "shape": [1, 1, 2], "size": 3}' 0.5 1.01

# The other side of blur: y >= 0.5 at t = 0.5.
sed 's/"coef": \[-1\], "rhs": -1.01/"coef": [1], "rhs": 0.49/' blur.json >blur-low.json
expect 'blur: y is at least 0.5' 0 verified '' verify two.json blur-low.json
sed 's/0.49/0.51/' blur-low.json >blur-low-least.json
expect 'blur: and no more' 1 falsified '' verify two.json blur-low-least.json

# In the l1 ball, t_0 - t_1 <= e instead of 2 e.
image l1.json '{"kind": "bias-field", "shape": [1, 1, 2], "degree": 1}' 0.125 1.126 \
  ', "norm": "l1"'
expect 'l1: verified' 0 verified '' verify --certificate=l1.proof two.json l1.json
accepts 'l1: the certificate is accepted' l1.proof l1.json
sed 's/1.126/1.124/' l1.json >l1-least.json
expect 'l1: falsified' 1 falsified '' verify --witness=l1.txt two.json l1-least.json
expect 'l1: the witness is replayed' 0 '*' '' check-witness l1.txt two.json l1-least.json

# With x cut to [0, 1], y <= 1 whatever contrast does.
image clip.json '{"kind": "contrast"}' 0.25 1.01 ', "clip": [0, 1]'
expect 'clip: verified' 0 verified '' verify --certificate=clip.proof two.json clip.json
accepts 'clip: the certificate is accepted' clip.proof clip.json
accepts 'clip: exactly' clip.proof clip.json --exact
sed 's/1.01/0.99/' clip.json >clip-least.json
expect 'clip: falsified' 1 falsified '' \
  verify --witness=clip.witness.json two.json clip-least.json
expect 'clip: the witness is replayed' 0 robust '' \
  check-witness clip.witness.json two.json clip-least.json

# ---- evidence -------------------------------------------------------------------

name='the evidence has the input of the model'
sed -n 's/.*"input": \[\(.*\)\],/\1/p' contrast.json.witness >input.csv
run eval --precision double two.json input.csv
pass_if 'the model is not unsafe there' awk '{ exit !($1 >= 1.24) }' out
expect 'a text witness' 1 falsified '' verify --witness=w.txt two.json contrast-least.json
name='the text has it as well'
sed -n 's/^; x_[01] //p' w.txt | paste -s -d, >input.csv
run eval --precision double two.json input.csv
pass_if 'the model is not unsafe there' awk '{ exit !($1 >= 1.24) }' out
expect 'and is replayed' 0 robust '' check-witness w.txt two.json contrast-least.json
run verify --format=json two.json contrast-least.json
name='the JSON result has it'
pass_if 'no input' grep -q '"input": \[' out
echo '{"x": [0.9]}' >outside.json
expect 'a parameter outside is none' 1 'not a witness' '' \
  check-witness outside.json two.json contrast-least.json
echo '{"x": [1, 0]}' >model.json
expect 'the input of the model is none either' 65 '' '2 numbers, but the image has 1 parameters' \
  check-witness model.json two.json contrast-least.json

# ---- certificates of another image ----------------------------------------------

name='a certificate is refused for another image'
image other.json '{"directions": [[1, 0], [0, 0.75]]}' '[0.5, 0.25]' 1.635
check directions.proof other.json
pass_if "exit status $code" test "$code" -eq 1
echo '1 0' >d.csv
image csv.json '{"directions": ["d.csv"]}' 0.25 1.3
expect 'a direction from a file' 0 verified '' verify --certificate=csv.proof two.json csv.json
accepts 'it is accepted' csv.proof csv.json
echo '1 -1' >d.csv
name='and refused once the direction has changed'
check csv.proof csv.json
pass_if "exit status $code" test "$code" -eq 1

# ---- digits ---------------------------------------------------------------------

net=$examples/digits-dense.onnx
bias=$examples/digits-dense-bias.json
expect 'digits: float32' 0 verified '' \
  verify -q --semantics=float32 --certificate=float32.proof "$net" "$bias"
name='digits: the certificate says float32'
check float32.proof "$bias"
judge 0 'certificate accepted (semantics float32)' ''
expect 'digits: info' 0 '*' '' info "$net" "$bias"
for words in 'sizes       6 inputs, 10 outputs' '^parameters: 6 vary' \
  'x = center + sum of X_j d_j, the 64 inputs of the network: a bias field'; do
  name="info says $words"
  pass_if 'not said' grep -q "$words" out
done
sed 's/"epsilon": [0-9.]*/"epsilon": 1, "clip": [0, 1]/' "$bias" >wide.json
expect 'digits: too much of it, clipped' 1 falsified '' \
  verify --witness=wide.witness.json "$net" wide.json
expect 'digits: the witness is replayed' 0 robust '' \
  check-witness wide.witness.json "$net" wide.json
name='digits: its input is clipped, and read as another digit'
sed -n 's/.*"input": \[\(.*\)\],/\1/p' wide.witness.json >input.csv
run eval --precision double "$net" input.csv
label=$(sed -n 's/.*"label": \([0-9]*\).*/\1/p' "$bias")
tr ',' '\n' <input.csv | awk '$1 < 0 || $1 > 1 { bad = 1 } END { exit bad || NR != 64 }' &&
  tr -s ' ,\n' '\n' <out | grep . |
  awk -v label="$label" '{ y[NR - 1] = $1; if (NR == 1 || $1 > y[best]) best = NR - 1 }
    END { exit NR != 10 || best == label }'
pass_if 'it is not' test $? -eq 0
net=two.json

# ---- a gate ---------------------------------------------------------------------

# y = x around (1, 0): contrast t makes the difference 1 + t.
echo '{"input": 2, "layers": [{"type": "dense", "weights": [[1, 0], [0, 1]]}]}' >same.json
echo '0,1,0' >sample.csv
gate () { # gate FILE EPSILON
  cat >"$1" <<END
{"version": 1, "networks": "same.json", "require": ["certificate"], "specifications":
 [{"robustness": {"data": "sample.csv", "epsilon": $2, "image": {"kind": "contrast"}}}]}
END
}
gate gate-good.json 0.9
gate gate-open.json 1.1
expect 'gate: a little contrast' 0 '*' '' gate -q --no-cache gate-good.json
name='gate: with a certificate'
pass_if 'none' grep -q '^verified.*certificate accepted' out
expect 'gate: too much contrast' 1 '*' '' gate -q --no-cache gate-open.json

# ---- margin ---------------------------------------------------------------------

# y = 1 + t reaches 1.5 at t = 0.5; with x cut to [0, 1.25] it never does.
echo '1 0' >d.csv
image reach.json '{"directions": ["d.csv"]}' 0.25 1.5
image never.json '{"directions": ["d.csv"]}' 0.25 1.5 ', "clip": [0, 1.25]'
expect 'margin: of a direction' 0 '*' '' \
  margin -q --format=csv --check --evidence=margin two.json reach.json
name='margin: it is 0.5'
pass_if 'it is not' awk -F, 'NR == 2 { exit !($5 > 0.49 && $5 < 0.5 && $6 >= 0.5 && $6 < 0.51) }' out
rm d.csv
net=two.json
accepts 'margin: the certificate needs no other file' margin/certified.cert margin/certified.json
expect 'margin: nor does the witness' 0 '*' '' \
  check-witness margin/counterexample.witness.json two.json margin/counterexample.json
echo '1 0' >d.csv
expect 'margin: x is cut' 0 '*' '' margin -q --format=csv --most=4 two.json never.json
name='margin: so there is no counterexample'
pass_if 'there is' awk -F, 'NR == 2 { exit !($5 == 4 && $6 == "") }' out

# ---- mistakes -------------------------------------------------------------------

mistake () { # mistake CODE MESSAGE IMAGE [MORE]
  image bad.json "$3" 0.5 1 "${4:-}"
  expect "refused: $3${4:-}" "$1" '' "bad.json: $2" verify two.json bad.json
}
mistake 69 '\$.image.kind: expected one of' '{"kind": "rotation"}'
mistake 65 '\$.image: unknown key "angle"' '{"kind": "contrast", "angle": 3}'
mistake 65 '\$.image: expected \{"kind"' '"contrast"'
mistake 65 '.*2 channels of 1 x 2 are not the 2 inputs' \
  '{"kind": "blur", "shape": [2, 1, 2], "size": 3}'
mistake 65 '\$.image.size: expected an odd number' \
  '{"kind": "blur", "shape": [1, 1, 2], "size": 4}'
mistake 65 '\$.image.directions\[1\]: has 3 numbers' '{"directions": [[1, 0], [1, 0, 0]]}'
mistake 65 '\$.norm: "l0" cannot be combined' '{"kind": "contrast"}' ', "norm": "l0"'
mistake 65 '\$.norm: a blur has one parameter' \
  '{"kind": "blur", "shape": [1, 1, 2], "size": 3}' ', "norm": "l2"'
mistake 65 '\$.clip: the range of input 0 is empty' '{"kind": "contrast"}' ', "clip": [2, 1]'
expect 'convert' 69 '' 'only VNN-LIB is converted' convert --to=2.0 contrast.json
