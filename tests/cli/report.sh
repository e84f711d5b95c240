# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2016,SC2034,SC2154 # a part of tests/run-cli
#
# dualcert report: counts, hostile texts, bad files, and that a page needs nothing else.

# ---- results: a suite of the examples, with one hostile name ------------------------

hostile='<b onclick=x>"'\''&.json'
mkdir -p bench/digits bench/other
for file in digits-dense.onnx digits-dense-narrow.vnnlib digits-dense-wide.vnnlib; do
  cp "$examples/$file" bench/digits
done
cp relu.json safe.vnnlib unsafe.vnnlib einsum.onnx bench/other
cp relu.json "bench/other/$hostile"
printf '%s\n' digits-dense.onnx,digits-dense-narrow.vnnlib,20 \
  digits-dense.onnx,digits-dense-wide.vnnlib,20 >bench/digits/instances.csv
{
  printf '%s\n' relu.json,safe.vnnlib,20 relu.json,unsafe.vnnlib,20 \
    einsum.onnx,safe.vnnlib,20
  printf '"%s",safe.vnnlib,20\n' '<b onclick=x>""'\''&.json'
} >bench/other/instances.csv
# One known verdict is wrong on purpose.
printf '%s\n' onnx,vnnlib,timeout,expected,best_t relu.json,safe.vnnlib,20,sat,1 \
  relu.json,unsafe.vnnlib,20,sat,2 >bench/other/expected.csv
run suite --out=done bench
name='report: the suite ran'
pass_if 'no results' test -s done/results.jsonl
expect 'report: a page and Markdown' 0 '' '' report --html=page.html \
  --markdown=page.md --title='A & B' done/results.jsonl

# ---- counts, from the CSV file of the same suite -----------------------------------

# The result is the last field but one; names may hold commas.
awk -F, '{ n[$(NF - 1)]++; all++ }
  END { print all, n["unsat"] + n["sat"], n["unsat"] + 0, n["sat"] + 0,
    n["unknown"] + 0, n["timeout"] + 0,
    n["unsupported"] + n["error_exit_code_69"] + 0, n["error"] + 0 }' \
  done/results.csv >want
name='report: Markdown has the counts of results.csv'
awk -F'|' '$2 ~ /^ all / { print $3 + 0, $4 + 0, $5 + 0, $6 + 0, $7 + 0, $8 + 0,
  $9 + 0, $10 + 0 }' page.md >have
pass_if "$(cat have), not $(cat want)" cmp -s have want
name='report: so has the table of the page'
sed -n '/<tfoot>/,/<\/tfoot>/p' page.html | grep -o '<td>[0-9]*</td>' | head -n 8 |
  tr -dc '0-9\n' | paste -sd' ' >have
pass_if "$(cat have), not $(cat want)" cmp -s have want
name='report: an entry for each run'
pass_if 'other number' test "$(grep -c '<details' page.html)" -eq "$(cut -d' ' -f1 want)"
name='report: one contradiction with the expected verdict'
pass_if 'other number' grep -q '<h2>1 contradiction</h2>' page.html
name='report: ... in Markdown'
pass_if 'other number' test "$(grep -c CONTRADICTION page.md)" = 1
name='report: the digit that is misread is a picture'
pass_if 'no picture' grep -q '<img [^>]*src="data:image/png;base64,' page.html
expect 'report: VNN-COMP results' 0 '' '' report --markdown=csv.md done/results.csv
name='report: results.csv has the same counts'
awk -F'|' '$2 ~ /^ all / { print $3 + 0, $4 + 0, $5 + 0, $6 + 0 }' csv.md >have
pass_if "$(cat have)" test "$(cat have)" = "$(cut -d' ' -f1-4 want)"

# ---- texts that are no markup ------------------------------------------------------

name='report: a hostile file name is text'
pass_if 'markup' sh -c '! grep -q "<b onclick" page.html page.md &&
  grep -q "&lt;b onclick=x&gt;&quot;&#39;&amp;.json" page.html'
evil='<script>alert(1)</script>\"'\''&.onnx'
printf '{"schema_version": 1, "category": "%s", "network": "%s", "property": "%s",
 "result": "error", "message": "%s", "expected": null, "best_time": null,
 "timeout": null, "run_time": null, "cpu": null, "peak_kb": null, "signal": null,
 "verify": null}' "$evil" "$evil" "$evil" "$evil" | tr -d '\n' >evil.jsonl
expect 'report: hostile everywhere' 0 '' '' report --html=evil.html \
  --markdown=evil.md --title='</title><script>' '<script>"&=evil.jsonl'
name='report: one script, ours'
pass_if 'another number' test "$(grep -o '<script' evil.html | wc -l)" = 1
name='report: no tag in Markdown'
pass_if 'a tag' sh -c 'test -s evil.md && ! grep -q "<" evil.md'
name='report: nulls are dashes, not numbers'
pass_if 'nan' sh -c 'test -s evil.html && ! grep -Eqi "[^a-z](nan|inf)[^a-z]" evil.html evil.md'

# ---- nothing from outside ----------------------------------------------------------

name='report: no reference leads outside'
{
  grep -oE '(src|href|action|xlink:href|srcset|data)="[^"]*"' page.html |
    grep -vE '^src="data:image/png;base64,[A-Za-z0-9+/=]*"$|^href="#[a-z0-9-]+"$'
  grep -oEi 'https?://|url\(|@import|<(link|iframe|object|embed|base)[ >]' page.html
} >outside
pass_if "$(head -n 1 outside)" test ! -s outside
name='report: every link has its target'
grep -o 'href="#[^"]*' page.html | sed 's/.*#//' | sort -u >links
grep -o ' id="[^"]*' page.html | sed 's/.*"//' | sort >ids
pass_if "$(comm -23 links ids | head -n 1)" test -z "$(comm -23 links ids)"
name='report: no id twice'
pass_if "$(uniq -d ids | head -n 1)" test -z "$(uniq -d ids)"
if command -v openssl >/dev/null; then
  name="report: the policy lets the page's own script run"
  # Not sed: the script has no newline before its end.
  awk '{ all = all (NR > 1 ? "\n" : "") $0 }
    END { sub(/.*<script>/, "", all); sub(/<\/script>.*/, "", all); printf "%s", all }' \
    page.html >script
  digest=$(openssl dgst -sha256 -binary script | openssl base64)
  pass_if "the digest is $digest" grep -qF "script-src 'sha256-$digest'" page.html
fi

# ---- bad files ---------------------------------------------------------------------

head -c -20 done/results.jsonl >torn.jsonl
expect 'report: a torn last line' 0 '' '*' report --markdown=torn.md torn.jsonl
name='report: ... is left out with a note'
pass_if 'no note' grep -q '^note: torn.jsonl:6: the last line is cut short' err
name='report: ... and the others are there'
pass_if 'other number' grep -Eq '^\| all \| 5 \|' torn.md
sed '2s/"schema_version": *1/"schema_version": 7/' done/results.jsonl >new.jsonl
expect 'report: another schema_version' 65 '' 'new.jsonl:2: schema_version is not 1' \
  report --html=x.html new.jsonl
name='report: nothing is written then'
pass_if 'x.html is there' test ! -e x.html
sed '2s/.*/{broken/' done/results.jsonl >broken.jsonl
expect 'report: a broken line' 65 '' 'broken.jsonl:2: not valid JSON' \
  report --html=x.html broken.jsonl
sed '1s/"run_time": *[0-9.e-]*/"run_time": "soon"/' done/results.jsonl >typed.jsonl
expect 'report: a text as number' 65 '' 'typed.jsonl:1: "run_time": expected a number' \
  report --html=x.html typed.jsonl
expect 'report: a missing file' 66 '' 'missing.jsonl' report --html=x.html missing.jsonl
echo 'a,b,c' >short.csv
expect 'report: too few fields' 65 '' 'short.csv:1: 3 fields' report --html=x.html short.csv
expect 'report: no results' 64 '' 'RESULTS is missing' report --html=x.html
expect 'report: no page' 64 '' 'is missing' report done/results.jsonl
expect 'report: a page that cannot be written' 73 '' 'nowhere' \
  report --html=nowhere/x.html done/results.jsonl
: >none.jsonl
expect 'report: an empty file' 0 '' '*' report --html=none.html none.jsonl
name='report: ... is a page that says so'
pass_if 'no page' grep -q 'There are no results yet' none.html

# ---- other tools -------------------------------------------------------------------

cat >tools.csv <<'END'
tool,category,network,property,result,run_time
wise,other,relu.json,unsafe.vnnlib,unsat,3
wise,other,relu.json,safe.vnnlib,unsat,4
slow,other,relu.json,safe.vnnlib,unsat,50
END
expect 'report: a reference' 0 '' '' report --html=two.html --markdown=two.md \
  --reference=tools.csv done/results.jsonl
name='report: another verdict there is a disagreement, not a contradiction'
pass_if 'other lines' sh -c 'grep -q "<h2>1 disagrees with another set</h2>" two.html &&
  grep -q "<h2>1 contradiction</h2>" two.html && grep -q "^\* disagrees: .*wise" two.md'
name='report: a plot for each tool, one of best times, one of all'
pass_if 'other number' test "$(grep -c '<figcaption>[^<]* and \|<figcaption>Solved' \
  two.html)" = 4

# ---- gate and verify ---------------------------------------------------------------

cat >manifest.json <<'END'
{"version": 1, "name": "release", "networks": "relu.json",
 "limits": {"timeout": 20},
 "checks": [{"name": "stays low", "specifications": "safe.vnnlib"},
            {"name": "goes high", "specifications": "unsafe.vnnlib"},
            {"name": "not ours", "networks": "einsum.onnx",
             "specifications": "safe.vnnlib"}]}
END
run gate --no-cache --json=gate.json manifest.json
name='report: the gate ran'
pass_if "exit status $code" test -s gate.json
expect 'report: of a gate' 0 '' '' report --html=gate.html --markdown=gate.md gate.json
name='report: each check with its state'
pass_if 'other rows' sh -c 'grep -Eq "^\| stays low \| 1 \| 1 \| 1 \| 0 " gate.md &&
  grep -Eq "^\| goes high \| 1 \| 1 \| 0 \| 1 " gate.md &&
  grep -Eq "^\| not ours \| 1 \| 0 \| 0 \| 0 " gate.md'
name='report: and its counterexample'
pass_if 'none' grep -q '<caption>Inputs of the counterexample' gate.html
sed 's/"version": 1,*$/"version": 9,/' gate.json >gate9.json
expect 'report: another version of gate' 65 '' 'version is not 1' \
  report --html=x.html gate9.json
run verify --format=json relu.json unsafe.vnnlib
cp out one.json
expect 'report: of one run' 0 '' '' report --html=one.html --markdown=one.md one.json
name='report: of one run: its verdict'
pass_if 'other row' grep -Eq '^\| no category \| 1 \| 1 \| 0 \| 1 ' one.md

# ---- pictures ------------------------------------------------------------------------

# A ring as the picture, as many pixels bright above as below, and two scores: light above,
# and light below plus a little.  So the first is not the largest, and pixels far apart differ.
picture () { # picture CHANNELS SIDE: writes SHAPE.json and SHAPE-spec.json
  awk -v channels="$1" -v side="$2" 'BEGIN {
    n = side * side
    file = "p" channels "x" side "-net.json"
    printf "{\"input\": [%d, %d, %d], \"layers\": [{\"type\": \"dense\", \"weights\": [", \
      channels, side, side >file
    for (half = 0; half < 2; half++) {
      printf half ? "], [" : "[" >file
      for (i = 0; i < n * channels; i++)
        printf "%s%d", i ? "," : "", (i % n >= n / 2) == half >file
    }
    print "]], \"bias\": [0, 0.5]}]}" >file
    file = "p" channels "x" side "-spec.json"
    printf "{\"epsilon\": 0.06, \"clip\": [0, 1], \"label\": 0, \"center\": [" >file
    for (i = 0; i < n * channels; i++) {
      y = (int(i % n / side) + 0.5) / side - 0.5
      x = (i % side + 0.5) / side - 0.5
      r = sqrt(x * x + y * y)
      printf "%s%.3f", i ? "," : "", (r > 0.2 && r < 0.42) * (1 - 0.3 * int(i / n)) + 0.05 >file
    }
    print "]}" >file
  }'
}
picture 1 8
picture 1 28
picture 3 32
for shape in 1x8 1x28 3x32; do
  run verify -q --format=json p$shape-net.json p$shape-spec.json
  name="report: a picture of $shape is misread"
  pass_if "exit status $code" test "$code" -eq 1
  mv out p$shape.json
done
expect 'report: of counterexamples that are pictures' 0 '' '' report --html=pictures.html \
  p1x8.json p1x28.json p3x32.json
name='report: three pictures for each'
pass_if 'other number' test "$(grep -o '<img ' pictures.html | wc -l)" = 9
name='report: with the sides of the inputs'
grep -o '<img width="[0-9]*" height="[0-9]*"' pictures.html | sort | uniq -c |
  awk '{ print $1, $3, $4 }' >sides
printf '3 width="%s" height="%s"\n' 28 28 32 32 8 8 >want
pass_if 'other sides' cmp -s want sides

# ---- in a browser ------------------------------------------------------------------

if [ "${DUALCERT_BROWSER-}" != no ] && command -v chromium >/dev/null; then
  name='report: in a browser'
  "$root/tests/check-report" two.html pictures.html >out 2>err
  code=$?
  pass_if "$(grep FAILED out | head -n 1)" test "$code" -eq 0
fi
