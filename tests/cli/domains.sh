#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A domain's XML (virsh dumpxml) beside backups: each disk that it names has to be there, and nothing else counts.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=fixtures/machines.sh
. "$TOP/fixtures/machines.sh"
B=$W/b V=/var/lib/libvirt/images
now=$(date +%s)
mk_tree "$W/tree" web01 "$ID" efi
mk_disk "$W/one.img" "$W/tree"
mkdir "$W/srv" && noise 12 50000 >"$W/srv/data"
mk_data_disk "$W/data.img" "$W/srv" "$(uuid_of srv)"
for disk in one data; do
	qemu-img convert -O qcow2 "$W/$disk.img" "$W/$disk.qcow2"
done
one=$W/one.qcow2 data=$W/data.qcow2
fresh() { rm -rf "$B" && mkdir "$B"; }
disk() { # TYPE DEVICE ATTRIBUTES-OF-ITS-SOURCE
	echo "<disk type='$1' device='$2'><driver name='qemu'/><source $3/><target dev='vda'/></disk>"
}
file() { disk file disk "file='$V/$1'"; }
volume() { disk volume disk "pool='default' volume='$1'"; }
domain() { # NAME DISK...
	printf "<domain type='kvm'>\n<name>%s</name>\n<devices>\n%s\n</devices></domain>\n" "$1" "${*:2}"
}
configured() { # CODE NAME [POLICY]
	printf '[repository "nas"]\npath = %s\nlayout = libvirt\n[policy "default"]\nmax_age = 24h\n%s\n[host "web01"]\n' "$B" "${3-}" \
		>"$W/lay.conf"
	run check web01 --config "$W/lay.conf" --scratch "$S" --format json
	verdict_is "$1" "layout libvirt: $2"
}
both() { # CODE NAME
	expect "$1" "$2" web01 --from "$B"
	configured "$1" "$2"
}
lacks() { # FILE: the last run says so
	holds "... which is told" jq -e --arg f "$1" 'any(.reasons[]; contains("names the file \($f), which is not beside it"))' "$W/out"
}

# Volumes of a pool, as Terraform and virt-install have them.
fresh
domain web01 "$(volume web01.qcow2)" "$(volume data.qcow2)" >"$B/web01.xml"
cp "$one" "$B/web01.qcow2"
both 13 "the second volume is not there"
lacks data.qcow2
cp "$data" "$B/data.qcow2"
both 0 "two volumes"
rm "$B/data.qcow2"
domain web01 "$(volume web01.qcow2)" >"$B/web01.xml"
domain db01 "$(volume db01.qcow2)" >"$B/db01.xml"
cp "$one" "$B/db01.qcow2"
both 0 "volumes of two machines in one directory"
for source in "network disk protocol='rbd' name='pool/data'" "nvme disk type='pci'" "block lun dev='/dev/sdb'"; do
	fresh
	read -r type device attributes <<<"$source"
	domain web01 "$(file web01.qcow2)" "$(disk "$type" "$device" "$attributes" | sed '$s/vda/vdb/')" >"$B/web01.xml"
	cp "$one" "$B/web01.qcow2"
	both 13 "a disk that is a $type's is not there"
done
fresh
domain web01 "$(disk file disk "file='/ssd/web01.qcow2'")" "$(disk file disk "file='/hdd/web01.qcow2'")" >"$B/web01.xml"
cp "$one" "$B/web01.qcow2"
both 13 "two disks of one name, and one file"

# Of one run of "virsh backup-begin" each.
fresh
domain web01 "$(file web01.qcow2)" "$(file data.qcow2)" >"$B/web01.xml"
for hours in 8 2; do
	cp "$one" "$B/web01.qcow2.$((now - hours * 3600))"
	cp "$data" "$B/data.qcow2.$((now - hours * 3600))"
done
both 0 "two runs"
holds "... of which the later counts" jq -e --arg n ".$((now - 7200))" '.restore_point.paths | map(select(endswith($n))) | length == 2' "$W/out"
rm "$B/data.qcow2.$((now - 7200))"
both 13 "of the later run one disk"
lacks "data.qcow2.$((now - 7200))"
fresh
domain web01 "$(file web01.qcow2)" >"$B/web01.xml"
cp "$one" "$B/web01.qcow2.$((now - 864000))"
both 11 "a run of ten days ago, copied today"

# A directory for each day, in which each machine has one of its own. Copies have the time at which they were made.
fresh
today=$(date +%F)
mkdir -p "$B/$(date -d '9 days ago' +%F)/web01" "$B/$today/web01"
for day in "$B"/*/web01; do
	domain web01 "$(file web01.qcow2)" >"$day/web01.xml"
	cp "$one" "$day/web01.qcow2"
done
touch -d '2 hours ago' "$B/$today"/web01/*
both 0 "one of nine days ago that was copied later than today's"
holds "... is not taken for today's" jq -e --arg d "/$today/" '.restore_point.paths | all(contains($d))' "$W/out"
rm -r "${B:?}/$today"
both 11 "one of nine days ago, copied today"

# What else lies there.
fresh
domain web01 "$(file web01.qcow2)" "$(disk file cdrom "file='$V/seed.iso'")" >"$B/web01.xml"
cp "$one" "$B/web01.qcow2"
{
	head -c 32768 /dev/zero
	printf '\001CD001\001'
	head -c 400000 /dev/zero
} >"$B/seed.iso"
cp "$one" "$B/web01-before-upgrade.qcow2"
touch -d '100 days ago' "$B/seed.iso" "$B/web01-before-upgrade.qcow2"
both 0 "an old copy and an installation CD beside the disk"
qemu-img create -q -u -f qcow2 -b "$V/web01.qcow2" -F qcow2 "$B/web01.snap1" 32M
domain web01 "$(file web01.snap1)" >"$B/web01.xml"
both 0 "... and an overlay on it"
holds "... which belongs to it" jq -e '.restore_point.paths | map(sub(".*/"; "")) | sort == ["web01.qcow2", "web01.snap1", "web01.xml"]' "$W/out"

# Disks that are called otherwise than the XML says.
fresh
domain web01 "$(file web01.qcow2)" >"$B/web01.xml"
cp "$one" "$B/web01-$(date +%F).qcow2"
expect 0 "a date in the disk's name" web01 --from "$B"
configured 13 "a date in the disk's name"
fresh
mkdir "$B/etc"
domain web01 "$(file web01.qcow2)" >"$B/etc/web01.xml"
zstd -qc "$W/one.img" >"$B/web01.img.zst"
expect 0 "an XML in a directory below" web01 --from "$B"
mv "$B/etc/web01.xml" "$B" && rmdir "$B/etc"
both 0 "a qcow2 as a compressed raw image"
domain web01 "$(disk block disk "dev='/dev/vg0/web01'")" >"$B/web01.xml"
both 0 "a logical volume as a compressed raw image"
fresh
domain web01 "$(file web01.qcow2)" >"$B/web01.xml"
split -b 500000 "$one" "$B/web01.qcow2."
both 0 "in pieces"
rm "$B/web01.qcow2.ab"
both 13 "in pieces, of which one is gone"

# Each night's own list counts, also that of an older one which is taken in its place.
fresh
night() { # WHEN FILE...
	local n f
	n=$B/$(date -d "$1" +%F-%H%M)
	mkdir "$n"
	domain web01 "$(file web01.qcow2)" "$(file data.qcow2)" >"$n/web01.xml"
	for f in "${@:2}"; do cp "$f" "$n/"; done
	[ ! -e "$n/one.qcow2" ] || mv "$n/one.qcow2" "$n/web01.qcow2"
	touch -d "$1" "$n"/*
}
night '6 hours ago' "$one"
night '1 hour ago' "$one" "$data"
configured 0 "an older night lacks a disk"
dd if=/dev/urandom of="$B/$(date -d '1 hour ago' +%F-%H%M)/web01.qcow2" bs=1k count=300 seek=1000 conv=notrunc status=none
configured 12 "the newest is damaged"
configured 13 "... and the older one lacks a disk" 'fallback = yes'
lacks data.qcow2
rm -r "${B:?}"/*
night '6 hours ago' "$one" "$data"
night '1 hour ago' "$one"
configured 13 "the newest lacks a disk"
configured 0 "... and the older one does not" 'fallback = yes'
holds "... which is told" jq -e '.newer_restore_point.verdict == "incomplete"' "$W/out"

# What was incomplete long ago in one repository is no news in another.
fresh
mkdir "$B/old" "$W/new"
domain web01 "$(file web01.qcow2)" "$(file data.qcow2)" >"$B/old/web01.xml"
cp "$one" "$B/old/web01.qcow2"
touch -d '30 days ago' "$B"/old/*
cp "$one" "$W/new/web01.qcow2"
configured 13 "of the only one a disk is missing"
printf '[repository "new"]\npath = %s\n' "$W/new" >>"$W/lay.conf"
run check web01 --config "$W/lay.conf" --scratch "$S" --format json
verdict_is 0 "... but another repository has a newer one"
finish
