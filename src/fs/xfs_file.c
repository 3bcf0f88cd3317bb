// SPDX-License-Identifier: GPL-3.0-or-later
/* File content as a stream, whole runs at a time; holes and unwritten extents are zeros, not read.
 * Link targets. */
#include "xfs.h"

#define LINK_MAX 1024
#define LINK_HEAD 56

struct file {
	const struct xfs *x;
	struct xfs_runs runs;
	size_t run; /* the first that may still matter */
	uint64_t size, at;
};

static void file_destroy(void *self)
{
	struct file *f = self;
	if (!f)
		return;
	free(f->runs.items);
	free(f);
}

static void file_auto(struct file **f)
{
	file_destroy(*f);
}

/* Bytes from f->at to the end of the run or hole it is in; *place: where they are, 0 for zeros. */
static uint64_t stretch(struct file *f, uint64_t *place)
{
	unsigned log = f->x->block_log;
	*place = 0;
	for (; f->run < f->runs.count; f->run++) {
		const struct xfs_run *r = &f->runs.items[f->run];
		uint64_t from = r->logical << log, to = from + (r->count << log);
		if (f->at >= to)
			continue;
		if (f->at < from)
			return from - f->at;
		if (!r->unwritten)
			*place = xfs_fsb_place(f->x, r->fsb) + (f->at - from);
		return to - f->at;
	}
	return UINT64_MAX;
}

static ssize_t file_read(void *self, void *buf, size_t cap, struct error *e)
{
	struct file *f = self;
	uint64_t n = f->size - f->at, place = 0;
	if (!n)
		return 0;
	if (n > cap)
		n = cap;
	uint64_t here = stretch(f, &place);
	if (n > here)
		n = here;
	if (!place)
		memset(buf, 0, (size_t)n);
	else if (source_read_at(f->x->plain, place, buf, (size_t)n,
				e) < 0)
		return -1;
	f->at += n;
	return (ssize_t)n;
}

static int file_finish(void *self, struct error *e)
{
	struct file *f = self;
	if (f->at != f->size)
		return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET,
				 "a file ended before its size");
	return 0;
}

static const struct stream_ops file_ops = {
    .kind = "XFS file",
    .read = file_read,
    .finish = file_finish,
    .destroy = file_destroy,
};

struct stream *xfs_open_file(void *self, uint64_t id, struct error *e)
{
	const struct xfs *x = self;
	struct xfs_inode in;
	char name[40];
	if (xfs_inode_read(x, id, &in, e) < 0)
		return NULL;
	if (xfs_inode_type(in.mode) != XFS_FT_FILE) {
		error_set(e, ERROR_CORRUPT, (int64_t)in.place, "inode %llu is no regular file",
			  (unsigned long long)id);
		return NULL;
	}
	if (in.flags & XFS_REALTIME) {
		error_set(e, ERROR_UNSUPPORTED, (int64_t)in.place,
			  "inode %llu is on the realtime device", (unsigned long long)id);
		return NULL;
	}
	__attribute__((cleanup(file_auto))) struct file *f = calloc(1, sizeof *f);
	if (!f) {
		error_nomem(e);
		return NULL;
	}
	f->x = x;
	f->size = in.size;
	if (xfs_map_all(x, &in, XFS_DATA_FORK, &f->runs, e) < 0)
		return NULL;
	snprintf(name, sizeof name, "inode %llu", (unsigned long long)id);
	struct stream *s = stream_new(&file_ops, f, name, e);
	if (s)
		(void)take(f);
	return s;
}

/* Each run of a link's map is a block of its own, with a header. */
static int remote_target(const struct xfs *x, const struct xfs_inode *in, char *target,
			 struct error *e)
{
	struct xfs_runs runs autodestroy(xfs_runs_free) = {0};
	size_t done = 0;
	if (xfs_map_all(x, in, XFS_DATA_FORK, &runs, e) < 0)
		return -1;
	for (size_t i = 0; i < runs.count && done < in->size; i++) {
		const struct xfs_run *r = &runs.items[i];
		uint64_t len = r->count << x->block_log, place = xfs_fsb_place(x, r->fsb);
		/* The longest takes no more than this. */
		if (len > 4096 && len > x->block_size)
			return error_set(e, ERROR_CORRUPT, (int64_t)place,
					 "inode %llu: a link of %llu bytes",
					 (unsigned long long)in->number, (unsigned long long)len);
		autofree uint8_t *b = malloc((size_t)len);
		if (!b)
			return error_nomem(e);
		if (source_read_at(x->src, place, b, (size_t)len, e) < 0)
			return -1;
		size_t n = get_be32(b + 8);
		bool sound = !memcmp(b, "XSLM", 4) && get_be32(b + 4) == done &&
			     n <= len - LINK_HEAD && n && n <= in->size - done &&
			     get_be64(b + 32) == in->number && get_be64(b + 40) == place / 512 &&
			     !memcmp(b + 16, x->meta_uuid, 16) && xfs_sum_ok(b, (size_t)len, 12) &&
			     xfs_logged(x, get_be64(b + 48));
		if (!sound)
			return error_set(e, ERROR_CORRUPT, (int64_t)place,
					 "inode %llu: the block of its target is damaged",
					 (unsigned long long)in->number);
		memcpy(target + done, b + LINK_HEAD, n);
		done += n;
	}
	if (done != in->size)
		return error_set(e, ERROR_CORRUPT, (int64_t)in->place,
				 "inode %llu: part of its target is missing",
				 (unsigned long long)in->number);
	return 0;
}

char *xfs_link_target(const struct xfs *x, const struct xfs_inode *in, struct error *e)
{
	if (xfs_inode_type(in->mode) != XFS_FT_LINK || !in->size || in->size > LINK_MAX) {
		error_set(e, ERROR_CORRUPT, (int64_t)in->place,
			  "inode %llu is no sound symbolic link", (unsigned long long)in->number);
		return NULL;
	}
	char *target = calloc((size_t)in->size + 1, 1);
	if (!target) {
		error_nomem(e);
		return NULL;
	}
	if (in->format == XFS_FMT_LOCAL) {
		memcpy(target, in->fork[XFS_DATA_FORK], (size_t)in->size);
	} else if (remote_target(x, in, target, e) < 0) {
		free(target);
		return NULL;
	}
	if (strlen(target) != in->size) {
		error_set(e, ERROR_CORRUPT, (int64_t)in->place, "inode %llu: a NUL in its target",
			  (unsigned long long)in->number);
		free(target);
		return NULL;
	}
	return target;
}

char *xfs_read_link(void *self, uint64_t id, struct error *e)
{
	struct xfs *x = self;
	struct xfs_inode in;
	if (xfs_inode_read(x, id, &in, e) < 0)
		return NULL;
	return xfs_link_target(x, &in, e);
}
