#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Containers, chains and split files through the whole gate: safe as they are, and never when something was done to them.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
F=$W/f
"$TOP/fixtures/make-small-images.sh" "$F" >/dev/null || exit 1
raw=$F/gpt.img
fresh() { rm -rf "$W/b" && mkdir "$W/b"; }
all() { local x; for x in "$W"/b/*; do printf '%s\n' --from "$x"; done; }

# Each container from qemu-img, opened as it is, and what a cut and a flip make of it.
while read -r name format options; do
	fresh
	# shellcheck disable=SC2086
	qemu-img convert -O "$format" $options "$raw" "$W/b/web01.$name" || exit 1
	mapfile -t from < <(all)
	expect 0 "$name $options" web01 "${from[@]}"
	expect 13 "$name $options: another host" db01 "${from[@]}"
	zstd -q "$W/b/web01.$name" -o "$W/web01.$name.zst"
	if [ "${#from[@]}" = 2 ]; then
		expect 0 "$name $options, zst" web01 --from "$W/web01.$name.zst"
		size=$(stat -c %s "$W/b/web01.$name")
		for cut in $((size / 5)) $((size / 2)) $((size * 9 / 10)); do
			truncate -s "$cut" "$W/b/web01.$name"
			run check web01 "${from[@]}" --config "$W/empty.conf" --scratch "$S" --format json
			holds "$name $options: cut at $cut is not safe" test "$code" != 0
		done
	fi
	rm -f "$W/web01.$name.zst"
done <<'END'
qcow2 qcow2
qcow2 qcow2 -o compat=0.10
qcow2 qcow2 -c
qcow2 qcow2 -c -o compression_type=zstd
qcow2 qcow2 -o extended_l2=on,cluster_size=128k
vhd vpc
vhd vpc -o subformat=fixed
vhdx vhdx
vhdx vhdx -o subformat=fixed
vmdk vmdk
vmdk vmdk -o subformat=streamOptimized
vmdk vmdk -o subformat=twoGbMaxExtentSparse
vmdk vmdk -o subformat=monolithicFlat
vdi vdi
END

# A chain: what is behind counts, must be there, and must be the right one.
fresh
qemu-img convert -O qcow2 "$raw" "$W/b/base.qcow2"
(cd "$W/b" && qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 web01.qcow2)
expect 0 "chain" web01 --from "$W/b/web01.qcow2" --from "$W/b/base.qcow2"
expect 0 "chain, the other way round" web01 --from "$W/b/base.qcow2" --from "$W/b/web01.qcow2"
touch -d '30 days ago' "$W/b/base.qcow2"
expect 0 "chain on an old base" web01 --from "$W/b/web01.qcow2" --from "$W/b/base.qcow2"
touch -d '30 days ago' "$W/b/web01.qcow2"
expect 11 "chain that is old itself" web01 --from "$W/b/web01.qcow2" --from "$W/b/base.qcow2"
touch "$W/b/base.qcow2"
expect 11 "chain that is old itself, on a base that was touched" web01 --from "$W/b/web01.qcow2" --from "$W/b/base.qcow2"
touch "$W/b/web01.qcow2"
expect 13 "chain without its base" web01 --from "$W/b/web01.qcow2"
holds "the message names it" jq -e '[.reasons[]] | any(contains("base.qcow2"))' "$W/out"
truncate -s 50% "$W/b/base.qcow2" 2>/dev/null || truncate -s 1M "$W/b/base.qcow2"
run check web01 --from "$W/b/web01.qcow2" --from "$W/b/base.qcow2" --config "$W/empty.conf" --scratch "$S" --format json
holds "chain on a cut base is not safe" test "$code" != 0
fresh
(cd "$W/b" && cp "$raw" base.img && qemu-img create -q -f qcow2 -b base.img -F raw web01.qcow2)
expect 0 "chain on a raw disk" web01 --from "$W/b/web01.qcow2" --from "$W/b/base.img"
# A shorter disk below is one that was enlarged, or one that was cut; both read as zeros behind its end.
for kind in gpt mbr; do
	fresh
	(cd "$W/b" && cp "$F/$kind.img" base.img && qemu-img create -q -f qcow2 -b base.img -F raw web01.qcow2 80M)
	expect 0 "$kind: an enlarged disk on a raw one" web01 --from "$W/b/web01.qcow2" --from "$W/b/base.img"
	(cd "$W/b" && qemu-img create -q -f qcow2 -b base.img -F raw web01.qcow2 && truncate -s -1M base.img)
	expect 12 "$kind: chain on a raw disk that was cut" web01 --from "$W/b/web01.qcow2" --from "$W/b/base.img"
	holds "$kind: the message names it" jq -e '[.reasons[]] | any(contains("base.img: cut") or contains("backup GPT"))' "$W/out"
done
fresh
(cd "$W/b" && qemu-img create -q -f qcow2 a.qcow2 32M && qemu-img create -q -f qcow2 -b a.qcow2 -F qcow2 b.qcow2 32M &&
	qemu-img rebase -u -f qcow2 -b b.qcow2 -F qcow2 a.qcow2)
run check web01 --from "$W/b/a.qcow2" --from "$W/b/b.qcow2" --config "$W/empty.conf" --scratch "$S" --format json
holds "a chain that bites its tail is not safe" test "$code" = 12

# What an image can't be read without is found beside it, in a directory too, whatever it is called.
found() { # CODE NAME FILE...: in the directory, these and no others
	local code=$1 name=$2
	shift 2
	expect "$code" "$name, found in a directory" web01 --from "$W/b"
	holds "$name: its files" jq -e --arg w "$W/b/" --arg f "$*" \
		'(.restore_point.paths | map(ltrimstr($w)) | sort) == ($f | split(" ") | sort)' "$W/out"
}
for o in data_file=data.bin data_file=data.bin,data_file_raw=on; do
	fresh
	(cd "$W/b" && qemu-img convert -O qcow2 -o $o "$raw" web01.qcow2)
	found 0 "$o" web01.qcow2 data.bin
	touch -d '7 days ago' "$W/b/data.bin"
	expect 11 "$o: the data of last week under today's table" web01 --from "$W/b"
done
fresh
(cd "$W/b" && qemu-img convert -O vmdk -o subformat=monolithicFlat "$raw" web01.vmdk && touch -d '7 days ago' web01-flat.vmdk)
expect 11 "the extent of last week under today's descriptor" web01 --from "$W/b"
touch -d '7 days ago' "$W/b/web01.vmdk"
touch "$W/b/web01-flat.vmdk"
expect 0 "today's extent under last week's descriptor" web01 --from "$W/b"
for name in file:base.qcow2 'json:{"driver":"qcow2","file":{"driver":"file","filename":"base.qcow2"}}'; do
	fresh
	qemu-img convert -O qcow2 "$raw" "$W/b/base.qcow2"
	(cd "$W/b" && qemu-img create -q -u -f qcow2 -b "$name" -F qcow2 web01.qcow2 32M && touch -d '1 hour ago' base.qcow2)
	found 0 "on $name" web01.qcow2 base.qcow2
done
fresh
(cd "$W/b" && qemu-img convert -O vmdk -o subformat=monolithicFlat "$raw" web01.vmdk && touch -d '1 hour ago' web01* &&
	qemu-img create -q -f vmdk -b web01.vmdk -F vmdk web01-000001.vmdk)
found 0 "snapshot of a VMDK" web01-000001.vmdk web01.vmdk web01-flat.vmdk
touch -d '7 days ago' "$W/b/web01.vmdk" "$W/b/web01-flat.vmdk"
expect 0 "today's snapshot of a VMDK of last week" web01 --from "$W/b"
rm "$W/b/web01-flat.vmdk"
found 13 "snapshot of a VMDK without an extent of its parent" web01-000001.vmdk web01.vmdk
# No disk of a machine: what belongs together is asked for.
for x in vhdx:base.vhdx:middle.avhdx:last.avhdx vhd:base.vhd:child.avhd:last.avhd; do
	IFS=: read -r kind base middle last <<<"$x"
	fresh
	for f in $base $middle $last; do zstd -qd "$TOP/fixtures/$kind/$f.zst" -o "$W/b/$f"; done
	touch -d '1 hour ago' "$W/b/$base" "$W/b/$middle" && touch "$W/b/$last"
	found 20 "chain of $kind" "$base" "$middle" "$last"
done

# A machine has lived in its VHD for a year: when that file was made says nothing of the backup's age. The disk inside
# is of today, and was converted by a clock that was wrong.
fresh
qemu-img convert -O vpc -o subformat=fixed "$raw" "$W/b/web01.vhd"
python3 - "$W/b/web01.vhd" <<'END'
import struct, sys
with open(sys.argv[1], "r+b") as f:
    f.seek(-512, 2)
    footer = bytearray(f.read(512))
    struct.pack_into(">I", footer, 24, 86400 * 365 * 20)
    struct.pack_into(">I", footer, 64, 0)
    struct.pack_into(">I", footer, 64, ~sum(footer) & 0xffffffff)
    f.seek(-512, 2)
    f.write(footer)
END
expect 0 "a VHD that was made long ago" web01 --from "$W/b/web01.vhd"

# Names in an image are wishes: files beside it that were not given are not opened.
fresh
mkdir "$W/b/in" && cp "$raw" "$W/b/secret.img"
(cd "$W/b/in" && qemu-img create -q -f qcow2 -b ../secret.img -F raw web01.qcow2)
expect 13 "a base that was not named is not opened" web01 --from "$W/b/in/web01.qcow2"

# So many pieces that the letters of some mean something else: .br, .gz, .mf.
fresh
zstd -q -f "$raw" -o "$W/x"
split -a 2 -b $(($(stat -c %s "$W/x") / 325 + 1)) "$W/x" "$W/b/web01.img.zst."
n=$(find "$W/b" -type f | wc -l)
expect 0 "many pieces, found in a directory" web01 --from "$W/b"
holds "all of them" jq -e --argjson n "$n" '$n > 320 and (.restore_point.paths | length) == $n' "$W/out"
(cd "$W/b" && sha256sum -- web01* >SHA256SUMS)
mapfile -t from < <(all)
expect 0 "many pieces and their digests" web01 "${from[@]}"
sed -i '/[.]mf$/d' "$W/b/SHA256SUMS"
expect 13 "many pieces, of one no digest" web01 --from "$W/b"
rm "$W/b/SHA256SUMS" "$W/b/web01.img.zst.gz"
expect 13 "many pieces without one of them" web01 --from "$W/b"

# The checksums that a format carries over its content are compared by the gate itself.
fresh
cp "$TOP/fixtures/ova/box.ova" "$W/b/web01.ova"
run check web01 --from "$W/b/web01.ova" --config "$W/empty.conf" --scratch "$S" --format json
holds "an appliance's manifest holds" jq -e 'any(.findings[]; .check == "image.checksum" and .outcome == "held")' "$W/out"
at=$(grep -abo ')= [0-9a-f]' "$W/b/web01.ova" | head -n 1 | cut -d : -f 1)
digit=$(dd if="$W/b/web01.ova" bs=1 skip=$((at + 3)) count=1 status=none | tr 0-9a-f 1-9a-f0)
printf %s "$digit" | dd of="$W/b/web01.ova" bs=1 seek=$((at + 3)) conv=notrunc status=none
expect 12 "an appliance's manifest does not hold" web01 --from "$W/b/web01.ova"

# Split files.
for how in '-a 2 -b 3000000' '-a 3 -d -b 7000000'; do
	for kind in img img.zst img.gz qcow2; do
		fresh
		case $kind in
		img) cp "$raw" "$W/x" ;;
		img.zst) zstd -q -f "$raw" -o "$W/x" ;;
		img.gz) gzip -c "$raw" >"$W/x" ;;
		qcow2) qemu-img convert -O qcow2 "$raw" "$W/x" ;;
		esac
		size=$(stat -c %s "$W/x")
		[ "$size" -gt 8000000 ] || how=$(echo "$how" | sed "s/-b .*/-b $((size / 3 + 1))/")
		# shellcheck disable=SC2086
		split $how "$W/x" "$W/b/web01.$kind."
		n=$(find "$W/b" -type f | wc -l)
		mapfile -t from < <(all)
		holds "split $kind: pieces" test "$n" -ge 3
		expect 0 "split $kind in $n" web01 "${from[@]}"
		holds "all pieces were read" jq -e --argjson size "$size" '.measures.bytes_read == $size' "$W/out"
		expect 0 "split $kind, found in a directory" web01 --from "$W/b"
		(cd "$W/b" && sha256sum -- * >SHA256SUMS)
		expect 0 "split $kind with digests" web01 "${from[@]}"
		holds "each piece by its digest" jq -e --argjson n "$n" \
			'[.findings[] | select(.check == "sidecar.digest" and .outcome == "held")] | length == $n' "$W/out"
		second=$(find "$W/b" -type f -name 'web01*' | sort | sed -n 2p)
		flip "$second" 1000
		expect 12 "split $kind: a byte of the second piece" web01 "${from[@]}"
		flip "$second" 1000
		rm "$W/b/SHA256SUMS"
		last=$(find "$W/b" -type f | sort | tail -n 1)
		mv "$last" "$W/last"
		mapfile -t some < <(all)
		run check web01 "${some[@]}" --config "$W/empty.conf" --scratch "$S" --format json
		holds "split $kind: without its last piece not safe" test "$code" != 0
		mv "$W/last" "$last"
		rm "$second"
		mapfile -t some < <(all)
		expect 13 "split $kind: a gap" web01 "${some[@]}"
		rm -f "$W/b"/*.aa "$W/b"/*.000
		mapfile -t some < <(all)
		run check web01 "${some[@]}" --config "$W/empty.conf" --scratch "$S" --format json
		holds "split $kind: without its first piece not safe" test "$code" != 0
	done
done
finish
