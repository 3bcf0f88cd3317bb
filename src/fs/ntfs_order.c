// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The order of a directory's entries. Names are looked for down the tree, by the volume's own table of upper-case
 * letters: one that stands in another's place is shown in a list and can't be opened. The whole tree is gone through
 * from the first name to the last.
 */
#ifdef HAVE_LIBNTFS_3G
#include "ntfs_verify.h"

#include <ntfs-3g/attrib.h>
#include <ntfs-3g/volume.h>

#define MAX_LEVELS 32 /* libntfs-3g follows no more either */

struct level {
	uint8_t *block; /* NULL: the root */
	const uint8_t *at;
};

struct order {
	struct ntfs_verify *v;
	const struct ntfs_tree *t;
	ntfs_attr *na;
	struct level levels[MAX_LEVELS];
	size_t depth;
	uint64_t blocks; /* that were read */
	uint8_t last[2 + 2 * 255]; /* the name before: its length and kind, its units */
};

static void order_free(struct order *o)
{
	for (size_t i = 0; i < MAX_LEVELS; i++)
		free(o->levels[i].block);
}

static unsigned upper(const struct ntfs *fs, const uint8_t *unit)
{
	unsigned c = get_le16(unit);
	return c < fs->vol->upcase_len ? le16_to_cpu(fs->vol->upcase[c]) : c;
}

/* Names as the length in units, one byte, and the units. */
static int compare(const struct ntfs *fs, const uint8_t *a, const uint8_t *b)
{
	for (size_t i = 0; i < a[0] && i < b[0]; i++) {
		unsigned x = upper(fs, a + 2 + 2 * i), y = upper(fs, b + 2 + 2 * i);
		if (x != y)
			return x < y ? -1 : 1;
	}
	return a[0] < b[0] ? -1 : a[0] > b[0];
}

/* What was found to be well formed before may be read as something else now. */
static bool is_whole(uint8_t *block, size_t size)
{
	if (ntfs_fix(block, size, "INDX") || get_le32(block + 24) > size - 24)
		return false;
	for (size_t at = 24ul + get_le32(block + 24), length; size - at >= 16; at += length) {
		const uint8_t *p = block + at;
		unsigned flags = get_le16(p + 12);
		length = get_le16(p + 8);
		if (length > size - at || length < (flags & 2 ? 16u : 82u) + (flags & 1 ? 8u : 0u))
			return false;
		if (flags & 2)
			return true;
		if (82 + 2ul * p[80] > length)
			return false;
	}
	return false;
}

/* One step down, to the block with that number. 1, 0: too deep, -1. */
static int go_down(struct order *o, uint64_t vcn, struct error *e)
{
	const struct ntfs_tree *t = o->t;
	if (++o->depth >= MAX_LEVELS)
		return 0;
	struct level *l = &o->levels[o->depth];
	if (!l->block && !(l->block = malloc(t->block)))
		return error_nomem(e);
	if (o->v->b && budget_check(o->v->b, e) < 0)
		return -1;
	if (ntfs_lib_read(o->v->fs, o->na, vcn * t->vcn_bytes, l->block, t->block, e) < 0)
		return -1;
	if (++o->blocks > t->children || !is_whole(l->block, t->block))
		return error_set(e, ERROR_IO, ERROR_NO_OFFSET, "MFT record %llu: its index is another one when it is "
				 "read again", (unsigned long long)t->no);
	l->at = l->block + 24 + get_le32(l->block + 24);
	return 1;
}

/* All names up to the first that is not where it should be. NULL, or what is wrong; *ref: whose name. */
static int go_through(struct order *o, const char **why, uint64_t *ref, struct error *e)
{
	bool below = false, any = false; /* the names below this entry were gone through */
	for (;;) {
		const uint8_t *p = o->levels[o->depth].at, *name = p + 16 + 64;
		unsigned flags = get_le16(p + 12);
		*ref = MREF(get_le64(p));
		if (flags & 1 && !below) {
			int rc = go_down(o, get_le64(p + get_le16(p + 8) - 8), e);
			if (rc < 0)
				return -1;
			if (!rc) {
				*why = "the tree of its index is too deep";
				return 0;
			}
			continue;
		}
		below = flags & 2;
		if (below && !o->depth)
			return 0;
		if (below) {
			o->depth--;
			continue;
		}
		int c = any ? compare(o->v->fs, o->last, name) : -1;
		/* Such as differ in case alone may be there; the same name twice can't. */
		if (!c && !memcmp(o->last + 2, name + 2, 2ul * name[0]))
			*why = "its index has one name twice";
		if (c > 0)
			*why = "the entries of its index are not in order";
		if (*why)
			return 0;
		memcpy(o->last, name, 2 + 2ul * name[0]);
		any = true;
		o->levels[o->depth].at += get_le16(p + 8);
	}
}

int ntfs_verify_order(struct ntfs_verify *v, const struct ntfs_tree *t, const uint8_t *h, ntfs_attr *na,
		      struct error *e)
{
	struct order o autodestroy(order_free) = {.v = v, .t = t, .na = na};
	const char *why = NULL;
	uint64_t ref = 0;
	o.levels[0].at = h + get_le32(h);
	if (go_through(&o, &why, &ref, e) < 0)
		return -1;
	if (!why)
		return 0;
	v->bad_links++;
	ntfs_finding(v->f, "ntfs.directories", v->subject, ntfs_blame(v), -1, "MFT record %llu: %s (at record %llu)",
		     (unsigned long long)t->no, why, (unsigned long long)ref);
	return 0;
}
#endif
