#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Compressed clusters of data that nothing else reads: a full check decodes every one of them.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
mk_tree "$W/tree" web01 "$ID" efi
seq 200000 >"$W/tree/home/alice/ledger"
mk_disk "$W/web01.img" "$W/tree"

# where IMAGE BYTE: offset and length at most of the compressed cluster that holds a byte of the disk
where() {
	python3 - "$1" "$2" <<'END'
import struct, sys
f = open(sys.argv[1], "rb")
def u64(at):
    f.seek(at)
    return struct.unpack(">Q", f.read(8))[0]
f.seek(0)
head = f.read(104)
bits, = struct.unpack_from(">I", head, 20)
l1, = struct.unpack_from(">Q", head, 40)
n = int(sys.argv[2]) >> bits
per = 1 << (bits - 3)
entry = u64((u64(l1 + n // per * 8) & 0xfffffffffffe00) + n % per * 8)
assert entry >> 62 & 1, "not compressed"
x = 62 - (bits - 8)
host = entry & ((1 << x) - 1)
print(host, (((entry & (1 << 62) - 1) >> x) + 1) * 512 - host % 512)
END
}
# grain IMAGE BYTE: the offset of the compressed grain of a stream-optimised VMDK
grain() {
	python3 - "$1" "$2" <<'END'
import struct, sys
d = open(sys.argv[1], "rb").read()
size, = struct.unpack_from("<Q", d, 20)
want = int(sys.argv[2]) // 512 // size * size
for at in range(0, len(d), 512):
    lba, n = struct.unpack_from("<QI", d, at)
    if lba == want and 0 < n <= 2 * size * 512 and d[at + 12] & 15 == 8 and (d[at + 12] * 256 + d[at + 13]) % 31 == 0:
        print(at + 12)
        break
END
}
full() { # the exit code in $code
	run check web01 --from "$W/web01.$kind" --depth full --sample-files 1 --seed 3 --config "$W/empty.conf" \
		--scratch "$S" --format json
}
told() { # NAME CHECK: a finding that is broken says where
	holds "$1 says where" jq -e --arg check "$2" \
		'any(.findings[]; .check == $check and .outcome == "broken" and .offset > 0)' "$W/out"
}

at=$(file_offset "$W/web01.img" /home/alice/ledger 200000)
for type in zlib zstd; do
	kind=qcow2
	qemu-img convert -c -O qcow2 -o compression_type=$type "$W/web01.img" "$W/whole"
	where "$W/whole" "$at" | read -r host length || exit 1
	cp "$W/whole" "$W/web01.qcow2"
	full
	verdict_is 0 "$type: as it was written"
	holds "$type: all clusters decode" jq -e \
		'any(.findings[]; .check == "qcow2.clusters" and .outcome == "held")' "$W/out"
	for threads in 1 2 8; do
		head -c 16 /dev/zero | tr '\0' '\377' | patch "$W/web01.qcow2" "$host"
		BACKPROOF_THREADS=$threads full
		verdict_is 12 "$type: a cluster of a file that nothing owns, $threads threads"
		told "$type" qcow2.clusters
		cp "$W/whole" "$W/web01.qcow2"
	done
	head -c $((length / 2)) /dev/zero | patch "$W/web01.qcow2" $((host + length / 2))
	full
	verdict_is 12 "$type: half of a cluster"
	told "$type, half" qcow2.clusters
	# A child that has nothing of its own: the base counts.
	qemu-img create -q -f qcow2 -b web01.qcow2 -F qcow2 "$W/web01.child"
	run check web01 --from "$W/web01.child" --from "$W/web01.qcow2" --depth full --sample-files 1 --seed 3 \
		--config "$W/empty.conf" --scratch "$S" --format json
	verdict_is 12 "$type: half of a cluster of a base"
	rm "$W/web01.child"
done

# A cluster of zeros, in deflate and in zstd, that is not as long as a cluster; and one followed by more than its last sector.
for type in zlib zstd; do
	qemu-img convert -c -O qcow2 -o compression_type=$type "$W/web01.img" "$W/web01.qcow2"
	where "$W/web01.qcow2" "$at" | read -r host length || exit 1
	for n in 65535 65537 4096; do
		if [ $type = zlib ]; then
			python3 -c 'import sys, zlib
c = zlib.compressobj(9, zlib.DEFLATED, -12)
sys.stdout.buffer.write(c.compress(bytes(int(sys.argv[1]))) + c.flush())' $n
		else
			head -c $n /dev/zero | zstd -qc --no-check
		fi | patch "$W/web01.qcow2" "$host"
		full
		verdict_is 12 "$type: a cluster of $n bytes"
		told "$type, $n bytes" qcow2.clusters
	done
	if [ $type = zlib ]; then
		python3 -c 'import sys, zlib
c = zlib.compressobj(9, zlib.DEFLATED, -12)
sys.stdout.buffer.write(c.compress(bytes(65536)) + c.flush())'
	else
		head -c 65536 /dev/zero | zstd -qc --no-check
	fi | patch "$W/web01.qcow2" "$host"
	full
	verdict_is 12 "$type: a cluster that leaves sectors over"
	told "$type, left over" qcow2.clusters
done

kind=vmdk
qemu-img convert -O vmdk -o subformat=streamOptimized "$W/web01.img" "$W/whole"
host=$(grain "$W/whole" "$at")
for threads in 1 2 8; do
	cp "$W/whole" "$W/web01.vmdk"
	flip "$W/web01.vmdk" $((host + 1000))
	BACKPROOF_THREADS=$threads full
	verdict_is 12 "vmdk: a grain of a file that nothing owns, $threads threads"
	told "vmdk" vmdk.grains
done
# A disk of 1 TiB with next to nothing on it: what is not there takes neither time nor memory.
cp "$W/web01.img" "$W/large.img"
truncate -s 1T "$W/large.img"
sgdisk -e "$W/large.img" >/dev/null
cat >"$W/measured.py" <<'END'
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], timeout=120).returncode
kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(kib, "KiB", file=sys.stderr)
sys.exit(code if kib < 256 << 10 else 99)
END
while read -r format options; do
	# shellcheck disable=SC2086
	qemu-img convert -O "$format" $options "$W/large.img" "$W/web01.$format" || exit 1
	ran="1 TiB, $format $options"
	python3 "$W/measured.py" "$BACKPROOF" check web01 --from "$W/web01.$format" --depth full --config "$W/empty.conf" --scratch "$S" \
		--format json >"$W/out" 2>"$W/err" </dev/null
	code=$?
	verdict_is 0 "1 TiB, $format $options: in time, and below 256 MiB"
	rm "$W/web01.$format"
done <<'END'
qcow2
qcow2 -c -o cluster_size=16k
qcow2 -o extended_l2=on
vhdx
vmdk
vmdk -o subformat=streamOptimized
vdi
vpc -o force_size=on
END
finish
