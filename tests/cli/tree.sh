#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Digests of raw files: the tree that is taken of each, beside fsverity's own; NAME.fsverity as a sidecar; several
# sidecars in one pass; and a disk of 1 TiB that is nearly all hole.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
b=$W/b
mkdir "$b"

measured() { jq -r --arg name "$1" '.findings[] | select(.check == "integrity.read" and .subject == $name) | .measured' "$W/out"; }

# Whatever is in a raw file, and whatever the verdict then is: the digest is what fsverity prints.
noise 1 70000000 >"$W/noise"
for size in 1 4095 4096 4097 8192 524287 524288 524289 1048576 1048577 67108863 67108864 67108865; do
	head -c "$size" "$W/noise" >"$b/web01.img"
	for threads in 1 2 8; do
		[ "$threads" = 2 ] || [ "$size" -lt 600000 ] || continue
		BACKPROOF_THREADS=$threads run check web01 --from "$b/web01.img" --config "$W/empty.conf" --scratch "$S" \
			--depth full --format json
		holds "$size bytes, $threads threads: as fsverity" \
			test "$(measured web01.img)" = "fs-verity $(fsverity digest "$b/web01.img" | cut -d ' ' -f 1)"
	done
done
# Holes, data, and zeros that are stored.
rm "$b/web01.img"
truncate -s 1G "$b/web01.img"
for at in 0 5 4096 1000003 900000000; do
	head -c 3000000 "$W/noise" | dd of="$b/web01.img" bs=64K oflag=seek_bytes seek="$at" conv=notrunc status=none
done
dd if=/dev/zero of="$b/web01.img" bs=1M seek=500 count=9 conv=notrunc status=none
run check web01 --from "$b/web01.img" --config "$W/empty.conf" --scratch "$S" --depth full --format json
holds "sparse: as fsverity" \
	test "$(measured web01.img)" = "fs-verity $(fsverity digest "$b/web01.img" | cut -d ' ' -f 1)"
holds "sparse: holes are known" jq -e '.findings[] | select(.check == "integrity.read") | .detail | capture("[(](?<n>[0-9]+) of them are holes").n | tonumber > 900000000' "$W/out"
rm "$b/web01.img" "$W/noise"

mk_tree "$W/efi" web01 "$ID" efi
mk_disk "$W/good.img" "$W/efi" --size 64 || exit 1
cp --sparse=always "$W/good.img" "$b/web01.img"
held() { # CHECK COUNT: so many findings of a check held
	jq -e --arg check "$1" --argjson n "$2" '[.findings[] | select(.check == $check and .outcome == "held")] | length == $n' "$W/out"
}
side() { rm -f "$b"/*.fsverity "$b"/*SUMS "$b"/*.sha256 "$b"/*.sha512 "$b"/*.md5 && cd "$b" || exit; }

side && fsverity digest web01.img >web01.img.fsverity
expect 0 "NAME.fsverity" web01 --from "$b/web01.img" --depth full
holds "it is evidence as any digest" jq -e '[.findings[] | select(.check == "integrity.evidence" and .measured == "digest")] | length == 1' "$W/out"
holds "its digest was compared" held sidecar.digest 1
side && fsverity digest --compact web01.img >web01.img.fsverity
expect 0 "NAME.fsverity: the digest alone" web01 --from "$b/web01.img" --depth full
side && fsverity digest web01.img >FSVERITYSUMS
expect 0 "FSVERITYSUMS" web01 --from "$b/web01.img" --depth full
side && fsverity digest web01.img | sed 's/sha256:0/sha256:1/;t;s/sha256:./sha256:0/' >web01.img.fsverity
expect 12 "NAME.fsverity: another digest" web01 --from "$b/web01.img" --depth full
side && fsverity digest web01.img | cut -c 1-60 >web01.img.fsverity
expect 12 "NAME.fsverity: cut" web01 --from "$b/web01.img" --depth full
side && : >web01.img.fsverity
expect 12 "NAME.fsverity: empty" web01 --from "$b/web01.img" --depth full
side && sha256sum web01.img >web01.img.fsverity
expect 12 "NAME.fsverity: a flat digest" web01 --from "$b/web01.img" --depth full
side && fsverity digest --block-size=1024 web01.img >web01.img.fsverity
expect 12 "NAME.fsverity: other blocks" web01 --from "$b/web01.img" --depth full
side && fsverity digest --hash-alg=sha512 web01.img >web01.img.fsverity
expect 20 "NAME.fsverity: SHA-512" web01 --from "$b/web01.img" --depth full
side && fsverity digest web01.img >web01.img.sha256
expect 12 "fsverity's line in a list of flat digests" web01 --from "$b/web01.img" --depth full
side && { fsverity digest web01.img && echo garbage; } >web01.img.fsverity
expect 12 "NAME.fsverity: a garbage line" web01 --from "$b/web01.img" --depth full
cp "$b/web01.img" "$b/web01-sdb.img"
side && fsverity digest web01-sdb.img >FSVERITYSUMS
expect 13 "FSVERITYSUMS without one of the files" web01 --from "$b/web01.img" --depth full
rm "$b/web01-sdb.img"

# One byte, anywhere: in free space, of which nothing inside would tell.
side && fsverity digest web01.img >web01.img.fsverity
for at in 0 3 $((60 << 20)) $((64 * 1048576 - 1)); do
	cp --sparse=always "$W/good.img" "$b/web01.img"
	flip "$b/web01.img" "$at"
	expect 12 "sealed: byte $at changed" web01 --from "$b/web01.img" --depth full
	holds "sealed: byte $at is in the digest" jq -e '[.findings[] | select(.check == "sidecar.digest" and .outcome == "broken")] | length == 1' "$W/out"
done
cp --sparse=never "$W/good.img" "$b/web01.img"
expect 0 "the same without holes" web01 --from "$b/web01.img" --depth full
truncate -s +4096 "$b/web01.img"
expect 12 "sealed: a block more" web01 --from "$b/web01.img" --depth full
cp --sparse=always "$W/good.img" "$b/web01.img"

# Several kinds in one pass, each of them compared.
side && for sum in sha256 sha512 md5; do ${sum}sum web01.img >web01.img.$sum; done && fsverity digest web01.img >web01.img.fsverity
for threads in 1 2 8; do
	BACKPROOF_THREADS=$threads expect 0 "four sidecars, $threads threads" web01 --from "$b/web01.img" --depth full
	holds "each was compared" held sidecar.digest 4
done
printf '%s\n' 0123456789abcdef0123456789abcdef >"$b/web01.img.md5"
expect 12 "one of four disagrees" web01 --from "$b/web01.img" --depth full
holds "the others held" held sidecar.digest 3

# What a compressed image decodes to, and the compressed file itself.
side && zstd -q web01.img -o "$W/z.zst" && mkdir "$W/z" && mv "$W/z.zst" "$W/z/web01.img.zst"
(cd "$W/z" && fsverity digest web01.img.zst >web01.img.zst.fsverity && fsverity digest --compact "$b/web01.img" >web01.img.fsverity)
expect 0 "zst: of both" web01 --from "$W/z/web01.img.zst" --depth full
holds "zst: both were compared" held sidecar.digest 2
fsverity digest --compact "$W/z/web01.img.zst" >"$W/z/web01.img.fsverity"
expect 12 "zst: of the content, and wrong" web01 --from "$W/z/web01.img.zst" --depth full

# A file in pieces: each has a digest of its own.
mkdir "$W/p"
(cd "$W/p" && split -b 20M --numeric-suffixes=0 -a 3 "$b/web01.img" web01.img. && fsverity digest web01.img.??? >FSVERITYSUMS)
expect 0 "pieces" web01 --from "$W/p" --depth full
holds "pieces: each was compared" held sidecar.digest 4
flip "$W/p/web01.img.003" 1234
expect 12 "pieces: a byte of the last" web01 --from "$W/p" --depth full
rm -r "$W/p" "$W/z"

# 1 TiB, of which there is next to nothing.
side
if "$TOP/fixtures/make-debian-image.sh" --fetch >"$W/log" 2>&1; then
	"$TOP/fixtures/make-debian-image.sh" "$b/web01.img" --host web01 || exit 1
fi
truncate -s 1T "$b/web01.img" || exit
sgdisk -e "$b/web01.img" >"$W/log" 2>&1 || cat "$W/log"
from=$SECONDS
cat >"$W/measure.py" <<'END'
import resource, subprocess, sys
code = subprocess.run(sys.argv[2:]).returncode
open(sys.argv[1], "w").write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)
END
ran="backproof check web01 of 1 TiB"
python3 "$W/measure.py" "$W/peak" "$BACKPROOF" check web01 --from "$b/web01.img" --config "$W/empty.conf" --scratch "$S" \
	--depth full --format json >"$W/out" 2>"$W/err"
code=$?
took=$((SECONDS - from))
verdict_is 0 "1 TiB"
holds "1 TiB: in seconds ($took)" test "$took" -lt 120
holds "1 TiB: in little memory ($(cat "$W/peak") KiB)" test "$(cat "$W/peak")" -lt $((256 * 1024))
holds "1 TiB: nearly all holes" jq -e '.findings[] | select(.check == "integrity.read") | .detail | capture("[(](?<n>[0-9]+) of them are holes").n | tonumber > 1095216660480' "$W/out"
holds "1 TiB: all of it" jq -e '.findings[] | select(.check == "integrity.read") | .outcome == "held" and (.detail | startswith("all 1099511627776 bytes"))' "$W/out"
# A flat digest has to go through all the zeros: longer than anybody waits, and no longer than that.
sha256sum </dev/null | sed "s/-$/web01.img/" >"$b/web01.img.sha256"
from=$SECONDS
expect 20 "1 TiB and a flat digest: not in two seconds" web01 --from "$b/web01.img" --depth full --deadline 2s
holds "the deadline is kept ($((SECONDS - from)))" test "$((SECONDS - from))" -lt 30
finish
