// SPDX-License-Identifier: GPL-3.0-or-later
/* Volume groups and arrays: their members are volumes of disks, and what comes out are disks again. */
#include "parts.h"

#define NESTED 8 /* LVM on md on partitions of logical volumes ...: nobody goes deeper */

bool is_group_member(const struct volume *v)
{
	return v->window && (!strcmp(v->content.type, "LVM2_member") || !strcmp(v->content.type, "linux_raid_member"));
}

/* The file that all members of a volume are in, or NULL. */
static struct part *common_part(const struct subject *s, const struct assembled_volume *a, const size_t *where)
{
	struct part *part = NULL;
	for (size_t i = 0; i < a->member_count; i++) {
		struct part *pt = s->volumes.items[where[a->members[i]]].disk->part;
		if (!pt || (i && pt != part))
			return NULL;
		part = pt;
	}
	return part;
}

static int open_set(struct opener *o, const struct volume_set *set, const size_t *where, struct error *e)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct assembled_volume *a = &set->items[i];
		struct part *pt = common_part(o->s, a, where);
		if (disk_open(o, pt, a->name, a->name, a->source, a, e) < 0)
			return -1;
	}
	return 0;
}

/* 1: something was put together, 0: nothing was left to be. */
static int assemble_once(struct opener *o, struct error *e)
{
	struct subject *s = o->s;
	autofree struct volume_member *members = calloc(s->volumes.count + 1, sizeof *members);
	autofree size_t *where = calloc(s->volumes.count + 1, sizeof *where);
	struct error why = {0};
	size_t count = 0;
	if (!members || !where)
		return error_nomem(e);
	for (size_t i = 0; i < s->volumes.count; i++) {
		struct subject_volume *v = &s->volumes.items[i];
		if (v->member || !is_group_member(v->volume))
			continue;
		members[count] = (struct volume_member){v->volume->window, v->name};
		where[count++] = i;
		v->member = true;
	}
	if (!count)
		return 0;
	struct volume_set *set = vec_push(&s->groups);
	if (!set)
		return error_nomem(e);
	if (volume_groups_assemble(members, count, set, o->f, &why) < 0) {
		if (why.cls == ERROR_INTERNAL) {
			*e = why;
			return -1;
		}
		finding_error(o->f, PROOF_STRUCTURE, "volume.group", members[0].name, &why);
		return 0;
	}
	/* The list of sets may move when the next round adds one; what is in a set does not. */
	struct volume_set now = *set;
	return open_set(o, &now, where, e) < 0 ? -1 : 1;
}

int groups_open(struct opener *o, struct error *e)
{
	int rc = 1;
	for (int round = 0; round < NESTED && rc > 0; round++)
		rc = assemble_once(o, e);
	return rc < 0 ? -1 : 0;
}

void groups_close(struct subject *s)
{
	for (size_t i = s->groups.count; i-- > 0;)
		volume_set_free(&s->groups.items[i]);
	vec_free(&s->groups);
}
