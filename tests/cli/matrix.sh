#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Every codec over a disk image and a tar archive: safe when whole, and "damaged" for every kind of damage. All of
# these formats carry checksums, so nothing may slip through.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

# To add a codec, add a line: name, suffix, what 512 zeros behind the end give, how to compress $1 to standard
# output. xz allows padding there.
# shellcheck disable=SC2016
codecs='
zst         zst  12  zstd -q -3 -c "$1"
zst-pipe    zst  12  zstd -q -1 --check -c <"$1"
pzst        zst  12  pzstd -q -p 2 -c "$1"
zst-frames  zst  12  pieces "$1" zstd -q -c
gz          gz   12  gzip -n -6 -c "$1"
gz-members  gz   12  pieces "$1" gzip -n -c
xz          xz   0   xz -1 -T1 -c "$1"
xz-blocks   xz   0   xz -1 -T2 --block-size=4MiB -c "$1"
xz-streams  xz   0   pieces "$1" xz -1 -c
lz4         lz4  12  lz4 -q -c "$1"
lz4-blocks  lz4  12  lz4 -q -B4 -BD -BX --content-size -c "$1"
lz4-frames  lz4  12  pieces "$1" lz4 -q -c
bz2         bz2  12  bzip2 -c "$1"
bz2-streams bz2  12  pieces "$1" bzip2 -c
'
# The tar archive goes through one codec of each suffix.
tar_codecs='zst gz xz lz4 bz2'

# Compresses each MiB by itself, so that the result has several members.
pieces() {
	local f=$1 i n
	shift
	n=$((($(stat -c %s "$f") + (4 << 20) - 1) / (4 << 20)))
	for ((i = 0; i < n; i++)); do
		dd if="$f" bs=4M skip="$i" count=1 status=none | "$@"
	done
}

# damage KIND FILE SEED: changes FILE in place.
damage() {
	local kind=$1 f=$2 size at
	size=$(stat -c %s "$f")
	case $kind in
	cut-last-byte) truncate -s -1 "$f" ;;
	cut-last-4) truncate -s -4 "$f" ;;
	cut-half) truncate -s $((size / 2)) "$f" ;;
	cut-to-4k) truncate -s 4096 "$f" ;;
	cut-to-5) truncate -s 5 "$f" ;;
	cut-to-0) truncate -s 0 "$f" ;;
	flip-magic) flip "$f" 1 ;;
	flip-middle) flip "$f" $((size / 2)) ;;
	flip-trailer) flip "$f" $((size - 3)) ;;
	flip-[0-9]*)
		at=$(perl -e 'srand($ARGV[0]); print 64 + int rand($ARGV[1] - 128)' "${kind#flip-}$3" "$size")
		flip "$f" "$at"
		;;
	zeros) head -c 65536 /dev/zero | patch "$f" $((size / 2 - 32768)) ;;
	swap)
		at=$((size / 2 / 4096 * 4096))
		dd if="$f" of="$W/a" bs=4096 count=1 skip="$at" iflag=skip_bytes status=none
		dd if="$f" of="$W/b" bs=4096 count=1 skip=$((at - 8192)) iflag=skip_bytes status=none
		patch "$f" $((at - 8192)) <"$W/a"
		patch "$f" "$at" <"$W/b"
		;;
	garbage) printf x >>"$f" ;;
	text) printf 'copied by hand\n' >>"$f" ;;
	zeros-behind) head -c 512 /dev/zero >>"$f" ;;
	twice) cat "$f" "$f" >"$f.2" && mv "$f.2" "$f" ;;
	*) echo "no damage called $kind" >&2 && exit 1 ;;
	esac
}
kinds='cut-last-byte cut-last-4 cut-half cut-to-4k cut-to-5 cut-to-0 flip-magic flip-middle flip-trailer
	flip-1 flip-2 flip-3 zeros swap garbage text zeros-behind'

# one NAME FILE ZEROS SEED: FILE whole, and with each kind of damage.
one() {
	local name=$1 file=$2 zeros=$3 seed=$4 kind want base
	base=$(basename "$file")
	mkdir -p "$W/bad"
	expect 0 "$name: whole" web01 --from "$file"
	for kind in $kinds; do
		want=12
		[ "$kind" != zeros-behind ] || want=$zeros
		cp "$file" "$W/bad/$base"
		damage "$kind" "$W/bad/$base" "$seed"
		expect "$want" "$name: $kind" web01 --from "$W/bad/$base"
		rm -f "$W/bad/$base"
	done
}

mkdir "$W/good"
mk_tree "$W/tree" web01 "$ID" efi
mk_tree "$W/ct" web01 "$ID" container
mk_disk "$W/disk.img" "$W/tree"
mk_tar "$W/disk.tar" "$W/ct"

seed=0
while read -r name suffix zeros command; do
	[ -n "$name" ] || continue
	seed=$((seed + 1))
	compress() { eval "$command"; }
	file=$W/good/web01.img.$suffix
	compress "$W/disk.img" >"$file" || exit 1
	one "img $name" "$file" "$zeros" $seed
	# Cut behind a whole member, what is left is a sound file of its format, but half a disk.
	case $command in
	*pieces*)
		n=$(compress "$W/disk.img" | wc -c)
		head -c $((16 << 20)) "$W/disk.img" >"$W/half.img"
		compress "$W/half.img" >"$W/bad/web01.img.$suffix"
		[ "$n" -gt "$(stat -c %s "$W/bad/web01.img.$suffix")" ] || exit 1
		expect 12 "img $name: last members missing" web01 --from "$W/bad/web01.img.$suffix"
		;;
	esac
	rm -f "$file"
	case " $tar_codecs " in
	*" $name "*)
		file=$W/good/web01.tar.$suffix
		compress "$W/disk.tar" >"$file" || exit 1
		one "tar $name" "$file" "$zeros" $seed
		rm -f "$file"
		;;
	esac
done <<<"$codecs"

# A tar archive has a checksum in each header and none over the data: only the package digests speak for that.
mv "$W/disk.tar" "$W/web01.tar"
expect 0 "tar: whole" web01 --from "$W/web01.tar"
bad=$W/bad/web01.tar
for kind in cut-last-byte cut-half cut-to-4k cut-to-5 cut-to-0 flip-magic garbage text; do
	cp "$W/web01.tar" "$bad"
	damage $kind "$bad" 1
	expect 12 "tar: $kind" web01 --from "$bad"
done
# tar itself fills the last record with zeros.
cp "$W/web01.tar" "$bad"
damage zeros-behind "$bad" 1
expect 0 "tar: zeros-behind" web01 --from "$bad"
member_at() { # byte offset of a member's data, found by its first bytes
	perl -e 'local $/; open my $t, "<", $ARGV[0]; my $tar = <$t>; open my $f, "<", $ARGV[1]; my $want = <$f>;
		print index($tar, $want)' "$1" "$2"
}
at=$(member_at "$W/web01.tar" "$W/ct/usr/lib/libexample.so.1")
cp "$W/web01.tar" "$bad"
flip "$bad" $((at + 40000))
expect 12 "tar: byte of a packaged file" web01 --from "$bad"
cp "$W/web01.tar" "$bad"
flip "$bad" $((at - 512 + 100))
expect 12 "tar: header" web01 --from "$bad"
# Levels of an incremental backup: only the first holds all of the system, however much of it the next one has.
for form in gnu pax; do
	level() { tar -C "$W/ct" --format=$form --listed-incremental="$W/list" -cf "$1" .; }
	rm -f "$W/list"
	find "$W/ct" -type f -exec touch -d '2 hours ago' {} +
	level "$W/bad/web01.tar" || exit 1
	expect 0 "tar: the first level of an incremental backup, $form" web01 --from "$W/bad/web01.tar"
	find "$W/ct" -type f ! -path '*/usr/share/*' -exec touch {} +
	level "$W/bad/web01.1.tar" || exit 1
	expect 20 "tar: the next level, $form" web01 --from "$W/bad/web01.1.tar"
	holds "... which is said" jq -e 'any(.reasons[]; test("an increment of an earlier archive"))' "$W/out"
	expect 20 "tar: both in a directory, $form" web01 --from "$W/bad"
done
finish
