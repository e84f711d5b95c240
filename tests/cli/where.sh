# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2016,SC2034,SC2154 # a part of tests/run-cli
#
# Rows over inputs in JSON specifications: y = x_0 + x_1 over [0, 1]^2, where the largest
# value under a row can be said by hand.

checker=$(dirname "$program")/dualcert-check
cat >sum.json <<'END'
{"input": 2, "layers": [{"type": "dense", "weights": [[1, 1]], "bias": [0]}]}
END
# where_spec FILE SET WHERE LIMIT: unsafe is y >= LIMIT
where_spec () {
  printf '{%s, "where": %s, "unsafe": [{"rows": [{"coef": [-1], "rhs": -%s}]}]}\n' "$2" "$3" "$4" >"$1"
}
# where_hand NAME SET WHERE MOST: y is at most MOST there, and reaches it
where_hand () {
  where_spec below.json "$2" "$3" "$(echo "$4" | awk '{ print $1 + 0.01 }')"
  where_spec above.json "$2" "$3" "$(echo "$4" | awk '{ print $1 - 0.01 }')"
  rm -f proof
  expect "where: $1 proved" 0 verified '' verify -q --certificate=proof sum.json below.json
  for how in '' --exact; do
    name="where: the certificate of $1 is accepted $how"
    timeout "$patience" "$checker" $how proof sum.json below.json >out 2>err </dev/null
    pass_if 'it is not' test $? -eq 0
  done
  sed 's/"where": \[.*\], "unsafe"/"unsafe"/' below.json >without.json
  name="where: but not without the rows of $1"
  timeout "$patience" "$checker" proof sum.json without.json >out 2>err </dev/null
  pass_if 'it is' test $? -eq 1
  expect "where: $1 refuted" 1 falsified '' verify -q --witness=cex.json sum.json above.json
  expect "where: the counterexample of $1 is one" 0 '*' '' check-witness cex.json sum.json above.json
  expect "where: without the rows of $1 there is one" 1 falsified '' verify -q sum.json without.json
}
box='"lower": [0, 0], "upper": [1, 1]'
where_hand 'one row' "$box" '[{"coef": [1, 1], "rhs": 1.25}]' 1.25
# x_0 <= x_1 / 2 and x_1 <= 0.8
where_hand 'two rows' "$box" '[{"coef": {"1": -0.5, "0": 1}, "rhs": 0}, {"coef": {"1": 1}, "rhs": 0.8}]' 1.2
# |x| <= 1 and x_0 >= 0.8: at (0.8, 0.6)
where_hand 'a ball' '"norm": "l2", "center": [0, 0], "epsilon": 1' '[{"coef": [-1, 0], "rhs": -0.8}]' 1.4
# x = (1, 0) + t_0 (1, 0) + t_1 (0, 1), |t_j| <= 1, t_0 + 2 t_1 <= 0: at t = (1, -0.5)
where_hand 'an image' '"center": [1, 0], "image": {"directions": [[1, 0], [0, 1]]}, "epsilon": 1' \
  '[{"coef": [1, 2], "rhs": 0}]' 1.5

# Around (0.5, 0.5): x_0 = 0.5 + r <= 0.9 and x_1 = x_0 - 0.2 give y = 0.8 + 2 r.
where_spec grow.json '"center": [0.5, 0.5], "epsilon": 0.01' \
  '[{"coef": [-1, 1], "rhs": -0.2}, {"coef": {"0": 1}, "rhs": 0.9}]' 1.5
expect 'where: a margin' 0 '*' '' margin -q --format=csv --evidence=kept sum.json grow.json
name='where: y reaches 1.5 at 0.35'
pass_if 'not 0.35' awk -F, 'NR == 2 { exit !($4 == "close" && $5 <= 0.35 && $6 >= 0.35) }' out
name='where: its certificate is accepted'
timeout "$patience" "$checker" kept/certified.cert sum.json kept/certified.json >out 2>err </dev/null
pass_if 'it is not' test $? -eq 0
where_spec words.json "$box" '[{"coef": [1, 2], "rhs": 1.25}]' 1
expect 'where: in words' 0 '*' '' info sum.json words.json
name='where: inputs are named'
pass_if 'they are not' grep -Fxq '  case 0: Y_0 >= 1 and X_0 + 2 X_1 <= 1.25' out
expect 'where: no row' 65 '' '\$.where: expected an array of at least one row' \
  verify sum.json "$(where_spec bad.json "$box" '[]' 1 && echo bad.json)"
expect 'where: no such input' 65 '' '\$.where\[0\].coef: expected input indices "0" to "1"' \
  verify sum.json "$(where_spec bad.json "$box" '[{"coef": {"2": 1}, "rhs": 0}]' 1 && echo bad.json)"
expect 'where: too many numbers' 65 '' '\$.where\[0\].coef: has 3 numbers, but the network has 2 inputs' \
  verify sum.json "$(where_spec bad.json "$box" '[{"coef": [1, 2, 3], "rhs": 0}]' 1 && echo bad.json)"
expect 'where: a misspelt key' 65 '' '\$.where\[0\]: unknown key "rsh"' \
  verify sum.json "$(where_spec bad.json "$box" '[{"coef": [1, 2], "rsh": 0}]' 1 && echo bad.json)"
