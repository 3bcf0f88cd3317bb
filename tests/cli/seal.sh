#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Sealing a restore point when it was written: what is sealed and what is not, what others make of a seal, and that
# nothing ends it half-way.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
mk_tree "$W/tree" web01 $ID efi
mk_disk "$W/web01.img" "$W/tree" --size 200 || exit 1
mkdir "$W/at"
cd "$W/at" || exit 1

# seal CODE NAME ARGUMENTS...: the exit code exactly, JSON that agrees, a seal only with 0, nothing left in scratch.
seal() {
	local want=$1 name=$2 bad=''
	shift 2
	run seal "$@" --scratch "$S" --format json
	[ "$code" = "$want" ] || bad="exit code $code"
	jq -e --argjson code "$code" '.exit == $code and .sealed == ($code == 0) and (.seal != null) == ($code == 0)
		and (.reasons | length > 0) == ($code != 0)' "$W/out" >/dev/null || bad="$bad; JSON does not agree"
	[ "$code" != 0 ] || [ -s "$(jq -r .seal "$W/out")" ] || bad="$bad; no seal"
	[ -z "$(ls -A "$S")" ] || bad="$bad; left in scratch: $(ls -A "$S")"
	if [ -z "$bad" ]; then ok "$name"; else { echo "$want: $bad" && cat "$W/out" "$W/err"; } | not_ok "$name"; fi
}
says() { # NAME JQ-FILTER: of the last report
	holds "$1" jq -e "$2" "$W/out"
}
no_seal() { # NAME
	holds "$1" sh -c '! ls ./*.seal ./*.seal-tree ./.backproof-seal* 2>/dev/null | grep .'
}
statement() { jq -r .payload "$1" | base64 -d; }
clear() { rm -rf "$W"/at/* "$W"/at/.[!.]*; }

# One raw disk, unsigned: the text, the seal, its schema, what fsverity says, and what a check makes of it.
cp --sparse=always "$W/web01.img" .
run seal web01.img --scratch "$S"
holds "a raw image that nothing vouches for is sealed" test "$code" = 0
holds "the text gives digest and host" sh -c 'grep -q "^sealed web01.img.seal" "$1" && grep -q "$(sha256sum web01.img | cut -c 1-64)" "$1" && grep -q "host web01" "$1"' - "$W/out"
holds "... and warns when it is not signed" grep -q "not signed" "$W/out"
statement web01.img.seal >"$W/statement"
cat >"$W/schema.py" <<'END'
import json, sys
import jsonschema
schema = json.load(open(sys.argv[1]))
jsonschema.Draft202012Validator.check_schema(schema)
for name in sys.argv[2:]:
    jsonschema.validate(json.load(open(name)), schema, cls=jsonschema.Draft202012Validator)
END
schema() { python3 "$W/schema.py" "$TOP/packaging/schema/seal-v1.schema.json" "$@"; }
holds "it is what the schema says" schema "$W/statement"
for edit in 'del(.subject)' '.predicate.files[0].size = -1' '.subject[0].name = "a/b"' '.predicate.format_version = "2.0"' \
	'.subject[0].digest.sha256 = "00"'; do
	jq "$edit" "$W/statement" >"$W/other"
	schema "$W/other" >"$W/log" 2>&1 && echo "$edit: accepted" | not_ok "the schema refuses $edit"
done
ok "the schema refuses what the parser refuses"
holds "volumes with their UUIDs, host, machine id, system and files inside are in it" jq -e --arg id $ID '
	.predicate | .hostname == "web01" and .machine_id == $id and (.system | length > 0) and (.volumes | length) == 2
	and all(.volumes[]; .uuid and .type) and .disks[0].table == "gpt" and (.formats | index("ext4"))
	and any(.entries[]; .path == "/etc/fstab") and (.entries | length) > 20' "$W/statement"
fstab=$(jq -r '.predicate.entries[] | select(.path == "/etc/fstab") | .sha256' "$W/statement")
holds "a file's digest is the file's" test "$fstab" = "$("$BACKPROOF" inspect web01.img --cat /etc/fstab | sha256sum | cut -c 1-64)"
expect 0 "a check holds it against its seal" web01 --from web01.img
holds "... and says so" jq -e '.proofs.integrity == "held" and any(.findings[]; .check | startswith("seal"))' "$W/out"
# One chunk alone, by dd and openssl as the manual says.
tree=$(jq -r .predicate.tree.name "$W/statement")
n=5
want=$(dd if="$tree" bs=8 skip=$((1 + 4 * n)) count=4 status=none | od -An -v -tx1 | tr -d ' \n')
got=$(dd if=web01.img bs=512K skip=$n count=1 status=none | split -b 4096 --filter='openssl dgst -sha256 -binary' - | openssl dgst -sha256 -r | cut -c 1-64)
holds "a chunk is proved alone by dd and openssl" test "$want" = "$got"
holds "the side file is the one named" test "$(sha256sum <"$tree" | cut -c 1-64)" = "$(jq -r .predicate.tree.sha256 "$W/statement")"
# What changes later shows, and where.
flip web01.img $((60 << 20))
expect 12 "a bit that flips after sealing is damage" web01 --from web01.img
flip web01.img $((60 << 20))
# Sealed again: the pair is replaced, and nothing is left.
printf 'x' | dd of=web01.img bs=1 seek=$((199 << 20)) conv=notrunc status=none
seal 0 "sealed again, the pair is replaced" web01.img --now 2026-01-01T00:00:00Z
holds "... by one whole pair" test "$(ls | wc -l)" = 3
clear

# Signed, and verified by the lines of the README.
cp "$W/web01.img" .
"$BACKPROOF" key new key >/dev/null
seal 0 "signed" web01.img --key key --host web01
says "... by that key" ".signed and .key_id == \"$("$BACKPROOF" key show key.pub | sed -n 's/^id: *//p')\" and .host == \"web01\" and (.notes | length) == 0"
awk -v RS= '/openssl pkeyutl -verify/ && /web01.img.zst.seal/' "$TOP/README.md" | sed 's/^    //' >"$W/recipe"
holds "the README shows how to verify one" grep -q sha256sum "$W/recipe"
by_the_readme() { # SEAL KEY
	sed "s/web01.img.zst.seal/$1/g; s/backup.key.pub/$2/g" "$W/recipe" | bash -eu -o pipefail
}
no() { ! "$@"; }
holds "openssl and sha256sum verify it by the lines of the README" by_the_readme web01.img.seal key.pub
"$BACKPROOF" key new other >/dev/null
holds "... but not with another key" no by_the_readme web01.img.seal other.pub
jq -c --arg p "$(statement web01.img.seal | sed s/web01/web02/ | base64 -w 0)" '.payload = $p' web01.img.seal >changed.seal
holds "... nor when it was changed" no by_the_readme changed.seal key.pub
flip web01.img 70000000
holds "... nor when the file was" no by_the_readme web01.img.seal key.pub
rm -f changed.seal statement signature signed
chmod 644 other
run seal web01.img --key other --scratch "$S"
holds "a key that others may read is refused" test "$code" = 20
clear

# Which files: several, a directory, a disk in pieces, two disks, something unsupported, small ones.
split -b 60M -d -a 3 "$W/web01.img" web01.img.
seal 0 "a disk in pieces" web01.img.000 web01.img.001 web01.img.002 web01.img.003
says "... each with its digests, in the seal of the first" '(.files | length) == 4 and (.seal | endswith("web01.img.000.seal"))'
statement web01.img.000.seal >"$W/statement"
holds "... as the schema says" schema "$W/statement"
holds "... and as sha256sum does" sh -c 'jq -r ".subject[] | .digest.sha256 + \"  \" + .name" "$1" | sha256sum --check --strict --quiet' - "$W/statement"
expect 0 "... which a check holds them against" web01 --from "$W/at"
clear
zstd -q -o web01_2026-11-20.img.zst "$W/web01.img"
cp web01_2026-11-20.img.zst web01_2026-11-21.img.zst
seal 0 "of a directory the newest restore point" "$W/at"
says "... and that alone" '(.files | length) == 1 and .files[0].name == "web01_2026-11-21.img.zst"'
seal 0 "a seal elsewhere" web01_2026-11-20.img.zst --output "$W/elsewhere.seal"
holds "... with its side file beside it" sh -c 'ls "$1"/elsewhere.*.seal-tree' - "$W"
rm -f "$W"/elsewhere.*
clear
mk_data_disk "$W/data.img" "$W/tree/etc" 0a0b0c0d-1111-4222-8333-444455556666 --size 64 >/dev/null 2>&1 || truncate -s 8M "$W/data.img"
qemu-img convert -O qcow2 "$W/web01.img" web01-sda.qcow2
cp "$W/data.img" web01-sdb.img
seal 0 "two disks of one machine" web01-sda.qcow2 web01-sdb.img
says "... in one seal" '(.files | length) == 2'
run seal web01-sda.qcow2 web01-sdb.img --against "$W/web01.img" --scratch "$S"
holds "of two disks the one of that size is compared" sh -c 'test "$1" = 0 && grep -q "compared with .*: the same" "$2"' - "$code" "$W/out"
truncate -s 5M "$W/odd"
seal 13 "a source of no disk's size" web01-sda.qcow2 web01-sdb.img --against "$W/odd"
clear
head -c 3000 /dev/urandom >small
seal 0 "a file of one block has no side file" small
holds "..." sh -c 'test -s small.seal && ! ls ./*.seal-tree 2>/dev/null | grep .'
clear
truncate -s 64M "$W/luks.img"
printf pass | cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 "$W/luks.img" - && cp "$W/luks.img" . &&
	seal 0 "what is encrypted is what it is all the same" luks.img
clear

# The digests of fsverity, at many sizes.
for size in 0 1 4095 4096 4097 524287 524288 524289 67108863 67108864 67108865 1073745921; do
	truncate -s $size "f$size"
	[ $size = 0 ] || printf 'end' | dd of="f$size" bs=1 seek=$((size > 3 ? size - 3 : 0)) count=$size conv=notrunc status=none
	[ $size = 1 ] && printf e >"f$size"
	run seal "f$size" --scratch "$S" --format json
	if [ $size = 0 ]; then
		holds "an empty file is not sealed" test "$code" = 12
		continue
	fi
	want=$(fsverity digest --compact "f$size") got=$(jq -r '.files[0].fsverity' "$W/out")
	[ "$code" = 0 ] && [ "$want" = "$got" ] || echo "$size: $code, $want, $got" | not_ok "fsverity says the same of $size bytes"
done
ok "fsverity says the same of all sizes"
clear

# Nothing is sealed that is damaged, lacks a part, is another's, or changes.
zstd -q -o web01.img.zst "$W/web01.img"
flip web01.img.zst 300000
seal 12 "a damaged image" web01.img.zst
no_seal "... gets no seal"
clear
cp "$W/web01.img" .
sha256sum web01.img >web01.img.sha256
flip web01.img $((60 << 20))
seal 12 "an image that its sidecar does not know" web01.img
no_seal "... gets no seal"
clear
cp "$W/web01.img" .
seal 13 "another host's" web01.img --host web02
says "... says so" '.reasons | any(contains("web01"))'
seal 13 "a part that is named and not there" web01.img web02.img
seal 10 "nothing there" none.img
mkdir twice
cp web01.img twice
seal 20 "two files with one name" web01.img twice/web01.img
rm -r twice
no_seal "... and no seal of any"
run seal --scratch "$S"
holds "no path is a usage error" test "$code" = 64
run seal web01.img --output backup.img
holds "a seal is never called like a backup" test "$code" = 64
run seal web01.img --key a --key b
holds "two keys are a usage error" test "$code" = 64
exec 9>>web01.img
seal 21 "one that is being written" web01.img
exec 9>&-
(while sleep 0.02; do touch web01.img; done) &
toucher=$!
seal 21 "one that changes while it is sealed" web01.img
kill $toucher
wait $toucher 2>/dev/null
no_seal "... gets no seal"
chmod 555 .
setpriv --reuid 65534 --regid 65534 --clear-groups true 2>/dev/null &&
	setpriv --reuid 65534 --regid 65534 --clear-groups "$BACKPROOF" seal web01.img --scratch /tmp >"$W/out" 2>&1
holds "where nothing can be written, that is said" sh -c 'test "$1" = 20 && grep -q "ermission denied" "$2"' - $? "$W/out"
chmod 755 .
clear

# Held against its source, block by block.
cp --sparse=always "$W/web01.img" src.img
cp --sparse=always "$W/web01.img" web01.img
seal 0 "the same as its source" web01.img --against src.img
says "... all of it" '.compared == 209715200'
statement web01.img.seal | jq -e '.predicate.against | .source == "src.img" and .compared == 209715200' >"$W/log" 2>&1
holds "... is in the seal" test $? = 0
rm -f ./*.seal ./*.seal-tree
printf 'new' | dd of=src.img bs=1 seek=150000001 conv=notrunc status=none
seal 12 "a block that the backup missed" web01.img --against src.img
says "... with offset and volume" '.reasons[0] | contains("1 block of 4 KiB differs") and contains("offset 150000001") and contains("web01.img:2")'
no_seal "... and nothing is sealed"
zstd -q web01.img -o web01.img.zst
seal 12 "... also of a compressed one" web01.img.zst --against src.img
qemu-img convert -O qcow2 web01.img web01.qcow2
at=$(file_offset web01.img /etc/fstab)
printf 'X' | dd of=src.img bs=1 seek="$at" conv=notrunc status=none
seal 12 "... and of a qcow2" web01.qcow2 --against src.img
cp --sparse=always "$W/web01.img" src.img
# A snapshot is a block device.
if device=$(losetup -f --show -r src.img 2>/dev/null); then
	seal 0 "the same as a device" web01.img --against "$device"
	losetup -d "$device"
fi
truncate -s +1M src.img
seal 0 "a source that goes on in zeros" web01.img --against src.img
printf 'tail' >>src.img
seal 12 "... and one that goes on in data" web01.img --against src.img
seal 20 "a source that is not there" web01.img --against none
# What another format leaves out: missed where the source has it in use, and no matter where that is free.
seal 20 "the backup is no source of itself" web01.img --against web01.img
clear
mke2fs -q -t ext4 -b 4096 -d "$W/tree" src.img 64M >/dev/null
qemu-img convert -O qcow2 src.img web01.qcow2
free=$(debugfs -R 'ffb 1 12000' src.img 2>/dev/null | grep -oE '[0-9]+' | tail -n 1)
printf junk | dd of=src.img bs=4096 seek="$free" conv=notrunc status=none
seal 0 "junk in a block that is free in the source is no difference" web01.qcow2 --against src.img
says "... and told" '.notes | any(contains("4.0 KiB with data is not in the backup, and not in use there"))'
dd if=/dev/urandom of=new bs=1M count=2 status=none
debugfs -w -R 'write new new' src.img >/dev/null 2>&1
rm -f web01.qcow2.*
seal 12 "a file that the backup missed where it leaves everything out" web01.qcow2 --against src.img
says "... is counted to the block" '.reasons[0] | capture("(?<n>[0-9]+) blocks of 4 KiB differ").n | tonumber | . >= 512 and . < 530'
partclone.ext4 -c -q -s src.img -O web01.ptcl 2>/dev/null >"$W/log"
seal 0 "used blocks, as partclone saves them" web01.ptcl --against src.img
says "... and what it left out is told" '.notes | any(contains("it holds used blocks"))'
flip src.img "$(file_offset src.img /new 1000000)"
rm -f web01.ptcl.*
seal 12 "... with one that differs" web01.ptcl --against src.img
clear

# A kernel that has measured the file (answered by a stand-in, for this one may know no fs-verity).
cat >"$W/kernel.c" <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/fsverity.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	va_start(ap, request);
	void *arg = va_arg(ap, void *);
	va_end(ap);
	const char *hex = getenv("BACKPROOF_TEST_MEASURED");
	if (request == FS_IOC_MEASURE_VERITY) {
		struct fsverity_digest *d = arg;
		d->digest_algorithm = FS_VERITY_HASH_ALG_SHA256;
		d->digest_size = 32;
		for (int i = 0; i < 32; i++)
			sscanf(hex + 2 * i, "%2hhx", &d->digest[i]);
		return 0;
	}
	if (request == FS_IOC_READ_VERITY_METADATA) {
		struct fsverity_read_metadata_arg *a = arg;
		struct fsverity_descriptor d = {.version = 1, .hash_algorithm = 1, .log_blocksize = atoi(getenv("BACKPROOF_TEST_BLOCK"))};
		memcpy((void *)(unsigned long)a->buf_ptr, &d, sizeof d);
		return sizeof d;
	}
	return ((int (*)(int, unsigned long, void *))dlsym(RTLD_NEXT, "ioctl"))(fd, request, arg);
}
END
cp "$W/web01.img" .
if cc -shared -fPIC -o "$W/kernel.so" "$W/kernel.c" -ldl; then
	measured() { # CODE NAME DIGEST BLOCK
		LD_PRELOAD=$W/kernel.so BACKPROOF_TEST_MEASURED=$3 BACKPROOF_TEST_BLOCK=$4 "$BACKPROOF" seal web01.img --scratch "$S" --format json >"$W/out" 2>"$W/err"
		holds "$2" test $? = "$1"
	}
	zeros=$(printf '%064d' 0)
	measured 0 "measured by the kernel, and the same" "$(fsverity digest --compact web01.img)" 12
	says "... is told" '.measured_by_kernel == 1'
	rm -f ./*.seal ./*.seal-tree
	measured 12 "measured by the kernel, and another" "$zeros" 12
	no_seal "... is not sealed"
	measured 0 "measured with other parameters is not compared" "$zeros" 10
	says "..." '.measured_by_kernel == 0'
fi
clear

# Killed at any moment, there is no seal, or a whole one. (What is no disk by its name may hold anything.)
dd if=/dev/urandom of=blob bs=1M count=16 status=none
whole=0
for i in $(seq 1 20); do
	printf '%04d' "$i" | dd of=blob bs=1 seek=4096 conv=notrunc status=none
	"$BACKPROOF" seal blob --scratch "$S" >/dev/null 2>&1 &
	pid=$!
	sleep "0.0$((RANDOM % 90 + 10))"
	kill -9 $pid 2>/dev/null
	wait $pid 2>/dev/null
	rm -rf "${S:?}"/*
	[ -e blob.seal ] || continue
	whole=$((whole + 1))
	t=$(statement blob.seal | jq -r '.predicate.tree | .sha256 + "  " + .name') || t=
	echo "$t" | sha256sum --check --strict --quiet >"$W/log" 2>&1 || {
		echo "round $i: $t" && cat "$W/log"
	} | not_ok "killed at any moment: a whole pair"
done
ok "killed at any moment: no pair or a whole one ($whole of 20 times there was one)"
seal 0 "... and the next one is whole" blob
holds "... and has left nothing behind" test "$(ls -A | wc -l)" = 3
cd / || exit 1
finish
