// SPDX-License-Identifier: GPL-3.0-or-later
/* A file's bytes, read in runs of adjoining clusters. The chain must end where the size says. */
#include "fat.h"

struct file {
	const struct fat *fs;
	uint32_t cluster; /* holds the next byte, if there is one */
	uint64_t in;	  /* offset inside it */
	uint64_t left;
};

static ssize_t file_read(void *self, void *buf, size_t cap, struct error *e)
{
	struct file *f = self;
	if (!f->left)
		return 0;
	if (f->in == f->fs->cluster) {
		int rc = fat_follow(f->fs, &f->cluster, e);
		if (!rc)
			error_set(e, ERROR_CORRUPT, (int64_t)fat_entry_place(f->fs, f->cluster),
				  "FAT: the chain ends %llu bytes before the file does",
				  (unsigned long long)f->left);
		if (rc <= 0)
			return -1;
		f->in = 0;
	}
	uint64_t at = fat_place(f->fs, f->cluster) + f->in, run = f->fs->cluster - f->in;
	if (cap > f->left)
		cap = (size_t)f->left;
	uint32_t last = f->cluster, next;
	while (run < cap) {
		next = last;
		struct error later; /* comes again, with the data before it delivered */
		if (fat_follow(f->fs, &next, &later) <= 0 || next != last + 1)
			break;
		last = next;
		run += f->fs->cluster;
	}
	size_t n = run < cap ? (size_t)run : cap;
	if (source_read_at(f->fs->src, at, buf, n, e) < 0)
		return -1;
	uint64_t spent = f->in + n, whole = (spent - 1) / f->fs->cluster;
	f->cluster += (uint32_t)whole;
	f->in = spent - whole * f->fs->cluster;
	f->left -= n;
	return (ssize_t)n;
}

static int file_finish(void *self, struct error *e)
{
	struct file *f = self;
	uint32_t cluster = f->cluster;
	if (!cluster)
		return 0;
	int rc = fat_follow(f->fs, &cluster, e);
	if (rc > 0)
		return error_set(e, ERROR_CORRUPT, (int64_t)fat_entry_place(f->fs, f->cluster),
				 "FAT: the chain goes on behind the end of the file");
	return rc;
}

static const struct stream_ops file_ops = {"FAT file", file_read, file_finish, free};

struct stream *fat_open_entry(const struct fat *fs, const struct fat_entry *it, struct error *e)
{
	if (it->kind != FAT_FILE) {
		error_set(e, ERROR_CORRUPT, (int64_t)it->place, "FAT: not a file");
		return NULL;
	}
	if (it->cluster ? it->cluster < FIRST_CLUSTER || it->cluster >= fs->limit : it->size != 0) {
		error_set(e, ERROR_CORRUPT, (int64_t)it->place,
			  "FAT: %s begins at cluster %u, which does not exist", it->name, it->cluster);
		return NULL;
	}
	if (it->cluster && !it->size) {
		error_set(e, ERROR_CORRUPT, (int64_t)it->place,
			  "FAT: %s is empty but has a chain of clusters", it->name);
		return NULL;
	}
	struct file *f = calloc(1, sizeof *f);
	if (!f) {
		error_nomem(e);
		return NULL;
	}
	*f = (struct file){.fs = fs, .cluster = it->cluster, .left = it->size};
	struct stream *s = stream_new(&file_ops, f, it->name, e);
	if (!s)
		free(f);
	return s;
}
