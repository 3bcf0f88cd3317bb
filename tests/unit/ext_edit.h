// SPDX-License-Identifier: GPL-3.0-or-later
/* Images of ext that are changed here and there: where things are in them, and what is expected then. */
#ifndef EXT_EDIT_H
#define EXT_EDIT_H

#include "ext_help.h"

#include <unistd.h>

#include <ext2fs/ext2fs.h>

#include "backproof/crc32c.h"

static inline struct image copy_of(const struct image *from)
{
	struct image im = {malloc(from->len), from->len};
	NEED(im.data);
	memcpy(im.data, from->data, from->len);
	return im;
}

static inline void put(uint8_t *p, uint64_t v, unsigned n)
{
	for (; n--; v >>= 8)
		*p++ = (uint8_t)v;
}

/* Changes an image by libext2fs, which makes the sums right that it knows of. */
typedef void change_fn(ext2_filsys fs, void *ctx);
static inline void change(struct image *im, change_fn *fn, void *ctx)
{
	char path[] = "/tmp/ext-fields-XXXXXX";
	int fd = mkstemp(path);
	ext2_filsys fs;
	NEED(fd >= 0 && write(fd, im->data, im->len) == (ssize_t)im->len && !close(fd));
	NEED(!ext2fs_open(path, EXT2_FLAG_RW | EXT2_FLAG_64BITS | EXT2_FLAG_IGNORE_CSUM_ERRORS, 0, 0, unix_io_manager,
			  &fs));
	fn(fs, ctx);
	NEED(!ext2fs_close_free(&fs));
	free(im->data);
	*im = load(path);
	unlink(path);
}

/* Sum of the first superblock. */
static inline void mend_super(struct image *im)
{
	put(im->data + 1024 + 1020, crc32c_update(~0u, im->data + 1024, 1020), 4);
}

static inline void expect(struct image *im, enum outcome want, const char *check, int line)
{
	struct opened o = open_image(im, true);
	struct error e;
	if (o.fs) {
		autofree char *list = list_fs(o.fs, 65536, &e);
		CHECK(list || e.cls == ERROR_CORRUPT);
	}
	if (findings_proof(&o.f, PROOF_STRUCTURE) != want || (check && !has_finding(&o.f, check, want))) {
		test_bad_here++;
		fprintf(stderr, "line %d: not %s by %s\n", line, outcome_name(want), check ? check : "any");
		show_findings(&o.f);
	}
	close_image(&o);
}
#define EXPECT(im, want, check) expect(im, want, check, __LINE__)

/* Where block `logical` of a file is, and the place of its inode. */
struct where {
	const char *path;
	blk64_t logical;
	uint64_t block, inode;
	ext2_ino_t number;
};

static inline void look_up(ext2_filsys fs, void *ctx)
{
	struct where *w = ctx;
	struct ext2_inode inode;
	blk64_t block = 0;
	int flags;
	NEED(!ext2fs_namei(fs, 2, 2, w->path, &w->number) && !ext2fs_read_inode(fs, w->number, &inode));
	(void)ext2fs_bmap2(fs, w->number, &inode, NULL, 0, w->logical, &flags, &block);
	w->block = block * fs->blocksize;
	dgrp_t group = (w->number - 1) / fs->super->s_inodes_per_group;
	w->inode = ext2fs_inode_table_loc(fs, group) * fs->blocksize +
		   (w->number - 1) % fs->super->s_inodes_per_group * EXT2_INODE_SIZE(fs->super);
}

static inline struct where find(const struct image *from, const char *path, blk64_t logical)
{
	struct where w = {.path = path, .logical = logical};
	struct image im = copy_of(from);
	change(&im, look_up, &w);
	free(im.data);
	return w;
}

#endif
