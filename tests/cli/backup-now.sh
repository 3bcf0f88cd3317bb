#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A backup is made now where there is none that is fresh (on_missing, on_stale): once, in time, by check and run alone,
# and it counts for no more than what is then proved of it.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
export BACKPROOF_JOURNAL=none
H=$W/history.db mark=$W/mark repo=$W/repo calls=$W/calls
mkdir "$repo" "$W/src"
mk_tree "$W/tree" web01 "$ID" container
mk_tar "$W/src/fresh.tar" "$W/tree"
cp -a "$W/tree" "$W/old"
find "$W/old" -exec touch -h -d '3 days ago' {} +
mk_tar "$W/src/old.tar" "$W/old"
zstd -q --rm "$W/src/old.tar"
zstd -q -k -12 "$W/src/fresh.tar"
touch -d '3 days ago' "$W/src/old.tar.zst"
# The program that makes a backup: what it was told, and then what the test wants.
cat >"$W/make" <<END
#!/bin/sh
echo "\$# \$* | \$BACKPROOF_HOST \$BACKPROOF_VERDICT | \$(cat | wc -c)" >>$calls
echo to standard output; echo to standard error >&2
case \$(cat $W/how) in
good) # never the same bytes twice: a copy of an older one is none that is new
	echo >>$W/made
	rm -f $repo/web01-*; zstd -q -\$(wc -l <$W/made) $W/src/fresh.tar -o $repo/web01-\$(date +%Y%m%d%H%M%S).tar.zst ;;
damaged) head -c 300000 $W/src/fresh.tar.zst >$repo/web01-\$(date +%Y%m%d%H%M%S).tar.zst ;;
nothing) ;;
fails) cp $W/src/fresh.tar.zst $repo/web01-new.tar.zst; exit 3 ;;
slow) cp $W/src/fresh.tar.zst $repo/web01-new.tar.zst; sleep 61 & echo \$! >$W/sleeper; wait ;;
esac
END
chmod 755 "$W/make"
write_config() { # LINES of the policy...
	printf '%s\n' '[repository "r"]' "path = $repo" 'match = {host}-*.tar.zst' '[policy "default"]' 'max_age = 1d' \
		"history = $H" "$@" '[host "web01"]' >"$W/c.conf"
}
gone() { # FILE: the process whose number is in it, or nobody has waited for what is left of it
	local i
	for i in $(seq 40); do
		grep -qs '^State:.*[^ZX] (' "/proc/$(cat "$1")/status" || return 0
		sleep 0.05
	done
	return 1
}
again() { # HOW [old]: what is in the repository, and what the program will do
	rm -f "$repo"/* "$calls" "$mark"
	echo "$1" >"$W/how"
	[ "${2-}" != old ] || cp -p "$W/src/old.tar.zst" "$repo/web01-old.tar.zst"
}
check() { # ARGUMENTS...
	run check web01 --config "$W/c.conf" --scratch "$S" --format json "$@"
}
# is CODE CALLS NAME [FILTER]: of the last check, how often the program was called, and what else is so in its JSON
is() {
	local n=0
	[ ! -e "$calls" ] || n=$(wc -l <"$calls")
	if [ "$code,$n" = "$1,$2" ] && { [ -z "${4-}" ] || jq -e "$4" "$W/out" >/dev/null; }; then
		ok "$3"
	else
		{ why "$1, $2 calls and ${4-}"; echo "calls: $n"; jq -c '{backup_now, notes, exit}' "$W/out"; } | not_ok "$3"
	fi
}
both=("on_missing = $W/make --for {host} \"{host}'s {host}\"" "on_stale = $W/make stale {host}")

write_config "${both[@]}"
again good
check
is 0 1 "no backup: one is made, and it is the one that counts" '.verdict == "safe" and .backup_now.because == "no-backup"
	and .backup_now.state == "exited" and .backup_now.status == 0 and .backup_now.command[2] == "web01" and .backup_now.seconds >= 0'
holds "... the program is told for whom and why, {host} is the host, and there is nothing to be read" grep -qx "3 --for web01 web01's web01 | web01 no-backup | 0" "$calls"
holds "... what it says goes to standard error" sh -c 'grep -qx "to standard output" "$1" && grep -qx "to standard error" "$1"' - "$W/err"
holds "... which says first what is done" grep -q "web01: no-backup: a backup is made now, within .*$W/make --for web01" "$W/err"
rm -f "$calls"
check
is 0 0 "there is one now: none is made" '.backup_now == null'
again good old
check
is 0 1 "a stale one: on_stale makes one" '.verdict == "safe" and .backup_now.because == "stale" and .backup_now.command[1] == "stale"'
again damaged
check
is 12 1 "what is made is proved like any other" '.verdict == "damaged" and .backup_now.status == 0'
again nothing
check
is 10 1 "a program that makes nothing: once, and no more" '.verdict == "no-backup" and .backup_now.status == 0'
again fails
check
is 10 1 "one that fails: what it left does not count" '.verdict == "no-backup" and .backup_now.status == 3 and (.notes | any(test("on_missing has made no backup: exit 3")))'
holds "... which is told" grep -q "on_missing has made no backup: exit 3" "$W/err"
again fails old
check
is 11 1 "... nor for a stale one" '.verdict == "stale" and (.notes | any(test("on_stale has made no backup: exit 3")))'

write_config "on_missing = $W/make {host}"
again good old
check
is 11 0 "on_missing is not for stale ones" '.backup_now == null'
write_config "on_stale = $W/make {host}"
again good
check
is 10 0 "nor on_stale for missing ones" '.backup_now == null'
write_config "on_missing = $W/none {host}"
again good
check
is 10 0 "a program that is not there" '.backup_now.state == "failed" and (.notes | any(test("could not be started")))'

write_config "${both[@]}" 'backup_time_limit = 1s'
again slow
started=$SECONDS
check
is 10 1 "one that takes too long is ended" '.backup_now.timed_out and .backup_now.state == "signalled" and (.notes | any(test("took longer than 1s")))'
holds "... in time" test $((SECONDS - started)) -lt 20
holds "... with all that it had started" gone "$W/sleeper"
write_config "${both[@]}"
again slow
started=$SECONDS
check --deadline 2s
is 10 1 "--deadline is for that, too" '.backup_now.timed_out'
holds "... in time" test $((SECONDS - started)) -lt 20
again slow
"$BACKPROOF" check web01 --config "$W/c.conf" --scratch "$S" >/dev/null 2>&1 </dev/null &
pid=$!
for i in $(seq 200); do [ -e "$calls" ] && break; sleep 0.05; done
sleep 0.2
kill -TERM $pid
wait $pid
holds "told to stop meanwhile: it is ended, and so are we" test $? = 143 -a "$(wc -l <"$calls")" = 1
holds "... with all that it had started" gone "$W/sleeper"

# For whom not
again good
run check web01 --config "$W/c.conf" --scratch "$S" --format json --from "$W/old"
holds "with --from none is made" test ! -e "$calls"
mkdir "$W/empty"
run check web01 --config "$W/c.conf" --scratch "$S" --format json --from "$W/empty"
is 10 0 "... nor from an empty directory"
for host in 'a;b' 'a/b' '$(id)' 'a b' '{host}'; do
	run check --config "$W/c.conf" --scratch "$S" --format json -- "$host"
	is 10 0 "no host has the name $host" '.notes | any(test("no backup is made now: the name of the host"))'
done
run check --config "$W/c.conf" --scratch "$S" --format json -- @all
holds "... nor is one made for a group" test "$code" = 64 -a ! -e "$calls"
again good
run audit --config "$W/c.conf" --scratch "$S" --format json
is 10 0 "an audit makes none"
again good old
run audit web01 --config "$W/c.conf" --scratch "$S" --format json
is 11 0 "... nor of a stale one"
again good
"$BACKPROOF" waive web01 --config "$W/c.conf" --history "$H" --reason test --for 1h >/dev/null 2>"$W/err" </dev/null
check
is 0 0 "none where a person has waived it" '.verdict == "waived" and .backup_now == null'
"$BACKPROOF" waive web01 --config "$W/c.conf" --history "$H" --end >/dev/null 2>&1 </dev/null

# run, and backups that are suspect
again good old
run run web01 --config "$W/c.conf" --scratch "$S" --suspect "broken into" --format json --output "$W/report" -- sh -c "echo patched; touch $mark"
holds "run makes one as well, and then COMMAND runs" test "$code,$(cat "$W/out"),$(wc -l <"$calls")" = "0,patched,1" -a -e "$mark"
holds "... its report has all of it" jq -e '.backup_now.because == "stale" and .patch.result.status == 0 and .suspect == "broken into"' "$W/report"
holds "... what was made now is suspect, and not the one before" test "$(sqlite3 "$H" 'SELECT count(*), min(label) FROM suspect')" = "1|$(basename "$repo"/web01-2*)"
again fails
run run web01 --config "$W/c.conf" --scratch "$S" -- touch "$mark"
holds "no backup came of it: COMMAND does not run" test "$code" = 10 -a ! -e "$mark"
again fails old
run run web01 --config "$W/c.conf" --scratch "$S" --suspect "broken into" -- touch "$mark"
holds "... nor is the old one suspect" test "$code,$(sqlite3 "$H" 'SELECT count(*) FROM suspect')" = 11,1
again nothing old
run run web01 --config "$W/c.conf" --scratch "$S" --suspect "broken into" -- touch "$mark"
holds "... nor where the program made none and says it did" test "$code,$(sqlite3 "$H" 'SELECT count(*) FROM suspect')" = 11,1
finish
