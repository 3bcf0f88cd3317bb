// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * LVM2 logical volumes out of metadata that was checked: linear and striped segments, and mirrors that say of
 * themselves that they are in step. Everything else is named and left.
 */
#include "group.h"

#define MAX_PVS 1024
#define MAX_STRIPES 256
#define MAX_DEPTH 4
#define MAX_STEPS 500000 /* segments looked at in a group, those of mirrors once for each that lies on them */
#define RAID_MAGIC 0x64526d44u

struct pv {
	const char *name, *id;
	uint64_t start, extents;
	const struct lvm_pv *found; /* NULL: not there */
};

struct vg {
	struct lvm_scan *s;
	const struct lvm_tree *t;
	const char *name, *id;
	uint64_t extent; /* bytes */
	uint32_t volumes; /* the node of logical_volumes */
	struct pv *pvs;
	size_t pv_count;
	size_t steps;
	size_t leg, legs; /* of mirrors: which one is read; how many the volume has at most */
};

/* A segment becomes parts of the map. What can't be read is an error with its class; e's text ends a sentence. */
static int add_volume(struct vg *g, uint32_t lv, struct volume_map *m, int depth, struct error *e);

static int bad(struct error *e, const char *what)
{
	return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s", what);
}

static const struct pv *find_pv(const struct vg *g, const char *name)
{
	for (size_t i = 0; i < g->pv_count; i++)
		if (!strcmp(g->pvs[i].name, name))
			return &g->pvs[i];
	return NULL;
}

/* Extents of a physical volume as a leg. */
static int set_leg(const struct vg *g, struct map_leg *leg, const char *name, uint64_t extent, uint64_t bytes,
		   struct error *e)
{
	const struct pv *pv = find_pv(g, name);
	uint64_t at, end;
	if (!pv && lvm_get(g->t, g->volumes, name))
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "it lies on another logical volume (%s)", name);
	if (!pv)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "it lies on %s, which the group has not", name);
	if (!pv->found)
		return error_set(e, ERROR_MISSING, ERROR_NO_OFFSET, "it needs the physical volume %s", pv->id);
	uint64_t extents = bytes / g->extent + (bytes % g->extent != 0);
	if (extent > pv->extents || extents > pv->extents - extent)
		return bad(e, "it leaves its physical volume");
	if (mul_overflows(extent, g->extent, &at) || add_overflows(at, pv->start, &at) ||
	    add_overflows(at, bytes, &end))
		return bad(e, "its place is impossible");
	struct source *src = g->s->a->members[pv->found->member].source;
	if (end > source_size(src))
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "it lies beyond the end of %s, which is cut",
				 g->s->a->members[pv->found->member].name);
	*leg = (struct map_leg){src, at};
	return 0;
}

/* stripes = [ "pv0", 0, "pv1", 16 ] */
static int add_striped(const struct vg *g, uint32_t seg, uint64_t bytes, struct volume_map *m, struct error *e)
{
	const struct lvm_node *n = g->t->items;
	uint64_t count, size = 0;
	if (!lvm_number(g->t, seg, "stripe_count", &count) || !count || count > MAX_STRIPES)
		return bad(e, "its number of stripes is impossible");
	if (count > 1 && (!lvm_number(g->t, seg, "stripe_size", &size) || !size || size > (1u << 22) ||
			  bytes % count || bytes / count % (size * 512)))
		return bad(e, "its stripes are impossible");
	struct map_part *p = map_add(m, bytes, size * 512, (size_t)count, e);
	uint32_t it = lvm_get(g->t, seg, "stripes");
	it = it ? n[it].child : 0;
	for (uint64_t i = 0; p && i < count; i++) {
		uint32_t where = it ? n[it].next : 0;
		uint64_t extent;
		if (!where || !n[it].text || !n[where].text || !lvm_number_of(n[where].text, &extent))
			return bad(e, "its stripes can't be read");
		if (set_leg(g, &p->legs[i], n[it].text, extent, bytes / count, e) < 0)
			return -1;
		it = n[where].next;
	}
	return p ? 0 : -1;
}

/* What dm-raid wrote about itself: no leg failed, none is being rebuilt, and all agree. */
static int in_sync(struct vg *g, const char *meta, int depth, struct error *e)
{
	uint32_t lv = lvm_get(g->t, g->volumes, meta);
	struct volume_map m = {0};
	uint8_t sb[512];
	int rc = -1;
	if (!lv)
		return bad(e, "it has no record of being in step");
	rc = add_volume(g, lv, &m, depth, e);
	autosource struct source *src = rc ? NULL : map_source(&m, meta, e);
	map_free(&m);
	if (!src || source_read_at(src, 0, sb, sizeof sb, e) < 0)
		return -1;
	if (get_le32(sb) != RAID_MAGIC)
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "its mirror has no record of being in step");
	if (get_le64(sb + 24) || get_le64(sb + 32) != UINT64_MAX || get_le64(sb + 40) != UINT64_MAX)
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "its mirror was not in step");
	return 0;
}

/* raids = [ "root_rmeta_0", "root_rimage_0", ... ]: one leg is read. */
static int add_raid1(struct vg *g, uint32_t seg, uint64_t bytes, struct volume_map *m, int depth,
		     struct error *e)
{
	const struct lvm_node *n = g->t->items;
	uint32_t it = lvm_get(g->t, seg, "raids"), image, lv;
	uint64_t before = m->size;
	it = it ? n[it].child : 0;
	size_t legs = 0;
	for (uint32_t k = it; k && n[k].next; k = n[n[k].next].next)
		legs++;
	g->legs = legs > g->legs ? legs : g->legs;
	for (size_t i = 0; i < g->leg && i + 1 < legs; i++)
		it = n[n[it].next].next;
	image = it ? n[it].next : 0;
	if (!image || !n[it].text || !n[image].text || !(lv = lvm_get(g->t, g->volumes, n[image].text)))
		return bad(e, "its mirror has no legs");
	if (in_sync(g, n[it].text, depth + 1, e) < 0 || add_volume(g, lv, m, depth + 1, e) < 0)
		return -1;
	return m->size - before == bytes ? 0 : bad(e, "a leg of its mirror has another size");
}

static int add_segment(struct vg *g, uint32_t seg, struct volume_map *m, uint64_t base, int depth,
		       struct error *e)
{
	uint64_t start, count, bytes, at;
	const char *type = lvm_text(g->t, seg, "type");
	if (++g->steps > MAX_STEPS)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "its group has more than %d segments", MAX_STEPS);
	if (!lvm_number(g->t, seg, "start_extent", &start) || !lvm_number(g->t, seg, "extent_count", &count) ||
	    !count || mul_overflows(count, g->extent, &bytes) || bytes > INT64_MAX ||
	    mul_overflows(start, g->extent, &at))
		return bad(e, "a segment of impossible size");
	if (at != m->size - base)
		return bad(e, "its segments don't follow each other");
	if (!strcmp(type, "striped") || !strcmp(type, "linear"))
		return add_striped(g, seg, bytes, m, e);
	if (!strcmp(type, "raid1"))
		return add_raid1(g, seg, bytes, m, depth, e);
	return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "it is of type %.40s, which is not read",
			 *type ? type : "(none)");
}

static int add_volume(struct vg *g, uint32_t lv, struct volume_map *m, int depth, struct error *e)
{
	uint64_t count;
	if (depth > MAX_DEPTH)
		return bad(e, "it lies on itself");
	if (!lvm_number(g->t, lv, "segment_count", &count) || !count || count > 65536)
		return bad(e, "its number of segments is impossible");
	/* Segments in the order of the text, which is that of their numbers. */
	uint64_t i = 1, base = m->size;
	bool more = false;
	for (uint32_t n = g->t->items[lv].child; n; n = g->t->items[n].next) {
		char want[32];
		snprintf(want, sizeof want, "segment%llu", (unsigned long long)i);
		if (!g->t->items[n].key || strcmp(g->t->items[n].key, want))
			continue;
		if ((more = i > count))
			break;
		if (add_segment(g, n, m, base, depth, e) < 0)
			return -1;
		i++;
	}
	if (more)
		return bad(e, "it has more segments than it says");
	return i - 1 == count ? 0 : bad(e, "a segment is missing");
}

static int add_members(const struct vg *g, struct assembled_volume *v, const struct volume_map *m, struct error *e)
{
	vec_each(&m->parts, p)
		for (size_t i = 0; i < p->count; i++)
			for (size_t k = 0; k < g->pv_count; k++) {
				const struct lvm_pv *pv = g->pvs[k].found;
				if (pv && g->s->a->members[pv->member].source == p->legs[i].source &&
				    group_uses(v, pv->member, e) < 0)
					return -1;
			}
	return 0;
}

/* The other legs of mirrors: they have to be alike. */
static int add_mirrors(struct vg *g, uint32_t lv, struct assembled_volume *v, struct error *e)
{
	int rc = 0;
	for (g->leg = 1; !rc && g->leg < g->legs; g->leg++) {
		struct volume_map m = {0};
		struct error why;
		char name[80];
		snprintf(name, sizeof name, "its mirror %zu", g->leg + 1);
		if (add_volume(g, lv, &m, 0, &why) < 0) {
			map_free(&m);
			rc = why.cls == ERROR_INTERNAL || why.cls == ERROR_IO ? (*e = why, -1) : 0;
			group_say(g->s->a, "lvm.mirror", v->name, OUTCOME_SKIPPED, "%s is not read: %s", name,
				  why.text);
			continue;
		}
		struct source *src = map_source(&m, name, e);
		rc = src ? group_mirror(v, name, src, e) : -1;
	}
	g->leg = 0;
	return rc;
}

/*
 * A snapshot that is being merged back: from when it is next activated on, the volume shows what the snapshot kept,
 * wherever that differs from what is on it.
 */
static bool is_merged_into(const struct vg *g, const char *name)
{
	for (uint32_t lv = g->t->items[g->volumes].child; lv; lv = g->t->items[lv].next) {
		uint32_t seg = lvm_get(g->t, lv, "segment1");
		if (seg && !strcmp(lvm_text(g->t, seg, "type"), "snapshot") &&
		    *lvm_text(g->t, seg, "merging_store") && !strcmp(lvm_text(g->t, seg, "origin"), name))
			return true;
	}
	return false;
}

static int one_volume(struct vg *g, uint32_t lv, struct error *e)
{
	struct assembly *a = g->s->a;
	struct volume_map m = {0};
	struct error why;
	struct assembled_volume v = {.manager = MANAGER_LVM2};
	snprintf(v.group, sizeof v.group, "%s", g->name);
	snprintf(v.volume, sizeof v.volume, "%s", g->t->items[lv].key);
	snprintf(v.name, sizeof v.name, "%.130s/%.130s", v.group, v.volume);
	snprintf(v.uuid, sizeof v.uuid, "%s", lvm_text(g->t, lv, "id"));
	snprintf(v.group_uuid, sizeof v.group_uuid, "%s", g->id);
	g->leg = g->legs = 0;
	if (is_merged_into(g, v.volume)) {
		group_fail(a, "lvm.volume", v.name, ERROR_UNSUPPORTED,
			   "logical volume %s: a snapshot is being merged into it, which is not read", v.name);
		return 0;
	}
	if (add_volume(g, lv, &m, 0, &why) < 0) {
		map_free(&m);
		if (why.cls == ERROR_INTERNAL || why.cls == ERROR_IO) {
			*e = why;
			return -1;
		}
		group_fail(a, "lvm.volume", v.name, why.cls, "logical volume %s: %s", v.name, why.text);
		return 0;
	}
	int rc = add_members(g, &v, &m, e) < 0 ? -1 : add_mirrors(g, lv, &v, e);
	struct source *src = rc < 0 ? (map_free(&m), NULL) : map_source(&m, v.name, e);
	v.source = src;
	struct assembled_volume *it = src ? group_add(a, src, e) : NULL;
	if (!it) {
		group_release(&v);
		return -1;
	}
	*it = v;
	group_say(a, "lvm.volume", it->name, OUTCOME_HELD, "all of its extents are there");
	return 0;
}

/* The physical volumes that the group is made of, those that are not there too. */
static int read_pvs(struct vg *g, uint32_t list, struct error *e)
{
	const struct lvm_node *n = g->t->items;
	struct assembly *a = g->s->a;
	size_t missing = 0;
	for (uint32_t it = list ? n[list].child : 0; it && g->pv_count < MAX_PVS; it = n[it].next)
		g->pv_count++;
	g->pvs = calloc(g->pv_count + 1, sizeof *g->pvs);
	if (!g->pvs)
		return error_nomem(e);
	uint32_t it = list ? n[list].child : 0;
	for (size_t i = 0; i < g->pv_count; i++, it = n[it].next) {
		struct pv *pv = &g->pvs[i];
		pv->name = n[it].key ? n[it].key : "";
		pv->id = lvm_text(g->t, it, "id");
		if (!lvm_number(g->t, it, "pe_start", &pv->start) || !lvm_number(g->t, it, "pe_count", &pv->extents) ||
		    pv->start > (UINT64_C(1) << 54)) {
			group_say(a, "lvm.metadata", g->name, OUTCOME_BROKEN, "physical volume %s can't be read",
				  pv->name);
			continue;
		}
		pv->start *= 512;
		vec_each(&g->s->pvs, have)
			if (!strcmp(have->id, pv->id)) {
				pv->found = have;
				have->grouped = true;
			}
		if (pv->found)
			continue;
		missing++;
		group_fail(a, "lvm.members", g->name, ERROR_MISSING,
			   "volume group %s: its physical volume %s (%s, %s) is not in the restore point", g->name,
			   pv->id, pv->name, lvm_text(g->t, it, "device"));
	}
	if (!missing)
		group_say(a, "lvm.members", g->name, OUTCOME_HELD, "all %zu physical volumes are there", g->pv_count);
	return 0;
}

int lvm_volumes(struct lvm_scan *s, const struct lvm_copy *c, struct error *e)
{
	struct vg g = {.s = s, .t = &c->tree, .name = c->tree.items[c->group].key,
		       .id = lvm_text(&c->tree, c->group, "id")};
	uint64_t sectors;
	if (!lvm_number(g.t, c->group, "extent_size", &sectors) || !sectors || sectors > UINT32_MAX) {
		group_say(s->a, "lvm.metadata", g.name, OUTCOME_BROKEN, "the size of extents is impossible");
		return 0;
	}
	g.extent = sectors * 512;
	g.volumes = lvm_get(g.t, c->group, "logical_volumes");
	int rc = read_pvs(&g, lvm_get(g.t, c->group, "physical_volumes"), e);
	for (uint32_t lv = g.volumes ? g.t->items[g.volumes].child : 0; lv && !rc; lv = g.t->items[lv].next)
		if (g.t->items[lv].key && lvm_has_flag(g.t, lv, "status", "VISIBLE"))
			rc = one_volume(&g, lv, e);
	free(g.pvs);
	return rc;
}

/* LVM itself uses none of two groups of one name: a disk of another machine, or a copy under new identifiers. */
static void name_doubles(struct lvm_scan *s)
{
	for (size_t i = 0; i < s->copies.count; i++)
		for (size_t k = 0; k < i && s->copies.items[i].chosen; k++) {
			const struct lvm_copy *x = &s->copies.items[i], *y = &s->copies.items[k];
			const char *name = x->tree.items[x->group].key;
			if (y->chosen && !strcmp(name, y->tree.items[y->group].key))
				group_fail(s->a, "lvm.group", name, ERROR_AMBIGUOUS,
					   "two volume groups are called %s: which one the machine uses can't be told",
					   name);
		}
}

/* A volume without metadata of its own may belong to a group whose other members are not here. */
static void judge_loose(struct lvm_scan *s)
{
	vec_each(&s->pvs, pv)
	{
		const char *name = s->a->members[pv->member].name;
		if (pv->grouped)
			continue;
		group_say(s->a, "lvm.members", name, pv->unused ? OUTCOME_SKIPPED : OUTCOME_UNPROVEN,
			  pv->unused ? "physical volume %s belongs to no group"
				     : "physical volume %s: nothing here says of what group it is",
			  pv->id);
	}
}

int lvm_assemble(struct assembly *a, struct error *e)
{
	struct lvm_scan s = {.a = a};
	int rc = lvm_scan_members(&s, e);
	if (!rc)
		name_doubles(&s);
	for (size_t i = 0; i < s.copies.count && !rc; i++)
		if (s.copies.items[i].chosen)
			rc = lvm_volumes(&s, &s.copies.items[i], e);
	if (!rc)
		judge_loose(&s);
	vec_each(&s.copies, c) lvm_tree_free(&c->tree);
	free(s.copies.items);
	free(s.pvs.items);
	return rc;
}
