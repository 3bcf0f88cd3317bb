// SPDX-License-Identifier: GPL-3.0-or-later
/* File content as a stream: whole runs at a time; holes and unwritten extents are zeros, not read. */
#ifdef HAVE_EXT2FS
#include "ext.h"

struct file {
	const struct ext *x;
	struct source *plain; /* below the cache, which would read what lies around small files again and again */
	struct ext_runs runs;
	uint8_t *held; /* inline data: all of it is here */
	size_t run;    /* the first run that may still matter */
	uint64_t size, at;
};

static void file_destroy(void *self)
{
	struct file *f = self;
	if (!f)
		return;
	free(f->runs.items);
	free(f->held);
	free(f);
}

static void file_auto(struct file **f)
{
	file_destroy(*f);
}

/* Bytes from f->at to the end of the run or hole it is in; *place: where they are, 0 for zeros. */
static uint64_t stretch(struct file *f, uint64_t *place)
{
	uint64_t bs = f->x->block_size;
	*place = 0;
	for (; f->run < f->runs.count; f->run++) {
		const struct ext_run *r = &f->runs.items[f->run];
		uint64_t from = r->logical * bs, to = from + r->count * bs;
		if (f->at >= to)
			continue;
		if (f->at < from)
			return from - f->at;
		if (!r->unwritten)
			*place = r->physical * bs + (f->at - from);
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
	if (f->held) {
		memcpy(buf, f->held + f->at, (size_t)n);
	} else {
		uint64_t here = stretch(f, &place);
		if (n > here)
			n = here;
		if (!place)
			memset(buf, 0, (size_t)n);
		else if (source_read_at(f->plain, place, buf, (size_t)n, e) < 0)
			return -1;
	}
	f->at += n;
	return (ssize_t)n;
}

static int file_finish(void *self, struct error *e)
{
	struct file *f = self;
	if (f->at != f->size)
		return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "a file ended before its size");
	return 0;
}

static const struct stream_ops file_ops = {
	.kind = "ext file",
	.read = file_read,
	.finish = file_finish,
	.destroy = file_destroy,
};

/* Blocks after the end are legitimate; a size that no map could reach is not. */
static int check_size(const struct ext *x, const struct ext_inode *in, struct error *e)
{
	uint64_t per = x->block_size / 4;
	uint64_t limit = in->flags & EXT4_EXTENTS_FL ? UINT64_C(1) << 32
						     : 12 + per + per * per + per * per * per;
	if (in->size / x->block_size > limit)
		return error_set(e, ERROR_CORRUPT, (int64_t)in->place,
				 "inode %u: a size of %llu bytes, more than it can have",
				 in->number, (unsigned long long)in->size);
	return 0;
}

static struct file *file_open(const struct ext *x, const struct ext_inode *in, struct error *e)
{
	__attribute__((cleanup(file_auto))) struct file *f = calloc(1, sizeof *f);
	if (!f) {
		error_nomem(e);
		return NULL;
	}
	f->x = x;
	f->plain = x->overlay ? x->overlay : x->base;
	f->size = in->size;
	if (in->flags & EXT4_INLINE_DATA_FL) {
		size_t len = 0;
		if (ext_inode_inline(x, in, &f->held, &len, e) < 0)
			return NULL;
		if (in->size > len) {
			error_set(e, ERROR_CORRUPT, (int64_t)in->place,
				  "inode %u: %llu bytes are said to be in %zu", in->number,
				  (unsigned long long)in->size, len);
			return NULL;
		}
	} else if (check_size(x, in, e) < 0 || ext_map_all(x, in, &f->runs, e) < 0) {
		return NULL;
	}
	return take(f);
}

struct stream *ext_open_file(void *self, uint64_t id, struct error *e)
{
	const struct ext *x = self;
	struct ext_inode in;
	char name[40];
	if (id > UINT32_MAX || ext_inode_read(x, (uint32_t)id, &in, e) < 0)
		return NULL;
	if (!LINUX_S_ISREG(in.mode)) {
		error_set(e, ERROR_CORRUPT, (int64_t)in.place, "inode %u is no regular file",
			  in.number);
		return NULL;
	}
	struct file *f = file_open(x, &in, e);
	if (!f)
		return NULL;
	snprintf(name, sizeof name, "inode %u", in.number);
	struct stream *s = stream_new(&file_ops, f, name, e);
	if (!s)
		file_destroy(f);
	return s;
}

int ext_read_small(const struct ext *x, const struct ext_inode *in, uint8_t *buf, size_t len,
		   struct error *e)
{
	__attribute__((cleanup(file_auto))) struct file *f = file_open(x, in, e);
	if (!f)
		return -1;
	if (f->size < len)
		return error_set(e, ERROR_CORRUPT, (int64_t)in->place,
				 "inode %u is shorter than %zu bytes", in->number, len);
	for (size_t done = 0; done < len;) {
		ssize_t n = file_read(f, buf + done, len - done, e);
		if (n <= 0)
			return -1;
		done += (size_t)n;
	}
	return 0;
}
#endif
