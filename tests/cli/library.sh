# SPDX-License-Identifier: GPL-3.0-or-later
# The library as its users get it: exported names, header, `make install`, examples in C,
# completion.  Sourced by tests/run-cli.
# shellcheck shell=sh disable=SC2154,SC2034,SC2016 # variables of run-cli; awk

cc=${CC:-cc}
folder=$(dirname "$program")
header=$root/solver/api/dualcert.h
: >out
: >err

# ---- names and header ------------------------------------------------------------

grep '^DUALCERT_API' "$header" | grep -o 'dualcert_[a-z0-9_]*(' | tr -d '(' | sort -u >declared
grep -o '^ *dualcert_[a-z0-9_]*;' "$root/solver/api/dualcert.map" | tr -d ' ;' |
  sort -u >mapped
name='library: the header declares what the version script exports'
pass_if 'see diff declared mapped' cmp -s declared mapped
if [ -e "$folder/libdualcert.so" ] && command -v nm >/dev/null; then
  nm -D --defined-only "$folder/libdualcert.so" | sed -n 's/.* [A-Z] //p' |
    grep -v '^DUALCERT_0$' | sed 's/@@DUALCERT_0$//' | sort -u >exported
  name='library: the shared one exports exactly that'
  pass_if "$(diff declared exported | tr '\n' ' ')" cmp -s declared exported
  nm -g --defined-only "$folder/libdualcert.a" | sed -n 's/.* [A-Z] //p' | sort -u >archived
  name='library: the static one has no other global names'
  pass_if "$(diff declared archived | tr '\n' ' ')" cmp -s declared archived
else
  echo 'skipped: exported names (no libdualcert.so beside the program, or no nm)'
fi

# The binding declares every function, with as many arguments.
name='library: the Python binding has every function and its number of arguments'
tr '\n' ' ' <"$header" | sed 's|/\*[^*]*\*/||g' |
  grep -o 'DUALCERT_API [^;]*;' | sed 's/(void)/()/' | awk '{
    match($0, /dualcert_[a-z0-9_]*\(/)
    name = substr($0, RSTART + 9, RLENGTH - 10)
    rest = substr($0, RSTART + RLENGTH)
    print name, rest ~ /^\)/ ? 0 : split(rest, part, ",")
  }' | sort >arguments
sed -n '/^_SIGNATURES/,/^}/p' "$root/python/dualcert.py" |
  sed -n 's/^    "\([a-z0-9_]*\)": (.*, \[\(.*\)\]),$/\1 \2/p' |
  awk '{ name = $1; sub(/^[^ ]* ?/, ""); print name, $0 == "" ? 0 : split($0, part, ",") }' |
  sort >bound
pass_if "$(diff arguments bound | tr '\n' ' ')" cmp -s arguments bound

for standard in c99 c11; do
  name="library: the header is $standard"
  echo '#include "dualcert.h"' >include.c
  if command -v "$cc" >/dev/null; then
    "$cc" -std=$standard -pedantic -Wall -Wextra -Werror -fsyntax-only \
      -I"$root/solver/api" include.c >out 2>err
    pass_if 'it does not compile' [ $? -eq 0 ]
  fi
done
cxx=$(command -v g++ || command -v clang++)
if [ -n "$cxx" ]; then
  name='library: the header is C++'
  cp include.c include.cc
  "$cxx" -std=c++11 -pedantic -Wall -Wextra -Werror -fsyntax-only -I"$root/solver/api" \
    include.cc >out 2>err
  pass_if 'it does not compile' [ $? -eq 0 ]
else
  echo 'skipped: the header in C++ (no g++)'
fi

# ---- make install ----------------------------------------------------------------

if [ -e "$folder/libdualcert.so" ] && [ "${folder#"$root"/}" != "$folder" ]; then
  objects=$folder
  [ "$folder" != "$root/build" ] || objects=build/release
  name='library: make install'
  make -s -C "$root" O="${objects#"$root"/}" PROGRAM="${program#"$root"/}" \
    DESTDIR="$PWD/tree" PREFIX=/usr install >out 2>err
  pass_if 'it fails' [ $? -eq 0 ]
  cat >expected <<'END'
/usr/bin/dualcert
/usr/bin/dualcert-check
/usr/include/dualcert.h
/usr/lib/libdualcert.a
/usr/lib/libdualcert.so
/usr/lib/libdualcert.so.0
/usr/lib/pkgconfig/dualcert.pc
/usr/share/bash-completion/completions/dualcert
/usr/share/bash-completion/completions/dualcert-check
/usr/share/man/man1/dualcert-check.1
/usr/share/man/man1/dualcert.1
/usr/share/man/man3/libdualcert.3
/usr/share/zsh/site-functions/_dualcert
END
  (cd tree && find . ! -type d | sed 's/^\.//' | LC_ALL=C sort) >found
  name='library: make install puts every file in its place and no other'
  pass_if "$(diff expected found | tr '\n' ' ')" cmp -s expected found

  # The examples against the installed tree, with the flags of pkg-config.
  if command -v pkg-config >/dev/null; then
    flags=$(PKG_CONFIG_PATH=$PWD/tree/usr/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$PWD/tree \
      pkg-config --cflags --libs dualcert)
  else
    flags="-I$PWD/tree/usr/include -L$PWD/tree/usr/lib -ldualcert"
    echo 'skipped: pkg-config (not installed)'
  fi
  LD_LIBRARY_PATH=$PWD/tree/usr/lib
  export LD_LIBRARY_PATH
  # A library with sanitizers needs a program with them.
  sanitizer=$(nm "$folder/libdualcert.so" 2>/dev/null | grep -q __asan_init &&
    echo '-fsanitize=address,undefined')
  for example in verify sweep cancel; do
    name="library: $example.c compiles against what was installed"
    # shellcheck disable=SC2086 # flags are lists of words
    "$cc" -std=c99 -pedantic -Wall -Wextra -Werror $sanitizer \
      "$root/docs/examples/$example.c" -o "$example" -pthread $flags -lm >out 2>err
    pass_if 'it does not' [ $? -eq 0 ]
  done
  use () { # use WANTED_CODE LINE PROGRAM ARGUMENTS...: a line of the output is LINE
    want=$1
    expected=$2
    example=$3
    shift 3
    timeout "$patience" "./$example" "$@" >out 2>err </dev/null
    code=$?
    if [ $code -ne "$want" ]; then
      bad "exit status $code, expected $want"
    else
      pass_if "no line '$expected'" grep -Eq "^$expected\$" out err
    fi
  }
  name='library: verify.c proves'
  use 0 verified verify relu.json safe.vnnlib
  name='library: verify.c refutes'
  use 0 '\(\(X_0 .*' verify relu.json unsafe.vnnlib
  name='library: verify.c passes errors on'
  use 65 'verify: open.vnnlib:.*' verify relu.json open.vnnlib
  # y = x0 and x1 as scores: from (0.7, 0.6) the answer changes at a radius of 0.05.
  cat >scores.json <<'END'
{"input": 2, "layers": [{"type": "dense", "weights": [[1, 0], [0, 1]]}]}
END
  echo '0.7, 0.6' >point.csv
  name='library: sweep.c finds the class'
  use 0 'class 0' sweep scores.json point.csv
  name='library: sweep.c proves small radii'
  use 0 '0.03125  verified   0.0[0-9]*' sweep scores.json point.csv
  name='library: sweep.c refutes large ones'
  use 0 '0.0625   falsified .*' sweep scores.json point.csv
  name='library: cancel.c runs to the end'
  use 0 'verified \(none\)' cancel relu.json safe.vnnlib 1000
  unset LD_LIBRARY_PATH

  name='library: make uninstall removes them all'
  make -s -C "$root" O="${objects#"$root"/}" PROGRAM="${program#"$root"/}" \
    DESTDIR="$PWD/tree" PREFIX=/usr uninstall >out 2>err
  pass_if 'some are left' [ -z "$(find tree ! -type d)" ]
else
  echo 'skipped: make install (no libdualcert.so beside the program in build/)'
fi

# ---- make dist -------------------------------------------------------------------

env -u MAKEFLAGS make -s -C "$root" DIST="$PWD/one.tar.gz" dist >out 2>err
sleep 1
env -u MAKEFLAGS make -s -C "$root" DIST="$PWD/two.tar.gz" dist >>out 2>>err
name='dist: the same files make the same bytes, without complaint'
pass_if 'they differ' [ "$(cmp one.tar.gz two.tar.gz 2>&1; cat err)" = '' ]
name='dist: everything is in one folder, with what builds and tests need'
tar tzf one.tar.gz >list
missing=
for file in Makefile README.md tests/run-cli tests/conformance/units.gz solver/app/main.c \
  solver/api/dualcert.h benchmarks/examples/brake.onnx; do
  grep -q "^dualcert-[0-9.]*/$file\$" list || missing="$missing $file"
done
pass_if "missing:$missing" [ -z "$missing$(grep -v '^dualcert-[0-9.]*/' list)" ]

# ---- completion --------------------------------------------------------------------

# What a shell offers after these words; the last may be empty.
offers_bash () { # offers_bash PROGRAM WORD...
  bash --norc -c '
    compopt () { :; }
    . "$1"
    shift
    COMP_WORDS=("$@")
    COMP_CWORD=$(($# - 1))
    _dualcert
    [ ${#COMPREPLY[@]} -eq 0 ] || printf "%s\n" "${COMPREPLY[@]}"
  ' bash "$root/docs/completion/dualcert.bash" "$@" | sort -u
}
offers_zsh () { # offers_zsh PROGRAM WORD...
  "$root/tests/offers-zsh" "$@" 2>err
}
# Commands are those the program refuses to run without arguments, not to know.
sed -n 's/^COMMAND("\([^"]*\)".*/\1/p' "$root/solver/app/commands.def" >commands
echo help >>commands
sort commands >known
grep -v '^help$' known >others
printf '%s\n' activation auto input >wanted
# --usage is another text of argp: [-qv?V] [--help] [--format=FORMAT] ...
options_of () { # options_of PROGRAM [COMMAND]
  "$@" --usage | tr '\n' ' ' | awk '{
    while (match($0, /\[-[^]]*\]/)) {
      word = substr($0, RSTART + 1, RLENGTH - 2)
      $0 = substr($0, RSTART + RLENGTH)
      if (word ~ /^--[a-z]/) { sub(/\[?=.*/, "", word); print word }
      else if (word ~ /^-- /) continue # what follows is for another command
      else if (word ~ /[ =]/) { sub(/[ =].*/, "", word); print word }
      else for (i = 2; i <= length(word); i++) print "-" substr(word, i, 1)
    }
  }' | sort -u
}
same_offer () { # same_offer WANTED WORD...: in the variable shell
  want=$1
  shift
  "offers_$shell" "$@" >offered
  pass_if "$(diff "$want" offered | tr '\n' ' ')" cmp -s "$want" offered
}

for shell in bash zsh; do
  command -v $shell >/dev/null || { echo "skipped: completion (no $shell)"; continue; }
  name="completion in $shell: every command and no other"
  same_offer known "$program" ''
  name="completion in $shell: help takes commands"
  same_offer others "$program" help ''
  for command in $(cat others) check; do
    case $command in
    check) set -- "$folder/dualcert-check" ;;
    *) set -- "$program" "$command" ;;
    esac
    [ -x "$1" ] || continue
    options_of "$@" >usage
    name="completion in $shell: every option of $command and no other"
    same_offer usage "$@" -
  done
  name="completion in $shell: the words of an option"
  case $shell in
  bash) same_offer wanted "$program" verify --split = '' ;; # which splits at "="
  *) same_offer wanted "$program" verify --split= ;;
  esac
  name="completion in $shell: files elsewhere"
  echo relu.json >file
  same_offer file "$program" verify relu.j
done
if command -v zsh >/dev/null; then
  name='completion: zsh reads its file'
  zsh -n "$root/docs/completion/_dualcert" >out 2>err
  pass_if 'a syntax error' [ $? -eq 0 ]
fi
