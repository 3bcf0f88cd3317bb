#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Every bit of a sealed backup counts, every byte of its seal, and a fleet of sealed hosts is audited at once.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
F=$W/f
"$TOP/fixtures/make-small-images.sh" "$F" >/dev/null || exit 1
"$BACKPROOF" key new "$W/key" >/dev/null || exit 1
mkdir "$W/r"
# fleet NAME CODES: audits all hosts of $W/r, of which each has to have one of these codes (words).
fleet() {
	local name=$1 codes=$2 h
	{
		printf '[repository "r"]\npath = %s\nmatch = {host}/web01*\n' "$W/r"
		printf '[policy "default"]\nsample_files = 4\nrequire_signature = yes\ntrusted_keys = %s\n' "$W/key.pub"
		for h in "$W"/r/*; do printf '[host "%s"]\nhostname = web01\n' "${h##*/}"; done
	} >"$W/fleet.conf"
	run audit --config "$W/fleet.conf" --scratch "$S" --format jsonl
	jq -r --arg codes "$codes" 'select(.type == "host" and (.code as $c | $codes | split(" ") | index($c) | not))
		| .host + " " + .code + ": " + (.reasons | join("; "))' "$W/out" >"$W/wrong"
	count=$(jq -s 'map(select(.type == "host")) | length' "$W/out")
	if [ -s "$W/wrong" ] || [ "$count" != "$(find "$W/r" -mindepth 1 -maxdepth 1 | wc -l)" ]; then
		{ echo "$count hosts" && cat "$W/wrong" "$W/err"; } | not_ok "$name"
	else
		ok "$name ($count hosts)"
	fi
	[ -z "$(ls -A "$S")" ] || ls -A "$S" | not_ok "$name: nothing is left in scratch"
}
# bits FILE: copies of the sealed directory $W/b, each with one bit of FILE changed
bits() {
	local f=$1 at bit n=0 size
	size=$(stat -c %s "$W/b/$f")
	rm -rf "$W/r" && mkdir "$W/r"
	# All bits of some bytes, and one of bytes all over it.
	perl -e 'my $s = $ARGV[0]; srand 7;
		for my $at (0, 511, 4095, 4096, 524287, 524288, int $s / 2, $s - 1) { next if $at >= $s; print "$at $_\n" for 0 .. 7 }
		print int rand $s, " ", int rand 8, "\n" for 1 .. 60' "$size" | sort -u >"$W/bits"
	while read -r at bit; do
		n=$((n + 1))
		cp -r --sparse=always "$W/b" "$W/r/$n"
		perl -e 'open my $f, "+<", $ARGV[0] or die; seek $f, $ARGV[1], 0; read $f, my $c, 1; seek $f, $ARGV[1], 0;
			print $f chr(ord($c) ^ 1 << $ARGV[2])' "$W/r/$n/$f" "$at" "$bit" || exit 1
	done <"$W/bits"
}
sealed() { # FILE: $W/b, sealed, with nothing else in it
	rm -rf "$W/b" && mkdir "$W/b"
	cp --sparse=always "$1" "$W/b/$2"
	run seal "$W/b/$2" --key "$W/key" --scratch "$S" --progress never
	[ "$code" = 0 ] || why 0 | not_ok "seal $2"
}

sealed "$F/gpt.img" web01.img
rm -rf "$W/r" && mkdir "$W/r"
for i in $(seq 8); do cp -r --sparse=always "$W/b" "$W/r/$i"; done
fleet "a fleet of sealed hosts" safe
bits web01.img
fleet "each bit of an image" damaged
zstd -q "$F/gpt.img" -o "$W/gpt.img.zst"
sealed "$W/gpt.img.zst" web01.img.zst
bits web01.img.zst
fleet "each bit of a compressed one" damaged
sealed "$F/container.tar" web01.tar
bits web01.tar
fleet "each bit of an archive" damaged

# Every single bit of one that is small enough: what makes its format an unknown one is damage all the same.
mkdir -p "$W/tiny/etc"
echo web01 >"$W/tiny/etc/hostname"
echo 'root:x:0:0::/root:/bin/sh' >"$W/tiny/etc/passwd"
echo '# none' >"$W/tiny/etc/fstab"
tar -C "$W/tiny" -cf "$W/tiny.tar" . && zstd -q -19 "$W/tiny.tar"
sealed "$W/tiny.tar.zst" web01.tar.zst
rm -rf "$W/r" && mkdir "$W/r"
python3 - "$W/b" "$W/r" <<-'END'
	import os, shutil, sys
	b, r = sys.argv[1:]
	data = open(b + "/web01.tar.zst", "rb").read()
	for bit in range(8 * len(data)):
	    to = f"{r}/{bit}"
	    os.mkdir(to)
	    shutil.copy2(b + "/web01.tar.zst.seal", to)
	    changed = bytearray(data)
	    changed[bit // 8] ^= 1 << bit % 8
	    open(to + "/web01.tar.zst", "wb").write(changed)
END
fleet "every bit of a small archive" damaged
holds "... and those are all" test "$count" -eq $((8 * $(stat -c %s "$W/b/web01.tar.zst")))

# Cut, longer, blocks swapped, zeros.
sealed "$F/gpt.img" web01.img
rm -rf "$W/r" && mkdir "$W/r"
size=$(stat -c %s "$W/b/web01.img")
for n in 1 512 4096 524288 $((size / 2)) $((size - 1)); do
	cp -r --sparse=always "$W/b" "$W/r/cut-$n" && truncate -s -"$n" "$W/r/cut-$n/web01.img"
	cp -r --sparse=always "$W/b" "$W/r/long-$n" && truncate -s +"$n" "$W/r/long-$n/web01.img"
done
at=$(file_offset "$F/gpt.img" /etc/hostname)
block=$((at / 4096))
for n in 1 128 1000; do
	cp -r --sparse=always "$W/b" "$W/r/swap-$n"
	dd if="$W/b/web01.img" of="$W/r/swap-$n/web01.img" bs=4096 skip="$block" seek=$((block - n)) count=1 conv=notrunc status=none
	dd if="$W/b/web01.img" of="$W/r/swap-$n/web01.img" bs=4096 seek="$block" skip=$((block - n)) count=1 conv=notrunc status=none
done
cp -r --sparse=always "$W/b" "$W/r/zeros" && fallocate -p -o $((at / 4096 * 4096)) -l 4096 "$W/r/zeros/web01.img"
fleet "cut, longer, swapped, zeros" damaged

# The seal: no byte of it is without meaning.
rm -rf "$W/r" && mkdir "$W/r"
length=$(($(stat -c %s "$W/b/web01.img.seal") - 1))
perl -e 'my $s = $ARGV[0]; srand 9; my %at = map { $_ => 1 } 0 .. 60, $s - 200 .. $s - 1; $at{int rand $s} = 1 for 1 .. 60;
	print "$_ ", int rand 8, "\n" for keys %at' "$length" >"$W/bits"
n=0
while read -r at bit; do
	n=$((n + 1))
	mkdir "$W/r/$n"
	ln "$W/b/web01.img" "$W"/b/*.seal-tree "$W/r/$n/"
	perl -e 'open my $f, "<", $ARGV[0] or die; local $/; my $d = <$f>; substr($d, $ARGV[2], 1) ^= chr(1 << $ARGV[3]);
		open my $o, ">", $ARGV[1] or die; print $o $d' "$W/b/web01.img.seal" "$W/r/$n/web01.img.seal" "$at" "$bit" || exit 1
done <"$W/bits"
fleet "each bit of the seal" "damaged incomplete cannot-tell"
holds "none of them vouches" jq -se 'all(.[] | select(.type == "host") | .findings[];
	.check != "seal.digest" or .outcome != "held")' "$W/out"
finish
