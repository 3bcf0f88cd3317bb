// SPDX-License-Identifier: GPL-3.0-or-later
/* What partition types mean: UEFI, the Discoverable Partitions Specification, and MBR types in use. */
#include "tables.h"

static const struct {
	const char *guid;
	enum volume_role role;
} guids[] = {
	{"c12a7328-f81f-11d2-ba4b-00a0c93ec93b", ROLE_ESP},
	{"21686148-6449-6e6f-744e-656564454649", ROLE_BIOS_BOOT},
	{"0fc63daf-8483-4772-8e79-3d69d8477de4", ROLE_LINUX}, /* Linux data */
	{"bc13c2ff-59e6-4262-a352-b275fd6f7172", ROLE_LINUX}, /* extended boot loader */
	{"933ac7e1-2eb4-4f13-b844-0e14e2aef915", ROLE_LINUX}, /* /home */
	{"3b8f8425-20e0-4f3b-907f-1a25a76f98e8", ROLE_LINUX}, /* /srv */
	{"4d21b016-b534-45c2-a9fb-5c16e091fd2d", ROLE_LINUX}, /* /var */
	{"7ec6f557-3bc5-4aca-b293-16ef5df639d1", ROLE_LINUX}, /* /var/tmp */
	{"773f91ef-66d4-49b5-bd83-d683bf40ad16", ROLE_LINUX}, /* per-user home */
	{"44479540-f297-41b2-9af7-d131d5f0458a", ROLE_LINUX}, /* root, x86 */
	{"4f68bce3-e8cd-4db1-96e7-fbcaf984b709", ROLE_LINUX}, /* root, x86-64 */
	{"69dad710-2ce4-4e3c-b16c-21a1d49abed3", ROLE_LINUX}, /* root, 32-bit ARM */
	{"b921b045-1df0-41c3-af44-4c6f280d3fae", ROLE_LINUX}, /* root, 64-bit ARM */
	{"993d8d3d-f80e-4225-855a-9daf8ed7ea97", ROLE_LINUX}, /* root, Itanium */
	{"77055800-792c-4f94-b39a-98c91b762bb6", ROLE_LINUX}, /* root, LoongArch 64 */
	{"60d5a7fe-8e7d-435c-b714-3dd8162144e1", ROLE_LINUX}, /* root, RISC-V 32 */
	{"72ec70a6-cf74-40e6-bd49-4bda08e8f224", ROLE_LINUX}, /* root, RISC-V 64 */
	{"5eead9a9-fe09-4a1e-a1d7-520d00531306", ROLE_LINUX}, /* root, s390x */
	{"c31c45e6-3f39-412e-80fb-4809c4980599", ROLE_LINUX}, /* root, ppc64le */
	{"75250d76-8cc6-458e-bd66-bd47cc81a812", ROLE_LINUX}, /* /usr, x86 */
	{"8484680c-9521-48c6-9c11-b0720656f69e", ROLE_LINUX}, /* /usr, x86-64 */
	{"7d0359a3-02b3-4f0a-865c-654403e70625", ROLE_LINUX}, /* /usr, 32-bit ARM */
	{"b0e01050-ee5f-4390-949a-9101b17104e9", ROLE_LINUX}, /* /usr, 64-bit ARM */
	{"beaec34b-8442-439b-a40b-984381ed097d", ROLE_LINUX}, /* /usr, RISC-V 64 */
	{"ca7d7ccb-63ed-4c53-861c-1742536059cc", ROLE_LINUX}, /* LUKS */
	{"0657fd6d-a4ab-43c4-84e5-0933c84b4f4f", ROLE_SWAP},
	{"e6d6d379-f507-44c2-a23c-238f2a3df928", ROLE_LVM},
	{"a19d880f-05fc-4d3b-a006-743f0f84911e", ROLE_RAID},
	{"ebd0a0a2-b9e5-4433-87c0-68b6b72699c7", ROLE_WINDOWS}, /* basic data */
	{"e3c9e316-0b5c-4db8-817d-f92df00215ae", ROLE_RESERVED}, /* Microsoft reserved */
	{"de94bba4-06d1-4d40-a16a-bfd50179d6ac", ROLE_WINDOWS}, /* recovery */
	{"5808c8aa-7e8f-42e0-85d2-e1e90434cfb3", ROLE_DYNAMIC}, /* LDM metadata */
	{"af9b60a0-1431-4f62-bc68-3311714a69ad", ROLE_DYNAMIC}, /* LDM data */
	{"9e1a2d38-c612-4316-aa26-8b49521e5a8b", ROLE_RESERVED}, /* PReP boot */
	{"8da63339-0007-60c0-c436-083ac8230908", ROLE_RESERVED}, /* Linux reserved */
	{"3de21764-95bd-54bd-a5c3-4abe786f38a8", ROLE_RESERVED}, /* U-Boot's environment */
	{"c95dc21a-df0e-4340-8d7b-26cbfa9a03e0", ROLE_RESERVED}, /* CoreOS, reserved */
	{"d3bfe2de-3daf-11df-ba40-e3a556d89593", ROLE_RESERVED}, /* Intel rapid start */
	{"fe3a2a5d-4f32-41a7-b725-accc3285a309", ROLE_RESERVED}, /* ChromeOS: kernel, firmware, reserved */
	{"cab6e88e-abf3-4102-a07a-d4bb9be3c1d3", ROLE_RESERVED},
	{"2e0a753d-9e48-43b0-8337-b15192cb1b5e", ROLE_RESERVED},
};

enum volume_role role_of_guid(const char *guid)
{
	for (size_t i = 0; i < ARRAY_SIZE(guids); i++)
		if (!strcmp(guids[i].guid, guid))
			return guids[i].role;
	return ROLE_OTHER;
}

enum volume_role role_of_mbr(uint8_t type)
{
	switch (type) {
	case 0x00:
		return ROLE_EMPTY;
	case 0x01: /* FAT12 */
	case 0x04: /* FAT16 below 32 MiB */
	case 0x06:
	case 0x07: /* NTFS, exFAT */
	case 0x0b: /* FAT32 */
	case 0x0c:
	case 0x0e:
	case 0x27: /* recovery */
		return ROLE_WINDOWS;
	case 0x41: /* PReP boot */
	case 0x84: /* Intel hibernation */
	case 0xa2: /* a boot loader for ARM with an FPGA */
	case 0xf0: /* a boot loader for PA-RISC */
		return ROLE_RESERVED;
	case 0x42: /* LDM */
		return ROLE_DYNAMIC;
	case 0x82:
		return ROLE_SWAP;
	case 0x83:
	case 0xe8: /* LUKS */
	case 0xea: /* extended boot loader */
		return ROLE_LINUX;
	case 0x8e:
		return ROLE_LVM;
	case 0xef:
		return ROLE_ESP;
	case 0xfd:
		return ROLE_RAID;
	default:
		return ROLE_OTHER;
	}
}
