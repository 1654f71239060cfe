# SPDX-License-Identifier: Apache-2.0
"""The completion script for bash, made from the table of commands: `python -m control.tools.ctl_bash > FILE`."""

from control.ctl.completion import EVERY_ZONE, FILES, ONE_ZONE
from control.ctl.table import DETAILS, SPECS, Shape, Where
from control.tools.ctl_options import OPTIONS
from control.tools.ctl_remote import PICTURE

TEMPLATE = """\
# SPDX-License-Identifier: Apache-2.0
# Completion of xdpdnsctl for bash. Made by `python -m control.tools.ctl_bash`; install it as
# /usr/share/bash-completion/completions/xdpdnsctl, or read it with `source`.

_xdpdnsctl() {{
	local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD - 1]}}
	local command='' at words='' word list=() global=()
	COMPREPLY=()
	for ((at = 1; at < COMP_CWORD; at++)); do
		case ${{COMP_WORDS[at]}} in
		{with_argument})
			global+=("${{COMP_WORDS[at]}}" "${{COMP_WORDS[at + 1]}}")
			((at++))
			;;
		-*) ;;
		*)
			command=${{COMP_WORDS[at]}}
			break
			;;
		esac
	done
	case $prev in
	{path_options})
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	esac
	if [[ -z $command ]]; then
		words='{commands} {options}'
	else
		case $command in
{cases}
		esac
	fi
	IFS=$' \t\n' read -r -d '' -a list <<<"$words"
	for word in "${{list[@]}}"; do
		[[ $word != "$cur"* ]] || COMPREPLY+=("$word")
	done
}}

# Zones that the daemon has; none when it does not answer.
_xdpdnsctl_zones() {{
	xdpdnsctl "$@" -t 2 conf-read zone.domain 2>/dev/null | while read -r item zone; do
		[[ $item != zone.domain ]] || printf '%s\\n' "$zone"
	done
}}

complete -F _xdpdnsctl xdpdnsctl
"""
PATH_OPTIONS = ("-c", "--config", "-C", "--confdb", "-s", "--socket", "+outdir", "--svg")
ZONES = '$(_xdpdnsctl_zones "${global[@]}")'


def script() -> str:
    """Return the script."""
    with_argument = [word for one in OPTIONS if one.argument for word in (f"-{one.short}", f"--{one.long}")]
    return TEMPLATE.format(
        with_argument=" | ".join(with_argument),
        path_options=" | ".join(PATH_OPTIONS),
        commands=" ".join(spec.name for spec in SPECS if spec.where is not Where.ABSENT),
        options=" ".join(f"--{one.long}" for one in OPTIONS),
        cases="\n".join(_cases()),
    )


def _cases() -> list[str]:
    """Return the lines of the case statement: the words of each command that has any."""
    lines = []
    for spec in SPECS:
        words = [f"+{one.name}" for one in spec.filters]
        if spec.shape in EVERY_ZONE | ONE_ZONE:
            words.append(ZONES)
        if spec.shape is Shape.DETAIL:
            words += DETAILS
        if spec.shape is Shape.REPORT:
            words.append(PICTURE)
        if spec.shape in FILES:
            words.append('$(compgen -f -- "$cur")')
        if words:
            lines.append(f'\t\t{spec.name}) words="{" ".join(words)}" ;;')
    return lines


if __name__ == "__main__":
    print(script(), end="")
