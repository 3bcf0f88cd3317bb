#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The backups of tests/fault/gate.c, one directory each, made without root or a network:
#   tests/fault/cases.sh DIR [NAME...]
set -eu
[ $# -gt 0 ] || exit 64
mkdir -p "$1"
out=$(cd "$1" && pwd)
shift
wanted=" ${*:-plain sealed sampled remembered chain vma clonezilla btrfs xfs ntfs} "
cd "$(dirname "$0")/../../fixtures"
# shellcheck source=fixtures/lib.sh
. ./lib.sh
W=$(fixtures_work)
trap 'rm -rf "$W"' EXIT
id=0123456789abcdef0123456789abcdef
wants() { case $wanted in *" $1 "*) mkdir -p "$out/$1" ;; *) return 1 ;; esac; }
quietly() { "$@" >"$W/log" 2>&1 || { cat "$W/log" && return 1; }; }

mk_tree "$W/tree" web01 $id
mk_disk "$W/disk" "$W/tree"

# An ESP and a root of another type on a GPT disk.
other() { # DISK ROOT-FS
	local mib=$(($(stat -c %s "$2") / 1048576))
	truncate -s $((mib + 8))M "$1"
	printf 'label: gpt\n1: start=2048, size=10240, type=uefi\n2: start=12288, size=%d, type=linux\n' $((mib * 2048)) |
		sfdisk -q "$1"
	mkdir -p "$W/esp"
	[ -d "$W/esp/EFI" ] || mk_esp_tree "$W/esp"
	put_fat "$1" $((1 << 20)) 5120 "$W/esp" "$(fat_id_of web01)" "$(date +%s)"
	dd if="$2" of="$1" bs=1M seek=6 conv=sparse,notrunc status=none
	rm "$2"
}
# Not the UUID of other tests' disks: mkfs.btrfs looks whether one of the machine's devices has it.
uuid=$(uuid_of "fault/$$")
root_is() { sed -i "s/^UUID=[^ ]* \/ .*/UUID=$uuid \/ $1 defaults 0 0/" "$W/tree/etc/fstab"; }
# What mkfs.xfs -p takes: directories are named and closed, files named with their contents.
proto() { # DIR
	local x name
	for x in "$1"/*; do
		name=${x##*/}
		if [ -h "$x" ]; then
			echo "$name l--777 0 0 $(readlink "$x")"
		elif [ -d "$x" ]; then
			echo "$name d--755 0 0"
			proto "$x"
			echo '$'
		elif [ -f "$x" ]; then
			echo "$name ---644 0 0 $x"
		fi
	done
}

if wants plain; then
	zstd -q "$W/disk" -o "$out/plain/web01.img.zst"
fi
# The gate's test seals it.
if wants sealed; then
	cp --sparse=always "$W/disk" "$out/sealed/web01.img"
fi
# ... and this one, of which it then looks at a sample.
if wants sampled; then
	mkdir -p "$W/tree/srv"
	noise 3 8000000 >"$W/tree/srv/blob"
	mk_disk "$out/sampled/web01.img" "$W/tree"
	rm "$W/tree/srv/blob"
fi
# Its history is made first.
if wants remembered; then
	mk_disk "$out/remembered/web01.img" "$W/tree"
fi
# Clusters compressed with both methods; the newest part of the disk is in the overlay.
if wants chain; then
	cp --sparse=always "$W/disk" "$W/older"
	noise 1 300000 | patch "$W/older" $((6 << 20))
	qemu-img convert -c -O qcow2 "$W/older" "$out/chain/base.qcow2"
	dd if="$W/disk" of="$W/newer" bs=64K skip=96 count=5 status=none
	(cd "$out/chain" && qemu-img create -q -f qcow2 -o compression_type=zstd -b base.qcow2 -F qcow2 web01.qcow2)
	for i in 0 1 2 3 4; do echo "write -c -s $W/newer.$i $((6291456 + i * 65536)) 64K"; done >"$W/qemu-io"
	split -d -a 1 -b 65536 "$W/newer" "$W/newer."
	quietly qemu-io "$out/chain/web01.qcow2" <"$W/qemu-io"
	rm "$W"/newer* "$W/older"
fi
if wants vma; then
	mk_tree "$W/two" web01 $id
	add_fstab "$W/two" web01/srv /srv
	mkdir "$W/srv"
	noise 11 200000 >"$W/srv/table.db"
	mk_disk "$W/sda" "$W/two"
	mk_data_disk "$W/sdb" "$W/srv" "$(uuid_of web01/srv)"
	vma/make-vma --time "$(date +%s)" --disk drive-scsi0="$W/sda" --disk drive-scsi1="$W/sdb" "$W/web01.vma" >/dev/null
	zstd -q --rm "$W/web01.vma" -o "$out/vma/vzdump-qemu-100-$(date +%Y_%m_%d-%H_%M_%S).vma.zst"
	rm -r "$W/two" "$W/srv" "$W/sda" "$W/sdb"
fi
if wants clonezilla; then
	d=$out/clonezilla/web01-$(date +%F)-img
	mkdir "$d"
	echo sda >"$d/disk"
	echo sda1 sda2 >"$d/parts"
	echo "Starting /usr/sbin/ocs-sr at $(date '+%F %T') UTC..." >"$d/clonezilla-img"
	sfdisk -d "$W/disk" | sed "s,$W/disk,/dev/sda,g" >"$d/sda-pt.sf"
	sectors=$(($(stat -c %s "$W/disk") / 512))
	dd if="$W/disk" of="$d/sda-mbr" count=1 status=none
	dd if="$W/disk" of="$d/sda-gpt-1st" count=34 status=none
	dd if="$W/disk" of="$d/sda-gpt-2nd" skip=$((sectors - 32)) count=32 status=none
	sfdisk -d "$W/disk" | sed -n 's/.*\([12]\) : start= *\([0-9]*\), size= *\([0-9]*\).*/\1 \2 \3/p' |
		while read -r n start size; do
			dd if="$W/disk" of="$W/p$n" skip="$start" count="$size" status=none
		done
	quietly partclone.vfat -c -s "$W/p1" -o "$W/p1.pcl" -L "$W/plog"
	quietly partclone.ext4 -c -s "$W/p2" -o "$W/p2.pcl" -L "$W/plog"
	gzip -nc "$W/p1.pcl" | split -a 2 -b 30000 - "$d/sda1.vfat-ptcl-img.gz."
	zstd -qc "$W/p2.pcl" | split -a 2 -b 500000 - "$d/sda2.ext4-ptcl-img.zst."
	rm "$W"/p[12]*
fi
if wants btrfs; then
	root_is btrfs
	truncate -s 109M "$W/fs"
	quietly mkfs.btrfs -q --mixed -m single -U "$uuid" --rootdir "$W/tree" "$W/fs"
	other "$W/b" "$W/fs"
	qemu-img convert -O vmdk -o subformat=streamOptimized "$W/b" "$out/btrfs/web01.vmdk"
	rm "$W/b"
fi
if wants xfs; then
	root_is xfs
	{ printf '/\n0 0\nd--755 0 0\n' && proto "$W/tree" && echo '$'; } >"$W/proto"
	truncate -s 300M "$W/fs"
	quietly mkfs.xfs -q -m uuid="$uuid" -p "$W/proto" "$W/fs"
	other "$W/b" "$W/fs"
	qemu-img convert -O vhdx "$W/b" "$out/xfs/web01.vhdx"
	rm "$W/b"
fi
# Windows: its volume, in a VHD, with a digest beside it.
if wants ntfs; then
	guid=0fc63daf-8483-4772-8e79-3d69d8477de4
	put() { quietly ntfscp -f -q "$@"; }
	zstd -qd windows/system.ntfs.zst -o "$W/c"
	python3 windows/hive.py "$W/hives" --time "$(date +%s)" --host web01 --drive "C:=$guid"
	put "$W/c" "$W/hives/SYSTEM" Windows/System32/config/SYSTEM
	put "$W/c" "$W/hives/SOFTWARE" Windows/System32/config/SOFTWARE
	truncate -s 8M "$W/e"
	quietly mkfs.vfat "$W/e"
	mmd -i "$W/e" ::EFI ::EFI/Microsoft ::EFI/Microsoft/Boot
	mk_pe "$W/loader" 77
	mcopy -i "$W/e" "$W/loader" ::EFI/Microsoft/Boot/bootmgfw.efi
	mcopy -i "$W/e" "$W/hives/SYSTEM" ::EFI/Microsoft/Boot/BCD
	truncate -s 32M "$W/b"
	printf '%s\n' 'label: gpt' 'start=2048, size=16384, type=c12a7328-f81f-11d2-ba4b-00a0c93ec93b' \
		'start=18432, size=2048, type=e3c9e316-0b5c-4db8-817d-f92df00215ae' \
		"start=20480, size=40960, type=ebd0a0a2-b9e5-4433-87c0-68b6b72699c7, uuid=$guid" | sfdisk -q "$W/b"
	dd if="$W/e" of="$W/b" bs=1M seek=1 conv=notrunc status=none
	dd if="$W/c" of="$W/b" bs=1M seek=10 conv=notrunc,sparse status=none
	(cd "$out/ntfs" && qemu-img convert -O vpc "$W/b" web01.vhd && sha256sum web01.vhd >web01.vhd.sha256)
	rm "$W/b" "$W/c" "$W/e"
fi
