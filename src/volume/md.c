// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Linux md: superblocks 0.90 and 1.0 to 1.2, after include/uapi/linux/raid/md_p.h; RAID1 read through one member
 * that is in step. Other levels are named and left.
 */
#include "group.h"

#define MAGIC 0xa92b4efcu
#define SB_SIZE 4096
#define FEATURE_RECOVERY 2u
#define FEATURE_RESHAPE 4u
#define FEATURE_BAD_BLOCKS 8u
#define FEATURE_REPLACEMENT 16u
#define FEATURES_KNOWN 0x1fffu
#define ROLE_MAX 0xfd00u

struct md_member {
	size_t member;
	uint8_t set[16];
	char name[33];
	unsigned minor_version; /* 90 for 0.90, else 0 .. 2 */
	int32_t level;
	uint32_t raid_disks, active; /* active: members that were in step when this was written */
	uint64_t events, size, data; /* bytes */
	bool in_sync, resync;
	const char *why_not;
	bool grouped;
};
struct md_scan {
	struct assembly *a;
	VEC(struct md_member) items;
};

static bool checksum_1(const uint8_t *sb, uint32_t max_dev)
{
	size_t len = 256 + 2 * (size_t)max_dev;
	uint64_t sum = 0;
	for (size_t i = 0; i + 4 <= len; i += 4)
		sum += i == 216 ? 0 : get_le32(sb + i);
	if (len % 4)
		sum += get_le16(sb + len - 2);
	return (uint32_t)((sum & 0xffffffff) + (sum >> 32)) == get_le32(sb + 216);
}

static bool checksum_0(const uint8_t *sb)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < SB_SIZE; i += 4)
		sum += i == 152 ? 0 : get_le32(sb + i);
	return (uint32_t)((sum & 0xffffffff) + (sum >> 32)) == get_le32(sb + 152);
}

/* NULL, or what is wrong with it. */
static const char *parse_1(const uint8_t *sb, uint64_t at, uint64_t size, struct md_member *m)
{
	uint32_t max_dev = get_le32(sb + 220), features = get_le32(sb + 8), self = get_le32(sb + 160);
	uint64_t data = get_le64(sb + 128), length = get_le64(sb + 80);
	if (max_dev > (SB_SIZE - 256) / 2 || !checksum_1(sb, max_dev))
		return "its checksum does not match";
	if (get_le64(sb + 144) != at / 512)
		return "it is not where it says it is";
	memcpy(m->set, sb + 16, 16);
	memcpy(m->name, sb + 32, 32);
	m->level = (int32_t)get_le32(sb + 72);
	m->raid_disks = get_le32(sb + 92);
	m->events = get_le64(sb + 200);
	m->resync = get_le64(sb + 208) != UINT64_MAX;
	if (data > size / 512 || length > size / 512 - data)
		return "its data lies beyond the end of the volume, which is cut";
	m->data = data * 512;
	m->size = length * 512;
	for (uint32_t i = 0; i < max_dev; i++)
		m->active += get_le16(sb + 256 + 2 * i) < ROLE_MAX;
	unsigned role = self < max_dev ? get_le16(sb + 256 + 2 * self) : 0xffff;
	if (features & ~FEATURES_KNOWN || features & FEATURE_RESHAPE)
		m->why_not = "it was being reshaped, or has features that are not known";
	else if (role >= ROLE_MAX)
		m->why_not = "it is a spare, faulty or a journal";
	else if (features & (FEATURE_RECOVERY | FEATURE_REPLACEMENT))
		m->why_not = "it was being rebuilt";
	else if ((features & FEATURE_BAD_BLOCKS) && get_le16(sb + 186))
		m->why_not = "it may have bad blocks";
	m->in_sync = !m->why_not;
	return NULL;
}

static const char *parse_0(const uint8_t *sb, uint64_t at, struct md_member *m)
{
	const uint8_t *self = sb + 3968;
	if (!checksum_0(sb))
		return "its checksum does not match";
	memcpy(m->set, sb + 20, 4);
	memcpy(m->set + 4, sb + 52, 12);
	snprintf(m->name, sizeof m->name, "%u", get_le32(sb + 44));
	m->minor_version = 90;
	m->level = (int32_t)get_le32(sb + 28);
	m->raid_disks = get_le32(sb + 40);
	m->active = get_le32(sb + 136);
	m->events = get_le64(sb + 156);
	m->size = (uint64_t)get_le32(sb + 32) * 1024;
	m->resync = !(get_le32(sb + 132) & 1);
	if (m->size > at)
		return "its data lies beyond its superblock";
	/* State of this disk: 2 active, 4 in step, 1 faulty. */
	m->in_sync = (get_le32(self + 16) & 7) == 6;
	m->why_not = m->in_sync ? NULL : "it is a spare or faulty";
	return NULL;
}

/* Where superblocks may be: 1.1 at 0, 1.2 at 4 KiB, 1.0 and 0.90 near the end. */
static int find(struct md_scan *s, size_t member, struct error *e)
{
	struct source *src = s->a->members[member].source;
	const char *name = s->a->members[member].name;
	uint64_t size = source_size(src), sectors = size / 512;
	autofree uint8_t *sb = malloc(SB_SIZE);
	if (!sb)
		return error_nomem(e);
	for (int v = 0; v < 4; v++) {
		uint64_t at = v == 0 ? 4096 : v == 1 ? 0
				    : v == 2 ? (sectors >= 16 ? ((sectors - 16) & ~UINT64_C(7)) * 512 : size)
					     : (size >= 128 * KIB ? (size & ~(64 * KIB - 1)) - 64 * KIB : size);
		if (at > size || size - at < SB_SIZE)
			continue;
		if (source_read_at(src, at, sb, SB_SIZE, e) < 0)
			return -1;
		if (get_le32(sb) != MAGIC || get_le32(sb + 4) != (v < 3))
			continue;
		struct md_member m = {.member = member, .minor_version = v == 0 ? 2 : v == 1 ? 1 : 0};
		const char *wrong = v < 3 ? parse_1(sb, at, size, &m) : parse_0(sb, at, &m);
		if (wrong) {
			group_say(s->a, "md.superblock", name, OUTCOME_BROKEN,
				  "md superblock at offset %llu: %s", (unsigned long long)at, wrong);
			return 0;
		}
		group_say(s->a, "md.superblock", name, OUTCOME_HELD,
			  "md superblock at offset %llu: its checksum holds", (unsigned long long)at);
		struct md_member *it = vec_push(&s->items);
		if (!it)
			return error_nomem(e);
		*it = m;
		return 0;
	}
	return 0;
}

/* As mdadm prints it: version 0.90 has four numbers, the others have bytes. */
static void uuid_of(const struct md_member *m, char out[64])
{
	uint32_t n[4];
	for (int i = 0; i < 4; i++)
		n[i] = m->minor_version == 90 ? get_le32(m->set + 4 * i) : get_be32(m->set + 4 * i);
	snprintf(out, 64, "%08x:%08x:%08x:%08x", n[0], n[1], n[2], n[3]);
}

/* The newest in step; the others are told of. */
static const struct md_member *choose(struct md_scan *s, const struct md_member *first, const char *name,
				      size_t *present)
{
	const struct md_member *best = NULL;
	uint64_t newest = 0;
	*present = 0;
	vec_each(&s->items, m)
		if (!memcmp(m->set, first->set, 16) && m->events > newest)
			newest = m->events;
	vec_each(&s->items, m)
	{
		if (memcmp(m->set, first->set, 16))
			continue;
		m->grouped = true;
		const char *of = s->a->members[m->member].name;
		/* One that was taken out may say of itself that all is well: an older state of the array. */
		if (m->events < newest)
			group_say(s->a, "md.member", of, OUTCOME_SKIPPED, "%s: an older state of the array, not used",
				  name);
		else if (!m->in_sync)
			group_say(s->a, "md.member", of, OUTCOME_SKIPPED, "%s: not used: %s", name, m->why_not);
		else {
			(*present)++;
			if (!best)
				best = m;
		}
	}
	return best;
}

/* The other members in step: md reads from any of them. */
static int add_mirrors(struct md_scan *s, const struct md_member *used, struct assembled_volume *v, struct error *e)
{
	vec_each(&s->items, m)
	{
		if (m == used || memcmp(m->set, used->set, 16) || m->events != used->events || !m->in_sync)
			continue;
		const struct volume_member *of = &s->a->members[m->member];
		struct source *src = source_window(of->source, m->data, m->size, v->name, e);
		if (!src || group_mirror(v, of->name, src, e) < 0)
			return -1;
	}
	return 0;
}

static int assemble(struct md_scan *s, const struct md_member *first, struct error *e)
{
	struct assembled_volume v = {.manager = MANAGER_MD};
	size_t present;
	uuid_of(first, v.uuid);
	snprintf(v.volume, sizeof v.volume, "%s", *first->name ? first->name : v.uuid);
	snprintf(v.name, sizeof v.name, "md/%s", v.volume);
	const struct md_member *m = choose(s, first, v.name, &present);
	if (first->level != 1) {
		group_fail(s->a, "md.array", v.name, ERROR_UNSUPPORTED, "%s: RAID level %d is not read", v.name,
			   first->level);
		return 0;
	}
	if (!m) {
		group_fail(s->a, "md.array", v.name, ERROR_MISSING,
			   "%s: no member that was in step is in the restore point", v.name);
		return 0;
	}
	struct source *src = source_window(s->a->members[m->member].source, m->data, m->size, v.name, e);
	if (!src || group_uses(&v, m->member, e) < 0 || add_mirrors(s, m, &v, e) < 0) {
		source_destroy(src);
		group_release(&v);
		return -1;
	}
	v.source = src;
	v.resync = m->resync;
	struct assembled_volume *it = group_add(s->a, src, e);
	if (!it) {
		group_release(&v);
		return -1;
	}
	*it = v;
	group_say(s->a, "md.array", it->name, OUTCOME_HELD, "read through %s, event %llu",
		  s->a->members[m->member].name, (unsigned long long)m->events);
	if (present < m->active)
		group_say(s->a, "md.degraded", it->name, OUTCOME_SKIPPED,
			  "%zu of %u members that were in step are there", present, m->active);
	if (m->resync)
		group_say(s->a, "md.resync", it->name, OUTCOME_SKIPPED,
			  "the members were being made alike: what is read is the state of one of them");
	return 0;
}

int md_assemble(struct assembly *a, struct error *e)
{
	struct md_scan s = {.a = a};
	int rc = 0;
	for (size_t i = 0; i < a->count && !rc; i++)
		rc = find(&s, i, e);
	for (size_t i = 0; i < s.items.count && !rc; i++)
		if (!s.items.items[i].grouped)
			rc = assemble(&s, &s.items.items[i], e);
	free(s.items.items);
	return rc;
}
