#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Sealed backups: what was changed since, taken away, put beside another backup or signed by somebody else is told.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli/sealed.bash
. "$(dirname "$0")/sealed.bash"
F=$W/f
"$TOP/fixtures/make-small-images.sh" "$F" >/dev/null || exit 1
raw=$F/gpt.img
for k in key other; do "$BACKPROOF" key new "$W/$k" >/dev/null || exit 1; done
printf '[policy "default"]\nrequire_signature = yes\ntrusted_keys = %s\n' "$W/key.pub" >"$W/signed.conf"
printf '[policy "default"]\ntrusted_keys = %s\n' "$W/key.pub" >"$W/trusting.conf"
printf '[policy "default"]\nrequire_signature = yes\n' >"$W/keyless.conf"
printf '[policy "default"]\ntrusted_keys = %s\n' "$W/no-such.pub" >"$W/lost.conf"
printf '[policy "default"]\nrequire = presence freshness\nrequire_signature = yes\ntrusted_keys = %s\n' "$W/key.pub" \
	>"$W/narrow.conf"
printf '[policy "default"]\nrequire = presence\nrequire_signature = yes\ntrusted_keys = %s %s\n' "$W/no-such.pub" "$W/key.pub" \
	>"$W/half.conf"
broken() { printf 'any(.findings[]; .check == "%s" and .outcome == "broken")' "$1"; }

# A copy may lose the times of files; the seal remembers.
fresh
cp "$raw" "$W/b/web01.img"
seal "$W/b/web01.img" --key "$W/key"
cp "$W/b/web01.img" "$W/good.img"
look trusting 11 "a sealed backup gets old" web01 --from "$W/b/web01.img" --now "$(date -u -d '2 days' +%FT%TZ)"
told "the seal's clock says so too" "$(broken freshness.seal)"
look trusting 11 "sealed in the future" web01 --from "$W/b/web01.img" --now "$(date -u -d '-1 hour' +%FT%TZ)"
run check web01 --from "$W/b/web01.img" --config "$W/trusting.conf" --scratch "$S" --format text
holds "the text names the key" grep -q '^  Sealed .* by key [0-9a-f]\{16\} (trusted)$' "$W/out"
run check web01 --from "$W/b/web01.img" --config "$W/trusting.conf" --scratch "$S" --format html
holds "so does the page" grep -q 'by key [0-9a-f]\{16\} (trusted)' "$W/out"
run check web01 --from "$W/b" --config "$W/empty.conf" --scratch "$S" --format json
told "an unknown key is named, and no harm" '.exit == 0 and .seal.signed and (.seal.trusted | not)
	and any(.findings[]; .check == "seal.signature" and .outcome == "skipped" and (.detail | contains("does not know")))'
look empty 0 "a key by option" web01 --from "$W/b" --trust "$W/key.pub"
told "it is trusted" .seal.trusted

# Who signed.
cp "$W/b/web01.img.seal" "$W/keep.seal"
look keyless 78 "a signature is asked for, and no key is trusted" web01 --from "$W/b"
look lost 20 "a trusted key that is not there" web01 --from "$W/b"
look half 20 "one of the trusted keys is not there" web01 --from "$W/b"
look narrow 0 "integrity is not asked for, but a signature is" web01 --from "$W/b"
seal "$W/b/web01.img" --key "$W/other"
look signed 13 "signed by another key" web01 --from "$W/b"
look narrow 13 "signed by another key, no integrity asked for" web01 --from "$W/b"
look half 20 "signed by another key, perhaps by the one that is not there" web01 --from "$W/b"
told "it says by which" "$(broken seal.signature)"
look trusting 13 "signed by another key, and keys are trusted" web01 --from "$W/b"
look empty 0 "signed by another key, and nobody asks" web01 --from "$W/b"
seal "$W/b/web01.img"
look signed 13 "not signed" web01 --from "$W/b"
look trusting 0 "not signed, and nobody asks" web01 --from "$W/b"
told "it does not say that it was" '.seal.signed == false and .seal.key_id == null'
jq -c '.signatures = []' "$W/keep.seal" >"$W/b/web01.img.seal"
look signed 13 "its signature was cut away" web01 --from "$W/b"
cp "$W/keep.seal" "$W/b/web01.img.seal"
rm "$W/b/web01.img.seal"
look signed 13 "no seal" web01 --from "$W/b"
look narrow 13 "no seal, no integrity asked for" web01 --from "$W/b"
look trusting 0 "no seal, and nobody asks" web01 --from "$W/b"
told "none is said" '.seal == null'
# Signed, but another statement: a pass is no seal, nor is a later version of one.
jq -r .payload "$W/keep.seal" | base64 -d >"$W/statement"
forge() { # JQ FILTER: signs another statement with the trusted key
	jq -c "$1" "$W/statement" | tr -d '\n' >"$W/payload"
	{ printf 'DSSEv1 28 application/vnd.in-toto+json %s ' "$(stat -c %s "$W/payload")" && cat "$W/payload"; } >"$W/pae"
	openssl pkeyutl -sign -inkey "$W/key" -rawin -in "$W/pae" -out "$W/sig" || exit 1
	jq -nc --arg p "$(base64 -w0 "$W/payload")" --arg s "$(base64 -w0 "$W/sig")" \
		--arg k "$(jq -r '.signatures[0].keyid' "$W/keep.seal")" \
		'{payloadType: "application/vnd.in-toto+json", payload: $p, signatures: [{keyid: $k, sig: $s}]}' \
		>"$W/b/web01.img.seal"
}
forge .
look signed 0 "signed by hand" web01 --from "$W/b"
forge '.predicateType = "https://in-toto.io/attestation/test-result/v0.1"'
look signed 12 "a pass in the place of a seal" web01 --from "$W/b"
forge '.predicateType = "urn:backproof:seal:v2"'
look signed 20 "a seal of a later version" web01 --from "$W/b"
look narrow 20 "a seal of a later version, no integrity asked for" web01 --from "$W/b"
forge '.predicate.sealed_at = "2026-13-01T00:00:00Z"'
look signed 12 "a signed seal that is garbled" web01 --from "$W/b"
told "it is not believed" "($by_seal | not)"
forge '.subject[0].digest.sha256 = ("0" * 64)'
look signed 0 "of two digests one is enough" web01 --from "$W/b"
(cd "$W/b" && sha256sum web01.img >web01.img.sha256)
look signed 12 "where both are measured, both count" web01 --from "$W/b"
rm "$W/b/web01.img.sha256"
forge '.predicate.entries[].sha256 = ("0" * 64)'
look signed 12 "files inside are not those of the manifest" web01 --from "$W/b"
told "each is named" "$(broken seal.file)"
forge '.predicate.volumes += [.predicate.volumes[0] + {name: "web01.img:9", uuid: "11111111-2222-3333-4444-555555555555"}]'
look signed 13 "a volume that the seal names is not there" web01 --from "$W/b"
told "it is named" "$(broken seal.volumes)"
forge '.predicate.hostname = "db01"'
look signed 13 "another host name was found when it was sealed" web01 --from "$W/b"
forge '.predicate.machine_id = "99999999999999999999999999999999"'
look signed 13 "another machine id was found when it was sealed" web01 --from "$W/b"
forge '.predicate.host = "db01"'
look signed 13 "sealed for another host" web01 --from "$W/b"
forge '.predicate.host = "web01.example.com"'
look signed 0 "sealed for it by its full name" web01 --from "$W/b"
forge '.predicate.taken_at = "2020-01-01T00:00:00Z"'
look signed 11 "it was old when it was sealed" web01 --from "$W/b"

# Its side file is of use for samples alone.
cp "$W/keep.seal" "$W/b/web01.img.seal"
seal "$W/b/web01.img" --key "$W/key"
cp "$W/b/web01.img.seal" "$W/keep.seal"
tree=$(echo "$W"/b/*.seal-tree)
cp "$tree" "$W/keep.tree"
for what in gone cut longer flipped zeros; do
	cp "$W/keep.tree" "$tree"
	case $what in
	gone) rm "$tree" ;;
	cut) truncate -s -32 "$tree" ;;
	longer) printf x >>"$tree" ;;
	flipped) flip "$tree" 100 ;;
	zeros) head -c 64 /dev/zero | patch "$tree" 8 ;;
	esac
	look signed 0 "side file $what" web01 --from "$W/b" --depth full
	told "side file $what: it is said" 'any(.findings[]; .check == "seal.tree" and .outcome == "skipped")'
	look signed 20 "side file $what, at depth sample" web01 --from "$W/b" --depth sample
	told "side file $what: that is why" '.reasons | any(contains("the side file of its seal"))'
done
cp "$W/keep.tree" "$tree"
look signed 0 "a sample of the sealed" web01 --from "$W/b" --depth sample

# Beside another backup, or an older version of it.
flip "$W/b/web01.img" $((20 << 20))
look signed 12 "one bit" web01 --from "$W/b"
told "where" 'any(.findings[]; .check == "seal.digest" and .outcome == "broken" and .offset == 20971520 and (.detail | contains("1 of its 64 chunks")))'
cp "$F/gpt-old.img" "$W/b/web01.img"
look signed 12 "the file was replaced" web01 --from "$W/b"
told "after it was sealed" 'any(.findings[]; .check == "seal.digest" and (.detail | contains("after it was sealed")))'
run check web01 --from "$W/b" --config "$W/empty.conf" --scratch "$S"
holds "and what to do" grep -q 'written over one that was sealed, seal it' "$W/out"
truncate -s +4096 "$W/b/web01.img"
look signed 12 "the file was replaced by one of another size" web01 --from "$W/b"
told "of another size, and later" 'any(.findings[]; .check == "seal.size" and (.detail | contains("a new backup is sealed anew")))'
cp "$W/good.img" "$W/b/web01.img"
mv "$W/b/web01.img" "$W/b/db01.img" && mv "$W/b/web01.img.seal" "$W/b/db01.img.seal"
look signed 0 "renamed together with its seal" web01 --from "$W/b/db01.img"
look signed 0 "... and sampled" web01 --from "$W/b/db01.img" --depth sample
cp "$F/gpt-old.img" "$W/b/db01.img"
look signed 12 "a seal beside another backup" web01 --from "$W/b/db01.img"
truncate -s +4096 "$W/b/db01.img"
look signed 12 "a seal beside another backup of another size" web01 --from "$W/b/db01.img"
cp "$W/good.img" "$W/b/db01.img"
cp "$W/good.img" "$W/b/web01.img"
look signed 13 "a second copy with the seal of the first" web01 --from "$W/b/db01.img"
rm "$W/b/web01.img"
mv "$W/b/db01.img" "$W/b/web01.img" && mv "$W/b/db01.img.seal" "$W/b/web01.img.seal"
look signed 0 "and back" web01 --from "$W/b"
# Seals are no backups.
rm "$W/b/web01.img"
look empty 10 "only a seal" web01 --from "$W/b"
look empty 10 "only a seal, by its name" web01 --from "$W/b/web01.img.seal"
printf '[repository "r"]\npath = %s\nmatch = {host}.*\n[host "web01"]\n[policy "default"]\n' "$W/b" >"$W/any.conf"
look any 10 "only a seal, and a pattern that fits it" web01
cp "$W/good.img" "$W/b/web01.img"
look any 0 "a seal and a pattern that fits it" web01
told "it is no part" '(.restore_point.paths | length) == 1'
mapfile -t from < <(for x in "$W"/b/*; do printf '%s\n' --from "$x"; done)
look signed 0 "named with the others" web01 "${from[@]}"

# A chain: its parent's seal is of the parent alone, however old that is, and of whatever it was the last state.
fresh
qemu-img convert -O qcow2 "$raw" "$W/b/base.qcow2"
touch -d '30 days ago' "$W/b/base.qcow2"
seal "$W/b/base.qcow2" --key "$W/key"
(cd "$W/b" && qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 web01.qcow2) || exit 1
look signed 13 "a chain of which only the parent is sealed" web01 --from "$W/b"
seal "$W/b/web01.qcow2" "$W/b/base.qcow2" --key "$W/key" --output "$W/b/web01.qcow2.seal"
look signed 0 "a chain, and its parent sealed by itself" web01 --from "$W/b"
told "two seals hold" '[.findings[] | select(.check == "seal.digest" and .outcome == "held")] | length == 3'
flip "$W/b/base.qcow2" $((1 << 20))
look signed 12 "its parent is damaged" web01 --from "$W/b"

# Several files: one gone, one more, one of another size.
fresh
cp "$F/two-disks/"* "$W/b"
seal "$W/b" --key "$W/key"
mkdir "$W/aside"
for disk in sda sdb; do
	look signed 13 "only $disk is named" web01 --from "$W/b/web01-$disk.img"
	mv "$W/b/web01-$disk.img" "$W/aside"
	look signed 13 "$disk is gone" web01 --from "$W/b"
	told "$disk is gone: it is said" "$(broken seal.files)"
	mv "$W/aside/"* "$W/b"
	flip "$W/b/web01-$disk.img" $((15 << 20))
	look signed 12 "$disk is damaged" web01 --from "$W/b"
	flip "$W/b/web01-$disk.img" $((15 << 20))
done
look signed 0 "both are there" web01 --from "$W/b"
# Whoever only looks may look at one of them, and learns of the seal.
run inspect "$W/b/web01-sda.img" --scratch "$S"
holds "one of them is inspected" test "$code" = 0
holds "and said to be sealed" grep -q '^web01-sda.img.seal  sealed 20.*signed by [0-9a-f]\{64\}' "$W/out"
run inspect "$W/b" --scratch "$S" --format json
holds "in JSON too" jq -e '(.seals | length) == 1 and .seals[0].signed' "$W/out"
cp "$F/fat.img" "$W/b/web01-sdc.img"
look signed 13 "a disk more than was sealed" web01 --from "$W/b"
told "a disk more: it is named" "$(broken seal.coverage)"
rm "$W/b/web01-sdc.img"
truncate -s +1M "$W/b/web01-sdb.img"
look signed 12 "a disk has grown" web01 --from "$W/b"
told "a disk has grown: its size" "$(broken seal.size)"
truncate -s -1M "$W/b/web01-sdb.img"
look signed 0 "as it was" web01 --from "$W/b"
finish
