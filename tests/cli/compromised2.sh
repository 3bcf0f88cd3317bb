#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The readers of every other command, taken over: of inspect, ls, cat, extract, seal and run. Each attempt fails, nothing is
# written but where the user said, no command of his is run, and no seal says what the reader made up.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/compromised.bash"
"$BACKPROOF" key new "$W/key" >/dev/null 2>&1 || [ -s "$W/key" ] || exit 1

# command DIRECTORY: $COMMAND of the backup in it
command() {
	local d=$1 common=(--scratch "$1/scratch")
	case $COMMAND in
	inspect) "$BACKPROOF" inspect "$d/web01.img" "${common[@]}" ;;
	ls) "$BACKPROOF" inspect "$d/web01.img" --ls "${common[@]}" ;;
	cat) "$BACKPROOF" inspect "$d/web01.img" --cat /etc/hostname "${common[@]}" ;;
	extract) "$BACKPROOF" extract "$d/web01.img" /etc -C "$d/to" "${common[@]}" ;;
	seal) "$BACKPROOF" seal "$d/web01.img" --key "$W/key" "${common[@]}" ;;
	run) "$BACKPROOF" run web01 --from "$d/web01.img" --config "$W/empty.conf" "${common[@]}" --depth full -- touch "$d/ran" ;;
	esac
}
# try NAME CODES REASON ORDER: the exit code is never 0, and it is said why
try() {
	local name=$1 reason=$3 order=$4 bad='' code d=$W/try-$1
	mkdir -p "$d/scratch" "$d/to"
	chmod 755 "$d"
	cp "$W/web01.img" "$d/web01.img"
	if [ -n "$order" ]; then
		printf 'backproof-exploit %s\0' "$order" | dd of="$d/web01.img" conv=notrunc status=none
	fi
	# Sidecars that can't be read would be a reason of their own.
	case $order in
	'' | seals_*) ;;
	*) ln -s /etc/shadow "$d/SHA512SUMS" && ln -s "$W/open/secret" "$d/MD5SUMS" ;;
	esac
	sha256sum <"$d/web01.img" >"$d/before"
	[ -z "${AS-}" ] || chown -R "$AS" "$d"
	export -f command
	# shellcheck disable=SC2086
	BACKPROOF=$BACKPROOF COMMAND=$COMMAND W=$W ${AS:+setpriv --reuid $AS --regid $AS --clear-groups} \
		timeout -k 1 60 bash -c "command '$d'" >"$d/out" 2>"$d/err" </dev/null
	code=$?
	case $2 in
	0) [ "$code" = 0 ] || bad="exit code $code" ;;
	*) case $code in 12 | 13 | 20 | 70) ;; *) bad="exit code $code" ;; esac ;;
	esac
	grep -qE "$reason" "$d/out" "$d/err" || bad="$bad; the reason is another"
	[ -z "$(ls -A "$d/scratch")" ] || bad="$bad; left in scratch"
	[ "$2" = 0 ] || [ ! -e "$d/ran" ] || bad="$bad; the command was run"
	[ "$2" = 0 ] || [ -z "$(ls "$d" | grep '\.seal')" ] || bad="$bad; it was sealed"
	sha256sum <"$d/web01.img" | cmp -s - "$d/before" || bad="$bad; the backup was changed"
	[ "$(cat "$W/open/secret")" = secret ] && [ "$(stat -c %a%h "$W/open/secret")" = 6661 ] || bad="$bad; a file was changed"
	[ "$(ls "$W/open")" = "$(printf 'secret\nsocket')" ] || bad="$bad; a file was made: $(ls "$W/open")"
	[ ! -e "$W/heard" ] || bad="$bad; it got through to the network"
	[ -z "$(find "$d/to" \( -type b -o -type c -o -type p -o -type s -o -perm /6000 \))" ] || bad="$bad; what is no file in the target"
	if [ -z "$bad" ]; then
		ok "$COMMAND: $name${AS:+ (user)}"
	else
		{ echo "$bad" && cat "$d/err" && head -c 1000 "$d/out"; } 2>&1 | not_ok "$COMMAND: $name${AS:+ (user)}"
	fi
	rm -rf "$d"
}

restore() {
	try target_above 20 "$REFUSED" 'target_above ../../open/new'
	try target_root 20 "$REFUSED" "target_above $W/open/new"
	try target_link 20 "$REFUSED" "target_link $W/open/new"
	try target_hard_link 20 "$REFUSED|$DEAD" "target_hard_link $W/open/secret"
	try target_device 20 "$REFUSED|$DEAD" target_device
	try target_fifo 20 "$REFUSED|$DEAD" target_fifo
	try target_set_id 20 "$REFUSED|$DEAD" target_set_id
	try target_run 20 "$REFUSED|$DEAD" target_run
	try target_rename 20 "$REFUSED|$DEAD" "target_rename ../../open/new"
}

for COMMAND in inspect ls cat extract seal run; do
	try orders_nothing 0 '' ''
	case $COMMAND in
	ls | cat) try read_secret 20 "$REFUSED" "open_file $W/open/secret" ;;
	*) break_out ;;
	esac
	try crash 20 'Segmentation fault' crash
	try ends_well 20 'result' ends_well
	try says_random 20 'no reader says' says_random
	try says_half 20 'result|no reader says' says_half
	try says_safe 20 'no reader says|result|kernel gave it|end that is none' 'says_safe 8388608'
	[ $COMMAND != extract ] || restore
	[ "$(id -u)" != 0 ] || [ $COMMAND != extract ] || { mkdir -p "$W/home" && AS=65534 break_out && AS=65534 restore; }
done

# It has read all, and says other digests: neither of them is signed.
COMMAND=seal
try other_sha256 20 'another digest than it has' seals_other_sha256
try other_tree 20 'another digest than it has' seals_other_tree
finish
