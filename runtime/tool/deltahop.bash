# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Completion of the deltahop command; the options come from its own --help.

_deltahop_devices()
{
	printf '%s\n' auto embedded embedded:profile=card embedded:profile=edgedrnn
	deltahop info --json --device embedded 2>/dev/null | grep -o '/dev/accel/[a-z0-9]*'
}

_deltahop_words()
{
	deltahop "$1" --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]*' | sort -u
}

_deltahop_choices()
{
	case $1 in
	--format) echo auto aedat2 aedat3 es evt2 ;;
	--layout) echo auto dvs128 dvs128-jaer davis ;;
	--polarity) echo ignore keep split ;;
	--normalise) echo caer jaer jaer-centred linear ;;
	--flip) echo none x y xy ;;
	esac
}

_deltahop()
{
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}

	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W "info compile run profile bench disasm events --help --version" -- "$current")
		return
	fi
	case $previous in
	-d | --device)
		mapfile -t COMPREPLY < <(compgen -W "$(_deltahop_devices)" -- "$current")
		return
		;;
	--format | --layout | --polarity | --normalise | --flip)
		mapfile -t COMPREPLY < <(compgen -W "$(_deltahop_choices "$previous")" -- "$current")
		return
		;;
	esac
	case $current in
	-*)
		mapfile -t COMPREPLY < <(compgen -W "$(_deltahop_words "${COMP_WORDS[1]}")" -- "$current")
		;;
	*)
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		;;
	esac
}

complete -o filenames -F _deltahop deltahop
