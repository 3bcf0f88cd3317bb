#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A reader that a crafted backup has taken over (tests/compromised): whatever it tries, it gets nothing, the verdict is
# never "safe", the gate ends in time and says why, and other hosts keep theirs.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/compromised.bash"
# For forgeries: what is said to have been read must not have been read by then, by a thread that knows nothing of it.
# A reader that is taken over after it has read all may say of it what it likes: nobody else knows better.
{ cat "$W/web01.img" && head -c $((256 << 20)) /dev/zero; } >"$W/big.img"
SIZE=$(stat -c %s "$W/big.img")
# crafted FILE ORDER: a good backup but for what it says to its reader
crafted() {
	case $2 in
	says_safe* | says_twice*) ln "$W/big.img" "$1" ;;
	*) cp "$W/web01.img" "$1" ;;
	esac
	printf 'backproof-exploit %s\0' "$2" | dd of="$1" conv=notrunc status=none
}
# try NAME CODES REASON ORDER [OPTION...]: the exit code is one of them, the report says so, and why
try() {
	local name=$1 codes=$2 reason=$3 order=$4 bad='' d=$W/try-$1
	shift 4
	mkdir -p "$d/scratch"
	chmod 755 "$d"
	crafted "$d/web01.img" "$order"
	# Sidecars by their names
	ln -s /etc/shadow "$d/SHA512SUMS"
	ln -s "$W/open/secret" "$d/MD5SUMS"
	[ -z "${AS-}" ] || chown -R "$AS" "$d"
	# shellcheck disable=SC2086
	${AS:+setpriv --reuid $AS --regid $AS --clear-groups} timeout -k 1 60 "$BACKPROOF" check web01 --from "$d/web01.img" \
		--config "${CONFIG-$W/empty.conf}" --scratch "$d/scratch" --format json --depth full "$@" >"$d/out" 2>"$d/err" </dev/null
	code=$?
	case " $codes " in *" $code "*) ;; *) bad="exit code $code" ;; esac
	jq -e --argjson code "$code" '.exit == $code and .verdict != "safe"' "$d/out" >/dev/null 2>&1 || bad="$bad; JSON does not agree"
	jq -r '.reasons[]' "$d/out" 2>/dev/null | grep -qE "$reason" || bad="$bad; the reason is another"
	[ -z "$(ls -A "$d/scratch")" ] || bad="$bad; left in scratch"
	[ "$(cat "$W/open/secret")" = secret ] && [ "$(stat -c %a "$W/open/secret")" = 666 ] || bad="$bad; a file was changed"
	[ "$(ls "$W/open")" = "$(printf 'secret\nsocket')" ] || bad="$bad; a file was made: $(ls "$W/open")"
	[ ! -e "$W/heard" ] || bad="$bad; it got through to the network"
	if [ -z "$bad" ]; then
		ok "$name${AS:+ (user)}"
	else
		{
			echo "$bad"
			cat "$d/err"
			jq -c '{verdict, exit, reasons}' "$d/out" || head -c 1000 "$d/out"
		} 2>&1 | not_ok "$name${AS:+ (user)}"
	fi
	rm -rf "$d"
}
# Without an order, it is the program that it is: the tests would notice one that is never safe.
expect 0 "a backup that orders nothing" web01 --from "$W/web01.img" --depth full
try unknown 20 'exit 78' 'no_such_order'

break_out

# Ends that are none.
try crash 20 'crashed \(Segmentation fault\)' 'crash'
try abort 20 'crashed \(Aborted\)' 'gives_up'
try exit 20 'without a result' 'ends_well'

# Lies. What is said to have been read, was not.
# Another of its threads may be asking meanwhile: it takes the word that it may go for its answer, and ends it.
try forged 20 'kernel gave it|without a result' "says_safe $SIZE"
try forged_unread 20 'has not read|without a result' "says_safe_unread $SIZE"
try forged_little 20 'has not read|without a result' 'says_safe_of_little'
try other_files 20 'other files' "says_other_files $SIZE"
try no_files 20 'other files' "says_no_files $SIZE"
try twice 20 'unproven|kernel gave it' "says_twice $SIZE"
try outcome 20 'no reader says' 'says_outcome'
try less 20 'no reader says' "says_less $SIZE"
try more 20 'no reader says' "says_more $SIZE"
try confined 20 'second word' 'says_confined'
try request 20 'no reader says|no question' 'says_request'
try done 20 'no reader says|no question' 'says_done'
try kind 20 'no kind' 'says_unknown'
try huge 20 'too long' 'says_huge'
try half 20 'without a result|no reader says' 'says_half'
try random 20 'no reader says' 'says_random'
try random_result 20 'no reader says' 'says_random_result'
try descriptors 20 'no reader says|without a result|progress' 'passes_descriptors'

# What would take for ever, all at once.
slow() {
	local log
	log=$W/slow-$1
	(passed=0 failed=0 && try "$@") >"$log" 2>&1 &
	slow+=("$!")
	logs+=("$log")
}
slow=() logs=()
slow spins 20 'deadline' spin --deadline 1s
slow sleeps 20 'deadline' sleep_on --deadline 1s
slow stops 20 'deadline' stop_itself --deadline 1s
slow endless 20 'deadline' says_endlessly --deadline 1s
slow asks 20 'deadline' "asks_endlessly $W/repo" --deadline 1s
slow progresses 20 'deadline' progresses_endlessly --deadline 1s
slow deaf 20 'deadline|does not listen' "deaf $W/inbox" --deadline 1s
slow hangs_up 20 'did not end|without a result|killed' hangs_up --deadline 1s

# Room that it may not take: 256 MiB of memory, and next to nothing of scratch.
{
	cat "$W/empty.conf"
	echo 'memory_limit = 256M'
} >"$W/small.conf"
CONFIG=$W/small.conf slow memory 20 "$REFUSED" 'eat_memory 300'
slow memory_files 20 'scratch_limit' 'eat_memory_files 1000' --scratch-limit 1M
slow disk 20 'scratch_limit' 'fill_disk 1000' --scratch-limit 1M

# In an audit, each of the others has its own verdict.
crafted "$W/repo/web01.img" kill_gate
crafted "$W/repo/mail01.img" "says_safe $SIZE"
crafted "$W/repo/file01.img" "ask_endlessly $W/repo/file01.img"
cp "$W/web01.img" "$W/repo/app01.img"
{
	cat "$W/empty.conf"
	printf '[repository "r"]\npath = %s\nlayout = files\nmatch = {host}.img\n' "$W/repo"
	for h in web01 file01 db01 mail01 app01; do printf '[host "%s"]\nrepository = r\nhostname = web01\n' "$h"; done
} >"$W/audit.conf"
# With few descriptors, which one of them would like to have all.
(ulimit -n 256 && exec "$BACKPROOF" audit --config "$W/audit.conf" --scratch "$S" --depth full --format json) \
	>"$W/out" 2>"$W/err" </dev/null
code=$?
holds "an audit is not safe" test "$code" = 20
jq -c '[.hosts[] | {(.host): [.verdict, .reasons[0]]}] | add' "$W/out" | sed 's/^/# /'
holds "the others are, in the same audit" jq -e '[.hosts[] | {(.host): .verdict}] | add ==
	{web01: "cannot-tell", db01: "safe", mail01: "cannot-tell", file01: "cannot-tell", app01: "safe"}' "$W/out"

# The same by somebody who is not root.
if [ "$(id -u)" = 0 ]; then
	mkdir "$W/home" && AS=65534 break_out
fi

wait "${slow[@]}"
for log in "${logs[@]}"; do
	cat "$log"
	grep -q '^ok ' "$log" && passed=$((passed + 1)) || failed=$((failed + 1))
done
finish
