#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Digests beside a split backup are of the pieces, or of what they were before they were split, as `tee >(sha256sum) |
# split` writes them, or of what that decodes to: each is compared, and one that does not agree is damage.
. "$(dirname "$0")/lib.sh"
mkdir -p "$W/tree/etc" "$W/zst" "$W/raw"
echo web01 >"$W/tree/etc/hostname"
noise 1 2000000 >"$W/tree/etc/noise"
truncate -s 4M "$W/web01.img"
mke2fs -q -t ext4 -d "$W/tree" "$W/web01.img" || exit 1
zstd -q "$W/web01.img" -o "$W/web01.img.zst" || exit 1
split -b 900K "$W/web01.img.zst" "$W/zst/web01.img.zst."
split -b 900K -d -a 3 "$W/web01.img" "$W/raw/web01.img."
other=$(head -c 64 /dev/zero | tr '\0' a)
proof() { # WANTED NAME DIRECTORY: of integrity
	run check web01 --from "$3" --config "$W/empty.conf" --scratch "$S" --format json
	holds "$2" test "$(jq -r .proofs.integrity "$W/out")" = "$1"
}
proof held 'a split .zst proves itself' "$W/zst"
proof unproven 'a split raw image does not' "$W/raw"
for kind in sha256 md5 b2; do
	${kind}sum <"$W/web01.img.zst" >"$W/zst/web01.img.zst.$kind"
	proof held "$kind of all pieces" "$W/zst"
	holds "... is compared" jq -e 'any(.findings[]; .check == "sidecar.digest" and .outcome == "held")' "$W/out"
	rm "$W/zst/web01.img.zst.$kind"
done
echo "$other  web01.img.zst" >"$W/zst/web01.img.zst.sha256"
proof broken 'another digest of all pieces' "$W/zst"
rm "$W/zst/web01.img.zst.sha256"
(cd "$W" && sha256sum web01.img) >"$W/zst/web01.img.sha256"
proof held 'the digest of what they decode to' "$W/zst"
echo "$other  web01.img" >"$W/zst/web01.img.sha256"
proof broken 'another digest of what they decode to' "$W/zst"
rm "$W/zst/web01.img.sha256"
(cd "$W" && sha256sum web01.img) >"$W/raw/SHA256SUMS"
proof held 'it vouches for each piece of a raw image' "$W/raw"
# A file for each thread: a call that another one interrupts would be two lines.
strace -ff -y -e trace=read,pread64,preadv,preadv2,readv -o "$W/strace.log" "$BACKPROOF" check web01 --from "$W/raw" --depth full \
	--config "$W/empty.conf" --scratch "$S" --no-confine --quiet >"$W/out" 2>&1
read_bytes=$(cat "$W"/strace.log.* | grep -o 'raw/web01.img.001>.* = [0-9]*$' | awk '{ n += $NF } END { print n + 0 }')
holds "a piece is read once for both ($read_bytes bytes of 921600)" test "$read_bytes" -ge 921600 -a "$read_bytes" -lt 1500000
fsverity digest --compact "$W/web01.img" >"$W/raw/web01.img.fsverity"
proof held 'and so does a digest of a tree' "$W/raw"
rm "$W/raw/web01.img.fsverity"
run check web01 --from "$W/raw" --config "$W/empty.conf" --scratch "$S" --format json --depth sample
holds 'a digest that a sample does not take is told of' \
	jq -e 'any(.findings[]; .check == "sidecar.digest" and .outcome == "skipped" and (.detail | test("of all pieces")))' "$W/out"
echo "$other  web01.img" >"$W/raw/SHA256SUMS"
proof broken 'another digest of a raw image' "$W/raw"
echo "$other  web01.img.001" >"$W/raw/SHA256SUMS"
proof broken 'one piece listed, and not the others' "$W/raw"
rm "$W/raw/SHA256SUMS"
# Compressed twice: its name without one suffix is of what is compressed still.
mkdir "$W/two" && gzip -k "$W/web01.img" && zstd -q "$W/web01.img.gz" -o "$W/two/web01.img.gz.zst" || exit 1
(cd "$W" && sha256sum web01.img.gz) >"$W/two/SHA256SUMS"
proof held 'the digest of what one of two codecs decodes to' "$W/two/web01.img.gz.zst"
holds "... is compared" jq -e 'any(.findings[]; .check == "sidecar.digest" and .outcome == "held")' "$W/out"
echo "$other  web01.img.gz" >"$W/two/SHA256SUMS"
proof broken 'another digest of it' "$W/two/web01.img.gz.zst"
# A flipped bit in the second piece of an image without checksums.
(cd "$W" && sha256sum web01.img) >"$W/raw/web01.img.sha256"
printf x | dd of="$W/raw/web01.img.001" bs=1 seek=1000 conv=notrunc status=none
proof broken 'a piece that was changed' "$W/raw"
finish
