// SPDX-License-Identifier: GPL-3.0-or-later
/* For tests of images: a file in memory, opened by the row of a name. */
#ifndef CLONE_HELP_H
#define CLONE_HELP_H

#include "backproof/digest.h"
#include "backproof/format.h"
#include "backproof/text.h"
#include "test.h"

struct bytes {
	uint8_t *p;
	size_t len;
};

static inline struct bytes bytes_load(const char *path)
{
	struct bytes b = {0};
	FILE *f = fopen(path, "rb");
	NEED(f && !fseek(f, 0, SEEK_END));
	b.len = (size_t)ftell(f);
	rewind(f);
	b.p = malloc(b.len + 1);
	NEED(b.p && fread(b.p, 1, b.len, f) == b.len);
	fclose(f);
	return b;
}

static inline struct bytes bytes_copy(const struct bytes *from, size_t len)
{
	struct bytes b = {malloc(len + 1), len};
	NEED(b.p);
	memset(b.p, 0, len + 1);
	memcpy(b.p, from->p, len < from->len ? len : from->len);
	return b;
}

static inline const struct format *row_of(const char *name)
{
	size_t n;
	const struct format *const *rows = format_rows(&n);
	for (size_t i = 0; i < n; i++)
		if (!strcmp(rows[i]->name, name))
			return rows[i];
	NEED(!"a row of that name");
	return NULL;
}

struct opened_image {
	struct source *src;
	struct image im;
	struct findings f;
	struct error e;
	int rc;
};

static inline void image_shut(struct opened_image *o)
{
	image_close(&o->im);
	source_destroy(o->src);
	findings_free(&o->f);
}

/* rc is what open_image said. b is borrowed. */
static inline struct opened_image image_of(const char *row, const struct bytes *b)
{
	struct opened_image o = {0};
	NEED(!findings_init(&o.f));
	o.src = source_memory(b->p, b->len, "image", &o.e);
	NEED(o.src);
	struct image_context c = {.subject = "image", .f = &o.f};
	o.rc = row_of(row)->open_image(o.src, &c, &o.im, &o.e);
	return o;
}

/* Reads the disk with many sizes and checks what extent_at says of it. hex: SHA-256, 65 bytes. -1: a read failed. */
static inline int disk_digest(struct source *s, char *hex)
{
	struct error e;
	uint8_t sum[DIGEST_MAX];
	struct digest *d = digest_new(DIGEST_SHA256, &e);
	struct extent x = {0};
	uint64_t end = 0;
	struct rng rng = {7};
	autofree uint8_t *buf = malloc(300000);
	NEED(d && buf);
	for (uint64_t off = 0, n; off < source_size(s); off += n) {
		n = 1 + rng_below(&rng, rng_below(&rng, 3) ? 300000 : 5000);
		bool known = off < end || source_extent_at(s, off, &x, &e) == 0;
		if (off >= end && known)
			end = off + x.length;
		if (known && n > end - off)
			n = end - off;
		if (!known || source_read_at(s, off, buf, (size_t)n, &e) < 0) {
			digest_destroy(d);
			return -1;
		}
		CHECK(!x.zero || is_zero(buf, (size_t)n));
		digest_update(d, buf, (size_t)n);
	}
	NEED(!digest_final(d, sum, &e));
	digest_destroy(d);
	hex_encode(sum, 32, hex);
	return 0;
}

static inline size_t count_findings(const struct findings *f, const char *check, enum outcome o)
{
	size_t n = 0;
	for (size_t i = 0; i < f->count; i++)
		n += f->items[i].outcome == o && !strcmp(f->items[i].check, check);
	return n;
}

#endif
