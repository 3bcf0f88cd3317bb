#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Names from backups, of backups, of configurations and of hosts are text that nobody trusts: in every output of every
# command they stay text. What comes out is judged by hostile-check.py.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
make() { python3 "$TOP/tests/cli/hostile-make.py" "$@"; }
NAME=$(make name name)
LINE=$(make name line)
TEXT=$(make name text)
SHORT=$(printf '\033[2J\342\200\256\377"<b>') # where there is little room
O=$W/o
B=$W/b
mkdir "$O" "$B" "$W/plain"
mk_tree "$W/plain/tree" web01 "$ID" efi
mk_disk "$W/plain/web01.img" "$W/plain/tree" || exit 1
mk_tree "$W/tree" web01 "$ID" efi
make tree "$W/tree" || exit 1
rm -rf "$W/tree/var/lib/dpkg/status.d"

# Where names of files are hostile, too.
mk_disk "$B/disk.img" "$W/tree" || exit 1
sgdisk -c "2:PART$(printf '\033[2J\342\200\256\n"}<b>')" "$B/disk.img" >/dev/null
mke2fs -q -t ext4 -L "$(printf 'LAB\033[2J\n<b>"}')" -d "$W/tree" "$B/bare.img" 24M >/dev/null || exit 1
make containers "$B" "$B/bare.img" "$TOP/fixtures" || exit 1
qemu-img create -q -u -f qcow2 -F raw -b "BACKING$NAME" "$B/child.qcow2" 32M
cp "$B/bare.img" "$B/$NAME"
mkdir "$B/sums" && cp "$B/$NAME" "$B/sums/SUMFILE$NAME"
printf 'SUM%s\n%064d  SUMFILE%s\n' "$LINE" 0 "$NAME" >"$B/sums/SHA256SUMS"
mkdir -p "$W/nas$NAME/dir$NAME"
zstd -q "$B/disk.img" -o "$W/nas$NAME/dir$NAME/img$NAME.img.zst"
printf '%064d *other%s\n' 0 "$NAME" >"$W/nas$NAME/dir$NAME/img$NAME.img.zst.sha256"
mkdir "$B/sealed" && cp "$W/plain/web01.img" "$B/sealed/s.img" && cp "$B/seal.json" "$B/sealed/s.img.seal"
cp "$W/plain/web01.img" "$B/$NAME.raw"
ls -A "$B" >"$W/backups"

# keep FORMAT HOSTS COMMAND...: runs it, and keeps what came out, of standard error too. HOSTS are in the report.
n=1000
keep() {
	local format=$1 hosts=$2 errors=text
	shift 2
	n=$((n + 1))
	[ "$format" != progress ] || format=text errors=progress
	timeout 20 "$BACKPROOF" "$@" >"$O/$n.$format.$hosts" 2>"$O/${n}e.$errors.0" </dev/null
	code=$?
	printf '%q ' "$@" "= $code" | tee "$O/$n.what" >"$O/${n}e.what"
	case $code in 0 | 1[0123] | 2[01] | 64 | 70 | 78) ;; *) echo "$code: $*" >>"$W/crashed" ;; esac
}
C="--config $W/empty.conf --scratch $S"
formats="text json jsonl nagios prometheus junit html"

# Each backup, as JSON and in full as text; what is in it, listed and copied.
while IFS= read -r -d '' b; do
	keep json 1 check web01 --from "$b" $C --format json
	keep text 1 check web01 --from "$b" $C --verbose
	keep text 0 inspect "$b" --scratch "$S"
	keep json 0 inspect "$b" --format json --scratch "$S"
done < <(find "$B" -mindepth 1 -maxdepth 1 ! -name seal.json -print0)
for b in disk.img system.tar files.wim; do
	keep text 0 inspect "$B/$b" --ls --scratch "$S"
	keep json 0 inspect "$B/$b" --ls --format json --scratch "$S"
	mkdir -p "$W/to.$b"
	keep text 0 extract "$B/$b" / "MISSING$LINE" -C "$W/to.$b" --scratch "$S"
	keep text 0 extract "$B/$b" / -C "$W/to.$b" --scratch "$S"
	keep progress 0 extract "$B/$b" / -C "$W/to$NAME" --progress always --scratch "$S"
done

# One with everything, in each format; its host is called so, too, and it goes into a history and a pass.
"$BACKPROOF" key new "$W/key$NAME" >/dev/null 2>&1
{
	printf '[policy "default"]\nmax_age = 2d\nhistory = %s/history.db\n[policy "POLICY%s"]\nmax_age = 2d\n' "$W" "$TEXT"
	printf '[repository "REPOSITORY%s"]\npath = %s\nmatch = %s{host}/*.img.zst\n[host "web02"]\n' "$TEXT" "$W/plain" "$TEXT"
	printf 'repository = REPOSITORY%s\npolicy = POLICY%s\n' "$TEXT" "$TEXT"
} >"$W/h.conf"
H="HOST$LINE"
for format in $formats; do
	keep "$format" 1 check "$H" --from "$W/nas$NAME/dir$NAME" --scratch "$S" --format "$format" --config "$W/h.conf" \
		--pass "$W/pass$format" --key "$W/key$NAME"
done
keep text 1 check "$H" --from "$W/nas$NAME/dir$NAME" --scratch "$S" --config "$W/h.conf" --quiet
keep color 1 check "$H" --from "$W/nas$NAME/dir$NAME" --scratch "$S" --config "$W/h.conf" --color always --verbose
keep progress 1 check "$H" --from "$W/nas$NAME/dir$NAME" --scratch "$S" --config "$W/h.conf" --progress always
keep text 1 check "$H" --from "$W/plain/web01.img" --scratch "$S" --config "$W/h.conf"
keep text 1 check web01 --from "$W/plain/web01.img" --scratch "$S" --config "$W/h.conf" --pass "$W/webpass" --key "$W/key$NAME"
for host in "" "$H"; do
	keep text 0 history ${host:+"$host"} --config "$W/h.conf" --verbose
	keep json 0 history ${host:+"$host"} --config "$W/h.conf" --format json
	keep jsonl 0 history ${host:+"$host"} --config "$W/h.conf" --format jsonl
done
keep text 0 history "NONE$LINE" --config "$W/h.conf"
# Passes: a host that no pass can be written for, ours, and some that anybody can write.
for p in "$W/passjson" "$W/webpass" "$B/seal.json" "$W/nopass$LINE"; do
	keep text 0 pass show "$p"
	keep json 0 pass show "$p" --format json
	keep text 0 pass verify "$p" --key "$W/key$NAME.pub" --host "$H"
done
keep text 0 pass verify "$W/webpass" --key "$W/key$NAME.pub" --host "$H" --state "$W/no$LINE"
sed "s/web01/$(printf 'w\\\\u001b[2J')/g" <(jq -r .payload "$W/webpass" 2>/dev/null | base64 -d 2>/dev/null) >"$W/forged" 2>/dev/null
jq -c --arg p "$(base64 -w0 "$W/forged")" '.payload = $p' "$W/webpass" >"$W/forged.pass" 2>/dev/null
keep text 0 pass show "$W/forged.pass"
keep json 0 pass show "$W/forged.pass" --format json

# Many hosts with such names in one audit: a series, a suite, a line each.
{
	printf '[repository "r"]\npath = %s\nmatch = {host}.img\n' "$W/plain"
	printf '[host "web01"]\nrepository = r\n'
	for i in 'x",host="y' "HOST2$TEXT" "a|b"; do printf '[host "%s"]\nrepository = r\n' "$i" >"$W/bad.conf" && keep text 0 config check --config "$W/bad.conf"; done
} >"$W/a.conf"
keep text 0 audit "@GROUP$LINE" --config "$W/a.conf"
keep text 0 config check --config "$W/a.conf"
# From the command line any name is possible.
for format in $formats; do
	keep "$format" 8 audit --config "$W/a.conf" --scratch "$S" --format "$format" web01 'x",host="y' 'x"} 1
backproof_host_safe{host="z"} 1' "HOST3$NAME" $'a\nb' '<!--' 'a|b=1' "HOST4$LINE"
done
keep text 8 audit --config "$W/a.conf" --scratch "$S" --verbose web01 "HOST3$NAME"

# Seals.
cp "$W/plain/web01.img" "$W/nas$NAME/seal$NAME.img"
keep text 0 seal "$W/nas$NAME/seal$NAME.img" --scratch "$S" --key "$W/key$NAME" --host "$H"
keep text 0 seal "$W/nas$NAME/seal$NAME.img" --scratch "$S" --against "$B/$NAME"
keep json 0 seal "$W/nas$NAME/seal$NAME.img" --scratch "$S" --format json --key "$W/key$NAME"
keep text 0 seal "$W/nas$NAME/dir$NAME/img$NAME.img.zst" --scratch "$S"
keep text 0 key show "$W/key$NAME.pub"
keep text 0 key show "$W/nokey$LINE"
keep text 0 key new "$W/no$LINE/key"

# Configurations, options and places.
keep text 0 config dump --config "$W/h.conf"
for line in "KEY$NAME = 1" "[SECTION$NAME]" "[policy \"default\"]
max_age = VALUE$NAME" "[policy \"default\"]
depht$NAME = full" "[host \"x\"]
repository = REPO$NAME" "$NAME" "KEY$TEXT = 1" "[SECTION$TEXT]" "[SECTION$TEXT \"x\"]" "[policy \"default\"]
max_age = VALUE$TEXT" "[policy \"default\"]
depht$TEXT = full" "[host \"x\"]
repository = REPO$TEXT"; do
	printf '%s\n' "$line" >"$W/conf$SHORT"
	keep text 0 config check --config "$W/conf$SHORT"
	keep text 0 check x --config "$W/conf$SHORT"
done
keep text 0 config check --config "$W/none$LINE"
keep text 0 "COMMAND$LINE"
keep text 0 check x "--OPTION$LINE"
keep text 0 check x --depth "VALUE$LINE"
keep text 0 check x "--max-age=VALUE$LINE"
keep text 0 check x --policy "POLICY$LINE" --from "$B/disk.img" --config "$W/h.conf"
keep text 1 check x --from "$W/nowhere$LINE" $C
keep text 1 check x --from "$B/disk.img" --config "$W/empty.conf" --scratch "$W/nowhere$LINE"
keep text 0 check x --from "$B/disk.img" $C --output "$W/nowhere$LINE/x"
keep text 0 check x --from "$B/disk.img" $C --history "$W/nowhere$LINE/x"
keep text 0 inspect "$W/nowhere$LINE"
keep text 0 inspect "$B/disk.img" --cat "NOTHING$LINE" --scratch "$S"
keep text 0 extract "$B/disk.img" / -C "$W/nowhere$LINE" --scratch "$S"

# The judge itself: each of these is one fault.
mkdir "$W/judge"
n=0
bad() { # FORMAT HOSTS: the output, made with printf
	n=$((n + 1))
	echo "bad $n" >"$W/judge/$n.what"
	# shellcheck disable=SC2059
	printf "$3" >"$W/judge/$n.$1.$2"
}
for c in '\033[1m' '\r' '\t' '\302\233' '\342\200\256' '\342\200\213' '\342\200\250' '\357\273\277' '\363\240\201\201' '\377' '\300\257'; do
	bad text 0 "a${c}b\n"
done
bad json 0 '{"a":1,"a":2}\n'
bad json 0 '{"a":NaN}\n'
bad json 0 '{"a":"\n"}\n'
bad jsonl 1 '{"type":"host"}\n{"type":"host"}\n{"type":"summary"}\n'
bad html 1 '<html><body><details id="h0"><script>a</script></details></body></html>\n'
bad html 1 '<html><body><details id="h0"><b onclick="a">x</b></details></body></html>\n'
bad html 1 '<html><body><details id="h0"><a href="javascript:a">x</a></details></body></html>\n'
bad html 1 '<html><body><details id="h0"><!-- x --></details></body></html>\n'
bad html 1 '<html><body><details id="h0"><p>x</details></body></html>\n'
bad junit 1 '<testsuites><testsuite/><testsuite/></testsuites>\n'
bad junit 1 '<testsuites>&</testsuites>\n'
bad prometheus 1 '# TYPE backproof_host_safe gauge\nbackproof_host_safe{host="x",y="z"} 1\n'
bad prometheus 1 '# TYPE backproof_host_safe gauge\nbackproof_host_safe{host="x"} 1\nbackproof_host_safe{host="x"} 1\n'
bad nagios 1 'BACKPROOF OK - a | b | a=1\n'
bad nagios 1 'BACKPROOF OK - a\nb | a=1\n'
python3 "$TOP/tests/cli/hostile-check.py" "$W/judge" >"$W/judged"
holds "the judge finds each of $n" grep -qx "$n outputs, $n faults" "$W/judged"

if python3 "$TOP/tests/cli/hostile-check.py" "$O" >"$W/checked"; then
	ok "$(tail -n 1 "$W/checked")"
else
	not_ok "outputs with hostile names" <"$W/checked"
fi
holds "nothing crashed or hung" test ! -e "$W/crashed"
# The names were there: a test that planted nothing would find nothing.
for token in HOSTNAME MACHINEID SYSTEM SPEC MOUNT PART LAB EXTENT BACKING HREF TARHOST TARFILE SUMFILE FILE DIR LINK TARGET GZ DRIVE FW WIMFILE \
	POLICY REPOSITORY HOST2 HOST3 HOST4 KEY SECTION VALUE GROUP OPTION COMMAND MISSING NONE NOTHING nowhere; do
	if grep -qrF "$token" "$O" --include='*.*.*'; then ok "said: $token"; else not_ok "said: $token" </dev/null; fi
done
holds "escapes were there to be shown" test "$(grep -rlF 'x1b' "$O" --include='*.text.*' | wc -l)" -gt 60
# Long names are cut.
holds "no output is longer than a megabyte" test -z "$(find "$O" -size +1M)"

# A file of a backup goes to a terminal as text, and to a pipe as it is.
script -qec "'$BACKPROOF' inspect '$B/bare.img' --cat /etc/hostname --scratch '$S'" /dev/null </dev/null >"$W/tty"
holds "--cat on a terminal" sh -c 'grep -qF "HOSTNAMEl\\x1b]0;T" "$1" && ! LC_ALL=C grep -q "$(printf "[\033\007\233]")" "$1"' - "$W/tty"
run inspect "$B/bare.img" --cat /etc/hostname --scratch "$S"
holds "--cat in a pipe" cmp "$W/out" "$W/tree/etc/hostname"

# Commands to be copied have no names in them that a shell would make more of.
mkdir "$W/shell"
cp "$W/plain/web01.img" "$W/shell/x;touch evil;\$(touch evil)'.img"
cp "$W/plain/web01.img" "$W/shell/-x.img"
for f in "$W/shell"/*; do
	run check web01 --from "$f" $C --format json
	holds "commands to be copied: $(basename "$f")" sh -c 'jq -r .findings[].detail "$1" | grep -qF "what \`fsverity digest FILE\` prints"' - "$W/out"
done
finish
