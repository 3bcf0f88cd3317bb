#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Healthy backups as products leave them, with all that they put beside: safe, by file and found in a directory.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
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
cat >"$B/web01.ovf" <<-XML
	<?xml version="1.0" encoding="UTF-8"?>
	<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1">
	  <References>
	    <File ovf:id="file1" ovf:href="web01-disk1.vmdk" ovf:size="$(stat -c %s "$B/web01-disk1.vmdk")"/>
	    <File ovf:href="web01.nvram" ovf:id="file2" ovf:size="8684"/>
	  </References>
	  <DiskSection><Info>Disks</Info>
	    <Disk ovf:capacity="1" ovf:capacityAllocationUnits="byte * 2^20" ovf:diskId="vmdisk1" ovf:fileRef="file1"/>
	  </DiskSection>
	  <VirtualSystem ovf:id="web01"><Info>A machine</Info><Name>web01</Name></VirtualSystem>
	</Envelope>
XML
(cd "$B" && for f in web01.ovf web01-disk1.vmdk web01.nvram; do echo "SHA256($f)= $(sha256sum <$f | cut -d' ' -f1)"; done >web01.mf)
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
finish
