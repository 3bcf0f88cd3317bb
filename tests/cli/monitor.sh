#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What monitors are told: the journal's entries, check_backproof, metrics of stored verdicts, JUnit. check_backproof says OK
# only for a stored verdict that is safe and recent; whatever else becomes of the history is never OK.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli/journal.bash
. "$(dirname "$0")/journal.bash"
PLUGIN=$(dirname "$BACKPROOF")/check_backproof
CHECK=$TOP/tests/cli/monitor-check.py
holds "the plugin is built" test -x "$PLUGIN"
h=$W/h.db
C=(--config "$W/empty.conf" --scratch "$S")
q() { sqlite3 -cmd '.timeout 5000' "$h" "$1"; }
mkdir "$W/said"
plugin() { # CODE NAME ARGUMENTS...: leaves $W/out; what it says is read at the end, all at once
	local want=$1 name=$2 state=(OK WARNING CRITICAL UNKNOWN) line
	shift 2
	ran="check_backproof $*"
	"$PLUGIN" "$@" >"$W/out" 2>"$W/err" </dev/null
	code=$?
	cp "$W/out" "$W/said/$((passed + failed)) $want"
	read -r line <"$W/out"
	if [ "$code" = "$want" ] && [ ! -s "$W/err" ] && [[ $line == "BACKPROOF ${state[$want]} - "* ]]; then
		ok "$name"
	else
		why "$want" | not_ok "$name"
	fi
}
says() { # NAME PATTERN
	if grep -Eq -- "$2" "$W/out"; then ok "$1"; else why "$2" | not_ok "$1"; fi
}
silent_on() { # NAME PATTERN
	if grep -Eq -- "$2" "$W/out"; then why "not $2" | not_ok "$1"; else ok "$1"; fi
}

mk_tree "$W/efi" web01 "$ID" efi
mk_disk "$W/web01.img" "$W/efi" --size 64 || exit 1

# The journal: an entry a verdict, once its report was written.
listen 1
BACKPROOF_JOURNAL=$socket run check web01 --from "$W/web01.img" "${C[@]}" --history "$h"
heard "a safe verdict in the journal" '.[0] | .MESSAGE_ID == "b44f7b03d0f84b9f9ddad2ae12cd845f" and .PRIORITY == "6" and
	.SYSLOG_IDENTIFIER == "backproof" and .BACKPROOF_COMMAND == "check" and .BACKPROOF_HOST == "web01" and
	.BACKPROOF_VERDICT == "safe" and .BACKPROOF_CODE == "0" and .BACKPROOF_POLICY == "default" and
	(.BACKPROOF_FILES | endswith("/web01.img")) and (.BACKPROOF_BYTES | tonumber) > 0 and
	(.BACKPROOF_CHECKED_AT | fromdate) > 0 and (.MESSAGE | test("^web01: safe: ")) and (has("BACKPROOF_NOW") | not)'
listen 1
BACKPROOF_JOURNAL=$socket run check web01 --from "$W/web01.img" "${C[@]}" --now 2031-05-06T07:08:09Z --history none
heard "one that is not, by a time that was given" '.[0] | .PRIORITY == "3" and .BACKPROOF_VERDICT == "stale" and
	.BACKPROOF_CODE == "11" and .BACKPROOF_NOW == "2031-05-06T07:08:09Z" and (.BACKPROOF_REASON | test("^stale: ")) and
	(.MESSAGE | test("^web01: stale: "))'
listen 1
BACKPROOF_JOURNAL=$socket run check web01 --from "$W/web01.img" "${C[@]}" --history none --output /dev/full
holds "a report that can't be written" test "$code" = 70
heard "... is no verdict in the journal either" '.[0] | .PRIORITY == "3" and .BACKPROOF_VERDICT == "internal" and .BACKPROOF_CODE == "70"'
listen 1
BACKPROOF_JOURNAL=$socket run check $'web01\nBACKPROOF_CODE=0\nBACKPROOF_VERDICT=safe' --from "$W/none" "${C[@]}" --history none
heard "a host by whose name fields would come" '.[0] | .BACKPROOF_CODE != "0" and .BACKPROOF_VERDICT != "safe" and
	(.BACKPROOF_HOST | startswith("web01\n")) and (.MESSAGE | contains("\n") | not)'
cp "$W/empty.conf" "$W/audit.conf"
printf '[repository "r"]\npath = %s\nlayout = files\nmatch = {host}.img\n' "$W" >>"$W/audit.conf"
for i in web01 web02 web03; do printf '[host "%s"]\nrepository = r\n' $i >>"$W/audit.conf"; done
listen 3
BACKPROOF_JOURNAL=$socket run audit --config "$W/audit.conf" --scratch "$S" --history none --format html --output "$W/audit.html"
heard "an entry for each host of an audit" 'length == 3 and (map(.BACKPROOF_HOST) | sort) == ["web01", "web02", "web03"] and
	(map(.BACKPROOF_COMMAND) | unique) == ["audit"] and (map(.BACKPROOF_CODE) | sort) == ["0", "10", "10"]'
printf '[policy "default"]\nhistory = %s\nwaivers = recorded\n' "$W/waived.db" >"$W/waived.conf"
sed '1,/^max_age/d' "$W/audit.conf" >>"$W/waived.conf"
run waive web02 --reason 'the hole is open' --for 1h --config "$W/waived.conf"
listen 1
BACKPROOF_JOURNAL=$socket run check web02 --config "$W/waived.conf" --scratch "$S"
heard "a waived one has the code that was found" '.[0] | .PRIORITY == "4" and .BACKPROOF_VERDICT == "waived" and
	.BACKPROOF_CODE == "10" and .BACKPROOF_WAIVER_REASON == "the hole is open" and (.MESSAGE | test("^web02: waived: no-backup: "))'
for j in "$W/no-such-socket" "$W/empty.conf" none "$W/$(printf 'x%.0s' $(seq 200))"; do
	BACKPROOF_JOURNAL=$j run check web01 --from "$W/web01.img" "${C[@]}" --history none --quiet
	holds "no journal at '${j:0:40}' changes nothing" sh -c "[ $code = 0 ] && [ ! -s '$W/out' ] && [ ! -s '$W/err' ]"
done

# The plugin, on what the check above has left.
plugin 0 "a safe verdict" -H web01 -f "$h"
says "in a line" '^BACKPROOF OK - web01 safe: (full|sample) check .* ago, backup taken .* ago'
holds "performance data, with units" jq -e '.data | .age.unit == "s" and .age.value < 900 and .age.crit == "93600" and
	.age.warn == "" and .age.min == "0" and .backup_age.unit == "s" and .size.unit == "B" and .size.value == 67108864' <(python3 "$CHECK" perfdata "$W/out")
plugin 0 "all hosts of the history" -f "$h"
run check web01 --from "$W/web01.img" --hostname web99 --history "$W/two.db" "${C[@]}"
run check web01 --from "$W/web01.img" --history "$W/two.db" "${C[@]}"
plugin 0 "the newest of two verdicts" -H web01 -f "$W/two.db"
sqlite3 "$W/two.db" "UPDATE run SET checked_at = checked_at - 60 WHERE code = 0"
plugin 2 "... and not one that began earlier, and took its time" -H web01 -f "$W/two.db"
says "why" '^BACKPROOF CRITICAL - web01 incomplete'
run history --history "$W/two.db" --format prometheus
holds "... and in metrics" grep -qxF 'backproof_host_safe{host="web01"} 0' "$W/out"
holds "... that know of the full check all the same" grep -q '^backproof_last_full_check_timestamp_seconds{host="web01"} 1' "$W/out"
plugin 0 "by the environment's history" -H web01 --history "$h"
BACKPROOF_HISTORY=$h plugin 0 "by the environment" -H web01
plugin 2 "a host of which nothing is known" -H web99 -f "$h"
says "... is named" 'web99: no verdict'
plugin 2 "one that is, and one that is not" -H web01 -H web99 -f "$h"
says "... are counted" '^BACKPROOF CRITICAL - 1 of 2 hosts ok: 1 CRITICAL'
q "UPDATE run SET checked_at = checked_at - 3600, taken_at = checked_at - 7200"
plugin 1 "-w" -H web01 -f "$h" -w 30m
plugin 2 "-c" -H web01 -f "$h" -w 30m -c 3000
plugin 0 "-w, within" -H web01 -f "$h" -w 10: -c 1h:2h
plugin 1 "-w @" -H web01 -f "$h" -w @1h:2h
holds "thresholds in performance data" jq -e '.data.age | .warn == "@3600:7200" and .crit == "93600"' <(python3 "$CHECK" perfdata "$W/out")
plugin 0 "the backup's age, within" -H web01 -f "$h" -W 4h -C 5h
plugin 1 "the backup's age -W" -H web01 -f "$h" -W 1h -C 5h
plugin 2 "the backup's age -C" -H web01 -f "$h" -W 1h -C 2h
q "UPDATE run SET checked_at = checked_at - 93600, taken_at = taken_at - 93600"
plugin 2 "too old, where nobody says how old" -H web01 -f "$h"
plugin 0 "... unless somebody does" -H web01 -f "$h" -c 0:
q "UPDATE run SET checked_at = unixepoch() + 4000, taken_at = unixepoch()"
plugin 3 "from the future" -H web01 -f "$h" -c '~:26h'
q "UPDATE run SET checked_at = unixepoch() + 30, taken_at = unixepoch() - 60"
plugin 0 "a clock that runs ahead a little" -H web01 -f "$h"
q "UPDATE run SET checked_at = unixepoch() - 60, taken_at = unixepoch() + 4000"
plugin 3 "a backup from the future" -H web01 -f "$h"
q "UPDATE run SET checked_at = unixepoch() - 60, taken_at = 0"
plugin 0 "a backup whose age nobody knows" -H web01 -f "$h"
plugin 3 "... and that somebody asks for" -H web01 -f "$h" -W 5h
q "UPDATE run SET taken_at = unixepoch() - 600"
cp "$h" "$W/safe.db"
again() { cp "$W/safe.db" "$h"; }

# Each verdict.
for c in 10 11 12 13; do
	q "UPDATE run SET code = $c"
	plugin 2 "code $c is CRITICAL" -H web01 -f "$h" -c '~:26h'
done
for c in 20 21 64 70 78; do
	q "UPDATE run SET code = $c"
	plugin 3 "code $c is UNKNOWN" -H web01 -f "$h"
done
again
q "INSERT INTO run SELECT 98, 'web02', label, policy, checked_at, taken_at, 20, depth, seed, proofs, bytes, bytes_read, bytes_decoded,
	image_data, files_sampled, files_restored, files_witnessed, bytes_restored, restore_seconds, duration_seconds, hostname,
	machine_id, system, entries, opaque, confidence, damage, evidence, waiver FROM run LIMIT 1"
plugin 3 "of several, one that could not be told" -f "$h"
plugin 2 "... beside one that is CRITICAL" -f "$h" -H web02 -H web99
plugin 2 "... in whatever order" -f "$h" -H web99 -H web02
plugin 3 "no name is not all of them" -f "$h" -H ''
q "DELETE FROM run WHERE host = 'web02'"
for c in 87 1 -1 256 4294967296; do
	q "UPDATE run SET code = $c"
	plugin 3 "code $c is none" -H web01 -f "$h"
done
again
q "INSERT INTO run SELECT 99, host, label, policy, checked_at, taken_at, 12, depth, seed, proofs, bytes, bytes_read, bytes_decoded,
	image_data, files_sampled, files_restored, files_witnessed, bytes_restored, restore_seconds, duration_seconds, hostname,
	machine_id, system, entries, opaque, confidence, damage, evidence, waiver FROM run LIMIT 1"
q "INSERT INTO reason VALUES (99, 0, 'damaged: a | b' || char(10) || 'BACKPROOF OK - c'), (99, 1, 'second | reason')"
plugin 2 "the last verdict counts, not the best" -H web01 -f "$h"
says "... with its reason" '^BACKPROOF CRITICAL - web01 damaged: a / b'
says "... and the others below" '^second / reason$'
plugin 2 "... of all hosts" -f "$h" -H web01 -H web02
says "... a line a host" '^CRITICAL - web01 damaged: '
# Waived: by the waiver that the verdict names, for as long as it is in force.
q "UPDATE run SET waiver = 5 WHERE id = 99"
plugin 2 "a waiver that is not there" -H web01 -f "$h"
q "INSERT INTO waiver(id, host, reason, user, uid, recorded_at, ends_at)
	VALUES (5, 'web01', 'kernel | hole', 'ada', 0, unixepoch() - 100, unixepoch() + 3600)"
plugin 1 "waived" -H web01 -f "$h"
says "... until when, by whom and why" 'web01 waived until 20.*Z by ada \(kernel / hole\): damaged'
plugin 2 "waived, and too old" -H web01 -f "$h" -c 0:10
for change in "ends_at = unixepoch() - 1" "ended_at = unixepoch() - 1, ended_by = 'ada'" "host = 'web02'" "id = 6"; do
	q "UPDATE waiver SET id = 5, host = 'web01', ends_at = unixepoch() + 3600, ended_at = 0; UPDATE waiver SET $change"
	plugin 2 "not by a waiver with $change" -H web01 -f "$h"
done
# Suspect.
again
q "INSERT INTO suspect SELECT host, label, 'broken | into', 'ada', unixepoch() FROM run"
plugin 1 "suspect" -H web01 -f "$h"
says "... and why" 'suspect, not for a clean restore: broken / into'
# Names are anybody's.
again
q "UPDATE run SET host = 'web|01' || char(10) || 'OK', policy = char(27) || '|'"
plugin 0 "a host with a hostile name" -f "$h" -v
plugin 0 "... and all of two" -f "$h" -v -H $'web|01\nOK' -H $'web|01\nOK'

# By the configuration.
again
q "UPDATE run SET policy = 'default'"
printf '[policy "default"]\nhistory = %s\n[policy "other"]\nhistory = %s\n' "$h" "$h" >"$W/c.conf"
printf '[repository "r"]\npath = %s\nlayout = files\nmatch = {host}.img\n' "$W" >>"$W/c.conf"
printf '[host "web01"]\nrepository = r\ngroup = web\n[host "web02"]\nrepository = r\ngroup = mail\npolicy = other\n' >>"$W/c.conf"
plugin 2 "a configured host that was never checked" --config "$W/c.conf"
says "... by name" '^CRITICAL - web02: no verdict'
plugin 0 "a group" --config "$W/c.conf" -H @web
plugin 2 "another" --config "$W/c.conf" -H @mail
plugin 3 "a group that there is not" --config "$W/c.conf" -H @none
plugin 3 "a group without a configuration that names it" -H @web -f "$h"
q "UPDATE run SET host = 'web02'"
plugin 1 "safe by another policy than it should be" --config "$W/c.conf" -H web02
plugin 1 "... or by another than asked for" -f "$h" -H web02 -p strict
plugin 0 "... or by the one asked for" -f "$h" -H web02 -p default
q "UPDATE run SET host = 'gone', code = 12"
plugin 2 "a host that is configured no more counts no more" --config "$W/c.conf"
silent_on "... and is not named" gone
again
sed "0,/history = .*/s||history = $W/safe.db|" "$W/c.conf" >"$W/two.conf"
plugin 3 "hosts of several histories" --config "$W/two.conf"
plugin 0 "... one by itself" --config "$W/two.conf" -H web01
printf 'nonsense\n' >>"$W/two.conf"
plugin 3 "a configuration that is wrong" --config "$W/two.conf" -H web01 -f "$h"
plugin 3 "a configuration that is not there" --config "$W/none.conf" -H web01 -f "$h"
plugin 3 "a configuration without hosts" --config "$W/empty.conf" -f "$h"

# Whatever becomes of the history is not OK.
plugin 3 "no history" -H web01 -f "$W/none.db"
plugin 3 "... and none is kept" -H web01 -f none
holds "... and none is made" test ! -e "$W/none.db"
: >"$W/bad.db"
plugin 3 "an empty file" -H web01 -f "$W/bad.db"
"$BACKPROOF" check web01 --from "$W/web01.img" "${C[@]}" --history "$W/fresh.db" >/dev/null 2>&1
sqlite3 "$W/fresh.db" "DELETE FROM run"
plugin 3 "one in which nothing is" -f "$W/fresh.db"
plugin 2 "... of that host" -H web01 -f "$W/fresh.db"
head -c 20000 /dev/urandom >"$W/bad.db"
plugin 3 "garbage" -H web01 -f "$W/bad.db"
rm "$W/bad.db" && sqlite3 "$W/bad.db" "CREATE TABLE run(host, code); INSERT INTO run VALUES ('web01', 0)"
plugin 3 "another database" -H web01 -f "$W/bad.db"
sqlite3 "$h" "PRAGMA wal_checkpoint(TRUNCATE)" >/dev/null
size=$(stat -c %s "$h")
# By the last page at least: of a page that is the index of nothing, the last bytes are zeros, and none is lost.
for n in 1 60 100 512 4096 $((size / 2)) $((size - 4096)); do
	head -c "$n" "$h" >"$W/bad.db"
	plugin 3 "cut after $n bytes" -H web01 -f "$W/bad.db"
done
again
q "PRAGMA user_version = 99"
plugin 3 "of a newer program" -H web01 -f "$h"
again
q "DROP TABLE suspect"
plugin 3 "without a table" -H web01 -f "$h"
again
chmod 666 "$h"
plugin 3 "that anybody may write to" -H web01 -f "$h"
chmod 640 "$h"
plugin 3 "a directory" -H web01 -f "$W"
mkfifo "$W/fifo"
plugin 3 "a pipe" -H web01 -f "$W/fifo"
chmod 600 "$h"
setpriv --reuid 65534 --regid 65534 --clear-groups "$PLUGIN" -H web01 -f "$h" >"$W/out" 2>&1
code=$?
holds "one that can't be read" test "$code" = 3
chmod 644 "$h" && sqlite3 "$h" "PRAGMA wal_checkpoint(TRUNCATE)" >/dev/null && rm -f "$h-wal" "$h-shm"
setpriv --reuid 65534 --regid 65534 --clear-groups "$PLUGIN" -H web01 -f "$h" >"$W/out" 2>&1
code=$?
holds "a user who may only read" test "$code" = 0
# Locked, for longer than anybody waits: the answer comes in time.
printf 'BEGIN EXCLUSIVE;\n.shell sleep 30\n' >"$W/lock.sql"
q "PRAGMA journal_mode = DELETE" >/dev/null
sqlite3 "$h" <"$W/lock.sql" >/dev/null 2>&1 &
locker=$!
for _ in $(seq 100); do
	sqlite3 "$h" "SELECT 1 FROM run" >/dev/null 2>&1 || break
	sleep 0.05
done
started=$(date +%s)
plugin 3 "locked" -H web01 -f "$h" -t 2
says "... is said" 'could not be asked within 2 s'
holds "... in time" test $(($(date +%s) - started)) -le 4
# Whoever asks for us is killed.
"$PLUGIN" -H web01 -f "$h" >"$W/out" 2>"$W/err" &
asked=$!
child=
for _ in $(seq 100); do
	child=$(cat "/proc/$asked/task/$asked/children" 2>/dev/null)
	[ -n "$child" ] && break
	sleep 0.02
done
# shellcheck disable=SC2086
kill -9 $child
wait $asked
code=$?
holds "its child is killed" test "$code" = 3
says "... is said" '^BACKPROOF UNKNOWN - '
# shellcheck disable=SC2046
kill $(cat "/proc/$locker/task/$locker/children") $locker 2>/dev/null
wait $locker 2>/dev/null
again

# Its own mouth.
"$PLUGIN" -H web01 -f "$h" >/dev/full 2>/dev/null
holds "an answer that can't be written" test $? = 3
"$PLUGIN" -H web01 -f "$h" >&- 2>/dev/null
holds "... nor anywhere" test $? = 3
(
	"$PLUGIN" -H web01 -f "$h" 2>/dev/null
	echo $? >"$W/status"
) | true
holds "... nor to anybody" test "$(cat "$W/status")" != 2 # 0 where it was written before the reader left, else 3
for bad in "-H" "-H ''" "-w" "-w ''" "-w 20:10" "-c 1x" "-t 0" "-t x" "-t 9999" "--nonsense" "stray" "-f ''" "-H web01 stray" "-p ''"; do
	eval "set -- $bad"
	plugin 3 "usage: $bad" "$@" --now 2026-01-01T00:00:00Z
done
"$PLUGIN" -V >"$W/out"
holds "-V is no verdict" test $? = 3
says "... and tells the version" '^check_backproof [0-9.]+$'
"$PLUGIN" --help >"$W/out"
holds "-h is no verdict" test $? = 3

# The manual, and the definitions that come with it.
manual() { mandoc -T utf8 "$TOP/man/$1" | perl -pe 's/.\x08//g; s/\xe2\x88\x92|\xe2\x80\x90/-/g'; }
manual check_backproof.1 | grep -v 'backproof check' | grep -oE -e '--[a-z-]+[a-z]' | sort -u >"$W/manual"
"$PLUGIN" --help >"$W/help"
grep -oE -e '--[a-z-]+' "$W/help" | sort -u >"$W/options"
holds "every option is in check_backproof(1)" diff "$W/options" "$W/manual"
manual backproof.1 >"$W/page"
grep -ohE '"BACKPROOF_[A-Z_]+"' "$TOP"/src/cli/trace.c | tr -d '"' | sort -u >"$W/fields"
holds "the journal has fields" test "$(wc -l <"$W/fields")" -gt 20
for field in $(cat "$W/fields") $(grep -oE '"[0-9a-f]{32}"' "$TOP/include/backproof/journal.h" | tr -d '"'); do
	grep -qw "$field" "$W/page" || echo "$field"
done >"$W/missing"
holds "fields and message ids are in backproof(1)" diff /dev/null "$W/missing"
again
mkdir -p "$W/etc"
export BACKPROOF_HISTORY=$h
for f in nagios.cfg icinga2.conf zabbix.conf; do
	sed "s,/usr/local/lib/nagios/plugins/check_backproof,$PLUGIN,; s,/usr/local/bin/backproof,$BACKPROOF," \
		"$TOP/packaging/monitoring/$f" >"$W/etc/$f"
done
zabbix() { # KEY ARGUMENT: as the agent runs it
	local line
	line=$(sed -n "s/^UserParameter=$1\(\[\*\]\)\{0,1\},//p" "$W/etc/zabbix.conf" | sed "s/\\\$1/${2-}/; s/\\\$\\\$/\\\$/g")
	sh -c "$line" 2>/dev/null
}
holds "Zabbix: state" test "$(zabbix backproof.state web01)" = 0
holds "Zabbix: state of one that is not known" test "$(zabbix backproof.state web99)" = 2
holds "Zabbix: in words" sh -c 'case $1 in "BACKPROOF OK - web01 safe: "*) ;; *) false ;; esac' - "$(zabbix backproof.says web01)"
holds "Zabbix: JSON" sh -c 'printf %s "$1" | jq -e ".verdicts[0] | .verdict == \"safe\" and .exit == 0 and
	.restore_point.bytes > 0 and (.reasons | length) == 0 and (.measures | has(\"restore_bytes_per_second\"))"' - "$(zabbix backproof.verdict web01)"
holds "Zabbix: hosts" sh -c 'printf %s "$1" | jq -e "[.verdicts[].host] == [\"web01\"]"' - "$(zabbix backproof.hosts)"
nagios() { # COMMAND: its line, with macros put in
	sed -n "/command_name	$1\$/{n; s/^	command_line	//p}" "$W/etc/nagios.cfg" |
		sed 's/\$HOSTNAME\$/web01/; s/\$ARG1\$/web01/; s/\$ARG2\$/@0:9h/; s/\$ARG3\$/26h/'
}
sh -c "$(nagios check_backproof)" >"$W/out"
holds "Nagios: a command" test $? = 0 -a -s "$W/out"
sh -c "$(nagios check_backproof_args)" >"$W/out"
holds "Nagios: with ranges" test $? = 1 -a -s "$W/out"
sh -c "$(nagios check_backproof_configured) --config $W/c.conf" >"$W/out"
holds "Nagios: all that are configured" test $? = 2 -a -s "$W/out"
holds "Icinga: options are the plugin's" sh -c 'grep -oE "^\s+\"-+[a-zA-Z]+\"" "$1" | tr -d "\"\t " | while read -r o; do
	grep -qE -e "(^| )$o(,| |\$)" "$2" || exit 1; done' - "$W/etc/icinga2.conf" "$W/help"
export BACKPROOF_HISTORY=none

# Metrics of what is stored, for a textfile collector.
metrics() { # CODE NAME ARGUMENTS...
	local want=$1 name=$2
	shift 2
	run history --format prometheus --config "$W/empty.conf" "$@"
	if [ "$code" = "$want" ]; then ok "$name"; else why "$want" | not_ok "$name"; fi
}
is() { # NAME FILTER: of the metrics in $W/out; m(METRIC; HOST) is one
	if python3 "$CHECK" prometheus <"$W/out" >"$W/metrics" 2>"$W/err" && jq -e \
		'def m($metric; $host): .[$metric][[["host", $host]] | tojson | gsub(",";", ")]; '"$2" "$W/metrics" >/dev/null; then
		ok "$1"
	else
		why "$2" | not_ok "$1"
	fi
}
run audit --config "$W/audit.conf" --scratch "$S" --history none --format prometheus --output "$W/audit.prom"
metrics 0 "metrics of a safe verdict" --history "$h"
cp "$W/out" "$W/history.prom"
is "... say so" 'm("backproof_host_safe"; "web01") == 1 and m("backproof_host_waived"; "web01") == 0 and
	m("backproof_host_code"; "web01") == 0 and m("backproof_backup_size_bytes"; "web01") == 67108864 and
	m("backproof_backup_age_seconds"; "web01") > 0 and m("backproof_last_check_timestamp_seconds"; "web01") > now - 900 and
	m("backproof_last_full_check_timestamp_seconds"; "web01") > now - 900 and m("backproof_patch_running"; "web01") == 0 and
	(.backproof_proof_held | length) == 7 and .backproof_history_hosts["[]"] == 1'
holds "what an audit says too means the same there" sh -c 'a=$(grep "^# " "$1") && b=$(grep "^# " "$2") &&
	same=$(printf "%s\n%s\n" "$a" "$b" | awk "{print \$2, \$3}" | sort | uniq -d | wc -l) && [ "$same" -ge 18 ] &&
	[ "$(printf "%s\n%s\n" "$a" "$b" | sort | uniq -d | wc -l)" = "$same" ]' - "$W/audit.prom" "$W/history.prom"
if command -v promtool >/dev/null; then holds "promtool has nothing to say" promtool check metrics <"$W/history.prom"; fi
q "INSERT INTO run SELECT 99, host, label, policy, checked_at + 60, taken_at, 12, 1, seed, proofs, bytes, bytes_read,
	bytes_decoded, image_data, files_sampled, files_restored, files_witnessed, bytes_restored, restore_seconds,
	duration_seconds, hostname, machine_id, system, entries, opaque, confidence, damage, evidence, 5 FROM run LIMIT 1"
q "INSERT INTO waiver(id, host, reason, user, uid, recorded_at, ends_at)
	VALUES (5, 'web01', 'x', 'ada', 0, unixepoch() - 100, unixepoch() + 3600)"
q "INSERT INTO patch VALUES (1, 'web01', 'default', 0, 0, 'l', NULL, 1, 1, '[]', '[]', 1, 0, 1700000000, 0, NULL, 0, 0, 0, 'ada')"
metrics 0 "metrics of one that is waived, and is being patched" --history "$h"
is "... is not safe" 'm("backproof_host_safe"; "web01") == 0 and m("backproof_host_waived"; "web01") == 1 and
	m("backproof_host_code"; "web01") == 12 and m("backproof_waiver_end_timestamp_seconds"; "web01") > now and
	m("backproof_backup_suspect"; "web01") == 0 and m("backproof_patch_running"; "web01") == 1 and
	m("backproof_last_patch_timestamp_seconds"; "web01") == 1700000000 and
	m("backproof_last_full_check_timestamp_seconds"; "web01") < m("backproof_last_check_timestamp_seconds"; "web01")'
q "UPDATE run SET depth = 2 WHERE id = 99; UPDATE waiver SET id = 6"
metrics 0 "... by a waiver that its verdict does not name" --history "$h"
is "... is not waived, and a full check that was not safe proves nothing" 'm("backproof_host_waived"; "web01") == 0 and
	m("backproof_last_full_check_timestamp_seconds"; "web01") < m("backproof_last_check_timestamp_seconds"; "web01")'
q "UPDATE waiver SET id = 5"
q "INSERT INTO suspect SELECT host, label, 'x', 'ada', unixepoch() FROM run LIMIT 1"
metrics 0 "... and is suspect" --history "$h"
is "... says so" 'm("backproof_backup_suspect"; "web01") == 1'
q "UPDATE waiver SET ends_at = unixepoch() - 1; UPDATE patch SET state = 2, ended_at = 1700000001"
metrics 0 "... and when that is over" --history "$h"
is "... is neither" '(has("backproof_waiver_end_timestamp_seconds") | not) and m("backproof_host_waived"; "web01") == 0 and m("backproof_patch_running"; "web01") == 0'
q "UPDATE run SET host = 'a' || char(10) || 'backproof_host_safe{host=\"x\"} 1', code = 12 WHERE id = 99"
q "UPDATE run SET host = 'a\x0abackproof_host_safe{host=\"x\"} 1' WHERE id <> 99"
metrics 0 "two hosts whose names are written alike" --history "$h"
is "... are one, the worse" '(.backproof_host_safe | length) == 1 and (.backproof_host_safe | map(.)) == [0] and
	.backproof_history_hosts["[]"] == 2'
again
metrics 0 "into a file" --history "$h" --output "$W/textfile.prom"
inode=$(stat -c %i "$W/textfile.prom")
exec 9<"$W/textfile.prom"
metrics 0 "... once more" --history "$h" --output "$W/textfile.prom"
holds "... in place of the one before, at once" test "$(stat -c %i "$W/textfile.prom")" != "$inode"
holds "... which was not written to" cmp "$W/textfile.prom" /dev/fd/9
exec 9<&-
holds "... for all to read" test "$(stat -c %a "$W/textfile.prom")" = 644
metrics 20 "no history: nothing is written" --history "$W/none.db" --output "$W/textfile.prom"
holds "... over what was there" grep -q '^backproof_host_safe{host="web01"} 1$' "$W/textfile.prom"
metrics 20 "a host of which nothing is known" --history "$h" web99
metrics 64 "--limit has no meaning there" --history "$h" --limit 3

holds "every answer is one that monitors can read" python3 "$CHECK" perfdata "$W"/said/*

# Reports for builds: as strict as Jenkins is.
run audit --config "$W/audit.conf" --scratch "$S" --history none --format junit --output "$W/junit.xml"
holds "JUnit, of an audit" sh -c 'python3 "$1" junit "$2" | jq -e ".tests == 24 and .failures > 0"' - "$CHECK" "$W/junit.xml"
run check $'a&b<c>"\'\x01\xff' --from "$W/web01.img" "${C[@]}" --history none --format junit --output "$W/junit.xml"
holds "JUnit, of a hostile name" python3 "$CHECK" junit "$W/junit.xml"
finish
