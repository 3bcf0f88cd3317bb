// SPDX-License-Identifier: GPL-3.0-or-later
/* Directories: listed whole, then each entry's record is read. Names are compared by the volume's own table. */
#ifdef HAVE_LIBNTFS_3G
#include <errno.h>
#include <sys/stat.h>

#include "backproof/text.h"
#include "ntfs.h"
#include "walk.h"

#include <ntfs-3g/attrib.h>
#include <ntfs-3g/dir.h>
#include <ntfs-3g/inode.h>
#include <ntfs-3g/volume.h>

struct here { /* of a walk */
	struct ntfs *fs;
	uint64_t ref;
};

/* Windows' paths have at most 32767 units. */
#define MAX_DEPTH 16384 /* names of one letter in the longest path of 32767 */
/* Four thousand million entries of the shortest kind do not fit. */
#define MAX_INDEX (64 * GIB)

void ntfs_listing_free(struct ntfs_listing *l)
{
	if (!l)
		return;
	vec_each(&l->names, n) free(n->text);
	vec_free(&l->names);
	free(l);
}

static int take_name(void *ctx, const ntfschar *name, const int len, const int kind, const s64 pos,
		     const MFT_REF ref, const unsigned type)
{
	struct ntfs_listing *l = ctx;
	char text[256 * 3 + 3];
	(void)pos, (void)type;
	utf16le_text(name, (size_t)len, text, sizeof text);
	if (!strcmp(text, ".") || !strcmp(text, ".."))
		return 0;
	/* What no path can hold: Windows does not allow it either. */
	for (char *c = text; *c; c++)
		if (*c == '/')
			*c = '_';
	struct ntfs_name *n = vec_push(&l->names);
	if (!n || !(n->text = strdup(*text ? text : "_"))) {
		errno = ENOMEM;
		return -1;
	}
	n->ref = ref;
	n->dos = kind == FILE_NAME_DOS;
	return 0;
}

/* The library goes through the index block by block: its size has to be possible. */
static int check_index(struct ntfs *fs, ntfs_inode *ni, struct error *e)
{
	static const uint16_t i30[4] = {'$', 'I', '3', '0'};
	autodestroy(ntfs_lib_put_attr) ntfs_attr *index = NULL, *map = NULL;
	if (ntfs_lib_attr(fs, ni, ATTR_INDEX, i30, 4, &index, e) < 0)
		return -1;
	if (!index)
		return 0;
	int rc = ntfs_lib_attr(fs, ni, AT_BITMAP, i30, 4, &map, e);
	if (rc < 0)
		return -1;
	uint64_t size = (uint64_t)index->data_size;
	if (!rc || size > MAX_INDEX || size > fs->g.clusters * fs->g.cluster ||
	    (uint64_t)map->data_size > size / 512 / 8 + 4096)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				 "NTFS: MFT record %llu: the index of the directory has an impossible size",
				 (unsigned long long)ni->mft_no);
	return 0;
}

struct ntfs_listing *ntfs_list(struct ntfs *fs, uint64_t ref, bool hidden, struct error *e)
{
	autodestroy(ntfs_lib_put) ntfs_inode *ni = ntfs_lib_inode(fs, ref, e);
	if (!ni)
		return NULL;
	autodestroy(ntfs_listing_free_auto) struct ntfs_listing *l = calloc(1, sizeof *l);
	if (!l) {
		error_nomem(e);
		return NULL;
	}
	if (check_index(fs, ni, e) < 0)
		return NULL;
	s64 pos = 0;
	l->ref = ref;
	ntfs_set_shown_files(fs->vol, hidden, TRUE, FALSE);
	errno = EIO;
	if (ntfs_readdir(ni, &pos, l, take_name)) {
		ntfs_lib_error(fs, e, "MFT record %llu: its directory", (unsigned long long)ni->mft_no);
		return NULL;
	}
	return take(l);
}

int ntfs_show(struct ntfs *fs, uint64_t ref, struct fs_entry *out, struct error *e)
{
	autodestroy(ntfs_lib_put) ntfs_inode *ni = ntfs_lib_inode(fs, ref, e);
	struct ntfs_attribute a = {0};
	const char *why;
	uint32_t dos = 0, tag = 0;
	if (!ni)
		return -1;
	bool dir = ni->mrec->flags & MFT_RECORD_IS_DIRECTORY;
	*out = (struct fs_entry){
		.id = ref,
		.type = dir ? ENTRY_DIR : ENTRY_FILE,
		.mtime = ntfs_seconds(le64_to_cpu(ni->last_data_change_time)),
		.ctime = ntfs_seconds(le64_to_cpu(ni->last_mft_change_time)),
	};
	const uint8_t *r = (const uint8_t *)ni->mrec;
	if (get_le32(r + 28) != fs->g.record || get_le32(r + 24) > fs->g.record)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "NTFS: MFT record %llu: its sizes are wrong",
				 (unsigned long long)ni->mft_no);
	while (ntfs_next_attribute(r, fs->g.record, &a, &why) > 0) {
		int64_t lcn = 0;
		uint64_t length;
		bool hole;
		const uint8_t *p = a.pairs;
		dos += a.type == ATTR_NAME && a.value_size >= 66 && a.value[65] == FILE_NAME_DOS;
		bool data = a.type == ATTR_DATA && (!a.name_units || ntfs_wof_is_stream(a.name, a.name_units));
		if (data && !a.resident && !a.first_vcn &&
		    ntfs_next_run(&p, a.pairs_end, &lcn, &length, &hole) > 0 && !hole && lcn > 0 &&
		    (uint64_t)lcn < fs->g.clusters)
			out->place = (uint64_t)lcn * fs->g.cluster;
	}
	/* The short name is no link of its own. */
	out->links = get_le16(r + 18) > dos ? get_le16(r + 18) - dos : 1;
	if (!dir)
		out->size = (uint64_t)ni->data_size;
	if (ni->flags & FILE_ATTR_REPARSE_POINT && ntfs_reparse_tag(fs, ni, &tag, e) < 0)
		return -1;
	switch (ntfs_reparse_kind(tag)) {
	case REPARSE_LINK:
		out->type = ENTRY_LINK;
		break;
	case REPARSE_SPECIAL:
		out->type = dir ? ENTRY_DIR : ENTRY_OTHER;
		break;
	default:
		break;
	}
	out->mode = out->type == ENTRY_DIR ? S_IFDIR | 0755 : out->type == ENTRY_LINK ? S_IFLNK | 0777 : S_IFREG | 0644;
	return 0;
}

static int walk_show(struct walk *w, void *at, uint64_t ref, struct fs_entry *out, struct error *e)
{
	struct here *h = at;
	h->ref = ref;
	return ntfs_show(h->fs, ref, out, e) < 0 ? error_prefix(e, "%s", text_str(&w->path)) : 0;
}

static int walk_list(struct walk *w, void *at, struct error *e)
{
	struct here *h = at;
	uint64_t no = MREF(h->ref);
	if (walk_depth(w) > MAX_DEPTH + 1)
		return error_budget(e, "budget.depth", "NTFS: directories lie more than %d deep in each other",
				    MAX_DEPTH);
	int rc = walk_see(w, no, e);
	if (rc < 0)
		return -1;
	if (!rc)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "NTFS: %s: the directory is met twice",
				 text_str(&w->path));
	autodestroy(ntfs_listing_free_auto) struct ntfs_listing *l = ntfs_list(h->fs, h->ref, false, e);
	if (!l)
		return error_prefix(e, "%s", w->path.length ? text_str(&w->path) : "/");
	vec_each(&l->names, n)
	{
		if (!n->dos && walk_keep(w, n->ref, n->text, (uint16_t)strlen(n->text), e) < 0)
			return -1;
	}
	return 0;
}

int ntfs_walk(void *self, const char *path, const struct budget *b, fs_visit_fn *visit, void *ctx,
	      struct error *e)
{
	static const struct walk_ops ops = {walk_show, walk_list};
	struct walk w autodestroy(walk_free) = {.who = "NTFS: ", .b = b, .visit = visit, .ctx = ctx};
	struct fs_entry top;
	int rc = ntfs_find(self, path, true, &top, e);
	if (rc < 0)
		return -1;
	if (!rc || top.type != ENTRY_DIR)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: no such directory",
				 path + strspn(path, "/"));
	struct here h = {self, top.id};
	return walk_start(&w, path, e) < 0 ? -1 : walk_tree(&w, &ops, &h, e);
}
#endif
