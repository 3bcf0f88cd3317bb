// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Logs of btrfs said by hand: one leaf with right checksums in place of the log of an image. A mount replays what
 * makes sense; of the rest nothing is shown but the state before, and that is told.
 */
#ifndef BTRFS_LOG_HELP_H
#define BTRFS_LOG_HELP_H

#include "btrfs_edit.h"

#define MODE_FILE (S_IFREG | 0644)
#define MODE_DIR (S_IFDIR | 0755)
enum { ROOT = 256, OLD1, MOVED, OLD3, OLD4, OLD5, OLD6, DIR, DATA, NEW1, NEW2, NEW3, LAST };
#define DATA_AT UINT64_C(5300224) /* 32 KiB of it */
#define LAST_AT UINT64_C(5431296) /* 8 KiB */

#define SAME_1 "mxpv28v" /* of the same hash */
#define SAME_2 "ve0dggj"

static struct image im;
static struct leaf logged, tree;
static uint8_t buf[4096];

static inline void begin(void)
{
	struct leaf roots;
	leaf_of(&im, BTRFS_LOG_TREE, key_of(BTRFS_LOG_TREE, KEY_ROOT, 5), &roots);
	struct item *root = item_of(&roots, key_of(BTRFS_LOG_TREE, KEY_ROOT, 5));
	NEED(root);
	leaf_at(&im, get_le64(root->data + 176), root->data[238], key_of(0, 0, 0), &logged);
	logged.count = 0;
}

static inline void log_inode(uint64_t ino, uint32_t mode, uint32_t links, uint64_t size, uint64_t generation)
{
	put_item(&logged, key_of(ino, KEY_INODE, 0), buf, make_inode(buf, mode, links, size, generation));
}
static inline void log_ref(uint64_t ino, uint64_t dir, uint64_t index, const char *name)
{
	put_item(&logged, key_of(ino, KEY_INODE_REF, dir), buf, make_ref(buf, index, name));
}
static inline void log_entry(uint64_t dir, uint64_t index, uint64_t ino, const char *name)
{
	put_item(&logged, key_of(dir, KEY_DIR_INDEX, index), buf, make_entry(buf, ino, 1, name, ""));
}
static inline void log_range(uint64_t dir, uint64_t from, uint64_t to)
{
	put_le(buf, to, 8);
	put_item(&logged, key_of(dir, KEY_LOG_INDEX, from), buf, 8);
}
static inline void log_extent(uint64_t ino, uint64_t at, uint8_t type, uint64_t disk, uint64_t disk_bytes, uint64_t offset,
		       uint64_t bytes)
{
	put_item(&logged, key_of(ino, KEY_EXTENT_DATA, at), buf, make_extent(buf, type, disk, disk_bytes, offset, bytes));
}
static inline void in_tree(uint64_t ino, uint8_t type, uint64_t offset)
{
	leaf_of(&im, BTRFS_FS_TREE, key_of(ino, type, offset), &tree);
}

/* Where an image is to be kept for a look by a kernel: BTRFS_KEEP is a directory. */
static inline void keep_image(int line)
{
	const char *where = getenv("BTRFS_KEEP");
	static int count;
	char path[200];
	if (!where)
		return;
	snprintf(path, sizeof path, "%s/log-%d-%d.img", where, line, count++);
	FILE *fp = fopen(path, "wb");
	NEED(fp && ftruncate(fileno(fp), (off_t)im.len) == 0);
	for (size_t at = 0; at < im.len; at += 4096)
		if (!is_zero(im.data + at, 4096))
			NEED(fseek(fp, (long)at, SEEK_SET) == 0 && fwrite(im.data + at, 4096, 1, fp) == 1);
	NEED(fclose(fp) == 0);
}

/* The log is what makes no sense: it is told, and the state before is seen. */
static inline void refused_at(int line)
{
	struct seen s;
	struct fs_entry it;
	leaf_store(&logged);
	keep_image(line);
	look(&im, im.len, &s);
	bool fine = s.fs && fs_info(s.fs)->stale_view && !fs_info(s.fs)->replayed &&
		    structure(&s) == OUTCOME_BROKEN && has(&s, "btrfs.log", OUTCOME_BROKEN) &&
		    has(&s, "btrfs.log", OUTCOME_UNPROVEN) && !has(&s, "btrfs.log", OUTCOME_HELD) &&
		    fs_lookup(s.fs, "dir/last", true, &it, &s.e) == 0;
	if (!fine) {
		test_bad_here++;
		fprintf(stderr, "%s:%d: not refused\n", __FILE__, line);
		dump(&s);
	}
	drop(&s);
	undo(&im);
}
#define REFUSED() refused_at(__LINE__)

static struct seen seen;
static inline void replayed_at(int line)
{
	leaf_store(&logged);
	keep_image(line);
	look(&im, im.len, &seen);
	if (!seen.fs || !fs_info(seen.fs)->replayed || fs_info(seen.fs)->stale_view ||
	    structure(&seen) != OUTCOME_HELD) {
		fprintf(stderr, "%s:%d: not replayed\n", __FILE__, line);
		dump(&seen);
		NEED(false);
	}
}
#define REPLAYED() replayed_at(__LINE__)
static inline void done(void)
{
	unsigned failed;
	autofree char *all = list_of(seen.fs, &failed);
	CHECK(all && !failed);
	drop(&seen);
	undo(&im);
}

/* Number of the inode at a path, 0 when there is none; links: how many it counts. */
static inline uint64_t at(const char *path)
{
	struct fs_entry it;
	int rc = fs_lookup(seen.fs, path, true, &it, &seen.e);
	NEED(rc >= 0);
	return rc ? it.id & 0xfffffffffff : 0;
}
static inline uint32_t links(const char *path)
{
	struct fs_entry it;
	return fs_lookup(seen.fs, path, true, &it, &seen.e) == 1 ? it.links : 0;
}

#endif
