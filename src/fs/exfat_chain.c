// SPDX-License-Identifier: GPL-3.0-or-later
/* Clusters of a chain, and its bytes as a stream: behind the valid length of a file are zeros. */
#include "exfat.h"

static uint64_t clusters_of(const struct exfat *fs, const struct exfat_chain *c)
{
	return c->length / fs->cluster + (c->length % fs->cluster != 0);
}

int exfat_follow(const struct exfat *fs, const struct exfat_chain *c, uint32_t *cluster, struct error *e)
{
	uint8_t b[4];
	if (*cluster < EXFAT_FIRST || *cluster >= fs->limit)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "exFAT: there is no cluster %u", *cluster);
	if (c->adjoining) {
		if (*cluster - c->first + 1 >= clusters_of(fs, c))
			return 0;
		*cluster += 1;
		return 1;
	}
	uint64_t at = fs->fat_at + (uint64_t)*cluster * 4;
	if (source_read_at(fs->fat_source, at, b, sizeof b, e) < 0)
		return -1;
	uint32_t next = get_le32(b);
	if (next == EXFAT_END)
		return 0;
	if (next < EXFAT_FIRST || next >= fs->limit)
		return error_set(e, ERROR_CORRUPT, (int64_t)at, "exFAT: cluster %u of a chain %s", *cluster,
				 next == EXFAT_BAD ? "is marked bad" : !next ? "is marked free" : "leads nowhere");
	*cluster = next;
	return 1;
}

int exfat_check_chain(const struct exfat *fs, const struct exfat_chain *c, struct error *e)
{
	uint64_t count = clusters_of(fs, c);
	if (!c->first && !c->length)
		return 0;
	if (!c->first || !c->length || c->first < EXFAT_FIRST || c->first >= fs->limit)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				 "exFAT: %llu bytes begin at cluster %u, which %s", (unsigned long long)c->length,
				 c->first, c->first && c->length ? "does not exist" : "can't be");
	if (c->length == UINT64_MAX)
		return 0;
	if (c->valid > c->length || count > fs->limit - (c->adjoining ? c->first : EXFAT_FIRST))
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				 "exFAT: %llu bytes from cluster %u on are more than there are",
				 (unsigned long long)c->length, c->first);
	return 0;
}

uint8_t *exfat_read_chain(const struct exfat *fs, const struct exfat_chain *c, uint64_t max, struct error *e)
{
	if (c->length > max) {
		error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "exFAT: a table of %llu bytes is too large",
			  (unsigned long long)c->length);
		return NULL;
	}
	autofree uint8_t *buf = malloc((size_t)c->length + 1);
	if (!buf) {
		error_nomem(e);
		return NULL;
	}
	autostream struct stream *s = exfat_open_chain(fs, c, e);
	if (!s)
		return NULL;
	ssize_t n = stream_read_full(s, buf, (size_t)c->length + 1, e);
	if (n < 0 || stream_finish(s, e) < 0)
		return NULL;
	return take(buf);
}

struct file {
	const struct exfat *fs;
	struct exfat_chain chain;
	uint32_t cluster; /* holds the next byte, if there is one */
	uint64_t in, at;  /* offset inside it, and in the file */
};

/* Moves to the cluster of the next byte. */
static int step(struct file *f, struct error *e)
{
	if (f->in < f->fs->cluster)
		return 0;
	int rc = exfat_follow(f->fs, &f->chain, &f->cluster, e);
	if (!rc)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				 "exFAT: the chain ends %llu bytes before the file does",
				 (unsigned long long)(f->chain.length - f->at));
	f->in = 0;
	return rc < 0 ? -1 : 0;
}

static ssize_t file_read(void *self, void *buf, size_t cap, struct error *e)
{
	struct file *f = self;
	uint64_t left = f->chain.length - f->at, run;
	if (!left)
		return 0;
	if (step(f, e) < 0)
		return -1;
	if (cap > left)
		cap = (size_t)left;
	if (f->at < f->chain.valid && cap > f->chain.valid - f->at)
		cap = (size_t)(f->chain.valid - f->at);
	uint32_t last = f->cluster, next;
	for (run = f->fs->cluster - f->in; run < cap; run += f->fs->cluster) {
		struct error later; /* comes again, with the data before it delivered */
		next = last;
		if (exfat_follow(f->fs, &f->chain, &next, &later) <= 0 || next != last + 1)
			break;
		last = next;
	}
	size_t n = run < cap ? (size_t)run : cap;
	if (f->at >= f->chain.valid)
		memset(buf, 0, n);
	else if (source_read_at(f->fs->src, exfat_place(f->fs, f->cluster) + f->in, buf, n, e) < 0)
		return -1;
	uint64_t spent = f->in + n, whole = (spent - 1) / f->fs->cluster;
	f->cluster += (uint32_t)whole;
	f->in = spent - whole * f->fs->cluster;
	f->at += n;
	return (ssize_t)n;
}

static int file_finish(void *self, struct error *e)
{
	struct file *f = self;
	uint32_t cluster = f->cluster;
	if (!cluster)
		return 0;
	int rc = exfat_follow(f->fs, &f->chain, &cluster, e);
	if (rc > 0)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				 "exFAT: the chain goes on behind the end of the file");
	return rc;
}

static const struct stream_ops file_ops = {"exFAT file", file_read, file_finish, free, NULL};

struct stream *exfat_open_chain(const struct exfat *fs, const struct exfat_chain *c, struct error *e)
{
	if (exfat_check_chain(fs, c, e) < 0)
		return NULL;
	struct file *f = calloc(1, sizeof *f);
	if (!f) {
		error_nomem(e);
		return NULL;
	}
	*f = (struct file){.fs = fs, .chain = *c, .cluster = c->first};
	struct stream *s = stream_new(&file_ops, f, "file", e);
	if (!s)
		free(f);
	return s;
}
