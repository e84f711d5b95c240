# SPDX-License-Identifier: GPL-3.0-or-later
# bash completion for dualcert and dualcert-check.
#
# The programs are asked for what they take: --help lists commands and options, and the
# complaint about a value that is none ("--split: expected one of auto, ...") its words.
# shellcheck shell=bash

_dualcert_help () { # _dualcert_help PROGRAM [COMMAND]
  "$@" --help 2>/dev/null </dev/null
}

# Commands: indented by two, in the section of that name.
_dualcert_commands () {
  _dualcert_help "$1" | awk '
    /^Commands:/ { inside = 1; next }
    inside && /^$/ { exit }
    inside && /^  [a-z]/ { print $1 }'
}

# Options, short ones too.
_dualcert_options () {
  _dualcert_help "$@" | awk '
    /^ +-/ {
      line = $0
      sub(/^ +/, "", line)
      n = split(line, part, " ")
      for (i = 1; i <= n && part[i] ~ /^-/; i++) {
        word = part[i]
        sub(/,$/, "", word)
        sub(/\[?=.*/, "", word)
        print word
        if (part[i] !~ /,$/) break
      }
    }'
}

# The words an option takes; nothing where it is a number or a file.
_dualcert_values () { # _dualcert_values --OPTION PROGRAM [COMMAND]
  local option=$1
  shift
  "$@" "$option=?" 2>&1 </dev/null |
    sed -n 's/.*: expected \(one of \|a comma-separated list of \)\(.*\), found .*/\2/p' |
    tr -d ,
}

# The path of a value that follows, for options whose help says FILE or the like.
_dualcert_files () {
  COMPREPLY=()
  local word
  while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$1")
  compopt -o filenames 2>/dev/null
}

_dualcert () {
  local program=${COMP_WORDS[0]} current=${COMP_WORDS[COMP_CWORD]}
  local -a run=("$program")
  local option='' word i
  COMPREPLY=()
  case $program in
  *dualcert-check) ;;
  *)
    for ((i = 1; i < COMP_CWORD; i++)); do
      word=${COMP_WORDS[i]}
      case $word in
      -*) ;;
      help) [ ${#run[@]} -gt 1 ] || run=("$program" help) ;;
      *) [ ${#run[@]} -gt 1 ] || run=("$program" "$word") ;;
      esac
    done
    if [ "${run[1]:-}" = help ] || { [ ${#run[@]} -eq 1 ] && [ "${current#-}" = "$current" ]; }
    then
      mapfile -t COMPREPLY < <(compgen -W "$(_dualcert_commands "$program" |
        if [ "${run[1]:-}" = help ]; then grep -v '^help$'; else cat; fi)" -- "$current")
      return
    fi
    ;;
  esac
  # bash splits --option=value at "=".
  if [ "$current" = = ]; then
    option=${COMP_WORDS[COMP_CWORD - 1]}
    current=''
  elif [ "$COMP_CWORD" -ge 2 ] && [ "${COMP_WORDS[COMP_CWORD - 1]}" = = ]; then
    option=${COMP_WORDS[COMP_CWORD - 2]}
  else
    case $current in
    --*=*)
      option=${current%%=*}
      current=${current#*=}
      ;;
    -*)
      mapfile -t COMPREPLY < <(compgen -W "$(_dualcert_options "${run[@]}")" -- "$current")
      return
      ;;
    esac
  fi
  case $option in
  --*)
    local values
    values=$(_dualcert_values "$option" "${run[@]}")
    if [ -n "$values" ]; then
      mapfile -t COMPREPLY < <(compgen -W "$values" -- "$current")
      return
    fi
    ;;
  esac
  _dualcert_files "$current"
}

complete -F _dualcert dualcert dualcert-check
