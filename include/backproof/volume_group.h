// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Volumes that are made of others: LVM2 logical volumes, md RAID1 arrays. They nest: an array may hold a physical
 * volume of LVM, a logical volume a partition table. So the caller goes round: assemble the volumes whose content is
 * "LVM2_member" or "linux_raid_member", probe what comes out (disk_scan on each source), and as long as new members
 * turn up assemble those. A set is freed after the sets and readers that stand on it.
 */
#ifndef BACKPROOF_VOLUME_GROUP_H
#define BACKPROOF_VOLUME_GROUP_H

#include "backproof/finding.h"
#include "backproof/source.h"

struct volume_member {
	struct source *source; /* borrowed; outlives the set */
	const char *name;      /* of findings */
};

enum volume_manager { MANAGER_LVM2, MANAGER_MD };

struct assembled_volume {
	enum volume_manager manager;
	char name[280];	       /* "vg0/root", "md/0", "md/web01:data" */
	char group[140], volume[140]; /* "vg0" and "root"; "" and "web01:data" */
	char uuid[64], group_uuid[64]; /* as their managers print them; of an array no group's */
	struct source *source; /* owned */
	size_t *members;       /* owned: which of the members hold its bytes, by their index */
	size_t member_count;
	struct volume_mirror {
		char name[80];
		struct source *source; /* owned */
	} *mirrors; /* owned: the other halves that a machine would read as well, and the same size */
	size_t mirror_count;
	bool resync; /* mirrors need not be alike: they will be made so */
};

struct volume_set {
	struct assembled_volume *items;
	size_t count, capacity;
};

/*
 * Members that are neither are passed over. What was checked goes into f as PROOF_STRUCTURE: "lvm.label",
 * "lvm.metadata", "lvm.copies", "lvm.members", "lvm.volume", "md.superblock", "md.array". A volume that needs what
 * is not there is MISSING; one of a kind that is not read is UNSUPPORTED; neither is in the set. -1: a member can't
 * be read, or memory is out; then *out is empty.
 */
int volume_groups_assemble(const struct volume_member *members, size_t count, struct volume_set *out,
			   struct findings *f, struct error *e) must_check;
void volume_set_free(struct volume_set *set);

/*
 * Whether Linux may call it so: /dev/VG/LV, /dev/mapper/VG-LV (hyphens doubled), /dev/mdN, /dev/md/NAME, and below
 * /dev/disk/by-id: dm-name-VG-LV, dm-uuid-LVM-IDS, md-name-NAME, md-uuid-UUID.
 */
bool volume_answers_to(const struct assembled_volume *v, const char *device_path);

#endif
