#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Samples of chunks: of what was sealed, a part is read, and the report says what that tells.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
mk_tree "$W/tree" web01 $ID efi
mkdir -p "$W/tree/srv"
head -c 110M /dev/urandom >"$W/tree/srv/blob"
mk_disk "$W/web01.img" "$W/tree" --size 512 || exit 1
mkdir "$W/at"
f=$W/at/web01.img
again() { cp --reflink=auto --sparse=always "$W/web01.img" "$f"; }
again

seal() { # FILE...
	rm -f "$W/at/"*.seal*
	run seal "$@" --host web01 --scratch "$S"
	[ "$code" = 0 ] || why 0 | not_ok "seal $*"
}
# look CODE NAME [OPTIONS]: a sample of the file in $f
look() {
	local want=$1 name=$2
	shift 2
	run check web01 --from "$f" --depth sample --sample-bytes 4M --config "$W/empty.conf" --scratch "$S" \
		--format json "$@"
	verdict_is "$want" "$name"
}
told() { # NAME FILTER: of the last run
	holds "$1" jq -e "$2" "$W/out"
}
others='([.proofs | to_entries[] | select(.key != "integrity") | .value] | unique) == ["held"]'

look 20 "without a seal there is nothing to draw from"
told "... and none was" '.sample == null and .proofs.integrity == "unproven"'

seal "$f"
look 0 "sealed raw image" --damage 1%
told "enough was drawn" '.format_version == "1.3" and .depth == "sample" and (.sample | .from == "seal" and .confidence >= 0.999
	and .damage == 0.01 and .wanted == 0.999 and .chunks_drawn == .chunks_needed and .chunks_drawn > 80 and .chunks_bad == 0
	and .chunks_drawn + .chunks_known < .chunks_total and .bytes_read < .bytes_total / 2 and .stopped == false)'
told "its chunks are evidence as digests are" 'any(.findings[]; .check == "integrity.evidence" and .measured == "digest")'
told "bytes read are counted" '.measures.bytes_read >= .sample.bytes_read and .measures.bytes_read < .restore_point.bytes'
told "the sentence" '.findings[] | select(.check == "integrity.sample") | .detail | test("^read [0-9.]+ MiB of 512 MiB: if 1% or more were damaged, this would have shown it with 99.9% probability. A few flipped bits may be missed by any sample.$")'
drawn=$(jq .sample.chunks_drawn "$W/out")
run check web01 --from "$f" --depth sample --sample-bytes 4M --damage 1% --config "$W/empty.conf" --scratch "$S"
tr -s ' \n' ' ' <"$W/out" >"$W/words"
holds "... is what people read" grep -q "Sample read [0-9.]* MiB of 512 MiB: if 1% or more were damaged, this would have shown it with 99.9% probability. A few flipped bits may be missed by any sample." "$W/words"
run check web01 --from "$f" --depth sample --sample-bytes 4M --damage 1% --config "$W/empty.conf" --scratch "$S" --verbose
tr -s ' \n' ' ' <"$W/out" >"$W/words"
holds "--verbose tells how many" grep -q "$drawn of 1024 chunks of 512 KiB drawn at random with seed [0-9]*, $drawn needed; [0-9]* known besides" "$W/words"

# What is asked for, by options and by policy.
look 0 "less is asked for" --damage 1% --confidence 50%
told "... and less is drawn" ".sample.chunks_drawn < $drawn / 4 and .sample.wanted == 0.5"
printf '[policy "default"]\nmax_age = 24h\ndepth = sample\nsample_bytes = 4M\nconfidence = 50%%\ndamage = 2%%\n' >"$W/half.conf"
run check web01 --from "$f" --config "$W/half.conf" --scratch "$S" --format json
verdict_is 0 "by policy"
told "... it is the policy's" '.depth == "sample" and .sample.wanted == 0.5 and .sample.damage == 0.02'
run check web01 --from "$f" --config "$W/half.conf" --scratch "$S" --format json --confidence 99.9% --damage 1%
told "an option is stronger" ".sample.wanted == 0.999 and .sample.chunks_drawn == $drawn"
look 0 "the least damage there is" --damage 0.0001%
told "... asks for all of it" '.sample.confidence == 1 and .sample.chunks_drawn + .sample.chunks_known == .sample.chunks_total'
told "... and that is all of it" 'any(.findings[]; .check == "integrity.sample" and (.detail | test("all 1024 chunks")))'
look 64 "no certainty" --confidence 100%
look 64 "no damage" --damage 0

# Damage in one chunk: by the seed.
blob=$(($(file_offset "$W/web01.img" /srv/blob) + (50 << 20)))
flip "$f" "$blob"
found='' missed=''
for seed in $(seq 1 40); do
	[ -n "$found" ] && [ -n "$missed" ] && break
	run check web01 --from "$f" --depth sample --sample-bytes 4M --config "$W/empty.conf" --scratch "$S" --format json \
		--damage 3% --seed "$seed"
	case $code in
	12) found=$seed ;;
	0) missed=$seed ;;
	*) why "0 or 12" | not_ok "seed $seed" ;;
	esac
done
look 12 "a chunk that is drawn" --damage 3% --seed "$found"
told "it is said where" ".sample.chunks_bad == 1 and any(.findings[]; .check == \"seal.chunk\" and .outcome == \"broken\" and .subject == \"web01.img\" and .offset == $((blob / 524288 * 524288)))"
jq -c '[.sample, [.findings[] | [.check, .outcome, .offset]]]' "$W/out" >"$W/first"
BACKPROOF_THREADS=7 look 12 "the same seed again, with other threads" --damage 3% --seed "$found"
holds "... draws the same" diff <(jq -c '[.sample, [.findings[] | [.check, .outcome, .offset]]]' "$W/out") "$W/first"
look 0 "a chunk that is not drawn: no sample finds every bit" --damage 3% --seed "$missed"
look 12 "all that is there, and it is found" --damage 0.0001%
flip "$f" "$blob"

# What is always looked at.
for at in 100 $((511 << 20)) $((512 * 1048576 - 1)); do
	flip "$f" "$at"
	run check web01 --from "$f" --depth sample --sample-bytes 4M --config "$W/empty.conf" --scratch "$S" --format json \
		--damage 30% --confidence 10%
	if [ "$at" = $((511 << 20)) ]; then
		[ "$code" = 0 ] || [ "$code" = 12 ] || why "0 or 12" | not_ok "byte $at"
	else
		verdict_is 12 "byte $at"
	fi
	flip "$f" "$at"
done
# Damage everywhere, whatever the seed.
dd if=/dev/urandom of="$f" bs=1M seek=$((blob >> 20)) count=40 conv=notrunc status=none
for i in 1 2 3; do
	look 12 "much damage, run $i" --damage 3%
done
dd if="$W/web01.img" of="$f" bs=1M skip=$((blob >> 20)) seek=$((blob >> 20)) count=41 conv=notrunc status=none
look 0 "and all is as it was" --damage 3%

# What was a hole is none, and what is one was none.
fallocate -p -o $((blob / 524288 * 524288)) -l 1048576 "$f"
look 12 "a new hole" --damage 30% --confidence 10%
again

# Time is short. The sample ends by itself, and spoils no other proof.
printf '[policy "default"]\nmax_age = 24h\nrate_limit = 10M\n' >"$W/slow.conf"
run check web01 --from "$f" --depth sample --sample-bytes 1M --config "$W/slow.conf" --scratch "$S" --format json \
	--damage 1% --deadline 5s
verdict_is 20 "too little time for the sample"
told "the figure is told" '.sample | .stopped and .confidence < 0.999 and .chunks_drawn < .chunks_needed'
told "... in words" '.reasons[0] | test("before the deadline: if 1% or more were damaged, this would have shown it with [0-9.]+% probability, and policy asks for 99.9%")'
told "the other proofs stand" "$others and .proofs.integrity == \"unproven\""
printf '[policy "default"]\nmax_age = 24h\nrate_limit = 256K\n' >"$W/slow.conf"
run check web01 --from "$f" --depth sample --config "$W/slow.conf" --scratch "$S" --format json --deadline 1s
verdict_is 20 "too little time for anything"
told "nothing is called held, nor missing" '([.proofs[]] | unique) == ["unproven"]'

# Other formats: what is stored is what is drawn.
for kind in qcow2 zst split; do
	rm -f "$W/at/"*
	case $kind in
	qcow2)
		f=$W/at/web01.qcow2
		qemu-img convert -O qcow2 "$W/web01.img" "$f" || exit 1
		;;
	zst)
		f=$W/at/web01.img.zst
		"$TOP/tests/tool/pieces.py" seekable 1048576 "$W/web01.img" "$f" || exit 1
		;;
	split)
		f=$W/at
		split -b 200M "$W/web01.img" "$f/web01.img." || exit 1
		;;
	esac
	files=("$W/at/"*)
	seal "${files[@]}"
	look 0 "$kind" --damage 5%
	told "$kind, drawn from what is stored" ".sample.bytes_total == $(stat -c %s "${files[@]}" | paste -sd+ | bc) and .sample.bytes_read < .sample.bytes_total * 0.75"
	told "$kind, little is decoded" ".measures.bytes_read < .restore_point.bytes * 0.9"
	last=${files[-1]}
	flip "$last" $(($(stat -c %s "$last") - 1))
	look 12 "$kind, its last byte" --damage 30% --confidence 10%
	flip "$last" $(($(stat -c %s "$last") - 1))
	flip "$last" $(($(stat -c %s "$last") / 2))
	look 12 "$kind, damage in the middle" --damage 0.0001%
done
finish
