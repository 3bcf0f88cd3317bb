#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Reports and exit codes: each format says what the exit code says; many hosts at once.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
day=$(date -u +%F)
for host in web01 web02 db01; do
	mk_tree "$W/tree-$host" $host "$ID" efi
	mkdir -p "$W/nas/$host/$day"
	mk_disk "$W/$host.img" "$W/tree-$host"
	zstd -q "$W/$host.img" -o "$W/nas/$host/$day/sda.img.zst"
done
web01=$W/nas/web01/$day/sda.img.zst
cp "$web01" "$W/bad.img.zst"
flip "$W/bad.img.zst" 400000
printf '[repository "nas"]\npath = %s\nlayout = files\nmatch = {host}/{date}/*.img.zst\n[policy "default"]\nmax_age = 2d\n' "$W/nas" >"$W/c.conf"
for host in web01 web02 db01; do printf '[host "%s"]\nrepository = nas\n' $host; done >>"$W/c.conf"
sed -i '/"web0[12]"/a group = web' "$W/c.conf"

# The fields of the contract
run check web01 --from "$web01" --config "$W/empty.conf" --scratch "$S" --format json --seed 1234 --max-age 2d
verdict_is 0 "json: safe"
holds "json: the fields of a safe host" jq -e '
	.format_version == "1.3" and .host == "web01" and .verdict == "safe" and .code == "safe" and .exit == 0 and .reasons == []
	and (.checked_at | test("^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z$")) and .policy == "default" and .seed == 1234
	and (.depth == "full" or .depth == "sample")
	and (.restore_point.paths | length) == 1 and .restore_point.bytes > 0 and (.restore_point.age_seconds | type) == "number"
	and (.restore_point.format | index("zstd")) != null
	and (.proofs | keys | sort) == (["presence", "freshness", "integrity", "structure", "identity", "coverage", "restore"] | sort)
	and (.proofs | to_entries | all(.value == "held"))
	and (.findings | length) > 7 and (.findings | all(has("proof") and has("check") and has("subject") and has("outcome")))
	and .measures.bytes_read > 0 and .measures.bytes_decoded > .measures.bytes_read
	and .measures.files_restored > 0 and .measures.files_witnessed > 0 and (.measures.duration_seconds | type) == "number"' "$W/out"
holds "json: stored bytes were all read" jq -e --argjson size "$(stat -c %s "$web01")" '.measures.bytes_read >= $size and .restore_point.bytes == $size' "$W/out"
run check web01 --from "$W/bad.img.zst" --config "$W/empty.conf" --scratch "$S" --format json
verdict_is 12 "json: damaged"
holds "json: a damaged host has a reason and a broken finding" jq -e '
	.verdict != "safe" and .code == "damaged" and (.reasons | length) > 0 and .proofs.integrity == "broken"
	and ([.findings[] | select(.outcome == "broken")] | length) > 0' "$W/out"
run check web01 --from "$web01" --config "$W/empty.conf" --scratch "$S" --format json --seed 7
jq -S 'del(.measures, .checked_at, .restore_point.age_seconds)' "$W/out" >"$W/first"
run check web01 --from "$web01" --config "$W/empty.conf" --scratch "$S" --format json --seed 7
jq -S 'del(.measures, .checked_at, .restore_point.age_seconds)' "$W/out" >"$W/second"
holds "json: the same seed gives the same findings" diff <(jq -S '.findings |= map(del(.measured, .detail))' "$W/first") <(jq -S '.findings |= map(del(.measured, .detail))' "$W/second")

# Each format tells the verdict, and only the safe one calls itself so.
for format in text json jsonl nagios prometheus junit html; do
	run check web01 --from "$web01" --config "$W/empty.conf" --scratch "$S" --format $format --max-age 2d
	if [ "$code" = 0 ] && [ -s "$W/out" ] && grep -q web01 "$W/out"; then ok "$format: safe"; else why "0 and a report" | not_ok "$format: safe"; fi
	cp "$W/out" "$W/safe.$format"
	run check web01 --from "$W/bad.img.zst" --config "$W/empty.conf" --scratch "$S" --format $format --max-age 2d
	if [ "$code" = 12 ] && [ -s "$W/out" ] && grep -qi 'damaged' "$W/out"; then ok "$format: damaged"; else why "12, and the word damaged" | not_ok "$format: damaged"; fi
	cp "$W/out" "$W/damaged.$format"
done
holds "nagios: one line with the state first" grep -qE '^(BACKPROOF )?OK' "$W/safe.nagios"
holds "nagios: damaged is critical" grep -qE '^(BACKPROOF )?CRITICAL' "$W/damaged.nagios"
holds "junit: XML" python3 -c 'import sys, xml.dom.minidom as m; [m.parse(f) for f in sys.argv[1:]]' "$W/safe.junit" "$W/damaged.junit"
holds "junit: a failure for the damaged one only" sh -c '! grep -q "<failure" "$1" && grep -q "<failure" "$2"' - "$W/safe.junit" "$W/damaged.junit"
holds "prometheus: every line is a sample or a comment" sh -c '! grep -vE "^(#|[a-z_]+(\{.*\})? -?[0-9.e+]+$)" "$1"' - "$W/safe.prometheus"
holds "html: no script from elsewhere" sh -c '! grep -qE "(src|href)=.?https?:" "$1"' - "$W/damaged.html"
holds "text: no escape sequences in a pipe" sh -c '! grep -q "$(printf "\033")" "$1"' - "$W/safe.text"
run check web01 --from "$web01" --config "$W/empty.conf" --scratch "$S" --color always --max-age 2d
holds "text: colours on request" grep -q "$(printf '\033')" "$W/out"
run check web01 --from "$web01" --config "$W/empty.conf" --scratch "$S" --quiet --max-age 2d
if [ "$code" = 0 ] && [ ! -s "$W/err" ]; then ok "--quiet"; else why "0, and nothing on standard error" | not_ok "--quiet"; fi

# A name from inside the image stays text.
evil=$(printf 'web01\033]0;x\007<script>')
mk_tree "$W/evil" web01 "$ID" efi
mk_disk "$W/evil.img" "$W/evil"
printf '%s\n' "$evil" >"$W/evil.hostname"
printf 'rm /etc/hostname\nwrite %s /etc/hostname\n' "$W/evil.hostname" | debugfs -w -f - "$W/evil.img?offset=$((6 << 20))" >/dev/null 2>&1
for format in text json jsonl nagios prometheus junit html; do
	run check web01 --from "$W/evil.img" --config "$W/empty.conf" --scratch "$S" --format $format
	if [ "$code" = 13 ] && ! grep -q "$(printf '\033')" "$W/out" && ! grep -q '<script>x\|]0;x.<script>' "$W/out"; then
		ok "$format: host name with escapes"
	else
		why "13, and no escape sequence" | not_ok "$format: host name with escapes"
	fi
done

# Exit styles
mk_disk "$W/aged.img" "$W/tree-web01" --age 72000
style() { # CODE NAME ARGUMENTS...
	local want=$1 name=$2
	shift 2
	run check "$@" --config "$W/empty.conf" --scratch "$S"
	if [ "$code" = "$want" ]; then ok "exit style $name"; else why "$want" | not_ok "exit style $name"; fi
}
while read -r name safe near damaged cannot wrong; do
	[ -n "$name" ] || continue
	style "$safe" "$name: safe" web01 --from "$web01" --exit-style "$name" --max-age 7d
	style "$near" "$name: safe, but near the age limit" web01 --from "$W/aged.img" --exit-style "$name"
	style "$damaged" "$name: damaged" web01 --from "$W/bad.img.zst" --exit-style "$name"
	style "$cannot" "$name: cannot tell" web01 --from "$web01" --scratch-limit 64K --exit-style "$name" --max-age 7d
	style "$wrong" "$name: another host" mail01 --from "$web01" --exit-style "$name" --max-age 7d
done <<'END'
plain   0 0 12 20 13
nagios  0 1 2  3  2
systemd 0 0 12 255 13
qualys  0 0 12 12 12
END

# Many hosts
audit() { # CODE NAME ARGUMENTS...
	local want=$1 name=$2
	shift 2
	run audit "$@" --config "$W/c.conf" --scratch "$S"
	if [ "$code" = "$want" ] && [ -z "$(ls -A "$S")" ]; then ok "audit: $name"; else why "$want" | not_ok "audit: $name"; fi
}
audit 0 "three hosts that are safe" --jobs 2 --format jsonl
holds "audit: a line for each host, and the summary last" jq -s -e '
	length == 4 and ([.[:3][] | .type] | all(. == "host")) and .[3].type == "summary" and ([.[:3][].host] | sort) == ["db01", "web01", "web02"]
	and ([.[:3][].exit] | all(. == 0))' "$W/out"
audit 0 "one host by name" db01 --format jsonl
holds "audit: only that host" jq -s -e 'length == 2 and .[0].host == "db01"' "$W/out"
audit 0 "a group" @web --jobs 2 --format jsonl
holds "audit: only the group" jq -s -e '([.[] | select(.type == "host") | .host] | sort) == ["web01", "web02"]' "$W/out"
cp "$W/bad.img.zst" "$W/nas/web02/$day/sda.img.zst"
audit 12 "one of three is damaged" --jobs 2 --format jsonl
holds "audit: each host's own verdict" jq -s -e '
	([.[] | select(.type == "host") | {(.host): .exit}] | add) as $v | $v.web01 == 0 and $v.db01 == 0 and $v.web02 == 12 and .[3].type == "summary"' "$W/out"
rm -r "$W/nas/db01"
audit 12 "damaged comes before missing" --jobs 2
audit 10 "a host without a backup" web01 db01
cp "$web01" "$W/nas/web02/$day/sda.img.zst"
audit 13 "wrong host comes before missing" --jobs 1
run audit nosuchhost --config "$W/c.conf" --scratch "$S"
if [ "$code" != 0 ]; then ok "audit: a host that is not configured"; else why "not 0" | not_ok "audit: a host that is not configured"; fi
run check dbo1 --config "$W/c.conf" --scratch "$S" --format json
holds "check: a host that is not configured, and the one that is meant" grep -q 'no such host is configured; is db01 meant?' "$W/out"
run audit @nosuchgroup --config "$W/c.conf" --scratch "$S"
if [ "$code" != 0 ]; then ok "audit: a group that is not configured"; else why "not 0" | not_ok "audit: a group that is not configured"; fi
run audit --config "$W/empty.conf" --scratch "$S"
if [ "$code" != 0 ]; then ok "audit: no hosts at all"; else why "not 0" | not_ok "audit: no hosts at all"; fi
for format in text json nagios prometheus junit html; do
	run audit --config "$W/c.conf" --scratch "$S" --format $format
	if [ "$code" = 13 ] && grep -q web01 "$W/out" && grep -q db01 "$W/out"; then ok "audit: $format"; else why "13, and every host named" | not_ok "audit: $format"; fi
done
finish
