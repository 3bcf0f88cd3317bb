// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Paths to records. A directory is searched in its listing, by the volume's upper-case table, and not down the
 * tree of its index: damaged trees may lead in circles.
 */
#ifdef HAVE_LIBNTFS_3G
#include "lookup.h"
#include "ntfs.h"

#include <ntfs-3g/inode.h>
#include <ntfs-3g/volume.h>

/* One character of UTF-8; what is none counts as a byte. Returns its bytes. */
static size_t next_char(const char *s, size_t len, uint32_t *c)
{
	unsigned char b = (unsigned char)*s;
	size_t n = b < 0xc0 ? 1 : b < 0xe0 ? 2 : b < 0xf0 ? 3 : 4;
	*c = b;
	if (n == 1 || n > len)
		return 1;
	*c = b & (0x7fu >> n);
	for (size_t i = 1; i < n; i++)
		*c = *c << 6 | ((unsigned char)s[i] & 63);
	return n;
}

static uint32_t upper(const struct ntfs *fs, uint32_t c)
{
	return c < fs->vol->upcase_len ? le16_to_cpu(fs->vol->upcase[c]) : c;
}

bool ntfs_same_name(const struct ntfs *fs, const char *a, const char *b, size_t b_len)
{
	size_t a_len = strlen(a);
	while (a_len && b_len) {
		uint32_t x, y;
		size_t n = next_char(a, a_len, &x), m = next_char(b, b_len, &y);
		if (x != y && upper(fs, x) != upper(fs, y))
			return false;
		a += n;
		a_len -= n;
		b += m;
		b_len -= m;
	}
	return !a_len && !b_len;
}

/* 1 found, 0 not, -1. The very name goes before one in another case (POSIX names). */
static int search(struct ntfs *fs, uint64_t dir, const char *name, size_t len, uint64_t *ref, struct error *e)
{
	if (!fs->last || fs->last->ref != dir) {
		struct ntfs_listing *l = ntfs_list(fs, dir, true, e);
		if (!l)
			return -1;
		ntfs_listing_free(fs->last);
		fs->last = l;
	}
	int found = 0;
	vec_each(&fs->last->names, n)
	{
		bool exact = strlen(n->text) == len && !memcmp(n->text, name, len);
		if (!exact && (found || !ntfs_same_name(fs, n->text, name, len)))
			continue;
		*ref = n->ref;
		found = 1;
		if (exact)
			break;
	}
	return found;
}

/* Where a path has led to. */
struct place {
	struct ntfs *fs;
	struct fs_entry entry;
};

static int go(void *at, const void *node, enum entry_type *type, struct error *e)
{
	struct place *p = at;
	const uint64_t *ref = node;
	if (ntfs_show(p->fs, *ref, &p->entry, e) < 0)
		return -1;
	*type = p->entry.type;
	return 0;
}

static int find(void *at, const char *name, size_t len, void *node, struct error *e)
{
	struct place *p = at;
	return search(p->fs, p->entry.id, name, len, node, e);
}

static char *target(void *at, struct error *e)
{
	struct place *p = at;
	return ntfs_link_target(p->fs, p->entry.id, e);
}

int ntfs_find(void *self, const char *path, bool follow, struct fs_entry *out, struct error *e)
{
	static const uint64_t root = NTFS_ROOT;
	static const struct lookup_ops ops = {sizeof root, 0, "NTFS", go, find, target};
	struct place p = {.fs = self};
	int rc = lookup_path(&ops, &p, &root, path, follow, e);
	if (rc > 0)
		*out = p.entry;
	return rc;
}
#endif
