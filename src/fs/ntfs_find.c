// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Paths to records. A directory is searched in its listing, by the volume's upper-case table, and not down the
 * tree of its index: damaged trees may lead in circles.
 */
#ifdef HAVE_LIBNTFS_3G
#include "backproof/text.h"
#include "ntfs.h"

#include <ntfs-3g/inode.h>
#include <ntfs-3g/volume.h>

#define MAX_LINKS 40

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

static int parent_of(const struct text *done, char **out, struct error *e)
{
	const char *s = text_str(done), *slash = strrchr(s, '/');
	*out = strndup(s, slash ? (size_t)(slash - s) : 0);
	return *out ? 0 : error_nomem(e);
}

static int find_from(struct ntfs *fs, const char *path, bool follow, unsigned links, struct fs_entry *out,
		     struct error *e);

/* The link at `done` (its path), with `rest` behind it. */
static int through(struct ntfs *fs, const struct fs_entry *link, const struct text *done, const char *rest,
		   bool follow, unsigned links, struct fs_entry *out, struct error *e)
{
	autofree char *target = ntfs_link_target(fs, link->id, e), *base = NULL;
	if (!target || parent_of(done, &base, e) < 0)
		return -1;
	if (links >= MAX_LINKS)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "NTFS: %s: too many links", text_str(done));
	autofree char *all = *target == '/' ? text_format("%s/%s", target, rest)
					    : text_format("%s/%s/%s", base, target, rest);
	return all ? find_from(fs, all, follow, links + 1, out, e) : error_nomem(e);
}

static int find_from(struct ntfs *fs, const char *path, bool follow, unsigned links, struct fs_entry *out,
		     struct error *e)
{
	autotext struct text done = {0};
	uint64_t ref = NTFS_ROOT;
	if (ntfs_show(fs, ref, out, e) < 0)
		return -1;
	for (;;) {
		path += strspn(path, "/");
		if (!*path)
			return 1;
		size_t len = strcspn(path, "/");
		const char *rest = path + len + strspn(path + len, "/");
		if (out->type != ENTRY_DIR)
			return 0;
		if (len == 1 && *path == '.') {
			path = rest;
			continue;
		}
		if (len == 2 && !memcmp(path, "..", 2)) {
			autofree char *up = NULL;
			if (parent_of(&done, &up, e) < 0)
				return -1;
			autofree char *all = text_format("%s/%s", up, rest);
			return all ? find_from(fs, all, follow, links, out, e) : error_nomem(e);
		}
		int rc = search(fs, ref, path, len, &ref, e);
		if (rc <= 0)
			return rc;
		if (ntfs_show(fs, ref, out, e) < 0)
			return -1;
		text_printf(&done, "/%.*s", (int)len, path);
		if (done.failed)
			return error_nomem(e);
		if (out->type == ENTRY_LINK && (*rest || follow)) {
			struct fs_entry link = *out;
			return through(fs, &link, &done, rest, follow, links, out, e);
		}
		path = rest;
	}
}

int ntfs_find(void *self, const char *path, bool follow, struct fs_entry *out, struct error *e)
{
	return find_from(self, path, follow, 0, out, e);
}
#endif
