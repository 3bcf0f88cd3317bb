#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What a program has laid out is found and understood wherever it lies below the directory that is given, beside files
# that only names tell of, and where its files are given one by one.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=fixtures/machines.sh
. "$TOP/fixtures/machines.sh"
B=$W/b V=/var/lib/libvirt/images
mk_tree "$W/tree" web01 "$ID" efi
mk_disk "$W/one.img" "$W/tree"
mk_disk "$W/aged.img" "$W/tree" --age 777600
mkdir "$W/srv" && noise 12 50000 >"$W/srv/data"
mk_data_disk "$W/data.img" "$W/srv" "$(uuid_of srv)"
for disk in one data; do
	qemu-img convert -O qcow2 "$W/$disk.img" "$W/$disk.qcow2"
	qemu-img convert -O vmdk -o subformat=streamOptimized "$W/$disk.img" "$W/$disk.vmdk"
done
fresh() { rm -rf "$B" && mkdir "$B"; }
lacks() { # FILE HOW: the last run says so
	holds "... which is told" jq -e --arg t "names the file $1, which is not $2" 'any(.reasons[]; contains($t))' "$W/out"
}
takes() { # NAME: the last run looked at it
	holds "... $1" jq -e --arg n "$1" '.restore_point.paths | any(contains($n))' "$W/out"
}
ovf() { # DISK...
	local i=0 disk
	echo '<Envelope xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"><References>'
	for disk in "$@"; do echo "<File ovf:href=\"$disk\" ovf:id=\"file$((i += 1))\"/>"; done
	echo '</References></Envelope>'
}
domain() { # NAME FILE...
	local file
	echo "<domain type='kvm'><name>$1</name><devices>"
	for file in "${@:2}"; do echo "<disk type='file' device='disk'><source file='$V/$file'/></disk>"; done
	echo '</devices></domain>'
}

# An export.
fresh
mkdir "$B/web01"
cp "$W/one.vmdk" "$B/web01/web01-disk1.vmdk"
ovf web01-disk1.vmdk web01-disk2.vmdk >"$B/web01/web01.ovf"
expect 13 "an export lacks a disk" web01 --from "$B/web01"
expect 13 "... from above" web01 --from "$B"
lacks web01-disk2.vmdk "beside it"
expect 13 "... as files" web01 --from "$B/web01/web01.ovf" --from "$B/web01/web01-disk1.vmdk"
lacks web01-disk2.vmdk "beside it"
expect 13 "... by its descriptor" web01 --from "$B/web01/web01.ovf"
cp "$W/data.vmdk" "$B/web01/web01-disk2.vmdk"
expect 0 "a whole export from above" web01 --from "$B"
expect 0 "... by its descriptor" web01 --from "$B/web01/web01.ovf"
expect 0 "... as files" web01 --from "$B/web01/web01.ovf" --from "$B/web01/web01-disk1.vmdk" --from "$B/web01/web01-disk2.vmdk"
expect 13 "... of which one is not given" web01 --from "$B/web01/web01-disk1.vmdk" --from "$B/web01/web01.ovf"
lacks web01-disk2.vmdk given

# A machine of libvirt's, three directories down.
fresh
night=$B/kvm1/web01/$(date +%F)
mkdir -p "$night" "$B/empty"
domain web01 web01.qcow2 asm.qcow2 >"$night/web01.xml"
cp "$W/one.qcow2" "$night/web01.qcow2"
expect 13 "a machine lacks a disk" web01 --from "$B"
expect 13 "... beside another directory" web01 --from "$B/kvm1" --from "$B/empty"
lacks asm.qcow2 "beside it"
echo "<domain type='kvm'><name>web01</name>" >"$night/web01.xml"
expect 20 "its list is cut" web01 --from "$B"
domain web01 web01.qcow2 asm.qcow2 >"$night/web01.xml"
cp "$W/data.qcow2" "$night/asm.qcow2"
expect 0 "a whole machine" web01 --from "$B"
takes asm.qcow2

# Dumps of several guests.
fresh
mkdir -p "$B/nas"
dump() { # NUMBER GUEST AGO END
	local name
	name=vzdump-lxc-$1-$(date -d "$3" +%Y_%m_%d-%H_%M_%S)
	cp "$W/$2.tar.zst" "$B/nas/$name.tar.zst"
	printf 'INFO: CT Name: %s\n%s\n' "$2" "$4" >"$B/nas/$name.log"
}
mk_tree "$W/ct" web01 "$ID" container && mk_tar "$W/web01.tar" "$W/ct" && zstd -q "$W/web01.tar"
mk_tree "$W/ct2" db01 11111111111111111111111111111111 container && mk_tar "$W/db01.tar" "$W/ct2" && zstd -q "$W/db01.tar"
dump 100 web01 '3 hours ago' 'INFO: Finished Backup of VM 100 (00:00:09)'
dump 102 db01 '1 hour ago' 'INFO: Finished Backup of VM 102 (00:00:09)'
expect 0 "dumps of two guests" web01 --from "$B"
takes vzdump-lxc-100-
expect 10 "... and none of a third" mail --from "$B"
rm "$B/nas/vzdump-lxc-100-"*
dump 100 web01 '2 hours ago' 'ERROR: Backup of VM 100 failed - no space left'
expect 10 "a job that failed" web01 --from "$B"

# Beside what only names tell of: the newest that is as surely the host's.
fresh
cz=$B/arc/web01-$(date -d '9 days ago' +%F)-img
mkdir -p "$cz"
cp -r "$TOP"/fixtures/clonezilla/web01-2026-11-19-img/* "$cz/"
find "$cz" -exec touch -d '9 days ago' {} +
expect 11 "an image of Clonezilla's two levels down" web01 --from "$B"
takes /arc/web01-
cp "$W/one.img" "$B/web01-$(date +%F).img"
expect 0 "... beside a newer plain one" web01 --from "$B"
mv "$cz" "$B/db01-$(date +%F)-img"
expect 0 "... or another host's" web01 --from "$B"
finish
