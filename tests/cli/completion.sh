#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Completions: made of the tables of commands and options, so that none is missing; bash, zsh and fish take them, and offer
# what fits.
# shellcheck disable=SC2031
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
for shell in bash zsh fish; do
	run completion "$shell"
	if [ "$code" = 0 ] && [ -s "$W/out" ] && [ ! -s "$W/err" ]; then ok "$shell"; else why 0 | not_ok "$shell"; fi
	cp "$W/out" "$W/$shell"
	"$BACKPROOF" --help | sed -n 's/^  backproof \([a-z]*\) .*/\1/p' >"$W/commands"
	while read -r command; do
		"$BACKPROOF" "$command" --help | grep -oE '^  --[a-z-]+' | tr -d ' ' >"$W/options"
		case $shell in
		bash) sed -n "/^	$command)\$/,/;;/p" "$W/bash" | grep -oE -e '--[a-z-]+' ;;
		zsh) sed -n "/^	$command)\$/,/;;/p" "$W/zsh" | sed -n "s/^[^']*'\(([^)]*)\)\{0,1\}\**\(--[a-z-]*\)[=[].*/\2/p" ;;
		fish) grep "_in $command' -l" "$W/fish" | sed 's/.* -l \([a-z-]*\).*/--\1/' ;;
		esac | sort -u >"$W/offered"
		holds "$shell: the options of $command" sh -c 'sort -u "$1" | diff - "$2"' - "$W/options" "$W/offered"
	done <"$W/commands"
done
holds "there are commands" test "$(wc -l <"$W/commands")" -ge 14
for bad in "" tcsh "bash zsh"; do
	# shellcheck disable=SC2086
	run completion $bad
	holds "completion '$bad' is a usage error" test "$code" = 64
done
run completion bash --output "$W/x"
holds "... and so is an option" test "$code" = 64
"$BACKPROOF" completion bash >/dev/full 2>/dev/null
holds "what could not be written is told" test $? = 70

# Hosts and policies come from the usual configuration; hostile names do not get through. This stands in for the program.
mkdir "$W/bin" "$W/files" "$W/files/directory"
touch "$W/files/an image"
cat >"$W/bin/backproof" <<-END
	#!/bin/sh
	[ "\$1 \$2" = "config dump" ] || exit 64
	cat <<X
	[policy "strict"] 
	[policy "lax"]
	[host "web01"]
	group = web ; x
	[host "web02.example.org"]
	[host "\\\$(touch $W/evil)"]
	[host "a b"]
	X
END
chmod 755 "$W/bin/backproof"
sed -i 's/"\] $/"]/' "$W/bin/backproof"
export PATH=$W/bin:$PATH
cd "$W/files" || exit 1

holds "bash: syntax" bash -n "$W/bash"
offers() { # NAME EXPECTED LINE: what bash offers for its last word, or FILES, DIRS
	local got
	got=$(
		# shellcheck disable=SC1091
		. "$W/bash"
		compopt() { printf '%s\n' "$2" | sed 's/^default$/FILES/; s/^dirnames$/DIRS/'; }
		# As readline splits: = is a word.
		eval "COMP_WORDS=(${3//=/ = })"
		[[ $3 != *" " && $3 != *= ]] || COMP_WORDS+=("")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_backproof
		printf '%s\n' "${COMPREPLY[@]}"
	)
	got=$(echo "$got" | sed '/^$/d' | sort | tr '\n' ' ')
	if [ "${got% }" = "$2" ]; then ok "bash: $1"; else echo "$3: $got, not $2" | not_ok "bash: $1"; fi
}
offers "commands" "check completion config" "backproof c"
offers "an option" "--sample-bytes --sample-files" "backproof check web01 --sample"
offers "none of another command" "" "backproof history --samp"
offers "choices" "auto full sample" "backproof check --depth "
offers "choices behind =" "auto full sample" "backproof check --depth="
offers "a choice behind =" "full" "backproof check --depth=f"
offers "formats of a check" "html json jsonl junit nagios prometheus text" "backproof check --format "
offers "formats of the history" "json jsonl prometheus text" "backproof history --format "
offers "formats of inspect" "json text" "backproof inspect x --format "
offers "exit styles" "nagios" "backproof audit --exit-style n"
offers "files" FILES "backproof check web01 --from "
offers "files behind =" FILES "backproof check web01 --from=x"
offers "directories" DIRS "backproof extract x y -C "
offers "directories, by the long name" DIRS "backproof extract x y --directory "
offers "nothing for a number" "" "backproof check --seed "
offers "nothing for a path in the backup" "" "backproof inspect x --cat "
offers "hosts" "web01 web02.example.org" "backproof check "
offers "a host behind options" "web02.example.org" "backproof check --depth full --quiet web02"
offers "a host behind --depth=full" "web02.example.org" "backproof check --depth=full web02"
offers "one host" "" "backproof check web01 "
offers "many hosts" "web01 web02.example.org" "backproof audit web01 "
offers "a host as a value" "web01" "backproof seal x --host web01"
offers "policies" "lax strict" "backproof check --policy "
offers "words of pass" "verify" "backproof pass v"
offers "... then files" FILES "backproof pass verify "
offers "... then nothing" "" "backproof pass verify x "
offers "words of key" "new" "backproof key n"
offers "words of config" "check" "backproof config c"
offers "words of hook" "apt" "backproof hook a"
offers "shells" "bash fish zsh" "backproof completion "
offers "what run runs" "backproof" "backproof run web01 -- backpr"
offers "... and its arguments" FILES "backproof run web01 -- cat x"
offers "images" FILES "backproof inspect "
offers "nothing where there is no such command" "" "backproof nonsense --f"
holds "no name of the configuration is run" test ! -e "$W/evil"

if command -v fish >/dev/null; then
	holds "fish: syntax" fish -n "$W/fish"
	fish_offers() { # NAME EXPECTED LINE
		local got
		got=$(HOME=$W fish --no-config -c "source $W/fish; complete -C '$3'" 2>&1 </dev/null | cut -f 1 | sort | tr '\n' ' ')
		if [ "${got% }" = "$2" ]; then ok "fish: $1"; else echo "$3: $got, not $2" | not_ok "fish: $1"; fi
	}
	fish_offers "commands" "check completion config" "backproof c"
	fish_offers "an option" "--sample-bytes --sample-files" "backproof check web01 --sample"
	fish_offers "choices" "auto full sample" "backproof check --depth "
	fish_offers "a choice behind =" "--depth=full" "backproof check --depth=f"
	fish_offers "files" "an image directory/" "backproof check web01 --from "
	fish_offers "directories" "directory/" "backproof extract x y -C "
	fish_offers "hosts" "web01 web02.example.org" "backproof check "
	fish_offers "one host" "" "backproof check web01 "
	fish_offers "many hosts" "web01 web02.example.org" "backproof audit web01 "
	fish_offers "words of pass" "show verify" "backproof pass "
	fish_offers "files behind them" "an image directory/" "backproof pass verify "
	fish_offers "words of key" "new show" "backproof key "
	fish_offers "what run runs" "backproof" "backproof run web01 -- backpr"
	fish_offers "none of another command" "" "backproof check key --ap"
else
	skip "fish is not installed"
fi

if command -v zsh >/dev/null; then
	holds "zsh: syntax" zsh -n "$W/zsh"
	mkdir "$W/zfunc" && cp "$W/zsh" "$W/zfunc/_backproof"
	# A shell of its own on a terminal of its own: what stands on the line after a tab.
	cat >"$W/drive.zsh" <<-'END'
		zmodload zsh/zpty
		zpty z "cd $1; HOME=$1 exec zsh -f -i"
		zpty -w z "PS1= PROMPT_EOL_MARK= fpath=($2 \$fpath)"
		zpty -w z "autoload -Uz compinit && compinit -u -D; zstyle ':completion:*' menu no; LISTMAX=1000; setopt no_beep"
		zpty -w z 'dump() { print -r -- "<<<$BUFFER>>>"; BUFFER= }; zle -N dump; bindkey "^X" dump; print READY-"ok"'
		until zpty -r -m z out '*READY-ok*'; do :; done
		shift 2
		for line; do
			zpty -w -n z "$line"$'\t\030'
			zpty -r -m z out '*<<<*>>>*'
			print -r -- "${${out#*<<<}%>>>*}"
		done
		zpty -d z
	END
	set -- "backproof hist" "history" "backproof check --confid" "--confidence=" \
		"backproof check --depth f" "full" "backproof check --depth=s" "--depth=sample" \
		"backproof check web02" "web02.example.org" "backproof check --policy st" "strict" \
		"backproof check x --from an" "an\\ image" "backproof extract a b -C d" "directory" \
		"backproof pass ver" "verify" "backproof key n" "new" "backproof completion f" "fish" \
		"backproof history --format prom" "prometheus" "backproof run web01 -- backpr" "backproof" \
		"backproof audit web01 web02" "web02.example.org" "backproof pass show dir" "directory"
	lines=() wanted=()
	while [ $# -gt 0 ]; do
		lines+=("$1") wanted+=("${1% *} $2")
		shift 2
	done
	timeout 60 zsh -f "$W/drive.zsh" "$W/files" "$W/zfunc" "${lines[@]}" </dev/null >"$W/zsh.out" 2>&1
	i=0
	while read -r got; do
		got=$(printf %s "$got" | tr -d '\r' | sed 's/[ /]*$//')
		if [ "$got" = "${wanted[i]-}" ]; then ok "zsh: ${lines[i]}"; else
			printf '%s\n' "$got" "not ${wanted[i]-}" | not_ok "zsh: ${lines[i]-}"
		fi
		i=$((i + 1))
	done <"$W/zsh.out"
	holds "zsh: all were answered" test "$i" = ${#lines[@]}
else
	skip "zsh is not installed"
fi
finish
