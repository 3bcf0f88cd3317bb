#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Disks that were compressed in pieces: a sample decodes only what it looks at and keeps nothing in scratch; a full
# check decodes every piece, also those that nobody reads.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
pieces=$TOP/tests/tool/pieces.py
mk_tree "$W/tree" web01 $ID efi
mk_disk "$W/web01.img" "$W/tree" --size 1024 || exit 1
size=$(stat -c %s "$W/web01.img")
mkdir "$W/at" "$W/bad"

# where FILE BYTE: offset and length of the stored piece that holds a byte of the disk
where() {
	python3 - "$1" "$2" <<'END'
import struct, subprocess, sys
d, want, at, done = open(sys.argv[1], "rb").read(), int(sys.argv[2]), 0, 0
if d[:2] == b"\x1f\x8b":
    def pieces():
        at = 0
        while at < len(d):
            n = struct.unpack_from("<H", d, at + 16)[0] + 1
            yield at, n, struct.unpack_from("<I", d, at + n - 4)[0]
            at += n
elif d[:1] == b"\xfd":
    def pieces():
        for line in subprocess.run(["xz", "--robot", "-lvv", sys.argv[1]], stdout=subprocess.PIPE).stdout.decode().split("\n"):
            f = line.split("\t")
            if f[0] == "block":
                yield int(f[4]), int(f[6]), int(f[7])
else:
    def pieces():
        count, = struct.unpack_from("<I", d, len(d) - 9)
        entry = 12 if d[-5] & 128 else 8
        at = 0
        for i in range(count):
            n, size = struct.unpack_from("<II", d, len(d) - 9 - (count - i) * entry)
            yield at, n, size
            at += n
for at, n, length in pieces():
    if done <= want < done + length:
        print(at, n)
        break
    done += length
END
}
# look DEPTH NAME CODE [OPTIONS]: of the file in $f
look() {
	local depth=$1 name=$2 want=$3
	shift 3
	run check web01 --from "$f" --depth "$depth" --seed 5 --sample-bytes 4M --config "$W/empty.conf" --scratch "$S" \
		--format json "$@"
	verdict_is "$want" "$kind, $name"
}
told() { # NAME FILTER: of the last run
	holds "$kind, $1" jq -e "$2" "$W/out"
}

said() { # FILE: what the last run found; ages and rates are of the moment
	jq -c '.findings[] | [.check, .subject, .outcome, if .check | startswith("codec") then .detail else null end]' \
		"$W/out" >"$1"
}

while read -r kind suffix; do
	f=$W/at/web01.img.$suffix
	rm -f "$W/at/"*
	case $kind in
	blocks) xz -0 -c --block-size=1MiB "$W/web01.img" >"$f" ;;
	bgzf) $pieces "$kind" 65280 "$W/web01.img" "$f" ;;
	*) $pieces "$kind" 1048576 "$W/web01.img" "$f" ;;
	esac || exit 1
	look full "whole, depth full" 0
	# A file system that was walked, and all that a sample restored: the rest of the disk is not decoded.
	look sample "whole, depth sample" 20 --scratch-limit 6M
	told "a sample leaves integrity alone unproven" '[.proofs[] | select(. != "held")] == ["unproven"] and .proofs.integrity == "unproven"'
	told "a sample decodes little" ".measures.bytes_decoded < $((size / 8)) and .measures.bytes_decoded > 0"
	told "a sample says how much it decoded" '[.findings[] | select(.check == "codec.end") | .outcome] == ["skipped"]'
	said "$W/first"
	for threads in 1 8; do
		BACKPROOF_THREADS=$threads look sample "whole, $threads threads" 20 --scratch-limit 6M
		said "$W/again"
		holds "$kind, the same with $threads threads" diff "$W/first" "$W/again"
	done
	# Proved by the stream, and read in pieces where it can't be kept.
	look full "full, with little scratch" 0 --scratch-limit 6M

	good=$f f=$W/bad/web01.img.$suffix
	where "$good" $((700 << 20)) | read -r at length || exit 1
	cp "$good" "$f"
	flip "$f" $((at + length - 10))
	look full "damage where nothing is" 12
	look sample "damage where nothing is, not looked at" 20
	told "it is not said to be whole" '.proofs.integrity == "unproven"'
	where "$good" "$(file_offset "$W/web01.img" /etc/hostname)" | read -r at length || exit 1
	cp "$good" "$f"
	flip "$f" $((at + length / 2))
	look sample "damage that is met" 12
	told "it is said where" 'any(.findings[]; .check == "part.read" and .outcome == "broken" and .offset > 0)'
	BACKPROOF_THREADS=8 look sample "damage that is met, 8 threads" 12
	look full "the same at depth full" 12
	head -c $(($(stat -c %s "$good") / 2)) "$good" >"$f"
	look sample "half of it" 12
	rm "$f"
done <<'END'
bgzf gz
seekable zst
blocks xz
END

# Tables that lie are damage at any depth, though the frames are whole. A small disk will do.
mk_disk "$W/web01.img" "$W/tree" || exit 1
kind=seekable-xxh64 f=$W/at/web01.img.zst
rm -f "$W/at/"*
$pieces "$kind" 1048576 "$W/web01.img" "$W/good.zst" || exit 1
end=$(stat -c %s "$W/good.zst")
for back in 17 13 9; do
	cp "$W/good.zst" "$f"
	flip "$f" $((end - back - (back > 9 ? 4 : 0)))
	look full "$back bytes before the end, depth full" 12
	look sample "$back bytes before the end, depth sample" 12
done

# Its hashes are the only checksums of frames that have none.
cp "$W/good.zst" "$f"
look full "hashes in the table" 0
told "they cover all content" 'any(.findings[]; .check == "codec.checksum" and .outcome == "held")'
where "$f" $((20 << 20)) | read -r at length || exit 1
python3 - "$f" "$at" "$length" <<'END'
import subprocess, sys
# A frame of other content, whole and of the same length.
f, at, length = open(sys.argv[1], "r+b"), int(sys.argv[2]), int(sys.argv[3])
for byte in (b"\1", b"\2"):
    other = subprocess.run(["zstd", "-qc", "--no-check", "--stream-size=1048576"], input=byte * 1048576, stdout=subprocess.PIPE)
    if len(other.stdout) == length:
        f.seek(at)
        f.write(other.stdout)
        break
else:
    sys.exit("no such frame")
END
look full "a frame of other content" 12
told "a hash in the table tells" 'any(.findings[]; .check == "part.read" and (.detail | contains("XXH64")))'
rm "$f"

# Whoever wants a digest of the content gets all of it decoded; so do archives.
kind=digest f=$W/at/web01.img.zst
cp "$W/good.zst" "$f"
(cd "$W" && sha256sum web01.img) >"$W/at/web01.img.sha256"
look sample "of the content" 0
rm "$W/at/"*
kind=archive f=$W/at/web01.tar.zst
tar --numeric-owner -C "$W/tree" -cf "$W/web01.tar" . && $pieces seekable 262144 "$W/web01.tar" "$f" || exit 1
run check web01 --from "$f" --depth full --config "$W/empty.conf" --scratch "$S" --format json
full=$code
run check web01 --from "$f" --depth sample --config "$W/empty.conf" --scratch "$S" --format json
verdict_is "$full" "an archive is read as it always was"
finish
