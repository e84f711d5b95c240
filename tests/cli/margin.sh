# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2016,SC2034,SC2154 # a part of tests/run-cli
#
# dualcert margin: brackets of networks whose margin is known by hand, evidence of both
# ends that other commands accept, and everything that can be wrong with a question.

for file in brake.onnx brake-between.vnnlib digits-dense.onnx digits-dense-robust.json \
  digits-test.csv digits-conv.onnx digits-conv-between.vnnlib; do
  cp "$examples/$file" .
done
checker=$(dirname "$program")/dualcert-check

# y = (3 x_0 - 4 x_1, 0): class 0 as long as 3 x_0 > 4 x_1.  Around (5, 0) the distance to
# the border 3 x_0 = 4 x_1 is 15 over the dual norm: 15/7, 15/5 = 3 and 15/4 = 3.75.
cat >plane.json <<'END'
{"input": 2, "layers": [{"type": "dense", "weights": [[3, -4], [0, 0]], "bias": [0, 0]}]}
END
question () { # question NORM [MEMBERS]
  printf '{"norm": "%s", "center": [5, 0], "epsilon": 1, "label": 0%s}\n' "$1" "${2-}"
}
# Both ends of the first row of CSV hold EXACT between them, 1 % apart or less.
holds () { # holds EXACT
  awk -F, -v exact="$1" 'NR == 2 {
    good = $4 == "close" && $5 <= exact && exact <= $6 * (1 + 1e-9) && $6 - $5 <= 0.01 * $6 }
    END { exit !good }' out
}
for pair in linf:2.142857142857142857 l2:3 l1:3.75; do
  norm=${pair%:*}
  question "$norm" >plane-"$norm".spec.json
  expect "margin: $norm" 0 '*' '' margin -q --format=csv plane.json plane-"$norm".spec.json
  name="margin: $norm is the distance to the plane"
  pass_if "not ${pair#*:}" holds "${pair#*:}"
done
question l0 ', "clip": [-10, 10]' >plane-l0.spec.json
expect 'margin: l0' 0 '*' '' margin -q --format=csv plane.json plane-l0.spec.json
name='margin: one input is enough to leave the class'
pass_if 'it is not' grep -Eq '^,,,close,0,1,' out
question l0 ', "clip": [[2, -2], [3, 2]]' | sed 's/\[5, 0\]/[3, 0]/' >stays.json
expect 'margin: l0 takes two where the clip is narrow' 0 '*' '' \
  margin -q --format=csv plane.json stays.json
pass_if 'it does not' grep -Eq '^,,,close,1,2,' out
question l2 ', "clip": [4, 6]' | sed 's/\[5, 0\]/[5, 4]/' >wrong.json
expect 'margin: an unsafe centre' 0 '*' '' margin -q plane.json wrong.json
name='margin: it says so'
pass_if 'it does not' grep -Eq '^ +- +0 .* unsafe at the centre$' out
question l2 ', "clip": [[4, -1], [6, 1]]' >inside.json
expect 'margin: safe everywhere' 0 '*' '' margin -q --format=csv plane.json inside.json
name='margin: up to the far corner of the clip'
pass_if 'not so far' awk -F, 'NR == 2 { exit !($4 == "everywhere" && $6 == "" &&
  $5 * $5 >= 2 && $5 * $5 <= 2.0000001) }' out
expect 'margin: no radius above --most' 0 '*' '' \
  margin -q --format=csv --most 2 plane.json plane-l2.spec.json
pass_if 'it went on' grep -Eq '^,,,everywhere,2,,' out
expect 'margin: --precision' 0 '*' '' \
  margin -q --format=csv --precision 1e-4 plane.json plane-l2.spec.json
pass_if 'not so precise' awk -F, 'NR == 2 { exit !($6 - $5 <= 3e-4 && $5 <= 3 && $6 >= 3) }' out
expect 'margin: --norm instead of that of the specification' 0 '*' '' \
  margin -q --format=csv --norm l1 plane.json plane-l2.spec.json
pass_if 'not 3.75' holds 3.75

# ---- boxes: a factor ------------------------------------------------------------

cat >box.vnnlib <<'END'
(declare-const X_0 Real)
(declare-const X_1 Real)
(declare-const Y_0 Real)
(declare-const Y_1 Real)
(assert (>= X_0 4)) (assert (<= X_0 6))
(assert (>= X_1 -0.5)) (assert (<= X_1 0.5))
(assert (<= Y_0 Y_1))
END
expect 'margin: a box is scaled' 0 '*' '' margin -q --format=csv plane.json box.vnnlib
pass_if 'not by 3' holds 3 # 15 = 3 r + 4 r / 2
expect 'margin: the table says what a factor is' 0 '*' '' margin -q plane.json box.vnnlib
pass_if 'it does not' grep -q 'factors: 1 is the box' out
expect 'margin: a ball around the centre of a box' 0 '*' '' \
  margin -q --format=csv --norm l2 plane.json box.vnnlib
pass_if 'not 3' holds 3

# ---- evidence -------------------------------------------------------------------

for norm in linf l2 l1 l0; do
  expect "margin: evidence, $norm" 0 '*' '' margin -q --norm $norm --evidence kept \
    digits-dense.onnx digits-dense-robust.json
  name="margin: the certificate of $norm is accepted"
  "$checker" kept/certified.cert digits-dense.onnx kept/certified.json >out 2>err
  pass_if 'it is not' test $? -eq 0
  name="margin: but not for a larger radius, $norm"
  "$checker" kept/certified.cert digits-dense.onnx kept/counterexample.json >out 2>err
  pass_if 'it is' test $? -eq 1
  expect "margin: the counterexample of $norm is one" 0 '*' '' \
    check-witness kept/counterexample.witness.json digits-dense.onnx kept/counterexample.json
  expect "margin: verify agrees below, $norm" 0 verified '' \
    verify -q digits-dense.onnx kept/certified.json
  expect "margin: verify agrees above, $norm" 1 falsified '' \
    verify -q digits-dense.onnx kept/counterexample.json
done
expect 'margin: --check' 0 '*' '' margin -q --check plane.json plane-l2.spec.json
expect 'margin: every execution in float32' 0 '*' '' \
  margin -q --semantics float32 --evidence float32 digits-dense.onnx digits-dense-robust.json
name='margin: the certificate says float32'
"$checker" float32/certified.cert digits-dense.onnx float32/certified.json >out 2>err
pass_if 'it does not' grep -q float32 out

# An unsafe centre has no certified end, whatever an earlier run left.
expect 'margin: evidence of an unsafe centre' 0 '*' '' margin -q --evidence=stale plane.json plane-l2.spec.json
expect 'margin: in the same folder' 0 '*' '' margin -q --evidence=stale plane.json wrong.json
name='margin: nothing of the run before is left'
pass_if "$(ls stale)" test "$(cd stale && echo *)" = 'counterexample.json counterexample.witness.json'

# ---- samples --------------------------------------------------------------------

expect 'margin: twenty digits' 0 '*' '' margin -q --format=csv --clip 0,1 \
  --plot accuracy.svg --evidence rows digits-dense.onnx --samples digits-test.csv
cp out twenty.csv
name='margin: all of them'
pass_if 'not 20' test "$(grep -c ',close,' twenty.csv)" -eq 20
name='margin: within 1 %'
pass_if 'wider' awk -F, 'NR > 1 && !($5 < $6 && $6 - $5 <= 0.01 * $6) { bad = 1 } END { exit bad }' \
  twenty.csv
name='margin: every certificate is accepted'
count=0
for row in $(seq 0 19); do
  "$checker" rows/row-"$row"-certified.cert digits-dense.onnx rows/row-"$row"-certified.json \
    >out 2>err && count=$((count + 1))
done
pass_if "$count of 20" test $count -eq 20
name='margin: the picture is XML that loads nothing'
pass_if 'it is not' sh -c '! grep -Eq "(href|src|url)" accuracy.svg && tail -n 1 accuracy.svg |
  grep -q "</svg>" && { ! command -v xmllint >/dev/null || xmllint --noout accuracy.svg; }'
expect 'margin: l2 of some' 0 '*' '' margin -q --format=csv --clip 0,1 --norm l2 --rows 0-2 \
  digits-dense.onnx --samples digits-test.csv
pass_if 'not close' test "$(grep -c ',close,' out)" -eq 3
expect 'margin: some rows' 0 '*' '' margin -q --format=csv --clip 0,1 --rows 3-4,19 \
  digits-dense.onnx --samples digits-test.csv
name='margin: those rows'
pass_if 'others' test "$(cut -d, -f1,2,3 out | tail -n +2 | tr '\n' ' ')" = '3,4,6 4,5,3 19,20,6 '
expect 'margin: a specification with samples' 0 '*' '' margin -q --format=csv --rows 0 \
  --samples digits-test.csv digits-dense.onnx digits-dense-robust.json
cp out one.csv
expect 'margin: means its norm and clip' 0 '*' '' margin -q --format=csv --clip 0,1 --rows 0 \
  digits-dense.onnx --samples digits-test.csv
pass_if 'another answer' test "$(cut -d, -f1-3 out)" = "$(cut -d, -f1-3 one.csv)"
expect 'margin: a table' 0 '*' '' margin -q --clip 0,1 --rows 0-1 digits-dense.onnx \
  --samples digits-test.csv
name='margin: with a summary'
pass_if 'no summary' grep -Eq '^2 samples: 2 close, 0 wide; median certified' out
if python3 -c 'import json' 2>/dev/null; then
  expect 'margin: JSON' 0 '*' '' margin -q --format=json --clip 0,1 --rows 0-4 digits-dense.onnx \
    --samples digits-test.csv
  name='margin: JSON has both ends and what they mean for accuracy'
  python3 - <<'END' 2>err
import json
d = json.load(open("out"))
rows, points = d["brackets"], d["accuracy"]
assert len(rows) == 5 and d["unit"] == "radius" and len(rows[0]["x"]) == 64
for p in points:
    r = p["radius"]
    assert abs(p["certified"] - sum(b["certified"] >= r for b in rows) / 5) < 1e-6
    assert abs(p["attacked"] - sum(b["counterexample"] > r for b in rows) / 5) < 1e-6
assert points[0]["radius"] == 0 and points[-1]["attacked"] == 0 and len(points) == 11
END
  pass_if 'it has not' test $? -eq 0
fi

# The network behind an image is made anew for every centre; its digest is the file's.
cat >bright.json <<'END'
{"center": [5, 0], "image": {"directions": [[0, 1]]}, "epsilon": 1, "label": 0}
END
printf '0,5,0\n0,4,1\n' >bright.csv
expect 'margin: images of samples' 0 '*' '' \
  margin -q --format=json --samples bright.csv plane.json bright.json
name='margin: with the digest of the network'
pass_if 'another one' grep -q "\"sha256\": \"$(sha256sum plane.json | cut -d' ' -f1)\"" out
# 3 x_0 = 4 t: at 15/4; 12 = 4 (1 + t): at 2.
expect 'margin: and their ends' 0 '*' '' \
  margin -q --format=csv --samples bright.csv plane.json bright.json
pass_if 'not 3.75 and 2' awk -F, 'NR == 2 { a = $5 <= 3.75 && $6 >= 3.75 }
  NR == 3 { b = $5 <= 2 && $6 >= 2 } END { exit !(a && b) }' out
expect 'margin: l0 of an image' 64 '' '--norm=l0 is not for images' \
  margin --norm l0 plane.json bright.json

# ---- limits ---------------------------------------------------------------------

expect 'margin: out of time' 2 '*' '*' margin -q --timeout 1.5 --radius-timeout 0.7 \
  digits-conv.onnx digits-conv-between.vnnlib
name='margin: both ends so far'
pass_if 'none' grep -Eq '^ +[0-9.]+ +[0-9.-]+ .*(out of time|undecided|not finished)' out
name='margin: a signal'
"$program" margin -q --radius-timeout 60 digits-conv.onnx digits-conv-between.vnnlib >out 2>err &
pid=$!
sleep 2
kill -TERM $pid
wait $pid
code=$?
pass_if "exit status $code, no bracket" sh -c 'test "$1" -eq 2 && test "$(grep -c "" out)" -eq 3' sh $code

# ---- questions that are none ------------------------------------------------------

expect 'margin: without a specification' 64 '' 'SPEC' margin plane.json
expect 'margin: l0 without a clip' 64 '' 'l0 needs the range' \
  margin --norm l0 plane.json plane-l2.spec.json
expect 'margin: a centre outside its clip' 65 '' 'input 0 of the centre is 5, outside' \
  margin --clip 0,1 plane.json plane-l2.spec.json
expect 'margin: a clip that is none' 64 '' '--clip: expected LOW,HIGH' \
  margin --clip 1,0 plane.json plane-l2.spec.json
expect 'margin: a norm that is none' 64 '' '--norm: expected' \
  margin --norm l3 plane.json plane-l2.spec.json
expect 'margin: a precision that is none' 64 '' '--precision: expected' \
  margin --precision 0 plane.json plane-l2.spec.json
expect 'margin: rows without samples' 64 '' '--rows is about --samples' \
  margin --rows 1 plane.json plane-l2.spec.json
expect 'margin: rows that are none' 64 '' '--rows: expected' \
  margin --rows 3-1 --samples digits-test.csv digits-dense.onnx
for list in '' , 3, 3,,4 -1 1-; do
  expect "margin: rows '$list'" 64 '' '--rows: expected' \
    margin --rows "$list" --samples digits-test.csv digits-dense.onnx
done
expect 'margin: rows that are not there' 64 '' 'has 20 rows, no row 20' \
  margin --rows 20 --samples digits-test.csv digits-dense.onnx
expect 'margin: samples of another size' 65 '' 'digits-test.csv:1: has 64 inputs' \
  margin --samples digits-test.csv plane.json
expect 'margin: samples and a box' 64 '' 'needs a specification with' \
  margin --samples digits-test.csv plane.json box.vnnlib
printf '2,5,0\n' >label.csv
expect 'margin: a label that is no output' 65 '' 'label.csv:1: label 2' \
  margin --samples label.csv plane.json
printf '{"lower": [5, 0], "upper": [5, 0], "label": 0}' >point.json
expect 'margin: a point' 65 '' 'nothing to scale' margin plane.json point.json
expect 'margin: a ball around a point' 0 '*' '' margin -q --format=csv --norm l2 plane.json point.json
pass_if 'not 3' holds 3
sed 's/(assert (>= X_0 4)) (assert (<= X_0 6))/(assert (or (and (>= X_0 4) (<= X_0 6)) (and (>= X_0 8) (<= X_0 9))))/' \
  box.vnnlib >two.vnnlib
expect 'margin: two boxes' 69 '' 'needs one box' margin plane.json two.vnnlib
sed 's/(assert (<= Y_0 Y_1))/(assert (<= Y_0 X_1))/' box.vnnlib >mixed.vnnlib
expect 'margin: rows over inputs' 69 '' 'rows over its outputs alone' margin plane.json mixed.vnnlib
expect 'margin: swapped arguments' 64 '' '*' margin box.vnnlib digits-dense.onnx
expect 'margin: a folder that cannot be' 73 '' '*' \
  margin -q --evidence plane.json/x plane.json plane-l2.spec.json
