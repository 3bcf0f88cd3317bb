// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A file's bytes. Plain data is read by its runs in large pieces; resident and compressed data come from the
 * library, what the system compressed from ntfs_wof.c. What is kept elsewhere or by another driver (deduplication, the
 * cloud) is refused: its plain stream reads as zeros.
 */
#ifdef HAVE_LIBNTFS_3G
#include <errno.h>

#include "backproof/text.h"
#include "ntfs.h"

#include <ntfs-3g/attrib.h>
#include <ntfs-3g/inode.h>

#define CHUNK NTFS_WOF_AT_ONCE /* whole compression units too */
#define MAX_STREAM (64 * KIB)
#define MAX_STREAMS 256

struct file {
	struct ntfs *fs;
	ntfs_inode *ni;
	ntfs_attr *na; /* NULL: no data at all */
	struct ntfs_wof *packed; /* its data is in there, and not in na */
	uint64_t at, size;
	bool plain;
	uint8_t *buf; /* not plain: what was decoded last */
	size_t have, given;
};

static ssize_t file_lend(void *self, const uint8_t **data, struct error *e)
{
	struct file *f = self;
	if (f->given == f->have) {
		uint64_t left = f->size - f->at;
		size_t n = left < CHUNK ? (size_t)left : CHUNK;
		f->have = f->given = 0;
		if (!n)
			return 0;
		if (!f->buf && !(f->buf = malloc(CHUNK)))
			return error_nomem(e);
		if (f->packed) {
			if (ntfs_wof_read(f->packed, f->at, f->buf, e) != (ssize_t)n)
				return -1;
		} else if (f->plain) {
			if (ntfs_lib_read(f->fs, f->na, f->at, f->buf, n, e) < 0)
				return -1;
		} else {
			errno = EIO;
			if (ntfs_attr_pread(f->na, (s64)f->at, (s64)n, f->buf) != (s64)n)
				return ntfs_lib_error(f->fs, e, "MFT record %llu: its data at %llu",
						      (unsigned long long)f->ni->mft_no,
						      (unsigned long long)f->at);
		}
		f->at += n;
		f->have = n;
	}
	*data = f->buf + f->given;
	size_t n = f->have - f->given;
	f->given = f->have;
	return (ssize_t)n;
}

static ssize_t file_read(void *self, void *buf, size_t cap, struct error *e)
{
	struct file *f = self;
	const uint8_t *from;
	if (f->plain && f->given == f->have && cap >= 4096) {
		uint64_t left = f->size - f->at;
		size_t n = left < cap ? (size_t)left : cap;
		if (n && ntfs_lib_read(f->fs, f->na, f->at, buf, n, e) < 0)
			return -1;
		f->at += n;
		return (ssize_t)n;
	}
	ssize_t n = file_lend(f, &from, e);
	if (n <= 0)
		return n;
	if ((size_t)n > cap) {
		f->given -= (size_t)n - cap;
		n = (ssize_t)cap;
	}
	memcpy(buf, from, (size_t)n);
	return n;
}

static int file_finish(void *self, struct error *e)
{
	(void)self, (void)e;
	return 0;
}

static void file_destroy(void *self)
{
	struct file *f = self;
	ntfs_wof_free(f->packed);
	ntfs_lib_put_attr(&f->na);
	ntfs_lib_put(&f->ni);
	free(f->buf);
	free(f);
}

static const struct stream_ops file_ops = {"NTFS file", file_read, file_finish, file_destroy, file_lend};

enum ntfs_reparse ntfs_reparse_kind(uint32_t tag)
{
	switch (tag) {
	case 0:
		return REPARSE_NONE;
	case 0xa0000003: /* mount point, junction */
	case 0xa000000c: /* symbolic link */
	case 0xa000001d: /* of Linux in Windows */
		return REPARSE_LINK;
	case 0x80000023: /* socket */
	case 0x80000024: /* FIFO and devices */
	case 0x80000025:
	case 0x80000026:
	case 0x8000001b: /* an alias of an application */
		return REPARSE_SPECIAL;
	}
	return REPARSE_ELSEWHERE;
}

static const char *keeper(uint32_t tag)
{
	if (tag == 0x80000013 || tag == 0x80000007)
		return "deduplicated";
	if ((tag & 0xffff0fff) == 0x9000001a || tag == 0xc0000004)
		return "a placeholder for content kept elsewhere";
	return "stored by another driver";
}

/* 0: a file of its own bytes, 1: compressed by the system, -1: neither. */
static int judge_kind(struct ntfs *fs, ntfs_inode *ni, struct error *e)
{
	uint32_t tag = 0;
	if (ni->mrec->flags & MFT_RECORD_IS_DIRECTORY)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "NTFS: MFT record %llu is a directory",
				 (unsigned long long)ni->mft_no);
	if (ni->flags & FILE_ATTR_REPARSE_POINT && ntfs_reparse_tag(fs, ni, &tag, e) < 0)
		return -1;
	enum ntfs_reparse kind = ntfs_reparse_kind(tag);
	if (kind == REPARSE_NONE)
		return 0;
	if (tag == NTFS_TAG_WOF)
		return 1;
	return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET,
			 kind == REPARSE_ELSEWHERE ? "NTFS: the file is %s (reparse tag %08x): not read here"
						   : "NTFS: a %s is no file (reparse tag %08x)",
			 kind == REPARSE_ELSEWHERE ? keeper(tag) : "link or special file", tag);
}

static int open_data(struct file *f, struct error *e)
{
	int packed = judge_kind(f->fs, f->ni, e);
	int rc = packed < 0 ? -1 : ntfs_lib_attr(f->fs, f->ni, ATTR_DATA, NULL, 0, &f->na, e);
	if (rc <= 0)
		return rc;
	ntfs_attr *na = f->na;
	if (ntfs_lib_is_encrypted(na))
		return error_set(e, ERROR_ENCRYPTED, ERROR_NO_OFFSET, "NTFS: the file is encrypted (EFS)");
	if (na->data_size < 0 || na->initialized_size < 0 || na->initialized_size > na->data_size)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "NTFS: MFT record %llu: its sizes are wrong",
				 (unsigned long long)f->ni->mft_no);
	f->size = (uint64_t)na->data_size;
	f->plain = !packed && NAttrNonResident(na) && !(na->data_flags & ATTR_COMPRESSION_MASK);
	f->packed = packed ? ntfs_wof_open(f->fs, f->ni, f->size, e) : NULL;
	return packed && !f->packed ? -1 : 0;
}

struct stream *ntfs_open_stream(void *self, uint64_t id, struct error *e)
{
	struct file *f = calloc(1, sizeof *f);
	if (!f) {
		error_nomem(e);
		return NULL;
	}
	f->fs = self;
	f->ni = ntfs_lib_inode(self, id, e);
	struct stream *s = NULL;
	if (f->ni && !open_data(f, e))
		s = stream_new(&file_ops, f, "file", e);
	if (!s)
		file_destroy(f);
	return s;
}

static int at_random(void *self, uint64_t off, void *buf, size_t len, struct error *e)
{
	struct file *f = self;
	return ntfs_lib_read(f->fs, f->na, off, buf, len, e);
}

static const struct source_ops random_ops = {"NTFS file", at_random, NULL, file_destroy};

struct source *ntfs_open_source(void *self, uint64_t id, struct error *e)
{
	struct file *f = calloc(1, sizeof *f);
	if (!f) {
		error_nomem(e);
		return NULL;
	}
	f->fs = self;
	f->ni = ntfs_lib_inode(self, id, e);
	struct source *s = NULL;
	if (f->ni && !open_data(f, e)) {
		if (f->plain)
			s = source_new(&random_ops, f, f->size, "file", e);
		else
			error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "NTFS: the file is compressed");
	}
	if (!s)
		file_destroy(f);
	return s;
}

struct named {
	uint16_t name[256];
	size_t units;
};

static int show_stream(struct ntfs *fs, ntfs_inode *ni, const struct named *n, fs_xattr_fn *fn, void *ctx,
		       struct error *e)
{
	char text[256 * 3 + 8] = "ads.";
	autofree uint8_t *value = NULL;
	size_t len = 0;
	autodestroy(ntfs_lib_put_attr) ntfs_attr *na = NULL;
	int rc = ntfs_lib_attr(fs, ni, ATTR_DATA, n->name, n->units, &na, e);
	if (rc <= 0)
		return rc;
	if (ntfs_lib_is_encrypted(na) || (uint64_t)na->data_size > MAX_STREAM)
		return 0;
	ntfs_lib_put_attr(&na);
	rc = ntfs_lib_whole(fs, ni, ATTR_DATA, n->name, n->units, MAX_STREAM, &value, &len, e);
	if (rc <= 0)
		return rc;
	utf16le_text(n->name, n->units, text + 4, sizeof text - 4);
	return fn(ctx, text, value, len, e);
}

int ntfs_streams(void *self, uint64_t id, fs_xattr_fn *fn, void *ctx, struct error *e)
{
	struct ntfs *fs = self;
	autodestroy(ntfs_lib_put) ntfs_inode *ni = ntfs_lib_inode(fs, id, e);
	if (!ni)
		return -1;
	ntfs_attr_search_ctx *c = ntfs_attr_get_search_ctx(ni, NULL);
	if (!c)
		return error_nomem(e);
	VEC(struct named) found = {0};
	int rc = 0;
	while (!ntfs_attr_lookup(AT_DATA, NULL, 0, CASE_SENSITIVE, 0, NULL, 0, c)) {
		const ATTR_RECORD *a = c->attr;
		if (!a->name_length || (a->non_resident && a->lowest_vcn))
			continue;
		if (found.count >= MAX_STREAMS)
			break;
		struct named *n = vec_push(&found);
		if (!n) {
			rc = error_nomem(e);
			break;
		}
		n->units = a->name_length;
		memcpy(n->name, (const uint8_t *)a + le16_to_cpu(a->name_offset), n->units * 2);
	}
	ntfs_attr_put_search_ctx(c);
	for (size_t i = 0; i < found.count && !rc; i++)
		rc = show_stream(fs, ni, &found.items[i], fn, ctx, e);
	vec_free(&found);
	return rc < 0 ? -1 : 0;
}
#endif
