#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck source=tests/cli/lib.sh
# A Windows machine: whose it is, how old, what belongs to it, and what in it proves itself.
. "$(dirname "$0")/lib.sh"
AGAIN=1
fixtures_needs mkntfs ntfscp sfdisk mkfs.vfat mcopy mmd python3 zstd jq || exit 1
F=$TOP/fixtures/windows
# shellcheck source=fixtures/windows/lib.sh
. "$F/lib.sh"
MIB=1048576
zstd -qd "$F/system.ntfs.zst" -o "$W/template.ntfs" || exit 1
zstd -qd "$TOP/fixtures/third-party/Catalog1.edb.zst" -o "$W/DB1.edb" || exit 1

seal() { (cd "$W" && for f in "$@"; do sha256sum "$f" >"$f.sha256"; done); }
# The one place in a file where these bytes are, as they are in another.
place() { # DISK FILE OFFSET
	python3 - "$@" <<-'END'
		import sys
		disk, part = open(sys.argv[1], "rb").read(), open(sys.argv[2], "rb").read()
		at = int(sys.argv[3])
		found = disk.find(part[at:at + 512])
		assert found >= 0 and disk.find(part[at:at + 512], found + 1) < 0
		print(found)
	END
}
says() { # NAME CHECK OUTCOME TEXT: the last run has such a finding
	holds "$1" jq -e --arg c "$2" --arg o "$3" --arg t "$4" \
		'any(.findings[]; .check == $c and .outcome == $o and (.detail // "" | contains($t)))' "$W/out"
}

cp "$W/template.ntfs" "$W/c.ntfs"
hives "$W/c.ntfs" --host ex01 --domain corp.example --drive "C:=$C_GUID" --drive "D:=$D_GUID"
esp "$W/esp" && data "$W/d.ntfs"
gpt "$W/ex01.img" "$W/esp" "$W/d.ntfs"

expect 0 "its programs vouch for it" ex01 --from "$W/ex01.img" --depth full
says "how many" pe.checksum held "13 programs and drivers"
says "what it rests on" integrity.summary skipped "checksums of programs inside vouch for it (witness)"
# FILE OF WINDOWS [ARGUMENTS OF pe.py]: another one, in a copy of the disk
with() {
	local path=$1
	shift
	cp "$W/c.ntfs" "$W/keep.ntfs"
	"$F/pe.py" "$@" >"$W/program"
	put "$W/c.ntfs" "$W/program" "Windows/$path"
	gpt "$W/bad.img" "$W/esp" "$W/d.ntfs"
	mv "$W/keep.ntfs" "$W/c.ntfs"
}
for path in System32/drivers/disk.sys System32/hal.dll System32/ntdll.dll; do
	with $path 90 9000
	expect 0 "$path: another one" ex01 --from "$W/bad.img"
	flip "$W/bad.img" "$(place "$W/bad.img" "$W/program" 4096)"
	expect 12 "$path: one bit, and no seal" ex01 --from "$W/bad.img"
	says "$path: which file" pe.checksum broken "PE checksum is"
done
with System32/tool.exe 91 9000 "Microsoft Corporation"
flip "$W/bad.img" "$(place "$W/bad.img" "$W/program" 4096)"
expect 12 "one bit of a program of Microsoft's" ex01 --from "$W/bad.img"
# Others leave old sums behind: that is no damage, but it is no witness either.
with System32/tool.exe 92 9000 "Somebody" 4711
expect 20 "a program with another sum" ex01 --from "$W/bad.img"
says "why" pe.unclear skipped "System32/tool.exe"
seal bad.img
expect 0 "the same, sealed" ex01 --from "$W/bad.img"
rm "$W/bad.img.sha256"
with System32/tool.exe 93 9000 "Microsoft Corporation" 0
expect 0 "a program without a sum" ex01 --from "$W/bad.img"
head -c 9000 /dev/zero >"$W/zeros"
cp "$W/c.ntfs" "$W/keep.ntfs"
put "$W/c.ntfs" "$W/zeros" Windows/System32/lost.dll
gpt "$W/bad.img" "$W/esp" "$W/d.ntfs"
expect 20 "a library of zeros" ex01 --from "$W/bad.img"
put "$W/c.ntfs" "$W/zeros" Windows/System32/drivers/lost.sys
gpt "$W/bad.img" "$W/esp" "$W/d.ntfs"
expect 12 "a driver of zeros" ex01 --from "$W/bad.img"
# Where no program has a sum nobody vouches for anything.
mv "$W/keep.ntfs" "$W/c.ntfs" && cp "$W/c.ntfs" "$W/keep.ntfs"
for path in ntoskrnl.exe hal.dll winload.efi winload.exe ntdll.dll kernel32.dll lsass.exe services.exe smss.exe \
	drivers/ntfs.sys drivers/disk.sys drivers/volmgr.sys; do
	"$F/pe.py" 7 9000 "Microsoft Corporation" 0 >"$W/program"
	put "$W/c.ntfs" "$W/program" "Windows/System32/$path"
done
cp "$W/esp" "$W/mute"
mcopy -o -i "$W/mute" "$W/program" ::EFI/Microsoft/Boot/bootmgfw.efi
gpt "$W/bad.img" "$W/mute" "$W/d.ntfs"
mv "$W/keep.ntfs" "$W/c.ntfs"
expect 20 "nobody vouches for its bytes" ex01 --from "$W/bad.img" --depth full

seal ex01.img
expect 0 "a Windows machine, whole" ex01 --from "$W/ex01.img" --depth full
says "its edition" coverage.root held "Windows Server 2022 Standard 21H2 (build 20348.1234)"
says "its letters" coverage.drive held "D: is ex01.img:4"
says "its loader" coverage.loader held "EFI system partition"
expect 0 "by its full name" ex01.corp.example --from "$W/ex01.img"
expect 20 "at depth sample" ex01 --from "$W/ex01.img" --depth sample
holds "all but integrity is proved" jq -e '[.proofs[] | select(. != "held")] == ["unproven"]' "$W/out"
expect 0 "by its machine id" ex01 --from "$W/ex01.img" --machine-id 5f1c0a661d2e4b3c8a9b0123456789ab
expect 13 "another host" web01 --from "$W/ex01.img" --hostname web01
expect 13 "another domain" ex01.example.com --from "$W/ex01.img"
expect 13 "another machine id" ex01 --from "$W/ex01.img" --machine-id 00000000000000000000000000000001
expect 11 "three days on" ex01 --from "$W/ex01.img" --now "$(date -u -d '3 days' +%FT%TZ)"
touch -d '3 days' "$W/ex01.img"
expect 11 "young file, old content" ex01 --from "$W/ex01.img" --now "$(date -u -d '3 days' +%FT%TZ)"
says "by the content" freshness.content broken "old"
touch "$W/ex01.img"

# Digests that Windows' own tools have written, which is in UTF-16 where PowerShell's ">" did it.
rm "$W/ex01.img.sha256"
sum=$(sha256sum <"$W/ex01.img" | cut -c1-64)
said() { printf "$@" | iconv -t UTF-16 >"$W/ex01.img.sha256"; }
said 'SHA256 hash of ex01.img:\r\n%s\r\nCertUtil: -hashfile command completed successfully.\r\n' "$sum"
expect 0 "what certutil wrote" ex01 --from "$W/ex01.img" --depth full
says "which is its digest" sidecar.digest held ""
said '%s\r\n' "${sum^^}"
expect 0 "a bare digest in UTF-16" ex01 --from "$W/ex01.img"
said '\r\nAlgorithm Hash Path\r\n--------- ---- ----\r\nSHA256 %s D:\\b\\ex01.img\r\n' "${sum^^}"
expect 0 "the table of Get-FileHash" ex01 --from "$W/ex01.img"
said '\r\nAlgorithm Hash Path\r\n--------- ---- ----\r\nSHA256 %s D:\\b\\ex01.img\r\n' "$(tr 0-9a-f 1-9a-f0 <<<"$sum")"
expect 12 "a wrong digest there" ex01 --from "$W/ex01.img"
said '\r\nAlgorithm Hash Path\r\n--------- ---- ----\r\nSHA256 %s D:\\b\\ex...\r\n' "${sum^^}"
expect 20 "a table that is cut at the width of the window" ex01 --from "$W/ex01.img"
says "which can't be understood" sidecar.format unsupported "cut at the window's width"
seal ex01.img

cp "$W/ex01.img" "$W/bad.img"
"$F/pe.py" 1 9000 >"$W/ntoskrnl.exe"
flip "$W/bad.img" "$(place "$W/bad.img" "$W/ntoskrnl.exe" 5000)"
expect 12 "one bit of the kernel" ex01 --from "$W/bad.img"
cp "$W/ex01.img" "$W/bad.img"
flip "$W/bad.img" "$(place "$W/bad.img" "$W/DB1.edb" $((17 * 4096 + 512)))"
expect 12 "one bit of a database" ex01 --from "$W/bad.img"
cp "$W/ex01.img" "$W/bad.img"
flip "$W/bad.img" "$(($(place "$W/bad.img" "$W/hives/SOFTWARE" 0) + 44))"
expect 12 "one bit of a hive's base block" ex01 --from "$W/bad.img"

gpt "$W/bad.img" - "$W/d.ntfs"
expect 13 "no EFI system partition" ex01 --from "$W/bad.img"
esp "$W/noesp" without && gpt "$W/bad.img" "$W/noesp" "$W/d.ntfs"
expect 13 "no boot store" ex01 --from "$W/bad.img"
gpt "$W/bad.img" "$W/esp"
expect 13 "no D:" ex01 --from "$W/bad.img"
says "and how to leave it out" coverage.drive broken "exclude = D:"
printf '[policy "default"]\nexclude = d:\n' >"$W/exclude.conf"
seal bad.img
run check ex01 --from "$W/bad.img" --config "$W/exclude.conf" --scratch "$S" --format json
verdict_is 0 "D: left out by policy"
# A second disk in a file of its own.
rm -f "$W/d.img" && truncate -s 12M "$W/d.img"
echo "start=2048, size=16384, type=ebd0a0a2-b9e5-4433-87c0-68b6b72699c7, uuid=$D_GUID" |
	sfdisk -q -X gpt "$W/d.img" >/dev/null 2>&1
dd if="$W/d.ntfs" of="$W/d.img" bs=1M seek=1 conv=notrunc status=none
seal d.img
expect 0 "D: on a disk of its own" ex01 --from "$W/bad.img" --from "$W/d.img"

# A volume without a letter, in a folder of C: only.
VM=22222222-aaaa-4bbb-8ccc-00000000000a
letters() { hives "$W/c.ntfs" --host ex01 --drive "C:=$C_GUID" "$@"; }
mv "$W/c.ntfs" "$W/keep.ntfs"
zstd -qd --patch-from="$W/template.ntfs" "$F/folder.ntfs.zst" -o "$W/c.ntfs"
letters --volume "$VM=$D_GUID"
gpt "$W/bad.img" "$W/esp" "$W/d.ntfs"
rm -f "$W/bad.img.sha256"
expect 0 "a volume in a folder" ex01 --from "$W/bad.img"
says "which it is" coverage.folder held "C:/Databases/DB1 is this volume"
gpt "$W/bad.img" "$W/esp"
expect 13 "the volume in a folder is not there" ex01 --from "$W/bad.img"
says "which one" coverage.folder broken "C:/Databases/DB1"
printf '[policy "default"]\nexclude = c:\\databases\\db1\n' >"$W/folder.conf"
run check ex01 --from "$W/bad.img" --config "$W/folder.conf" --scratch "$S" --format json
verdict_is 0 "a folder left out by policy"
letters
gpt "$W/bad.img" "$W/esp"
expect 20 "a volume in a folder that the registry does not know" ex01 --from "$W/bad.img"
D_GUID=$VM gpt "$W/bad.img" "$W/esp" "$W/d.ntfs"
expect 0 "a volume in a folder by its partition's GUID" ex01 --from "$W/bad.img"
mv "$W/keep.ntfs" "$W/c.ntfs"

# Of one that is larger than a sample, pages all over it are looked at.
pages() { # FILE FROM: all pages from that on get a bit flipped
	python3 - "$@" <<-'END'
		import sys
		db = bytearray(open(sys.argv[1], "rb").read())
		for at in range(int(sys.argv[2]), len(db), 4096):
		    db[at + 1000] ^= 4
		open(sys.argv[1], "wb").write(db)
	END
}
cp "$W/DB1.edb" "$W/whole.edb"
expect 20 "a large database, at depth sample" ex01 --from "$W/ex01.img" --depth sample --sample-bytes 512K
says "pages by lot" ese.pages held "taken by lot"
holds "all but integrity is proved there" jq -e '[.proofs[] | select(. != "held")] == ["unproven"]' "$W/out"
pages "$W/DB1.edb" $(($(stat -c %s "$W/DB1.edb") / 2 / 4096 * 4096)) && data "$W/d.ntfs"
gpt "$W/bad.img" "$W/esp" "$W/d.ntfs"
rm -f "$W/bad.img.sha256"
expect 12 "damage in its second half, at depth sample" ex01 --from "$W/bad.img" --depth sample --sample-bytes 512K
says "which page" ese.pages broken "ESE: page"
cp "$W/whole.edb" "$W/DB1.edb" && data "$W/d.ntfs"

# A database that was in use is whole with its logs, wherever they are.
dirty() { # FILE: its headers say dirty shutdown, logs 7 to 9
	python3 - "$1" <<-'END'
		import struct, sys
		db = bytearray(open(sys.argv[1], "rb").read())
		for at in (0, 4096):
		    db[at + 52:at + 56] = struct.pack("<I", 2)
		    db[at + 296:at + 304] = struct.pack("<II", 7, 9)
		    total = 0x89abcdef
		    for i in range(at + 4, at + 4096, 4):
		        total ^= struct.unpack_from("<I", db, i)[0]
		    db[at:at + 4] = struct.pack("<I", total)
		open(sys.argv[1], "wb").write(db)
	END
}
cp "$W/DB1.edb" "$W/whole.edb" && dirty "$W/DB1.edb" && data "$W/d.ntfs" && cp "$W/whole.edb" "$W/DB1.edb"
gpt "$W/bad.img" "$W/esp" "$W/d.ntfs"
rm -f "$W/bad.img.sha256"
expect 13 "a database in use without its logs" ex01 --from "$W/bad.img"
says "which logs it needs" ese.logs broken "logs 7 to 9"
echo log >"$W/log"
for n in 00000007 00000008; do put "$W/c.ntfs" "$W/log" Exchange/E00$n.log; done
gpt "$W/bad.img" "$W/esp" "$W/d.ntfs"
expect 13 "with two of three logs" ex01 --from "$W/bad.img"
put "$W/c.ntfs" "$W/log" Exchange/E00.log
gpt "$W/bad.img" "$W/esp" "$W/d.ntfs" && seal bad.img
expect 0 "with all of its logs, on another drive" ex01 --from "$W/bad.img"
says "where they are" ese.logs held "bad.img:3:/Exchange"
says "and that it was in use" ese.state skipped "dirty shutdown"

# What Windows' own backup writes: a VHDX a volume, called by the volume's GUID.
if command -v qemu-img >/dev/null; then
	VC=11111111-aaaa-4bbb-8ccc-000000000001 VD=11111111-aaaa-4bbb-8ccc-000000000002
	hives "$W/c.ntfs" --host ex01 --drive "C:=$C_GUID" --drive "D:=$D_GUID" --volume "$VC=C:" --volume "$VD=D:"
	wsb() { # DIRECTORY
		mkdir -p "$1"
		vhdx "$W/esp" "$1/Esp.vhdx" C12A7328-F81F-11D2-BA4B-00A0C93EC93B
		vhdx "$W/c.ntfs" "$1/$VC.vhdx" EBD0A0A2-B9E5-4433-87C0-68B6B72699C7
		vhdx "$W/d.ntfs" "$1/$VD.vhdx" EBD0A0A2-B9E5-4433-87C0-68B6B72699C7
		printf '<BackupSpecs><Volume Name="\\?\Volume{%s}\"/><Volume Name="\\?\Volume{%s}\"/></BackupSpecs>' \
			"$VC" "$VD" | iconv -t UTF-16LE >"$1/BackupSpecs.xml"
		echo '<x/>' >"$1/${VC}_Components.xml"
	}
	vhdx() { # VOLUME FILE TYPE: in a table of its own, with a GUID that is not the first disk's
		rm -f "$W/one" && truncate -s "$(($(stat -c %s "$1") + 2 * MIB))" "$W/one"
		echo "start=2048, size=$(($(stat -c %s "$1") / 512)), type=$3" | sfdisk -q -X gpt "$W/one" >/dev/null 2>&1
		dd if="$1" of="$W/one" bs=1M seek=1 conv=notrunc status=none
		qemu-img convert -O vhdx "$W/one" "$2"
	}
	B=$W/nas/WindowsImageBackup/EX01
	wsb "$B/Backup $(date -u '+%Y-%m-%d %H%M%S')"
	head -c 16 /dev/urandom >"$B/MediaId" && mkdir "$B/Catalog"
	(cd "$B"/Backup* && sha256sum ./*.vhdx >SHA256SUMS)
	expect 0 "WindowsImageBackup" ex01 --from "$W/nas"
	says "D: by its file's name" coverage.drive held "D: is $VD.vhdx"
	printf '[repository "nas"]\npath = %s\nlayout = windows-image\n[host "ex01"]\n' "$W/nas" >"$W/nas.conf"
	run check ex01 --config "$W/nas.conf" --scratch "$S" --format json
	verdict_is 0 "as a repository"
	# A volume that this run was asked for, and did not come to.
	aged() { # CODE NAME FILE...: these are of nine hours ago
		touch "$B"/Backup*/*
		(cd "$B"/Backup* && touch -d "9 hours ago" "${@:3}")
		expect "$1" "$2" ex01 --from "$W/nas"
	}
	aged 13 "a volume's file of an earlier run" "$VD.vhdx"
	says "which is told" presence.run broken "it is of an earlier run"
	aged 0 "... with all that the run wrote, by another clock" "$VD.vhdx" "$VC.vhdx"
	aged 0 "... of the volume that is called by no GUID" Esp.vhdx BackupSpecs.xml
	cp "$B"/Backup*/BackupSpecs.xml "$W/specs"
	printf '<Volume Name="\\?\Volume{%s}\"/>' "$VC" | iconv -t UTF-16LE >"$W/only"
	for d in "$B"/Backup*; do cp "$W/only" "$d/BackupSpecs.xml"; done
	aged 0 "... that this run was not asked for" "$VD.vhdx"
	for d in "$B"/Backup*; do cp "$W/specs" "$d/BackupSpecs.xml"; done
	touch "$B"/Backup*/*
	mv "$B"/Backup*/"$VD.vhdx" "$W/kept.vhdx"
	expect 13 "a volume's file is missing" ex01 --from "$W/nas"
	rm "$B"/Backup*/BackupSpecs.xml "$B"/Backup*/SHA256SUMS
	expect 13 "and nobody named it but the registry" ex01 --from "$W/nas" --depth sample
	for d in "$B"/Backup*; do mv "$W/kept.vhdx" "$d/$VD.vhdx"; done
	mv "$B"/Backup* "$B/Backup 2026-01-01 000000"
	expect 11 "an old one by its name" ex01 --from "$W/nas"
else
	skip "WindowsImageBackup: no qemu-img"
fi

# A tool that wrote the partitions into a new table: the registry's names say nothing of what is missing.
hives "$W/c.ntfs" --host ex01 --drive "C:=$(uuid_of "another C")" --drive "D:=$(uuid_of "another D")"
gpt "$W/bad.img" "$W/esp" && seal bad.img
expect 20 "identifiers that are not the first disk's" ex01 --from "$W/bad.img"
says "D: may be missing" coverage.drive unproven "can't be told"
hives "$W/c.ntfs" --host ex01 --drive "C:=$(uuid_of "another C")" --drive "D:=$D_GUID"
gpt "$W/bad.img" "$W/esp" "$W/d.ntfs" && seal bad.img
expect 0 "D: by its own, C: by where Windows is" ex01 --from "$W/bad.img"

# What lies on a partition of an unknown kind is not known, letter or not; and volumes of a dynamic disk are told of in
# no partition table: one that fills its partition is alone in it.
hives "$W/c.ntfs" --host ex01 --drive "C:=$C_GUID"
kind() { # CODE NAME TYPE VOLUME
	gpt "$W/bad.img" "$W/esp" "$4"
	sfdisk -q --part-type "$W/bad.img" 4 "$3"
	expect "$1" "$2" ex01 --from "$W/bad.img"
}
rm -f "$W/bad.img.sha256" && noise 11 $((8 * MIB)) >"$W/noise" && truncate -s $((6 * MIB)) "$W/short.ntfs" &&
	mkntfs -q -F "$W/short.ntfs" >/dev/null 2>&1 || exit 1
SPACES=e75caf8f-f680-4cee-afa3-b001e56efc2d LDM=af9b60a0-1431-4f62-bc68-3311714a69ad
kind 20 "Storage Spaces" $SPACES "$W/noise"
says "what is not known" volume.content unproven "not recognised"
kind 0 "Microsoft reserved" e3c9e316-0b5c-4db8-817d-f92df00215ae "$W/noise"
kind 20 "a dynamic disk" $LDM "$W/noise"
kind 20 "a dynamic disk with room behind a volume" $LDM "$W/short.ntfs"
says "what is not read" volume.dynamic unsupported "dynamic disk"
kind 0 "a dynamic disk with one volume" $LDM "$W/d.ntfs"

# MBR: the active partition starts it.
hives "$W/c.ntfs" --host ex01 --drive "C:=cafe1234@$((10 * MIB))"
rm -f "$W/boot" && truncate -s 8M "$W/boot" && mkntfs -q -F -L Boot "$W/boot" >/dev/null 2>&1
mbr() { # DISK ACTIVE
	rm -f "$1" && truncate -s 32M "$1"
	printf 'label: dos\nlabel-id: 0xcafe1234\nstart=2048, size=16384, type=7%s\nstart=20480, size=40960, type=7%s\n' \
		"$([ "$2" = 1 ] && echo ', bootable')" "$([ "$2" = 2 ] && echo ', bootable')" | sfdisk -q "$1" >/dev/null 2>&1
	printf '\063\300\216\320' | dd of="$1" conv=notrunc status=none
	dd if="$W/boot" of="$1" bs=1M seek=1 conv=notrunc status=none
	dd if="$W/c.ntfs" of="$1" bs=1M seek=10 conv=notrunc status=none
}
put "$W/c.ntfs" "$W/ntoskrnl.exe" bootmgr
put "$W/c.ntfs" "$W/hives/SYSTEM" Boot/BCD
mbr "$W/mbr.img" 2
seal mbr.img
expect 0 "MBR, and Windows on the active partition" ex01 --from "$W/mbr.img"
mbr "$W/mbr.img" 1
rm "$W/mbr.img.sha256"
expect 13 "MBR, and nothing to start on the active partition" ex01 --from "$W/mbr.img"
finish
