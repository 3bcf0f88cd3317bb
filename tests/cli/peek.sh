#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What has to be looked into before there is a restore point (the head of an image, a domain's XML, a descriptor, a list of
# volumes, a log) is looked into by a confined process that gets open files and nothing else: whoever has taken it over gets
# nothing, and is not believed.
. "$(dirname "$0")/lib.sh"
# Nothing vouches for its bytes.
printf 'integrity_evidence = read\n' >>"$W/empty.conf"
REAL=$BACKPROOF
cp "$(dirname "$REAL")/backproof-compromised" "$W/backproof" && chmod 755 "$W/backproof" || exit 1
mkdir -p "$W/tree/etc" "$W/open"
echo web01 >"$W/tree/etc/hostname"
echo secret >"$W/open/secret" && chmod 666 "$W/open/secret"
noise 1 2000000 >"$W/tree/etc/noise"
truncate -s 4M "$W/disk.img"
mke2fs -q -t ext4 -d "$W/tree" "$W/disk.img" || exit 1

# Nobody but that process, and the reader, reads a byte of them. LAYOUT-DIRECTORY FILE MARK
looked_into_outside() {
	local name=$1 mark=$3 log=$W/strace.log
	BACKPROOF_HISTORY=none strace -f -s 64 -e trace=execve,read,pread64,readv,preadv -o "$log" \
		"$REAL" check web01 --from "$2" --config "$W/empty.conf" --scratch "$W" --quiet >/dev/null 2>&1
	if ! grep -q "\"$mark" "$log" || ! grep -q 'execve.*"peeker"' "$log"; then
		head -c 2000 "$log" | not_ok "$name: nobody looked into it"
	elif grep "\"$mark" "$log" | grep -q "^$(head -n 1 "$log" | cut -d ' ' -f 1) "; then
		grep "\"$mark" "$log" | head -n 3 | not_ok "$name: read by the gate itself"
	else
		ok "$name is looked into by another process"
	fi
}
mkdir -p "$W/qcow2" "$W/domain" "$W/export" "$W/WindowsImageBackup/web01/Backup 2026-11-20 190000" "$W/dump"
qemu-img convert -q -f raw -O qcow2 "$W/disk.img" "$W/qcow2/base.qcow2" || exit 1
(cd "$W/qcow2" && qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 web01.qcow2 && touch web01.qcow2) || exit 1
cp "$W/disk.img" "$W/domain/web01.img"
printf "<domain type='kvm'><name>web01</name><devices><disk device='disk'><source file='/x/web01.img'/></disk></devices></domain>\n" \
	>"$W/domain/web01.xml"
printf '<Envelope><References><File ovf:href="web01.vmdk" ovf:id="file1"/></References></Envelope>\n' >"$W/export/web01.ovf"
qemu-img convert -q -f raw -O vmdk -o subformat=streamOptimized "$W/disk.img" "$W/export/web01.vmdk" || exit 1
w="$W/WindowsImageBackup/web01/Backup 2026-11-20 190000"
qemu-img convert -q -f raw -O vhdx "$W/disk.img" "$w/12345678-1234-1234-1234-123456789abc.vhdx" || exit 1
printf '<Volume Name="\\\\?\\Volume{12345678-1234-1234-1234-123456789abc}\\"/>' >"$w/BackupSpecs.xml"
dump=$W/dump/vzdump-qemu-100-$(date -u +%Y_%m_%d-%H_%M_%S)
printf 'INFO: Starting\nINFO: VM Name: web01\nINFO: Finished Backup of VM 100\n' >"$dump.log"
cp "$W/disk.img" "$dump.vma"
looked_into_outside 'the head of a qcow2' "$W/qcow2" 'QFI\\373'
looked_into_outside "a domain's XML" "$W/domain" '<domain'
looked_into_outside 'an OVF' "$W/export" '<Envelope'
looked_into_outside 'a list of volumes' "$W/WindowsImageBackup" '<Volume'
looked_into_outside 'a log' "$W/dump" 'INFO: Starting'
holds 'none is left' test -z "$(pgrep -f "$REAL peeker")"
# In one process where that is asked for.
BACKPROOF_HISTORY=none strace -f -e trace=execve -o "$W/strace.log" "$REAL" check web01 --from "$W/qcow2" --no-confine \
	--config "$W/empty.conf" --scratch "$W" --quiet >/dev/null 2>&1
holds 'no other process with --no-confine' test "$(grep -c execve "$W/strace.log")" = 1

BACKPROOF=$W/backproof
expect 0 'a backup that orders nothing' web01 --from "$W/qcow2" --depth full
# try NAME CODES REASON ORDER: an image that is peeked at, in a directory
try() {
	local name=$1 codes=$2 reason=$3 order=$4 bad='' code d=$W/try-$1
	mkdir -p "$d/repo" "$d/scratch"
	cp "$W/disk.img" "$d/repo/web01.img"
	printf 'backproof-exploit %s\0' "$order" | dd of="$d/repo/web01.img" conv=notrunc status=none
	timeout -k 1 40 "$BACKPROOF" check web01 --from "$d/repo" --config "$W/empty.conf" --scratch "$d/scratch" \
		--format json >"$d/out" 2>"$d/err" </dev/null
	code=$?
	case " $codes " in *" $code "*) ;; *) bad="exit code $code" ;; esac
	jq -e --argjson code "$code" '.exit == $code and .verdict != "safe"' "$d/out" >/dev/null 2>&1 || bad="$bad; JSON does not agree"
	jq -r '.reasons[]' "$d/out" 2>/dev/null | grep -qE "$reason" || bad="$bad; the reason is another"
	[ "$(cat "$W/open/secret")" = secret ] && [ "$(ls "$W/open")" = secret ] || bad="$bad; a file was changed"
	if [ -z "$bad" ]; then
		ok "$name"
	else
		{ echo "$bad" && cat "$d/err" && head -c 2000 "$d/out"; } 2>&1 | not_ok "$name"
	fi
	rm -rf "$d"
}
REFUSED='looks into it.*exit 66' DEAD='looks into it.*Bad system call'
try shadow 20 "$REFUSED" 'open_file /etc/shadow'
try secret 20 "$REFUSED" "open_file $W/open/secret"
try write 20 "$REFUSED" "write_file $W/open/secret"
try make 20 "$REFUSED" "write_file $W/open/new"
try tcp 20 "$DEAD" 'connect_tcp 9'
try exec 20 "$DEAD" 'run_program /bin/true'
try fork 20 "$DEAD" 'fork_process'
try kill 20 "$DEAD" 'kill_gate'
try root 20 "$DEAD" 'become_root'
try crash 20 'looks into it was ended by Segmentation fault' 'crash'
try exit 20 'looks into it' 'ends_well'
try up 13 'holds names that no such file has' 'peek_up'
try root_name 13 'holds names that no such file has' 'peek_root'
try more 13 'holds names that no such file has' 'peek_more'
try many 20 'looks into it|no answer' 'peek_many'
try huge 20 'no answer|looks into it' 'peek_huge'
try garbage 20 'no answer|looks into it' 'peek_garbage'
(passed=0 failed=0 && try drips 20 'looks into it|no answer' 'peek_drips') >"$W/drips" 2>&1 &
try hangs 20 'looks into it.*did not answer' 'peek_hangs'
wait $!
cat "$W/drips"
holds 'one that dribbles is not waited for' grep -q '^ok drips' "$W/drips"
# The next file gets a process of its own, and other hosts their verdicts.
mkdir -p "$W/many"
cp "$W/disk.img" "$W/many/db01.img"
cp "$W/disk.img" "$W/many/web01.img"
printf 'backproof-exploit crash\0' | dd of="$W/many/db01.img" conv=notrunc status=none
printf '[repository "r"]\npath = %s\n[host "db01"]\n[host "web01"]\n' "$W/many" | cat "$W/empty.conf" - >"$W/many.conf"
BACKPROOF_HISTORY=none "$BACKPROOF" audit --config "$W/many.conf" --scratch "$W" --format jsonl >"$W/audit" 2>&1
holds 'other hosts keep their verdicts' test "$(jq -r 'select(.host) | "\(.host) \(.exit)"' "$W/audit" | sort | xargs)" = 'db01 20 web01 0'
# Notes of one guest that end it: his verdict is open, and the others keep theirs.
mkdir -p "$W/notes"
for guest in 100:web01 101:db01; do
	dump=$W/notes/vzdump-qemu-${guest%:*}-$(date -u +%Y_%m_%d-%H_%M_%S)
	cp "$W/disk.img" "$dump.vma" && echo "${guest#*:}" >"$dump.vma.notes"
done
printf '[repository "r"]\npath = %s\nlayout = vzdump\n[host "db01"]\n[host "web01"]\n' "$W/notes" | cat "$W/empty.conf" - >"$W/notes.conf"
verdict_of() {
	BACKPROOF_HISTORY=none "$BACKPROOF" check "$1" --config "$W/notes.conf" --scratch "$W" --format json 2>&1 |
		jq -r '"\(.exit) \(.restore_point.paths[0])"'
}
before=$(verdict_of web01)
holds 'its backup is found' grep -q 'vzdump-qemu-100.*vma$' <<<"$before"
head -c 4096 /dev/zero | cat <(printf 'backproof-exploit crash\0') - >"$dump.vma.notes"
holds 'another guest keeps his verdict' test "$(verdict_of web01)" = "$before"
holds "that of whose it is can't be told" grep -q '^20 ' <<<"$(verdict_of db01)"
# So it is with a domain's XML: one that ends it, and one that it hangs over.
mkdir -p "$W/domains"
for guest in web01 db01; do
	cp "$W/disk.img" "$W/domains/$guest.img"
	printf "<domain type='kvm'><name>%s</name><devices><disk device='disk'><source file='/x/%s.img'/></disk></devices></domain>\n" \
		"$guest" "$guest" >"$W/domains/$guest.xml"
done
cp "$W/domains/db01.xml" "$W/db01.xml"
printf '[repository "r"]\npath = %s\nlayout = libvirt\n[host "db01"]\n[host "web01"]\n' "$W/domains" | cat "$W/empty.conf" - >"$W/domains.conf"
audit_domains() {
	BACKPROOF_HISTORY=none "$BACKPROOF" audit --config "$W/domains.conf" --scratch "$W" --format jsonl >"$W/audit" 2>&1
	jq -r 'select(.host) | "\(.host) \(.exit)"' "$W/audit" | sort | xargs
}
[ "$(audit_domains)" = 'db01 13 web01 0' ] && ok 'of two domains one has another name inside' || not_ok 'two domains' <"$W/audit"
for order in crash peek_hangs; do
	head -c 4096 /dev/zero | cat <(printf 'backproof-exploit %s\0' "$order") "$W/db01.xml" - >"$W/domains/db01.xml"
	[ "$(audit_domains)" = 'db01 20 web01 0' ] && ok "$order: one domain's trouble" || not_ok "$order: one domain's trouble" <"$W/audit"
	holds '... which is named' jq -se 'any(.[] | select(.host == "db01").reasons[]; test("domains/db01.xml.*looks into it"))' "$W/audit"
done
finish
