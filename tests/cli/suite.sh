# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2013,SC2016,SC2034,SC2094,SC2100,SC2154 # a part of tests/run-cli
#
# dualcert suite: layouts, rows, what can go wrong with a job, interruption, shards.

# ---- a program that can be told to misbehave --------------------------------------

cat >fake <<END
#!/bin/sh
# The last argument decides.
for last; do :; done
case \$last in
*crash*) kill -SEGV \$\$ ;;
*stubborn*) trap '' TERM; while :; do sleep 1; done ;;
*hog*) exec awk 'BEGIN { for (i = 0; ; i++) a[i] = i "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" }' ;;
*mute*) exit 0 ;;
*slow*) sleep 1.5 ;;
esac
exec "$program" "\$@"
END
chmod +x fake

suite () { # suite ARGUMENTS...: into the folder $out
  run suite --out="$out" "$@"
}
fresh () { # fresh NAME: a new folder of results
  out=out-$1
  rm -rf "$out"
}
# Field 5 of the row of a property in results.csv.
result_of () { # result_of PROPERTY
  awk -F, -v p="$1" '$3 == p { print $5 }' "$out/results.csv"
}
gives () { # gives NAME PROPERTY RESULT
  name=$1
  pass_if "result '$(result_of "$2")'" test "$(result_of "$2")" = "$3"
}
# Rows without what differs from run to run, sorted.
plain () { # plain FOLDER
  sed -E -e 's/"trace": ?\[(\[[^]]*\],? ?)*\]//' \
    -e 's/"(run_time|cpu|peak_kb|check_time|seconds)":? ?[-+0-9.e]+//g' \
    "$1"/results*.jsonl | sort
}
same () { # same NAME FOLDER FOLDER
  name=$1
  plain "$2" >rows-1
  plain "$3" >rows-2
  if [ ! -s rows-1 ]; then
    bad "no rows in $2"
  else
    pass_if "$(diff rows-1 rows-2 | head -n 2 | cut -c 1-200)" cmp -s rows-1 rows-2
  fi
}
await () { # await FILE: until there is something in it
  tries=0
  while [ ! -s "$1" ] && [ $tries -lt 400 ]; do
    sleep 0.05
    tries=$((tries + 1))
  done
}

# ---- jobs that take long: in the background until the end -------------------------

mkdir -p slow held
cp relu.json safe.vnnlib slow
cp safe.vnnlib slow/stubborn.vnnlib
cp slow/* held
printf '%s\n' relu.json,safe.vnnlib,20 relu.json,stubborn.vnnlib,0.2 >slow/instances.csv
printf '%s\n' relu.json,safe.vnnlib,20 relu.json,stubborn.vnnlib,60 >held/instances.csv
"$program" suite --program=./fake --out=out-stubborn slow >stubborn.out 2>stubborn.err &
stubborn=$!
"$program" suite --program=./fake --out=out-held --jobs=2 held >held.out 2>held.err &
held=$!

# ---- lists ------------------------------------------------------------------------

mkdir -p bench/tiny bench/two/1.0 bench/two/2.0
cp relu.json safe.vnnlib unsafe.vnnlib bench/tiny
cp two.json bench/two/1.0
cp two.json bench/two/2.0
cat >bench/two/1.0/two.vnnlib <<'END'
(declare-const X_0 Real)
(declare-const X_1 Real)
(declare-const Y_0 Real)
(assert (and (>= X_0 0) (<= X_0 1) (>= X_1 0) (<= X_1 1) (>= Y_0 2)))
END
cp bench/two/1.0/two.vnnlib 'bench/two/2.0/a, "b".vnnlib'
printf '%s\n' two.json,two.vnnlib,20 >bench/two/1.0/instances.csv
printf 'two.json,"a, ""b"".vnnlib",20' >bench/two/2.0/instances.csv # no final newline
# A byte order mark, CRLF, blank lines and blanks around fields.
printf '\357\273\277./relu.json , safe.vnnlib,20\r\n\r\n  \r\nrelu.json,"unsafe.vnnlib" ,20.5\r\n' \
  >bench/tiny/instances.csv
gzip bench/tiny/unsafe.vnnlib # named without .gz
cat >bench/tiny/expected.csv <<'END'
onnx,vnnlib,timeout,expected,best_t
relu.json,safe.vnnlib,20,unsat,10
./relu.json,unsafe.vnnlib,20,sat,30
END
fresh lists
suite bench
name='suite: a folder of categories'
judge 0 '*' '*'
name='suite: categories, versions, quotes, CRLF, blank lines, gzip'
cut -d, -f 1-3 out-lists/results.csv | sort >rows
cat >lines <<'END'
tiny,relu.json,safe.vnnlib
tiny,relu.json,unsafe.vnnlib
two/1.0,two.json,two.vnnlib
two/2.0,two.json,"a
END
pass_if 'other rows' cmp -s rows lines
name='suite: a row of results.csv'
sed 's/,[0-9.]*$//' out-lists/results.csv | grep unsafe >rows
pass_if 'another row' test "$(cat rows)" = tiny,relu.json,unsafe.vnnlib,0,sat
name='suite: a quoted row of results.csv'
pass_if 'another row' grep -q '^two/2.0,two.json,"a, ""b"".vnnlib",0,unsat,[0-9.]*$' \
  out-lists/results.csv
name='suite: known verdicts and times'
pass_if 'other numbers' grep -Eq \
  'tiny +2 +2 +2 +1 +1 +0 +0 +0 +0 +[0-9.]+ +20.00 +[0-9.]+ +40.0 +attack 1, [a-z]+ 1$' out
name='suite: a line per instance on stderr'
pass_if 'other lines' test "$(grep -c '^ *[1-4]/4 ' err)" = 4
suite -q bench
name='suite: nothing runs twice'
judge 0 '*' ''
pass_if 'other rows' test "$(grep -c . out-lists/results.jsonl)" = 4
fresh one
suite -q bench/two/2.0/instances.csv
name='suite: one list'
pass_if 'another category' test "$(cut -d, -f 1 out-one/results.csv)" = two/2.0
fresh folder
suite -q bench/tiny
name='suite: one folder'
pass_if 'another category' test "$(cut -d, -f 1 out-folder/results.csv | sort -u)" = tiny
fresh category
suite -q --category=two bench
name='suite --category: all versions'
pass_if 'other rows' test "$(cut -d, -f 1 out-category/results.csv | sort | tr '\n' ' ')" \
  = 'two/1.0 two/2.0 '
expect 'suite: no such category' 66 '' "no category 'three'" \
  suite --out=out-none --category=three bench
expect 'suite: no such folder' 66 '' 'nowhere' suite --out=out-none nowhere
mkdir -p empty
expect 'suite: no instances' 66 '' 'empty: no instances' suite --out=out-none empty

malformed () { # malformed NAME TEXT MESSAGE
  mkdir -p malformed
  printf '%b' "$2" >malformed/instances.csv
  expect "suite: $1" 65 '' "malformed/instances.csv:$3" suite --out=out-none malformed
}
malformed 'two fields' 'a,b,1\na,b\n' '2: expected network,property,seconds but found 2'
malformed 'four fields' '\r\na,b,1,c\r\n' '2: expected network,property,seconds but found 4'
malformed 'a list without quotes' "[('f', 'a'), ('g', 'b')],p,3\n" '1: .*in double quotes'
malformed 'seconds that are none' 'a,b,1\n\n\na,b,soon\n' '4: expected seconds'
malformed 'no time' 'a,b,0\n' '1: expected seconds above 0'
malformed 'infinite seconds' 'a,b,inf\n' '1: expected seconds'
malformed 'an open quote' 'a,b,1\n"a,b,1\nc,d,1\n' '2: a quote is never closed'
malformed 'text after a quote' '"a"b,c,1\n' '1: expected a comma'
malformed 'an empty field' 'a,b,1\n,b,1\n' '2: the network is missing'
malformed 'a broken list of networks' "\"[('f', 'a')\",b,1\n" '1: .* expected networks as \[\(.*, wrong at character 12$'
name='suite: a broken list makes no folder'
pass_if 'out-none is there' test ! -e out-none

# What verify gets for a list of networks, and for files that are packed or not.
cat >echoes <<'END'
#!/bin/sh
for last; do
  before=$arg
  arg=$last
done
echo "dualcert: <$before> <$arg>" >&2
exit 65
END
chmod +x echoes
mkdir -p pairs/a
: >pairs/packed.vnnlib
cat >pairs/instances.csv <<'END'
"[('f', 'a/f.onnx'), (""g"", './it\'s, g.onnx' ) ,]",p.vnnlib,5
f.onnx,packed.vnnlib.gz,5
/f.onnx,a/../p.vnnlib,5
END
fresh pairs
suite -q --program=./echoes pairs
name='suite: paths of a list of networks'
pass_if 'other paths' grep -Fq \
  "ERROR pairs [('f', 'a/f.onnx'), (\"g\", './it\\'s, g.onnx' ) ,] p.vnnlib: \
<[('f', 'pairs/a/f.onnx'), ('g', 'pairs/it\\'s, g.onnx')]> <pairs/p.vnnlib>" out
name='suite: a file that was unpacked'
pass_if 'another path' grep -Fq '<pairs/f.onnx> <pairs/packed.vnnlib>' out
name='suite: an absolute path'
pass_if 'another path' grep -Fq '</f.onnx> <pairs/a/../p.vnnlib>' out

# ---- options ----------------------------------------------------------------------

for option in timeout=0 timeout=-1 timeout=nan timeout=x jobs=0 jobs=1.5 threads=0 \
  memory=0 sample=-1 shard=0/2 shard=3/2 shard=1 shard=1/2x format=html; do
  expect "suite: refused: --$option" 64 '' "--${option%%=*}: expected" \
    suite "--$option" bench
done
expect 'suite: no path' 64 '' 'PATH is missing' suite
expect 'suite: two paths' 64 '' 'unexpected argument' suite bench bench
expect 'suite: an option of its own after --' 64 '' 'must not follow --' \
  suite --out=out-none bench -- --timeo=5
expect 'suite: an option that verify refuses' 64 '' 'verify refuses' \
  suite -q --out=out-refused bench -- --frobnicate
mkdir two-nets && cp "$examples/brake.onnx" "$examples/brake-narrow.vnnlib" two-nets
cat >two-nets/instances.csv <<'END'
"[('f', 'brake.onnx'), ('g', 'brake.onnx')]",brake-narrow.vnnlib,20
brake.onnx,brake-narrow.vnnlib,20
END
expect 'suite: one network too many' 0 '*' '' suite -q --out=out-two-nets two-nets
name='suite: that is a row, and not the end'
pass_if 'it is not' test "$(grep -Ec ',(error_exit_code_64|unsat),' out-two-nets/results.csv)" -eq 2
expect 'suite: --resume without results' 64 '' 'no results' \
  suite --resume --out=out-refused bench
expect 'suite: --check-certificates alone' 64 '' 'needs --certificates' \
  suite --check-certificates bench
expect 'suite: no such program' 66 '' 'no-program' \
  suite --program=no-program --out=out-none bench
expect 'suite: other settings' 64 '' 'out-lists has results with other settings' \
  suite -q --out=out-lists --timeout=7 bench
expect 'suite: other options' 64 '' 'other settings \(options' \
  suite -q --out=out-lists bench -- --seed=1
expect 'suite: another program' 64 '' 'results of another program' \
  suite -q --out=out-lists --program=./fake bench
expect 'suite: --force' 0 '*' '' suite -q --force --out=out-lists --timeout=7 bench
fresh sample
suite -q --sample=1 bench
name='suite --sample: one of each category'
pass_if 'other rows' test "$(grep -c . out-sample/results.csv)" = 3

# ---- jobs that fail ----------------------------------------------------------------

mkdir -p bad/jobs
cp relu.json einsum.onnx safe.vnnlib bad/jobs
for kind in crash hog mute; do cp safe.vnnlib "bad/jobs/$kind.vnnlib"; done
cat >bad/jobs/instances.csv <<'END'
relu.json,crash.vnnlib,20
missing.onnx,safe.vnnlib,20
relu.json,missing.vnnlib,20
einsum.onnx,safe.vnnlib,20
relu.json,hog.vnnlib,20
relu.json,mute.vnnlib,20
relu.json,safe.vnnlib,20
relu.json,safe.vnnlib,30
END
fresh bad
suite --program=./fake --memory=50 --jobs=2 bad
name='suite: jobs that fail do not end it'
judge 0 '*' '*'
gives 'suite: a crash' crash.vnnlib error
gives 'suite: a memory hog' hog.vnnlib error
gives 'suite: no answer' mute.vnnlib error
gives 'suite: a missing property' missing.vnnlib error_exit_code_66
name='suite: a missing network'
pass_if 'another row' grep -q '^jobs,missing.onnx,safe.vnnlib,0,error_exit_code_66,' \
  out-bad/results.csv
name='suite: an operator that is not supported'
pass_if 'another row' grep -q '"network":"einsum.onnx".*"result":"unsupported"' \
  out-bad/results.jsonl
name='suite: an instance that is listed twice runs once'
pass_if 'more rows' test "$(grep -c '^jobs,relu.json,safe.vnnlib,' out-bad/results.csv)" = 1
name='suite: signal and message of a crash'
pass_if 'something else' grep -q \
  'crash.vnnlib".*"exit_status":null,"signal":11,"message":"crashed: signal 11"' \
  out-bad/results.jsonl
name='suite: failures are listed'
pass_if 'not all' test "$(grep -c '^ERROR jobs' out)" = 5
name='suite: what is not supported is counted'
pass_if 'no such line' grep -q '^unsupported: 1 x .*Einsum' out

# The numbers of the table once more, from results.csv.
name='suite: the table against results.csv'
awk -F, '
  { n++; sub(/[.]/, "", $6); t += $6 }
  $5 == "unsat" { v++ }
  $5 == "sat" { f++ }
  $5 == "unknown" || $5 == "timeout" { u++ }
  $5 == "error_exit_code_69" { s++ }
  $5 ~ /^error/ && $5 != "error_exit_code_69" { e++ }
  END { printf "%d 0 %d %d %d %d %d %d 0 %.1f\n", n, v + f, v, f, u, s, e, t / 1000 }' \
  out-bad/results.csv >lines
awk '$1 == "all" { print $2, $3, $4, $5, $6, $7, $8, $9, $10, $13 }' out >rows
pass_if "$(cat rows) and not $(cat lines)" cmp -s rows lines

# ---- contradictions -----------------------------------------------------------------

cp -r bench/tiny wrong
sed -i 's/20,unsat,/20,sat,/' wrong/expected.csv
fresh wrong
suite -q wrong
name='suite: a contradiction'
judge 1 '*' ''
name='suite: a contradiction is listed'
pass_if 'no such line' grep -q \
  '^CONTRADICTION wrong relu.json safe.vnnlib: unsat, expected sat$' out

# ---- the numbers of a table, by hand -------------------------------------------------

mkdir -p table
while read -r property result seconds stage expected best status; do
  verify=null
  [ "$stage" = - ] || verify="{\"verdict\":\"v\",\"reason\":null,\"stages\":[{\"name\":\"$stage\",
    \"closed\":1,\"found_witness\":true},{\"name\":\"lp\",\"closed\":0,\"found_witness\":false}]}"
  [ "$expected" = null ] || expected="\"$expected\""
  echo "{\"category\":\"tiny\",\"network\":\"n\",\"property\":\"$property\",\"timeout\":20,
    \"expected\":$expected,\"best_time\":$best,\"result\":\"$result\",\"run_time\":$seconds,
    \"exit_status\":$status,\"message\":\"n: node 'x': operator Foo\",\"verify\":$verify}" | tr -d '\n'
  echo
done >table/results.jsonl <<'END'
p1 unsat 0.5 ibp unsat 3 0
p2 unsat 1.5 crown sat 4 0
p3 sat 4.0 attack null null 1
p4 timeout 20.0 - sat 6 2
p5 unsupported 0.1 - null null 69
END
run suite --merge table
name='suite: the numbers of a table'
tr -s ' ' <out >text
missing=
# median of 0.5, 1.5 and 4; of 3 and 4; sums of all five and of 3, 4 and 6
while read -r wanted; do
  grep -qxF -- "$wanted" text || missing="$missing '$wanted'"
done <<'END'
tiny 5 3 3 2 1 1 1 0 1 1.50 3.50 26.1 13.0 attack 1, ibp 1, crown 1
solved 2 of 3 known, 1 contradictions; 3 of all 5 solved
CONTRADICTION tiny n p2: unsat, expected sat
unsupported: 1 x operator Foo
END
pass_if "missing:$missing" test "$code$missing" = 1
name='suite --merge: a table alone writes nothing'
pass_if 'new files' test "$(find table -type f)" = table/results.jsonl
run suite --merge --format=markdown table
name='suite --format=markdown'
pass_if 'other lines' grep -Fqx \
  '| all | 5 | 3 | 3 | 2 | 1 | 1 | 1 | 0 | 1 | 1.50 | 3.50 | 26.1 | 13.0 | attack 1, ibp 1, crown 1 |' out

# ---- certificates ---------------------------------------------------------------------

fresh certified
suite -q --certificates=certs --check-certificates bench
name='suite --check-certificates'
judge 0 '*' ''
name='suite: certificates are accepted'
pass_if 'not all' grep -q '^3 certificates of 3 verified, 3 accepted' out
name='suite: each verified instance has one'
pass_if 'not so many' test "$(find certs -name '*.cert' | grep -c .)" = 3
mkdir -p liar
cp "$program" liar/dualcert
printf '#!/bin/sh\nexit 1\n' >liar/dualcert-check
chmod +x liar/dualcert-check
fresh refused
suite -q --program=liar/dualcert --certificates=certs --check-certificates bench/tiny
name='suite: a refused certificate'
judge 1 '*' ''
pass_if 'no such line' grep -q \
  '^REFUSED tiny relu.json safe.vnnlib: dualcert-check: exit status 1$' out

# ---- killed at any moment ---------------------------------------------------------------

mkdir -p many
cp relu.json many
n=1
while [ $n -le 40 ]; do
  spec "many/$n.vnnlib" "$low" "$high" "(>= Y_0 $(awk -v n=$n 'BEGIN { print n / 20 }'))"
  echo "relu.json,$n.vnnlib,20"
  n=$((n + 1))
done >many/instances.csv
fresh calm
suite -q --threads=1 many -- --max-nodes=100
name='suite: forty instances'
judge 0 '*' ''
name='suite: half of them are falsified' # y reaches 1
pass_if 'not half' test "$(grep -c ',sat,' out-calm/results.csv)" = 20
fresh killed
rows_of () { # rows_of FILE: lines, 0 when there is none
  [ ! -e "$1" ] || wc -l <"$1"
}
for delay in $(awk -v seed="$$" 'BEGIN {
  srand(seed); for (i = 0; i < 5; i++) printf "%.3f ", 0.012 * rand() }'); do
  before=$(rows_of out-killed/results.jsonl)
  "$program" suite -q --out=out-killed --threads=1 many -- --max-nodes=100 >out 2>err &
  killed=$!
  while [ "$(rows_of out-killed/results.jsonl)" = "$before" ]; do :; done
  sleep "$delay"
  kill -KILL $killed
  wait $killed 2>/dev/null
done
name='suite: none of five kills was too late'
pass_if 'all rows are there' test "$(rows_of out-killed/results.jsonl)" -lt 40
suite -q --threads=1 --jobs=2 many -- --max-nodes=100
same 'suite: killed five times, and continued' out-calm out-killed
name='suite: both files have the same rows'
cut -d, -f 1-3 out-killed/results.csv | sort >rows
awk -F'"' '{ print $6 "," $10 "," $14 }' out-killed/results.jsonl | sort >lines
pass_if 'other rows' cmp -s rows lines
# What a crash in the middle of a row leaves behind, for each file.
row=$(tail -n 1 out-killed/results.jsonl)
sed -i '$d' out-killed/results.jsonl
printf '%.200s' "$row" >>out-killed/results.jsonl
suite -q --threads=1 many -- --max-nodes=100
same 'suite: a row that was cut off is run again' out-calm out-killed
printf 'many,relu.json,4' >>out-killed/results.csv
suite -q --threads=1 many -- --max-nodes=100
name='suite: results.csv follows results.jsonl'
cut -d, -f 1-3 out-killed/results.csv | sort >lines
pass_if 'other rows' cmp -s rows lines
sed -i '3s/"category"/"kategorie"/' out-killed/results.jsonl
suite -q --threads=1 many -- --max-nodes=100
name='suite: a row that is wrong'
judge 65 '' 'out-killed/results.jsonl:3: not a result'

# ---- interrupted -------------------------------------------------------------------------

mkdir -p late
cp relu.json safe.vnnlib late
for n in 1 2 3 4; do cp safe.vnnlib "late/slow$n.vnnlib"; done
printf 'relu.json,%s.vnnlib,20\n' safe slow1 slow2 slow3 slow4 >late/instances.csv
for signal in INT:130 TERM:143; do
  fresh "stopped-${signal%:*}"
  # A shell ignores SIGINT in what it starts in the background; env gives it back.
  env --default-signal=INT "$program" suite --program=./fake --out="$out" late >out 2>err &
  late=$!
  await "$out/results.csv"
  kill "-${signal%:*}" $late
  wait $late
  code=$?
  name="suite: SIG${signal%:*}"
  grep '^dualcert' err >lines
  mv lines err
  judge "${signal#*:}" '' 'interrupted, 1 of 5 done; the same command continues'
  name="suite: SIG${signal%:*} keeps finished rows and no others"
  pass_if 'other rows' test "$(cut -d, -f 3 "$out/results.csv")" = safe.vnnlib
done
fresh locked
"$program" suite -q --program=./fake --out=out-locked late >late.out 2>late.err &
late=$!
await out-locked/results.csv
expect 'suite: a folder that is in use' 71 '' 'another dualcert suite' \
  suite -q --program=./fake --out=out-locked late
run suite --merge out-locked
name='suite --merge: the table while it is written'
judge 0 '*' ''
kill $late
wait $late

# ---- shards ------------------------------------------------------------------------------

fresh shards
for k in 1 2 3; do
  suite -q --shard=$k/3 --threads=1 many -- --max-nodes=100
done
name='suite: a shard has its own files'
pass_if 'no such file' test -s out-shards/results.2-of-3.csv
same 'suite: all shards are the whole' out-calm out-shards
run suite --merge out-shards
name='suite --merge'
judge 0 '*' ''
mkdir -p merged
cp out-shards/results.jsonl merged
same 'suite: merged shards are the whole' out-calm merged
cp out lines
run suite --merge out-calm
name='suite: the same table in another order'
sed -E 's/ +[0-9]+\.[0-9]+//g' lines >rows
sed -E 's/ +[0-9]+\.[0-9]+//g' out >lines
pass_if 'another table' cmp -s rows lines
run suite --merge --out=out-both out-calm out-folder
name='suite --merge: other settings'
judge 64 '' 'other settings'
sed 's/"result":"unsat"/"result":"sat"/' out-calm/results.jsonl >contrary.jsonl
run suite --merge --out=out-contrary out-calm contrary.jsonl
name='suite --merge: two verdicts'
judge 1 '*' ''
pass_if 'no such line' grep -q '^CONTRADICTION many relu.json 40.vnnlib: unsat and sat' out
expect 'suite --merge: no results' 66 '' 'no results.jsonl there' suite --merge empty

# What the script of the array job asks Slurm for stands in variables.
name='suite: the script for Slurm'
for k in 1 2 3; do
  SLURM_ARRAY_TASK_ID=$k SLURM_ARRAY_TASK_COUNT=3 SLURM_CPUS_PER_TASK=1 DUALCERT=$program \
    DATA=many OUT=out-slurm "$root/benchmarks/slurm/suite.sbatch" -q -- --max-nodes=100 \
    >out 2>err
  code=$?
  [ $code -eq 0 ] || break
done
judge 0 '*' ''
same 'suite: the tasks of Slurm are the whole' out-calm out-slurm
name='suite: a task of Slurm that is submitted again'
SLURM_ARRAY_TASK_ID=2 SLURM_ARRAY_TASK_COUNT=1 SHARDS=3 SLURM_CPUS_PER_TASK=1 \
  DUALCERT=$program DATA=many OUT=out-slurm "$root/benchmarks/slurm/suite.sbatch" \
  -- --max-nodes=100 >out 2>err
code=$?
judge 0 '*' '*'
pass_if 'not continued' grep -q 'out-slurm has 13 of 13 results' err

# ---- MPI ---------------------------------------------------------------------------------

mpi=$(dirname "$program")/dualcert-mpi
if [ -x "$mpi" ] && command -v mpirun >/dev/null; then
  OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  export OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM
  ranks () { # ranks N ARGUMENTS...
    n=$1
    shift
    timeout "$patience" mpirun --oversubscribe -n "$n" "$mpi" suite "$@" </dev/null \
      >out 2>err
    code=$?
  }
  name='suite: mpirun -n 3'
  ranks 3 -q --out=out-mpi --threads=1 --program="$program" many -- --max-nodes=100
  judge 0 '*' ''
  same 'suite: three ranks are the whole' out-calm out-mpi
  sed -i '5,$d' out-mpi/results.jsonl
  ranks 2 --out=out-mpi --threads=1 --program="$program" many -- --max-nodes=100
  name='suite: mpirun continues with another number of ranks'
  pass_if 'it does not' grep -q '^suite: out-mpi has 4 of 40 results: continuing' err
  same 'suite: and is the whole again' out-calm out-mpi
  ranks 3 --out=out-none nowhere
  name='suite: mpirun: one line for all ranks'
  grep '^dualcert' err >lines
  mv lines err
  judge 66 '' 'nowhere'
else
  echo "skipped: suite with MPI: no mpirun, or no $mpi (make mpi)"
fi

# ---- the database -------------------------------------------------------------------------

if command -v sqlite3 >/dev/null; then
  fresh db
  suite -q --db=suite.db bench
  suite -q --db=suite.db bench # replaces the rows of the same run
  name='suite --db: its rows are those of results.jsonl'
  sqlite3 suite.db "SELECT category || ',' || network || ',' || result || ',' || run_time
    FROM instances ORDER BY 1" >rows
  awk '{
    split("category network result run_time", key, " ")
    for (i = 1; i <= 4; i++) {
      match($0, "\"" key[i] "\":[^,]*")
      value = substr($0, RSTART + length(key[i]) + 3, RLENGTH - length(key[i]) - 3)
      gsub(/"/, "", value)
      printf "%s%s", value, i < 4 ? "," : "\n"
    }
  }' out-db/results.jsonl | sort >lines
  pass_if "$(diff rows lines | head -n 3)" cmp -s rows lines
  name='suite --db: cases and stages'
  for array in cases stages; do
    sqlite3 suite.db "SELECT count(*) FROM $array"
  done >rows
  {
    grep -o '"lower": ' out-db/results.jsonl | grep -c .
    grep -o '"found_witness": ' out-db/results.jsonl | grep -c .
  } >lines
  pass_if 'other numbers' cmp -s rows lines
  fresh db-2
  suite -q --timeout=9 --db=suite.db bench
  name='suite --db: two runs'
  pass_if 'not two' test "$(sqlite3 suite.db 'SELECT count(*) FROM runs')" = 2
  name='suite --db: the queries of docs/suite.md'
  awk '/^```sql/ { inside = 1; next } /^```/ { inside = 0 } inside' "$root/docs/suite.md" \
    >queries
  sqlite3 -bail suite.db <queries >out 2>err
  pass_if 'they fail' test "$?,$(grep -c ';$' queries)" = 0,3
else
  echo 'skipped: suite --db: no sqlite3'
fi
mkdir -p not-a-db
fresh db-3
suite -q --db=not-a-db bench
name='suite --db: no such place'
judge 73 '*' 'not-a-db'

# ---- what took long -------------------------------------------------------------------------

kill -TERM $held
wait $held
code=$?
mv held.out out
grep '^dualcert' held.err >err
name='suite: a signal while a job ignores it'
judge 143 '' 'interrupted, 1 of 2 done'
wait $stubborn
code=$?
mv stubborn.out out
mv stubborn.err err
out=out-stubborn
name='suite: a job that ignores SIGTERM is killed'
judge 0 '*' '*'
gives 'suite: its result' stubborn.vnnlib timeout
