#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The program on disks that fail, fill up, stall and stutter (tests/fault/README.md): never safe, never damaged where only
# the reading failed, nothing left behind; and no other verdict where nothing is wrong but the pace. RUNS=100000: each call.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli/fault-lib.bash
. "$(dirname "$0")/fault-lib.bash"

# A library would call the program's function for its own of that name.
holds "no function has a library's name" test -z "$(nm -D --defined-only "$BACKPROOF" | awk '$2 == "T"')"
# The hook is in that build alone.
holds "an ordinary build has no hook" test "$(nm "$BACKPROOF" | grep -c under_call)" = 0
holds "... and does not know the variable" test "$(grep -c BACKPROOF_FAULT "$BACKPROOF")" = 0
holds "the other one does" grep -q BACKPROOF_FAULT "$FAULTS"
for bad in read read:17 read:0:EIO read:x:EIO read:1:EWHAT read:1:slow=5 :1:EIO; do
	faulty "$bad" --version
	holds "a rule that means nothing: $bad" test "$code" = 64
done

# One machine in every kind of container.
mk_tree "$W/tree" web01 "$ID" efi
mk_disk "$W/disk.img" "$W/tree"
mk_tree "$W/ct" web01 "$ID" container
mk_tar "$W/ct.tar" "$W/ct"
b=$W/b
mkdir "$b"
cp --sparse=always "$W/disk.img" "$b/web01.img"
zstd -q "$W/disk.img" -o "$b/web01.img.zst"
gzip -n -1 -c "$W/disk.img" >"$b/web01.img.gz"
xz -0 -c "$W/ct.tar" >"$b/web01.tar.xz"
lz4 -q -c "$W/ct.tar" >"$b/web01.tar.lz4"
bzip2 -1 -c "$W/ct.tar" >"$b/web01.tar.bz2"
cp "$W/ct.tar" "$b/web01.tar"
qemu-img convert -c -O qcow2 "$W/disk.img" "$b/web01.qcow2"
qemu-img convert -O vdi "$W/disk.img" "$b/web01.vdi"
qemu-img convert -O vpc -o force_size=on "$W/disk.img" "$b/web01.vhd"
qemu-img convert -O vhdx "$W/disk.img" "$b/web01.vhdx"
qemu-img convert -O vmdk -o subformat=streamOptimized "$W/disk.img" "$b/web01.vmdk"
d="$b/vzdump-qemu-100-$(date -u +%Y_%m_%d-%H_%M_%S).vma.zst"
"$TOP/fixtures/vma/make-vma" --time "$(date +%s)" --disk drive-scsi0="$W/disk.img" "$W/x.vma" >/dev/null
zstd -q --rm "$W/x.vma" -o "$d"
args() { args=(check web01 --config "$W/empty.conf" --scratch "$S" --format json --from "$@"); }

# Moods: the verdict and every proof as without.
for f in "$b"/*; do
	args "$f"
	run "${args[@]}"
	clean=$code
	jq -c '[.verdict, .proofs, .measures.files_restored]' "$W/out" >"$W/clean"
	mood='read:1/3:short,write:1/3:short,read:1/2:EINTR,write:1/2:EINTR,read:1/50:slow=2ms,message:1/3:EINTR'
	faulty "$mood" "${args[@]}"
	jq -c '[.verdict, .proofs, .measures.files_restored]' "$W/out" >"$W/moody"
	if [ "$clean$code" = 00 ] && [ "$struck" -gt 0 ] && [ -z "$(trouble 0)" ] && cmp -s "$W/clean" "$W/moody"; then
		ok "$(basename "$f"): a moody disk"
	else
		why "as without, $clean" | not_ok "$(basename "$f"): a moody disk"
	fi
done

# A file that can't be read is no damaged one: every read of it in turn, with each thing that a disk or server says.
for f in "$b"/*; do
	args "$f"
	faulty 'read:*:slow=1us@'"$f" "${args[@]}"
	bad=
	for n in $(some_of "$struck" 3); do
		says=(EIO ESTALE ETIMEDOUT EREMOTEIO)
		what=${says[n % 4]}
		faulty "read:$n:$what@$f" "${args[@]}"
		t=$(trouble 20)
		# What was read ahead in vain may never be asked for again.
		[ -z "$t" ] || [ "$struck" = 0 ] || bad="$bad$n $what: $t"$'\n'
	done
	if [ -z "$bad" ]; then ok "$(basename "$f"): reads fail"; else echo "$bad" | not_ok "$(basename "$f"): reads fail"; fi
done
args "$b/web01.qcow2"
for what in ESTALE EIO EMFILE ENOMEM; do
	faulty "open:1+:$what@$b/web01.qcow2" "${args[@]}"
	holds "it can't be opened: $what" test "$struck-$code" != "0-20" -a "$code" = 20
done
faulty "stat:1+:ESTALE@$b/web01.qcow2" "${args[@]}"
holds "nobody knows whether it is there: ESTALE" test "$code" = 20

# Each call of a whole run, some of them.
(cd "$b" && sha256sum web01.img.zst >web01.img.zst.sha256)
args "$b/web01.img.zst"
# 78, 64, 70: the configuration, the arguments or the report came to nothing.
sweep zstd read EIO 16 '20 78' -- "${args[@]}"
sweep zstd write ENOSPC 8 '20 70' -- "${args[@]}"
sweep zstd write EDQUOT 4 '20 70' -- "${args[@]}"
sweep zstd alloc ENOMEM 40 '20 64 70 78' -- "${args[@]}"
sweep zstd fsync EIO 6 20 -- "${args[@]}"
sweep zstd open EMFILE 16 '20 70 78 0' -- "${args[@]}"
sweep zstd thread EAGAIN 6 '20 0' -- "${args[@]}"
sweep zstd process EAGAIN 6 '20 0' -- "${args[@]}"
sweep zstd message EIO 10 '20 0' -- "${args[@]}"
sweep zstd make ENOSPC 4 20 -- "${args[@]}"
# What libblkid reads is a copy in memory: that this fails is not to be had. It must not come out as safe all the same.
sweep zstd library:read EIO 4 '12 20' -- "${args[@]}"
sweep zstd library:write ENOSPC 6 '20' -- "${args[@]}"
finish
