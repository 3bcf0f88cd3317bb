// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The indexes of directories: every block in use, each pointed to once from its tree, its entries in order; every
 * entry leads to a record in use of the same sequence number, and every name of a record has an entry.
 */
#ifdef HAVE_LIBNTFS_3G
#include <errno.h>

#include "ntfs_verify.h"

#include <ntfs-3g/attrib.h>
#include <ntfs-3g/inode.h>

#define MAX_BLOCKS (16 * MIB)
#define COLLATE_NAMES 1u

static const uint16_t i30[4] = {'$', 'I', '3', '0'};

static void judge_child(struct ntfs_verify *v, struct ntfs_tree *t, uint64_t vcn)
{
	uint64_t at = vcn > UINT64_MAX / t->vcn_bytes ? UINT64_MAX : vcn * t->vcn_bytes;
	uint64_t n = at / t->block;
	if (at % t->block || n >= t->blocks || !(t->map[n / 8] >> n % 8 & 1))
		broken_index(v, "MFT record %llu: its index leads to block %llu, which is not in use",
			     (unsigned long long)t->no, (unsigned long long)vcn);
	else if (t->pointed[n / 8] >> n % 8 & 1)
		broken_index(v, "MFT record %llu: its index leads to block %llu twice",
			     (unsigned long long)t->no, (unsigned long long)vcn);
	else {
		t->pointed[n / 8] |= (uint8_t)(1u << n % 8);
		t->children++;
	}
}

static void judge_entry(struct ntfs_verify *v, struct ntfs_tree *t, const uint8_t *p, size_t key)
{
	uint64_t ref = get_le64(p), no = MREF(ref);
	const uint8_t *name = p + 16;
	v->entries++;
	if (key < 66 || 66 + 2ul * name[64] > key) {
		broken_index(v, "MFT record %llu: an index entry is too short for its name",
			     (unsigned long long)t->no);
		return;
	}
	struct ntfs_known *k = no < v->fs->records ? &v->known[no] : NULL;
	if (k) {
		k->entries += k->entries < UINT16_MAX;
		k->told -= ntfs_name_sum(name);
	}
	if ((get_le64(name) & UINT64_C(0xffffffffffff)) != t->no)
		broken_index(v, "MFT record %llu: an entry for record %llu names another directory as its own",
			     (unsigned long long)t->no, (unsigned long long)no);
	if (k && k->flags & REC_USED && !(k->flags & REC_EXTENT) && k->sequence == MSEQNO(ref))
		return;
	v->bad_links++;
	ntfs_finding(v->f, "ntfs.directories", v->subject, ntfs_blame(v), -1,
		     "MFT record %llu: an entry leads to record %llu, which %s", (unsigned long long)t->no,
		     (unsigned long long)no,
		     !k ? "does not exist" : !(k->flags & REC_USED) ? "is not in use"
		     : k->flags & REC_EXTENT ? "is a part of another" : "has been used anew since");
}

/* Entries of a root or block: h is the index header, of which `room` bytes are there, 16 at least. */
static void judge_entries(struct ntfs_verify *v, struct ntfs_tree *t, const uint8_t *h, size_t room)
{
	size_t at = get_le32(h), end = get_le32(h + 4);
	if (at < 16 || end > room || at > end) {
		broken_index(v, "MFT record %llu: the entries of its index lie outside it", (unsigned long long)t->no);
		return;
	}
	while (end - at >= 16) {
		const uint8_t *p = h + at;
		size_t length = get_le16(p + 8), key = get_le16(p + 10);
		unsigned flags = get_le16(p + 12);
		size_t need = 16 + (flags & 2 ? 0 : key) + (flags & 1 ? 8 : 0);
		if (length % 8 || length < need || length > end - at)
			break;
		if (flags & 1)
			judge_child(v, t, get_le64(p + length - 8));
		if (flags & 2)
			return;
		judge_entry(v, t, p, key);
		at += length;
	}
	broken_index(v, "MFT record %llu: the entries of its index do not end", (unsigned long long)t->no);
}

static int judge_blocks(struct ntfs_verify *v, struct ntfs_tree *t, ntfs_attr *na, struct error *e)
{
	size_t at_once = t->block < MIB ? (size_t)(MIB / t->block) : 1;
	autofree uint8_t *buf = malloc(at_once * t->block);
	if (!buf)
		return error_nomem(e);
	for (uint64_t first = 0; first < t->blocks; first += at_once) {
		size_t n = t->blocks - first < at_once ? (size_t)(t->blocks - first) : at_once;
		if (v->b && budget_check(v->b, e) < 0)
			return -1;
		if (ntfs_lib_read(v->fs, na, first * t->block, buf, n * t->block, e) < 0)
			return -1;
		for (size_t i = 0; i < n; i++) {
			uint8_t *p = buf + i * t->block;
			if (!(t->map[(first + i) / 8] >> (first + i) % 8 & 1))
				continue;
			v->blocks++;
			t->used++;
			const char *why = ntfs_fix(p, t->block, "INDX");
			if (!why && get_le64(p + 16) != (first + i) * t->block / t->vcn_bytes)
				why = "it names another place as its own";
			if (why)
				broken_index(v, "MFT record %llu: index block %llu: %s", (unsigned long long)t->no,
					     (unsigned long long)(first + i), why);
			else
				judge_entries(v, t, p + 24, t->block - 24);
		}
	}
	return 0;
}

/* Index blocks and their bitmap. */
static int open_blocks(struct ntfs_verify *v, struct ntfs_tree *t, ntfs_inode *ni, ntfs_attr **na, struct error *e)
{
	autofree uint8_t *map = NULL;
	size_t len = 0;
	int rc = ntfs_lib_attr(v->fs, ni, ATTR_INDEX, i30, 4, na, e);
	if (rc <= 0)
		return rc;
	uint64_t blocks = (uint64_t)(*na)->data_size / t->block;
	if (blocks > MAX_BLOCKS || blocks > v->fs->g.clusters * v->fs->g.cluster / t->block)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "MFT record %llu: its index is too large",
				 (unsigned long long)t->no);
	rc = ntfs_lib_whole(v->fs, ni, AT_BITMAP, i30, 4, MAX_BLOCKS, &map, &len, e);
	if (rc < 0)
		return -1;
	t->blocks = blocks;
	t->map = calloc(blocks / 8 + 1, 1);
	t->pointed = calloc(blocks / 8 + 1, 1);
	if (!t->map || !t->pointed)
		return error_nomem(e);
	if (rc)
		memcpy(t->map, map, len < blocks / 8 + 1 ? len : blocks / 8 + 1);
	return 1;
}

static int judge_tree(struct ntfs_verify *v, struct ntfs_tree *t, struct error *e)
{
	autodestroy(ntfs_lib_put) ntfs_inode *ni = ntfs_lib_inode(v->fs, t->no, e);
	autodestroy(ntfs_lib_put_attr) ntfs_attr *na = NULL;
	autofree uint8_t *root = NULL;
	size_t len = 0;
	if (!ni)
		return -1;
	int rc = ntfs_lib_whole(v->fs, ni, ATTR_INDEX_ROOT, i30, 4, 64 * KIB, &root, &len, e);
	if (rc < 0)
		return -1;
	if (!rc || len < 32)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "MFT record %llu: a directory without an index",
				 (unsigned long long)t->no);
	/* As Windows and Linux look for them: names, by the table of upper-case letters. */
	if (get_le32(root) != ATTR_NAME || get_le32(root + 4) != COLLATE_NAMES)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				 "MFT record %llu: the index of a directory is not one of names",
				 (unsigned long long)t->no);
	t->block = get_le32(root + 8);
	if (t->block < 512 || t->block > 2 * MIB || t->block & (t->block - 1))
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				 "MFT record %llu: its index has blocks of %u bytes", (unsigned long long)t->no,
				 t->block);
	/* Blocks smaller than a cluster are counted in sectors of 512 bytes. */
	t->vcn_bytes = t->block >= v->fs->g.cluster ? v->fs->g.cluster : 512;
	rc = open_blocks(v, t, ni, &na, e);
	if (rc < 0)
		return -1;
	unsigned before = v->bad_indexes;
	judge_entries(v, t, root + 16, len - 16);
	if (rc && judge_blocks(v, t, na, e) < 0)
		return -1;
	if (t->used != t->children)
		broken_index(v, "MFT record %llu: %llu blocks of its index are in use, its tree has %llu",
			     (unsigned long long)t->no, (unsigned long long)t->used, (unsigned long long)t->children);
	if (v->bad_indexes == before && ntfs_verify_order(v, t, root + 16, na, e) < 0)
		return -1;
	/* The library is stricter in places: what is HELD, a walk shows. */
	autodestroy(ntfs_listing_free_auto) struct ntfs_listing *l = ntfs_list(v->fs, t->no, true, e);
	return l ? 0 : -1;
}

/* Names and entries belong together: else a file is there that no walk shows. */
static void judge_links(struct ntfs_verify *v)
{
	for (uint64_t no = NTFS_FIRST_USER; no < v->fs->records; no++) {
		const struct ntfs_known *k = &v->known[no];
		if (!(k->flags & REC_USED) || k->flags & REC_EXTENT)
			continue;
		if (k->names == k->entries && !k->told)
			continue;
		v->bad_links++;
		if (k->names == k->entries)
			ntfs_finding(v->f, "ntfs.directories", v->subject, ntfs_blame(v), -1,
				     "MFT record %llu: directories have it under another name than it has itself",
				     (unsigned long long)no);
		else
			ntfs_finding(v->f, "ntfs.directories", v->subject, ntfs_blame(v), -1,
				     "MFT record %llu has %u names, and directories have %u entries for it",
				     (unsigned long long)no, k->names, k->entries);
	}
}

int ntfs_verify_indexes(struct ntfs_verify *v, struct error *e)
{
	for (uint64_t no = 0; no < v->fs->records; no++) {
		unsigned flags = v->known[no].flags;
		if ((flags & (REC_USED | REC_DIR | REC_EXTENT)) != (REC_USED | REC_DIR))
			continue;
		struct ntfs_tree t = {.no = no};
		int rc = judge_tree(v, &t, e);
		free(t.map);
		free(t.pointed);
		if (rc < 0 && e->cls != ERROR_CORRUPT)
			return -1;
		if (rc < 0) {
			v->bad_indexes++;
			finding_error(v->f, PROOF_STRUCTURE, "ntfs.directories", v->subject, e);
		}
	}
	judge_links(v);
	return 0;
}
#endif
