# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2154,SC2034
# What the bench's scripts share: commands run in turn, one line a comparison, and the results as a file.
#
#   environment DIR               what the peers need to find their things below DIR, and no caches of theirs elsewhere
#   results FILE                  where the lines go
#   against LABEL TARGET COMMAND TOOL...   one more peer of the next comparison; "-" is no target
#   compare ID NAME COMMAND       runs ours and its peers in turn; one line a peer
#   put ID NAME AGAINST OURS PEER TARGET STATE [CPU PEER-CPU KIB ROUNDS]
#   missing_rows FILE ID...       prints those of the IDs of which FILE holds no row that was measured, or was put off
#
# Uses $data, $rounds. The file: tab-separated columns as in the line that starts with "id"; before it lines "# key: value".

columns='id name against seconds peer_seconds ratio target state cpu_seconds peer_cpu_seconds peak_mib rounds'
tab=$'\t'

environment() {
	export RESTIC_PASSWORD=bench BORG_BASE_DIR=$1/borg-home BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes \
		BORG_RELOCATED_REPO_ACCESS_IS_OK=yes
	PATH=$PATH:/usr/sbin:/sbin
}

# The first number with a dot that a program says about itself, or the first.
version_of() {
	local said
	case $1 in
	partclone.*) said=$("$1" -v) ;;
	openssl | restic) said=$("$1" version) ;;
	*) said=$("$1" --version 2>&1) ;;
	esac
	grep -oE '[0-9]+(\.[0-9a-z]+)+' <<<"$said" | sed q | grep . || grep -oE '[0-9]+' <<<"$said" | sed q
}
cpu_model() { sed -n 's/^model name[^:]*: //p;T;q' /proc/cpuinfo | grep . || uname -m; }

results() {
	tsv=$1
	mkdir -p "$(dirname "$tsv")"
	: >"$tsv"
}
heading() { printf '\n%-42s %8s  %-36s %8s %6s %7s  %-8s %6s\n' "$1" seconds against seconds ratio "at most" "" "memory"; }

put() {
	local id=$1 name=$2 peer=$3 a=$4 b=$5 target=$6 state=$7 cpu=${8:--} peer_cpu=${9:--} kib=${10:-0} n=${11:--}
	local ratio=- mib=-
	[ "$b" = - ] || ratio=$(awk -v a="$a" -v b="$b" 'BEGIN {printf "%.3f", a / b}')
	[ "$kib" = 0 ] || mib=$((kib / 1024))
	if [ -z "$state" ]; then
		state=-
		[ "$target" = - ] || state=$(awk -v r="$ratio" -v t="$target" 'BEGIN {print r <= t ? "met" : "missed"}')
	fi
	(IFS=$tab && echo "$id$tab$name$tab$peer$tab$a$tab$b$tab$ratio$tab$target$tab$state$tab$cpu$tab$peer_cpu$tab$mib$tab$n") >>"$tsv"
	printf '%-42s %8s  %-36s %8s %6s %7s  %-8s %6s\n' "$name" "$(short "$a")" "$peer" "$(short "$b")" "$(short "$ratio")" \
		"$target" "$state" "${mib/%[0-9]/${mib: -1} MiB}"
}
short() { [ "$1" = - ] && echo - || printf '%.2f' "$1"; }

labels=() targets=() commands=() absent=()
against() {
	local label=$1 target=$2 command=$3 tool
	shift 3
	for tool in "$@"; do
		command -v "$tool" >/dev/null || {
			absent+=("$label$tab$target${tab}no $tool")
			return 0
		}
	done
	labels+=("$label") targets+=("$target") commands+=("$command")
}

compare() {
	local id=$1 name=$2 ours=$3 out line i=0 a cpu kib n b peer_cpu
	echo "$name ..." >&2
	for line in "${absent[@]}"; do
		IFS=$tab read -r label target why <<<"$line"
		put "$id" "$name" "$label" - - "$target" "$why"
	done
	if [ ${#commands[@]} != 0 ]; then
		out=$(tests/bench-run "$rounds" "$data" "$ours" "${commands[@]}")
		{
			IFS=$tab read -r a cpu kib n
			while IFS=$tab read -r b peer_cpu _ _; do
				put "$id" "$name" "${labels[i]}" "$a" "$b" "${targets[i]}" "" "$cpu" "$peer_cpu" "$kib" "$n"
				i=$((i + 1))
			done
		} <<<"$out"
	fi
	labels=() targets=() commands=() absent=()
}

missing_rows() {
	local file=$1 id
	shift
	for id; do
		awk -F "$tab" -v id="$id" '$1 == id && ($4 ~ /^[0-9]/ || $8 == "not yet") {found = 1} $1 == id && $8 ~ /^no / {found = 0; exit}
			END {exit !found}' "$file" || echo "$id"
	done
}
