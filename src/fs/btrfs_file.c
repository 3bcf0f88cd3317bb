// SPDX-License-Identifier: GPL-3.0-or-later
/* File content as a stream: extent by extent, with what is stored verified before it is unpacked. */
#include <sys/stat.h>

#include "backproof/text.h"
#include "btrfs.h"

#define RUN_BYTES (256 * 1024) /* stays in the cache from reading to summing up */

struct file {
	struct btrfs *fs;
	struct btrfs_inode in;
	struct btrfs_cursor at; /* the extent that holds the next byte, or follows it */
	struct btrfs_sums sums;
	struct btrfs_unpacker *unpacker;
	struct btrfs_extent x;
	bool more;	 /* there is an extent at `at` */
	uint64_t from, to; /* of it, in the file */
	uint64_t pos;
	uint8_t *held;	/* verified bytes of the file from held_from to held_to */
	size_t held_room, run; /* run: how much is read at once, no more than the file */
	uint64_t held_from, held_to;
	uint8_t *packed;
};

static void file_destroy(void *self)
{
	struct file *f = self;
	if (!f)
		return;
	btrfs_cursor_end(&f->at);
	btrfs_sums_end(&f->sums);
	btrfs_unpacker_destroy(f->unpacker);
	free(f->held);
	free(f->packed);
	free(f);
}
static void file_auto(struct file **f)
{
	file_destroy(*f);
}

static int tell(const struct file *f, struct error *e)
{
	return error_prefix(e, "subvolume %llu inode %llu at %llu", (unsigned long long)f->in.tree->id,
			    (unsigned long long)f->in.number, (unsigned long long)f->pos);
}

/* Takes over the extent that the cursor is at; rc is what moved it there. */
static int take_extent(struct file *f, int rc, struct error *e)
{
	uint64_t last = f->to;
	f->more = false;
	if (rc <= 0)
		return rc;
	if (f->at.key.objectid != f->in.number || f->at.key.type != KEY_EXTENT_DATA)
		return 0;
	if (btrfs_extent_parse(f->fs, f->at.data, f->at.size, &f->x, e) < 0)
		return -1;
	f->from = f->at.key.offset;
	if (f->from < last || add_overflows(f->from, f->x.bytes, &f->to) || (!f->x.type && f->from))
		return btrfs_bad(e, btrfs_cursor_place(&f->at), "file extents overlap");
	/* What follows inline data in a file that grew is zeros. */
	f->more = true;
	return 0;
}

static uint8_t *room(uint8_t **buf, size_t *have, size_t want)
{
	if (*have < want) {
		free(*buf);
		*have = 0;
		*buf = malloc(want);
		if (*buf)
			*have = want;
	}
	return *buf;
}

static int hold_packed(struct file *f, struct error *e)
{
	const struct btrfs_extent *x = &f->x;
	const uint8_t *in = x->inlined;
	size_t in_len = x->inlined_bytes;
	if ((!f->unpacker && !(f->unpacker = btrfs_unpacker_new(e))))
		return -1;
	if (!room(&f->held, &f->held_room, (size_t)x->ram_bytes) ||
	    (!f->packed && !(f->packed = malloc(BTRFS_UNPACKED_MAX))))
		return error_nomem(e);
	if (x->type) {
		in = f->packed;
		in_len = (size_t)x->disk_bytes;
		if (btrfs_data_read(f->fs, &f->sums, x->disk, f->packed, x->disk_bytes,
				    !(f->in.flags & BTRFS_NODATASUM), e) < 0)
			return -1;
	}
	ssize_t made = btrfs_unpack(f->unpacker, f->fs, x->packed, in, in_len, f->held, (size_t)x->ram_bytes, e);
	if (made < 0)
		return -1;
	/* Zeros are added to data on the disk only: of an inline extent a kernel reads all or fails. */
	if (!x->type && (uint64_t)made < x->ram_bytes)
		return btrfs_bad(e, btrfs_cursor_place(&f->at), "inline data ends after %zd bytes of %llu", made,
				 (unsigned long long)x->ram_bytes);
	if (x->type && x->offset)
		memmove(f->held, f->held + x->offset, (size_t)x->bytes);
	f->held_from = f->from;
	f->held_to = f->to;
	return 0;
}

/* Stored data: into buf when it can hold whole sectors, else held. Returns what went into buf. */
static ssize_t read_stored(struct file *f, void *buf, uint64_t want, struct error *e)
{
	uint32_t sector = f->fs->sector;
	uint64_t in = (f->pos - f->from) / sector * sector, left = f->x.bytes - in;
	bool summed = !(f->in.flags & BTRFS_NODATASUM), direct = !(f->pos % sector) && want >= sector;
	uint64_t n = direct ? want / sector * sector : f->run, tail = f->in.size - (f->from + in);
	tail = (tail + sector - 1) / sector * sector;
	n = n < left ? n : left;
	n = n < tail ? n : tail;
	uint8_t *to = direct ? buf : room(&f->held, &f->held_room, f->run);
	if (!to)
		return error_nomem(e);
	if (btrfs_data_read(f->fs, &f->sums, f->x.disk + f->x.offset + in, to, n, summed, e) < 0)
		return -1;
	if (direct)
		return (ssize_t)n;
	f->held_from = f->from + in;
	f->held_to = f->held_from + n;
	return 0;
}

/* Makes *n bytes from f->pos available: in buf (*filled), held, or as zeros. */
static ssize_t produce(struct file *f, void *buf, uint64_t want, struct error *e)
{
	if (f->pos < f->held_to) /* it only goes forward */
		return 0;
	while (f->more && f->pos >= f->to)
		if (take_extent(f, btrfs_next(&f->at, e), e) < 0)
			return -1;
	if (!f->more || f->pos < f->from || (f->x.type && (!f->x.disk || f->x.type == 2))) {
		uint64_t until = !f->more ? UINT64_MAX : f->pos < f->from ? f->from : f->to;
		want = want < until - f->pos ? want : until - f->pos;
		memset(buf, 0, (size_t)want);
		return (ssize_t)want;
	}
	if (f->x.packed)
		return hold_packed(f, e);
	if (f->x.type)
		return read_stored(f, buf, want, e);
	if (!room(&f->held, &f->held_room, f->fs->sector))
		return error_nomem(e);
	memcpy(f->held, f->x.inlined, (size_t)f->x.bytes);
	f->held_from = 0;
	f->held_to = f->x.bytes;
	return 0;
}

static ssize_t file_read(void *self, void *buf, size_t cap, struct error *e)
{
	struct file *f = self;
	uint64_t left = f->in.size - f->pos;
	if (!left)
		return 0;
	ssize_t n = produce(f, buf, left < cap ? left : cap, e);
	if (n < 0)
		return tell(f, e);
	if (!n) {
		uint64_t have = f->held_to - f->pos;
		have = have < left ? have : left;
		n = (ssize_t)(have < cap ? have : cap);
		memcpy(buf, f->held + (f->pos - f->held_from), (size_t)n);
	}
	f->pos += (uint64_t)n;
	return n;
}

static ssize_t file_lend(void *self, const uint8_t **data, struct error *e)
{
	struct file *f = self;
	uint64_t left = f->in.size - f->pos;
	if (!left)
		return 0;
	/* What is not held yet is read into the buffer that is lent. */
	if (f->pos >= f->held_to) {
		f->held_to = f->held_from = 0;
		if (!room(&f->held, &f->held_room, f->run))
			return error_nomem(e);
		uint64_t want = left < f->run ? left : f->run;
		ssize_t n = produce(f, f->held, want, e);
		if (n < 0)
			return tell(f, e);
		if (n) {
			*data = f->held;
			f->pos += (uint64_t)n;
			return n;
		}
	}
	uint64_t have = f->held_to - f->pos;
	have = have < left ? have : left;
	*data = f->held + (f->pos - f->held_from);
	f->pos += have;
	return (ssize_t)have;
}

static int file_finish(void *self, struct error *e)
{
	struct file *f = self;
	if (f->pos != f->in.size)
		return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "a file ended before its size");
	return 0;
}

static const struct stream_ops file_ops = {
	.kind = "btrfs file",
	.read = file_read,
	.finish = file_finish,
	.destroy = file_destroy,
	.lend = file_lend,
};

struct stream *btrfs_open_inode(struct btrfs *fs, const struct btrfs_inode *in, struct error *e)
{
	autodestroy(file_auto) struct file *f = calloc(1, sizeof *f);
	struct btrfs_key key = {in->number, KEY_EXTENT_DATA, 0};
	char name[64];
	if (!f) {
		error_nomem(e);
		return NULL;
	}
	f->fs = fs;
	f->in = *in;
	f->run = in->size < RUN_BYTES ? (size_t)(in->size + fs->sector - 1) / fs->sector * fs->sector : RUN_BYTES;
	if (take_extent(f, btrfs_seek(&f->at, fs, in->tree, &key, e), e) < 0) {
		tell(f, e);
		return NULL;
	}
	snprintf(name, sizeof name, "subvolume %llu inode %llu", (unsigned long long)in->tree->id,
		 (unsigned long long)in->number);
	struct stream *s = stream_new(&file_ops, f, name, e);
	if (s)
		f = NULL;
	return s;
}
