# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2016,SC2034,SC2154 # a part of tests/run-cli
#
# What people pass by mistake: the message says what it is and what to do.

wrong () { # wrong FILE PATTERN BYTES: as network and as specification
  # shellcheck disable=SC2059 # the format is the file
  printf "$3" >"$1"
  expect "as network: $1" 65 '' "$1: this is $2" verify "$1" safe.vnnlib
  expect "as specification: $1" 65 '' "$1: this is $2" verify relu.json "$1"
}
wrong model.pt 'a PyTorch file.*torch.onnx.export' 'PK\003\004..........archive/data.pkl'
wrong old.pth 'a PyTorch file.*torch.onnx.export' '\200\002}q\001(X\004\000\000\000epoch'
wrong protocol.pkl 'a PyTorch file' '\200\005\225\020\000\000\000'
wrong model.h5 'a Keras or HDF5 file' '\211HDF\r\n\032\n'
wrong model.keras 'a Keras or HDF5 file' 'PK\003\004..........model.weights.h5'
wrong model.tflite 'a TensorFlow Lite file' '\034\000\000\000TFL3'
wrong model.safetensors 'a safetensors file' '\020\000\000\000\000\000\000\000{"w":{}}'
wrong data.npy 'a NumPy array' '\223NUMPY\001\000'
wrong data.npz 'NumPy arrays' 'PK\003\004..........x.npy'
wrong other.zip 'a zip archive; unpack it' 'PK\003\004..........net.onnx'
wrong net.tar.bz2 'a bzip2 file.*bunzip2' 'BZh91AY&SY'
wrong net.xz 'an xz file.*unxz' '\3757zXZ\000'
wrong pointer.bin 'a Git LFS pointer.*git lfs pull' \
  'version https://git-lfs.github.com/spec/v1\noid sha256:0\n'
wrong page.bin 'a web page; download the file' '<!DOCTYPE html>\n<html>'
wrong picture.png 'a PNG image' '\211PNG\r\n\032\n'

echo '(assert (<= Y_0 1))' >bare.vnnlib
mkdir models empty benchmark benchmark/one saved
cp relu.onnx models/b.onnx
cp relu.onnx models/a.onnx.gz
cp safe.vnnlib models/p.vnnlib
echo 'a.onnx,p.vnnlib,10' >benchmark/one/instances.csv
: >saved/saved_model.pb
expect 'a folder of networks' 66 '' 'models is a folder; expected a network, such as models/a.onnx.gz$' \
  verify models safe.vnnlib
expect 'a folder of specifications' 66 '' \
  'models is a folder; expected a specification, such as models/p.vnnlib$' verify relu.onnx models
expect 'an empty folder' 66 '' 'empty is a folder; expected a network in a file$' \
  bound --method=ibp empty safe.vnnlib
expect 'a benchmark' 66 '' "'dualcert suite benchmark' runs" verify benchmark safe.vnnlib
expect 'a category' 66 '' "'dualcert suite benchmark/one' runs" \
  verify relu.onnx benchmark/one
expect 'a SavedModel' 66 '' 'tf2onnx.convert --saved-model saved ' info saved

expect 'swapped arguments: the right order' 64 '' \
  'safe.vnnlib looks like a specification; swapped\? try: dualcert verify relu.onnx safe.vnnlib$' \
  verify safe.vnnlib relu.onnx
cp relu.onnx relu.bin
cp safe.vnnlib safe.txt
expect 'swapped arguments by content' 64 '' \
  'swapped\? try: dualcert bound relu.bin safe.txt$' bound --method=ibp safe.txt relu.bin
expect 'two networks' 64 '' 'relu.bin looks like a network; expected: dualcert verify NET SPEC$' \
  verify relu.onnx relu.bin
expect 'no command' 64 '' "'relu.onnx' is a file, not a command; to verify: dualcert verify" \
  relu.onnx safe.vnnlib

# ---- a property in place of its negation ----------------------------------------

# relu.json computes max (x, 0): at most 1 here, which somebody states as it is.
spec stated.vnnlib "$low" "$high" '(<= Y_0 1.0)'
expect 'the property itself: falsified' 1 falsified '*' verify relu.json stated.vnnlib
name='it says that every point is unsafe'
pass_if 'it does not' grep -q '^note: stated.vnnlib: all 17 points tried are unsafe' err
expect 'the property itself, -q' 1 falsified '' verify -q relu.json stated.vnnlib
expect 'its negation' 0 verified '' verify relu.json safe.vnnlib
expect 'an unsafe set with a safe centre' 1 falsified '' verify relu.json unsafe.vnnlib

# ---- why unknown ----------------------------------------------------------------

expect '--explain-unknown' 2 'unknown (incomplete)' '*' \
  verify --explain-unknown --stages=attack relu.json safe.vnnlib
name='it says where it stopped, what is missing and what to try'
pass_if 'not all of it' test "$(grep -c -e '^stopped    all stages ended, the last one was the search for a counterexample$' \
  -e '^proved     0 of 1 cases$' -e '^hardest    case 0 (safe.vnnlib:6): nothing is proven' \
  -e '^  all stages: leave out --stages$' -e '^try$' err)" = 5
name='the smallest margin it saw is 4, at 1'
pass_if 'another' grep -q 'the smallest seen is 4$' err
expect '--explain-unknown with a limit' 2 'unknown (timeout)' '*' \
  verify --explain-unknown --timeout=0 relu.json safe.vnnlib
name='it names the limit'
pass_if 'it does not' grep -q '^stopped    by --timeout 0, ' err
expect '--explain-unknown and verified' 0 verified '' \
  verify --explain-unknown relu.json safe.vnnlib

# ---- specifications in words ------------------------------------------------------

expect 'info of a specification' 0 'file        unsafe.vnnlib' '' info unsafe.vnnlib
name='info: the claim and the counterexamples'
pass_if 'other words' test "$(grep -cx -e 'claim: for every input below, Y_0 is always less than 0.5.' \
  -e '  -1 <= X_0 <= 1' -e '  case 0 (line 6): Y_0 >= 0.5' out)" = 3
expect 'info of both' 0 'file        unsafe.vnnlib' '' info relu.json unsafe.vnnlib
expect 'info of a bad specification' 65 '' 'X_0 has no upper bound' info no-bound.vnnlib
expect 'info: no declarations' 65 '' 'dualcert info NET bare.vnnlib' info bare.vnnlib
cat >ball.json <<'END'
{"center": [0, 0], "epsilon": 1, "label": 0}
END
expect 'info: it needs the network' 64 '' 'dualcert info NET ball.json$' info ball.json
expect 'swapped arguments: JSON both' 64 '' \
  'ball.json looks like a specification; swapped\? try: dualcert verify relu.json ball.json$' \
  verify ball.json relu.json
expect 'a network in JSON for a specification' 64 '' 'relu.json looks like a network; expected: dualcert verify NET SPEC$' \
  verify relu.json relu.json
