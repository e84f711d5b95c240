# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2016,SC2034,SC2154 # a part of tests/run-cli
#
# dualcert gate: what may be released, and above all what may not.

for file in brake.onnx brake-weak.onnx brake-narrow.vnnlib brake-wide.vnnlib gate.json \
  gate-bad.json digits.csv digits-dense.onnx digits-conv.onnx digits-conv-between.vnnlib; do
  cp "$examples/$file" .
done
checker=$(dirname "$program")/dualcert-check
has () { # has NAME FILE PATTERN
  name=$1
  pass_if "no '$3' in $2" grep -Eq "$3" "$2"
}
lacks () {
  name=$1
  pass_if "'$3' in $2" test "$(grep -Ec "$3" "$2")" -eq 0
}
manifest () { # manifest FILE NETWORKS SPECIFICATIONS [MEMBERS]
  printf '{"version": 1, "networks": %s, "specifications": %s%s}\n' "$2" "$3" "${4:+, $4}" >"$1"
}
one () { # one FILE NET SPEC [MEMBERS]
  manifest "$1" "\"$2\"" "\"$3\"" "${4-}"
}

# ---- good, bad, undecided -------------------------------------------------------

expect 'gate: a good model' 0 '*' '' gate -q --no-cache gate.json --junit good.xml --json good.json \
  --sarif good.sarif
has 'gate: every certificate was checked' out '^gate passed: 4 checked: 4 verified'
name='gate: four of them'
pass_if 'not four' test "$(grep -c 'certificate accepted' out)" -eq 4
lacks 'gate: JUnit of the good' good.xml '<(failure|error|skipped)'
has 'gate: JUnit counts' good.xml 'tests="4" failures="0" errors="0"'
has 'gate: SARIF of the good has no results' good.sarif '"results": \['
lacks 'gate: nor levels' good.sarif '"kind": "(fail|open)"'

expect 'gate: a bad model' 1 '*' '' gate -q --no-cache gate-bad.json --junit bad.xml --sarif bad.sarif \
  --json bad.json --certificates kept
has 'gate: which row' out '^ +violated: case 0 \(brake-narrow.vnnlib:10\), margin -0.14'
has 'gate: it failed' out '^gate failed: 4 checked: 3 verified, 1 falsified'
has 'gate: JUnit has a failure' bad.xml '<failure type="falsified"'
has 'gate: JUnit counts the failure' bad.xml 'tests="4" failures="1" errors="0"'
has 'gate: SARIF has the line' bad.sarif '"startLine": *10'
has 'gate: SARIF has the level' bad.sarif '"kind": "fail", "level": "error"'
has 'gate: SARIF has a fingerprint' bad.sarif 'partialFingerprints'

one empty.json relu.json never.vnnlib
expect 'gate: a specification that says nothing' 0 '*' '' gate -q --no-cache empty.json \
  --junit empty.xml --json empty-out.json
has 'gate: it is said in the table' out 'the unsafe set is empty as written'
has 'gate: and in the JSON file' empty-out.json 'the unsafe set is empty as written'
has 'gate: and in JUnit' empty.xml 'the unsafe set is empty as written'
expect 'gate: a specification that says something' 0 '*' '' gate -q --no-cache gate.json
lacks 'gate: nothing to warn of' out 'empty as written'

mkdir many
(cd many && seq 1001 | sed 's/$/.onnx/' | xargs touch && seq 1000 | sed 's/$/.vnnlib/' | xargs touch)
manifest many.json '"many/*.onnx"' '"many/*.vnnlib"'
expect 'gate: more pairs than anybody waits for' 65 '' '*' gate -q --no-cache many.json
has 'gate: says how many are too many' err 'more than 1000000 pairs'

one slow.json digits-conv.onnx digits-conv-between.vnnlib '"limits": {"timeout": 0.05}'
expect 'gate: undecided' 2 '*' '' gate -q --no-cache slow.json --junit slow.xml --sarif slow.sarif
has 'gate: JUnit has an error' slow.xml '<error type="timeout"'
lacks 'gate: never skipped' slow.xml '<skipped'
has 'gate: SARIF has a warning' slow.sarif '"kind": "fail", "level": "warning"'
expect 'gate: undecided, strict kinds' 2 '*' '' gate -q --no-cache slow.json --sarif slow.sarif \
  --sarif-strict-kinds
has 'gate: SARIF has it open' slow.sarif '"kind": "open", "level": "none"'
expect 'gate: undecided is a warning' 0 '*' '' gate -q --no-cache slow.json --on-unknown=warn \
  --junit slow.xml
has 'gate: JUnit still has an error' slow.xml '<error type="timeout"'
if command -v xmllint >/dev/null; then
  name='gate: JUnit fits its schema'
  xmllint --noout --schema "$root/docs/schema/junit.xsd" good.xml bad.xml slow.xml empty.xml >out 2>err
  pass_if 'it is not' test $? -eq 0
else
  echo 'skipped: JUnit read by xmllint (absent)'
fi
if command -v python3 >/dev/null; then
  name='gate: JSON and SARIF are JSON'
  pass_if 'they are not' python3 -c 'import json, sys
for p in sys.argv[1:]: json.load(open(p, encoding="utf-8"))' good.json bad.json good.sarif \
    bad.sarif slow.sarif
else
  echo 'skipped: JSON read by Python (absent)'
fi

# ---- errors ---------------------------------------------------------------------

one absent.json absent.onnx brake-narrow.vnnlib
expect 'gate: no such network' 66 '*' '*' gate -q --no-cache absent.json
manifest some.json '["brake.onnx", "absent.onnx"]' '"brake-*.vnnlib"'
expect 'gate: the others still run' 66 '*' '*' gate -q --no-cache some.json
has 'gate: they have verdicts' out '^verified .*brake-narrow'
manifest none.json '"absent-*.onnx"' '"brake-narrow.vnnlib"'
expect 'gate: a pattern without files' 65 '' 'absent-\*.onnx' gate -q --no-cache none.json
manifest empty.json '[]' '"brake-narrow.vnnlib"'
expect 'gate: nothing to check' 65 '' 'networks' gate -q --no-cache empty.json
one typo.json brake.onnx brake-narrow.vnnlib '"requires": ["certificate"]'
expect 'gate: a misspelt key' 65 '' "requires.*did you mean.*require" gate -q --no-cache typo.json
one word.json brake.onnx brake-narrow.vnnlib '"require": ["certificates"]'
expect 'gate: a misspelt word' 65 '' 'certificate' gate -q --no-cache word.json
echo '{"version": 1' >cut.json
expect 'gate: half a manifest' 65 '' 'cut.json:' gate -q --no-cache cut.json
expect 'gate: no manifest' 66 '' 'missing.json' gate -q --no-cache missing.json

# ---- programs that lie, crash or hang -------------------------------------------

fake () { # fake FILE TEXT
  printf '#!/bin/sh\n%s\n' "$2" >"$1"
  chmod +x "$1"
}
one brake.json brake.onnx brake-narrow.vnnlib
fake crash 'kill -SEGV $$'
expect 'gate: a solver that crashes' 70 '*' '*' gate -q --no-cache --program ./crash brake.json
fake liar 'echo "{\"verdict\": \"verified\"}"'
expect 'gate: a verdict about something else' 65 '*' '*' gate -q --no-cache --program ./liar brake.json
lacks 'gate: it is not verified' out '^verified'
if [ -x "$checker" ]; then
  # Beside a real solver, a checker that accepts nothing.
  mkdir strict
  cp "$program" strict/dualcert
  fake strict/dualcert-check 'echo "certificate refused: no"; exit 1'
  name='gate: a certificate that is refused'
  timeout "$patience" strict/dualcert gate -q --no-cache --require certificate brake.json \
    >out 2>err </dev/null
  code=$?
  judge 3 '*' '*'
  lacks 'gate: it is not verified either' out '^verified'
fi

# ---- the cache ------------------------------------------------------------------

expect 'gate: fill the cache' 0 '*' '' gate -q --cache cache gate.json
# Under the same digest, or it would be another program: only a recording one would do,
# so the files are counted that verify leaves behind instead.
expect 'gate: from the cache' 0 '*' '' gate -q --cache cache gate.json --json cached.json
name='gate: all four came from there'
pass_if 'not four' test "$(grep -o '"cached": true' cached.json | wc -l)" -eq 4
find cache -type f | sort >entries
name='gate: there are entries'
pass_if 'none' test -s entries
n=0
while read -r entry; do
  n=$((n + 1))
  [ $n -le 6 ] || break
  cp "$entry" entry.kept
  printf '\377' | dd of="$entry" bs=1 seek=20 conv=notrunc 2>/dev/null
  expect "gate: a damaged entry $n" 0 '*' '' gate -q --cache cache gate.json
  cp entry.kept "$entry"
done <entries
sed 's/-5.2/-6.2/' brake-narrow.vnnlib >changed.vnnlib
cp changed.vnnlib brake-narrow.vnnlib
expect 'gate: a changed specification is solved again' 1 '*' '' gate -q --cache cache gate.json
expect 'gate: and found in the cache, replayed' 1 '*' '' gate -q --cache cache gate.json
cp "$examples/brake-narrow.vnnlib" .

rm -rf aging
expect 'gate: a cache to age' 0 '*' '' gate -q --cache=aging brake.json
echo mine >aging/mine.json && echo mine >aging/objects/mine
find aging -type f -exec touch -d '100 days ago' {} +
expect 'gate: old entries are used' 0 '*' '' gate -q --cache=aging brake.json
has 'gate: from the cache' out cached
name='gate: what is used stays'
pass_if 'it is gone' test "$(find aging -type f -mtime -1 | wc -l)" -ge 2
find aging -type f -exec touch -d '100 days ago' {} +
one other.json brake.onnx brake-wide.vnnlib
expect 'gate: another question' 1 '*' '' gate -q --cache=aging other.json
name='gate: what nobody used for 90 days is gone, and nothing else'
pass_if 'not so' test "$(find aging -type f -mtime +90 | sort | tr '\n' ' ')" = 'aging/mine.json aging/objects/mine '

# ---- hostile names --------------------------------------------------------------

odd='a<b>&"c'\''.onnx'
cp brake-weak.onnx "$odd"
printf '{"version": 1, "name": "<x>&\\"\\u0001", "networks": "a<b>&\\"c'\''.onnx", "specifications": "brake-narrow.vnnlib"}' \
  >odd.json
expect 'gate: a hostile name' 1 '*' '' gate -q --no-cache odd.json --junit odd.xml --sarif odd.sarif \
  --json odd-result.json
lacks 'gate: it is escaped in XML' odd.xml 'a<b>'
if command -v xmllint >/dev/null; then
  name='gate: XML with it'
  xmllint --noout --schema "$root/docs/schema/junit.xsd" odd.xml >out 2>err
  pass_if 'broken' test $? -eq 0
fi
if command -v python3 >/dev/null; then
  name='gate: JSON with it'
  pass_if 'broken' python3 -c 'import json, sys
for p in sys.argv[1:]: json.load(open(p, encoding="utf-8"))' odd-result.json odd.sarif
fi

# ---- stopped --------------------------------------------------------------------

one long.json digits-conv.onnx digits-conv-between.vnnlib
echo old >long.xml
"$program" gate -q --no-cache long.json --junit long.xml >out 2>err </dev/null &
sleep 1
kill "$!"
wait "$!"
code=$?
name='gate: terminated'
judge 143 '*' '*'
name='gate: no report of a part'
pass_if 'there is one' test ! -e long.xml
