#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Backups of every format, sealed: what is as it was sealed is as safe as it was before, and says on what it rests.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli/sealed.bash
. "$(dirname "$0")/sealed.bash"
F=$W/f
"$TOP/fixtures/make-small-images.sh" "$F" >/dev/null || exit 1
raw=$F/gpt.img
"$BACKPROOF" key new "$W/key" >/dev/null || exit 1
printf '[policy "default"]\nrequire_signature = yes\ntrusted_keys = %s\n' "$W/key.pub" >"$W/signed.conf"


one() { # NAME [OPTIONS of seal], of what is in $W/b
	run check web01 --from "$W/b" --config "$W/empty.conf" --scratch "$S" --format json
	local before=$code
	jq -c '.proofs | .integrity = 0' "$W/out" >"$W/before"
	seal "$W/b" --key "$W/key" "${@:2}"
	look signed "$before" "$1: the same verdict" web01 --from "$W/b"
	jq -c '.proofs | .integrity = 0' "$W/out" >"$W/after"
	holds "$1: the same proofs" diff "$W/before" "$W/after"
	told "$1: by its digest" "$by_seal"' and .seal.trusted and .proofs.integrity == "held" and all(.findings[] | select(.check == "integrity.evidence"); .measured == "digest")
		and ([.findings[] | select(.check == "seal.digest")] | length) == (.restore_point.paths | length)'
	[ "$before" = 0 ] && told "$1: the files of its manifest came out as they were" '.measures.files_witnessed >= 30'
}
while read -r kind suffix command; do
	fresh
	bash -c "$command" command "$raw" "$W/b/web01.$suffix" >/dev/null || exit 1
	one "$kind"
done <<'END'
raw img cp "$1" "$2"
zst img.zst zstd -q "$1" -o "$2"
gz img.gz gzip -c "$1" >"$2"
xz img.xz xz -1 -c --block-size=1MiB "$1" >"$2"
lz4 img.lz4 lz4 -q "$1" "$2"
bz2 img.bz2 bzip2 -c "$1" >"$2"
qcow2 qcow2 qemu-img convert -O qcow2 -c "$1" "$2"
qcow2-zst qcow2.zst qemu-img convert -O qcow2 "$1" "$2.x" && zstd -q --rm "$2.x" -o "$2"
vhdx vhdx qemu-img convert -O vhdx "$1" "$2"
vhd vhd qemu-img convert -O vpc "$1" "$2"
vdi vdi qemu-img convert -O vdi "$1" "$2"
vmdk vmdk qemu-img convert -O vmdk -o subformat=twoGbMaxExtentSparse "$1" "$2"
END
for x in mbr bare-ext3 fat; do
	fresh
	cp "$F/$x.img" "$W/b/web01.img"
	one "$x"
done
for x in container.tar container.tar.zst; do
	fresh
	cp "$F/container.tar" "$W/b/web01.tar"
	[ "$x" = container.tar ] || zstd -q --rm "$W/b/web01.tar"
	one "$x"
done
fresh
cp "$F/two-disks/"* "$W/b"
one "two disks"
fresh
zstd -q -c "$raw" | split -a 2 -b 100K - "$W/b/web01.img.zst."
one "split"
fresh
qemu-img convert -O qcow2 "$raw" "$W/b/base.qcow2"
(cd "$W/b" && qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 web01.qcow2) || exit 1
one "chain" --host web01

# Real images of others, and what their own tools wrote: most are old or no machine's, and stay so.
for x in third-party/ext2.E01 third-party/image.E01 third-party/ext2.qcow2 wim/lzx.wim wim/solid.esd ova/box.ova partclone/tiny.pcl \
	vma/two.vma vhdx/log.vhdx.zst vhd/holes.vhd.zst vdi/small.vdi vmdk/stream.vmdk btrfs/log.img.zst exfat/c4096.img.zst \
	ntfs/c4096.img.zst archive/pax-sparse-0.1.tar; do
	fresh
	cp "$TOP/fixtures/$x" "$W/b"
	one "$x"
done
for x in "$TOP"/fixtures/clonezilla/*-img; do
	rm -rf "$W/b"
	cp -rL "$x" "$W/b"
	one "clonezilla ${x##*/}"
done

# Repositories as programs lay them out: a seal is no part of them, and what people write beside a backup may change.
layout() { # LAYOUT CODE NAME
	printf '[repository "r"]\npath = %s\nlayout = %s\n[host "web01"]\n[policy "default"]\nrequire_signature = yes\ntrusted_keys = %s\n' \
		"$W/b" "$1" "$W/key.pub" >"$W/layout.conf"
	run check web01 --config "$W/layout.conf" --scratch "$S" --format json
	verdict_is "$2" "$1: $3"
}
fresh
mkdir "$W/b/dump"
name=vzdump-lxc-100-$(date -u +%Y_%m_%d-%H_%M_%S)
cp "$F/container.tar" "$W/b/dump/$name.tar"
printf 'INFO: CT Name: web01\nINFO: Finished Backup of VM 100 (00:00:12)\n' >"$W/b/dump/$name.log"
printf web01 >"$W/b/dump/$name.tar.notes"
touch "$W/b/dump/$name.tar.protected"
seal "$W/b" --key "$W/key" --host web01
layout vzdump 0 "sealed"
rm "$W/b/dump/$name.tar.protected"
layout vzdump 0 "no longer protected"
printf 'web01, before the upgrade' >"$W/b/dump/$name.tar.notes"
layout vzdump 0 "other notes"
rm "$W/b/dump/$name.tar.notes"
layout vzdump 0 "no notes"
flip "$W/b/dump/$name.tar" 70000
layout vzdump 12 "damaged"
fresh
qemu-img convert -O qcow2 "$raw" "$W/b/web01-vda.qcow2"
printf "<domain type='kvm'>\n<name>web01</name>\n<devices><disk type='file' device='disk'><source file='/x/web01-vda.qcow2'/></disk></devices>\n</domain>\n" \
	>"$W/b/web01.xml"
seal "$W/b" --key "$W/key" --host web01
layout libvirt 0 "sealed"
told "libvirt: without the seal" '.restore_point.paths | map(select(contains("seal"))) == []'
rm "$W/b/web01-vda.qcow2"
layout libvirt 13 "its disk is gone"
fresh
cp "$TOP/fixtures/ova/box.ova" "$W/b/web01.ova"
seal "$W/b" --key "$W/key"
layout ova 11 "sealed, and old"
told "ova: held" "$by_seal"
finish
