// SPDX-License-Identifier: GPL-3.0-or-later
/* For the tests of VHD and VHDX: a folder of packed images that find each other. */
#ifndef VHD_HELP_H
#define VHD_HELP_H

#include <zstd.h>

#include "clone_help.h"

#define FILES_MOST 32

struct file {
	char name[64];
	struct bytes b;
	struct opened_image o;
	bool opening;
};
/* What a child finds. Names are told apart as they are; `alias` lends one file the name of another. */
struct folder {
	const char *row;
	struct file files[FILES_MOST];
	size_t count;
	struct companions companions;
	const char *alias, *alias_of;
};

static inline struct bytes unpacked(const char *path)
{
	struct bytes z = bytes_load(path), b;
	b.len = (size_t)ZSTD_getFrameContentSize(z.p, z.len);
	NEED(b.len < 64 * MIB);
	b.p = malloc(b.len);
	NEED(b.p && ZSTD_decompress(b.p, b.len, z.p, z.len) == b.len);
	free(z.p);
	return b;
}

static struct file *file_in(struct folder *d, const char *name)
{
	if (d->alias && !strcmp(name, d->alias))
		name = d->alias_of;
	for (size_t i = 0; i < d->count; i++)
		if (!strcmp(d->files[i].name, name))
			return &d->files[i];
	return NULL;
}

static int file_open(struct folder *d, struct file *file, struct error *e)
{
	struct opened_image *o = &file->o;
	if (o->src)
		return o->rc;
	NEED(!findings_init(&o->f));
	o->src = source_memory(file->b.p, file->b.len, file->name, e);
	NEED(o->src);
	struct image_context c = {.subject = file->name, .f = &o->f, .companions = &d->companions};
	file->opening = true;
	o->rc = row_of(d->row)->open_image(o->src, &c, &o->im, &o->e);
	file->opening = false;
	return o->rc;
}

static const struct image *companion_of(void *ctx, const char *name, bool raw, struct error *e)
{
	struct folder *d = ctx;
	struct file *file = file_in(d, companion_base(name));
	(void)raw;
	if (!file)
		error_set(e, ERROR_MISSING, ERROR_NO_OFFSET, "%s is not there", companion_base(name));
	else if (file->opening)
		error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s leads back to itself", file->name);
	else if (!file_open(d, file, e))
		return &file->o.im;
	else
		*e = file->o.e;
	return NULL;
}

static inline void folder_shut(struct folder *d)
{
	/* Children before parents: in the order of the alphabet the other way round for none; so all disks, then all. */
	for (size_t i = 0; i < d->count; i++) {
		if (d->files[i].o.src)
			image_shut(&d->files[i].o);
		free(d->files[i].b.p);
	}
	memset(d, 0, sizeof *d);
}

/* The files that "expected" names. */
static inline void folder_load(struct folder *d, const char *row, const char *path)
{
	char line[256], name[64], file[256];
	snprintf(file, sizeof file, "%s/expected", path);
	FILE *f = fopen(file, "r");
	NEED(f);
	memset(d, 0, sizeof *d);
	d->row = row;
	d->companions = (struct companions){.ctx = d, .image = companion_of};
	while (fgets(line, sizeof line, f)) {
		NEED(sscanf(line, "%63s", name) == 1 && d->count < FILES_MOST);
		struct file *to = &d->files[d->count++];
		snprintf(to->name, sizeof to->name, "%s", name);
		snprintf(file, sizeof file, "%s/%s.zst", path, name);
		to->b = unpacked(file);
	}
	fclose(f);
}

/* Nothing was said but HELD and SKIPPED. */
static inline bool only_good(const struct findings *f)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->items[i].outcome != OUTCOME_HELD && f->items[i].outcome != OUTCOME_SKIPPED)
			return false;
	return f->count > 0;
}

/* Opened without a word, and every byte could be read. */
static inline bool fine(const struct opened_image *o)
{
	char hex[65];
	return !o->rc && only_good(&o->f) && o->im.disks.count && !disk_digest(o->im.disks.items[0].source, hex);
}

/* Is these bytes' image, which needs no other, fine? */
static inline bool bytes_fine(const char *row, const struct bytes *b)
{
	struct opened_image o = image_of(row, b);
	bool ok = fine(&o);
	CHECK(o.rc || o.f.count);
	image_shut(&o);
	return ok;
}

/* Each file of "expected": the disk that it says. */
static inline void check_content(const char *row, const char *path)
{
	static struct folder d;
	char line[256], name[64], sum[65], got[65], file[256];
	unsigned long long size;
	size_t lines = 0;
	folder_load(&d, row, path);
	snprintf(file, sizeof file, "%s/expected", path);
	FILE *f = fopen(file, "r");
	NEED(f);
	while (fgets(line, sizeof line, f)) {
		struct error e = {0};
		NEED(sscanf(line, "%63s %64s %llu", name, sum, &size) == 3);
		struct file *x = file_in(&d, name);
		int rc = file_open(&d, x, &e);
		lines++;
		CHECK_INT(rc, 0);
		if (rc) {
			fprintf(stderr, "%s: %s\n", name, x->o.e.text);
			continue;
		}
		CHECK_INT(source_size(x->o.im.disks.items[0].source), size);
		CHECK_INT(disk_digest(x->o.im.disks.items[0].source, got), 0);
		if (strcmp(got, sum))
			fprintf(stderr, "in %s:\n", name);
		CHECK_STR(got, sum);
		bool unknown = !strcmp(name, "log-torn.vhdx") || !strcmp(name, "log-longer.vhdx");
		CHECK_INT(only_good(&x->o.f), !unknown);
	}
	fclose(f);
	CHECK(lines > 8);
	folder_shut(&d);
}

#endif
