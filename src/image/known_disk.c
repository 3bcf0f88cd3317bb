// SPDX-License-Identifier: GPL-3.0-or-later
#include "known.h"

static int bid_qed(const struct probe *p)
{
	return HEAD_HAS(p, 0, "QED\0") ? 90 : 0;
}

const struct format known_qed = {
    .name = "qed",
    .kind = FORMAT_IMAGE,
    .suffixes = SUFFIXES(".qed"),
    .bid = bid_qed,
    .product = "QEMU enhanced disk image (QED)",
};

/* Sparse extents, the older and the newer kind of ESX, and the text that describes extents. */
static int bid_vmdk(const struct probe *p)
{
	if (HEAD_HAS(p, 0, "KDMV") || HEAD_HAS(p, 0, "COWD"))
		return 90;
	if (HEAD_HAS(p, 0, "\xbe\xba\xfe\xca\0\0\0\0\1\0\0\0\2\0\0\0"))
		return 95;
	return HEAD_HAS(p, 0, "# Disk DescriptorFile") ? 95 : 0;
}

const struct format known_vmdk = {
    .name = "vmdk",
    .kind = FORMAT_IMAGE,
    .suffixes = SUFFIXES(".vmdk"),
    .bid = bid_vmdk,
    .checksums = CHECKSUMS_DATA,
    .product = "VMware virtual disk (VMDK)",
};

/* The data of a flat VMDK is a raw disk: the longer suffix wins, and there is nothing to refuse. */
const struct format known_vmdk_flat = {
    .name = "raw",
    .kind = FORMAT_IMAGE,
    .suffixes = SUFFIXES("-flat.vmdk"),
};

static int bid_vdi(const struct probe *p)
{
	return HEAD_HAS(p, 0x40, "\x7f\x10\xda\xbe") ? 90 : 0;
}

const struct format known_vdi = {
    .name = "vdi",
    .kind = FORMAT_IMAGE,
    .suffixes = SUFFIXES(".vdi"),
    .bid = bid_vdi,
    .product = "VirtualBox disk image (VDI)",
};

static int bid_parallels(const struct probe *p)
{
	return HEAD_HAS(p, 0, "WithoutFreeSpace") || HEAD_HAS(p, 0, "WithouFreSpacExt") ? 95 : 0;
}

const struct format known_parallels = {
    .name = "parallels",
    .kind = FORMAT_IMAGE,
    .suffixes = SUFFIXES(".hds"),
    .bid = bid_parallels,
    .product = "Parallels disk image",
};

/* The trailer: signature, version 4 and its own length of 512, both big-endian. */
static int bid_dmg(const struct probe *p)
{
	return TAIL_HAS(p, 512, "koly\0\0\0\4\0\0\2\0") ? 95 : 0;
}

const struct format known_dmg = {
    .name = "dmg",
    .kind = FORMAT_IMAGE,
    .suffixes = SUFFIXES(".dmg"),
    .bid = bid_dmg,
    .checksums = CHECKSUMS_DATA,
    .product = "Apple disk image (DMG)",
};
