#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Healthy backups as products leave them, with all that they put beside: safe, by file and found in a directory.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=fixtures/machines.sh
. "$TOP/fixtures/machines.sh"
F=$W/f B=$W/b
"$TOP/fixtures/make-small-images.sh" "$F" >/dev/null || exit 1
raw=$F/gpt.img
fresh() { rm -rf "$B" && mkdir "$B"; }
layout() { # LAYOUT: what a configuration says of $B
	printf '[repository "nas"]\npath = %s\nlayout = %s\n[policy "default"]\nmax_age = 24h\n[host "web01"]\n' "$B" "$1" >"$W/lay.conf"
}
configured() { # CODE NAME
	run check web01 --config "$W/lay.conf" --scratch "$S" --format json
	verdict_is "$1" "$2"
}

# An export with the machine's NVRAM, which is no disk; packed, the disks inside are opened.
fresh
qemu-img convert -O vmdk -o subformat=streamOptimized "$raw" "$B/web01-disk1.vmdk"
noise 3 8684 >"$B/web01.nvram"
mk_ovf "$B" web01 web01-disk1.vmdk web01.nvram
layout ova
expect 0 "OVF directory with NVRAM" web01 --from "$B"
configured 0 "OVF directory with NVRAM, layout ova"
mkdir "$W/ova"
for order in 'web01.mf web01-disk1.vmdk web01.nvram' 'web01-disk1.vmdk web01.nvram web01.mf'; do
	# shellcheck disable=SC2086
	tar --format=ustar -C "$B" -cf "$W/ova/web01.ova" web01.ovf $order
	expect 0 "OVA: $order" web01 --from "$W/ova/web01.ova"
	holds "its manifest counts" jq -e '[.findings[] | select(.check == "ova.manifest" and .outcome == "held")] | length == 1' "$W/out"
done
expect 0 "OVA in a directory" web01 --from "$W/ova"
expect 13 "OVA of another host" db01 --from "$W/ova/web01.ova"
flip "$W/ova/web01.ova" 100000
expect 12 "OVA, a byte of its disk" web01 --from "$W/ova/web01.ova"
rm "$B/web01.nvram"
expect 13 "OVF directory without a file that it names" web01 --from "$B"
flip "$B/web01-disk1.vmdk" 100000
rm -r "$W/ova"

# A chain found in a directory: what is behind the newest belongs to it, under whatever names.
domain() { # DISK-FILE: as virsh dumpxml writes it
	cat <<-XML
		<domain type='kvm'>
		  <name>web01</name>
		  <devices>
		    <disk type='file' device='disk'>
		      <driver name='qemu' type='qcow2'/>
		      <source file='/var/lib/libvirt/images/$1'/>
		      <target dev='vda' bus='virtio'/>
		    </disk>
		  </devices>
		</domain>
	XML
}
fresh
qemu-img convert -O qcow2 "$raw" "$B/base.qcow2"
qemu-img create -q -u -f qcow2 -b base.qcow2 -F qcow2 "$B/snap1.qcow2" 40M
qemu-img create -q -u -f qcow2 -b /var/lib/libvirt/images/snap1.qcow2 -F qcow2 "$B/web01.qcow2" 40M
touch -d '8 days ago' "$B/base.qcow2"
touch -d '2 hours ago' "$B/snap1.qcow2"
layout files
expect 0 "chain of three in a directory" web01 --from "$B"
configured 0 "chain of three, layout files"
holds "its files are in the restore point" jq -e '.restore_point.paths | length == 3' "$W/out"
expect 13 "a file given alone brings nothing along" web01 --from "$B/web01.qcow2"
touch -d '30 days ago' "$B/web01.qcow2"
expect 11 "an old chain stays old" web01 --from "$B" --hostname web01
touch "$B/web01.qcow2"
rm "$B/snap1.qcow2"
expect 13 "chain in a directory, the middle is gone" web01 --from "$B"
qemu-img create -q -u -f qcow2 -b web01.qcow2 -F qcow2 "$B/snap1.qcow2" 40M
run check web01 --from "$B" --config "$W/empty.conf" --scratch "$S" --format json
holds "a chain that leads back is not safe" test "$code" = 12
fresh
qemu-img convert -O qcow2 "$raw" "$B/base.qcow2"
touch -d '2 hours ago' "$B/base.qcow2"
qemu-img create -q -u -f qcow2 -b base.qcow2 -F qcow2 "$B/web01.img.zst" 40M
expect 12 "a chain below what is compressed by its name alone" web01 --from "$B"
fresh
qemu-img convert -O qcow2 "$raw" "$B/web01.qcow2"
touch -d '3 days ago' "$B/web01.qcow2"
qemu-img create -q -u -f qcow2 -b /var/lib/libvirt/images/web01.qcow2 -F qcow2 "$B/web01.snap1" 40M
domain web01.snap1 >"$B/web01.xml"
domain db01.qcow2 | sed s/web01/db01/ >"$B/db01.xml"
layout libvirt
configured 0 "libvirt: a snapshot's overlay, two machines in one directory"
rm "$B/web01.qcow2"
configured 13 "libvirt: what is behind it is gone"
fresh
domain web01.qcow2 >"$B/web01.xml"
qemu-img convert -O qcow2 "$raw" "$B/web01.qcow2.$(date +%s)"
configured 0 "libvirt: named as virsh backup-begin does"
: >"$B/web01.qcow2.$(($(date +%s) + 1))"
run check web01 --config "$W/lay.conf" --scratch "$S" --format json
holds "libvirt: of several the latest counts" test "$code" != 0

# Split as split(1) does without options, with -d, and into names that people give.
zstd -q "$raw" -o "$W/x.zst"
size=$(($(stat -c %s "$W/x.zst") / 3 + 1))
for how in '-d:web01.img.zst.' '-a2:web01.img.zst.part-' '-d:web01.img.zst.part_' '-a2:web01.img.zst.part' '--numeric-suffixes=1:web01.img.zst.'; do
	fresh
	split "${how%%:*}" -b $size "$W/x.zst" "$B/${how#*:}" || exit 1
	holds "split $how: pieces" test "$(find "$B" -type f | wc -l)" = 3
	expect 0 "split $how" web01 --from "$B"
	mapfile -t from < <(printf -- '--from\n%s\n' "$B"/*)
	expect 0 "split $how, by name" web01 "${from[@]}"
	rm "$(find "$B" -type f | sort | sed -n 2p)"
	expect 13 "split $how: a gap" web01 --from "$B"
done
rm "$W/x.zst"

# A machine's directory as VMware keeps it: its second disk has a number, and neither belongs to two restore points.
fresh
mk_tree "$W/tree" web01 "$ID" efi
add_fstab "$W/tree" srv /srv ext4
mk_disk "$W/sda.img" "$W/tree"
mkdir "$W/srv" && noise 12 50000 >"$W/srv/data"
mk_data_disk "$W/sdb.img" "$W/srv" "$(uuid_of srv)"
qemu-img convert -O vmdk -o subformat=monolithicFlat "$W/sda.img" "$B/web01.vmdk"
qemu-img convert -O vmdk -o subformat=monolithicFlat "$W/sdb.img" "$B/web01_1.vmdk"
noise 4 8684 >"$B/web01.nvram" && echo '.encoding = "UTF-8"' >"$B/web01.vmx" && echo log >"$B/vmware.log"
expect 0 "VMware directory with two disks" web01 --from "$B"
rm "$B"/web01_1*
expect 13 "VMware directory without the second" web01 --from "$B"

# A storage of Proxmox VE by its root, which keeps the archives in dump/.
fresh
mkdir "$B/dump" "$B/template"
name=vzdump-qemu-100-$(date -d '1 hour ago' +%Y_%m_%d-%H_%M_%S)
"$TOP/fixtures/vma/make-vma" --time "$(date +%s)" --disk drive-scsi0="$raw" --host web01 "$W/x.vma" >/dev/null || exit 1
zstd -q "$W/x.vma" -o "$B/dump/$name.vma.zst"
printf 'INFO: VM Name: web01\nINFO: Finished Backup of VM 100 (00:00:12)\n' >"$B/dump/$name.log"
layout vzdump
run check web01 --config "$W/lay.conf" --scratch "$S" --format json
holds "vzdump: found below the storage" jq -e '.restore_point.paths | length == 2 or length == 1' "$W/out"
run check web01 --from "$B" --config "$W/empty.conf" --scratch "$S" --format json
holds "vzdump: found below the storage, without configuration" jq -e '.proofs.identity == "held"' "$W/out"

# A copy of the machine, which tells the same from inside, is another guest: its newer backup is not the host's.
copy=vzdump-qemu-101-$(date -d '10 minutes ago' +%Y_%m_%d-%H_%M_%S)
cp "$B/dump/$name.vma.zst" "$B/dump/$copy.vma.zst"
printf 'INFO: VM Name: web01-test\nINFO: Finished Backup of VM 101 (00:00:12)\n' >"$B/dump/$copy.log"
own='.restore_point.paths | all(contains("vzdump-qemu-100-"))'
run check web01 --config "$W/lay.conf" --scratch "$S" --format json
holds "vzdump: not the copy's" jq -e "$own" "$W/out"
run check web01 --from "$B" --config "$W/empty.conf" --scratch "$S" --format json
holds "vzdump: not the copy's, without configuration" jq -e "$own" "$W/out"
rm "$B/dump/$name".*
configured 10 "vzdump: only the copy's is there"
expect 10 "vzdump: only the copy's is there, without configuration" web01 --from "$B"

# Without a log the notes tell whose it is; but what people write there is no machine's name.
noted() { # EXIT TEXT
	echo "$2" >"$B/dump/$copy.vma.zst.notes"
	expect "$1" "vzdump: notes: $2" web01 --from "$B"
}
rm "$B/dump/$copy.log"
noted 0 web01
noted 0 "the old mail server, see ticket 12"
noted 10 db01
finish
