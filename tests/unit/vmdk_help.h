// SPDX-License-Identifier: GPL-3.0-or-later
/* Images of files in memory, with each other as companions. */
#ifndef VMDK_HELP_H
#define VMDK_HELP_H

#include "backproof/format.h"
#include "test.h"

#define MAX_FILES 16

struct file {
	const char *name;
	uint8_t *p;
	size_t len;
	struct source *source;
	struct image image;
	bool open, opening;
};
struct files {
	struct file items[MAX_FILES];
	size_t count;
	struct companions companions;
	struct findings f;
	struct budget b;
	const struct format *format; /* of all of them */
};

static struct file *file_named(struct files *x, const char *name)
{
	for (size_t i = 0; i < x->count; i++)
		if (!strcmp(x->items[i].name, companion_base(name)))
			return &x->items[i];
	return NULL;
}

static struct source *file_bytes(void *ctx, const char *name, struct error *e)
{
	struct file *file = file_named(ctx, name);
	if (!file) {
		error_set(e, ERROR_MISSING, ERROR_NO_OFFSET, "%s is not there", companion_base(name));
		return NULL;
	}
	if (!file->source)
		file->source = source_memory(file->p, file->len, file->name, e);
	return file->source;
}

static const struct image *file_image(void *ctx, const char *name, bool raw, struct error *e)
{
	struct files *x = ctx;
	struct source *src = file_bytes(x, name, e);
	struct file *file = file_named(x, name);
	(void)raw;
	if (!src)
		return NULL;
	if (file->opening) {
		error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s leads back to itself", file->name);
		return NULL;
	}
	if (!file->open) {
		struct image_context c = {file->name, NULL, &x->f, &x->companions, &x->b};
		file->opening = true;
		if (x->format->open_image(src, &c, &file->image, e) < 0)
			image_close(&file->image);
		else
			file->open = true;
		file->opening = false;
	}
	return file->open ? &file->image : NULL;
}

static inline void files_init(struct files *x, const struct format *format)
{
	memset(x, 0, sizeof *x);
	x->format = format;
	x->companions = (struct companions){x, file_bytes, file_image};
	NEED(findings_init(&x->f) == 0);
	budget_init(&x->b);
}

/* Takes p. */
static struct file *files_add(struct files *x, const char *name, uint8_t *p, size_t len)
{
	NEED(x->count < MAX_FILES);
	x->items[x->count] = (struct file){.name = name, .p = p, .len = len};
	return &x->items[x->count++];
}

static inline struct file *files_load(struct files *x, const char *dir, const char *name)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *in = fopen(path, "r");
	if (!in)
		fprintf(stderr, "%s: missing\n", path);
	NEED(in && fseek(in, 0, SEEK_END) == 0);
	long len = ftell(in);
	rewind(in);
	uint8_t *p = malloc((size_t)len + 1);
	NEED(p && fread(p, 1, (size_t)len, in) == (size_t)len);
	p[len] = 0;
	fclose(in);
	return files_add(x, name, p, (size_t)len);
}

static inline struct file *files_text(struct files *x, const char *name, const char *text)
{
	return files_add(x, name, (uint8_t *)strdup(text), strlen(text));
}

/* Closes images and sources; the bytes stay, and may be changed before the next open. */
static void files_close(struct files *x)
{
	for (size_t i = 0; i < x->count; i++) {
		image_close(&x->items[i].image);
		x->items[i].open = false;
	}
	for (size_t i = 0; i < x->count; i++) {
		source_destroy(x->items[i].source);
		x->items[i].source = NULL;
	}
	findings_free(&x->f);
	NEED(findings_init(&x->f) == 0);
}

static inline void files_free(struct files *x)
{
	files_close(x);
	findings_free(&x->f);
	for (size_t i = 0; i < x->count; i++)
		free(x->items[i].p);
}

/* Findings of a check with an outcome. */
static inline size_t found(const struct findings *f, const char *check, enum outcome outcome)
{
	size_t n = 0;
	vec_each(f, x)
		n += x->outcome == outcome && (!check || !strcmp(x->check, check));
	return n;
}
static inline bool all_held(const struct findings *f)
{
	vec_each(f, x)
		if (x->outcome != OUTCOME_HELD && x->outcome != OUTCOME_SKIPPED)
			return false;
	return true;
}

/* All of a disk, step bytes at a time; what is said to be zero must read so. NULL: it failed. */
static inline uint8_t *disk_bytes(struct source *s, size_t step, struct error *e)
{
	uint64_t size = source_size(s);
	struct extent x = {0};
	NEED(size < 256 * MIB);
	uint8_t *p = malloc(size + 1);
	NEED(p);
	memset(p, 0xaa, size);
	for (uint64_t at = 0; at < size; at += step)
		if (source_read_at(s, at, p + at, size - at < step ? size - at : step, e) < 0) {
			free(p);
			return NULL;
		}
	for (uint64_t at = 0; at < size; at += x.length) {
		if (source_extent_at(s, at, &x, e) < 0) {
			free(p);
			return NULL;
		}
		NEED(x.length && x.length <= size - at && (!x.zero || is_zero(p + at, x.length)));
	}
	return p;
}

#endif
