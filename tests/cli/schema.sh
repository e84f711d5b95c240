# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2016,SC2034,SC2154 # a part of tests/run-cli
#
# What the program writes and reads fits docs/schema/; JUnit and SARIF are well formed.

if python3 -c 'import jsonschema' 2>/dev/null; then
  for file in brake.onnx brake-weak.onnx brake-narrow.vnnlib brake-wide.vnnlib gate.json \
    gate-bad.json digits.csv digits-dense.onnx digits-conv.onnx digits-conv-between.vnnlib; do
    cp "$examples/$file" .
  done
  cat >fits.py <<'END'
import copy, json, sys, jsonschema
schema, *paths = sys.argv[1:]
schema = json.load(open(schema))
jsonschema.Draft7Validator.check_schema(schema)
check = jsonschema.Draft7Validator(schema)

def described(part, place):
    for key, member in part.get("properties", {}).items():
        if not member.get("description"): sys.exit(f"{place}/{key}: no description")
        described(member, f"{place}/{key}")
    for key in ("oneOf", "anyOf"):
        for branch in part.get(key, []): described(branch, place)
    if isinstance(part.get("items"), dict): described(part["items"], place + "[]")

def chosen(part, value): # of alternatives the one that fits
    for branch in part.get("oneOf", part.get("anyOf", [])):
        if jsonschema.Draft7Validator(branch).is_valid(value): return chosen(branch, value)
    return part

def nested(part, value, document, place): # nothing is unknown, nothing may be missing
    part = chosen(part, value)
    if isinstance(value, list) and isinstance(part.get("items"), dict):
        for i, item in enumerate(value): nested(part["items"], item, document, f"{place}/{i}")
    if not isinstance(value, dict) or "properties" not in part: return
    for key in list(value):
        if key in part["properties"]:
            nested(part["properties"][key], value[key], document, f"{place}/{key}")
        elif part.get("additionalProperties") is not True:
            sys.exit(f"{place}: the schema has no {key}")
    if "/1" in place: return # one element of a list is enough for what is slow
    for key in part.get("required", []):
        kept = value.pop(key)
        if check.is_valid(document): sys.exit(f"{place}: fits without {key}")
        value[key] = kept

described(schema, "")
for path in paths:
    document = json.load(open(path))
    for error in check.iter_errors(document):
        sys.exit(f"{path}: {list(error.path)}: {error.message}"[:300])
    for key in schema["required"]:
        less, other = copy.deepcopy(document), copy.deepcopy(document)
        del less[key]
        other[key] = {"wrong": 1} if not isinstance(document[key], dict) else 1
        if check.is_valid(less): sys.exit(f"{path}: fits without {key}")
        if schema["properties"][key].keys() != {"description"} and check.is_valid(other):
            sys.exit(f"{path}: fits with a wrong {key}")
    nested(schema, document, document, "")
END
  fits () { # fits NAME FILE...
    schema=$1
    shift
    name="schema: $schema fits $*"
    python3 fits.py "$root/docs/schema/$schema.schema.json" "$@" >out 2>err
    pass_if 'it does not' test $? -eq 0
  }
  answer () { # answer FILE ARGUMENTS...
    file=$1
    shift
    run verify -q --format json "$@"
    cp out "$file"
  }
  answer verified.json brake.onnx brake-narrow.vnnlib
  answer falsified.json brake.onnx brake-wide.vnnlib --witness witness.json
  answer unknown.json --timeout 0.05 digits-conv.onnx digits-conv-between.vnnlib
  answer early.json --timeout 1e-9 brake.onnx brake-narrow.vnnlib
  echo '{"center": [1, 0], "image": {"kind": "contrast"}, "epsilon": 1,
    "unsafe": [{"rows": [{"coef": [-1], "rhs": -1.5}]}]}' >image-spec.json
  answer image.json two.json image-spec.json --witness image-witness.json
  answer vacuous.json relu.json never.vnnlib
  # Two copies of one network; float32 sums that overflow in one order and not in another.
  cp "$examples/monotonic.vnnlib" .
  answer copies.json --network f=brake.onnx monotonic.vnnlib
  cat >huge.json <<'END'
{"input": 3, "layers": [{"type": "dense", "weights": [[2.5e38, -2.5e38, 2.5e38]]}]}
END
  cat >ones.json <<'END'
{"lower": [1, 1, 1], "upper": [1, 1, 1], "unsafe": [{"rows": [{"coef": [-1], "rhs": -1}]}]}
END
  answer borderline.json huge.json ones.json --witness borderline-witness.json
  name='schema: a counterexample is borderline'
  pass_if 'it is not' grep -q '"kind": "borderline"' borderline.json
  answer checked.json --check --certificate proof --timeout 20 --memory 1000 brake.onnx \
    brake-narrow.vnnlib
  fits verify verified.json falsified.json unknown.json early.json vacuous.json copies.json \
    borderline.json checked.json image.json
  fits witness witness.json borderline-witness.json image-witness.json
  run margin -q --format json brake.onnx brake-narrow.vnnlib
  cp out margin.json
  run margin -q --format json --clip 0,1 --samples digits.csv --rows 0-2 digits-dense.onnx
  cp out margins.json
  run margin -q --format json --timeout 0.000001 brake.onnx brake-narrow.vnnlib
  cp out early-margin.json
  fits margin margin.json margins.json early-margin.json
  fits manifest gate.json gate-bad.json
  sed 's/"epsilon"/"epsilom"/' gate.json >typo.json
  name='schema: a misspelt member of a manifest does not fit'
  pass_if 'it fits' sh -c '! python3 fits.py "$1" typo.json >out 2>err && grep -q epsilom err' sh \
    "$root/docs/schema/manifest.schema.json"
  expect 'schema: nor does the program take it' 65 '' epsilom gate -q --no-cache typo.json
  run gate -q --no-cache gate.json --json good.json
  run gate -q --no-cache gate-bad.json --json bad.json --junit bad.xml --sarif bad.sarif
  sed 's/brake-weak.onnx/absent.onnx/' gate-bad.json >absent.json
  run gate -q --no-cache absent.json --json error.json --junit error.xml --sarif error.sarif
  # Twice with a cache; then with a checker that refuses everything.
  run gate -q --cache=kept gate.json
  run gate -q --cache=kept gate.json --json cached.json
  name='schema: all of a gate is cached'
  pass_if 'it is not' sh -c '! grep -q "\"cached\": false" cached.json'
  mkdir strict && cp "$program" strict/dualcert
  printf '#!/bin/sh\nexit 1\n' >strict/dualcert-check && chmod +x strict/dualcert-check
  timeout "$patience" strict/dualcert gate -q --no-cache gate.json --json rejected.json \
    >out 2>err </dev/null
  name='schema: evidence is rejected'
  pass_if 'it is not' grep -q '"state": "rejected"' rejected.json
  fits gate good.json bad.json error.json cached.json rejected.json
  mkdir bench && cp brake.onnx brake-narrow.vnnlib brake-wide.vnnlib bench
  printf 'brake.onnx,brake-%s.vnnlib,20\n' narrow wide absent >bench/instances.csv
  run suite -q --certificates=proofs --check-certificates --out=done bench
  cat >lines.py <<'END'
import json, sys
for i, line in enumerate(open("done/results.jsonl")):
    row = json.loads(line)
    json.dump(row, open(f"row-{i}.json", "w"))
    json.dump(row["verify"], open(f"answer-{i}.json", "w"))
END
  python3 lines.py
  fits suite row-0.json row-1.json row-2.json
  fits verify answer-0.json answer-1.json
  run gate -q --no-cache gate.json --sarif good.sarif --sarif-pass
  printf '{"version": 1, "limits": {"timeout": 0.2}, "networks": "digits-conv.onnx", "specifications": "digits-conv-between.vnnlib"}' \
    >slow.json
  run gate -q --no-cache slow.json --sarif slow.sarif
  run gate -q --no-cache slow.json --sarif open.sarif --sarif-strict-kinds
  fits sarif good.sarif bad.sarif error.sarif slow.sarif open.sarif
  cat >reports.py <<'END'
import json, sys
from xml.etree import ElementTree
for stem in sys.argv[1:]:
    for suite in ElementTree.parse(stem + ".xml").iter("testsuite"):
        for key, tag in (("tests", "testcase"), ("failures", "failure"),
                         ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.get(key)) == len(list(suite.iter(tag))), (stem, key)
END
  name='schema: JUnit counts its elements'
  python3 reports.py bad error >out 2>err
  pass_if 'it does not' test $? -eq 0
else
  echo 'skipped: documents against docs/schema (no jsonschema for Python)'
fi
