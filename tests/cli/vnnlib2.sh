# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2016,SC2034,SC2154 # a part of tests/run-cli
#
# VNN-LIB 2 from the command line: several networks, evidence, conversion, the standard's
# own interface.

cp "$examples/brake.onnx" "$examples/brake-weak.onnx" "$examples"/brake-*.vnnlib \
  "$examples/monotonic.vnnlib" .
checker=$(dirname "$program")/dualcert-check

# Two brakes side by side at the same distance and speed: by how much do they differ?
differ () { # differ FILE LITERAL
  cat >"$1" <<END
(vnnlib-version <2.0>)
(declare-network f (declare-input X_f real [1,2]) (declare-output Y_f real [1,1]))
(declare-network g (isomorphic-to f)
  (declare-input X_g real [1,2]) (declare-output Y_g real [1,1]))
(assert (and (>= X_f[0,0] 10.0) (<= X_f[0,0] 20.0)))
(assert (and (>= X_f[0,1] 15.0) (<= X_f[0,1] 25.0)))
(assert (and (== X_g[0,0] X_f[0,0]) (== X_g[0,1] X_f[0,1])))
(assert $2)
END
}
differ much.vnnlib '(>= (- Y_g[0,0] Y_f[0,0]) 2.0)'
differ little.vnnlib '(>= (- Y_g[0,0] Y_f[0,0]) 1.0)'
differ product.vnnlib '(>= (* X_f[0,0] Y_f[0,0]) -54.0)'
both="[('f', 'brake.onnx'), ('g', 'brake-weak.onnx')]"
same="[('f', 'brake.onnx'), ('g', 'brake.onnx')]"

# What is true is known from points: evaluate both on a grid.
name='vnnlib 2: the grid says that the brakes differ by 1 to 2'
for x in 10 12 14 16 18 20; do
  for v in 15 17.5 20 22.5 25; do
    echo "$x $v" >point
    f=$("$program" eval --precision double brake.onnx point)
    g=$("$program" eval --precision double brake-weak.onnx point)
    echo "$x $f $g"
  done
done >grid
awk '{ d = $3 - $2; if (NR == 1 || d > most) most = d; p = $1 * $2; if (NR == 1 || p > top) top = p }
  END { exit !(most > 1.05 && most < 1.9 && top < -54) }' grid
pass_if 'it does not' test $? -eq 0

expect 'vnnlib 2: two networks, unsat' 0 unsat '' verify much.vnnlib --network f=brake.onnx \
  --network g=brake-weak.onnx
expect 'vnnlib 2: a product, unsat' 0 unsat '' verify product.vnnlib --network f=brake.onnx \
  --network g=brake-weak.onnx
expect 'vnnlib 2: two networks, sat' 0 sat '' verify little.vnnlib --network f=brake.onnx \
  --network g=brake-weak.onnx
name='vnnlib 2: the assignment, network by network'
grep -E '^[A-Z]' out | tr '\n' ';' >headers
pass_if "$(cat headers)" test "$(cat headers)" = \
  'X_f real [1,2];Y_f real [1,1];X_g real [1,2];Y_g real [1,1];'
name='vnnlib 2: it is what the networks compute'
sed -n '3,4p' out >point
f=$("$program" eval --precision float32 brake.onnx point)
g=$("$program" eval --precision float32 brake-weak.onnx point)
sed -n '6p;11p' out | tr '\n' ' ' | awk -v f="$f" -v g="$g" '
  function near(a, b) { return a - b < 1e-6 && b - a < 1e-6 }
  { exit !(near($1, f) && near($2, g) && $2 - $1 >= 1) }'
pass_if "$f $g" test $? -eq 0
# The numbers of the text as ONNX tensors: their last field is the raw data.
cp out text
expect 'vnnlib 2: as tensors' 0 sat '' verify little.vnnlib --network f=brake.onnx \
  --network g=brake-weak.onnx --serialise-assignments tensors
name='vnnlib 2: a file for each variable'
pass_if "$(ls tensors)" test "$(cd tensors && echo *)" = 'X_f.pb X_g.pb Y_f.pb Y_g.pb'
for variable in X_f:2:3 Y_f:1:6 X_g:2:8 Y_g:1:11; do # name, numbers, line of the first
  n=${variable#*:}
  n=${n%:*}
  tail -c $((4 * n)) "tensors/${variable%%:*}.pb" | od -A n -t f4 -v | tr -s ' ' '\n' | grep .
  first=${variable##*:}
  sed -n "$first,$((first + n - 1))p" text >&3
done >numbers 3>wanted
name='vnnlib 2: the tensors have these numbers'
paste numbers wanted | awk '{ d = $1 - $2; bad += d > 1e-5 || d < -1e-5 }
  END { exit !(NR == 6 && NF == 2 && !bad) }'
pass_if "$(cat numbers)" test $? -eq 0
expect 'vnnlib 2: as a list' 0 verified '' verify -q "$both" much.vnnlib
expect 'vnnlib 2: one file for a network and its equal' 0 verified '' \
  verify -q brake.onnx monotonic.vnnlib
expect 'vnnlib 2: a network is missing' 64 '' "network g=FILE|network 'g'|g" \
  verify much.vnnlib --network f=brake.onnx
expect 'vnnlib 2: a file too many' 64 '' 'no file is needed' \
  verify monotonic.vnnlib --network f=brake.onnx --network g=brake.onnx

# ---- evidence -------------------------------------------------------------------

if [ -x "$checker" ]; then
  accepts () { # accepts NAME CODE CERTIFICATE NET SPEC
    name=$1
    timeout "$patience" "$checker" "$3" "$4" "$5" >out 2>err
    code=$?
    judge "$2" '*' '*'
  }
  for spec in much product; do
    expect "vnnlib 2: certificate of $spec" 0 verified '*' \
      verify -q "$both" $spec.vnnlib --certificate $spec.cert
    accepts "vnnlib 2: $spec is accepted" 0 $spec.cert "$both" $spec.vnnlib
    accepts "vnnlib 2: $spec of another network is not" 1 $spec.cert "$same" $spec.vnnlib
  done
  accepts 'vnnlib 2: nor one about something else' 1 much.cert "$both" little.vnnlib
  expect 'vnnlib 2: certificate of a network and its equal' 0 verified '*' \
    verify -q brake.onnx monotonic.vnnlib --certificate equal.cert
  accepts 'vnnlib 2: it is accepted' 0 equal.cert brake.onnx monotonic.vnnlib
  accepts 'vnnlib 2: of another network it is not' 1 equal.cert brake-weak.onnx monotonic.vnnlib
fi

# ---- conversion -----------------------------------------------------------------

for spec in brake-narrow brake-wide; do
  "$program" convert $spec.vnnlib brake.onnx --to 2.0 >two.vnnlib 2>err
  "$program" convert two.vnnlib --to 1.0 >one.vnnlib 2>>err
  name="convert: $spec there"
  pass_if 'no version' grep -q '^(vnnlib-version <2.0>)' two.vnnlib
  "$program" info $spec.vnnlib | tail -n +4 | sed 's/ (line [0-9]*)//' >before
  "$program" info one.vnnlib | tail -n +4 | sed 's/ (line [0-9]*)//' >after
  name="convert: $spec there and back"
  pass_if 'another property' cmp -s before after
done
expect 'convert: to 1.0 what it cannot say' 69 '' 'monotonic.vnnlib:7:18: VNN-LIB 1.0 has one network' \
  convert monotonic.vnnlib --to 1.0
expect 'the wide one in 2.0' 1 falsified '' verify -q brake.onnx two.vnnlib

cat >named.vnnlib <<'END'
(vnnlib-version <2.0>)
(declare-network f (declare-input A real [1] "second") (declare-input B real [1] "first")
  (declare-output Y real [1]))
(assert (and (>= A[0] 0.0) (<= A[0] 1.0) (>= B[0] 0.0) (<= B[0] 1.0)))
END
expect 'convert: names of the model that decide the order' 69 '' \
  'named.vnnlib:2:35: the name of the model behind A would be lost' convert named.vnnlib --to 2.0

# ---- in words ---------------------------------------------------------------------

says () { # says NAME LINE...: these lines, in this order, are in the output
  name=$1
  shift
  printf '%s\n' "$@" >wanted
  grep -Fx -f wanted out >found
  pass_if "$(diff wanted found | head -n 3)" cmp -s wanted found
}
expect 'vnnlib 2: info without networks' 0 'file        monotonic.vnnlib' '' \
  info monotonic.vnnlib
says 'vnnlib 2: info says what is declared' 'sizes       4 inputs (3 different), 2 outputs' \
  'network     f' '  input     X_f            real [1,2]' '  output    Y_f            real [1,1]' \
  'network     g, equal to f' '  input     X_g            real [1,2]' \
  '  10 <= X_f[0,0] <= 20, the same as X_g[0,0]' '  15 <= X_f[0,1] <= 25' \
  '  15 <= X_g[0,1] <= 25' \
  '  case 0 (line 13): X_g[0,1] >= X_f[0,1] and Y_f[0,0] - Y_g[0,0] < -0.2'
cp out without
expect 'vnnlib 2: info with a network' 0 '*' '' info brake.onnx monotonic.vnnlib
name='vnnlib 2: info says the same with it'
sed 's/^\(network     f\), from brake.onnx$/\1/' out | cmp -s - without
pass_if 'other words' test $? -eq 0
expect 'vnnlib 2: info with two' 0 '*' '' info "$both" much.vnnlib
says 'vnnlib 2: info says where they are from' 'network     f, from brake.onnx' \
  'network     g, isomorphic to f, from brake-weak.onnx' \
  '  case 0 (line 8): Y_f[0,0] - Y_g[0,0] <= -2'
cp out list
expect 'vnnlib 2: info --network' 0 '*' '' \
  info --network g=brake-weak.onnx --network f=brake.onnx much.vnnlib
name='vnnlib 2: the same as the list'
pass_if 'other words' cmp -s out list
expect 'vnnlib 2: info of a product' 0 '*' '' info product.vnnlib
says 'vnnlib 2: info says the product' 'claim: for every input below, X_f[0,0]*Y_f[0,0] is always less than -54.'
expect 'vnnlib 2: info: a network is missing' 64 '' 'network g=FILE|no file for network g' \
  info --network f=brake.onnx much.vnnlib
expect 'vnnlib 2: info: NET and --network' 64 '' 'only argument is the specification' \
  info --network f=brake.onnx brake.onnx monotonic.vnnlib
expect 'vnnlib 2: info: another shape than the model' 65 '' \
  'wide.vnnlib:2:35: X is declared as \[1,3\], but is \[1,2\] in brake.onnx' \
  info brake.onnx "$(printf '(vnnlib-version <2.0>)\n(declare-network f (declare-input X real [1,3]) (declare-output Y real [1,1]))\n(assert (<= Y[0,0] 1.0))\n' >wide.vnnlib; echo wide.vnnlib)"
expect 'vnnlib 2: info: no words as JSON' 64 '' 'for networks' \
  info --format json monotonic.vnnlib
expect 'vnnlib 2: info of what is read leniently' 0 '*' '' info "$(
  sed 's/(>= X_f\[0,0\] 10.0)/(>= X_f[0,0] 10)/' much.vnnlib >lax.vnnlib
  echo lax.vnnlib)"
name='vnnlib 2: info says so'
pass_if 'no note' grep -q '^note        lax.vnnlib:5:' out
sed 's/Y_f real \[1,1\])/Y_f real [1,1]) (declare-output Y_f real [1])/' much.vnnlib >twice.vnnlib
expect 'vnnlib 2: info: a mistake' 65 '' 'twice.vnnlib:2:.*declared twice' info twice.vnnlib

# ---- the standard's interface, mistakes -----------------------------------------

expect 'supports: versions' 0 1.0 '' supports --vnnlib-versions
expect '--name' 0 dualcert '' --name
printf '(vnnlib-version <2.0>)\n(declare-network f (declare-input X real [2]) (declare-output Y real [1]))\n(assert (Y[0] < X[0]))\n' \
  >infix.vnnlib
expect 'vnnlib 2: an operator between its operands' 65 '' \
  'infix.vnnlib:3:10: .*the operator comes first: \(< Y\[0\] X\[0\]\)' \
  verify brake.onnx infix.vnnlib
sed 's/(>= X_f\[0,0\] 10.0)//' much.vnnlib >open.vnnlib
expect 'vnnlib 2: an input without a bound' 65 '' 'X_f\[0,0\] has no lower bound' \
  verify "$both" open.vnnlib
