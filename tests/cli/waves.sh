#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Not all mail servers at once: places in groups (max_parallel_patching), which outlive nobody for long.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
export BACKPROOF_JOURNAL=none
H=$W/history.db repo=$W/repo
mkdir "$repo"
mk_tree "$W/tree" web01 "$ID" container
mk_tar "$W/web.tar" "$W/tree"
zstd -q --rm "$W/web.tar"
for h in web01 web02 web03; do cp "$W/web.tar.zst" "$repo/$h.tar.zst"; done
write_config() { # MOST-OF-MAIL MOST-OF-EU
	printf '%s\n' '[repository "r"]' "path = $repo" 'match = {host}.tar.zst' '[policy "default"]' 'max_age = 1d' "history = $H" \
		'[group "mail"]' "max_parallel_patching = $1" '[group "eu"]' "max_parallel_patching = $2"
	for h in web01 web02 web03; do printf '[host "%s"]\nhostname = web01\ngroup = mail eu\n' $h; done
}
write_config 1 0 >"$W/one.conf"
write_config 2 3 >"$W/two.conf"
config=$W/one.conf
wait_for() { # SECONDS COMMAND...: until it succeeds
	local n=$(($1 * 20))
	shift
	while ! "$@" 2>/dev/null && [ $((n -= 1)) -gt 0 ]; do sleep 0.05; done
}
# begin HOST: a patch that goes on until $W/HOST.end is there; its number is in $pid
begin() {
	rm -f "$W/$1".*
	"$BACKPROOF" run "$1" --config "$config" --scratch "$S" -- sh -c "echo \$\$ >$W/$1.on; while [ ! -e $W/$1.end ]; do sleep 0.05; done" >"$W/$1.out" 2>"$W/$1.err" </dev/null &
	pid=$!
	wait_for 15 test -s "$W/$1.on"
}
go() { # HOST CODE NAME [WORDS]
	rm -f "$W/mark"
	run run "$1" --config "$config" --scratch "$S" -- touch "$W/mark"
	local ran_it=no want=no
	[ ! -e "$W/mark" ] || ran_it=yes
	[ "$2" != 0 ] || want=yes
	if [ "$code,$ran_it" = "$2,$want" ] && { [ -z "${4-}" ] || grep -qE -e "$4" "$W/err"; }; then ok "$3"; else why "$2, COMMAND run: $want (it was: $ran_it) ${4-}" | not_ok "$3"; fi
}
leases() { sqlite3 "$H" 'SELECT name FROM lease ORDER BY name' | tr '\n' ' '; }

begin web01
first=$pid
holds "a patch has a place in each group with a limit, and one of its own" test "$(leases)" = "group mail host web01 "
go web02 21 "of a group of one, a second is busy" 'busy: group mail: being patched by web01 by .* on .*, pid [0-9]+, until '
go web01 21 "... and so is the same host" "busy: host web01: being patched by web01"
holds "what was refused holds no place" test "$(leases)" = "group mail host web01 "
run check web02 --config "$config" --scratch "$S"
holds "a check asks for no place" test "$code" = 0
run run web02 --config "$config" --scratch "$S" --format json -- true
holds "... as JSON" jq -e '.verdict == "busy" and .exit == 21 and .patch.result.state == "none" and (.reasons[0] | startswith("busy: group mail"))' "$W/out"
touch "$W/web01.end"
wait $first
holds "it ends, and its places are free" test $? = 0 -a -z "$(leases)"
go web02 0 "the next one's turn"
go web03 0 "... and the next"

config=$W/two.conf
begin web01
first=$pid
begin web02
second=$pid
holds "of a group of two, two" test "$(leases)" = "group eu group eu group mail group mail host web01 host web02 "
go web03 21 "... not three" "group mail: 2 of 2 places are taken, one of them by web0[12] by"
touch "$W/web02.end"
wait $second
go web03 0 "... until one has ended"
# What is killed can't give anything back: the time does.
{ kill -KILL $first && wait $first; } 2>/dev/null
holds "one that was killed has left its places" test "$(leases)" = "group eu group mail host web01 "
config=$W/one.conf
go web02 21 "... which count" "group mail: being patched by web01"
sqlite3 "$H" 'UPDATE lease SET taken_at = taken_at - 119, expires_at = expires_at - 119'
holds "... for two minutes" sh -c 'n=$(sqlite3 "$1" "SELECT max(expires_at) - strftime(\"%s\") FROM lease"); test "$n" -le 1' - "$H"
sleep 1.1
go web02 0 "... and then no more"
holds "nothing is left of them" test -z "$(leases)"
touch "$W/web01.end"

# COMMAND fails, is not there, ends by a signal: free all the same
printf '#!/bin/sh\nkill -9 $$\n' >"$W/dies"
chmod 755 "$W/dies"
for command in false "$W/none" "$W/dies"; do
	run run web01 --config "$config" --scratch "$S" -- "$command"
	holds "free after ${command##*/}" test "$code" -ne 0 -a -z "$(leases)"
done
run run web01 --config "$config" --scratch "$S" --post "sqlite3 $H 'SELECT name FROM lease ORDER BY name' >$W/post" -- true
holds "the check after it belongs to the patch" test "$(tr '\n' ' ' <"$W/post")" = "group mail host web01 "
# At the same time, many: never more than one.
for h in web01 web02 web03 web01 web02 web03; do
	"$BACKPROOF" run $h --config "$config" --scratch "$S" -- sh -c "mkdir $W/in && sleep 0.3 && rmdir $W/in || touch $W/two" >/dev/null 2>&1 </dev/null &
done
wait
holds "six at once: never two at a time" test ! -e "$W/two"
holds "... and none is left" test -z "$(leases)"

# No place without a history
sed "s|^history = .*|history = none|" "$W/one.conf" >"$W/none.conf"
config=$W/none.conf
go web01 78 "a limit, and no history" 'max_parallel_patching of group "mail" needs a history'
sed "s|^history = .*|history = $W/none/h.db|" "$W/one.conf" >"$W/none.conf"
go web01 78 "... nor a place for one"
sed "s|^max_parallel_patching = 1|max_parallel_patching = 0|" "$W/none.conf" >"$W/free.conf"
config=$W/free.conf
go web01 0 "without a limit, a host needs none" "not remembered"
finish
