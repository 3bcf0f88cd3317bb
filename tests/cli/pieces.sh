#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Backups that split(1) cut, with every kind of suffix that it makes: one backup, safe as it is; never without one of
# its pieces, nor with one that was changed, cut, exchanged, or is of another backup; and what only has a name like a
# piece is none.
. "$(dirname "$0")/lib.sh"
F=$W/f B=$W/r/web01
"$TOP/fixtures/make-small-images.sh" "$F" >/dev/null || exit 1
raw=$F/gpt.img
zstd -q "$raw" -o "$W/x.zst" || exit 1
cp --sparse=always "$raw" "$W/x"
printf '[repository "r"]\npath = %s\nmatch = {host}/*\n' "$W/r" | cat - "$W/empty.conf" >"$W/match.conf"
fresh() { rm -rf "$B" && mkdir -p "$B"; }
pieces() { find "$B" -maxdepth 1 -type f -name 'web01.*' ! -name '*SUMS*' | LC_ALL=C sort; }
cut_into() { # KIND COUNT PREFIX OPTIONS...: splits it into about so many pieces, or exactly (-n)
	local file=$W/x n=$2 prefix=$3
	[ "$1" = img ] || file=$W/x.zst
	shift 3
	case " $* " in
	*' -n '*) split "$@" "$file" "$B/$prefix" ;;
	*) split -b $(($(stat -c %s "$file") / n + 1)) "$@" "$file" "$B/$prefix" ;;
	esac || exit 1
}
unsafe() { # NAME [CODE]: a verdict, and not safe
	run check web01 --from "$B" --config "$W/empty.conf" --scratch "$S" --format json
	case $code in 1[0-9] | 2[0-9]) ;; *) code="$code, which is no verdict" ;; esac
	[ -z "${2-}" ] || [ "$code" = "$2" ] || code="$code instead of $2"
	case $code in 1[0-9] | 2[0-9]) ok "$1" ;; *) why "not safe" | not_ok "$1" ;; esac
}
# In the order of their numbers: first the shorter, then the wider.
in_order() { pieces | awk '{ print length, $0 }' | LC_ALL=C sort -s -k1,1n | cut -d ' ' -f 2-; }

while read -r kind count how; do
	fresh
	# shellcheck disable=SC2086
	cut_into "$kind" "$count" "web01.$kind." $how
	name="$kind, $how"
	mapfile -t all < <(in_order)
	n=${#all[@]}
	holds "$name: $n pieces" test "$n" -gt $((count * 9 / 10)) -a "$n" -gt 2
	expect 0 "$name" web01 --from "$B"
	holds "... all of them" jq -e --argjson n "$n" '(.restore_point.paths | length) == $n' "$W/out"
	run check web01 --config "$W/match.conf" --scratch "$S" --format json
	verdict_is 0 "$name, by a pattern"
	holds "... all of them" jq -e --argjson n "$n" '(.restore_point.paths | length) == $n' "$W/out"
	mapfile -t from < <(printf -- '--from\n%s\n' "${all[@]}")
	expect 0 "$name, by name" web01 "${from[@]}"
	# Many take their time.
	[ "$n" -lt 200 ] && lose="0 1 $((n / 2)) $((n - 2)) $((n - 1))" || lose="$((n / 2)) $((n - 1))"
	for at in $lose; do
		mv "${all[at]}" "$W/lost"
		unsafe "$name: without piece $at" "$([ "$at" = $((n - 1)) ] || [[ $at = 0 && ${all[1]} = *1 ]] || echo 13)"
		mv "$W/lost" "${all[at]}"
	done
	[ "$n" -lt 200 ] || continue
	cp "${all[n / 2]}" "$W/kept"
	if [ "$kind" != img ]; then
		flip "${all[n / 2]}" 5
		unsafe "$name: changed"
		cp "$W/kept" "${all[n / 2]}"
	fi
	truncate -s -1 "${all[n / 2]}"
	unsafe "$name: cut"
	: >"${all[n / 2]}"
	unsafe "$name: an empty one"
	cp "$W/kept" "${all[n / 2]}"
	mv "${all[0]}" "$W/kept" && mv "${all[n / 2]}" "${all[0]}" && mv "$W/kept" "${all[n / 2]}"
	unsafe "$name: exchanged"
	mv "${all[0]}" "$W/kept" && mv "${all[n / 2]}" "${all[0]}" && mv "$W/kept" "${all[n / 2]}"
	(cd "$B" && sha256sum -- web01.* >SHA256SUMS)
	expect 0 "$name, and digests of them" web01 --from "$B"
	# Of what is held, 50 are told of.
	holds "... each by its own" jq -e --argjson n $((n < 50 ? n : 50)) \
		'[.findings[] | select(.check == "sidecar.digest" and .outcome == "held")] | length == $n' "$W/out"
	flip "${all[n - 1]}" 1
	unsafe "$name: changed, and digests"
	mv "${all[n - 1]}" "$W/lost"
	unsafe "$name: the last is lost, and listed"
	holds '... which is told' jq -e 'any(.findings[]; .check == "sidecar.missing" and .outcome == "broken")' "$W/out"
	rm "$B/SHA256SUMS"
done <<'END'
img.zst 30 -a 3
img.zst 28 -a 5
img.zst 12 -d -a 4
img.zst 12 --numeric-suffixes=1 -a 4
img.zst 40 -x
img.zst 40 --hex-suffixes=1
img.zst 30 -n 30
img.zst 96 -d
img.zst 250 -x
img.zst 660
img 30 -a 3
img 20 -x
img 7 -n 7 -a 3
img 100 -a 2
END

# One digest of what was split, of what it decodes to, and of one piece alone.
fresh
cut_into img.zst 60 web01.img.zst. -a 3
sha256sum <"$W/x.zst" >"$B/web01.img.zst.sha256"
expect 0 'a digest of all pieces' web01 --from "$B"
holds '... is compared' jq -e 'any(.findings[]; .check == "sidecar.digest" and .outcome == "held")' "$W/out"
sha256sum <"$raw" >"$B/web01.img.zst.sha256"
unsafe 'another digest of all pieces' 12
mv "$B/web01.img.zst.sha256" "$B/web01.img.sha256"
expect 0 'a digest of what they decode to' web01 --from "$B"
rm "$B/web01.img.sha256"
(cd "$B" && sha256sum web01.img.zst.aa? >SHA256SUMS)
unsafe 'digests of some pieces' 13
rm "$B/SHA256SUMS"

# What has a name like a piece, and is none: it neither belongs to the backup nor takes anything from it.
for other in bak old gpg sha orig save age foo sum; do
	noise 7 3000 >"$B/web01.img.zst.$other"
	expect 0 "beside a .$other" web01 --from "$B"
	holds '... which is no piece' jq -e --arg s ".$other" 'all(.restore_point.paths[]; endswith($s) | not)' "$W/out"
	rm "$B/web01.img.zst.$other"
done
cp "$W/x" "$B/web01.img"
touch -d '30 days ago' "$B"/web01.img.zst.*
expect 0 'an image beside the pieces of an older one' web01 --from "$B"
rm "$B/web01.img" && touch "$B"/web01.img.zst.*
# Lost ones are not made up for by names that mean something.
rm "$B/web01.img.zst.ab"? "$B/web01.img.zst.aaz" "$B/web01.img.zst.aca" 2>/dev/null
noise 7 3000 >"$B/web01.img.zst.bak"
unsafe 'the later half is lost'
rm "$B"/web01.img.zst.aa?
unsafe 'all but the last few are lost'

# Two backups in one row: the rest of a longer one behind a shorter, and pieces of another.
for kind in img.zst img; do
	fresh
	cut_into $kind 40 "web01.$kind." -a 3
	mapfile -t all < <(in_order)
	size=$(stat -c %s "${all[0]}")
	cp "${all[1]}" "$B/web01.$kind.bco"
	unsafe "$kind: a piece of the same size far behind"
	holds '... and none between' jq -e 'any(.reasons[]; test("^incomplete"))' "$W/out"
	fresh
	cut_into $kind 40 "web01.$kind." -a 3
	noise 5 "$size" >"${all[20]}"
	[ $kind = img ] || unsafe "$kind: a piece of another file"
	noise 5 $((size / 2)) >"${all[20]}"
	unsafe "$kind: a piece of another file and size"
	cut_into $kind 40 "web01.$kind." -a 3
	truncate -s "$size" "${all[-1]}"
	unsafe "$kind: the last is too long"
	fresh
	cut_into $kind 40 "web01.$kind." -a 3
	cp "${all[1]}" "$B/web01.$kind.abo" && cp "${all[2]}" "$B/web01.$kind.abp"
	unsafe "$kind: older ones behind the last"
done
for how in '-a 2' '-a 3'; do
	fresh
	# shellcheck disable=SC2086
	cut_into img.zst 12 web01.img.zst. $how
	rm "$(in_order | sed -n 5p)"
	cut_into img.zst 12 web01.img.zst. -d -a 4
	unsafe "two rows, and one of them ($how) is not whole"
done

# A link to a piece that leads nowhere.
fresh
cut_into img.zst 60 web01.img.zst. -a 3
mv "$B/web01.img.zst.aba" "$W/lost" && ln -s nowhere "$B/web01.img.zst.aba"
run check web01 --from "$B" --config "$W/empty.conf" --scratch "$S" --format json
holds 'a piece is a link that leads nowhere' test "$code" != 0
rm "$B/web01.img.zst.aba" && ln -s "$W/lost" "$B/web01.img.zst.aba"
expect 0 'a piece is a link to a file' web01 --from "$B"

# A seal is of all of them.
fresh
cut_into img.zst 60 web01.img.zst. -a 3
run seal "$B"/web01.* --scratch "$S"
holds 'sealed' test "$code" = 0
expect 0 'a seal of pieces' web01 --from "$B"
holds '... of all of them' jq -e '(.restore_point.paths | length) == 60 and .seal != null' "$W/out"
mv "$B/web01.img.zst.abb" "$W/lost"
unsafe 'a seal, and a piece is lost' 13
finish
