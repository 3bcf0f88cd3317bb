#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A person says: patch all the same. What that takes, what it makes of a verdict in every format, in passes and audits,
# and that it leaves a trace; that it ends, can be forbidden, capped, asked of two people; and that it is never "safe".
# Backups that are suspect.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli/journal.bash
. "$(dirname "$0")/journal.bash"
h=$W/h.db
mk_tree "$W/tree" web01 "$ID" container
mk_tar "$W/web01.tar" "$W/tree"
zstd -q "$W/web01.tar"
img=$W/web01.tar.zst
day=86400
began=$(date +%s)
at() { date -u -d "@$((began + $1))" +%FT%TZ; } # SECONDS from now
later=$(at $((3 * day)))			      # by then the backup is stale
half=$(at $((3 * day + 1800))) over=$(at $((3 * day + 3600)))
C=(--config "$W/empty.conf" --history "$h")
code_is() { # CODE NAME [WORDS]: of the last run; WORDS have to be in what it said
	if [ "$code" = "$1" ] && { [ -z "${3-}" ] || grep -qF -e "$3" "$W/out" "$W/err"; }; then ok "$2"; else why "$1 ${3-}" | not_ok "$2"; fi
}
waive() { run waive "$@" --now "${now-$later}"; }
check() { run check web01 --from "$img" --scratch "$S" --now "${now-$half}" "$@"; }
q() { sqlite3 -cmd '.timeout 5000' "${db-$h}" "$1"; }
is() { # NAME EXPECTED SQL
	local got
	got=$(q "$3" 2>&1)
	if [ "$got" = "$2" ]; then ok "$1"; else echo "$3: $got, not $2" | not_ok "$1"; fi
}
json() { # NAME FILTER: of standard output
	if jq -e "$2" "$W/out" >"$W/holds" 2>&1; then ok "$1"; else why "$2" | not_ok "$1"; fi
}
# Nothing in the last run says that it was safe.
never_safe() { # NAME
	if grep -Eq '"(verdict|code)": ?"safe"|: SAFE|SAFE to patch|OK - |host_safe\{[^}]*\} 1|host_code\{[^}]*\} 0|good">safe|is safe to patch|are safe to patch|"PASSED"|PASSED|pass is good|, safe|: safe' "$W/out" "$W/err" ||
		grep -Eq 'name="verdict" time="0"/>' "$W/out"; then
		why "no safe" | not_ok "$1: never safe"
	else
		ok "$1: never safe"
	fi
}

# What it takes.
for arguments in "" "web01" "web01 --reason x" "web01 --for 2h" "web01 db01 --reason x --for 2h" "web01 --reason x --for 0" \
	"web01 --reason x --for 2" "web01 --end --approve" "web01 --end --reason x" "web01 --list --for 1h" "web01 --approve" \
	"web01 --end --key $W/k" "web01 --reason x --for 2h --format html" "web01 --reason x --for 2h --key $W/none" \
	"web01 --reason x --for 2h --key $W/a --key $W/b" "web01 --list --end"; do
	# shellcheck disable=SC2086
	waive $arguments "${C[@]}"
	code_is 64 "usage: waive ${arguments//$W/}"
done
for reason in ' ' $'\t\n' $'\x7f' $'\xff' "$(printf 'x%.0s' {1..1025})"; do
	waive web01 --reason "$reason" --for 2h "${C[@]}"
	code_is 64 "a reason has to say something: $(printf %.8q "$reason")"
done
holds "nothing was recorded" test "$(q 'SELECT count(*) FROM waiver' 2>/dev/null || echo 0)" = 0
waive web01 --reason x --for 2h --config "$W/empty.conf"
code_is 78 "without a history" "not recorded is not waived"
waive web01 --reason x --for 2h --config "$W/empty.conf" --history none
code_is 78 "... or with none" "not recorded is not waived"
waive web01 --reason x --for 2h --config "$W/empty.conf" --history "$W/none/h.db"
code_is 20 "... or one that can't be"
printf 'no history\n' >"$W/text.db"
waive web01 --reason x --for 2h --config "$W/empty.conf" --history "$W/text.db"
code_is 20 "... or what is none"
waive web01 --reason x --for 25h "${C[@]}"
code_is 64 "longer than max_waiver, which it names" "at most 1d 0h (max_waiver)"
printf '[policy "default"]\nwaivers = no\nhistory = %s\n[host "web01"]\n[host "db01"]\n' "$h" >"$W/no.conf"
waive web01 --reason x --for 2h --config "$W/no.conf"
code_is 78 "a policy that allows none" "waivers = no"
waive web1 --reason x --for 2h --config "$W/no.conf"
code_is 64 "a host that is spelt wrong" "is web01 meant?"
printf '[policy "default"]\nwaivers = signed\nhistory = %s\n' "$h" >"$W/keyless.conf"
waive web01 --reason x --for 2h --config "$W/keyless.conf"
code_is 78 "signed, and nobody's key" "nobody could approve"
waive web01 --reason x --for 2h "${C[@]}" --policy none
code_is 78 "a policy that is not there"
is "... nothing was recorded by any of it" 0 "SELECT count(*) FROM waiver"

# Recorded: who, when, where, why.
now=$half check "${C[@]}"
code_is 11 "stale, without a waiver" "NOT SAFE to patch: stale"
listen 1
BACKPROOF_JOURNAL=$socket SSH_CONNECTION='192.0.2.7 50000 192.0.2.1 22' SUDO_USER=alice \
	waive web01 --reason $'zero\e[31mday\nnow' --ticket CHG-1 --for 1h "${C[@]}"
code_is 0 "a waiver" "web01: WAIVED until $over (1h 0m) by root (sudo: alice)"
holds "... one line, what was typed escaped, and where it is recorded" sh -c \
	'[ "$(wc -l <"$1")" = 1 ] && ! grep -q "$(printf "\033")" "$1" && grep -q "x1b.31mday.*CHG-1.*Recorded as waiver 1 in .*, and in the journal" "$1"' - "$W/out"
heard "the journal has it" '.[0] | .MESSAGE_ID == "f118112323304e6589a4dcb26c3bdb58" and .BACKPROOF_HOST == "web01" and
	.BACKPROOF_WAIVER == "1" and .BACKPROOF_WAIVER_STATE == "in-force" and .BACKPROOF_WAIVED_BY == "root (sudo: alice)" and
	.BACKPROOF_ORIGIN == "192.0.2.7" and .BACKPROOF_TICKET == "CHG-1" and .BACKPROOF_UID == "0" and
	(.BACKPROOF_WAIVER_REASON | contains("now")) and .PRIORITY == "4" and (.MESSAGE | contains("\n") | not)'
is "the history has it" "web01|CHG-1|root (sudo: alice)|192.0.2.7|0|3600|0" \
	"SELECT host, ticket, user, origin, uid, ends_at - recorded_at, ended_at FROM waiver"
now=$half waive --list "${C[@]}"
code_is 0 "it is listed" "web01: waived until $over (30m 0s) by root"
now=$half waive --list "${C[@]}" --format json
json "... in JSON" '.waivers | length == 1 and (.[0] | .host == "web01" and .state == "in-force" and .reason == "zero\u001b[31mday\nnow" and
	.user == "root (sudo: alice)" and .uid == 0 and .origin == "192.0.2.7" and .approved_by == null)'
now=$half waive db01 --list "${C[@]}"
code_is 0 "another host has none" "no waiver is in force"

# Capitals make no other host: neither of what is waived, nor of what is ended.
cp "$h" "$W/capitals.db"
run check WEB01 --from "$img" --scratch "$S" --now "$half" --config "$W/empty.conf" --history "$W/capitals.db"
code_is 0 "a host in capitals is waived as it is without" "WEB01: WAIVED"
now=$half waive Web01 --end --config "$W/empty.conf" --history "$W/capitals.db"
code_is 0 "... and its waiver ended" "1 waiver ended"
run check web01 --from "$img" --scratch "$S" --now "$half" --config "$W/empty.conf" --history "$W/capitals.db"
code_is 11 "... for all" "NOT SAFE to patch: stale"

# What it makes of a check, in every format; silent it is never.
check "${C[@]}"
code_is 0 "waived" "web01: WAIVED, not safe to patch: stale"
never_safe "text"
for words in "by root (sudo: alice), from 192.0.2.7:" 'zero\x1b[31mday\x0anow [CHG-1]' "at most" "A person has taken it on themselves"; do
	holds "... says: $words" grep -qF "$words" "$W/out"
done
check "${C[@]}" --quiet
code_is 0 "--quiet" "web01: WAIVED until $over by root"
holds "... on standard error" sh -c '[ ! -s "$1/out" ] && [ "$(wc -l <"$1/err")" = 1 ]' - "$W"
never_safe "quiet"
check "${C[@]}" --format json
code_is 0 "json" "web01: WAIVED until"
json "... says so" '.verdict == "waived" and .code == "waived" and .exit == 0 and (.reasons[0] | startswith("stale: ")) and
	.proofs.freshness == "broken" and .waiver.covers == "stale" and .waiver.id == 1 and .waiver.ticket == "CHG-1" and .suspect == null'
never_safe "json"
check "${C[@]}" --format jsonl
json "jsonl" 'select(.type == "summary") | .code == "waived" and .counts.safe == 0 and .counts.waived == 1 and .counts.stale == 0'
never_safe "jsonl"
check "${C[@]}" --format nagios --exit-style nagios
code_is 1 "nagios" "BACKPROOF WARNING - web01 waived: until $over by root"
never_safe "nagios"
check "${C[@]}" --format prometheus
code_is 0 "prometheus" 'backproof_host_waived{host="web01"} 1'
holds "... its code is what was found" grep -qx 'backproof_host_code{host="web01"} 11' "$W/out"
never_safe "prometheus"
check "${C[@]}" --format junit
code_is 0 "junit" '<skipped message="waived until'
never_safe "junit"
check "${C[@]}" --format html
code_is 0 "html" "Waivers in force"
never_safe "html"
check "${C[@]}" --exit-style systemd
code_is 0 "systemd"
check "${C[@]}" --exit-style qualys
code_is 0 "qualys"
is "the history keeps what was found, and the waiver" "11|1" "SELECT code, waiver FROM run ORDER BY id DESC LIMIT 1"
is "... and what came before it, without" "11|0" "SELECT code, waiver FROM run ORDER BY id LIMIT 1"

# What can't be waived, and what needs no waiver.
check "${C[@]}" --output /dev/full
code_is 70 "a report that can't be written"
check "${C[@]}" --policy none
code_is 78 "a policy that is not there"
now=$(at 60) check "${C[@]}"
code_is 0 "a backup that is fresh, before it was recorded" "web01: SAFE to patch"
head -c 5000 "$img" >"$W/cut.tar.zst"
run check web01 --from "$W/cut.tar.zst" --scratch "$S" --now "$half" "${C[@]}" --format json
json "damage is a person's decision too" '.verdict == "waived" and .waiver.covers == "damaged"'
run check web01 --from "$W/none" --scratch "$S" --now "$half" "${C[@]}" --format json
json "... and that there is nothing" '.verdict == "waived" and .waiver.covers == "no-backup"'
run check web02 --from "$W/none" --scratch "$S" --now "$half" "${C[@]}"
code_is 10 "another host is not waived"
run check web01 --from "$img" --scratch "$S" --now "$half" --config "$W/empty.conf"
code_is 11 "nor this one without the history"
chmod 666 "$h"
check "${C[@]}"
code_is 11 "nor with one that anybody may write"
chmod 640 "$h"
check --config "$W/no.conf"
code_is 11 "a policy that allows none does not count it" "waivers = no"
printf '[policy "default"]\nmax_waiver = 30m\n' >"$W/short.conf"
check --config "$W/short.conf" --history "$h"
code_is 11 "nor one that allows a shorter one" "max_waiver"
now=$(at $((3 * day - 1))) check "${C[@]}"
code_is 11 "before it was recorded"
now=$over check "${C[@]}"
code_is 11 "when it is over" "NOT SAFE to patch: stale"

# Over an older point that is safe.
mkdir -p "$W/r/web01"
newer=$W/r/web01/$(date -u +%F).tar.zst older=$W/r/web01/$(date -u -d yesterday +%F).tar.zst
cp "$W/cut.tar.zst" "$newer"
cp -p "$img" "$older"
touch -d yesterday "$older"
printf '[policy "default"]\nmax_age = 9d\nfallback = yes\nhistory = %s\n[repository "r"]\npath = %s\nlayout = files\nmatch = {host}/{date}.tar.zst\n[host "web01"]\n[host "db01"]\n' \
	"$h" "$W/r" >"$W/audit.conf"
run check web01 --config "$W/audit.conf" --scratch "$S" --now "$half" --format json
json "an older one that is safe wins over a waiver; which is told" '.verdict == "safe" and .waiver.covers == null and .waiver.id == 1 and .newer_restore_point.code == "damaged"'

# Every night, until it ends.
mv "$older" "$W/away"
run audit --config "$W/audit.conf" --scratch "$S" --now "$half"
code_is 10 "an audit" "Waivers in force:"
holds "... counts it apart" grep -q "2 hosts: 1 waived, 1 no-backup (exit 10)" "$W/out"
run audit web01 --config "$W/audit.conf" --scratch "$S" --now "$half" --quiet
code_is 0 "an audit where all is waived is not silent" "Waivers in force:"
never_safe "audit"
run audit --config "$W/audit.conf" --scratch "$S" --now "$half" --format html
holds "... in HTML too" grep -q "<h2>Waivers in force</h2>" "$W/out"
run audit --config "$W/audit.conf" --scratch "$S" --now "$half" --format json
json "... and in JSON" '.summary.waived == 1 and .summary.safe == 0 and .code == "no-backup"'
run audit web01 --config "$W/audit.conf" --scratch "$S" --now "$over"
code_is 12 "... and not when it is over"
holds "... as nothing says" sh -c '! grep -qi waive "$1"' - "$W/out"

# ... also of a host that is safe, however quiet.
rm "$newer"
mv "$W/away" "$older"
run audit web01 --config "$W/audit.conf" --scratch "$S" --now "$half" --quiet
code_is 0 "a waiver that is not needed" "web01: a waiver is in force until $over by root"
holds "... is all that is said" sh -c '[ ! -s "$1/out" ] && [ "$(wc -l <"$1/err")" = 1 ]' - "$W"
run audit web01 --config "$W/audit.conf" --scratch "$S" --now "$half" --format json
json "... and covers nothing" '.code == "safe" and .hosts[0].verdict == "safe" and .hosts[0].waiver.covers == null'
is "... nor is it noted with the verdict" "0|0" "SELECT code, waiver FROM run ORDER BY id DESC LIMIT 1"

# A pass of it, on the other side.
"$BACKPROOF" key new "$W/key" >/dev/null
check "${C[@]}" --pass "$W/p.pass" --key "$W/key" --valid-for 9h --quiet
code_is 0 "a pass is written"
payload() { jq -rj .payload "$W/p.pass" | base64 -d; }
payload >"$W/out"
json "... WARNED, and no longer than the waiver" ".predicate | .result == \"WARNED\" and (.backproof | .code == \"waived\" and .expires_at == \"$over\" and
	.waiver.covers == \"stale\" and .waiver.user == \"root (sudo: alice)\" and .waiver.ticket == \"CHG-1\" and (.reasons | length) > 0)"
never_safe "pass"
holds "... as the schema has it" python3 -c 'import json, jsonschema, sys
jsonschema.Draft202012Validator(json.load(open(sys.argv[1]))).validate(json.load(open(sys.argv[2])))' \
	"$TOP/packaging/schema/pass-v1.schema.json" "$W/out"
verify() { run pass verify "$W/p.pass" --key "$W/key.pub" --host web01 --now "$@"; }
verify "$half"
code_is 0 "pass verify" "web01: WAIVED: not safe, stale: "
holds "... by whom and why" grep -q "until $over by root (sudo: alice): zero.x1b" "$W/out"
never_safe "verify"
verify "$half" --quiet
code_is 0 "... is not silent" "web01: WAIVED"
verify "$half" --exit-style nagios
code_is 1 "... a warning for nagios"
verify "$over"
code_is 11 "... and not when the waiver is over" "it expired"
run pass show "$W/p.pass" --key "$W/key.pub" --now "$half"
code_is 0 "pass show" "this pass says: WAIVED: not safe to patch (stale)"
never_safe "show"
run pass show "$W/p.pass" --key "$W/key.pub" --format json --now "$half"
json "... in JSON" '.code == "waived" and .exit == 0 and .waiver.covers == "stale" and .waiver.login == .waiver.login'
never_safe "show json"
awk -v RS= '/openssl pkeyutl -verify/ && /web01.pass/' "$TOP/README.md" | sed 's/^    //' >"$W/recipe"
mkdir "$W/x" && cp "$W/p.pass" "$W/x/web01.pass" && cp "$W/key.pub" "$W/x/backproof.pub"
if (cd "$W/x" && bash -e ../recipe) >"$W/holds" 2>&1; then not_ok "openssl alone takes only what passed" <"$W/holds"; else ok "openssl alone takes only what passed"; fi
check "${C[@]}" --pass "$W/p.pass" --key "$W/key" --output /dev/full
payload >"$W/out"
json "a waived verdict that could not be told is none" '.predicate.result == "FAILED" and .predicate.backproof.code == "internal" and .predicate.backproof.waiver == null'

# Ended.
listen 1
BACKPROOF_JOURNAL=$socket now=$half waive web01 --end "${C[@]}"
code_is 0 "ended" "web01: 1 waiver ended"
heard "... in the journal too" '.[0] | .MESSAGE_ID == "20d59ff9a30d42e7a01a21f2b82aae46" and .BACKPROOF_HOST == "web01" and .BACKPROOF_USER == "root"'
is "... by whom" "root" "SELECT ended_by FROM waiver WHERE id = 1"
check "${C[@]}"
code_is 11 "a waiver that was ended" "NOT SAFE to patch: stale"
now=$half waive web01 --end "${C[@]}"
code_is 0 "ended again" "no waiver was in force"
now=$half waive --list "${C[@]}"
code_is 0 "none is listed" "no waiver is in force"

# Two people.
for k in a b e; do "$BACKPROOF" key new "$W/$k" >/dev/null; done
db=$W/s.db
printf '[policy "default"]\nmax_age = 24h\nwaivers = signed\nwaiver_keys = %s %s\nhistory = %s\n' "$W/a.pub" "$W/b.pub" "$db" >"$W/signed.conf"
G=(--config "$W/signed.conf")
waive web01 --reason "zero day" --for 1h "${G[@]}" --key "$W/e"
code_is 64 "signed: asked for with a key that nobody knows" "none of the policy's waiver_keys"
waive web01 --reason "zero day" --for 1h "${G[@]}" --key "$W/a"
code_is 20 "signed: asked for, which is nothing yet" "web01: NOT waived yet"
never_safe "signed"
check "${G[@]}"
code_is 11 "signed: nobody has approved" "nobody has approved it yet"
now=$half waive --list "${G[@]}"
code_is 0 "signed: pending" "web01: PENDING until"
now=$half waive web01 --approve "${G[@]}" --key "$W/a"
code_is 64 "signed: not by who asked" "the same key asked and approved"
now=$half waive web01 --approve "${G[@]}" --key "$W/e"
code_is 64 "signed: not by anybody" "none of waiver_keys"
now=$half waive web02 --approve "${G[@]}" --key "$W/b"
code_is 20 "signed: not for another host" "no waiver of this host waits"
check "${G[@]}"
code_is 11 "signed: still not"
listen 1
BACKPROOF_JOURNAL=$socket now=$half waive web01 --approve "${G[@]}" --key "$W/b"
code_is 0 "signed: by a second person" "web01: WAIVED until $over"
heard "signed: the journal has that" '.[0] | .MESSAGE_ID == "f118112323304e6589a4dcb26c3bdb58" and (.MESSAGE | test("waiver approved"))'
check "${G[@]}" --format json
json "signed: it counts" '.verdict == "waived" and .waiver.approved_by == "root"'
q 'SELECT envelope FROM waiver' >"$W/lines"
for i in 1 2; do
	sed -n ${i}p "$W/lines" | jq -rj .payload | base64 -d >"$W/statement$i"
	holds "signed: statement $i as the schema has it" python3 -c 'import json, jsonschema, sys
jsonschema.Draft202012Validator(json.load(open(sys.argv[1]))).validate(json.load(open(sys.argv[2])))' \
		"$TOP/packaging/schema/waiver-v1.schema.json" "$W/statement$i"
done
cp "$db" "$W/kept.db"
edit() { # NAME SQL
	rm -f "$db" "$db"-*
	cp "$W/kept.db" "$db"
	q "$2"
	check "${G[@]}"
	code_is 11 "signed: edited: $1" "NOT SAFE to patch: stale"
}
q 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null && cp "$db" "$W/kept.db"
edit "the end" "UPDATE waiver SET ends_at = ends_at + 3600"
edit "the beginning" "UPDATE waiver SET recorded_at = recorded_at - 1"
edit "the reason" "UPDATE waiver SET reason = 'all is well'"
edit "who" "UPDATE waiver SET user = 'nobody'"
edit "who, by number" "UPDATE waiver SET uid = 4"
edit "the ticket" "UPDATE waiver SET ticket = 'CHG-2'"
edit "the signatures" "UPDATE waiver SET envelope = replace(envelope, 'sig', 'gis')"
edit "no signature" "UPDATE waiver SET envelope = NULL"
edit "one signature" "UPDATE waiver SET envelope = substr(envelope, 1, instr(envelope, char(10)))"
edit "the other" "UPDATE waiver SET envelope = substr(envelope, instr(envelope, char(10)) + 1)"
edit "of another host" "UPDATE waiver SET host = 'db01'"
run check db01 --from "$img" --hostname web01 --scratch "$S" --now "$half" "${G[@]}"
code_is 11 "signed: ... which has none by that"
rm -f "$db" "$db"-*
cp "$W/kept.db" "$db"
check "${G[@]}"
code_is 0 "signed: as it was, it counts" "WAIVED"
printf '[policy "default"]\nmax_age = 24h\nwaivers = signed\nwaiver_keys = %s %s\nhistory = %s\n' "$W/a.pub" "$W/e.pub" "$db" >"$W/other.conf"
check --config "$W/other.conf"
code_is 11 "signed: by a key that is not trusted any more" "none of waiver_keys"
mv "$W/b.pub" "$W/b.away"
check "${G[@]}"
code_is 11 "signed: with a key that can't be read" "can't be told"
mv "$W/b.away" "$W/b.pub"
# By whom the kernel says it is, where who asks has no key.
q "DELETE FROM waiver"
waive web01 --reason "zero day" --for 1h "${G[@]}"
code_is 20 "signed: asked for without a key" "NOT waived yet"
now=$half waive web01 --approve "${G[@]}" --key "$W/b"
code_is 64 "signed: the same person may not approve" "the same person asked and approved"
q "UPDATE waiver SET uid = 4242, user = 'somebody'"
now=$half waive web01 --approve "${G[@]}" --key "$W/b"
code_is 0 "signed: another may"
check "${G[@]}"
code_is 0 "signed: ... and it counts" "WAIVED"

# Suspect: good for the patch, and not for a clean restore.
h=$W/suspect.db
db=$h
C=(--config "$W/empty.conf" --history "$h")
now=$(at 60) check --config "$W/empty.conf" --suspect "they got in"
code_is 78 "--suspect needs a history"
now=$(at 60) check --config "$W/empty.conf" --history "$W/none/h.db" --suspect "they got in"
code_is 78 "... that can be written"
now=$(at 60) check "${C[@]}" --suspect " "
code_is 64 "... and words"
now=$(at 60) check "${C[@]}" --suspect $'they got\e[1m in' --format json
code_is 0 "--suspect"
json "... is told" '.verdict == "safe" and .suspect == "they got\u001b[1m in"'
is "... and remembered" "web01|web01.tar.zst|root" "SELECT host, label, user FROM suspect"
now=$(at 120)
check "${C[@]}"
code_is 0 "from then on, text" "SUSPECT: they got\\x1b[1m in"
check "${C[@]}" --quiet
code_is 0 "... quiet" "SUSPECT: they got"
for format in jsonl nagios junit html; do
	check "${C[@]}" --format $format
	holds "... $format" grep -qi 'suspect.*they got' "$W/out"
done
check "${C[@]}" --format prometheus
code_is 0 "... prometheus" 'backproof_backup_suspect{host="web01"} 1'
check "${C[@]}" --pass "$W/p.pass" --key "$W/key" --quiet
run pass verify "$W/p.pass" --key "$W/key.pub" --host web01 --now "$now"
code_is 0 "... a pass" "SUSPECT"
run pass show "$W/p.pass" --key "$W/key.pub"
code_is 0 "... shown" "SUSPECT"
printf '[policy "default"]\nhistory = %s\n[repository "r"]\npath = %s\nlayout = files\nmatch = {host}.tar.zst\n[host "web01"]\n' "$h" "$W" >"$W/audit2.conf"
run audit --config "$W/audit2.conf" --scratch "$S" --now "$now" --quiet
code_is 0 "... an audit, quiet" "web01: SUSPECT: they got"
run audit --config "$W/audit2.conf" --scratch "$S" --now "$now"
holds "... an audit" grep -q "SUSPECT" "$W/out"
run check web02 --from "$img" --hostname web01 --scratch "$S" --now "$now" "${C[@]}" --format json
json "another host's is not" '.suspect == null'
cp -p "$img" "$W/next.tar.zst"
run check web01 --from "$W/next.tar.zst" --scratch "$S" --now "$now" "${C[@]}" --format json
json "... nor another backup" '.suspect == null'
# The one of two hours later has the same name.
mkdir "$W/same"
find "$W/tree" -exec touch -h -d "@$((began + 7200))" {} +
mk_tar "$W/same/web01.tar" "$W/tree"
zstd -q --rm "$W/same/web01.tar"
touch -d "@$((began + 7200))" "$W/same/web01.tar.zst"
run check web01 --from "$W/same/web01.tar.zst" --scratch "$S" --now "$(at 7260)" "${C[@]}" --format json
json "... nor the next one under its name" '.verdict == "safe" and .suspect == null and .restore_point.paths[0] == "'"$W"'/same/web01.tar.zst"'
finish
