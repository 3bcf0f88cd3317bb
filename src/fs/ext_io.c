// SPDX-License-Identifier: GPL-3.0-or-later
/* libext2fs's view of a source. It can only read: every way to write is refused here. */
#ifdef HAVE_EXT2FS
#include "ext.h"

#include <inttypes.h>

#define MAGIC_MANAGER EXT2_ET_MAGIC_IO_MANAGER
#define MAGIC_CHANNEL EXT2_ET_MAGIC_IO_CHANNEL

struct channel {
	struct source *src;
	struct error last; /* what a read failed with: libext2fs passes on a number only, and stops */
};

static errcode_t io_open(const char *name, int flags, io_channel *out);

static errcode_t io_close(io_channel ch)
{
	free(ch->name);
	free(ch);
	return 0;
}

static errcode_t io_set_blksize(io_channel ch, int size)
{
	ch->block_size = size;
	return 0;
}

static errcode_t io_read64(io_channel ch, unsigned long long block, int count, void *data)
{
	struct channel *c = ch->private_data;
	uint64_t off, len = count < 0 ? -(uint64_t)(int64_t)count : (uint64_t)count;
	if (!c || mul_overflows(block, (uint64_t)ch->block_size, &off))
		return EXT2_ET_SHORT_READ;
	if (count > 0)
		len *= (uint64_t)ch->block_size;
	return source_read_at(c->src, off, data, (size_t)len, &c->last) < 0 ? EXT2_ET_SHORT_READ : 0;
}

static errcode_t io_read(io_channel ch, unsigned long block, int count, void *data)
{
	return io_read64(ch, block, count, data);
}

static errcode_t io_write(io_channel ch, unsigned long block, int count, const void *data)
{
	(void)ch, (void)block, (void)count, (void)data;
	return EXT2_ET_RO_FILSYS;
}

static errcode_t io_write64(io_channel ch, unsigned long long block, int count, const void *data)
{
	(void)ch, (void)block, (void)count, (void)data;
	return EXT2_ET_RO_FILSYS;
}

static errcode_t io_write_byte(io_channel ch, unsigned long offset, int count, const void *data)
{
	return io_write(ch, offset, count, data);
}

static errcode_t io_flush(io_channel ch)
{
	(void)ch;
	return 0;
}

static struct struct_io_manager manager = {
	.magic = MAGIC_MANAGER,
	.name = "backproof source",
	.open = io_open,
	.close = io_close,
	.set_blksize = io_set_blksize,
	.read_blk = io_read,
	.read_blk64 = io_read64,
	.write_blk = io_write,
	.write_blk64 = io_write64,
	.write_byte = io_write_byte,
	.flush = io_flush,
};

/* The name is the channel's address: no global, so that threads can open file systems side by side. */
static errcode_t io_open(const char *name, int flags, io_channel *out)
{
	(void)flags;
	io_channel ch = calloc(1, sizeof *ch);
	char *copy = strdup(name);
	if (!ch || !copy) {
		free(ch);
		free(copy);
		return EXT2_ET_NO_MEMORY;
	}
	ch->magic = MAGIC_CHANNEL;
	ch->manager = &manager;
	ch->name = copy;
	ch->block_size = 1024;
	ch->refcount = 1;
	ch->private_data = (void *)(uintptr_t)strtoull(name, NULL, 16);
	*out = ch;
	return 0;
}

ext2_filsys ext_io_open(struct source *src, uint32_t block_size, struct error *e)
{
	struct channel c = {.src = src};
	char name[40];
	snprintf(name, sizeof name, "%" PRIxPTR, (uintptr_t)&c);
	ext2_filsys fs = NULL;
	/* Checksums of the superblock and the groups have findings of their own. */
	errcode_t rc =
		ext2fs_open2(name, NULL,
			     EXT2_FLAG_64BITS | EXT2_FLAG_SKIP_MMP | EXT2_FLAG_SOFTSUPP_FEATURES |
				     EXT2_FLAG_IGNORE_CSUM_ERRORS,
			     0, (int)block_size, &manager, &fs);
	if (!rc) {
		/* All that it will ever read it has read: nothing of ours dangles. */
		fs->io->private_data = NULL;
		return fs;
	}
	if (c.last.cls) {
		*e = c.last;
		error_prefix(e, "group descriptors");
	} else if (rc == EXT2_ET_NO_MEMORY) {
		error_nomem(e);
	} else if (rc == EXT2_ET_UNSUPP_FEATURE) { /* by an older library than the features asked about before */
		error_set(e, ERROR_UNSUPPORTED, 1024, "features that libext2fs does not know");
	} else {
		error_set(e, ERROR_CORRUPT, 1024,
			  "libext2fs refuses the superblock or the group descriptors (error %ld)",
			  (long)(rc - EXT2_ET_BASE));
	}
	return NULL;
}
#endif
